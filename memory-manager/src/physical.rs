use std::num::NonZeroU16;

use mmu_core::{PageSize, PhysAddr, Ram, RamTooLarge};

use crate::{
    DiskLedger, DiskModel, MemoryPriority, PageFiles, PageSlot, PhysicalPage, Status,
    paging::PagesInFlight,
    pfn::{Content, Evicted, FrameDatabase, FrameFlags, FrameState, Record, Taken, Wanted},
    processors::Coherence,
    protection::Protection,
    pte::{FrameOwner, Pte, PteState},
    system::{Stall, Tasks},
};

mod entries;

const SIZE: PageSize = PageSize::Size4KiB;

/// The frames that a page of any size lies in.
pub(crate) fn frames_of(page: PhysAddr, size: PageSize) -> impl Iterator<Item = PhysAddr> {
    let frames = 0..size.bytes() / SIZE.bytes();
    frames.map(move |index| page.wrapping_add(index * SIZE.bytes()))
}

/// The machine's memory, and what each of its frames is in use for.
///
/// A frame that is allocated is on its way: it becomes somebody's when an entry shows it, when
/// a prototype entry is given it, or when it is held. From then on its entries decide, as they
/// are written: it goes to a list when the last valid one is gone, and is free when the last
/// one is. Who writes entries makes the kernel coherent before anything is allocated, so that no
/// processor reaches a frame that is another page's.
#[derive(Debug)]
pub(crate) struct Physical {
    pub(super) ram: Ram,
    pub(super) frames: FrameDatabase,
    /// A slot belongs to the entry that names it, or to the frame whose original entry does.
    pub(crate) page_files: PageFiles,
    pub(crate) disks: DiskLedger,
    pub(crate) tasks: Tasks,
    /// Whether, and why, pages cannot be written for now.
    pub(crate) stall: Stall,
    /// Whether a free frame is nobody's.
    pub(crate) coherence: Coherence,
    pub(crate) in_flight: PagesInFlight,
}

impl Physical {
    pub(crate) fn new(
        bytes: u64,
        colours: NonZeroU16,
        disk: DiskModel,
    ) -> Result<Self, RamTooLarge> {
        Ok(Self {
            ram: Ram::new(bytes)?,
            frames: FrameDatabase::new(bytes >> SIZE.shift(), colours),
            page_files: PageFiles::default(),
            disks: DiskLedger::new(disk),
            tasks: Tasks::default(),
            stall: Stall::default(),
            coherence: Coherence::Whole,
            in_flight: PagesInFlight::default(),
        })
    }

    pub(crate) fn ram(&self) -> &Ram {
        &self.ram
    }

    pub(crate) fn frames(&self) -> &FrameDatabase {
        &self.frames
    }

    #[cfg(test)]
    pub(crate) fn frames_mut(&mut self) -> &mut FrameDatabase {
        &mut self.frames
    }

    /// Frames that cannot be had: what is on standby can.
    pub(crate) fn in_use(&self) -> u64 {
        self.frames.frames() - self.available()
    }

    /// Frames that can be had.
    pub(crate) fn available(&self) -> u64 {
        self.frames.available()
    }

    /// Frames that are not out of use.
    pub(crate) fn usable(&self) -> u64 {
        self.frames.frames() - self.frames.page_lists().bad
    }

    /// Frames that hold nothing.
    pub(crate) fn vacant(&self) -> u64 {
        let lists = self.frames.page_lists();
        lists.zeroed + lists.free
    }

    /// Takes a frame; if none can be had, pages are written until one can, even where that
    /// failed before, and those waited for that are being read.
    pub(super) fn take(&mut self, wanted: Wanted) -> Result<Taken, Status> {
        self.check_coherence();
        loop {
            if let Some(taken) = self.frames.take(wanted) {
                self.tell(taken)?;
                return Ok(taken);
            }
            if self.write_for_a_frame()? == 0 && !self.complete_first()? {
                return Err(Status::NoMemory);
            }
        }
    }

    fn check_coherence(&self) {
        debug_assert_eq!(
            self.coherence,
            Coherence::Whole,
            "a frame is taken that a processor may still reach"
        );
    }

