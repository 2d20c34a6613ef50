use alloc::{boxed::Box, vec};

use super::{
    Place,
    group::{Common, Group, QuarterLine},
    held::{AllHeld, Marks, Remark},
    high::{HighHalves, low_half},
    outcome::Outcome,
};
use crate::{
    Evicted, Geometry,
    policy::{FirstEmpty, Policy},
};

const WAYS: usize = 16;

type Sixteen = Group<WAYS, QuarterLine>;

/// Sets of more ways than a group has.
#[derive(Clone, Debug)]
pub(super) struct ManyGroups {
    groups: Groups,
    policy: Box<[u64]>,
    policy_words: usize,
}

/// The groups of all sets.
#[derive(Clone, Debug)]
struct Groups {
    /// Set after set.
    all: Box<[Sixteen]>,
    /// The groups of one set.
    length: usize,
    /// The ways of the last of them.
    last: AllHeld,
}

impl ManyGroups {
    pub(super) fn new(geometry: Geometry, policy: &Policy) -> Self {
        let (sets, ways) = (geometry.sets() as usize, geometry.ways() as usize);
        let length = ways.div_ceil(WAYS);
        let (words, word) = (policy.words(), policy.first_word());
        Self {
            groups: Groups {
                all: vec![Group::new(word); sets * length].into_boxed_slice(),
                length,
                last: AllHeld::of(ways - (length - 1) * WAYS),
            },
            policy: vec![word; sets * words].into_boxed_slice(),
            policy_words: words,
        }
    }

    pub(super) fn find(
        &mut self,
        at: Place,
        remark: Remark,
        common: &mut Common,
    ) -> Option<(usize, Marks)> {
        let way = self.way_of(at, &common.high)?;
        let words = &mut self.policy[at.set * self.policy_words..][..self.policy_words];
        common.policy.hit(at.set, words, way);
        let group = self.groups.group(at.set, way);
        Some((way, group.held.remark(way % WAYS, remark)))
    }

    #[inline(never)]
    pub(super) fn find_or_put(
        &mut self,
        at: Place,
        remark: Remark,
        marks: Marks,
        common: &mut Common,
    ) -> Outcome {
        if let Some((_, found)) = self.find(at, remark, common) {
            return Outcome::found(found);
        }
        match self.put(at, marks, common) {
            (_, Some(evicted)) => Outcome::replaced(evicted),
            (_, None) => Outcome::PUT,
        }
    }

    pub(super) fn put(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common,
    ) -> (usize, Option<Evicted<Marks>>) {
        let empty = self.groups.empty_way(at.set, common.first_empty);
        let words = &mut self.policy[at.set * self.policy_words..][..self.policy_words];
        let way = common.policy.insert(at.set, words, empty);
        let group = self.groups.group(at.set, way);
        if empty.is_some() {
            group.held.fill(way % WAYS);
        }
        let replaced = group.replace(way % WAYS, way, at, marks, &mut common.high);
        (way, empty.is_none().then_some(replaced))
    }

    pub(super) fn way_of(&self, at: Place, high: &HighHalves) -> Option<usize> {
        self.groups.way_of(at, high)
    }

    /// What a way holds.
    pub(super) fn of(&self, set: usize, way: usize) -> Option<(u32, Marks)> {
        self.groups.set(set)[way / WAYS].of(way % WAYS)
    }

    pub(super) fn clear(&mut self, set: usize, way: usize) {
        self.groups.group(set, way).held.clear(way % WAYS);
    }

    pub(super) fn glance(&self, set: usize) -> u64 {
        let groups = self.groups.set(set).iter();
        groups.fold(0, |all, group| all | group.glance())
    }
}

impl Groups {
    fn way_of(&self, at: Place, high: &HighHalves) -> Option<usize> {
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
        let empty = |(group, ways): (usize, &Sixteen)| {
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

    fn set(&self, set: usize) -> &[Sixteen] {
        &self.all[set * self.length..][..self.length]
    }

    fn group(&mut self, set: usize, way: usize) -> &mut Sixteen {
        &mut self.all[set * self.length + way / WAYS]
    }
}
