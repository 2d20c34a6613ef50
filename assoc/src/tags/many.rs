use alloc::{boxed::Box, vec};

use super::{
    Place,
    group::{Common, Group, QuarterLine},
    held::{AllHeld, Marks, Remark},
    high::{HighHalves, low_half},
    lines::{Lines, Shape},
    outcome::Outcome,
};
use crate::{
    Evicted, Tag,
    policy::{FirstEmpty, Replace},
};

const WAYS: usize = 16;

type Sixteen = Group<WAYS, QuarterLine>;

/// Sets of more ways than a group has.
#[derive(Clone, Debug)]
pub(super) struct ManyGroups<P> {
    groups: Groups,
    common: Common<P>,
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

impl<P: Replace> ManyGroups<P> {
    pub(super) fn new(shape: &Shape, common: Common<P>) -> Self {
        let geometry = shape.geometry;
        let (sets, ways) = (geometry.sets() as usize, geometry.ways() as usize);
        let length = ways.div_ceil(WAYS);
        Self {
            groups: Groups {
                all: vec![Group::new(shape.first_word); sets * length].into_boxed_slice(),
                length,
                last: AllHeld::of(ways - (length - 1) * WAYS),
            },
            common,
            policy: vec![shape.first_word; sets * shape.policy_words].into_boxed_slice(),
            policy_words: shape.policy_words,
        }
    }
}

impl<P: Replace> Lines for ManyGroups<P> {
    fn find(&mut self, at: Place, remark: Remark) -> Option<(usize, Marks)> {
        let way = self.way_of(at)?;
        let words = &mut self.policy[at.set * self.policy_words..][..self.policy_words];
        self.common.policy.hit(at.set, words, way);
        let group = self.groups.group(at.set, way);
        Some((way, group.held.remark(way % WAYS, remark)))
    }

    fn find_or_put(&mut self, at: Place, remark: Remark, marks: Marks) -> Outcome {
        if let Some((_, found)) = self.find(at, remark) {
            return Outcome::found(found);
        }
        match self.put(at, marks) {
            (_, Some(evicted)) => Outcome::replaced(evicted),
            (_, None) => Outcome::PUT,
        }
    }

    fn put(&mut self, at: Place, marks: Marks) -> (usize, Option<Evicted<Marks>>) {
        let empty = self.groups.empty_way(at.set, self.common.first_empty);
        let words = &mut self.policy[at.set * self.policy_words..][..self.policy_words];
        let way = self.common.policy.insert(at.set, words, empty);
        let group = self.groups.group(at.set, way);
        if empty.is_some() {
            group.held.fill(way % WAYS);
        }
        let replaced = group.replace(way % WAYS, way, at, marks, &mut self.common.high);
        (way, empty.is_none().then_some(replaced))
    }

    fn way_of(&self, at: Place) -> Option<usize> {
        self.groups.way_of(at, &self.common.high)
    }

    fn of(&self, set: usize, way: usize) -> Option<(Tag, Marks)> {
        let (low, marks) = self.groups.set(set)[way / WAYS].of(way % WAYS)?;
        Some((self.common.high.whole(set, way, low), marks))
    }

    fn clear(&mut self, set: usize, way: usize) {
        self.groups.group(set, way).held.clear(way % WAYS);
    }

    fn glance(&self, sets: &[usize]) -> u64 {
        let groups = sets.iter().flat_map(|&set| self.groups.set(set));
        groups.fold(0, |all, group| all | group.glance())
    }

    fn boxed_clone(&self) -> Box<dyn Lines> {
        Box::new(self.clone())
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