    /// Tells the owner of a frame that was taken, if it had one.
    fn tell(&mut self, taken: Taken) -> Result<(), Status> {
        taken.evicted.map_or(Ok(()), |evicted| self.evict(evicted))
    }

    #[cold]
    pub(crate) fn evict(&mut self, evicted: Evicted) -> Result<(), Status> {
        let left = if evicted.is_prototype {
            evicted.original
        } else {
            self.read_pte(evicted.entry)?.evicted(evicted.original)
        };
        self.write_raw(evicted.entry, left)
    }

    /// Takes the frames of all pages that are elsewhere, too, and frees them.
    pub(crate) fn free_standby(&mut self) -> Result<(), Status> {
        while let Some(taken) = self.frames.take_standby() {
            self.tell(taken)?;
            self.free(taken.frame.frame());
        }
        Ok(())
    }

    /// A frame that holds what its last owner left there: it must be filled.
    pub(crate) fn allocate_to_fill(&mut self) -> Result<PhysAddr, Status> {
        Ok(self.take(Wanted::Anything)?.frame.frame())
    }

    /// A frame of zeros.
    pub(crate) fn allocate(&mut self) -> Result<PhysAddr, Status> {
        let taken = self.take(Wanted::Zeros)?;
        self.zero(taken)?;
        Ok(taken.frame.frame())
    }

    fn zero(&mut self, taken: Taken) -> Result<(), Status> {
        if taken.content == Content::Zeros {
            return Ok(());
        }
        let zeroed = self.ram.zero_frame(taken.frame.frame());
        zeroed.map_err(|_| Status::InternalError)
    }

    /// A frame that holds what another one holds.
    pub(crate) fn allocate_copy(&mut self, of: PhysAddr) -> Result<PhysAddr, Status> {
        let frame = self.allocate_to_fill()?;
        let copied = self.ram.copy_frame(of, frame);
        copied.map_err(|_| Status::InternalError)?;
        Ok(frame)
    }

    /// Memory for a page of any size, zeros, in one piece, which is held.
    ///
    /// # Errors
    /// [`Status::InsufficientResources`] if there is no piece so large.
    pub(crate) fn allocate_page(&mut self, size: PageSize) -> Result<PhysAddr, Status> {
        self.check_coherence();
        let piece = self.frames.find_piece(size.bytes() / SIZE.bytes());
        let page = piece.ok_or(Status::InsufficientResources)?.frame();
        for frame in frames_of(page, size) {
            let taken = self.frames.take_this(PhysicalPage::of(frame));
            self.tell(taken)?;
            self.zero(taken)?;
            self.hold(frame);
        }
        Ok(page)
    }

    /// Keeps a frame that was allocated for its owner, whatever entries show it.
    pub(crate) fn hold(&mut self, frame: PhysAddr) {
        let record = self.frames.record_mut(PhysicalPage::of(frame));
        record.flags |= FrameFlags::HELD;
        record.state = FrameState::Active;
        record.shares += 1;
        record.references += 1;
    }

    /// Gives a frame back that was allocated and not used, or that is held and not shown. If it
    /// is locked, it is free when it is no more.
    pub(crate) fn free(&mut self, frame: PhysAddr) {
        let number = PhysicalPage::of(frame);
        let record = self.frames.record_mut(number);
        if record.references <= 1 {
            return self.discard(number);
        }
        record.flags -= FrameFlags::HELD | FrameFlags::PROTOTYPE;
        record.shares = 0;
        record.references -= 1;
        record.state = FrameState::Transition;
        record.set_entry(None);
    }

    /// Frees a frame, and the slot that its page has in a page file.
    fn discard(&mut self, frame: PhysicalPage) {
        self.drop_slot(frame);
        self.frames.free(frame);
    }

    /// Gives the slot back that the page in a frame has in a page file.
    fn drop_slot(&mut self, frame: PhysicalPage) {
        let record = self.frames.record_mut(frame);
        if let PteState::PageFile(slot, protection) = record.original.state() {
            record.original = if record.is(FrameFlags::PROTOTYPE) {
                Pte::demand_zero(protection)
            } else {
                Pte::ZERO
            };
            self.free_slot(slot);
        }
    }

