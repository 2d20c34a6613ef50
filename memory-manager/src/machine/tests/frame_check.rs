//! That the check of the frames finds what is broken.

use super::*;
use crate::{
    Backing, FrameFault, FrameState, PhysicalPage, SectionAttributes, WorkingSetSize,
    pfn::{FrameDatabase, FrameFlags, Record},
    protection::Protection,
    pte::Pte,
};

/// A process with pages in most states: private ones and a section's in use, and some that have
/// left the working set.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.alloc(BASE, 8 * PAGE, BOTH, READWRITE).unwrap();
    let commit = SectionAttributes::COMMIT;
    let section = bench
        .machine
        .create_section(Backing::PageFile, READWRITE, commit, 4 * PAGE);
    let view = BASE + 0x1_0000;
    bench.map(section.unwrap(), view, READWRITE).unwrap();
    for page in [0, 1, 2, 5] {
        bench.write(BASE + page * PAGE, 1).unwrap();
    }
    bench.read(view + PAGE).unwrap();
    let empty = WorkingSetSize {
        minimum: u64::MAX,
        maximum: u64::MAX,
    };
    let process = bench.process;
    bench.machine.set_working_set_size(process, empty).unwrap();
    bench.write(BASE, 2).unwrap();
    bench.write(view, 2).unwrap();
    bench.free(BASE + 5 * PAGE, PAGE, DECOMMIT).unwrap();
    bench.machine.verify_frames().unwrap();
    bench
}

/// Breaks the database, and says what the check finds.
fn broken(mutate: impl FnOnce(&mut FrameDatabase, [PhysicalPage; 4])) -> FrameFault {
    let mut bench = bench();
    let frame = |address| {
        let space = &bench.machine.spaces[&bench.process];
        let pte = space.entry(&bench.machine.kernel.physical, address);
        PhysicalPage::of(pte.unwrap().frame().unwrap())
    };
    let (active, modified, shared) = (frame(BASE), frame(BASE + PAGE), frame(BASE + 0x1_0000));
    let free = (0..1 << 14).map(PhysicalPage).find(|&frame| {
        let record = bench.machine.kernel.physical.frames().record(frame);
        record.state == FrameState::Free
    });
    let frames = bench.machine.kernel.physical.frames_mut();
    mutate(frames, [active, modified, shared, free.unwrap()]);
    let found = bench.machine.verify_frames().unwrap_err();
    // What is broken is not to be looked at again.
    std::mem::forget(bench);
    found
}

/// Breaks one frame's record.
fn broken_record(which: usize, mutate: impl FnOnce(&mut Record)) -> (FrameFault, PhysicalPage) {
    let mut frame = None;
    let found = broken(|database, frames| {
        frame = Some(frames[which]);
        mutate(database.record_mut(frames[which]));
    });
    (found, frame.unwrap())
}

const ACTIVE: usize = 0;
const MODIFIED: usize = 1;
const SHARED: usize = 2;
const FREE: usize = 3;

#[test]
fn a_wrong_share_count_is_found() {
    let (found, frame) = broken_record(SHARED, |record| record.shares += 1);
    let (recorded, counted) = (2, 1);
    let expected = FrameFault::Shares {
        frame,
        recorded,
        counted,
    };
    assert_eq!(found, expected);
}

#[test]
fn a_wrong_reference_count_is_found() {
    let (found, frame) = broken_record(ACTIVE, |record| record.references += 1);
    let references = 2;
    assert_eq!(found, FrameFault::References { frame, references });
}

#[test]
fn a_wrong_count_of_entries_is_found() {
    let mut table = None;
    let found = broken(|database, [active, ..]| {
        let at = PhysicalPage::of(database.record(active).entry().unwrap());
        table = Some(at);
        database.record_mut(at).used -= 1;
    });
    let FrameFault::Used {
        frame,
        recorded,
        counted,
    } = found
    else {
        panic!("{found}");
    };
    assert_eq!((Some(frame), recorded + 1), (table, counted));
}

#[test]
fn a_frame_in_no_list_is_found() {
    let found = broken(|database, frames| {
        let frame = frames[MODIFIED];
        database.unlink(frame);
        database.record_mut(frame).state = FrameState::Modified;
    });
    assert!(matches!(found, FrameFault::Unlisted(_)), "{found}");
}

#[test]
fn a_wrong_count_of_frames_that_can_be_had_is_found() {
    let found = broken(|database, _| database.miscount());
    let FrameFault::Available { recorded, counted } = found else {
        panic!("{found}");
    };
    assert_eq!(recorded, counted + 1);
}

