use wide::u32x4;

use super::{
    Place,
    held::{AllHeld, Marks, Remark, Ways},
    high::{HighHalves, low_half},
    outcome::{Outcome, Sought},
};
use crate::{
    Evicted, Tag,
    policy::{FirstEmpty, Policy},
};

/// Up to `WAYS` ways of a set, which begin where an `A` may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<const WAYS: usize, A> {
    low_halves: [u32; WAYS],
    /// The word of the policy.
    policy: [u64; 1],
    pub(super) held: Ways,
    _alignment: [A; 0],
}

/// Nothing, but at certain addresses only.
pub(super) trait Alignment: Copy {}

/// A line of the host's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct WholeLine;

/// A quarter of one.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(super) struct QuarterLine;

impl Alignment for WholeLine {}
impl Alignment for QuarterLine {}

const _: () = assert!(size_of::<Group<12, WholeLine>>() == 64);

/// What all sets have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) policy: Policy,
    pub(super) all_held: AllHeld,
    pub(super) first_empty: FirstEmpty,
    pub(super) high: HighHalves,
}

/// The lanes of a group that have the low half of a tag.
#[derive(Clone, Copy)]
pub(super) struct Candidates<const WAYS: usize> {
    /// All bits of each are set.
    equal: [u32x4; 4],
}

#[expect(clippy::inline_always, reason = "they do not go through memory")]
impl<const WAYS: usize> Candidates<WAYS> {
    /// Whether there is any.
    #[inline(always)]
    pub(super) fn exist(self) -> bool {
        let [first, second, third, fourth] = self.equal;
        (first | second | (third | fourth)).any()
    }

    /// The first of them.
    #[inline(always)]
    pub(super) fn first(self) -> usize {
        self.lanes().trailing_zeros() as usize % WAYS.next_power_of_two()
    }

    /// A bit for each.
    #[inline(always)]
    fn lanes(self) -> u32 {
        let fours = (0..).step_by(4).zip(self.equal);
        fours.fold(0, |lanes, (first, four)| lanes | four.to_bitmask() << first)
    }
}

#[expect(
    clippy::inline_always,
    reason = "a look-up is a few instructions, and what comes of it need not go through memory"
)]
impl<const WAYS: usize, A: Alignment> Group<WAYS, A> {
    /// Nothing is held.
    pub(super) fn new(policy: u64) -> Self {
        Self {
            low_halves: [0; WAYS],
            policy: [policy],
            held: Ways::default(),
            _alignment: [],
        }
    }

    #[inline(always)]
    pub(super) fn find(
        &mut self,
        at: Place,
        remark: Remark,
        common: &mut Common,
    ) -> Option<(usize, Marks)> {
        let way = self.way_of(at, &common.high)?;
        common.policy.hit_one(at.set, &mut self.policy, way);
        Some((way, self.held.remark(way, remark)))
    }

    /// Mostly one way has the low half and is the right one, or none has it and all are full.
    #[inline(always)]
    pub(super) fn find_or_put(
        &mut self,
        at: Place,
        remark: Remark,
        marks: Marks,
        common: &mut Common,
    ) -> Sought {
        let candidates = self.candidates(low_half(at.tag));
        if candidates.exist() {
            let way = candidates.first();
            if !(self.held.holds(way) && common.high.fit(at.set, way, at.tag)) {
                return self.look_closer(at, remark, marks, common).sought();
            }
            common.policy.hit_one(at.set, &mut self.policy, way);
            let found = self.held.remark_one(common.all_held, way, remark);
            return Sought::Found(found);
        }
        if !self.held.are(common.all_held) {
            return self.put_at_leisure(at, marks, common).sought();
        }
        let way = common.policy.replace_one(at.set, &mut self.policy);
        Sought::Put(Some(Evicted {
            tag: self.replace_tag(way, way, at, &mut common.high),
            value: self.held.mark_one(common.all_held, way, marks),
        }))
    }

    /// The same, as a function of its own.
    #[inline(never)]
    pub(super) fn find_or_put_there(
        &mut self,
        at: Place,
        remark: Remark,
        marks: Marks,
        common: &mut Common,
    ) -> Outcome {
        match self.find_or_put(at, remark, marks, common) {
            Sought::Found(found) => Outcome::found(found),
            Sought::Put(Some(evicted)) => Outcome::replaced(evicted),
            Sought::Put(None) => Outcome::PUT,
        }
    }

    #[cold]
    #[inline(never)]
    fn look_closer(
        &mut self,
        at: Place,
        remark: Remark,
        marks: Marks,
        common: &mut Common,
    ) -> Outcome {
        match self.find(at, remark, common) {
            Some((_, found)) => Outcome::found(found),
            None => self.put_at_leisure(at, marks, common),
        }
    }

    #[inline(never)]
    fn put_at_leisure(&mut self, at: Place, marks: Marks, common: &mut Common) -> Outcome {
        match self.put(at, marks, common) {
            (_, Some(evicted)) => Outcome::replaced(evicted),
            (_, None) => Outcome::PUT,
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
        let empty = self.held.empty_one(common.all_held, common.first_empty);
        let way = common.policy.insert(at.set, &mut self.policy, empty);
        if empty.is_some() {
            self.held.fill(way);
        }
        let replaced = self.replace(way, way, at, marks, &mut common.high);
        (way, empty.is_none().then_some(replaced))
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
        Evicted {
            tag: self.replace_tag(lane, way, at, high),
            value: self.held.mark(lane, marks),
        }
    }

    #[inline(always)]
    fn replace_tag(&mut self, lane: usize, way: usize, at: Place, high: &mut HighHalves) -> Tag {
        let low = core::mem::replace(&mut self.low_halves[lane], low_half(at.tag));
        high.replace(at.set, way, at.tag, low)
    }

    #[inline(always)]
    pub(super) fn way_of(&self, at: Place, high: &HighHalves) -> Option<usize> {
        self.lane_of(low_half(at.tag), |way| high.fit(at.set, way, at.tag))
    }

    /// The lanes that may hold the tag.
    #[inline(always)]
    pub(super) fn candidates(&self, low: u32) -> Candidates<WAYS> {
        let low = u32x4::splat(low);
        let mut equal = [u32x4::ZERO; 4];
        let fours = self.low_halves.as_chunks().0;
        for (equal, &four) in equal.iter_mut().zip(fours) {
            *equal = u32x4::new(four).simd_eq(low);
        }
        Candidates { equal }
    }

    /// The lane that holds this half, and is the right one.
    #[inline(always)]
    pub(super) fn lane_of(&self, low: u32, is_right: impl Fn(usize) -> bool) -> Option<usize> {
        let mut equal = self.candidates(low).lanes();
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

    /// Something of each of the host's lines that it lies in.
    #[inline]
    pub(super) fn glance(&self) -> u64 {
        let [last] = self.policy;
        if size_of::<Self>() <= align_of::<WholeLine>() {
            return last;
        }
        u64::from(self.low_halves[0]) | last
    }

    /// What a lane holds.
    #[inline]
    pub(super) fn of(&self, lane: usize) -> Option<(u32, Marks)> {
        let held = self.held.holds(lane);
        held.then(|| (self.low_halves[lane], self.held.marks(lane)))
    }
}
