use std::num::NonZeroU16;

use super::{
    database::Records,
    list::{List, Listed},
};
use crate::PhysicalPage;

/// The lists of frames on standby, one a priority.
pub(super) const PRIORITIES: usize = 8;

/// The lists, and how many frames of them can be had.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    /// By colour.
    zeroed: Vec<List>,
    /// By colour.
    free: Vec<List>,
    standby: [List; PRIORITIES],
    modified_private: List,
    modified_mapped: List,
    modified_no_write: List,
    bad: List,
    /// Counted as frames come and go: it is asked for at each call.
    available: u64,
}

/// How many frames there are of each kind (Windows' `SYSTEM_MEMORY_LIST_INFORMATION`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageLists {
    /// Nobody's, and zeros; those that were never used are among them.
    pub zeroed: u64,
    /// Nobody's.
    pub free: u64,
    /// Pages that are elsewhere, too, by priority.
    pub standby: [u64; PRIORITIES],
    /// Pages that are to be written to a page file.
    pub modified_page_file: u64,
    /// Pages that are to be written to their files.
    pub modified_mapped: u64,
    /// Pages that are not to be written.
    pub modified_no_write: u64,
    /// Frames that are not to be used.
    pub bad: u64,
}

impl PageLists {
    /// The frames that can be had: those on standby are.
    pub fn available(&self) -> u64 {
        self.zeroed + self.free + self.standby.iter().sum::<u64>()
    }
}

impl Lists {
    pub(super) fn new(colours: NonZeroU16) -> Self {
        let by_colour = vec![List::EMPTY; usize::from(colours.get())];
        Self {
            zeroed: by_colour.clone(),
            free: by_colour,
            standby: [List::EMPTY; PRIORITIES],
            modified_private: List::EMPTY,
            modified_mapped: List::EMPTY,
            modified_no_write: List::EMPTY,
            bad: List::EMPTY,
            available: 0,
        }
    }

    pub(super) fn colours(&self) -> usize {
        self.free.len()
    }

    /// How many frames of them can be had.
    pub(super) fn available(&self) -> u64 {
        self.available
    }

    /// Counts wrong.
    #[cfg(test)]
    pub(super) fn miscount(&mut self) {
        self.available += 1;
    }

    pub(super) fn get(&self, listed: Listed) -> &List {
        match listed {
            Listed::Zeroed { colour } => &self.zeroed[colour],
            Listed::Free { colour } => &self.free[colour],
            Listed::Standby { priority } => &self.standby[priority],
            Listed::ModifiedPrivate => &self.modified_private,
            Listed::ModifiedMapped => &self.modified_mapped,
            Listed::ModifiedNoWrite => &self.modified_no_write,
            Listed::Bad => &self.bad,
        }
    }

    fn get_mut(&mut self, listed: Listed) -> &mut List {
        match listed {
            Listed::Zeroed { colour } => &mut self.zeroed[colour],
            Listed::Free { colour } => &mut self.free[colour],
            Listed::Standby { priority } => &mut self.standby[priority],
            Listed::ModifiedPrivate => &mut self.modified_private,
            Listed::ModifiedMapped => &mut self.modified_mapped,
            Listed::ModifiedNoWrite => &mut self.modified_no_write,
            Listed::Bad => &mut self.bad,
        }
    }

    pub(super) fn push_first(
        &mut self,
        records: &mut Records,
        listed: Listed,
        frame: PhysicalPage,
    ) {
        self.get_mut(listed).push_first(records, frame);
        self.available += u64::from(listed.state().is_available());
    }

    pub(super) fn push_last(&mut self, records: &mut Records, listed: Listed, frame: PhysicalPage) {
        self.get_mut(listed).push_last(records, frame);
        self.available += u64::from(listed.state().is_available());
    }

    /// Takes a frame out of the list that it is in.
    pub(super) fn remove(&mut self, records: &mut Records, listed: Listed, frame: PhysicalPage) {
        self.get_mut(listed).remove(records, frame);
        self.available -= u64::from(listed.state().is_available());
    }

    /// Takes the first frame out of a list. Its record still has its links.
    pub(super) fn pop(&mut self, records: &mut Records, listed: Listed) -> Option<PhysicalPage> {
        let frame = self.get_mut(listed).pop_first(records)?;
        self.available -= u64::from(listed.state().is_available());
        Some(frame)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Listed, &List)> {
        let colours = 0..self.colours();
        let zeroed = colours.clone().map(|colour| Listed::Zeroed { colour });
        let free = colours.map(|colour| Listed::Free { colour });
        let standby = (0..PRIORITIES).map(|priority| Listed::Standby { priority });
        let others = [
            Listed::ModifiedPrivate,
            Listed::ModifiedMapped,
            Listed::ModifiedNoWrite,
            Listed::Bad,
        ];
        let all = zeroed.chain(free).chain(standby).chain(others);
        all.map(|listed| (listed, self.get(listed)))
    }

    pub(super) fn page_lists(&self) -> PageLists {
        let total = |lists: &[List]| lists.iter().map(|list| list.length).sum();
        PageLists {
            zeroed: total(&self.zeroed),
            free: total(&self.free),
            standby: self.standby.map(|list| list.length),
            modified_page_file: self.modified_private.length,
            modified_mapped: self.modified_mapped.length,
            modified_no_write: self.modified_no_write.length,
            bad: self.bad.length,
        }
    }
}
