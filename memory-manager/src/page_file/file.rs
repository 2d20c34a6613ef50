//! One page file.

use std::{io, ops::Range};

use super::{
    PageFileCounters, PageFileError, PageFileNumber, PageSlot, Slot, SlotRun, slot_map::SlotMap,
};
use crate::{
    Disk,
    disk::{self, ScratchPath},
    vad::{PAGE, PAGE_BYTES},
};

/// By how much a file grows at least, in pages: 1 MiB. Assumed.
const STEP: usize = 256;

/// Whether a file's last write came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    Well,
    Failing,
}

/// A file of slots. What is written is remembered by its CRC-32, so that nothing else is ever
/// given back.
#[derive(Debug)]
pub(super) struct PageFile {
    number: PageFileNumber,
    disk: Box<dyn Disk>,
    /// The path of a file that was made for this.
    pub(super) scratch: Option<ScratchPath>,
    slots: SlotMap,
    /// As far as slots were ever written.
    checksums: Vec<u32>,
    /// In pages.
    minimum: usize,
    maximum: usize,
    pub(super) health: Health,
    reads: u64,
    writes: u64,
}

impl PageFile {
    /// A file of `minimum` pages.
    pub(super) fn new(
        number: PageFileNumber,
        disk: Box<dyn Disk>,
        (minimum, maximum): (usize, usize),
    ) -> Result<Self, PageFileError> {
        let made = disk.set_length(minimum as u64 * PAGE);
        made.map_err(PageFileError::Create)?;
        Ok(Self {
            number,
            disk,
            scratch: None,
            slots: SlotMap::new(minimum),
            checksums: Vec::new(),
            minimum,
            maximum,
            health: Health::Well,
            reads: 0,
            writes: 0,
        })
    }

    pub(super) fn free(&self) -> usize {
        self.slots.free()
    }

    pub(super) fn pages(&self) -> usize {
        self.slots.len()
    }

    /// By how many pages it may still grow.
    pub(super) fn room(&self) -> usize {
        self.maximum - self.slots.len()
    }

    pub(super) fn counters(&self) -> PageFileCounters {
        PageFileCounters {
            pages: self.slots.len() as u64,
            used: self.slots.in_use() as u64,
            peak: self.slots.peak() as u64,
            reads: self.reads,
            writes: self.writes,
        }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }

    /// Writes as many of the pages as there are slots in a row for. None are in use if it
    /// fails.
    pub(super) fn write(&mut self, pages: &[u8]) -> Result<SlotRun, PageFileError> {
        let slots = self.slots.take(pages.len() / PAGE_BYTES);
        let slots = slots.ok_or(PageFileError::Full)?;
        let run = self.run(&slots).ok_or(PageFileError::Full)?;
        let pages = &pages[..slots.len() * PAGE_BYTES];
        self.writes += 1;
        if let Err(source) = disk::write_full(&*self.disk, run.first.offset(), pages) {
            self.health = Health::Failing;
            self.slots.give_back(slots);
            let (file, slot) = (self.number, run.first);
            return Err(PageFileError::Write { file, slot, source });
        }
        self.health = Health::Well;
        if self.checksums.len() < slots.end {
            self.checksums.resize(slots.end, 0);
        }
        let checksums = &mut self.checksums[slots];
        for (checksum, page) in checksums.iter_mut().zip(pages.chunks_exact(PAGE_BYTES)) {
            *checksum = crc32fast::hash(page);
        }
        Ok(run)
    }

    /// Reads the pages of a run.
    pub(super) fn read(&mut self, run: SlotRun, pages: &mut [u8]) -> Result<(), PageFileError> {
        let slots = self.in_use(run)?;
        self.reads += 1;
        let file = self.number;
        let count = disk::read_full(&*self.disk, run.first.offset(), pages);
        let count = count.map_err(|source| {
            let slot = run.first;
            PageFileError::Read { file, slot, source }
        })?;
        let known = self.checksums[slots].iter();
        for ((PageSlot { slot, .. }, page), &known) in
            run.slots().zip(pages.chunks(PAGE_BYTES)).zip(known)
        {
            let end = (slot.index() - run.first.index() + 1) * PAGE_BYTES;
            if end > count {
                return Err(PageFileError::Ends { file, slot });
            }
            if crc32fast::hash(page) != known {
                return Err(PageFileError::Corrupt { file, slot });
            }
        }
        Ok(())
    }

    /// Gives the slots of a run back.
    pub(super) fn give_back(&mut self, run: SlotRun) -> Result<(), PageFileError> {
        let slots = self.in_use(run)?;
        self.slots.give_back(slots);
        Ok(())
    }

    /// Makes the file longer by so many pages or a step, if that is more, and as it may be;
    /// gives by how many.
    pub(super) fn grow(&mut self, by: usize) -> Result<usize, PageFileError> {
        let old = self.slots.len();
        let pages = old.saturating_add(by.max(STEP)).min(self.maximum);
        let length = pages as u64 * PAGE;
        self.disk
            .set_length(length)
            .map_err(|source| PageFileError::Grow {
                file: self.number,
                pages: pages as u64,
                source,
            })?;
        self.slots.grow(pages);
        Ok(pages - old)
    }

    /// Cuts off what is free at the end, as many pages as `most`; gives how many. A file that
    /// the host does not make shorter stays as it is.
    pub(super) fn shrink(&mut self, most: usize) -> usize {
        let old = self.slots.len();
        let least = self.slots.least().max(self.minimum);
        let pages = least.max(old.saturating_sub(most));
        if pages == old || self.disk.set_length(pages as u64 * PAGE).is_err() {
            return 0;
        }
        self.slots.shrink(pages);
        self.checksums.truncate(pages);
        old - pages
    }

    /// The slots of a run, counted from 0, if all are in use.
    fn in_use(&self, run: SlotRun) -> Result<Range<usize>, PageFileError> {
        let first = run.first.index();
        let slots = first..first + run.pages as usize;
        match self.slots.first_unused(slots.clone()) {
            None => Ok(slots),
            Some(index) => Err(PageFileError::NotInUse {
                file: self.number,
                slot: slot(index).unwrap_or(run.first),
            }),
        }
    }

    fn run(&self, slots: &Range<usize>) -> Option<SlotRun> {
        Some(SlotRun {
            file: self.number,
            first: slot(slots.start)?,
            pages: u32::try_from(slots.len()).ok()?,
        })
    }
}

fn slot(index: usize) -> Option<Slot> {
    Slot::new(u32::try_from(index).ok()?.checked_add(1)?)
}
