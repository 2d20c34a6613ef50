//! Entries of page tables, and what becomes of frames as they are written.

use mmu_core::{PhysAddr, PhysMem};

use super::{Physical, SIZE, prototype_of};
use crate::{
    PhysicalPage, Status,
    pfn::{FrameFlags, FrameState},
    protection::Protection,
    pte::{Pte, PteState},
};

/// An entry that was written over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaced {
    pub(crate) old: Pte,
    /// How many of its table's entries are not zero now.
    pub(crate) used: u16,
}

impl Physical {
    pub(crate) fn read_pte(&self, at: PhysAddr) -> Result<Pte, Status> {
        let bits = self.ram.read_u64(at).map_err(|_| Status::InternalError)?;
        Ok(Pte::from_bits(bits))
    }

    /// An entry, and how many say the same from it on, of as many as `most` and in its table.
    pub(crate) fn alike(&self, at: PhysAddr, most: u64) -> Result<(Pte, u64), Status> {
        let pte = self.read_pte(at)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let alike = self
            .ram
            .count_alike(at, most, pte.bits(), pte.telling_bits());
        let alike = alike.map_err(|_| Status::InternalError)?;
        Ok((pte, alike as u64))
    }

    /// Writes an entry of which nobody keeps books.
    pub(crate) fn write_raw(&mut self, at: PhysAddr, new: Pte) -> Result<(), Status> {
        let written = self.ram.write_u64(at, new.bits());
        written.map_err(|_| Status::InternalError)
    }

    /// Writes an entry of a page table, of whatever level; the frames that it showed and shows
    /// follow.
    pub(crate) fn write_pte(&mut self, at: PhysAddr, new: Pte) -> Result<Replaced, Status> {
        let old = self.read_pte(at)?;
        self.write_raw(at, new)?;
        let table = self.frames.record_mut(PhysicalPage::of(at));
        table.used = table.used + u16::from(new != Pte::ZERO) - u16::from(old != Pte::ZERO);
        let used = table.used;
        self.follow(at, old, new)?;
        Ok(Replaced { old, used })
    }

    /// How many entries of the table are not zero.
    pub(crate) fn entries_used(&self, table: PhysAddr) -> u16 {
        self.frames.record(PhysicalPage::of(table)).used
    }

    /// Gives the slots back that the prototype entries of a frame name.
    pub(crate) fn free_slots(&mut self, table: PhysAddr) -> Result<(), Status> {
        for index in 0..SIZE.bytes() / 8 {
            let at = table.wrapping_add(index * 8);
            if let PteState::PageFile(slot, _) = self.read_pte(at)?.state() {
                self.free_slot(slot);
            }
        }
        Ok(())
    }

    /// What becomes of the frames, or the slot, of an entry that was written over.
    fn follow(&mut self, at: PhysAddr, old: Pte, new: Pte) -> Result<(), Status> {
        if let PteState::PageFile(slot, _) = old.state()
            && !matches!(new.state(), PteState::PageFile(same, _) if same == slot)
        {
            self.free_slot(slot);
        }
        let (left, shown) = (old.frame(), new.frame());
        let is_same = left == shown;
        if let Some(frame) = left {
            match old.state() {
                PteState::Valid(valid) if is_same && new.is_valid() => {
                    if valid.is_dirty() {
                        self.note_written(frame);
                    }
                    return Ok(());
                }
                PteState::Valid(valid) => {
                    if valid.is_dirty() {
                        self.note_written(frame);
                    }
                    self.unshare(
                        frame,
                        if is_same {
                            Loss::Trimmed
                        } else {
                            Loss::Deleted
                        },
                    )?;
                }
                _ if !is_same => self.delete(frame),
                _ => {}
            }
        }
        match shown {
            Some(frame) if new.is_valid() => self.share(frame, at, new),
            _ => Ok(()),
        }
    }

    /// Notes that a frame was written since it was where it came from: what is in a page file is
    /// of no use any more.
    pub(crate) fn note_written(&mut self, frame: PhysAddr) {
        let number = PhysicalPage::of(frame);
        let flags = &mut self.frames.record_mut(number).flags;
        *flags |= FrameFlags::MODIFIED;
        *flags -= FrameFlags::NO_WRITE;
        self.drop_slot(number);
    }

    /// One more valid entry shows a frame.
    fn share(&mut self, frame: PhysAddr, at: PhysAddr, entry: Pte) -> Result<(), Status> {
        let number = PhysicalPage::of(frame);
        let record = self.frames.record_mut(number);
        if record.shares > 0 {
            record.shares += 1;
            return Ok(());
        }
        if record.state != FrameState::Transition {
            self.frames.unlink(number);
        }
        let record = self.frames.record_mut(number);
        record.state = FrameState::Active;
        record.shares = 1;
        record.references += 1;
        record.caching = entry.caching();
        if !record.is(FrameFlags::PROTOTYPE) {
            if record.entry().is_none() {
                // Nowhere else than here.
                record.flags |= FrameFlags::MODIFIED;
            }
            record.set_entry(Some(at));
            return Ok(());
        }
        let prototype = record.entry().ok_or(Status::InternalError)?;
        self.write_raw(prototype, prototype_of(frame))
    }

    /// One valid entry less shows a frame.
    fn unshare(&mut self, frame: PhysAddr, loss: Loss) -> Result<(), Status> {
        let number = PhysicalPage::of(frame);
        let record = self.frames.record_mut(number);
        record.shares -= 1;
        if record.shares > 0 {
            return Ok(());
        }
        record.state = FrameState::Transition;
        if record.is(FrameFlags::PROTOTYPE) {
            let prototype = record.entry().ok_or(Status::InternalError)?;
            self.write_raw(prototype, Pte::transition(frame, Protection::SHARED))?;
        } else if loss == Loss::Deleted {
            record.set_entry(None);
        }
        self.release(frame);
        Ok(())
    }

    /// A frame that no valid entry shows loses the one that has it.
    pub(super) fn delete(&mut self, frame: PhysAddr) {
        let number = PhysicalPage::of(frame);
        self.frames.unlink(number);
        self.drop_slot(number);
        let record = self.frames.record_mut(number);
        record.flags -= FrameFlags::PROTOTYPE;
        record.set_entry(None);
        if record.references == 0 {
            self.discard(number);
        }
    }
}

/// How a frame loses a valid entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// It still has the page.
    Trimmed,
    /// There is nothing left of the page there.
    Deleted,
}
