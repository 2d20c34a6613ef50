mod prints;

use alloc::{boxed::Box, vec};
use core::mem;

use assoc::{
    FirstEmpty, Geometry, GeometryError, IndexFunction, Replacement, Replacer, SetSelector,
};

use crate::tag::Tag;
use prints::{Print, Prints};

/// Where an array has an entry, if it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// What chooses the set.
    pub(crate) number: u64,
    pub(crate) tag: Tag,
}

/// An entry of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<V> {
    pub(crate) tag: Tag,
    pub(crate) value: V,
}

impl<V: Default> Entry<V> {
    /// What is no entry.
    #[inline]
    pub(crate) fn none() -> Self {
        Self {
            tag: Tag::NONE,
            value: V::default(),
        }
    }
}

/// The entries of a TLB or of a paging-structure cache: some dozens or thousands, which the
/// host's own caches hold.
#[derive(Clone, Debug)]
pub(crate) struct Array<V> {
    selector: SetSelector,
    /// The prints of every set, set after set.
    prints: Box<[Prints]>,
    /// How many of them a set has.
    groups: usize,
    ways: usize,
    /// `ways` entries a set; no tag stands twice in a set.
    entries: Box<[Entry<V>]>,
    /// How many of them hold something.
    held: usize,
    replacer: Replacer,
    /// What the policy remembers of every set.
    policy: Box<[u64]>,
    /// How many words of it a set has.
    words: usize,
    first_empty: FirstEmpty,
    geometry: Geometry,
}

/// A set that most likely has an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Likely {
    set: usize,
    tag: Tag,
}

impl<V: Copy + Default> Array<V> {
    /// An empty array.
    pub(crate) fn new(
        geometry: Geometry,
        index: IndexFunction,
        replacement: Replacement,
    ) -> Result<Self, GeometryError> {
        let replacer = Replacer::new(replacement, geometry)?;
        let (sets, ways) = (geometry.sets() as usize, geometry.ways() as usize);
        let groups = (0..ways).step_by(Prints::WAYS);
        let of_one_set: Box<[_]> = groups.map(|first| Prints::empty(ways - first)).collect();
        Ok(Self {
            selector: SetSelector::new(index, geometry)?,
            groups: of_one_set.len(),
            prints: of_one_set.repeat(sets).into_boxed_slice(),
            ways,
            entries: vec![Entry::none(); geometry.entries()].into_boxed_slice(),
            held: 0,
            words: replacer.words(),
            policy: vec![replacer.first_word(); sets * replacer.words()].into_boxed_slice(),
            first_empty: replacer.first_empty(),
            replacer,
            geometry,
        })
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The set of an entry, if it may be there: most look-ups end here.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is no longer than a call")]
    pub(crate) fn likely(&self, key: Key) -> Option<Likely> {
        let Key { number, tag } = key;
        let set = self.selector.set_of(number);
        let may_hold = if self.groups == 1 {
            self.prints[set].contain(Print::of(tag))
        } else {
            true
        };
        may_hold.then_some(Likely { set, tag })
    }

    /// The entry, if it is there; finding it counts as a use.
    #[inline]
    pub(crate) fn get_likely(&mut self, likely: Likely) -> Option<&mut V> {
        let Likely { set, tag } = likely;
        let way = self.way_of(set, tag)?;
        let words = &mut self.policy[set * self.words..][..self.words];
        self.replacer.hit(set, words, way);
        Some(&mut self.entries[set * self.ways + way].value)
    }

    /// The entry without using it.
    #[inline]
    pub(crate) fn peek(&self, key: Key) -> Option<&V> {
        let Likely { set, tag } = self.likely(key)?;
        let way = self.way_of(set, tag)?;
        Some(&self.entries[set * self.ways + way].value)
    }

    /// As [`Array::peek`], to change what it holds.
    pub(crate) fn peek_mut(&mut self, key: Key) -> Option<&mut V> {
        let Likely { set, tag } = self.likely(key)?;
        let way = self.way_of(set, tag)?;
        Some(&mut self.entries[set * self.ways + way].value)
    }

    /// Whether every way of the set that a number chooses holds something.
    #[inline]
    pub(crate) fn is_full(&self, number: u64) -> bool {
        self.held == self.entries.len() || self.is_set_full(self.selector.set_of(number))
    }

    #[inline(never)]
    fn is_set_full(&self, set: usize) -> bool {
        let prints = &self.prints[set * self.groups..][..self.groups];
        prints.iter().all(Prints::are_full)
    }

    /// Puts an entry in, as one just used: in place of one with the same tag, which is a hit to
    /// the policy, else in an empty way, else in place of the policy's victim, which comes out.
    pub(crate) fn insert(&mut self, key: Key, value: V) -> Option<Entry<V>> {
        if let Some(likely) = self.likely(key)
            && let Some(held) = self.get_likely(likely)
        {
            *held = value;
            return None;
        }
        self.insert_new(key, value)
    }

    /// As [`Array::insert`], for an entry that is known not to be there.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub(crate) fn insert_new(&mut self, key: Key, value: V) -> Option<Entry<V>> {
        let Key { number, tag } = key;
        let set = self.selector.set_of(number);
        debug_assert!(self.way_of(set, tag).is_none());
        let empty = if self.held == self.entries.len() {
            None
        } else {
            self.empty_way(set)
        };
        let words = &mut self.policy[set * self.words..][..self.words];
        let way = self.replacer.insert(set, words, empty);
        let prints = &mut self.prints[set * self.groups + way / Prints::WAYS];
        prints.fill(way % Prints::WAYS, Print::of(tag));
        let entry = &mut self.entries[set * self.ways + way];
        let old = mem::replace(entry, Entry { tag, value });
        if empty.is_some() {
            self.held += 1;
            return None;
        }
        Some(old)
    }

