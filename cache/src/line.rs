use assoc::{Marks, Remark, Tag};
use units::PhysAddr;

/// The size of a line, in bytes, in every cache.
pub const LINE_BYTES: u64 = 64;

/// The number of a line of physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Line(u64);

impl Line {
    /// How many lines a 4-KiB page has.
    pub(crate) const IN_A_PAGE: u64 = 4096 / LINE_BYTES;

    /// The line that holds this byte.
    #[inline]
    pub(crate) const fn holding(at: PhysAddr) -> Self {
        Self(at.as_u64() / LINE_BYTES)
    }

    #[inline]
    pub(crate) const fn of_tag(tag: Tag) -> Self {
        Self(tag.as_u64())
    }

    #[inline]
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn tag(self) -> Tag {
        Tag::new(self.0)
    }

    /// The number of the 4-KiB page that the line is in.
    pub(crate) const fn page(self) -> u64 {
        self.0 / Self::IN_A_PAGE
    }

    /// How many lines after another of the same page this one comes.
    #[expect(clippy::cast_possible_truncation, reason = "a page has 64 lines")]
    pub(crate) const fn lines_after(self, other: Self) -> i8 {
        self.0.wrapping_sub(other.0) as i8
    }

    /// The line so many lines after this one, if it is of the same 4-KiB page.
    pub(crate) const fn in_page_after(self, lines: i8) -> Option<Self> {
        let there = Self(self.0.wrapping_add_signed(lines as i64));
        if there.page() == self.page() {
            Some(there)
        } else {
            None
        }
    }
}

/// What a cache knows of its copy of a line: modified, exclusive or shared, as in MESI, and
/// whether anything but a prefetcher has asked for it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct LineState(u8);

impl LineState {
    /// As the caches below have it, and no other processor has a copy.
    pub(crate) const CLEAN: Self = Self(0);
    /// Written here since: it must not be dropped. No other processor has a copy.
    pub(crate) const DIRTY: Self = Self(1);
    /// As the caches below have it; other processors may have copies.
    pub(crate) const SHARED: Self = Self(2);
    /// A prefetcher brought it, and no request has found it since.
    const PREFETCHED: u8 = 4;

    #[inline]
    pub(crate) const fn of(marks: Marks) -> Self {
        Self(marks.bits())
    }

    #[inline]
    pub(crate) const fn marks(self) -> Marks {
        Marks::new(self.0)
    }

    #[inline]
    pub(crate) const fn is_dirty(self) -> bool {
        self.0 & Self::DIRTY.0 != 0
    }

    #[inline]
    pub(crate) const fn is_shared(self) -> bool {
        self.0 & Self::SHARED.0 != 0
    }

    #[inline]
    pub(crate) const fn is_prefetched(self) -> bool {
        self.0 & Self::PREFETCHED != 0
    }

    /// Whether a write that finds the copy so has more to do than to make it dirty.
    #[inline]
    pub(crate) const fn hinders_writes(self) -> bool {
        self.0 & (Self::SHARED.0 | Self::PREFETCHED) != 0
    }

    /// What becomes of it.
    #[inline]
    pub(crate) const fn after(self, becomes: Remark) -> Self {
        Self::of(becomes.of(self.marks()))
    }

    pub(crate) const fn prefetched(self) -> Self {
        Self(self.0 | Self::PREFETCHED)
    }
}

/// What becomes of the state of a copy that is found.
pub(crate) mod becomes {
    use super::{LineState, Marks, Remark};

    /// It stays what it is.
    pub(crate) const SAME: Remark = Remark::NONE;
    /// A request that reads has found it.
    pub(crate) const READ: Remark = keeps(!LineState::PREFETCHED).and(0);
    /// No other processor has a copy: a cache above it is about to be written.
    pub(crate) const OWNED: Remark = keeps(LineState::DIRTY.0).and(0);
    /// It is written here, or the cache above the last one has written its dirty copy there.
    pub(crate) const DIRTY: Remark = keeps(0).and(LineState::DIRTY.0);
    /// The cache above has written its dirty copy here.
    pub(crate) const WRITTEN_BACK: Remark = keeps(LineState::PREFETCHED).and(LineState::DIRTY.0);
    /// Another processor has a copy as well.
    pub(crate) const SHARED: Remark = keeps(LineState::PREFETCHED).and(LineState::SHARED.0);

    struct Keeps(u8);

    const fn keeps(kept: u8) -> Keeps {
        Keeps(kept & 0b111)
    }

    impl Keeps {
        const fn and(self, set: u8) -> Remark {
            Remark::new(Marks::new(self.0), Marks::new(set))
        }
    }
}
