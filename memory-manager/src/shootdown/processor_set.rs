use mmu_core::ProcessorId;

/// Some of a machine's processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProcessorSet(u64);

const _: () = assert!(ProcessorId::COUNT == u64::BITS);

impl ProcessorSet {
    /// The set of one.
    pub const fn of(processor: ProcessorId) -> Self {
        Self(1 << processor.index())
    }

    /// Whether a processor is in it.
    pub const fn contains(self, processor: ProcessorId) -> bool {
        self.0 & Self::of(processor).0 != 0
    }

    /// Whether none is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Those of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The processors, the first one first.
    pub fn iter(self) -> impl Iterator<Item = ProcessorId> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = ProcessorId::new(left.trailing_zeros())?;
            left &= left - 1;
            Some(next)
        })
    }
}

impl From<Option<ProcessorId>> for ProcessorSet {
    fn from(processor: Option<ProcessorId>) -> Self {
        processor.map_or(Self::default(), Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let [first, last] = [0, 63].map(|number| ProcessorId::new(number).unwrap());
        let both = ProcessorSet::of(last).union(ProcessorSet::of(first));
        assert_eq!(both.iter().collect::<Vec<_>>(), [first, last]);
        assert_eq!((both.len(), both.is_empty()), (2, false));
        let rest = both.without(ProcessorSet::of(first));
        assert!(rest.contains(last) && !rest.contains(first));
        assert!(rest.without(rest).is_empty());
        assert_eq!(ProcessorSet::from(None).iter().count(), 0);
    }
}
