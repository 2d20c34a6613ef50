use std::{collections::BTreeMap, fs, io::ErrorKind};

use proptest::prelude::*;

use super::*;
use crate::{DiskFault, DiskFaults, FaultyDisk, Status, vad::PAGE_BYTES};

const SMALL: PageFileSize = PageFileSize {
    minimum: 32 * PAGE,
    maximum: 32 * PAGE,
};

/// What goes wrong with a write and nobody is told.
const SILENT: [DiskFault; 2] = [DiskFault::TornSilently, DiskFault::FlippedBit];

/// Pages each of which says which one it is.
fn pages(first: u64, count: usize) -> Vec<u8> {
    let page = |number: u64| {
        let words = (0..PAGE / 8).map(move |word| number << 32 | word);
        words.flat_map(u64::to_le_bytes)
    };
    (first..).take(count).flat_map(page).collect()
}

fn read(files: &mut PageFiles, run: impl Into<SlotRun>) -> Result<Vec<u8>, PageFileError> {
    let run = run.into();
    let mut bytes = vec![0; run.pages as usize * PAGE_BYTES];
    files.read(run, &mut bytes).map(|()| bytes)
}

fn used(files: &PageFiles) -> u64 {
    files.counters().map(|counters| counters.used).sum()
}

fn faulty(size: PageFileSize) -> (PageFiles, DiskFaults) {
    let faults = DiskFaults::default();
    let mut files = PageFiles::default();
    let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), &faults);
    files.add(Box::new(disk), size).unwrap();
    (files, faults)
}

#[test]
fn what_was_written_is_read_run_by_run_and_page_by_page() {
    let (mut files, _) = faulty(SMALL);
    let first = files.write(&pages(1, 5)).unwrap();
    let second = files.write(&pages(100, 1)).unwrap();
    assert_eq!((first.first.get(), first.pages), (1, 5));
    assert_eq!((second.first.get(), second.pages), (6, 1));
    assert_eq!(read(&mut files, first).unwrap(), pages(1, 5));
    for (number, slot) in (1..).zip(first.slots()) {
        assert_eq!(read(&mut files, slot).unwrap(), pages(number, 1));
    }
    let counters = files.counters().next().unwrap();
    assert_eq!((counters.used, counters.free(), counters.peak), (6, 26, 6));
    assert_eq!((counters.reads, counters.writes), (6, 2));
}

#[test]
fn a_cluster_is_one_operation_and_no_more_than_64_kib() {
    let (mut files, faults) = faulty(SMALL);
    let before = faults.operations();
    let run = files.write(&pages(0, 20)).unwrap();
    assert_eq!(run.pages as usize, PAGE_FILE_CLUSTER);
    assert_eq!(faults.operations(), before + 1);
    read(&mut files, run).unwrap();
    assert_eq!(faults.operations(), before + 2);
}

#[test]
fn what_is_no_pages_is_refused() {
    let (mut files, _) = faulty(SMALL);
    for bytes in [0, 1, 4095, 4097] {
        let refused = files.write(&vec![0; bytes]);
        assert!(matches!(refused, Err(PageFileError::NotPages(length)) if length == bytes));
    }
    let run = files.write(&pages(0, 2)).unwrap();
    let refused = files.read(run, &mut [0; PAGE_BYTES]);
    assert!(matches!(refused, Err(PageFileError::NotPages(_))));
}

#[test]
fn slots_that_are_not_in_use_are_neither_read_nor_freed() {
    let (mut files, _) = faulty(SMALL);
    let run = files.write(&pages(0, 3)).unwrap();
    files.free(run.slots().nth(1).unwrap().into()).unwrap();
    let beyond = SlotRun {
        pages: u32::MAX,
        ..run
    };
    let elsewhere = SlotRun {
        file: PageFileNumber::new(7).unwrap(),
        ..run
    };
    for wrong in [run, beyond, elsewhere] {
        let refused = files.free(wrong);
        assert!(matches!(refused, Err(PageFileError::NotInUse { .. })));
    }
    let refused = read(&mut files, run).unwrap_err();
    assert!(matches!(refused, PageFileError::NotInUse { slot, .. } if slot.get() == 2));
    assert_eq!(used(&files), 2);
}

