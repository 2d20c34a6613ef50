//! Accesses that overlap in time.

use alloc::{boxed::Box, vec};
use core::num::NonZeroU32;

use units::{Cycles, PhysAddr};

use crate::{Breakdown, Ledger, Owner};

/// How much of its accesses' latencies a processor waits for, if several are under way.
///
/// Accesses start in order, each as soon as the one that is a window's length before it is
/// done; none depends on another. An access looks its translation up, then waits for a page
/// walker if it has to walk, or for the walk to its page if one is under way, then walks, then
/// touches its data. They retire in order, and what one adds to the time at which all before it
/// are retired is what the processor waits for: the last of its cycles, with their owners. So
/// the parts still add up to the total. What an operating system does (a fault, a switch) lets
/// nothing overlap with it.
///
/// With a window of one this is the sum of the latencies.
#[derive(Clone, Debug)]
pub struct Overlap {
    /// When each of the last accesses, as many as the window is long, was done.
    done: Box<[u64]>,
    next: usize,
    /// Until when each walker is busy.
    walkers: Box<[u64]>,
    /// The walks of the last accesses.
    walks: Box<[Pending]>,
    next_walk: usize,
    started: u64,
    retired: u64,
    waited: Breakdown,
    merged: u64,
}

/// A walk that may still be under way.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    page: PhysAddr,
    done: u64,
}

/// How long an access takes until its translation is known, then for its walk, then for the
/// rest.
struct Parts {
    lookup: u64,
    walk: u64,
    rest: u64,
}

impl Parts {
    fn of(spent: &Breakdown) -> Self {
        let lookup = spent.of_all(Owner::is_lookup).as_u64();
        let walk = spent.walks().as_u64();
        Self {
            lookup,
            walk,
            rest: spent.total().as_u64() - lookup - walk,
        }
    }
}

impl Overlap {
    /// Of so many accesses under way at a time, with so many page walkers.
    pub fn new(window: NonZeroU32, walkers: NonZeroU32) -> Self {
        let window = window.get() as usize;
        Self {
            done: vec![0; window].into_boxed_slice(),
            next: 0,
            walkers: vec![0; walkers.get() as usize].into_boxed_slice(),
            walks: vec![Pending::default(); window].into_boxed_slice(),
            next_walk: 0,
            started: 0,
            retired: 0,
            waited: Breakdown::default(),
            merged: 0,
        }
    }

    /// Accounts for an access that took these cycles by itself and reached this page frame.
    pub fn account(&mut self, spent: &Breakdown, page: PhysAddr) {
        let parts = Parts::of(spent);
        let serialises = spent.of_all(Owner::is_software) != Cycles::ZERO;
        let free = self.done[self.next];
        let start = if serialises {
            self.retired
        } else {
            self.started.max(free)
        };
        let known = start + parts.lookup;
        let (translated, queued) = if parts.walk == 0 {
            let ready = self.walk_under_way(page, known);
            (ready, ready - known)
        } else {
            let begins = self.take_walker(known, parts.walk);
            let ends = begins + parts.walk;
            self.walks[self.next_walk] = Pending { page, done: ends };
            self.next_walk = (self.next_walk + 1) % self.walks.len();
            (ends, begins - known)
        };
        let done = translated + parts.rest;
        self.done[self.next] = done;
        self.next = (self.next + 1) % self.done.len();
        self.started = if serialises { done } else { start };
        self.retire(spent, queued, done);
    }

    /// The cycles that the processor waited, by owner: its time so far.
    pub fn waited(&self) -> &Breakdown {
        &self.waited
    }

    /// Accesses that found the walk to their page under way, and waited for it.
    pub fn merged_walks(&self) -> u64 {
        self.merged
    }

    /// When the walk to the page is done, if one is under way; else now.
    fn walk_under_way(&mut self, page: PhysAddr, now: u64) -> u64 {
        let walks = self.walks.iter().filter(|walk| walk.page == page);
        let ready = walks.map(|walk| walk.done).max().unwrap_or(0);
        if ready > now {
            self.merged += 1;
        }
        ready.max(now)
    }

    /// When the walk can begin: the first walker to be free takes it.
    fn take_walker(&mut self, now: u64, walk: u64) -> u64 {
        let mut begins = now;
        if let Some(walker) = self.walkers.iter_mut().min_by_key(|until| **until) {
            begins = now.max(*walker);
            *walker = begins + walk;
        }
        begins
    }

