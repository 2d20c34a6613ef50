//! Pages that are being read while others run. Their frames are in transition, and so are their
//! entries: who touches one waits for the same read.
//!
//! The host's disk is asked when a read begins, and what it said is kept: what becomes of the
//! pages does not depend on how long somebody waits.

use std::collections::BTreeMap;

use mmu_core::PhysAddr;

use super::{Patience, Reader};
use crate::{
    Machine, PhysicalPage, ProcessId, Status,
    kernel::Kernel,
    pfn::{Evicted, FrameFlags},
    physical::Physical,
    pte::{FrameOwner, Pte},
    section::Whereabouts,
};

/// A read of pages that lie together, which several faults may wait for. None is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageReadId(u64);

/// A page that could not be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedPage {
    /// Where the entry lies that has it.
    pub(crate) at: PhysAddr,
    /// What that says of where the page is.
    pub(crate) original: Pte,
    pub(crate) reason: Status,
}

/// What a fault waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaited {
    pub(crate) read: PageReadId,
    /// What it will be told.
    pub(crate) failed: Option<FailedPage>,
}

/// A read that is not over.
#[derive(Debug)]
struct PageRead {
    /// Whose pages they are.
    process: ProcessId,
    /// In the order in which they are on standby then.
    frames: Vec<PhysAddr>,
    failed: Option<FailedPage>,
}

/// All reads that are not over, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct PagesInFlight {
    reads: BTreeMap<PageReadId, PageRead>,
    next: u64,
}

impl PagesInFlight {
    #[inline]
    fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = PhysAddr> {
        let reads = self.reads.values();
        reads.flat_map(|read| read.frames.iter().copied())
    }

    fn of(&self, frame: PhysAddr) -> Option<Awaited> {
        let mut reads = self.reads.iter();
        let (&id, read) = reads.find(|(_, read)| read.frames.contains(&frame))?;
        Some(Awaited {
            read: id,
            failed: read.failed,
        })
    }
}

impl Kernel {
    /// Lets a read go on while others run, whose frames are given to their entries, the wanted one
    /// last. Of a page that could not be read it is that one alone.
    pub(super) fn depart(
        &mut self,
        process: ProcessId,
        frames: Vec<PhysAddr>,
        failed: Option<FailedPage>,
    ) {
        let flights = &mut self.physical.in_flight;
        let read = PageReadId(flights.next);
        flights.next += 1;
        let pages = PageRead {
            process,
            frames,
            failed,
        };
        flights.reads.insert(read, pages);
        self.awaited = Some(Awaited { read, failed });
    }

    /// Where a page was that has a frame and that nobody uses. If it is being read, it is waited
    /// for: a collided fault.
    ///
    /// # Errors
    /// [`Status::InPageError`] if it could not be read, and of somebody who does not stay.
    #[inline]
    pub(crate) fn land(
        &mut self,
        frame: PhysAddr,
        patience: &Patience,
    ) -> Result<Whereabouts, Status> {
        if self.physical.in_flight.is_empty() {
            return Ok(Whereabouts::InMemory);
        }
        self.collide(frame, patience)
    }

    #[cold]
    fn collide(&mut self, frame: PhysAddr, patience: &Patience) -> Result<Whereabouts, Status> {
        let Some(awaited) = self.physical.in_flight.of(frame) else {
            return Ok(Whereabouts::InMemory);
        };
        self.faults.collided += 1;
        if let Patience::Leaves(_) = patience {
            self.awaited = Some(awaited);
            return Err(Status::InPageError);
        }
        self.physical.complete(awaited.read)?;
        match awaited.failed {
            Some(page) => Err(self.in_page_error(page.reason)),
            None => Ok(Whereabouts::Elsewhere),
        }
    }

    /// The error of a page that could not be read, and its reason for the thread.
    pub(super) fn in_page_error(&mut self, reason: Status) -> Status {
        self.in_page_reason = Some(reason);
        Status::InPageError
    }
}

impl Physical {
    /// Gives a frame that was filled to an entry, which says `original` again when it is taken.
    /// Nobody uses it yet: it is on standby, or in flight if its reader does not stay.
    pub(super) fn give_clean(
        &mut self,
        frame: PhysAddr,
        (at, original): (PhysAddr, Pte),
        owner: FrameOwner,
        reader: Reader<'_>,
    ) {
        let number = PhysicalPage::of(frame);
        let record = self.frames.record_mut(number);
        record
            .flags
            .set(FrameFlags::PROTOTYPE, owner == FrameOwner::Prototype);
        record.original = original;
        record.priority = reader.priority as u8;
        record.set_entry(Some(at));
        if reader.leaves() {
            record.flags |= FrameFlags::READ_IN_PROGRESS;
            record.references += 1;
        } else {
            self.frames.retire(number);
        }
    }

    /// Ends a read, if it is not over: its pages are on standby, and one that could not be read is
    /// where it was. Frames whose pages were deleted meanwhile are free.
    pub(crate) fn complete(&mut self, read: PageReadId) -> Result<(), Status> {
        let Some(read) = self.in_flight.reads.remove(&read) else {
            return Ok(());
        };
        for frame in read.frames {
            self.flags(frame).remove(FrameFlags::READ_IN_PROGRESS);
            let record = self.record(frame);
            match record.entry().filter(|_| read.failed.is_some()) {
                None => self.release(frame),
                Some(entry) => {
                    let (original, flags) = (record.original, record.flags);
                    self.evict(Evicted {
                        entry,
                        original,
                        is_prototype: flags.contains(FrameFlags::PROTOTYPE),
                    })?;
                    self.frames.free(PhysicalPage::of(frame));
                }
            }
        }
        Ok(())
    }

    /// Ends the read that began first; says whether there was any.
    pub(crate) fn complete_first(&mut self) -> Result<bool, Status> {
        match self.in_flight.reads.keys().next() {
            Some(&first) => self.complete(first).map(|()| true),
            None => Ok(false),
        }
    }

    /// Ends all reads of pages of a process.
    pub(crate) fn complete_of(&mut self, process: ProcessId) -> Result<(), Status> {
        let reads = self.in_flight.reads.iter();
        let own = reads.filter(|(_, read)| read.process == process);
        let own: Vec<_> = own.map(|(&id, _)| id).collect();
        own.into_iter().try_for_each(|read| self.complete(read))
    }
}

impl Machine {
    /// Pages that are being read, each of them in a frame that cannot be had.
    pub fn pages_in_flight(&self) -> u64 {
        self.kernel.physical.in_flight.frames().count() as u64
    }
}
