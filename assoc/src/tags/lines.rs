use alloc::{boxed::Box, vec};

use super::{
    Place,
    group::{Common, Group, QuarterLine, WholeLine},
    held::{Marks, Remark},
    many::ManyGroups,
    outcome::Sought,
};
use crate::{Evicted, Geometry, Tag, policy::Policy};

/// The tags of an array in one of the layouts.
#[derive(Clone, Debug)]
pub(super) enum Lines {
    /// Every set is one group.
    Twelve(Box<[Group<12, WholeLine>]>),
    Sixteen(Box<[Group<16, QuarterLine>]>),
    Many(ManyGroups),
}

impl Lines {
    /// Empty sets.
    pub(super) fn new(geometry: Geometry, policy: &Policy) -> Self {
        let (sets, word) = (geometry.sets() as usize, policy.first_word());
        match geometry.ways() {
            1..=12 => Self::Twelve(vec![Group::new(word); sets].into_boxed_slice()),
            13..=16 => Self::Sixteen(vec![Group::new(word); sets].into_boxed_slice()),
            _ => Self::Many(ManyGroups::new(geometry, policy)),
        }
    }

    #[inline(never)]
    pub(super) fn find(
        &mut self,
        at: Place,
        remark: Remark,
        common: &mut Common,
    ) -> Option<(usize, Marks)> {
        match self {
            Self::Twelve(sets) => sets[at.set].find(at, remark, common),
            Self::Sixteen(sets) => sets[at.set].find(at, remark, common),
            Self::Many(groups) => groups.find(at, remark, common),
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes of it need not go through memory"
    )]
    pub(super) fn find_or_put(
        &mut self,
        at: Place,
        remark: Remark,
        marks: Marks,
        common: &mut Common,
    ) -> Sought {
        match self {
            Self::Twelve(sets) => sets[at.set].find_or_put(at, remark, marks, common),
            Self::Sixteen(sets) => {
                let group = &mut sets[at.set];
                group.find_or_put_there(at, remark, marks, common).sought()
            }
            Self::Many(groups) => groups.find_or_put(at, remark, marks, common).sought(),
        }
    }

    /// It must not be there.
    #[inline(never)]
    pub(super) fn put(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common,
    ) -> (usize, Option<Evicted<Marks>>) {
        match self {
            Self::Twelve(sets) => sets[at.set].put(at, marks, common),
            Self::Sixteen(sets) => sets[at.set].put(at, marks, common),
            Self::Many(groups) => groups.put(at, marks, common),
        }
    }

    #[inline(never)]
    pub(super) fn way_of(&self, at: Place, common: &Common) -> Option<usize> {
        match self {
            Self::Twelve(sets) => sets[at.set].way_of(at, &common.high),
            Self::Sixteen(sets) => sets[at.set].way_of(at, &common.high),
            Self::Many(groups) => groups.way_of(at, &common.high),
        }
    }

    /// What a way holds.
    pub(super) fn of(&self, set: usize, way: usize, common: &Common) -> Option<(Tag, Marks)> {
        let (low, marks) = match self {
            Self::Twelve(sets) => sets[set].of(way),
            Self::Sixteen(sets) => sets[set].of(way),
            Self::Many(groups) => groups.of(set, way),
        }?;
        Some((common.high.whole(set, way, low), marks))
    }

    /// The way holds nothing now.
    pub(super) fn clear(&mut self, set: usize, way: usize) {
        match self {
            Self::Twelve(sets) => sets[set].held.clear(way),
            Self::Sixteen(sets) => sets[set].held.clear(way),
            Self::Many(groups) => groups.clear(set, way),
        }
    }

    /// Reads something of every host's line of sets.
    #[inline(never)]
    pub(super) fn glance(&self, sets: &[usize]) -> u64 {
        let sets = sets.iter().copied();
        let all = |all, one| all | one;
        match self {
            Self::Twelve(lines) => sets.map(|set| lines[set].glance()).fold(0, all),
            Self::Sixteen(lines) => sets.map(|set| lines[set].glance()).fold(0, all),
            Self::Many(groups) => sets.map(|set| groups.glance(set)).fold(0, all),
        }
    }
}