    /// Charges what the access adds to the time, from its end backwards.
    fn retire(&mut self, spent: &Breakdown, queued: u64, done: u64) {
        let mut left = done.saturating_sub(self.retired);
        self.retired = self.retired.max(done);
        let is_rest = |owner: &Owner| !owner.is_translation();
        let rest = Owner::ALL.into_iter().rev().filter(is_rest);
        let walk = Owner::ALL.into_iter().rev().filter(|owner| owner.is_walk());
        let lookup = Owner::ALL
            .into_iter()
            .rev()
            .filter(|owner| owner.is_lookup());
        let own = |owner| (owner, spent.of(owner).as_u64());
        let queue = [(Owner::WalkQueue, queued)];
        for (owner, cycles) in rest
            .chain(walk)
            .map(own)
            .chain(queue)
            .chain(lookup.map(own))
        {
            let exposed = cycles.min(left);
            self.waited.charge(owner, Cycles::new(exposed));
            left -= exposed;
        }
        debug_assert_eq!(left, 0, "an access adds no more than its own time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(window: u32, walkers: u32) -> Overlap {
        let positive = |number| NonZeroU32::new(number).unwrap();
        Overlap::new(positive(window), positive(walkers))
    }

    fn access(parts: &[(Owner, u64)]) -> Breakdown {
        let mut spent = Breakdown::default();
        for &(owner, cycles) in parts {
            spent.charge(owner, Cycles::new(cycles));
        }
        spent
    }

    fn page(number: u64) -> PhysAddr {
        PhysAddr::new(number << 12)
    }

    fn walked(cycles: u64) -> Breakdown {
        access(&[(Owner::Stlb, 7), (Owner::WalkL2, cycles), (Owner::Data, 5)])
    }

    #[test]
    fn a_window_of_one_is_the_sum_of_the_latencies() {
        let mut overlap = overlap(1, 1);
        for number in 0..10 {
            overlap.account(&walked(20 + number), page(number));
        }
        let waited = overlap.waited();
        assert_eq!(waited.total(), Cycles::new(10 * 32 + 45));
        assert_eq!(waited.of(Owner::Stlb), Cycles::new(70));
        assert_eq!(waited.of(Owner::WalkQueue), Cycles::ZERO);
        assert_eq!(overlap.merged_walks(), 0);
    }

    #[test]
    fn as_many_walks_go_on_as_there_are_walkers() {
        for (walkers, expected) in [(1, 7 + 4 * 40 + 5), (2, 7 + 2 * 40 + 5), (4, 7 + 40 + 5)] {
            let mut overlap = overlap(4, walkers);
            for number in 0..4 {
                overlap.account(&walked(40), page(number));
            }
            assert_eq!(overlap.waited().total(), Cycles::new(expected), "{walkers}");
        }
    }

    #[test]
    fn the_window_bounds_what_is_under_way() {
        let load = access(&[(Owner::Data, 100)]);
        for (window, expected) in [(1, 1200), (2, 600), (3, 400), (12, 100)] {
            let mut overlap = overlap(window, 1);
            for number in 0..12 {
                overlap.account(&load, page(number));
            }
            assert_eq!(overlap.waited().total(), Cycles::new(expected), "{window}");
        }
    }

    #[test]
    fn an_access_waits_for_the_walk_to_its_page() {
        let mut overlap = overlap(2, 2);
        overlap.account(&walked(40), page(1));
        overlap.account(&access(&[(Owner::Data, 9)]), page(1));
        // The walk is done after 47 cycles, the second access 9 later.
        assert_eq!(overlap.waited().total(), Cycles::new(56));
        assert_eq!(overlap.merged_walks(), 1);
        assert_eq!(overlap.waited().of(Owner::WalkQueue), Cycles::ZERO);
        assert_eq!(overlap.waited().of(Owner::Data), Cycles::new(5 + 4));
    }

    #[test]
    fn nothing_overlaps_with_the_operating_system() {
        let mut overlap = overlap(8, 1);
        let load = access(&[(Owner::Data, 100)]);
        overlap.account(&load, page(1));
        overlap.account(&access(&[(Owner::Fault, 1000), (Owner::Data, 5)]), page(2));
        overlap.account(&load, page(3));
        assert_eq!(overlap.waited().total(), Cycles::new(100 + 1005 + 100));
    }
}