/// Microsoft, "Introduction to page files": at most 16, of 16 TiB.
#[test]
fn there_are_sixteen_page_files_of_sound_sizes() {
    let mut files = PageFiles::default();
    let disk = || Box::new(tempfile::tempfile().unwrap());
    let size = |minimum, maximum| PageFileSize { minimum, maximum };
    for wrong in [size(0, PAGE), size(2 * PAGE, PAGE), size(PAGE, 1 << 45)] {
        let refused = files.add(disk(), wrong).unwrap_err();
        assert!(matches!(refused, PageFileError::Size(_)));
        assert_eq!(refused.status(), Status::InvalidParameterMix);
    }
    for number in 0..MAX_PAGE_FILES {
        let added = files.add(disk(), size(PAGE, PAGE)).unwrap();
        assert_eq!(added.index(), number);
    }
    let refused = files.add(disk(), size(PAGE, PAGE)).unwrap_err();
    assert_eq!(refused.status(), Status::TooManyPagingFiles);
    assert_eq!(files.pages(), 16);
    let runs: Vec<_> = (0..16)
        .map(|n| files.write(&pages(n, 1)).unwrap())
        .collect();
    for (number, &run) in (0..).zip(&runs) {
        assert_eq!(read(&mut files, run).unwrap(), pages(number, 1));
    }
    let full = files.write(&pages(0, 1)).unwrap_err();
    assert!(matches!(full, PageFileError::Full));
}

#[test]
fn a_file_grows_when_it_is_full_and_shrinks_where_its_end_is_free() {
    let (mut files, faults) = faulty(PageFileSize {
        minimum: 4 * PAGE,
        maximum: 1000 * PAGE,
    });
    let first = files.write(&pages(0, 16)).unwrap();
    assert_eq!((first.pages, files.pages()), (4, 4));
    let second = files.write(&pages(4, 16)).unwrap();
    assert_eq!((second.pages, files.pages()), (16, 260));
    assert_eq!(files.shrink(u64::MAX), 240);
    files.free(second).unwrap();
    assert_eq!(files.shrink(10), 10);
    assert_eq!(files.shrink(u64::MAX), 6);
    assert_eq!((files.pages(), files.shrink(u64::MAX)), (4, 0));

    faults.fail(faults.operations(), DiskFault::Full);
    let full = files.write(&pages(4, 1)).unwrap_err();
    assert!(matches!(full, PageFileError::Grow { .. }));
    assert_eq!(full.status(), Status::DiskFull);
    assert_eq!((files.pages(), used(&files)), (4, 4));
    assert_eq!(files.refusal(), Some(ErrorKind::StorageFull));
    assert_eq!(files.grow(500).unwrap(), 500);
    assert_eq!(files.refusal(), None);
    assert_eq!(files.grow(500).unwrap(), 496);
    assert!(matches!(files.grow(1), Err(PageFileError::Full)));
    assert_eq!(files.refusal(), None);
    assert_eq!(read(&mut files, first).unwrap(), pages(0, 4));
}

#[test]
fn a_file_that_fails_is_left_for_one_that_does_not() {
    let faults = DiskFaults::default();
    let mut files = PageFiles::default();
    let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), &faults);
    let size = PageFileSize {
        minimum: 64 * PAGE,
        maximum: 64 * PAGE,
    };
    let failing = files.add(Box::new(disk), size).unwrap();
    files
        .add(Box::new(tempfile::tempfile().unwrap()), SMALL)
        .unwrap();
    faults.fail_from(0, DiskFault::Fails);
    assert!(files.write(&pages(0, 8)).is_err());
    for _ in 0..4 {
        let run = files.write(&pages(0, 8)).unwrap();
        assert_ne!(run.file, failing);
    }
    assert!(files.write(&pages(0, 8)).is_err());
    faults.heal();
    assert_eq!(files.write(&pages(0, 8)).unwrap().file, failing);
}

