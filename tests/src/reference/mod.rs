//! Set-associative arrays and their replacement policies the slow way, with lists and loops:
//! what the real ones are compared with.

mod ages;
mod lists;
pub mod tlb;
mod trees;

use std::fmt;

use assoc::{Evicted, Geometry, IndexFunction, Replacement, Tag};

use crate::Random;
pub use ages::{Qlru, Srrip};
pub use lists::{AnyWay, FirstIn, LeastRecent};
pub use trees::{ThreeTrees, Tree, VictimTree};

/// What a policy remembers of one set.
pub trait Policy: fmt::Debug {
    /// The entry in this way was used.
    fn hit(&mut self, way: usize);

    /// There will be a new entry.
    fn before_insertion(&mut self) {}

    /// Which of these empty ways, the leftmost first, gets the new entry.
    fn choose_empty(&self, empty: &[usize]) -> usize {
        empty[0]
    }

    /// Which way of a full set gets the new entry.
    fn victim(&mut self, random: &mut Random) -> usize;

    /// The new entry is in this way.
    fn inserted(&mut self, way: usize);
}

/// What this policy remembers of an empty set.
pub fn policy(replacement: Replacement, ways: usize) -> Box<dyn Policy> {
    match replacement {
        Replacement::TrueLru => Box::new(LeastRecent::new(ways)),
        Replacement::Fifo => Box::new(FirstIn::new(ways)),
        Replacement::Random { .. } => Box::new(AnyWay::new(ways)),
        Replacement::TreePlru => Box::new(Tree::new(ways)),
        Replacement::Mru3Plru4 => Box::new(ThreeTrees::new(VictimTree::NextToMostRecent)),
        Replacement::Lru3Plru4 => Box::new(ThreeTrees::new(VictimTree::LeastRecent)),
        Replacement::Qlru(rules) => Box::new(Qlru::new(rules, ways)),
        Replacement::Srrip { bits } => Box::new(Srrip::new(bits, ways)),
    }
}

/// One set.
#[derive(Debug)]
struct Set<V> {
    ways: Vec<Option<(Tag, V)>>,
    policy: Box<dyn Policy>,
}

impl<V> Set<V> {
    fn find(&self, tag: Tag) -> Option<usize> {
        let holds = |way: &Option<(Tag, V)>| way.as_ref().is_some_and(|(held, _)| *held == tag);
        self.ways.iter().position(holds)
    }
}

/// An array that does what [`assoc::SetAssociative`] should.
#[derive(Debug)]
pub struct Array<V> {
    sets: Vec<Set<V>>,
    index: IndexFunction,
    random: Random,
}

impl<V: Copy> Array<V> {
    /// An empty array.
    pub fn new(geometry: Geometry, index: IndexFunction, replacement: Replacement) -> Self {
        let ways = geometry.ways() as usize;
        let set = |_| Set {
            ways: vec![None; ways],
            policy: policy(replacement, ways),
        };
        let seed = match replacement {
            Replacement::Random { seed } => seed,
            _ => 0,
        };
        Self {
            sets: (0..geometry.sets()).map(set).collect(),
            index,
            random: Random::new(seed),
        }
    }

    /// Finds and uses an entry.
    pub fn get(&mut self, number: u64, tag: Tag) -> Option<&mut V> {
        let set = self.set(number);
        let set = &mut self.sets[set];
        let way = set.find(tag)?;
        set.policy.hit(way);
        set.ways[way].as_mut().map(|(_, value)| value)
    }

    /// Finds an entry.
    pub fn peek(&self, number: u64, tag: Tag) -> Option<&V> {
        let set = &self.sets[self.set(number)];
        let way = set.find(tag)?;
        set.ways[way].as_ref().map(|(_, value)| value)
    }

    /// Whether the set has an empty way.
    pub fn has_room(&self, number: u64) -> bool {
        self.sets[self.set(number)].ways.iter().any(Option::is_none)
    }

    /// Puts an entry in.
    pub fn insert(&mut self, number: u64, tag: Tag, value: V) -> Option<Evicted<V>> {
        if let Some(held) = self.get(number, tag) {
            *held = value;
            return None;
        }
        let set = self.set(number);
        let set = &mut self.sets[set];
        set.policy.before_insertion();
        let empty: Vec<_> = (0..set.ways.len())
            .filter(|&way| set.ways[way].is_none())
            .collect();
        let way = if empty.is_empty() {
            set.policy.victim(&mut self.random)
        } else {
            set.policy.choose_empty(&empty)
        };
        set.policy.inserted(way);
        let old = set.ways[way].replace((tag, value))?;
        Some(Evicted {
            tag: old.0,
            value: old.1,
        })
    }

    /// Takes an entry out.
    pub fn remove(&mut self, number: u64, tag: Tag) -> Option<V> {
        let set = self.set(number);
        let set = &mut self.sets[set];
        let way = set.find(tag)?;
        set.ways[way].take().map(|(_, value)| value)
    }

    /// Drops entries, and says how many.
    pub fn retain(&mut self, mut keep: impl FnMut(Tag, &mut V) -> bool) -> usize {
        let mut dropped = 0;
        for way in self.sets.iter_mut().flat_map(|set| &mut set.ways) {
            if let Some((tag, value)) = way
                && !keep(*tag, value)
            {
                *way = None;
                dropped += 1;
            }
        }
        dropped
    }

    /// Every entry, set after set and way after way.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &V)> {
        let ways = self.sets.iter().flat_map(|set| &set.ways);
        ways.flatten().map(|(tag, value)| (*tag, value))
    }

    fn set(&self, number: u64) -> usize {
        let sets = self.sets.len() as u64;
        let set = match self.index {
            IndexFunction::Linear => number % sets,
            IndexFunction::Xor { bits } => {
                let bit = |at: u32| number >> at & 1;
                (0..bits).map(|at| (bit(at) ^ bit(at + bits)) << at).sum()
            }
        };
        usize::try_from(set).expect("sets are few")
    }
}
