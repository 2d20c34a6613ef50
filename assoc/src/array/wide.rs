use alloc::{boxed::Box, vec};

use super::{
    Tag,
    prints::{Print, Prints},
};
use crate::{Geometry, policy::FirstEmpty};

/// What is kept of sets of more ways than [`Prints::WAYS`], or of whose ways a policy remembers
/// more than a word.
#[derive(Clone, Debug)]
pub(super) struct WideHeads {
    /// For each set, the place in the array that was found last, below as much of its tag as
    /// there is room for.
    recent: Box<[u64]>,
    policy: Box<[u64]>,
    policy_words: usize,
    prints: Box<[Prints]>,
    /// The prints of one set.
    groups: usize,
}

const PLACE_BITS: u32 = 27;
const _: () = assert!(Geometry::MAX_ENTRIES < 1 << PLACE_BITS);

/// No array has such a place.
const NO_PLACE: u64 = u64::MAX;

impl WideHeads {
    pub(super) fn new(geometry: Geometry, policy_words: usize, first_word: u64) -> Self {
        let (sets, ways) = (geometry.sets() as usize, geometry.ways() as usize);
        let groups = ways.div_ceil(Prints::WAYS);
        let prints = (0..groups).map(|group| {
            let ways = (ways - group * Prints::WAYS).min(Prints::WAYS);
            Prints::empty(ways)
        });
        let prints: Box<[_]> = prints.collect();
        Self {
            recent: vec![NO_PLACE; sets].into_boxed_slice(),
            policy: vec![first_word; sets * policy_words].into_boxed_slice(),
            policy_words,
            prints: prints.repeat(sets).into_boxed_slice(),
            groups,
        }
    }

    /// The place in the array that was found last in this set, if it may hold the tag;
    /// otherwise some number that is no place.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a place is a usize")]
    pub(super) fn recent(&self, set: usize, tag: Tag) -> usize {
        (self.recent[set] ^ tag.as_u64() << PLACE_BITS) as usize
    }

    #[inline]
    pub(super) fn set_recent(&mut self, set: usize, tag: Tag, place: usize) {
        self.recent[set] = tag.as_u64() << PLACE_BITS | place as u64;
    }

    #[inline]
    pub(super) fn forget_recent(&mut self, set: usize) {
        self.recent[set] = NO_PLACE;
    }

    /// The words of the policy.
    #[inline]
    pub(super) fn policy(&mut self, set: usize) -> &mut [u64] {
        &mut self.policy[set * self.policy_words..][..self.policy_words]
    }

    /// The way of the set that has the tag's print and is the right one.
    pub(super) fn find(
        &self,
        set: usize,
        tag: Tag,
        is_right: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let print = Print::of(tag);
        let groups = (0..).step_by(Prints::WAYS).zip(self.prints(set));
        let mut likely = groups.filter(|(_, prints)| prints.contain(print));
        likely.find_map(|(first, prints)| {
            let way = prints.find(print, |way| is_right(first + way))?;
            Some(first + way)
        })
    }

    pub(super) fn is_full(&self, set: usize) -> bool {
        self.prints(set).iter().all(Prints::are_full)
    }

    /// The first way that holds nothing.
    pub(super) fn empty_way(&self, set: usize, first: FirstEmpty) -> Option<usize> {
        let mut groups = self.prints(set).iter().enumerate();
        let empty = |(group, prints): (usize, &Prints)| {
            if prints.are_full() {
                return None;
            }
            Some(group * Prints::WAYS + prints.empty_way(first)?)
        };
        match first {
            FirstEmpty::Leftmost => groups.find_map(empty),
            FirstEmpty::Rightmost => groups.rev().find_map(empty),
        }
    }

    /// The way holds the tag now.
    pub(super) fn fill(&mut self, set: usize, way: usize, tag: Tag) {
        let prints = &mut self.prints[set * self.groups + way / Prints::WAYS];
        prints.fill(way % Prints::WAYS, Print::of(tag));
    }

    /// The way holds nothing now.
    pub(super) fn clear(&mut self, set: usize, way: usize) {
        self.prints[set * self.groups + way / Prints::WAYS].clear(way % Prints::WAYS);
    }

    /// Calls the function with each way that holds something; those for which it is false
    /// become empty.
    pub(super) fn retain(&mut self, set: usize, mut keep: impl FnMut(usize) -> bool) {
        let groups = &mut self.prints[set * self.groups..][..self.groups];
        for (first, prints) in (0..).step_by(Prints::WAYS).zip(groups) {
            prints.retain(|way| keep(first + way));
        }
    }

    fn prints(&self, set: usize) -> &[Prints] {
        &self.prints[set * self.groups..][..self.groups]
    }
}