    /// Takes the entry out.
    pub(crate) fn remove(&mut self, key: Key) -> Option<V> {
        let Likely { set, tag } = self.likely(key)?;
        let way = self.way_of(set, tag)?;
        self.prints[set * self.groups + way / Prints::WAYS].clear(way % Prints::WAYS);
        self.held -= 1;
        let entry = &mut self.entries[set * self.ways + way];
        entry.tag = Tag::NONE;
        Some(entry.value)
    }

    /// Drops every entry for which `keep` is false, and says how many those were.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Entry<V>) -> bool) -> usize {
        let before = self.held;
        for (group, prints) in self.prints.iter_mut().enumerate() {
            let first = group / self.groups * self.ways + group % self.groups * Prints::WAYS;
            prints.retain(|way| {
                let entry = &mut self.entries[first + way];
                let kept = keep(entry);
                if !kept {
                    entry.tag = Tag::NONE;
                    self.held -= 1;
                }
                kept
            });
        }
        before - self.held
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "finding an entry is little else")]
    fn way_of(&self, set: usize, tag: Tag) -> Option<usize> {
        if self.groups > 1 {
            return self.way_in_groups(set, tag);
        }
        let first = set * self.ways;
        let is_right = |way: usize| self.entries[first + way].tag == tag;
        self.prints[set].find(Print::of(tag), is_right)
    }

    #[inline(never)]
    fn way_in_groups(&self, set: usize, tag: Tag) -> Option<usize> {
        let print = Print::of(tag);
        let entries = &self.entries[set * self.ways..][..self.ways];
        let mut groups = self.groups_of(set);
        groups.find_map(|(first, prints)| {
            if !prints.contain(print) {
                return None;
            }
            let way = prints.find(print, |way| entries[first + way].tag == tag)?;
            Some(first + way)
        })
    }

    #[inline(never)]
    fn empty_way(&self, set: usize) -> Option<usize> {
        let mut groups = self.groups_of(set);
        let empty = |(first, prints): (usize, &Prints)| {
            let way = prints.empty_way(self.first_empty)?;
            Some(first + way)
        };
        match self.first_empty {
            FirstEmpty::Leftmost => groups.find_map(empty),
            FirstEmpty::Rightmost => groups.filter_map(empty).last(),
        }
    }

    /// The prints of a set, each group with its first way.
    fn groups_of(&self, set: usize) -> impl Iterator<Item = (usize, &Prints)> {
        let prints = &self.prints[set * self.groups..][..self.groups];
        (0..).step_by(Prints::WAYS).zip(prints)
    }
}
