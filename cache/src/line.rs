use assoc::Tag;
use units::PhysAddr;

/// The size of a line, in bytes, in every cache.
pub const LINE_BYTES: u64 = 64;

/// The number of a line of physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line(u64);

impl Line {
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
}

/// How a copy of a line compares with what the levels below were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum LineState {
    #[default]
    Clean,
    /// Written here since: it must not be dropped.
    Dirty,
}
