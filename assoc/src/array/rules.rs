use super::{
    Entry, Tag,
    heads::{self, Head},
};
use crate::{
    Geometry, Replacement,
    policy::{FirstEmpty, IdleAfter, Policy},
};

/// What all sets of an array have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) ways: usize,
    policy: Policy,
    first_empty: FirstEmpty,
    idle_after: IdleAfter,
}

/// Where a new entry goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    Empty {
        place: usize,
    },
    /// In place of another.
    Given {
        place: usize,
    },
}

#[expect(
    clippy::inline_always,
    reason = "for a narrow head, lengths must be known to the compiler"
)]
impl Rules {
    pub(super) fn new(replacement: Replacement, geometry: Geometry, policy: Policy) -> Self {
        Self {
            ways: geometry.ways() as usize,
            first_empty: policy.first_empty(),
            idle_after: IdleAfter::of(replacement),
            policy,
        }
    }

    /// The place of the entry with this tag in one of these ways; it is used now.
    #[inline(always)]
    pub(super) fn find<V>(
        &mut self,
        head: Head<'_>,
        alike: &[u64],
        entries: &[Entry<V>],
        set: usize,
        tag: Tag,
    ) -> Option<usize> {
        let first = set * self.ways;
        let way = heads::find(alike, |way| entries[first + way].tag == tag)?;
        Some(self.used(head, set, way, tag))
    }

    /// The place of a way that holds this tag and is used now.
    #[inline(always)]
    pub(super) fn used(&mut self, mut head: Head<'_>, set: usize, way: usize, tag: Tag) -> usize {
        let place = set * self.ways + way;
        match self.idle_after {
            IdleAfter::HitOrInsertion | IdleAfter::Hit => head.set_recent(tag, place),
            IdleAfter::Nothing => {}
        }
        self.policy.hit(set, head.policy, way);
        place
    }

    /// Finds room for a new entry with this tag, which is in the set from now on.
    #[inline(always)]
    pub(super) fn make_room(&mut self, mut head: Head<'_>, set: usize, tag: Tag) -> Room {
        let empty = head.empty_way(self.first_empty);
        let way = self.policy.insert(set, head.policy, empty);
        let place = set * self.ways + way;
        head.fill(way, tag);
        match self.idle_after {
            IdleAfter::HitOrInsertion => head.set_recent(tag, place),
            IdleAfter::Hit => head.forget_recent(),
            IdleAfter::Nothing => {}
        }
        match empty {
            Some(_) => Room::Empty { place },
            None => Room::Given { place },
        }
    }
}
