//! Whether the database is what page tables, prototype entries and lists say.

use std::collections::BTreeSet;

use mmu_core::{Level, PageSize, PhysAddr};

use super::{
    list::Listed,
    record::{FrameFlags, FrameState, Record},
};
use crate::{
    Machine, PageSlot, PhysicalPage,
    physical::{Physical, frames_of},
    pte::{FrameOwner, Pte, PteState},
    system_space::SystemSpace,
};

mod fault;
mod pointers;

pub use fault::FrameFault;

/// What entries and owners say of a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// Valid entries that show it.
    shares: u32,
    /// The entry that has it: its page's own, or its prototype.
    owner: Option<PhysAddr>,
    /// Whether that is a prototype entry.
    is_prototype: bool,
    is_held: bool,
    /// Whether a valid entry says that it was written.
    is_written: bool,
    /// How often it is locked.
    locks: u16,
    /// How many reads fill it.
    reads: u16,
    /// The entries that are not zero, if it is a page table.
    used: u16,
}

struct Survey<'a> {
    physical: &'a Physical,
    found: Vec<Found>,
    slots: BTreeSet<PageSlot>,
    /// Entries that name prototype entries, and were not compared yet.
    pointers: BTreeSet<PhysAddr>,
}

impl Machine {
    /// Looks at every frame, every entry and every list, and whether they agree: each frame is
    /// in one state, and what its record counts is what there is. For tests and for who looks
    /// for a mistake: it takes as long as there is memory in use.
    ///
    /// # Errors
    /// [`FrameFault`]: the first thing that is wrong.
    pub fn verify_frames(&self) -> Result<(), FrameFault> {
        let physical = &self.kernel.physical;
        let mut survey = Survey::new(physical);
        for space in self.spaces.values() {
            survey.table(space.root.table, Level::Pml4e)?;
            survey.compare_pointers(space, &self.kernel.segments)?;
            for page in space.physical_pages.keys() {
                survey.at(page.frame())?.is_held = true;
            }
        }
        for (_, segment) in self.kernel.segments.iter() {
            for table in segment.tables() {
                survey.at(table)?.is_held = true;
                survey.prototypes(table)?;
            }
        }
        for &frame in self.kernel.mdls.iter().flat_map(|locked| &locked.frames) {
            survey.at(frame)?.locks += 1;
        }
        for table in self.kernel.system.iter().flat_map(SystemSpace::tables) {
            survey.at(table)?.is_held = true;
        }
        for frame in physical.in_flight.frames() {
            survey.at(frame)?.reads += 1;
        }
        survey.slots()?;
        survey.compare()
    }
}

fn entries(table: PhysAddr) -> impl Iterator<Item = PhysAddr> {
    (0..512).map(move |index| table.wrapping_add(index * 8))
}

impl<'a> Survey<'a> {
    fn new(physical: &'a Physical) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "as many as have records")]
        let known = physical.frames().records.end() as usize;
        Self {
            physical,
            found: vec![Found::default(); known],
            slots: BTreeSet::new(),
            pointers: BTreeSet::new(),
        }
    }

    fn at(&mut self, frame: PhysAddr) -> Result<&mut Found, FrameFault> {
        let frame = PhysicalPage::of(frame);
        let found = usize::try_from(frame.0)
            .ok()
            .filter(|_| frame.0 < self.physical.frames().frames())
            .and_then(|number| self.found.get_mut(number));
        found.ok_or(FrameFault::NoFrame(frame))
    }

    fn own(&mut self, frame: PhysAddr, at: PhysAddr) -> Result<&mut Found, FrameFault> {
        let found = self.at(frame)?;
        if found.owner.replace(at).is_some() {
            return Err(FrameFault::Owners(PhysicalPage::of(frame)));
        }
        Ok(found)
    }

