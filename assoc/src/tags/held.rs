use crate::policy::FirstEmpty;

/// Three bits that are kept with a tag, of the user's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks(u8);

impl Marks {
    pub(super) const BITS: u8 = 0b111;

    /// The three lowest bits.
    #[inline]
    pub const fn new(bits: u8) -> Self {
        debug_assert!(bits <= Self::BITS);
        Self(bits & Self::BITS)
    }

    /// The bits.
    #[inline]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// What becomes of the marks of what is found: which stay, and above them those that are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remark(u8);

impl Remark {
    /// They stay.
    pub const NONE: Self = Self::new(Marks(Marks::BITS), Marks(0));

    /// Of theirs only those stay that are kept, and these are set besides.
    #[inline]
    pub const fn new(kept: Marks, set: Marks) -> Self {
        Self(kept.0 | set.0 << Marks::BITS.count_ones())
    }

    /// What becomes of them.
    #[inline]
    pub const fn of(self, marks: Marks) -> Marks {
        Marks(marks.0 & self.0 | self.0 >> Marks::BITS.count_ones())
    }
}

/// What sixteen ways hold, four bits each: whether anything, and its marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ways(u64);

/// A way holds something.
const HELD: u64 = 0b1000;

/// All ways that there are, [`HELD`] for each.
#[derive(Clone, Copy, Debug)]
pub(super) struct AllHeld(u64);

impl AllHeld {
    /// Of so many ways, or of sixteen if there are more.
    pub(super) const fn of(ways: usize) -> Self {
        let all = 0x8888_8888_8888_8888;
        Self(if ways < 16 {
            all & ((1 << (4 * ways)) - 1)
        } else {
            all
        })
    }
}

impl Ways {
    #[inline]
    pub(super) const fn are(self, all: AllHeld) -> bool {
        all.0 & !self.0 == 0
    }

    /// The first way that holds nothing.
    pub(super) fn empty_one(self, all: AllHeld, first: FirstEmpty) -> Option<usize> {
        let empty = all.0 & !self.0;
        if empty == 0 {
            return None;
        }
        let bit = match first {
            FirstEmpty::Leftmost => empty.trailing_zeros(),
            FirstEmpty::Rightmost => empty.ilog2(),
        };
        Some(bit as usize / 4)
    }

    #[inline]
    pub(super) const fn holds(self, way: usize) -> bool {
        self.0 >> (4 * way) & HELD != 0
    }

    /// The marks of a way that holds something.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "three bits are wanted")]
    pub(super) const fn marks(self, way: usize) -> Marks {
        Marks((self.0 >> (4 * way)) as u8 & Marks::BITS)
    }

    /// The empty way holds something now.
    #[inline]
    pub(super) const fn fill(&mut self, way: usize) {
        self.0 |= HELD << (4 * way);
    }

    /// What the way holds has these marks now; returns those before.
    #[inline]
    pub(super) const fn mark(&mut self, way: usize, marks: Marks) -> Marks {
        let before = self.marks(way);
        self.0 ^= ((before.0 ^ marks.0) as u64) << (4 * way);
        before
    }

    /// The marks of what the way has, which change now.
    #[inline]
    pub(super) const fn remark(&mut self, way: usize, remark: Remark) -> Marks {
        let before = self.marks(way);
        self.mark(way, remark.of(before))
    }

    /// As [`Ways::mark`], where mostly all hold something and nothing is marked.
    #[inline]
    pub(super) const fn mark_one(&mut self, all: AllHeld, way: usize, marks: Marks) -> Marks {
        if self.0 == all.0 && marks.0 == 0 {
            return marks;
        }
        self.mark(way, marks)
    }

    /// As [`Ways::remark`], where mostly all hold something and nothing is marked.
    #[inline]
    pub(super) const fn remark_one(&mut self, all: AllHeld, way: usize, remark: Remark) -> Marks {
        if self.0 == all.0 && remark.of(Marks(0)).0 == 0 {
            return Marks(0);
        }
        self.remark(way, remark)
    }

    /// The way holds nothing now.
    #[inline]
    pub(super) const fn clear(&mut self, way: usize) {
        self.0 &= !(0xf << (4 * way));
    }
}
