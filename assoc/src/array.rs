mod heads;

use alloc::{boxed::Box, vec};

use crate::{
    Geometry, GeometryError, IndexFunction, Replacement,
    index::SetSelector,
    policy::{FirstEmpty, IdleAfter, Policy},
};
use heads::Heads;

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
    replacement: Replacement,
    selector: SetSelector,
    ways: usize,
    heads: Heads,
    /// `ways` entries a set, set after set; no tag stands twice in a set.
    entries: Box<[Entry<V>]>,
    /// How many of them hold something.
    held: usize,
    policy: Policy,
    first_empty: FirstEmpty,
    idle_after: IdleAfter,
}

#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    tag: Tag,
    value: V,
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
        replacement.check(geometry)?;
        let policy = Policy::new(replacement, geometry);
        let nothing = Entry {
            tag: Tag::EMPTY,
            value: V::default(),
        };
        Ok(Self {
            geometry,
            replacement,
            selector: SetSelector::new(index, geometry)?,
            ways: geometry.ways() as usize,
            heads: Heads::new(geometry, policy.words(), policy.first_word()),
            entries: vec![nothing; geometry.entries()].into_boxed_slice(),
            held: 0,
            first_empty: policy.first_empty(),
            idle_after: IdleAfter::of(replacement),
            policy,
        })
    }

    /// The shape of the array.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// How a full set makes room.
    pub fn replacement(&self) -> Replacement {
        self.replacement
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
        let set = self.selector.set_of(number);
        let recent = self.heads.recent(set, tag);
        if recent < self.ways as u64 {
            #[expect(clippy::cast_possible_truncation, reason = "less than the ways")]
            let place = set * self.ways + recent as usize;
            if self.entries[place].tag == tag {
                return Some(&mut self.entries[place].value);
            }
        }
        let place = self.get_elsewhere(set, tag)?;
        Some(&mut self.entries[place].value)
    }

    /// The place of the entry, which is used now.
    fn get_elsewhere(&mut self, set: usize, tag: Tag) -> Option<usize> {
        let way = self.way_of(set, tag)?;
        self.hit(set, tag, way);
        Some(set * self.ways + way)
    }

    /// The entry with this tag in the set that `number` chooses, without using it.
    #[inline]
    pub fn peek(&self, number: u64, tag: Tag) -> Option<&V> {
        let set = self.selector.set_of(number);
        let way = self.way_of(set, tag)?;
        Some(&self.entries[set * self.ways + way].value)
    }

    /// Whether every way of the set that `number` chooses holds something.
    #[inline]
    pub fn is_full(&self, number: u64) -> bool {
        let set = self.selector.set_of(number);
        self.heads.empty_way(set, self.first_empty).is_none()
    }

    /// Puts an entry into the set that `number` chooses, as one just used: in place of one
    /// with the same tag, which is a hit to the policy, else in an empty way, else in place of
    /// the policy's victim, which is returned.
    #[inline]
    pub fn insert(&mut self, number: u64, tag: Tag, value: V) -> Option<Evicted<V>> {
        let set = self.selector.set_of(number);
        match self.way_of(set, tag) {
            Some(way) => {
                self.entries[set * self.ways + way].value = value;
                self.hit(set, tag, way);
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

    fn insert_into(&mut self, set: usize, tag: Tag, value: V) -> Option<Evicted<V>> {
        let words = self.heads.policy(set);
        self.policy.before_insertion(words);
        let empty = self.heads.empty_way(set, self.first_empty);
        let words = self.heads.policy(set);
        let way = empty.unwrap_or_else(|| self.policy.victim(set, words));
        self.policy.inserted(set, words, way);
        self.heads.fill(set, way, tag);
        match self.idle_after {
            IdleAfter::HitOrInsertion => self.heads.set_recent(set, tag, way),
            IdleAfter::Hit => self.heads.forget_recent(set),
            IdleAfter::Nothing => {}
        }
        let new = Entry { tag, value };
        let old = core::mem::replace(&mut self.entries[set * self.ways + way], new);
        if empty.is_some() {
            self.held += 1;
            return None;
        }
        Some(Evicted {
            tag: old.tag,
            value: old.value,
        })
    }

    /// Takes the entry with this tag out of the set that `number` chooses.
    #[inline]
    pub fn remove(&mut self, number: u64, tag: Tag) -> Option<V> {
        if self.is_empty() {
            return None;
        }
        let set = self.selector.set_of(number);
        let way = self.way_of(set, tag)?;
        let entry = &mut self.entries[set * self.ways + way];
        entry.tag = Tag::EMPTY;
        self.heads.clear(set, way);
        self.held -= 1;
        Some(entry.value)
    }

    /// Drops every entry for which `keep` is false, and says how many those were.
    pub fn retain(&mut self, mut keep: impl FnMut(Tag, &mut V) -> bool) -> usize {
        let before = self.held;
        let mut unseen = before;
        for (set, entries) in self.entries.chunks_exact_mut(self.ways).enumerate() {
            if unseen == 0 {
                break;
            }
            self.heads.retain(set, |way| {
                unseen -= 1;
                let entry = &mut entries[way];
                let kept = keep(entry.tag, &mut entry.value);
                if !kept {
                    entry.tag = Tag::EMPTY;
                    self.held -= 1;
                }
                kept
            });
        }
        before - self.held
    }

    /// Every entry, set after set.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &V)> {
        let held = self.entries.iter().filter(|entry| entry.tag != Tag::EMPTY);
        held.map(|entry| (entry.tag, &entry.value)).take(self.held)
    }

    #[inline]
    fn way_of(&self, set: usize, tag: Tag) -> Option<usize> {
        let entries = &self.entries[set * self.ways..][..self.ways];
        self.heads.find(set, tag, |way| entries[way].tag == tag)
    }

    #[inline]
    fn hit(&mut self, set: usize, tag: Tag, way: usize) {
        match self.idle_after {
            IdleAfter::HitOrInsertion | IdleAfter::Hit => self.heads.set_recent(set, tag, way),
            IdleAfter::Nothing => {}
        }
        self.policy.hit(set, self.heads.policy(set), way);
    }
}

#[cfg(test)]
mod tests;