    /// Notes the slot that an entry names, if it does.
    fn slot(&mut self, entry: Pte) -> Result<(), FrameFault> {
        match entry.state() {
            PteState::PageFile(slot, _) if !self.slots.insert(slot) => {
                Err(FrameFault::SlotOwners(slot))
            }
            _ => Ok(()),
        }
    }

    /// Whether each slot of the page files that is in use is one page's.
    fn slots(&mut self) -> Result<(), FrameFault> {
        let database = self.physical.frames();
        for number in 0..self.found.len() as u64 {
            self.slot(database.record(PhysicalPage(number)).original)?;
        }
        let files = self.physical.page_files.counters();
        let recorded = files.map(|counters| counters.used).sum();
        let counted = self.slots.len() as u64;
        if counted == recorded {
            Ok(())
        } else {
            Err(FrameFault::Slots { recorded, counted })
        }
    }

    /// Looks at a page table and those below it.
    fn table(&mut self, table: PhysAddr, level: Level) -> Result<(), FrameFault> {
        for at in entries(table) {
            let pte = self.physical.read_pte(at)?;
            if pte != Pte::ZERO {
                self.at(table)?.used += 1;
            }
            self.slot(pte)?;
            self.note_pointer(at, pte);
            let Some(frame) = pte.frame() else {
                continue;
            };
            let PteState::Valid(valid) = pte.state() else {
                self.own(frame, at)?;
                continue;
            };
            let found = self.at(frame)?;
            found.shares += 1;
            found.is_written |= valid.is_dirty();
            let is_large = pte.is_large();
            match level.below() {
                Some(below) if !is_large => {
                    self.own(frame, at)?;
                    // A root shows itself.
                    if frame != table {
                        self.table(frame, below)?;
                    }
                }
                _ if valid.owner() == FrameOwner::Prototype => {}
                _ if is_large => {
                    let size = level.page_size().unwrap_or(PageSize::Size4KiB);
                    for frame in frames_of(frame, size) {
                        self.at(frame)?.is_held = true;
                    }
                }
                // A window does not own what it shows.
                _ if self.is_held(frame) => {}
                _ => {
                    self.own(frame, at)?;
                }
            }
        }
        Ok(())
    }

    fn is_held(&self, frame: PhysAddr) -> bool {
        let record = self.physical.frames().record(PhysicalPage::of(frame));
        record.is(FrameFlags::HELD)
    }

