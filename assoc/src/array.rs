mod heads;
mod narrow;
mod prints;
mod rules;
mod wide;

use alloc::{boxed::Box, vec};

use crate::{
    Geometry, GeometryError, IndexFunction, Replacement, index::SetSelector, policy::Policy,
};
use heads::Heads;
use rules::{Room, Rules};

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
    heads: Heads,
    rules: Rules,
    /// `ways` entries a set, set after set; no tag stands twice in a set.
    entries: Box<[Entry<V>]>,
    /// How many of them hold something.
    held: usize,
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
            heads: Heads::new(geometry, policy.words(), policy.first_word()),
            rules: Rules::new(replacement, geometry, policy),
            entries: vec![nothing; geometry.entries()].into_boxed_slice(),
            held: 0,
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
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "most look-ups end here, and find nothing"
    )]
    pub fn get(&mut self, number: u64, tag: Tag) -> Option<&mut V> {
        let set = self.selector.set_of(number);
        let Heads::Narrow(heads) = &mut self.heads else {
            return self.get_in_wide(set, tag);
        };
        let head = &heads[set];
        let first = set * self.rules.ways;
        let recent = head.recent.of(tag);
        if recent < self.rules.ways && self.entries[first + recent].tag == tag {
            return Some(&mut self.entries[first + recent].value);
        }
        if !head.may_hold(tag) {
            return None;
        }
        self.get_in_narrow(set, tag)
    }

    /// The entry, most likely, as it has the tag's print, and is not the last one found.
    #[inline(never)]
    fn get_in_narrow(&mut self, set: usize, tag: Tag) -> Option<&mut V> {
        let Heads::Narrow(heads) = &mut self.heads else {
            return None;
        };
        let first = set * self.rules.ways;
        let way = heads[set].find(tag, |way| self.entries[first + way].tag == tag)?;
        self.rules.used(&mut heads[set], set, way, tag);
        Some(&mut self.entries[first + way].value)
    }

    #[inline(never)]
    fn get_in_wide(&mut self, set: usize, tag: Tag) -> Option<&mut V> {
        let Heads::Wide(heads) = &mut self.heads else {
            return None;
        };
        let recent = heads.recent(set, tag);
        if recent < self.entries.len() && self.entries[recent].tag == tag {
            return Some(&mut self.entries[recent].value);
        }
        let first = set * self.rules.ways;
        let way = heads.find(set, tag, |way| self.entries[first + way].tag == tag)?;
        self.rules.used_in_wide(heads, set, way, tag);
        Some(&mut self.entries[first + way].value)
    }

    /// The entry with this tag in the set that `number` chooses, without using it.
    #[inline]
    pub fn peek(&self, number: u64, tag: Tag) -> Option<&V> {
        let set = self.selector.set_of(number);
        let way = self.way_of(set, tag)?;
        Some(&self.entries[set * self.rules.ways + way].value)
    }

    /// As [`SetAssociative::peek`], to change what it holds.
    pub fn peek_mut(&mut self, number: u64, tag: Tag) -> Option<&mut V> {
        let set = self.selector.set_of(number);
        let way = self.way_of(set, tag)?;
        Some(&mut self.entries[set * self.rules.ways + way].value)
    }

    /// Whether every way of the set that `number` chooses holds something.
    #[inline]
    pub fn is_full(&self, number: u64) -> bool {
        self.heads.is_full(self.selector.set_of(number))
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
            None => self.insert_into(self.selector.set_of(number), tag, value),
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

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it is made of is no longer than a call"
    )]
    fn insert_into(&mut self, set: usize, tag: Tag, value: V) -> Option<Evicted<V>> {
        let room = match &mut self.heads {
            Heads::Narrow(heads) => self.rules.make_room(&mut heads[set], set, tag),
            Heads::Wide(heads) => self.rules.make_room_in_wide(heads, set, tag),
        };
        let first = set * self.rules.ways;
        let new = Entry { tag, value };
        match room {
            Room::Empty(way) => {
                self.entries[first + way] = new;
                self.held += 1;
                None
            }
            Room::Given(way) => {
                let old = core::mem::replace(&mut self.entries[first + way], new);
                Some(Evicted {
                    tag: old.tag,
                    value: old.value,
                })
            }
        }
    }

    /// Takes the entry with this tag out of the set that `number` chooses.
    #[inline]
    pub fn remove(&mut self, number: u64, tag: Tag) -> Option<V> {
        if self.is_empty() {
            return None;
        }
        let set = self.selector.set_of(number);
        let way = self.way_of(set, tag)?;
        let entry = &mut self.entries[set * self.rules.ways + way];
        entry.tag = Tag::EMPTY;
        self.heads.clear(set, way);
        self.held -= 1;
        Some(entry.value)
    }

    /// Drops every entry for which `keep` is false, and says how many those were.
    pub fn retain(&mut self, mut keep: impl FnMut(Tag, &mut V) -> bool) -> usize {
        let before = self.held;
        let mut unseen = before;
        for (set, entries) in self.entries.chunks_exact_mut(self.rules.ways).enumerate() {
            if unseen == 0 {
                break;
            }
            self.heads.retain(set, |way| {
                let entry = &mut entries[way];
                unseen -= 1;
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
        let first = set * self.rules.ways;
        self.heads
            .find(set, tag, |way| self.entries[first + way].tag == tag)
    }
}

#[cfg(test)]
mod tests;