#[test]
fn a_page_that_is_not_what_was_written_is_told_and_no_other() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("page file");
    let mut files = PageFiles::default();
    files.create(&path, SMALL).unwrap();
    let run = files.write(&pages(0, 8)).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[5 * PAGE_BYTES + 77] ^= 0x10;
    fs::write(&path, &bytes[..7 * PAGE_BYTES]).unwrap();
    for (number, slot) in (0..).zip(run.slots()) {
        let found = read(&mut files, slot);
        match number {
            5 => {
                let error = found.unwrap_err();
                assert!(
                    matches!(error, PageFileError::Corrupt { slot: told, .. } if told == slot.slot)
                );
                assert_eq!(error.status(), Status::CrcError);
            }
            7 => {
                let error = found.unwrap_err();
                assert!(
                    matches!(error, PageFileError::Ends { slot: told, .. } if told == slot.slot)
                );
                assert_eq!(error.status(), Status::EndOfFile);
            }
            _ => assert_eq!(found.unwrap(), pages(number, 1)),
        }
    }
    let all = read(&mut files, run).unwrap_err();
    assert!(matches!(all, PageFileError::Corrupt { slot, .. } if slot.get() == 6));
}

#[test]
fn a_page_file_is_made_anew_and_goes_with_its_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page file");
    fs::write(&path, "somebody's").unwrap();
    let mut files = PageFiles::default();
    let refused = files.create(&path, SMALL).unwrap_err();
    assert!(
        matches!(&refused, PageFileError::Create(error) if error.kind() == ErrorKind::AlreadyExists)
    );
    assert_eq!(fs::read(&path).unwrap(), b"somebody's");
    fs::remove_file(&path).unwrap();
    files.create(&path, SMALL).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), SMALL.minimum);
    drop(files);
    assert!(!path.exists());
}

/// Writes, reads, grows and frees, with one operation going wrong; gives how many operations
/// there were.
fn story(fault: Option<(u64, DiskFault)>) -> u64 {
    let (mut files, faults) = faulty(PageFileSize {
        minimum: 8 * PAGE,
        maximum: 512 * PAGE,
    });
    let base = faults.operations();
    if let Some((operation, fault)) = fault {
        faults.fail(base + operation, fault);
    }
    let mut kept: Vec<(u64, SlotRun)> = Vec::new();
    let mut failures = 0;
    for step in 0..12_u64 {
        let first = step * 100;
        let wanted = kept.len() % 5 + 1;
        match files.write(&pages(first, wanted)) {
            Ok(run) => kept.push((first, run)),
            Err(_) => failures += 1,
        }
        if step % 4 == 3 {
            let (_, run) = kept.remove(1);
            files.free(run).unwrap();
        }
        let slots: u32 = kept.iter().map(|(_, run)| run.pages).sum();
        assert_eq!(used(&files), u64::from(slots));
    }
    let mut damaged = 0;
    for &(first, run) in &kept {
        match read(&mut files, run) {
            Ok(found) => assert_eq!(found, pages(first, run.pages as usize)),
            Err(_) => damaged += 1,
        }
    }
    assert!(failures + damaged <= 1, "{fault:?}");
    let operations = faults.operations() - base;
    // The device is well again: all is there that was not damaged as it was written.
    let lost = kept
        .iter()
        .filter(|&&(_, run)| read(&mut files, run).is_err());
    let was_silent = fault.is_some_and(|(_, fault)| SILENT.contains(&fault));
    assert!(lost.count() <= usize::from(was_silent), "{fault:?}");
    for (_, run) in kept {
        files.free(run).unwrap();
    }
    assert_eq!(used(&files), 0);
    assert_eq!(files.write(&pages(0, 8)).unwrap().pages, 8);
    operations
}

