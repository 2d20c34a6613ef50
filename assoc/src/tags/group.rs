use core::fmt::Debug;

use wide::u32x4;

use super::{
    Place,
    held::{AllHeld, Marks, Remark, Ways},
    high::{HighHalves, low_half},
};
use crate::{
    Evicted,
    policy::{FirstEmpty, Replace},
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
pub(super) trait Alignment: Copy + Debug + Send + Sync + 'static {}

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
pub(super) struct Common<P> {
    pub(super) policy: P,
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
    pub(super) fn find<P: Replace>(
        &mut self,
        at: Place,
        remark: Remark,
        common: &mut Common<P>,
    ) -> Option<(usize, Marks)> {
        let way = self.way_of(at, &common.high)?;
        common.policy.hit(at.set, &mut self.policy, way);
        Some((way, self.held.remark(way, remark)))
    }

    /// As [`Group::put`], in a full set, if the policy says at once what makes room.
    #[inline(always)]
    pub(super) fn replace_at_once<P: Replace>(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common<P>,
    ) -> Option<Evicted<Marks>> {
        if !self.held.are(common.all_held) {
            return None;
        }
        let way = common.policy.insert_at_once(at.set, &mut self.policy)?;
        Some(self.replace(way, way, at, marks, &mut common.high))
    }

    /// It must not be there. Says where it is now, and what was there.
    #[inline(always)]
    pub(super) fn put<P: Replace>(
        &mut self,
        at: Place,
        marks: Marks,
        common: &mut Common<P>,
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

    /// As [`Group::find`], if this way holds it, which has the low half, and the policy needs
    /// but a few instructions.
    #[inline(always)]
    pub(super) fn find_in<P: Replace>(
        &mut self,
        way: usize,
        at: Place,
        remark: Remark,
        common: &mut Common<P>,
    ) -> Option<Marks> {
        if !(self.held.holds(way) && common.high.fit(at.set, way, at.tag)) {
            return None;
        }
        common.policy.hit_at_once(at.set, &mut self.policy, way)?;
        Some(self.held.remark(way, remark))
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