    /// Gives a slot back that no entry names any more.
    pub(crate) fn free_slot(&mut self, slot: PageSlot) {
        // Books that are wrong are for the check of them to find.
        let _ = self.page_files.free(slot.into());
        self.stall.room_was_made();
    }

    /// Gives the memory of a held page of any size back.
    pub(crate) fn free_page(&mut self, page: PhysAddr, size: PageSize) {
        for frame in frames_of(page, size) {
            self.free(frame);
        }
    }

    /// Zeros so many free frames; fewer if there are no more. Returns how many.
    pub(crate) fn zero_free(&mut self, most: u64) -> Result<u64, Status> {
        self.check_coherence();
        for zeroed in 0..most {
            let Some(frame) = self.frames.take_free() else {
                return Ok(zeroed);
            };
            let done = self.ram.zero_frame(frame.frame());
            done.map_err(|_| Status::InternalError)?;
            self.frames.give_zeroed(frame);
        }
        Ok(most)
    }

    /// Takes a frame that can be had out of use.
    ///
    /// # Errors
    /// [`Status::InvalidParameter`] if there is no such frame, [`Status::ConflictingAddresses`]
    /// if it cannot be had.
    pub(crate) fn give_up(&mut self, frame: PhysicalPage) -> Result<(), Status> {
        if frame.0 >= self.frames.frames() {
            return Err(Status::InvalidParameter);
        }
        if !self.frames.record(frame).state.is_available() {
            return Err(Status::ConflictingAddresses);
        }
        let taken = self.frames.take_this(frame);
        self.tell(taken)?;
        self.frames.give_up(frame);
        Ok(())
    }

    /// Keeps a frame from being taken while somebody is busy with it.
    pub(crate) fn refer(&mut self, frame: PhysAddr) {
        let number = PhysicalPage::of(frame);
        self.frames.unlink(number);
        self.frames.record_mut(number).references += 1;
    }

    /// The same, for as long as a device is busy with it.
    ///
    /// # Errors
    /// [`Status::InsufficientResources`] if as many already are as can be counted.
    pub(crate) fn lock(&mut self, frame: PhysAddr) -> Result<(), Status> {
        // The others are for who is busy with it for a moment.
        const MOST: u16 = u16::MAX / 2;
        if self.record(frame).references >= MOST {
            return Err(Status::InsufficientResources);
        }
        self.refer(frame);
        Ok(())
    }

    /// Whether somebody else than the entries that show a frame keeps it.
    pub(crate) fn is_kept(&self, frame: PhysAddr) -> bool {
        self.record(frame).references > 1
    }

    /// Takes such a reference back. When it was the last, the frame goes where it belongs.
    pub(crate) fn release(&mut self, frame: PhysAddr) {
        let number = PhysicalPage::of(frame);
        let record = self.frames.record_mut(number);
        record.references -= 1;
        if record.references > 0 {
        } else if record.entry().is_none() {
            self.discard(number);
        } else {
            self.frames.retire(number);
        }
    }

    /// Gives a frame that was allocated to a prototype entry, which says `original` again when
    /// it is taken. The caller has a reference to it.
    pub(crate) fn give_to_prototype(
        &mut self,
        frame: PhysAddr,
        (at, original): (PhysAddr, Pte),
    ) -> Result<(), Status> {
        let record = self.frames.record_mut(PhysicalPage::of(frame));
        record.flags |= FrameFlags::PROTOTYPE;
        if original.in_file().is_none() {
            // Nowhere else than here.
            record.flags |= FrameFlags::MODIFIED;
        }
        record.original = original;
        record.references += 1;
        record.set_entry(Some(at));
        self.write_raw(at, Pte::transition(frame, Protection::SHARED))
    }

