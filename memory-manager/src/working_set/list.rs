use super::{OLDEST, order::Order, places::Places};
use crate::vad::PAGE;

/// The pages that a process uses without a fault (Windows' `MMWSL`): the locked ones in front.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkingSetList {
    entries: Vec<Entry>,
    /// How many are locked.
    locked: usize,
    /// Where each page is.
    places: Places,
    /// In which order pages leave, since somebody asked and until they are aged.
    pub(super) order: Option<Order>,
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

    fn candidate(self) -> Candidate {
        Candidate {
            page: self.page(),
            age: self.age(),
            added: self.added,
        }
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
        self.places.get(page).is_some()
    }

    /// Adds a page that is not in it, and before which so many were added to any.
    pub(crate) fn add(&mut self, page: u64, added: u64) {
        self.places.set(page, self.entries.len());
        let entry = Entry { page, added };
        self.entries.push(entry);
        Order::admit(&mut self.order, entry.candidate(), self.entries.len());
    }

    /// Takes a page out, with its lock, if it is in it.
    pub(crate) fn remove(&mut self, page: u64) {
        let Some(place) = self.places.get(page) else {
            return;
        };
        let place = self.unlock_at(place);
        self.entries.swap_remove(place);
        if let Some(moved) = self.entries.get(place) {
            self.places.set(moved.page(), place);
        }
        self.places.remove(page);
    }

    pub(crate) fn is_locked(&self, page: u64) -> bool {
        let place = self.places.get(page);
        place.is_some_and(|place| place < self.locked)
    }

    pub(crate) fn lock(&mut self, page: u64) {
        if let Some(place) = self.places.get(page)
            && place >= self.locked
        {
            self.swap(place, self.locked);
            self.locked += 1;
        }
    }

    pub(crate) fn unlock(&mut self, page: u64) {
        if let Some(place) = self.places.get(page) {
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
            self.places.set(self.entries[place].page(), place);
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
        let candidates = self.entries[self.locked..].iter();
        candidates.map(|entry| entry.candidate())
    }

    /// How a page of it stands, be it locked or not.
    pub(super) fn standing(&self, page: u64) -> Option<Candidate> {
        let place = self.places.get(page)?;
        Some(self.entries[place].candidate())
    }

    /// Notes that a page was used since the last second, or was not.
    pub(crate) fn grow_older(&mut self, page: u64, use_: Use) {
        self.order = None;
        match use_ {
            Use::Used => self.rejuvenate(page),
            Use::Unused => self.set_age(page, |age| OLDEST.min(age + 1)),
        }
    }

    /// Notes that a page was used which has its turn to leave.
    pub(crate) fn rejuvenate(&mut self, page: u64) {
        self.set_age(page, |_| 0);
    }

    fn set_age(&mut self, page: u64, age: impl FnOnce(u8) -> u8) {
        if let Some(place) = self.places.get(page) {
            let entry = &mut self.entries[place];
            entry.page = entry.page() | u64::from(age(entry.age()));
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

    /// The pages in the order in which they have their turn.
    fn turns(list: &mut WorkingSetList) -> Vec<u64> {
        list.begin_pass();
        std::iter::from_fn(|| {
            let oldest = list.oldest()?;
            list.pass_oldest();
            Some(oldest.page / PAGE)
        })
        .collect()
    }

    /// The same, by a look at all of them.
    fn sorted(list: &WorkingSetList) -> Vec<u64> {
        let mut pages: Vec<_> = list.candidates().collect();
        pages.sort_by_key(|page| (OLDEST - page.age, page.added));
        pages.iter().map(|page| page.page / PAGE).collect()
    }

    #[test]
    fn every_page_has_one_turn_in_a_pass_the_oldest_first_and_then_the_one_that_came_first() {
        let mut list = filled(8);
        assert_eq!(turns(&mut list), [0, 1, 2, 3, 4, 5, 6, 7]);
        for page in [6, 1, 4] {
            list.grow_older(page * PAGE, Use::Unused);
        }
        assert_eq!(turns(&mut list), [1, 4, 6, 0, 2, 3, 5, 7]);
        assert_eq!(list.oldest(), None);
        // One that was used while it had its turn is a young one in the next pass.
        list.rejuvenate(4 * PAGE);
        list.lock(0);
        list.remove(2 * PAGE);
        list.add(9 * PAGE, 8);
        assert_eq!(turns(&mut list), [1, 6, 3, 4, 5, 7, 9]);
        // What left and came again has come last.
        list.remove(6 * PAGE);
        list.add(6 * PAGE, 9);
        list.unlock(0);
        assert_eq!(turns(&mut list), [1, 0, 3, 4, 5, 7, 9, 6]);
        assert_eq!(turns(&mut list), sorted(&list));
        for added in 10..200 {
            list.add(20 * PAGE, added);
            list.remove(20 * PAGE);
        }
        assert_eq!(turns(&mut list), sorted(&list));
    }

    #[test]
    fn whatever_pages_do_their_turns_are_what_a_look_at_all_of_them_says() {
        let mut list = WorkingSetList::default();
        let mut number = 1_u64;
        let mut below = |end: u64| {
            number = number.wrapping_mul(6_364_136_223_846_793_005);
            number = number.wrapping_add(1);
            (number >> 33) % end
        };
        for added in 0..5000 {
            let page = below(60) * PAGE;
            match below(16) {
                0..6 if !list.contains(page) => list.add(page, added),
                0..9 => list.remove(page),
                9 => list.lock(page),
                10 => list.unlock(page),
                11 => {
                    let pages: Vec<_> = list.pages().collect();
                    for page in pages {
                        let looks = [Use::Used, Use::Unused];
                        list.grow_older(page, looks[usize::from(below(3) > 0)]);
                    }
                }
                12..15 => {
                    list.begin_pass();
                    for _ in 0..below(20) {
                        let Some(oldest) = list.oldest() else {
                            break;
                        };
                        list.pass_oldest();
                        match below(3) {
                            0 => list.rejuvenate(oldest.page),
                            1 => list.remove(oldest.page),
                            _ => {}
                        }
                    }
                }
                _ => assert_eq!(sorted(&list), turns(&mut list)),
            }
        }
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
