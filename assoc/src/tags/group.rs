use wide::u32x4;

use super::{
    Common, Place,
    held::{Held, Marks, Sought, Ways},
    high::{HighHalves, low_half},
};
use crate::Evicted;

/// Up to `WAYS` ways of a set.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct Group<const WAYS: usize> {
    low_halves: [u32; WAYS],
    /// The word of the policy.
    policy: [u64; 1],
    pub(super) held: Ways,
}

/// A group that is a line of the host's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct OneLine(pub(super) Group<12>);

const _: () = assert!(size_of::<OneLine>() == 64);

#[expect(
    clippy::inline_always,
    reason = "a look-up is a few instructions, and what comes of it need not go through memory"
)]
impl<const WAYS: usize> Group<WAYS> {
    /// Nothing is held.
    pub(super) fn new(policy: u64) -> Self {
        Self {
            low_halves: [0; WAYS],
            policy: [policy],
            held: Ways::default(),
        }
    }

    #[inline(always)]
    pub(super) fn find(&mut self, at: Place, common: &mut Common) -> Option<Held<'_>> {
        let way = self.way_of(at, &common.high)?;
        common.policy.hit_one(at.set, &mut self.policy, way);
        Some(Held::new(&mut self.held, way))
    }

    #[inline(always)]
    pub(super) fn find_or_put(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common,
    ) -> Sought<'_> {
        match self.way_of(at, &common.high) {
            Some(way) => {
                common.policy.hit_one(at.set, &mut self.policy, way);
                Sought::Found(Held::new(&mut self.held, way))
            }
            None => Sought::Put(self.put(at, marks, common).1),
        }
    }

    /// It must not be there. Says where it is now, and what was there.
    #[inline(always)]
    pub(super) fn put(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common,
    ) -> (usize, Option<Evicted<Marks>>) {
        if !self.held.are(common.all_held) {
            return (self.put_into_empty_way(at, marks, common), None);
        }
        let way = common.policy.replace_one(at.set, &mut self.policy);
        let evicted = self.replace(way, way, at, marks, &mut common.high);
        (way, Some(evicted))
    }

    #[cold]
    #[inline(never)]
    fn put_into_empty_way(&mut self, at: Place, marks: Marks, common: &mut Common) -> usize {
        let first = common.policy.first_empty();
        let empty = self.held.empty_one(common.all_held, first);
        let way = common.policy.insert(at.set, &mut self.policy, empty);
        self.held.fill(way);
        self.replace(way, way, at, marks, &mut common.high);
        way
    }

    /// Way `way` of the set, which is `lane` of the group, holds this now; returns what it held.
    #[inline(always)]
    pub(super) fn replace(
        &mut self,
        lane: usize,
        way: usize,
        at: Place,
        marks: Marks,
        high: &mut HighHalves,
    ) -> Evicted<Marks> {
        let low = core::mem::replace(&mut self.low_halves[lane], low_half(at.tag));
        Evicted {
            tag: high.replace(at.set, way, at.tag, low),
            value: self.held.mark(lane, marks),
        }
    }

    #[inline(always)]
    pub(super) fn way_of(&self, at: Place, high: &HighHalves) -> Option<usize> {
        self.lane_of(low_half(at.tag), |way| high.fit(at.set, way, at.tag))
    }

    /// The lane that holds this half, and is the right one.
    #[inline(always)]
    pub(super) fn lane_of(&self, low: u32, is_right: impl Fn(usize) -> bool) -> Option<usize> {
        let mut equal = self.equal(low);
        // An empty way keeps the tag that it had.
        while equal != 0 {
            let lane = equal.trailing_zeros() as usize;
            if self.held.holds(lane) && is_right(lane) {
                return Some(lane);
            }
            equal &= equal - 1;
        }
        None
    }

    /// The lanes that have this half.
    #[inline(always)]
    fn equal(&self, low: u32) -> u32 {
        let low = u32x4::splat(low);
        let fours = (0..).step_by(4).zip(self.low_halves.as_chunks().0);
        fours.fold(0, |lanes, (first, &four)| {
            lanes | u32x4::new(four).simd_eq(low).to_bitmask() << first
        })
    }

    /// What a lane holds.
    #[inline]
    pub(super) fn of(&self, lane: usize) -> Option<(u32, Marks)> {
        let held = self.held.holds(lane);
        held.then(|| (self.low_halves[lane], self.held.marks(lane)))
    }
}