    /// Gives a held frame to a prototype entry for good. What is there is nowhere else.
    pub(crate) fn hold_for_prototype(
        &mut self,
        frame: PhysAddr,
        at: PhysAddr,
    ) -> Result<(), Status> {
        let record = self.frames.record_mut(PhysicalPage::of(frame));
        record.flags |= FrameFlags::PROTOTYPE | FrameFlags::MODIFIED;
        record.set_entry(Some(at));
        self.write_raw(at, prototype_of(frame))
    }

    /// Frees the frame of a prototype entry that no entry shows.
    pub(crate) fn delete_prototype(&mut self, frame: PhysAddr) {
        let number = PhysicalPage::of(frame);
        if self.frames.record(number).is(FrameFlags::HELD) {
            self.free(frame);
        } else {
            self.delete(frame);
        }
    }

    /// Gives the frame of a valid entry the priority of a process that uses it; of those that
    /// do, the highest. Says whether its page can leave memory: large pages and physical pages of
    /// a process cannot, and have none.
    pub(crate) fn prefer(&mut self, entry: Pte, priority: MemoryPriority) -> bool {
        let Some(frame) = entry.frame().filter(|_| !entry.is_large()) else {
            return false;
        };
        let record = self.frames.record_mut(PhysicalPage::of(frame));
        if record.flags & (FrameFlags::HELD | FrameFlags::PROTOTYPE) == FrameFlags::HELD {
            return false;
        }
        let known = if record.shares > 1 {
            record.priority
        } else {
            0
        };
        record.priority = known.max(priority as u8);
        true
    }

    /// Notes that the page in a frame is in a page file now, as `original` says.
    pub(crate) fn note_paged_out(&mut self, frame: PhysAddr, original: Pte) {
        let record = self.frames.record_mut(PhysicalPage::of(frame));
        record.original = original;
        record.flags -= FrameFlags::MODIFIED;
    }

    /// Where the prototype entry lies that has a frame.
    pub(crate) fn prototype_of(&self, frame: PhysAddr) -> Result<PhysAddr, Status> {
        self.record(frame).entry().ok_or(Status::InternalError)
    }

    pub(crate) fn record(&self, frame: PhysAddr) -> &Record {
        self.frames.record(PhysicalPage::of(frame))
    }

    pub(crate) fn record_mut(&mut self, frame: PhysAddr) -> &mut Record {
        self.frames.record_mut(PhysicalPage::of(frame))
    }

    pub(crate) fn flags(&mut self, frame: PhysAddr) -> &mut FrameFlags {
        &mut self.frames.record_mut(PhysicalPage::of(frame)).flags
    }

    /// Whether the page in a frame was written since it was where it came from.
    pub(crate) fn is_written(&self, frame: PhysAddr) -> bool {
        let record = self.frames.record(PhysicalPage::of(frame));
        record.is(FrameFlags::MODIFIED)
    }

    /// Notes that the page in a frame is where it came from again.
    pub(crate) fn note_stored(&mut self, frame: PhysAddr) {
        self.relist(PhysicalPage::of(frame), FrameFlags::empty());
    }

    /// Notes that nobody needs what the page in a frame holds, here or in a page file.
    pub(crate) fn note_unneeded(&mut self, frame: PhysAddr) {
        self.drop_slot(PhysicalPage::of(frame));
        self.note_stored(frame);
    }

    /// Notes that somebody needs what the page in a frame holds, which is nowhere else.
    pub(crate) fn note_needed(&mut self, frame: PhysAddr) {
        self.drop_slot(PhysicalPage::of(frame));
        self.relist(PhysicalPage::of(frame), FrameFlags::MODIFIED);
    }

    /// Says anew whether a page was written, and puts it into another list then.
    fn relist(&mut self, frame: PhysicalPage, modified: FrameFlags) {
        let is_listed = self.frames.record(frame).references == 0;
        if is_listed {
            self.frames.unlink(frame);
        }
        let record = self.frames.record_mut(frame);
        record.flags = (record.flags - FrameFlags::MODIFIED) | modified;
        if is_listed {
            self.frames.retire(frame);
        }
    }
}

/// A prototype entry whose page is shown.
fn prototype_of(frame: PhysAddr) -> Pte {
    Pte::valid(frame, Protection::SHARED, FrameOwner::Process).into()
}
