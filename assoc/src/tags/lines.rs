use alloc::{boxed::Box, vec};
use core::fmt::Debug;

use super::{
    Place,
    group::{Alignment, Common, Group, QuarterLine, WholeLine},
    held::{AllHeld, Marks, Remark},
    high::{HighHalves, low_half},
    many::ManyGroups,
    outcome::Outcome,
};
use crate::{
    Evicted, Geometry, Tag,
    policy::{FirstEmpty, Replace},
};

/// The tags of an array in one of the layouts, under one of the policies.
pub(super) trait Lines: Debug + Send + Sync {
    fn find(&mut self, at: Place, remark: Remark) -> Option<(usize, Marks)>;

    fn find_or_put(&mut self, at: Place, remark: Remark, marks: Marks) -> Outcome;

    /// It must not be there.
    fn put(&mut self, at: Place, marks: Marks) -> (usize, Option<Evicted<Marks>>);

    fn way_of(&self, at: Place) -> Option<usize>;

    /// What a way holds.
    fn of(&self, set: usize, way: usize) -> Option<(Tag, Marks)>;

    /// The way holds nothing now.
    fn clear(&mut self, set: usize, way: usize);

    /// Reads something of every host's line of sets.
    fn glance(&self, sets: &[usize]) -> u64;

    fn boxed_clone(&self) -> Box<dyn Lines>;
}

/// What decides on the layout.
pub(super) struct Shape {
    pub(super) geometry: Geometry,
    pub(super) first_empty: FirstEmpty,
    pub(super) policy_words: usize,
    pub(super) first_word: u64,
}

impl Shape {
    /// Empty sets.
    pub(super) fn lines<P: Replace>(self, policy: P) -> Box<dyn Lines> {
        let (sets, ways) = (self.geometry.sets() as usize, self.geometry.ways() as usize);
        let common = Common {
            policy,
            all_held: AllHeld::of(ways),
            first_empty: self.first_empty,
            high: HighHalves::new(self.geometry),
        };
        let word = self.first_word;
        match ways {
            1..=12 => {
                let sets = vec![Group::<12, WholeLine>::new(word); sets].into();
                Box::new(Narrow { sets, common })
            }
            13..=16 => {
                let sets = vec![Group::<16, QuarterLine>::new(word); sets].into();
                Box::new(Narrow { sets, common })
            }
            _ => Box::new(ManyGroups::new(&self, common)),
        }
    }
}

/// Every set is one group.
#[derive(Clone, Debug)]
struct Narrow<const WAYS: usize, A, P> {
    sets: Box<[Group<WAYS, A>]>,
    common: Common<P>,
}

/// The ways that [`Lines::find_or_put`] goes less often. It ends with these calls, and need keep
/// nothing for when they come back.
impl<const WAYS: usize, A: Alignment, P: Replace> Narrow<WAYS, A, P> {
    #[inline(never)]
    fn look_at(&mut self, way: usize, at: Place, remark: Remark, marks: Marks) -> Outcome {
        let group = &mut self.sets[at.set];
        match group.find_in(way, at, remark, &mut self.common) {
            Some(found) => Outcome::found(found),
            None => self.look_closer(at, remark, marks),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_closer(&mut self, at: Place, remark: Remark, marks: Marks) -> Outcome {
        match self.sets[at.set].find(at, remark, &mut self.common) {
            Some((_, found)) => Outcome::found(found),
            None => self.put_at_leisure(at, marks),
        }
    }

    #[inline(never)]
    fn put_at_leisure(&mut self, at: Place, marks: Marks) -> Outcome {
        match self.sets[at.set].put(at, marks, &mut self.common) {
            (_, Some(evicted)) => Outcome::replaced(evicted),
            (_, None) => Outcome::PUT,
        }
    }
}

impl<const WAYS: usize, A: Alignment, P: Replace> Lines for Narrow<WAYS, A, P> {
    fn find(&mut self, at: Place, remark: Remark) -> Option<(usize, Marks)> {
        self.sets[at.set].find(at, remark, &mut self.common)
    }

    fn find_or_put(&mut self, at: Place, remark: Remark, marks: Marks) -> Outcome {
        let group = &mut self.sets[at.set];
        let candidates = group.candidates(low_half(at.tag));
        if candidates.exist() {
            return self.look_at(candidates.first(), at, remark, marks);
        }
        match group.replace_at_once(at, marks, &mut self.common) {
            Some(evicted) => Outcome::replaced(evicted),
            None => self.put_at_leisure(at, marks),
        }
    }

    fn put(&mut self, at: Place, marks: Marks) -> (usize, Option<Evicted<Marks>>) {
        self.sets[at.set].put(at, marks, &mut self.common)
    }

    fn way_of(&self, at: Place) -> Option<usize> {
        self.sets[at.set].way_of(at, &self.common.high)
    }

    fn of(&self, set: usize, way: usize) -> Option<(Tag, Marks)> {
        let (low, marks) = self.sets[set].of(way)?;
        Some((self.common.high.whole(set, way, low), marks))
    }

    fn clear(&mut self, set: usize, way: usize) {
        self.sets[set].held.clear(way);
    }

    fn glance(&self, sets: &[usize]) -> u64 {
        let sets = sets.iter().map(|&set| self.sets[set].glance());
        sets.fold(0, |all, one| all | one)
    }

    fn boxed_clone(&self) -> Box<dyn Lines> {
        Box::new(self.clone())
    }
}