#[test]
fn each_operation_may_fail_in_each_way_and_nothing_else_is_lost() {
    let operations = story(None);
    assert!(operations > 20);
    for operation in 0..operations {
        for fault in DiskFault::ALL {
            story(Some((operation, fault)));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Free(prop::sample::Index),
    Read(prop::sample::Index),
    Grow(u64),
    Shrink(u64),
    Fail(DiskFault),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_usize..20).prop_map(Step::Write),
        4 => any::<prop::sample::Index>().prop_map(Step::Free),
        4 => any::<prop::sample::Index>().prop_map(Step::Read),
        1 => (1_u64..100).prop_map(Step::Grow),
        1 => (1_u64..300).prop_map(Step::Shrink),
        1 => prop::sample::select(&DiskFault::ALL[..]).prop_map(Step::Fail),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Two files against a map from slots to what was written there.
    #[test]
    fn any_operations_leave_the_files_as_a_map_has_it(steps in steps()) {
        let faults = DiskFaults::default();
        let mut files = PageFiles::default();
        for minimum in [8 * PAGE, 20 * PAGE] {
            let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), &faults);
            let size = PageFileSize { minimum, maximum: 300 * PAGE };
            files.add(Box::new(disk), size).unwrap();
        }
        // Whether a slot may be damaged: something went wrong as it was written.
        let mut map: BTreeMap<PageSlot, (u64, bool)> = BTreeMap::new();
        let mut next = 1;
        let mut silent = None;
        for step in steps {
            match step {
                Step::Write(count) => {
                    let before = faults.operations();
                    let run = files.write(&pages(next, count));
                    let operations = before..faults.operations();
                    let went_wrong = silent.is_some_and(|at| operations.contains(&at));
                    if let Ok(run) = run {
                        for (number, slot) in (next..).zip(run.slots()) {
                            let old = map.insert(slot, (number, went_wrong));
                            prop_assert!(old.is_none(), "{slot:?} was handed out twice");
                        }
                    }
                    next += count as u64;
                }
                Step::Free(index) => {
                    if let Some(&slot) = pick(&map, index) {
                        files.free(slot.into()).unwrap();
                        map.remove(&slot);
                    }
                }
                Step::Read(index) => {
                    if let Some(&slot) = pick(&map, index) {
                        let (number, _) = map[&slot];
                        if let Ok(found) = read(&mut files, slot) {
                            prop_assert_eq!(found, pages(number, 1));
                        }
                    }
                }
                Step::Grow(pages) => {
                    let old = files.pages();
                    let gained = files.grow(pages).unwrap_or(0);
                    prop_assert_eq!(files.pages(), old + gained);
                }
                Step::Shrink(most) => {
                    let old = files.pages();
                    let lost = files.shrink(most);
                    prop_assert!(lost <= most && files.pages() == old - lost);
                }
                Step::Fail(fault) => {
                    let next = faults.operations();
                    faults.fail(next, fault);
                    silent = SILENT.contains(&fault).then_some(next);
                }
            }
            prop_assert_eq!(used(&files), map.len() as u64);
            prop_assert_eq!(files.free_slots(), files.pages() - map.len() as u64);
        }
        faults.heal();
        for (&slot, &(number, may_be_damaged)) in &map {
            match read(&mut files, slot) {
                Ok(found) => prop_assert_eq!(found, pages(number, 1)),
                Err(error) => prop_assert!(may_be_damaged, "{}", error),
            }
        }
    }
}

fn pick<V>(map: &BTreeMap<PageSlot, V>, index: prop::sample::Index) -> Option<&PageSlot> {
    map.keys().nth(index.index(map.len().max(1)))
}
