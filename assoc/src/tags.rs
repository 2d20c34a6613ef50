mod group;
mod held;
mod high;
mod lines;
mod many;
mod outcome;

use core::hint::black_box;

use crate::{
    Evicted, Geometry, GeometryError, IndexFunction, Replacement, Tag, index::SetSelector,
    policy::Policy,
};
use group::Common;
use held::AllHeld;
pub use held::{Marks, Remark};
use high::HighHalves;
use lines::Lines;
pub use outcome::Sought;

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
    lines: Lines,
    common: Common,
}

/// Where a tag belongs: worked out once, for a look-up and for what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    set: usize,
    tag: Tag,
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
        let selector = SetSelector::new(index, geometry)?;
        let policy = Policy::new(replacement, geometry);
        Ok(Self {
            geometry,
            selector,
            lines: Lines::new(geometry, &policy),
            common: Common {
                all_held: AllHeld::of(geometry.ways() as usize),
                first_empty: policy.first_empty(),
                high: HighHalves::new(geometry),
                policy,
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

    /// The marks of what is held there, if it is; finding it counts as a use, and changes them.
    #[inline]
    pub fn find(&mut self, at: Place, remark: Remark) -> Option<Marks> {
        let (_, marks) = self.lines.find(at, remark, &mut self.common)?;
        Some(marks)
    }

    /// The marks of what is held there, if it is; looking is no use.
    #[inline]
    pub fn peek(&self, at: Place) -> Option<Marks> {
        let (_, marks) = self.of(at.set, self.way_of(at)?)?;
        Some(marks)
    }

    /// Puts in what is not there, as a look-up has just told, and returns what had to make room.
    /// Were it there, it would be there twice.
    #[inline]
    pub fn put(&mut self, at: Place, marks: Marks) -> Option<Evicted<Marks>> {
        let (_, evicted) = self.put_somewhere(at, marks);
        evicted
    }

    /// Finds what is held there, as [`TagArray::find`] does; if nothing is, puts it in.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes of it need not go through memory"
    )]
    pub fn find_or_put(&mut self, at: Place, remark: Remark, marks: Marks) -> Sought {
        self.lines.find_or_put(at, remark, marks, &mut self.common)
    }

    /// Takes out what is held there.
    pub fn take(&mut self, at: Place) -> Option<Marks> {
        let way = self.way_of(at)?;
        let (_, marks) = self.of(at.set, way)?;
        self.clear(at.set, way);
        Some(marks)
    }

    /// Has the host fetch the sets that numbers choose, all at once, so that look-ups soon
    /// after need not wait for its memory one after the other. Nothing changes.
    pub fn prefetch(&self, numbers: impl Iterator<Item = u64>) {
        const AT_ONCE: usize = 64;
        let mut numbers = numbers.fuse();
        loop {
            let (mut sets, mut count) = ([0; AT_ONCE], 0);
            // The host asks for more lines at a time if little is worked out between them.
            for (set, number) in sets.iter_mut().zip(&mut numbers) {
                *set = self.selector.set_of(number);
                count += 1;
            }
            black_box(self.lines.glance(&sets[..count]));
            if count < AT_ONCE {
                return;
            }
        }
    }

    /// Everything that is held, set after set.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, Marks)> {
        let all = 0..self.geometry.entries();
        all.filter_map(|index| {
            let (set, way) = self.set_and_way(index);
            self.of(set, way)
        })
    }

    /// As [`TagArray::find`]; says only where.
    #[inline]
    pub(crate) fn find_way(&mut self, at: Place) -> Option<usize> {
        let (way, _) = self.lines.find(at, Remark::NONE, &mut self.common)?;
        Some(way)
    }

    /// As [`TagArray::put`]; says where, too.
    #[inline]
    pub(crate) fn put_somewhere(
        &mut self,
        at: Place,
        marks: Marks,
    ) -> (usize, Option<Evicted<Marks>>) {
        debug_assert!(self.way_of(at).is_none());
        self.lines.put(at, marks, &mut self.common)
    }

    /// The way that holds it.
    #[inline]
    pub(crate) fn way_of(&self, at: Place) -> Option<usize> {
        self.lines.way_of(at, &self.common)
    }

    /// What a way holds.
    #[inline]
    pub(crate) fn of(&self, set: usize, way: usize) -> Option<(Tag, Marks)> {
        self.lines.of(set, way, &self.common)
    }

    /// The way holds nothing from now on.
    pub(crate) fn clear(&mut self, set: usize, way: usize) {
        self.lines.clear(set, way);
    }

    /// Of the ways of all sets the one with this number.
    pub(crate) fn set_and_way(&self, index: usize) -> (usize, usize) {
        let ways = self.geometry.ways() as usize;
        (index / ways, index % ways)
    }
}

#[cfg(test)]
mod tests;
