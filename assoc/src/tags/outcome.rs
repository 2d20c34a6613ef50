use super::Marks;
use crate::{Evicted, Tag};

/// What came of looking for a tag that had to be there in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// It was there, with these marks.
    Found(Marks),
    /// It was put in, in place of this if the set was full.
    Put(Option<Evicted<Marks>>),
}

/// The same in two registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    /// What made room.
    tag: Tag,
    /// The marks, and what they are of.
    rest: u32,
}

/// The marks are of what was found.
const FOUND: u32 = 1 << 3;
/// The marks are of what made room.
const EVICTED: u32 = 1 << 4;

#[expect(
    clippy::inline_always,
    reason = "what is packed here is unpacked at once where it is used"
)]
impl Outcome {
    /// It was put into an empty way.
    pub(super) const PUT: Self = Self {
        tag: Tag::new(0),
        rest: 0,
    };

    #[inline(always)]
    pub(super) const fn found(marks: Marks) -> Self {
        Self {
            tag: Tag::new(0),
            rest: FOUND | marks.bits() as u32,
        }
    }

    #[inline(always)]
    pub(super) const fn replaced(Evicted { tag, value }: Evicted<Marks>) -> Self {
        Self {
            tag,
            rest: EVICTED | value.bits() as u32,
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "three bits are wanted")]
    pub(super) const fn sought(self) -> Sought {
        let marks = Marks::new(self.rest as u8 & Marks::BITS);
        if self.rest & FOUND != 0 {
            Sought::Found(marks)
        } else if self.rest & EVICTED != 0 {
            Sought::Put(Some(Evicted {
                tag: self.tag,
                value: marks,
            }))
        } else {
            Sought::Put(None)
        }
    }
}