    /// Looks at the prototype entries of a frame.
    fn prototypes(&mut self, table: PhysAddr) -> Result<(), FrameFault> {
        for at in entries(table) {
            let pte = self.physical.read_pte(at)?;
            self.slot(pte)?;
            let Some(frame) = pte.frame() else {
                continue;
            };
            let is_held = self.is_held(frame);
            let found = self.own(frame, at)?;
            found.is_prototype = true;
            // The frames of large sections are held as long as these are.
            found.is_held |= is_held;
            let frame = PhysicalPage::of(frame);
            let state = self.physical.frames().record(frame).state;
            if pte.is_valid() != (state == FrameState::Active) {
                return Err(FrameFault::State { frame, state });
            }
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), FrameFault> {
        let database = self.physical.frames();
        let mut listed = vec![false; self.found.len()];
        let mut total = database.untouched.count();
        for (place, _) in database.lists.iter() {
            total += self.follow(place, &mut listed)?;
        }
        for (number, &found) in (0..).zip(&self.found) {
            let frame = PhysicalPage(number);
            let record = database.record(frame);
            #[expect(clippy::cast_possible_truncation, reason = "as many as have records")]
            let is_listed = listed[number as usize];
            if database.is_untouched(frame) || number >= database.frames() {
                if *record != Record::UNTOUCHED || is_listed {
                    return Err(FrameFault::Untouched(frame));
                }
            } else if !is_listed && database.listed(frame).is_some() {
                return Err(FrameFault::Unlisted(frame));
            } else if !is_listed {
                total += 1;
            }
            compare(frame, record, found)?;
        }
        let frames = database.frames();
        if total != frames {
            let counted = total;
            return Err(FrameFault::Total { frames, counted });
        }
        let (recorded, counted) = (database.available(), database.page_lists().available());
        if recorded != counted {
            return Err(FrameFault::Available { recorded, counted });
        }
        Ok(())
    }

    /// Goes along a list, from its first frame to its last.
    fn follow(&self, place: Listed, listed: &mut [bool]) -> Result<u64, FrameFault> {
        let database = self.physical.frames();
        let list = database.lists.get(place);
        let mut previous = None;
        let mut next = list.first.frame();
        let mut length = 0;
        while let Some(frame) = next {
            let number = usize::try_from(frame.0).ok();
            let seen = number.and_then(|number| listed.get_mut(number));
            match seen {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(FrameFault::Links(frame)),
            }
            if database.listed(frame) != Some(place) {
                return Err(FrameFault::Misplaced(frame));
            }
            let record = database.record(frame);
            if record.previous.frame() != previous {
                return Err(FrameFault::Links(frame));
            }
            if record.state == FrameState::Zeroed && !self.is_zeros(frame) {
                return Err(FrameFault::NotZeros(frame));
            }
            length += 1;
            previous = Some(frame);
            next = record.next.frame();
        }
        if list.last.frame() != previous || list.length != length {
            let end = previous.or(list.last.frame());
            return Err(FrameFault::Links(end.unwrap_or(PhysicalPage(0))));
        }
        Ok(length)
    }

    fn is_zeros(&self, frame: PhysicalPage) -> bool {
        let mut bytes = [0; 4096];
        let read = self.physical.ram().read(frame.frame(), &mut bytes);
        read.is_ok() && bytes.iter().all(|&byte| byte == 0)
    }
}

/// Compares what a record says with what was found of its frame.
fn compare(frame: PhysicalPage, record: &Record, found: Found) -> Result<(), FrameFault> {
    let state = record.state;
    let counted = found.shares + u32::from(found.is_held);
    if record.shares != counted {
        return Err(FrameFault::Shares {
            frame,
            recorded: record.shares,
            counted,
        });
    }
    let is_busy = record.flags.contains(FrameFlags::WRITE_IN_PROGRESS);
    let references = record.references;
    let busy = u16::from(is_busy) + found.locks + found.reads;
    if references != u16::from(counted > 0) + busy {
        return Err(FrameFault::References { frame, references });
    }
    let is_read = record.is(FrameFlags::READ_IN_PROGRESS);
    let is_used = counted > 0 || record.is(FrameFlags::MODIFIED);
    if found.reads != u16::from(is_read) || is_read && is_used {
        return Err(FrameFault::InFlight(frame));
    }
    let suits = match state {
        FrameState::Active => counted > 0,
        FrameState::Transition => counted == 0 && busy > 0,
        FrameState::Standby | FrameState::Modified | FrameState::ModifiedNoWrite => {
            counted == 0 && found.owner.is_some()
        }
        FrameState::Zeroed | FrameState::Free | FrameState::Bad => {
            counted == 0 && found.owner.is_none()
        }
    };
    let is_written = record.is(FrameFlags::MODIFIED);
    let suits = suits
        && match state {
            FrameState::Standby => !is_written,
            FrameState::Modified => is_written,
            _ => true,
        };
    if !suits {
        return Err(FrameFault::State { frame, state });
    }
    let is_own = record.is(FrameFlags::PROTOTYPE) == found.is_prototype
        && record.is(FrameFlags::HELD) == found.is_held;
    if !is_own || record.entry() != found.owner {
        return Err(FrameFault::Entry(frame));
    }
    if found.is_prototype && found.is_written && !record.is(FrameFlags::MODIFIED) {
        return Err(FrameFault::Written(frame));
    }
    if record.used != found.used {
        return Err(FrameFault::Used {
            frame,
            recorded: record.used,
            counted: found.used,
        });
    }
    Ok(())
}
