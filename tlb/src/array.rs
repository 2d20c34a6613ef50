mod prints;

use alloc::{boxed::Box, vec};

use assoc::{
    FirstEmpty, Geometry, GeometryError, IndexFunction, Replacement, Replacer, SetSelector,
};

use crate::tag::Tag;
use prints::{Having, Print, Prints};

/// Where an array has an entry, if it has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key {
    /// What chooses the set.
    pub(crate) number: u64,
    pub(crate) tag: Tag,
    print: Print,
}

impl Key {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it need not go through memory")]
    pub(crate) fn new(number: u64, tag: Tag) -> Self {
        Self {
            number,
            tag,
            print: Print::of(tag),
        }
    }
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

impl<V: Copy> Entry<V> {
    /// Becomes another entry, and returns what it was. Each part goes to its place by itself: an
    /// entry that is made in memory and copied from there waits for its own parts.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it need not go through memory")]
    fn become_one(&mut self, tag: Tag, value: V) -> Self {
        let before = *self;
        self.tag = tag;
        self.value = value;
        before
    }
}

/// The entries of a TLB or of a paging-structure cache: some dozens or thousands, which the
/// host's own caches hold.
#[derive(Clone, Debug)]
pub(crate) struct Array<V> {
    selector: SetSelector,
    /// The groups of every set, set after set.
    groups: Box<[Group]>,
    /// How many of them a set has.
    length: usize,
    ways: usize,
    /// `ways` entries a set; no tag stands twice in a set.
    entries: Box<[Entry<V>]>,
    /// How many of them hold something.
    held: usize,
    /// How many do when a new entry can only go into a group that is full; never, if a set is
    /// several groups.
    full: usize,
    replacer: Replacer,
    /// What the policy remembers of every set that is more than one group.
    policy: Box<[u64]>,
    geometry: Geometry,
}

/// Up to sixteen ways of a set.
#[derive(Clone, Copy, Debug)]
struct Group {
    prints: Prints,
    /// What the policy remembers of a set that is this group.
    policy: [u64; 1],
}

/// A set that most likely has an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Likely {
    set: usize,
    tag: Tag,
    ways: Having,
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
        let of_one_set = (0..ways).step_by(Prints::WAYS).map(|first| Group {
            prints: Prints::empty(ways - first),
            policy: [replacer.first_word()],
        });
        let of_one_set: Box<[_]> = of_one_set.collect();
        let words = if of_one_set.len() > 1 {
            sets * replacer.words()
        } else {
            0
        };
        Ok(Self {
            selector: SetSelector::new(index, geometry)?,
            length: of_one_set.len(),
            groups: of_one_set.repeat(sets).into_boxed_slice(),
            ways,
            entries: vec![Entry::none(); geometry.entries()].into_boxed_slice(),
            held: 0,
            full: if ways <= Prints::WAYS {
                geometry.entries()
            } else {
                usize::MAX
            },
            policy: vec![replacer.first_word(); words].into_boxed_slice(),
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
        let set = self.selector.set_of(key.number);
        let ways = if self.length == 1 {
            self.groups[set].prints.having(key.print)
        } else {
            Having::UNKNOWN
        };
        let tag = key.tag;
        ways.any().then_some(Likely { set, tag, ways })
    }

    /// The entry, if it is there; finding it counts as a use.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is found need not go through memory"
    )]
    pub(crate) fn get_likely(&mut self, likely: Likely) -> Option<&mut V> {
        let way = self.way_of(likely)?;
        let set = likely.set;
        if self.length == 1 {
            let word = &mut self.groups[set].policy;
            self.replacer.hit_one(set, word, way);
        } else {
            let words = self.replacer.words();
            let words = &mut self.policy[set * words..][..words];
            self.replacer.hit(set, words, way);
        }
        Some(&mut self.entries[set * self.ways + way].value)
    }

    /// The entry without using it.
    #[inline]
    pub(crate) fn peek(&self, key: Key) -> Option<&V> {
        let (set, way) = self.find(key)?;
        Some(&self.entries[set * self.ways + way].value)
    }

    /// As [`Array::peek`], to change what it holds.
    pub(crate) fn peek_mut(&mut self, key: Key) -> Option<&mut V> {
        let (set, way) = self.find(key)?;
        Some(&mut self.entries[set * self.ways + way].value)
    }

    /// Whether every entry is known to hold something.
    #[inline]
    pub(crate) fn is_quite_full(&self) -> bool {
        self.held == self.full
    }

    /// Whether every way of the set that a number chooses holds something.
    #[inline]
    pub(crate) fn is_full(&self, number: u64) -> bool {
        self.is_quite_full() || self.is_set_full(self.selector.set_of(number))
    }

    #[inline(never)]
    fn is_set_full(&self, set: usize) -> bool {
        let groups = &self.groups[set * self.length..][..self.length];
        groups.iter().all(|group| group.prints.are_full())
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
        debug_assert!(self.find(key).is_none());
        let set = self.selector.set_of(key.number);
        if !self.is_quite_full() {
            return self.insert_somewhere(set, key.tag, value);
        }
        let Group { prints, policy } = &mut self.groups[set];
        let way = self.replacer.replace_one(set, policy);
        prints.fill(way, key.print);
        let entry = &mut self.entries[set * self.ways + way];
        Some(entry.become_one(key.tag, value))
    }

    #[inline(never)]
    fn insert_somewhere(&mut self, set: usize, tag: Tag, value: V) -> Option<Entry<V>> {
        let empty = self.empty_way(set);
        let groups = &mut self.groups[set * self.length..][..self.length];
        let way = if let [group] = groups {
            self.replacer.insert(set, &mut group.policy, empty)
        } else {
            let words = self.replacer.words();
            let words = &mut self.policy[set * words..][..words];
            self.replacer.insert(set, words, empty)
        };
        let prints = &mut groups[way / Prints::WAYS].prints;
        prints.fill(way % Prints::WAYS, Print::of(tag));
        let old = self.entries[set * self.ways + way].become_one(tag, value);
        if empty.is_some() {
            self.held += 1;
            return None;
        }
        Some(old)
    }

    /// Takes the entry out.
    pub(crate) fn remove(&mut self, key: Key) -> Option<V> {
        let (set, way) = self.find(key)?;
        let group = &mut self.groups[set * self.length + way / Prints::WAYS];
        group.prints.clear(way % Prints::WAYS);
        self.held -= 1;
        let entry = &mut self.entries[set * self.ways + way];
        entry.tag = Tag::NONE;
        Some(entry.value)
    }

    /// Drops every entry for which `keep` is false, and says how many those were.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Entry<V>) -> bool) -> usize {
        let before = self.held;
        for (index, group) in self.groups.iter_mut().enumerate() {
            let first = index / self.length * self.ways + index % self.length * Prints::WAYS;
            group.prints.retain(|way| {
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

    /// The set and way of an entry.
    #[inline]
    fn find(&self, key: Key) -> Option<(usize, usize)> {
        let likely = self.likely(key)?;
        Some((likely.set, self.way_of(likely)?))
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "finding an entry is little else")]
    fn way_of(&self, likely: Likely) -> Option<usize> {
        let Likely { set, tag, ways } = likely;
        if self.length > 1 {
            return self.way_in_groups(set, tag);
        }
        let first = set * self.ways;
        ways.find(|way| self.entries[first + way].tag == tag)
    }

    #[inline(never)]
    fn way_in_groups(&self, set: usize, tag: Tag) -> Option<usize> {
        let print = Print::of(tag);
        let entries = &self.entries[set * self.ways..][..self.ways];
        let mut groups = self.groups_of(set);
        groups.find_map(|(first, prints)| {
            let ways = prints.having(print);
            let way = ways.find(|way| entries[first + way].tag == tag)?;
            Some(first + way)
        })
    }

    #[inline(never)]
    fn empty_way(&self, set: usize) -> Option<usize> {
        let first_empty = self.replacer.first_empty();
        let mut groups = self.groups_of(set);
        let empty = |(first, prints): (usize, &Prints)| {
            let way = prints.empty_way(first_empty)?;
            Some(first + way)
        };
        match first_empty {
            FirstEmpty::Leftmost => groups.find_map(empty),
            FirstEmpty::Rightmost => groups.filter_map(empty).last(),
        }
    }

    /// The prints of a set, each group with its first way.
    fn groups_of(&self, set: usize) -> impl Iterator<Item = (usize, &Prints)> {
        let groups = &self.groups[set * self.length..][..self.length];
        let prints = groups.iter().map(|group| &group.prints);
        (0..).step_by(Prints::WAYS).zip(prints)
    }
}
