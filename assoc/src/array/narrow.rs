use super::{
    Tag,
    prints::{Print, Prints},
};

/// What is kept of a set of up to sixteen ways beside its entries, in half a line of the
/// host's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct NarrowHead {
    pub(super) prints: Prints,
    /// The word of the policy.
    pub(super) policy: [u64; 1],
    pub(super) recent: RecentWay,
}

/// The way that was found last, below as much of its tag as there is room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecentWay(u64);

const WAY_BITS: u32 = 5;
/// There is room for a number that is no way.
const _: () = assert!(Prints::WAYS < 1 << WAY_BITS);

impl NarrowHead {
    pub(super) fn new(ways: usize, policy: u64) -> Self {
        Self {
            prints: Prints::empty(ways),
            policy: [policy],
            recent: RecentWay::NONE,
        }
    }

    /// Whether a way has the tag's print.
    #[inline]
    pub(super) fn may_hold(&self, tag: Tag) -> bool {
        self.prints.contain(Print::of(tag))
    }

    /// The way that has the tag's print and is the right one.
    #[inline]
    pub(super) fn find(&self, tag: Tag, is_right: impl Fn(usize) -> bool) -> Option<usize> {
        self.prints.find(Print::of(tag), is_right)
    }
}

impl RecentWay {
    const NONE: Self = Self(u64::MAX);

    #[inline]
    pub(super) fn new(tag: Tag, way: usize) -> Self {
        Self(tag.as_u64() << WAY_BITS | way as u64)
    }

    /// None if it is not to be remembered.
    #[inline]
    pub(super) fn unless(self, forgotten: Forgotten) -> Self {
        Self(self.0 | forgotten as u64)
    }

    /// The way, if it may hold the tag; otherwise some number that is likely no way.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a way is a usize")]
    pub(super) fn of(self, tag: Tag) -> usize {
        (self.0 ^ tag.as_u64() << WAY_BITS) as usize
    }
}

/// Whether the way that was used last is forgotten again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Forgotten {
    No = 0,
    Yes = u64::MAX,
}
