use core::fmt;

/// One of the processors of a machine, by its number, counted from 0. A processor is what has
/// TLBs and private caches of its own: a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ProcessorId(u8);

impl ProcessorId {
    /// The most processors that a machine has here.
    pub const COUNT: u32 = 64;

    /// The first processor, which every machine has.
    pub const FIRST: Self = Self(0);

    /// The processor with this number, if it is less than [`ProcessorId::COUNT`].
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it is less than COUNT")]
    pub const fn new(number: u32) -> Option<Self> {
        if number < Self::COUNT {
            Some(Self(number as u8))
        } else {
            None
        }
    }

    /// The first `count` processors, or all there can be if that is more.
    pub fn first(count: u32) -> impl ExactSizeIterator<Item = Self> + Clone {
        let count = count.min(Self::COUNT) as u8;
        (0..count).map(Self)
    }

    /// The number of the processor.
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

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{string::ToString, vec::Vec};

    use super::*;

    #[test]
    fn a_processor_has_a_number_below_64() {
        assert_eq!(ProcessorId::new(0), Some(ProcessorId::FIRST));
        assert_eq!(ProcessorId::new(63).map(ProcessorId::index), Some(63));
        assert_eq!(ProcessorId::new(64), None);
        assert_eq!(ProcessorId::new(u32::MAX), None);
        assert_eq!(ProcessorId::new(7).unwrap().to_string(), "processor 7");
    }

    #[test]
    fn the_first_processors_are_counted_from_0() {
        let numbers: Vec<_> = ProcessorId::first(3).map(ProcessorId::index).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(ProcessorId::first(u32::MAX).len(), 64);
    }
}
