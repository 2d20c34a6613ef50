mod group;
mod held;
mod high;
mod many;

use alloc::{boxed::Box, vec};

use crate::{
    Evicted, Geometry, GeometryError, IndexFunction, Replacement, Tag, index::SetSelector,
    policy::Policy,
};
use group::{Group, OneLine};
use held::AllHeld;
pub use held::{Held, Marks, Sought};
use high::HighHalves;
use many::ManyGroups;

/// A set-associative array of tags, with three bits to each: what a cache is that holds no
/// bytes.
///
/// A set is laid out for the host: the low halves of its tags, its marks and what the policy
/// remembers of it are one line of the host's cache if it has up to twelve ways, and two if it
/// has sixteen. The high halves lie elsewhere, and are looked at if one is not zero.
#[derive(Clone, Debug)]
pub struct TagArray {
    geometry: Geometry,
    selector: SetSelector,
    sets: Sets,
    common: Common,
}

/// What all sets have in common.
#[derive(Clone, Debug)]
struct Common {
    policy: Policy,
    all_held: AllHeld,
    high: HighHalves,
}

/// Where a tag belongs: worked out once, for a look-up and for what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    set: usize,
    tag: Tag,
}

/// Every set has as many groups of ways as it needs.
#[derive(Clone, Debug)]
enum Sets {
    Twelve(Box<[OneLine]>),
    Sixteen(Box<[Group<16>]>),
    Many(ManyGroups),
}

impl Place {
    /// The set.
    #[inline]
    pub const fn set(self) -> usize {
        self.set
    }

    /// The tag.
    #[inline]
    pub const fn tag(self) -> Tag {
        self.tag
    }
}

impl TagArray {
    /// An empty array.
    ///
    /// # Errors
    /// As [`SetAssociative::new`](crate::SetAssociative::new).
    pub fn new(
        geometry: Geometry,
        index: IndexFunction,
        replacement: Replacement,
    ) -> Result<Self, GeometryError> {
        replacement.check(geometry)?;
        let policy = Policy::new(replacement, geometry);
        let (sets, ways) = (geometry.sets() as usize, geometry.ways() as usize);
        let word = policy.first_word();
        Ok(Self {
            geometry,
            selector: SetSelector::new(index, geometry)?,
            sets: match ways {
                1..=12 => Sets::Twelve(vec![OneLine(Group::new(word)); sets].into()),
                13..=16 => Sets::Sixteen(vec![Group::new(word); sets].into()),
                _ => Sets::Many(ManyGroups::new(geometry, policy.words(), word)),
            },
            common: Common {
                policy,
                all_held: AllHeld::of(ways),
                high: HighHalves::new(geometry),
            },
        })
    }

    /// The shape of the array.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The place of a tag in the set that `number` chooses.
    #[inline]
    pub fn place(&self, number: u64, tag: Tag) -> Place {
        let set = self.selector.set_of(number);
        Place { set, tag }
    }

    /// What is held there, if it is; finding it counts as a use.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most look-ups find nothing")]
    pub fn find(&mut self, at: Place) -> Option<Held<'_>> {
        match &mut self.sets {
            Sets::Twelve(sets) => sets[at.set].0.find(at, &mut self.common),
            Sets::Sixteen(sets) => sets[at.set].find(at, &mut self.common),
            Sets::Many(sets) => sets.find(at, &mut self.common),
        }
    }

    /// What is held there, if it is; looking is no use.
    #[inline]
    pub fn peek(&self, at: Place) -> Option<Marks> {
        let (_, marks) = self.of(at.set, self.way_of(at)?)?;
        Some(marks)
    }

    /// Puts in what is not there, as a look-up has just told, and returns what had to make room.
    /// Were it there, it would be there twice.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub fn put(&mut self, at: Place, marks: Marks) -> Option<Evicted<Marks>> {
        let (_, evicted) = self.put_somewhere(at, marks);
        evicted
    }

    /// Finds what is held there, as [`TagArray::find`] does; if nothing is, puts it in.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub fn find_or_put(&mut self, at: Place, marks: Marks) -> Sought<'_> {
        match &mut self.sets {
            Sets::Twelve(sets) => sets[at.set].0.find_or_put(at, marks, &mut self.common),
            Sets::Sixteen(sets) => sets[at.set].find_or_put(at, marks, &mut self.common),
            Sets::Many(sets) => sets.find_or_put(at, marks, &mut self.common),
        }
    }

    /// Takes out what is held there.
    pub fn take(&mut self, at: Place) -> Option<Marks> {
        let way = self.way_of(at)?;
        let (_, marks) = self.of(at.set, way)?;
        self.clear(at.set, way);
        Some(marks)
    }

    /// Everything that is held, set after set.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, Marks)> {
        let all = 0..self.geometry.entries();
        all.filter_map(|index| {
            let (set, way) = self.set_and_way(index);
            self.of(set, way)
        })
    }

    /// As [`TagArray::put`]; says where, too.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub(crate) fn put_somewhere(
        &mut self,
        at: Place,
        marks: Marks,
    ) -> (usize, Option<Evicted<Marks>>) {
        debug_assert!(self.way_of(at).is_none());
        match &mut self.sets {
            Sets::Twelve(sets) => sets[at.set].0.put(at, marks, &mut self.common),
            Sets::Sixteen(sets) => sets[at.set].put(at, marks, &mut self.common),
            Sets::Many(sets) => sets.put(at, marks, &mut self.common),
        }
    }

    /// The way that holds it.
    #[inline]
    pub(crate) fn way_of(&self, at: Place) -> Option<usize> {
        match &self.sets {
            Sets::Twelve(sets) => sets[at.set].0.way_of(at, &self.common.high),
            Sets::Sixteen(sets) => sets[at.set].way_of(at, &self.common.high),
            Sets::Many(sets) => sets.way_of(at, &self.common.high),
        }
    }

    /// What a way holds.
    #[inline]
    pub(crate) fn of(&self, set: usize, way: usize) -> Option<(Tag, Marks)> {
        let (low, marks) = match &self.sets {
            Sets::Twelve(sets) => sets[set].0.of(way)?,
            Sets::Sixteen(sets) => sets[set].of(way)?,
            Sets::Many(sets) => sets.of(set, way)?,
        };
        Some((self.common.high.whole(set, way, low), marks))
    }

    /// The way holds nothing from now on.
    pub(crate) fn clear(&mut self, set: usize, way: usize) {
        match &mut self.sets {
            Sets::Twelve(sets) => sets[set].0.held.clear(way),
            Sets::Sixteen(sets) => sets[set].held.clear(way),
            Sets::Many(sets) => sets.clear(set, way),
        }
    }

    /// Of the ways of all sets the one with this number.
    pub(crate) fn set_and_way(&self, index: usize) -> (usize, usize) {
        let ways = self.geometry.ways() as usize;
        (index / ways, index % ways)
    }
}

#[cfg(test)]
mod tests;
