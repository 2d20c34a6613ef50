use core::fmt;

/// One of a machine's logical processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessorId(u8);

impl ProcessorId {
    /// The most processors that a machine can have.
    pub const MAX_PROCESSORS: u32 = 64;

    /// The first processor; every machine has it.
    pub const FIRST: Self = Self(0);

    /// The processor with this number, the first being 0; None for [`Self::MAX_PROCESSORS`]
    /// and above.
    #[expect(clippy::cast_possible_truncation, reason = "it is below 64")]
    pub const fn new(number: u32) -> Option<Self> {
        if number < Self::MAX_PROCESSORS {
            Some(Self(number as u8))
        } else {
            None
        }
    }

    /// Its number.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ProcessorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "processor {}", self.0)
    }
}
