//! What is true of a machine between any two calls.

use std::collections::{BTreeSet, HashSet};

use mmu_core::{AccessKind, Entry, FunctionalMmu, PhysAddr, PrivilegeMode, ProcessorId, Ram};

use super::*;
use crate::{
    PhysicalPage,
    page_tables::{Pieces, points_to_table},
    physical::frames_of,
    private::{PrivateRules, has_own_page, owned_frame},
    processors::Coherence,
    pte::{FrameOwner, Pte, PteState},
    system_space::SystemSpace,
    vad::{Entries, Placeholder, USER_START, VAD_LIMIT, VadKind},
};

/// Frames and the commit charge, as counted by looking at everything.
#[derive(Default)]
struct Count {
    frames: HashSet<PhysAddr>,
    charge: u64,
}

impl Count {
    fn own(&mut self, frame: PhysAddr) {
        assert!(self.frames.insert(frame), "frame {frame} has two owners");
    }
}

pub(super) fn check(machine: &Machine) {
    machine.verify_frames().unwrap();
    let coherence = machine.kernel.processors.coherence();
    assert_eq!(coherence, Coherence::Whole);
    let mut count = Count::default();
    for (id, segment) in machine.kernel.segments.iter() {
        let physical = &machine.kernel.physical;
        for table in segment.tables() {
            count.own(table);
        }
        for (_, frame) in segment.resident(physical, 0, segment.pages).unwrap() {
            count.own(frame);
        }
        for &(process, start) in &segment.views {
            let vad = machine.spaces[&process].vads.find(start).unwrap();
            assert_eq!(vad.view_index(start).unwrap().0, id);
        }
        count.charge += segment.charge;
        let sections = machine.kernel.sections.iter();
        let own = sections.filter(|section| section.segment == id);
        assert_eq!(segment.handles, own.count() as u64);
    }
    for space in machine.spaces.values() {
        check_space(&machine.kernel, space, &mut count);
    }
    let locked = machine.kernel.mdls.iter();
    let locked = locked.flat_map(|locked| locked.frames.iter().copied());
    // Each frame has an owner, or is locked or read and has lost it.
    count.frames.extend(locked);
    let in_flight = machine.kernel.physical.in_flight.frames();
    count.frames.extend(in_flight);
    for table in machine.kernel.system.iter().flat_map(SystemSpace::tables) {
        count.own(table);
        count.charge += 1;
    }
    let lists = machine.page_lists();
    let owned = machine.frames_in_use() + lists.standby.iter().sum::<u64>() - lists.bad;
    assert_eq!(owned, count.frames.len() as u64);
    assert_eq!(machine.commit_charge(), count.charge);
}

fn check_space(kernel: &Kernel, space: &UserSpace, count: &mut Count) {
    let mut tables = BTreeSet::new();
    let mut end = 0;
    for vad in space.vads.iter() {
        assert!(vad.start >= end.max(USER_START) && vad.start < vad.end);
        assert!(vad.start % PAGE == 0 && vad.end % PAGE == 0);
        check_empty(kernel, space, (end, vad.start), &mut tables);
        check_region(kernel, space, vad, count, &mut tables);
        count.charge += vad.charge;
        end = vad.end;
    }
    assert!(end <= VAD_LIMIT);
    let mut blocks = BTreeSet::new();
    for &block in space.threads.values().chain(&space.peb) {
        assert!(blocks.insert(block), "two environment blocks at {block:#x}");
        let vad = space.vads.find(block).unwrap();
        assert_eq!(vad.start, block);
        assert_eq!(vad.charge, vad.pages());
    }
    check_working_set(kernel, space);
    check_empty(kernel, space, (end, 1 << 47), &mut tables);
    for (&page, &seen) in &space.physical_pages {
        let frame = PhysAddr::new(page.0 << 12);
        count.own(frame);
        if let Some(address) = seen {
            let pte = space.entry(&kernel.physical, address).unwrap();
            assert_eq!(owned_frame(pte), Some(frame), "{page:?} is shown elsewhere");
        }
    }
    tables.insert(space.root.table);
    assert_eq!(tables.len() as u64, space.tables);
    for &table in &tables {
        let places = (0..512).map(|index| table.wrapping_add(index * 8));
        let entries = places.map(|at| kernel.physical.read_pte(at).unwrap());
        let used = entries.filter(|&entry| entry != Pte::ZERO).count();
        assert!(used > 0, "table {table} is empty");
        count.own(table);
    }
    count.charge += space.tables;
}

/// The working set is the valid pages that can leave memory, each found at its place.
fn check_working_set(kernel: &Kernel, space: &UserSpace) {
    let list = &space.working_set.list;
    let mut valid = BTreeSet::new();
    for vad in space.vads.iter().filter(|vad| !vad.is_fixed()) {
        let mut pieces = Pieces::new(vad.start, vad.end);
        while let Some(piece) = pieces.next(space, &kernel.physical).unwrap() {
            for (page, at) in piece.entries() {
                if kernel.physical.read_pte(at).unwrap().is_valid() {
                    valid.insert(page);
                }
            }
        }
    }
    let listed: BTreeSet<_> = list.pages().collect();
    assert_eq!((list.length(), &listed), (valid.len(), &valid));
    assert!(listed.iter().all(|&page| list.contains(page)));
    assert!(list.locked().all(|page| list.is_locked(page)));
    let unlocked = list.candidates().map(|page| page.page);
    assert_eq!(unlocked.filter(|&page| list.is_locked(page)).count(), 0);
}

