use std::num::NonZeroU16;

use super::*;
use crate::{PhysicalPage, pte::Pte, section::SegmentId};
use mmu_core::PhysAddr;

fn database(frames: u64) -> FrameDatabase {
    FrameDatabase::new(frames, NonZeroU16::MIN)
}

/// Uses up all frames, but that the last ones are on standby with these priorities.
fn on_standby(frames: u64, priorities: &[u8]) -> (FrameDatabase, Vec<PhysicalPage>) {
    let mut database = database(frames);
    let taken: Vec<_> = std::iter::from_fn(|| database.take(Wanted::Anything)).collect();
    assert_eq!(taken.len() as u64, frames);
    let last = taken[taken.len() - priorities.len()..].iter();
    let last: Vec<_> = last.map(|taken| taken.frame).collect();
    for (&frame, &priority) in last.iter().zip(priorities) {
        let record = database.record_mut(frame);
        record.priority = priority;
        record.original = Pte::subsection(SegmentId(7));
        record.set_entry(Some(PhysAddr::new(frame.0 * 8)));
        database.retire(frame);
    }
    (database, last)
}

fn take(database: &mut FrameDatabase, wanted: Wanted) -> Option<(u64, Content)> {
    let taken = database.take(wanted);
    taken.map(|taken| (taken.frame.0, taken.content))
}

/// Literature only (Windows Internals, 6th edition, part 2, on the page-frame database).
#[test]
fn zeros_are_taken_from_zeroed_frames_then_free_ones_then_standby() {
    let (mut database, last) = on_standby(8, &[5]);
    let [zeroed, free] = [PhysicalPage(3), PhysicalPage(4)];
    database.free(free);
    database.give_zeroed(zeroed);
    let (zeros, garbage) = (Content::Zeros, Content::Garbage);
    let mut after = database.clone();
    assert_eq!(take(&mut database, Wanted::Zeros), Some((3, zeros)));
    assert_eq!(take(&mut database, Wanted::Zeros), Some((4, garbage)));
    assert_eq!(
        take(&mut database, Wanted::Zeros),
        Some((last[0].0, garbage))
    );
    assert_eq!(take(&mut database, Wanted::Zeros), None);
    assert_eq!(take(&mut after, Wanted::Anything), Some((4, garbage)));
    assert_eq!(take(&mut after, Wanted::Anything), Some((3, zeros)));
    assert_eq!(
        take(&mut after, Wanted::Anything),
        Some((last[0].0, garbage))
    );
}

/// Literature only: by priority, and of one priority the oldest first.
#[test]
fn standby_is_taken_by_priority_and_age_and_its_owner_is_told() {
    let (mut database, last) = on_standby(8, &[5, 0, 7, 5, 1]);
    let order = [1, 4, 0, 3, 2].map(|place| last[place]);
    for frame in order {
        let taken = database.take(Wanted::Zeros).unwrap();
        assert_eq!(taken.frame, frame);
        let evicted = taken.evicted.unwrap();
        assert_eq!(evicted.entry, PhysAddr::new(frame.0 * 8));
        assert_eq!(evicted.original, Pte::subsection(SegmentId(7)));
    }
    assert_eq!(database.take(Wanted::Zeros), None);
}

#[test]
fn what_is_written_goes_to_where_it_is_to_be_written() {
    let (mut database, _) = on_standby(8, &[]);
    for (number, flags, original) in [
        (0, FrameFlags::MODIFIED, Pte::ZERO),
        (1, FrameFlags::MODIFIED, Pte::subsection(SegmentId(1))),
        (2, FrameFlags::MODIFIED | FrameFlags::NO_WRITE, Pte::ZERO),
        (3, FrameFlags::empty(), Pte::ZERO),
    ] {
        let record = database.record_mut(PhysicalPage(number));
        (record.flags, record.original) = (flags, original);
        database.retire(PhysicalPage(number));
    }
    let lists = database.page_lists();
    let written = (lists.modified_page_file, lists.modified_mapped);
    assert_eq!((written, lists.modified_no_write), ((1, 1), 1));
    assert_eq!(lists.standby, [0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn frames_that_lie_together_are_one_piece_again_once_they_can_be_had() {
    let mut database = database(4 * 512 + 3);
    let small = std::iter::from_fn(|| database.take(Wanted::Anything));
    let small: Vec<_> = small.map(|taken| taken.frame).collect();
    let (kept, given_back) = small.split_at(1);
    for &frame in given_back {
        database.free(frame);
    }
    let mut pieces = Vec::new();
    while let Some(piece) = database.find_piece(512) {
        pieces.push(piece.0);
        for frame in (piece.0..piece.0 + 512).map(PhysicalPage) {
            assert_eq!(database.take_this(frame).evicted, None);
        }
    }
    assert_eq!(pieces, [512, 1024, 1536]);
    for frame in (512..1024).map(PhysicalPage) {
        let record = database.record_mut(frame);
        record.set_entry(Some(PhysAddr::new(0x1000)));
        database.retire(frame);
    }
    // Better a piece that nobody has.
    database.free(kept[0]);
    assert_eq!(database.find_piece(512), Some(PhysicalPage(0)));
    database.take_this(PhysicalPage(0));
    assert_eq!(database.find_piece(512), Some(PhysicalPage(512)));
    assert!(database.take_this(PhysicalPage(600)).evicted.is_some());
    assert_eq!(database.find_piece(512), None);
}

#[test]
fn a_piece_is_as_large_as_it_is_asked_for_or_is_not_there() {
    let mut database = database(511);
    assert_eq!(database.find_piece(512), None);
    assert_eq!(database.find_piece(1 << 18), None);
    let first = database.take(Wanted::Zeros).unwrap();
    assert_eq!(first.frame, PhysicalPage(0));
    assert_eq!(
        FrameDatabase::new(0, NonZeroU16::MIN).take(Wanted::Zeros),
        None
    );
}
