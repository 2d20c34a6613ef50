use alloc::{boxed::Box, vec};

use super::{
    Common, Place,
    group::Group,
    held::{AllHeld, Held, Marks, Sought},
    high::{HighHalves, low_half},
};
use crate::{Evicted, Geometry, policy::FirstEmpty};

const WAYS: usize = 16;

/// Sets of more ways than a group has.
#[derive(Clone, Debug)]
pub(super) struct ManyGroups {
    /// Set after set.
    groups: Box<[Group<WAYS>]>,
    /// The groups of one set.
    length: usize,
    /// The ways of the last of them.
    last: AllHeld,
    policy: Box<[u64]>,
    policy_words: usize,
}

impl ManyGroups {
    pub(super) fn new(geometry: Geometry, policy_words: usize, first_word: u64) -> Self {
        let (sets, ways) = (geometry.sets() as usize, geometry.ways() as usize);
        let length = ways.div_ceil(WAYS);
        Self {
            groups: vec![Group::new(first_word); sets * length].into_boxed_slice(),
            length,
            last: AllHeld::of(ways - (length - 1) * WAYS),
            policy: vec![first_word; sets * policy_words].into_boxed_slice(),
            policy_words,
        }
    }

    #[inline(never)]
    pub(super) fn find(&mut self, at: Place, common: &mut Common) -> Option<Held<'_>> {
        let way = self.way_of(at, &common.high)?;
        common.policy.hit(at.set, self.policy_of(at.set), way);
        Some(Held::new(&mut self.group(at.set, way).held, way))
    }

    #[inline(never)]
    pub(super) fn find_or_put(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common,
    ) -> Sought<'_> {
        match self.way_of(at, &common.high) {
            Some(way) => {
                common.policy.hit(at.set, self.policy_of(at.set), way);
                Sought::Found(Held::new(&mut self.group(at.set, way).held, way))
            }
            None => Sought::Put(self.put(at, marks, common).1),
        }
    }

    #[inline(never)]
    pub(super) fn put(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common,
    ) -> (usize, Option<Evicted<Marks>>) {
        let empty = self.empty_way(at.set, common.policy.first_empty());
        let way = common.policy.insert(at.set, self.policy_of(at.set), empty);
        let group = self.group(at.set, way);
        if empty.is_some() {
            group.held.fill(way % WAYS);
        }
        let replaced = group.replace(way % WAYS, way, at, marks, &mut common.high);
        (way, empty.is_none().then_some(replaced))
    }

    /// The way holds nothing now.
    pub(super) fn clear(&mut self, set: usize, way: usize) {
        self.group(set, way).held.clear(way % WAYS);
    }

    /// What a way holds.
    pub(super) fn of(&self, set: usize, way: usize) -> Option<(u32, Marks)> {
        self.set(set)[way / WAYS].of(way % WAYS)
    }

    pub(super) fn way_of(&self, at: Place, high: &HighHalves) -> Option<usize> {
        let mut groups = (0..).step_by(WAYS).zip(self.set(at.set));
        groups.find_map(|(first, group)| {
            let is_right = |lane| high.fit(at.set, first + lane, at.tag);
            let lane = group.lane_of(low_half(at.tag), is_right)?;
            Some(first + lane)
        })
    }

    /// The first way that holds nothing.
    fn empty_way(&self, set: usize, first: FirstEmpty) -> Option<usize> {
        let mut groups = self.set(set).iter().enumerate();
        let empty = |(group, ways): (usize, &Group<WAYS>)| {
            let is_last = group + 1 == self.length;
            let all = if is_last {
                self.last
            } else {
                AllHeld::of(WAYS)
            };
            let lane = ways.held.empty_one(all, first)?;
            Some(group * WAYS + lane)
        };
        match first {
            FirstEmpty::Leftmost => groups.find_map(empty),
            FirstEmpty::Rightmost => groups.rev().find_map(empty),
        }
    }

    fn set(&self, set: usize) -> &[Group<WAYS>] {
        &self.groups[set * self.length..][..self.length]
    }

    fn group(&mut self, set: usize, way: usize) -> &mut Group<WAYS> {
        &mut self.groups[set * self.length + way / WAYS]
    }

    fn policy_of(&mut self, set: usize) -> &mut [u64] {
        &mut self.policy[set * self.policy_words..][..self.policy_words]
    }
}