/// Nothing may be where no region is.
fn check_empty(
    kernel: &Kernel,
    space: &UserSpace,
    (start, end): (u64, u64),
    tables: &mut BTreeSet<PhysAddr>,
) {
    let mut pieces = Pieces::new(start, end);
    while let Some(piece) = pieces.next(space, &kernel.physical).unwrap() {
        collect_tables(kernel, space, piece.start, tables);
        for (page, at) in piece.entries() {
            let pte = kernel.physical.read_pte(at).unwrap();
            assert_eq!(pte, Pte::ZERO, "{page:#x} is in no region");
        }
    }
}

fn collect_tables(
    kernel: &Kernel,
    space: &UserSpace,
    address: u64,
    tables: &mut BTreeSet<PhysAddr>,
) {
    let path = space
        .regime
        .path(kernel.physical.ram(), VirtAddr::new(address));
    for step in path.steps() {
        if points_to_table(step) {
            tables.insert(step.entry.table_address());
        }
    }
}

fn check_region(
    kernel: &Kernel,
    space: &UserSpace,
    vad: &crate::vad::Vad,
    count: &mut Count,
    tables: &mut BTreeSet<PhysAddr>,
) {
    if vad.placeholder == Placeholder::Waiting {
        assert_eq!(vad.protection.flags(), NOACCESS);
        check_empty(kernel, space, (vad.start, vad.end), tables);
    }
    let mut copies = 0;
    let mut pieces = Pieces::new(vad.start, vad.end);
    while let Some(piece) = pieces.next(space, &kernel.physical).unwrap() {
        collect_tables(kernel, space, piece.start, tables);
        for (page, at) in piece.entries() {
            let pte = kernel.physical.read_pte(at).unwrap();
            assert!(pte == Pte::ZERO || vad.entries == Entries::Some);
            if vad.is_window() {
                if let PteState::Valid(valid) = pte.state() {
                    let shown = PhysicalPage(valid.frame().as_u64() >> 12);
                    assert_eq!(space.physical_pages[&shown], Some(page));
                }
            } else if let Some(frame) = owned_frame(pte) {
                for frame in frames_of(frame, piece.size) {
                    count.own(frame);
                }
                copies += u64::from(!is_paid_for(kernel, vad, page));
            } else if has_own_page(pte) {
                copies += u64::from(!is_paid_for(kernel, vad, page));
            }
            if let PteState::Valid(valid) = pte.state()
                && valid.owner() == FrameOwner::Prototype
            {
                let (segment, index) = vad.view_index(page).unwrap();
                let segment = kernel.segment(segment).unwrap();
                for (index, frame) in (index..).zip(frames_of(valid.frame(), piece.size)) {
                    let prototype = segment.prototype(&kernel.physical, index).unwrap();
                    assert!(
                        prototype.is_valid(),
                        "{page:#x} maps a page that is not there"
                    );
                    assert_eq!(prototype.frame(), Some(frame));
                }
            }
        }
    }
    let charge = match &vad.kind {
        VadKind::Private(_) if vad.is_window() => 0,
        VadKind::Private(private) => {
            let rules = PrivateRules::of(vad, private);
            space
                .committed_pages(kernel, rules, vad.start, vad.end)
                .unwrap()
        }
        VadKind::View(view) => {
            let segment = kernel.segment(view.segment).unwrap();
            let end = view.first + vad.pages();
            copies + segment.pages_to_copy(view.first, end, vad.protection)
        }
    };
    assert_eq!(vad.charge, charge, "charge of {:#x}", vad.start);
}

/// Whether the copy of a page was charged for when its view was mapped.
fn is_paid_for(kernel: &Kernel, vad: &crate::vad::Vad, page: u64) -> bool {
    vad.view_index(page).is_some() && {
        let own = kernel.untouched_page(vad, page).unwrap();
        own.is_some_and(crate::protection::Protection::copies_on_write)
    }
}

/// What any processor could use of a process, if it ran it now, is no more than what its tables
/// say.
pub(super) fn check_translations(machine: &Machine, process: ProcessId, start: u64, end: u64) {
    let space = &machine.spaces[&process];
    let ram = machine.kernel.physical.ram();
    let processors = machine.kernel.processors.iter();
    let entering = processors.filter_map(|(processor, inbox)| {
        let entered = processor.entering(ram, inbox, &space.root)?;
        Some((entered, inbox.processor()))
    });
    for (mut mmu, processor) in entering {
        check_cached(space, ram, &mut mmu, processor, (start, end));
    }
}

fn check_cached(
    space: &UserSpace,
    ram: &Ram,
    mmu: &mut FunctionalMmu,
    processor: ProcessorId,
    (start, end): (u64, u64),
) {
    let mode = PrivilegeMode::User;
    for page in (start..end).step_by(0x1000).map(VirtAddr::new) {
        for kind in [AccessKind::Read, AccessKind::Write, AccessKind::Fetch] {
            let Ok(found) = mmu.translate(ram, page, kind, mode) else {
                continue;
            };
            let leaf = space.regime.probe(ram, page, kind, mode);
            let leaf =
                leaf.unwrap_or_else(|fault| panic!("{kind:?} of {page} by {processor}: {fault}"));
            assert_eq!(
                leaf.translation.physical(page),
                found.address,
                "{page} by {processor}"
            );
            // A write through a translation that is remembered as dirty must not go unnoticed.
            assert!(!kind.writes() || leaf.entry.contains(Entry::DIRTY));
        }
    }
}
