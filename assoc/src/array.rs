use alloc::{boxed::Box, vec};

use crate::{Geometry, GeometryError, IndexFunction, Marks, Place, Replacement, TagArray};

/// What tells an entry from the others of its set: 63 bits of the user's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(u64);

impl Tag {
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
    tags: TagArray,
    /// Of each way, set after set.
    values: Box<[V]>,
    /// How many ways hold something.
    held: usize,
}

impl<V: Copy + Default> SetAssociative<V> {
    /// An empty array.
    ///
    /// # Errors
    /// [`GeometryError::IndexBits`] if the index function does not fit the geometry,
    /// [`GeometryError::PolicyWays`] if the policy does not, and [`GeometryError::Policy`] if
    /// there is no such policy.
    pub fn new(
        geometry: Geometry,
        index: IndexFunction,
        replacement: Replacement,
    ) -> Result<Self, GeometryError> {
        Ok(Self {
            tags: TagArray::new(geometry, index, replacement)?,
            values: vec![V::default(); geometry.entries()].into_boxed_slice(),
            held: 0,
        })
    }

    /// The shape of the array.
    pub fn geometry(&self) -> Geometry {
        self.tags.geometry()
    }

    /// How many entries are in it.
    pub fn len(&self) -> usize {
        self.held
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The entry with this tag in the set that `number` chooses; finding it counts as a use.
    #[inline]
    pub fn get(&mut self, number: u64, tag: Tag) -> Option<&mut V> {
        let at = self.tags.place(number, tag);
        let way = self.tags.find_way(at)?;
        Some(self.value_mut(at, way))
    }

    /// The entry with this tag in the set that `number` chooses, without using it.
    #[inline]
    pub fn peek(&self, number: u64, tag: Tag) -> Option<&V> {
        let at = self.tags.place(number, tag);
        let way = self.tags.way_of(at)?;
        Some(&self.values[self.index(at, way)])
    }

    /// Puts an entry into the set that `number` chooses, as one just used: in place of one
    /// with the same tag, which is a hit to the policy, else in an empty way, else in place of
    /// the policy's victim, which is returned.
    #[inline]
    pub fn insert(&mut self, number: u64, tag: Tag, value: V) -> Option<Evicted<V>> {
        match self.get(number, tag) {
            Some(held) => {
                *held = value;
                None
            }
            None => self.insert_new(number, tag, value),
        }
    }

    /// As [`SetAssociative::insert`], for an entry that is known not to be there: a look-up
    /// has just missed it. Were it there, it would be there twice.
    #[inline]
    pub fn insert_new(&mut self, number: u64, tag: Tag, value: V) -> Option<Evicted<V>> {
        let at = self.tags.place(number, tag);
        let (way, evicted) = self.tags.put_somewhere(at, Marks::default());
        let before = core::mem::replace(self.value_mut(at, way), value);
        let Some(Evicted { tag, .. }) = evicted else {
            self.held += 1;
            return None;
        };
        Some(Evicted { tag, value: before })
    }

    /// Takes the entry with this tag out of the set that `number` chooses.
    #[inline]
    pub fn remove(&mut self, number: u64, tag: Tag) -> Option<V> {
        let at = self.tags.place(number, tag);
        let way = self.tags.way_of(at)?;
        self.tags.clear(at.set(), way);
        self.held -= 1;
        Some(self.values[self.index(at, way)])
    }

    /// Drops every entry for which `keep` is false, and says how many those were.
    pub fn retain(&mut self, mut keep: impl FnMut(Tag, &mut V) -> bool) -> usize {
        let before = self.held;
        for (index, value) in self.values.iter_mut().enumerate() {
            let (set, way) = self.tags.set_and_way(index);
            if let Some((tag, _)) = self.tags.of(set, way)
                && !keep(tag, value)
            {
                self.tags.clear(set, way);
                self.held -= 1;
            }
        }
        before - self.held
    }

    /// Every entry, set after set.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &V)> {
        let values = self.values.iter().enumerate();
        values.filter_map(|(index, value)| {
            let (set, way) = self.tags.set_and_way(index);
            let (tag, _) = self.tags.of(set, way)?;
            Some((tag, value))
        })
    }

    fn index(&self, at: Place, way: usize) -> usize {
        at.set() * self.geometry().ways() as usize + way
    }

    fn value_mut(&mut self, at: Place, way: usize) -> &mut V {
        &mut self.values[self.index(at, way)]
    }
}

#[cfg(test)]
mod tests;
