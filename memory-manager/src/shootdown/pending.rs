use mmu_core::Invalidation;
use smallvec::SmallVec;

/// So many invalidations are made one by one; instead of more, everything is dropped. It is the
/// `FLUSH_MULTIPLE_MAXIMUM` of Windows, known from literature only.
pub const CEILING: usize = 33;

/// Drops everything but global pages, of which user memory has none.
pub(crate) const EVERYTHING: Invalidation = Invalidation::Invpcid {
    operation: 3,
    descriptor: 0,
};

/// Most requests are about a page or two.
const INLINE: usize = 4;

/// What is to be forgotten, in the order in which it was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(SmallVec<[Invalidation; INLINE]>);

impl Pending {
    pub(super) fn push(&mut self, stale: Invalidation) {
        if self.is_everything() {
            return;
        }
        if self.0.len() == CEILING || stale == EVERYTHING {
            self.0.clear();
            self.0.push(EVERYTHING);
        } else {
            self.0.push(stale);
        }
    }

    pub(super) fn push_all(&mut self, others: &Self) {
        for &stale in &others.0 {
            self.push(stale);
        }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Invalidation> + '_ {
        self.0.drain(..)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn is_everything(&self) -> bool {
        self.0.first() == Some(&EVERYTHING)
    }
}

#[cfg(test)]
mod tests {
    use mmu_core::VirtAddr;

    use super::*;

    fn invlpg(page: u64) -> Invalidation {
        Invalidation::Invlpg(VirtAddr::new(page << 12))
    }

    #[test]
    fn beyond_the_ceiling_it_is_everything() {
        let mut pending = Pending::default();
        for page in 0..CEILING as u64 {
            pending.push(invlpg(page));
        }
        assert!(pending.clone().drain().eq((0..CEILING as u64).map(invlpg)));
        let mut other = Pending::default();
        other.push(invlpg(0));
        other.push_all(&pending);
        assert!(other.drain().eq([EVERYTHING]));
        pending.push(invlpg(0));
        pending.push(invlpg(1));
        assert!(pending.drain().eq([EVERYTHING]));
        pending.push(invlpg(2));
        pending.push(EVERYTHING);
        assert!(pending.drain().eq([EVERYTHING]));
    }
}