#[test]
fn a_frame_that_no_read_fills_as_it_says_is_found() {
    let reads = FrameFlags::READ_IN_PROGRESS;
    let (found, frame) = broken_record(MODIFIED, |record| record.flags |= reads);
    assert_eq!(found, FrameFault::InFlight(frame));
}

#[test]
fn a_frame_in_two_states_is_found() {
    let (found, frame) = broken_record(MODIFIED, |record| record.state = FrameState::Active);
    assert_eq!(found, FrameFault::Misplaced(frame));
    let (found, frame) = broken_record(FREE, |record| record.state = FrameState::Zeroed);
    assert_eq!(found, FrameFault::Misplaced(frame));
}

#[test]
fn a_frame_in_the_wrong_state_is_found() {
    let transition = FrameState::Transition;
    let (found, frame) = broken_record(ACTIVE, |record| record.state = transition);
    let state = FrameState::Transition;
    assert_eq!(found, FrameFault::State { frame, state });
    let found = broken(|database, frames| {
        database.unlink(frames[MODIFIED]);
        database.free(frames[MODIFIED]);
    });
    assert!(matches!(found, FrameFault::State { .. }), "{found}");
    let found = broken(|database, frames| {
        database.unlink(frames[FREE]);
        database.retire(frames[FREE]);
    });
    assert!(matches!(found, FrameFault::State { .. }), "{found}");
}

#[test]
fn a_frame_that_was_lost_is_found() {
    let found = broken(|database, frames| database.unlink(frames[FREE]));
    assert!(matches!(found, FrameFault::State { .. }), "{found}");
}

#[test]
fn links_that_do_not_match_are_found() {
    let found = broken(|database, frames| {
        let record = *database.record(frames[MODIFIED]);
        database.unlink(frames[MODIFIED]);
        *database.record_mut(frames[MODIFIED]) = record;
        let mut other = record;
        other.state = FrameState::Free;
        *database.record_mut(frames[FREE]) = other;
    });
    assert!(matches!(found, FrameFault::Links(_)), "{found}");
}

#[test]
fn a_record_that_names_another_entry_is_found() {
    let (found, frame) = broken_record(ACTIVE, |record| {
        let next = record.entry().map(|at| at.wrapping_add(8));
        record.set_entry(next);
    });
    assert_eq!(found, FrameFault::Entry(frame));
    let (found, frame) = broken_record(SHARED, |record| record.flags -= FrameFlags::PROTOTYPE);
    assert_eq!(found, FrameFault::Entry(frame));
}

#[test]
fn a_written_page_that_is_told_to_be_clean_is_found() {
    let clean = |record: &mut Record| record.flags -= FrameFlags::MODIFIED;
    let (found, frame) = broken_record(SHARED, clean);
    assert_eq!(found, FrameFault::Written(frame));
    let (found, frame) = broken_record(MODIFIED, clean);
    let state = FrameState::Modified;
    assert_eq!(found, FrameFault::State { frame, state });
}

#[test]
fn a_used_frame_among_those_that_never_were_is_found() {
    let found = broken(|database, _| database.record_mut(PhysicalPage(900)).shares = 1);
    assert_eq!(found, FrameFault::Untouched(PhysicalPage(900)));
}

#[test]
fn frames_that_have_two_owners_are_found() {
    let mut bench = bench();
    let (space, kernel) = bench.machine.space(bench.process).unwrap();
    let at = space.deepest_entry(&kernel.physical, BASE).unwrap().place;
    let own = kernel.physical.read_pte(at).unwrap();
    let frame = own.frame().unwrap();
    let other = Pte::transition(frame, Protection::READ_WRITE);
    kernel
        .physical
        .write_raw(at.wrapping_add(8), other)
        .unwrap();
    let found = bench.machine.verify_frames();
    assert_eq!(found, Err(FrameFault::Owners(PhysicalPage::of(frame))));
    std::mem::forget(bench);
}

#[test]
fn an_entry_that_shows_no_frame_is_found() {
    let mut bench = bench();
    let (space, kernel) = bench.machine.space(bench.process).unwrap();
    let at = space.deepest_entry(&kernel.physical, BASE).unwrap().place;
    let frame = PhysicalPage(1 << 20);
    let other = Pte::transition(frame.frame(), Protection::READ_WRITE);
    kernel.physical.write_raw(at, other).unwrap();
    let found = bench.machine.verify_frames();
    assert_eq!(found, Err(FrameFault::NoFrame(frame)));
    std::mem::forget(bench);
}
