//! Hard faults: pages are read from page files, and what lies beside them.

use mmu_core::PhysAddr;

use super::{FailedPage, Patience, Reader};
use crate::{
    IoOwner, PageSlot, Slot, SlotRun, Status,
    kernel::Kernel,
    pfn::Wanted,
    physical::Physical,
    protection::Protection,
    pte::{FrameOwner, Pte, PteState},
    vad::{PAGE, PAGE_BYTES},
};

/// How many pages are read at once, at most (Windows Internals: 8 of a page file or an image, and
/// 4 to 8 of another file; literature only).
pub(super) const CLUSTER: u64 = 8;

/// Frames that reading ahead leaves for others. Assumed.
pub(crate) const SPARED: u64 = 16;

/// Entries of a table.
const TABLE: u64 = PAGE / 8;

impl Kernel {
    /// The frame of a page that an entry says is in a page file, read from there: the entry is
    /// one in transition then.
    ///
    /// # Errors
    /// [`Status::InPageError`], of which the thread is told the reason, and of a reader who does
    /// not stay; [`Status::NoMemory`].
    pub(crate) fn page_in(
        &mut self,
        at: PhysAddr,
        owner: FrameOwner,
        reader: Reader<'_>,
    ) -> Result<PhysAddr, Status> {
        let slot = self.physical.slot_of(at)?.ok_or(Status::InternalError)?;
        let original = Pte::page_file(slot, Protection::SHARED);
        if let Some(reason) = reader.was_told(at, original) {
            return Err(self.in_page_error(reason));
        }
        let paged = self.physical.page_in((at, slot), owner, reader)?;
        let failed = paged.failed.map(|reason| FailedPage {
            at,
            original,
            reason,
        });
        self.faults.hard += u64::from(failed.is_none());
        match (*reader.patience, failed, paged.frames.last()) {
            (Patience::Leaves(process), ..) => {
                self.depart(process, paged.frames, failed);
                Err(Status::InPageError)
            }
            (_, Some(page), _) => Err(self.in_page_error(page.reason)),
            (_, None, wanted) => wanted.copied().ok_or(Status::InternalError),
        }
    }
}

/// Pages that were read.
struct Paged {
    /// Where they are, the wanted one last.
    frames: Vec<PhysAddr>,
    /// Why the wanted one could not be read.
    failed: Option<Status>,
}

/// Entries that follow each other, of pages that do so in a page file.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    first: PhysAddr,
    run: SlotRun,
    /// Which of them is the page that is wanted.
    wanted: usize,
}

impl Physical {
    /// As [`Kernel::page_in`]. A page that could not be read has a frame only for a reader who
    /// does not stay.
    fn page_in(
        &mut self,
        (at, slot): (PhysAddr, PageSlot),
        owner: FrameOwner,
        reader: Reader<'_>,
    ) -> Result<Paged, Status> {
        let mut frames = vec![self.take(Wanted::Anything)?.frame.frame()];
        let mut cluster = self.cluster(at, slot)?;
        while frames.len() < cluster.run.pages as usize && self.available() > SPARED {
            frames.push(self.take(Wanted::Anything)?.frame.frame());
        }
        if frames.len() < cluster.run.pages as usize {
            cluster = cluster.alone();
        }
        let mut pages = vec![0; cluster.run.pages as usize * PAGE_BYTES];
        let mut read = self.read_run(cluster.run, &mut pages);
        if read.is_err() && cluster.run.pages > 1 {
            // Another page of them may be what could not be read.
            cluster = cluster.alone();
            pages.truncate(PAGE_BYTES);
            read = self.read_run(cluster.run, &mut pages);
        }
        let used = if read.is_ok() || reader.leaves() {
            cluster.run.pages
        } else {
            0
        };
        for frame in frames.drain(used as usize..) {
            self.free(frame);
        }
        if used > 0 {
            // The wanted page is the last to be taken again.
            let wanted = frames.remove(cluster.wanted);
            frames.push(wanted);
        }
        let others = (0..used as usize).filter(|&index| index != cluster.wanted);
        for (&frame, index) in frames.iter().zip(others.chain([cluster.wanted])) {
            let page = &pages[index * PAGE_BYTES..][..PAGE_BYTES];
            let written = self.ram().write(frame, page);
            written.map_err(|_| Status::InternalError)?;
            let entry = cluster.first.wrapping_add(index as u64 * 8);
            self.give_from_page_file(frame, entry, owner, reader)?;
        }
        Ok(Paged {
            frames,
            failed: read.err(),
        })
    }

    fn read_run(&mut self, run: SlotRun, pages: &mut [u8]) -> Result<(), Status> {
        let read = self.page_files.read(run, pages);
        self.disks.read(IoOwner::PageFile, pages.len() as u64);
        read.map_err(|error| {
            self.disks.fail(IoOwner::PageFile);
            error.status()
        })
    }

    /// The entries around one whose pages lie beside its page as they do.
    fn cluster(&self, at: PhysAddr, slot: PageSlot) -> Result<Cluster, Status> {
        let index = at.as_u64() % PAGE / 8;
        let table = PhysAddr::new(at.as_u64() - index * 8);
        let beside = |step: i64| -> Result<u64, Status> {
            let mut count = 0;
            while count + 1 < CLUSTER {
                let distance = step * (count.cast_signed() + 1);
                let Some(next) = index
                    .checked_add_signed(distance)
                    .filter(|&next| next < TABLE)
                else {
                    break;
                };
                let beside = slot.beside(distance);
                if beside.is_none() || self.slot_of(table.wrapping_add(next * 8))? != beside {
                    break;
                }
                count += 1;
            }
            Ok(count)
        };
        let after = beside(1)?;
        let before = beside(-1)?.min(CLUSTER - 1 - after);
        let first = slot.beside(-before.cast_signed());
        let first = first.ok_or(Status::InternalError)?;
        #[expect(clippy::cast_possible_truncation, reason = "8 at most")]
        Ok(Cluster {
            first: table.wrapping_add((index - before) * 8),
            run: SlotRun {
                file: first.file,
                first: first.slot,
                pages: (before + 1 + after) as u32,
            },
            wanted: before as usize,
        })
    }

    fn slot_of(&self, at: PhysAddr) -> Result<Option<PageSlot>, Status> {
        match self.read_pte(at)?.state() {
            PteState::PageFile(slot, _) => Ok(Some(slot)),
            _ => Ok(None),
        }
    }

    /// Gives a frame to the entry whose page was read into it.
    fn give_from_page_file(
        &mut self,
        frame: PhysAddr,
        at: PhysAddr,
        owner: FrameOwner,
        reader: Reader<'_>,
    ) -> Result<(), Status> {
        let PteState::PageFile(slot, protection) = self.read_pte(at)?.state() else {
            return Err(Status::InternalError);
        };
        let original = Pte::page_file(slot, Protection::SHARED);
        self.give_clean(frame, (at, original), owner, reader);
        self.write_raw(at, Pte::transition(frame, protection))
    }
}

impl Cluster {
    /// The wanted page of it.
    fn alone(self) -> Self {
        let slot = self.run.slots().nth(self.wanted);
        Self {
            first: self.first.wrapping_add(self.wanted as u64 * 8),
            run: slot.map_or(self.run, SlotRun::from),
            wanted: 0,
        }
    }
}

impl PageSlot {
    /// The slot so many behind it in its file.
    fn beside(self, distance: i64) -> Option<Self> {
        let slot = i64::from(self.slot.get()).checked_add(distance)?;
        let slot = Slot::new(u32::try_from(slot).ok()?)?;
        Some(Self { slot, ..self })
    }
}
