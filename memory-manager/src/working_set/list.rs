use hashbrown::HashMap;

use super::OLDEST;
use crate::vad::PAGE;

/// The pages that a process uses without a fault (Windows' `MMWSL`): the locked ones in front.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkingSetList {
    entries: Vec<Entry>,
    /// How many are locked.
    locked: usize,
    /// Where each page is.
    places: HashMap<u64, usize>,
    /// Behind which of the pages that are not locked the next look at some of them begins.
    hand: usize,
}

/// A page of a working set.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Its address, with its age in the lowest bits.
    page: u64,
    /// How many pages were added to any working set before it.
    added: u64,
}

/// The age is in the bits of the offset.
const AGE: u64 = PAGE - 1;

impl Entry {
    fn page(self) -> u64 {
        self.page & !AGE
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven at most")]
    fn age(self) -> u8 {
        (self.page & AGE) as u8
    }
}

/// A page of a working set that can leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) page: u64,
    /// For how many passes it was not used.
    pub(crate) age: u8,
    /// How many pages were added to any working set before it.
    pub(crate) added: u64,
}

impl WorkingSetList {
    pub(crate) fn length(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, page: u64) -> bool {
        self.places.contains_key(&page)
    }

    /// Adds a page that is not in it, and before which so many were added to any.
    pub(crate) fn add(&mut self, page: u64, added: u64) {
        self.places.insert(page, self.entries.len());
        self.entries.push(Entry { page, added });
    }

    /// Takes a page out, with its lock, if it is in it.
    pub(crate) fn remove(&mut self, page: u64) {
        let Some(place) = self.places.get(&page).copied() else {
            return;
        };
        let place = self.unlock_at(place);
        self.places.remove(&page);
        self.entries.swap_remove(place);
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.page(), place);
        }
    }

    pub(crate) fn is_locked(&self, page: u64) -> bool {
        let place = self.places.get(&page);
        place.is_some_and(|&place| place < self.locked)
    }

    pub(crate) fn lock(&mut self, page: u64) {
        if let Some(place) = self.places.get(&page).copied()
            && place >= self.locked
        {
            self.swap(place, self.locked);
            self.locked += 1;
        }
    }

    pub(crate) fn unlock(&mut self, page: u64) {
        if let Some(place) = self.places.get(&page).copied() {
            self.unlock_at(place);
        }
    }

    /// Returns where the page is then.
    fn unlock_at(&mut self, place: usize) -> usize {
        if place >= self.locked {
            return place;
        }
        self.locked -= 1;
        self.swap(place, self.locked);
        self.locked
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.entries.swap(one, other);
        for place in [one, other] {
            self.places.insert(self.entries[place].page(), place);
        }
    }

    /// The locked pages.
    pub(crate) fn locked(&self) -> impl ExactSizeIterator<Item = u64> {
        self.entries[..self.locked].iter().map(|entry| entry.page())
    }

    /// All pages, the locked ones first.
    pub(crate) fn pages(&self) -> impl ExactSizeIterator<Item = u64> {
        self.entries.iter().map(|entry| entry.page())
    }

    /// The pages that are not locked.
    pub(crate) fn candidates(&self) -> impl ExactSizeIterator<Item = Candidate> {
        self.entries[self.locked..].iter().map(|entry| Candidate {
            page: entry.page(),
            age: entry.age(),
            added: entry.added,
        })
    }

    /// The pages that are not locked, in a circle from behind those that were looked at.
    pub(crate) fn from_hand(&self) -> impl Iterator<Item = Candidate> {
        let length = self.candidates().len();
        let hand = self.hand.min(length);
        let (behind, before) = (self.candidates().skip(hand), self.candidates().take(hand));
        behind.chain(before)
    }

    /// So many were looked at.
    pub(crate) fn move_hand(&mut self, pages: usize) {
        let length = self.candidates().len().max(1);
        self.hand = (self.hand.min(length) + pages) % length;
    }

    /// Notes that a page was used since the last pass, or was not.
    pub(crate) fn grow_older(&mut self, page: u64, use_: Use) {
        if let Some(&place) = self.places.get(&page) {
            let entry = &mut self.entries[place];
            let age = match use_ {
                Use::Used => 0,
                Use::Unused => OLDEST.min(entry.age() + 1),
            };
            entry.page = entry.page() | u64::from(age);
        }
    }
}

/// Whether a page was used between two passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Used,
    Unused,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pages: u64) -> WorkingSetList {
        let mut list = WorkingSetList::default();
        (0..pages).for_each(|page| list.add(page * PAGE, page));
        list
    }

    #[test]
    fn locked_pages_are_in_front_and_found_wherever_they_were() {
        let mut list = filled(6);
        for page in [4, 2, 4] {
            list.lock(page * PAGE);
        }
        assert_eq!(list.locked().collect::<Vec<_>>(), [4 * PAGE, 2 * PAGE]);
        assert!(list.is_locked(2 * PAGE) && !list.is_locked(0));
        list.remove(4 * PAGE);
        list.remove(0);
        list.remove(9 * PAGE);
        assert_eq!(list.locked().collect::<Vec<_>>(), [2 * PAGE]);
        let mut pages: Vec<_> = list.pages().map(|page| page / PAGE).collect();
        pages.sort_unstable();
        assert_eq!(pages, [1, 2, 3, 5]);
        list.unlock(2 * PAGE);
        assert_eq!((list.locked().len(), list.candidates().len()), (0, 4));
        for page in [1, 2, 3, 5] {
            assert!(list.contains(page * PAGE));
            list.remove(page * PAGE);
        }
        assert_eq!(list.length(), 0);
    }

    #[test]
    fn every_page_is_looked_at_in_its_turn() {
        let mut list = filled(7);
        list.lock(0);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.extend(list.from_hand().take(4).map(|page| page.page / PAGE));
            list.move_hand(4);
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
        (1..6).for_each(|page| list.remove(page * PAGE));
        list.move_hand(1);
        assert_eq!(list.from_hand().count(), 1);
    }

    #[test]
    fn a_page_grows_older_up_to_seven_until_it_is_used() {
        let mut list = filled(1);
        let age = |list: &WorkingSetList| list.candidates().next().unwrap().age;
        for pass in 1..10 {
            list.grow_older(0, Use::Unused);
            assert_eq!(age(&list), OLDEST.min(pass));
        }
        list.grow_older(0, Use::Used);
        assert_eq!(age(&list), 0);
    }
}
