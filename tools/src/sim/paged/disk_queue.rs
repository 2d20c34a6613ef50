use std::collections::BTreeMap;

use memory_manager::PageReadId;
use mmu_core::Cycles;

use crate::sim::{Waits, processor::Processor};

/// Who waits until when for the disk, which does one thing at a time.
#[derive(Clone, Debug)]
pub(super) struct DiskQueue {
    pub(super) waits: Waits,
    /// What it has done so far.
    done: Cycles,
    /// When it has done all that it was asked for.
    free: Cycles,
    /// Until when whoever ran last has to wait.
    pub(super) until: Option<Cycles>,
    /// When pages arrive that are being read.
    arrivals: BTreeMap<PageReadId, Cycles>,
}

impl Default for DiskQueue {
    fn default() -> Self {
        Self {
            waits: Waits::Stay,
            done: Cycles::default(),
            free: Cycles::default(),
            until: None,
            arrivals: BTreeMap::new(),
        }
    }
}

impl DiskQueue {
    /// The disk was asked for work, all of which comes to so much, by what a processor runs.
    pub(super) fn work(&mut self, all: Cycles, processor: &mut Processor) {
        if all == self.done {
            return;
        }
        let work = all - self.done;
        self.done = all;
        match self.waits {
            Waits::Stay => processor.wait_for_disks(work),
            Waits::GiveWay => {
                self.free = self.free.max(processor.cycles().total()) + work;
                self.until = Some(self.free);
            }
        }
    }

    /// Whoever runs waits for a read, be it the last thing that the disk was asked for or one that
    /// it was asked for before; unless that is done by now.
    pub(super) fn wait_for(&mut self, read: PageReadId, now: Cycles) -> bool {
        let arrival = *self.arrivals.entry(read).or_insert(self.free);
        let waits = arrival > now;
        if waits {
            self.until = self.until.max(Some(arrival));
        }
        waits
    }

    /// What was read has arrived.
    pub(super) fn is_over(&mut self, read: PageReadId) {
        self.arrivals.remove(&read);
    }
}
