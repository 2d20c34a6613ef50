use hashbrown::HashMap;

/// What a table covers: as much as a page table.
const TABLE_SHIFT: u32 = 21;
const PAGES: usize = 512;

/// No working set has so many pages.
const NOWHERE: u32 = u32::MAX;

/// Where each page of a working set is in its list. Neighbours are mostly asked for one after
/// another: the table of the last one is at hand.
#[derive(Clone, Debug)]
pub(super) struct Places {
    tables: Vec<Table>,
    /// Where the table of some pages is, by their number.
    by_number: HashMap<u64, usize>,
    /// The last one.
    last: (u64, usize),
}

#[derive(Clone, Debug)]
struct Table {
    number: u64,
    /// How many pages are somewhere; one at least.
    used: usize,
    places: [u32; PAGES],
}

/// Of no page.
const NO_NUMBER: u64 = u64::MAX;

impl Default for Places {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            by_number: HashMap::default(),
            last: (NO_NUMBER, 0),
        }
    }
}

/// The table of a page, and where in it.
fn place(page: u64) -> (u64, usize) {
    (page >> TABLE_SHIFT, (page >> 12) as usize % PAGES)
}

impl Places {
    pub(super) fn get(&self, page: u64) -> Option<usize> {
        let (number, slot) = place(page);
        let place = self.tables[self.find(number)?].places[slot];
        (place != NOWHERE).then_some(place as usize)
    }

    /// Puts a page there, wherever it was.
    pub(super) fn set(&mut self, page: u64, to: usize) {
        let (number, slot) = place(page);
        let table = self.find(number).unwrap_or_else(|| self.add(number));
        self.last = (number, table);
        let table = &mut self.tables[table];
        table.used += usize::from(table.places[slot] == NOWHERE);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the host has no room for more"
        )]
        let to = to as u32;
        table.places[slot] = to;
    }

    /// The page is nowhere any more.
    pub(super) fn remove(&mut self, page: u64) {
        let (number, slot) = place(page);
        let Some(index) = self.find(number) else {
            return;
        };
        self.last = (number, index);
        let table = &mut self.tables[index];
        table.used -= usize::from(table.places[slot] != NOWHERE);
        table.places[slot] = NOWHERE;
        if table.used == 0 {
            self.drop_table(index);
        }
    }

    fn find(&self, number: u64) -> Option<usize> {
        if self.last.0 == number {
            Some(self.last.1)
        } else {
            self.by_number.get(&number).copied()
        }
    }

    #[cold]
    fn add(&mut self, number: u64) -> usize {
        let index = self.tables.len();
        self.by_number.insert(number, index);
        self.tables.push(Table {
            number,
            used: 0,
            places: [NOWHERE; PAGES],
        });
        index
    }

    #[cold]
    fn drop_table(&mut self, index: usize) {
        let table = self.tables.swap_remove(index);
        self.by_number.remove(&table.number);
        if let Some(moved) = self.tables.get(index) {
            self.by_number.insert(moved.number, index);
        }
        self.last = (NO_NUMBER, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vad::PAGE;

    #[test]
    fn pages_are_found_where_they_were_put_last_and_tables_go_with_their_last_page() {
        let far = 1 << 40;
        let pages = [0, PAGE, far - PAGE, far];
        let mut places = Places::default();
        for (place, &page) in pages.iter().enumerate() {
            places.set(page, 7);
            places.set(page, place);
        }
        assert_eq!(pages.map(|page| places.get(page)), [0, 1, 2, 3].map(Some));
        assert_eq!(places.get(2 * PAGE), None);
        assert_eq!(places.tables.len(), 3);
        for page in [PAGE, 5 * PAGE, 0] {
            places.remove(page);
        }
        assert_eq!(places.tables.len(), 2);
        assert_eq!(
            pages.map(|page| places.get(page)),
            [None, None, Some(2), Some(3)]
        );
        places.remove(far);
        places.remove(far - PAGE);
        assert!(places.tables.is_empty() && places.by_number.is_empty());
    }
}
