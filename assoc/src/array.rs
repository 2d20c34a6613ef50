use alloc::{boxed::Box, vec};

use crate::{
    Geometry, GeometryError, IndexFunction, Replacement, index::SetSelector, replacement::Policy,
};

/// What tells an entry from the others of its set: 63 bits of the user's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Tag(u64);

impl Tag {
    /// The mark of a way that holds nothing; no tag has bit 63 set.
    const EMPTY: Self = Self(u64::MAX);

    /// The tag with this value, which must not have bit 63 set; the bit is dropped.
    #[inline]
    pub const fn new(value: u64) -> Self {
        debug_assert!(value >> 63 == 0);
        Self(value & (u64::MAX >> 1))
    }

    /// The value of the tag.
    #[inline]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// An entry that had to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted<V> {
    /// Its tag.
    pub tag: Tag,
    /// What it held.
    pub value: V,
}

/// A set-associative array from tags to values.
#[derive(Clone, Debug)]
pub struct SetAssociative<V> {
    geometry: Geometry,
    selector: SetSelector,
    ways: usize,
    /// `ways` tags a set, set after set; no tag stands twice in a set.
    tags: Box<[Tag]>,
    values: Box<[V]>,
    /// The way last touched in each set: where a look-up tries first.
    recent: Box<[u16]>,
    /// How many ways of each set hold something.
    held: Box<[u16]>,
    policy: Policy,
}

impl<V: Copy + Default> SetAssociative<V> {
    /// An empty array.
    ///
    /// # Errors
    /// [`GeometryError::IndexBits`] if the index function does not fit the geometry.
    pub fn new(
        geometry: Geometry,
        index: IndexFunction,
        replacement: Replacement,
    ) -> Result<Self, GeometryError> {
        Ok(Self {
            geometry,
            selector: SetSelector::new(index, geometry)?,
            ways: geometry.ways() as usize,
            tags: vec![Tag::EMPTY; geometry.entries()].into_boxed_slice(),
            values: vec![V::default(); geometry.entries()].into_boxed_slice(),
            recent: vec![0; geometry.sets() as usize].into_boxed_slice(),
            held: vec![0; geometry.sets() as usize].into_boxed_slice(),
            policy: Policy::new(replacement, geometry),
        })
    }

    /// The shape of the array.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The entry with this tag in the set that `number` chooses; finding it counts as a use.
    #[inline]
    pub fn get(&mut self, number: u64, tag: Tag) -> Option<&mut V> {
        let set = self.selector.set_of(number);
        let first = set * self.ways;
        let recent = first + usize::from(self.recent[set]);
        if self.tags[recent] == tag {
            return Some(&mut self.values[recent]);
        }
        let way = self.way_of(set, tag)?;
        self.touch(set, way);
        Some(&mut self.values[first + way])
    }

    /// The entry with this tag in the set that `number` chooses, without using it.
    #[inline]
    pub fn peek(&self, number: u64, tag: Tag) -> Option<&V> {
        let set = self.selector.set_of(number);
        let way = self.way_of(set, tag)?;
        Some(&self.values[set * self.ways + way])
    }

    /// Puts an entry into the set that `number` chooses, as one just used: in place of one
    /// with the same tag, else in an empty way, else in place of the policy's victim, which
    /// is returned.
    #[inline]
    pub fn insert(&mut self, number: u64, tag: Tag, value: V) -> Option<Evicted<V>> {
        let set = self.selector.set_of(number);
        match self.way_of(set, tag) {
            Some(way) => {
                self.put(set, way, tag, value);
                None
            }
            None => self.insert_into(set, tag, value),
        }
    }

    /// As [`SetAssociative::insert`], for an entry that is known not to be there: a look-up
    /// has just missed it. Were it there, it would be there twice.
    #[inline]
    pub fn insert_new(&mut self, number: u64, tag: Tag, value: V) -> Option<Evicted<V>> {
        let set = self.selector.set_of(number);
        debug_assert!(self.way_of(set, tag).is_none());
        self.insert_into(set, tag, value)
    }

    #[inline]
    fn insert_into(&mut self, set: usize, tag: Tag, value: V) -> Option<Evicted<V>> {
        if usize::from(self.held[set]) < self.ways
            && let Some(empty) = self.way_of(set, Tag::EMPTY)
        {
            self.held[set] += 1;
            self.put(set, empty, tag, value);
            return None;
        }
        let way = self.policy.victim(set);
        let place = set * self.ways + way;
        let evicted = Evicted {
            tag: self.tags[place],
            value: self.values[place],
        };
        self.put(set, way, tag, value);
        Some(evicted)
    }

    #[inline]
    fn put(&mut self, set: usize, way: usize, tag: Tag, value: V) {
        let place = set * self.ways + way;
        self.tags[place] = tag;
        self.values[place] = value;
        self.touch(set, way);
    }

    /// Takes the entry with this tag out of the set that `number` chooses.
    #[inline]
    pub fn remove(&mut self, number: u64, tag: Tag) -> Option<V> {
        let set = self.selector.set_of(number);
        let place = set * self.ways + self.way_of(set, tag)?;
        self.tags[place] = Tag::EMPTY;
        self.held[set] -= 1;
        Some(self.values[place])
    }

    /// Drops every entry for which `keep` is false, and says how many those were.
    pub fn retain(&mut self, mut keep: impl FnMut(Tag, &mut V) -> bool) -> usize {
        let mut dropped = 0;
        let tags = self.tags.chunks_exact_mut(self.ways);
        let values = self.values.chunks_exact_mut(self.ways);
        for ((tags, values), held) in tags.zip(values).zip(&mut self.held) {
            for (tag, value) in tags.iter_mut().zip(values) {
                if *tag != Tag::EMPTY && !keep(*tag, value) {
                    *tag = Tag::EMPTY;
                    *held -= 1;
                    dropped += 1;
                }
            }
        }
        dropped
    }

    /// Every entry, set after set.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &V)> {
        let entries = self.tags.iter().zip(&self.values);
        entries.filter_map(|(&tag, value)| (tag != Tag::EMPTY).then_some((tag, value)))
    }

    #[inline]
    fn way_of(&self, set: usize, tag: Tag) -> Option<usize> {
        let tags = &self.tags[set * self.ways..][..self.ways];
        tags.iter().position(|&held| held == tag)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "Geometry::MAX_WAYS")]
    fn touch(&mut self, set: usize, way: usize) {
        self.recent[set] = way as u16;
        self.policy.touch(set, way);
    }
}

#[cfg(test)]
mod tests;
