//! Mapped files on a disk each of whose operations fails in turn.

use std::{collections::BTreeSet, fs::File};

use super::{images::file, *};
use crate::{
    Backing, DiskFault, DiskFaults, FaultyDisk, FileAccess, PageFileSize, SectionAttributes,
    SectionHandle,
};

const PAGES: u64 = 24;

/// What the disk says, and what the memory manager does of a file that ends too early.
const REASONS: [Status; 3] = [Status::IoDeviceError, Status::DiskFull, Status::FileInvalid];

/// A process with a view of a file, and what every page of it should be.
struct World {
    bench: Bench,
    section: SectionHandle,
    file: File,
    faults: DiskFaults,
    shadow: Vec<Vec<u8>>,
    /// Pages that a fault has harmed of which nobody was told.
    harmed: BTreeSet<u64>,
    draw: Draw,
    /// Accesses and calls that failed.
    failed: u32,
}

impl World {
    fn new() -> Self {
        let mut bench = Bench::with_ram(96 * PAGE);
        let size = PageFileSize {
            minimum: 64 * PAGE,
            maximum: 64 * PAGE,
        };
        let disk = Box::new(tempfile::tempfile().unwrap());
        bench.machine.add_page_file(disk, size).unwrap();
        let shadow: Vec<_> = (1..=24).map(|page| vec![page; 0x1000]).collect();
        let file = file(&shadow.concat());
        let faults = DiskFaults::default();
        let disk = FaultyDisk::new(file.try_clone().unwrap(), &faults);
        let backing = Backing::Disk(Box::new(disk), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let made = bench.machine.create_section(backing, READWRITE, commit, 0);
        let section = made.unwrap();
        bench.map(section, BASE, READWRITE).unwrap();
        Self {
            bench,
            section,
            file,
            faults,
            shadow,
            harmed: BTreeSet::new(),
            draw: Draw(11),
            failed: 0,
        }
    }

    fn note(&mut self, status: Status, reason: Option<Status>) {
        assert!(reason.is_none_or(|reason| REASONS.contains(&reason)));
        let is_known = match reason {
            Some(_) => status == Status::InPageError,
            None => REASONS.contains(&status),
        };
        assert!(is_known, "{status}");
        self.failed += 1;
    }

    fn step(&mut self) {
        let page = self.draw.below(PAGES);
        let index = usize::try_from(page).unwrap();
        let (process, at) = (self.bench.process, VirtAddr::new(BASE + page * PAGE));
        match self.draw.below(12) {
            0 => {
                let base = VirtAddr::new(BASE);
                if let Err(status) = self.bench.machine.flush_view(process, base, 0) {
                    self.note(status, None);
                }
            }
            1 => {
                self.bench.page_out();
                while self.bench.machine.kernel.write_mapped().unwrap() > 0 {}
            }
            2 => self.bench.forget_standby(),
            3..7 => {
                let offset = self.draw.below(0x1000 / 8) * 8;
                let value = self.draw.0.to_le_bytes();
                let at = at.wrapping_add(offset);
                match self.bench.machine.write(process, at, &value) {
                    Ok(()) => {
                        let offset = usize::try_from(offset).unwrap();
                        self.shadow[index][offset..offset + 8].copy_from_slice(&value);
                    }
                    Err(raised) => self.note(raised.code, raised.reason),
                }
            }
            _ => {
                let mut found = vec![0; 0x1000];
                match self.bench.machine.read(process, at, &mut found) {
                    Ok(()) if found != self.shadow[index] => _ = self.harmed.insert(page),
                    Ok(()) => {}
                    Err(raised) => self.note(raised.code, raised.reason),
                }
            }
        }
        self.bench.machine.verify_frames().unwrap();
    }

    /// The disk is well again: every page can be read and stored, and all memory comes back.
    /// Gives the pages that are not what they should be.
    fn end(mut self) -> BTreeSet<u64> {
        self.faults.heal();
        let process = self.bench.process;
        let mut found = vec![0; 0x1000];
        for page in 0..PAGES {
            let at = VirtAddr::new(BASE + page * PAGE);
            self.bench.machine.read(process, at, &mut found).unwrap();
            if found != self.shadow[usize::try_from(page).unwrap()] {
                self.harmed.insert(page);
            }
        }
        self.bench.machine.terminate_process(process).unwrap();
        self.bench.machine.close_section(self.section).unwrap();
        assert_eq!(self.bench.machine.frames_in_use(), 0);
        for page in 0..PAGES {
            crate::section::mapped_file::read(&self.file, page * PAGE, &mut found).unwrap();
            if found != self.shadow[usize::try_from(page).unwrap()] {
                self.harmed.insert(page);
            }
        }
        self.bench.process = self.bench.machine.create_process().unwrap();
        self.harmed
    }
}

/// One run with a fault; gives how many operations there were, and pages that were harmed.
fn run(fault: Option<(u64, DiskFault)>) -> (u64, usize) {
    let mut world = World::new();
    let base = world.faults.operations();
    if let Some((operation, fault)) = fault {
        world.faults.fail(base + operation, fault);
    }
    for _ in 0..150 {
        world.step();
    }
    // One operation that fails is one access or call that does, or none.
    assert!(world.failed <= 1, "{fault:?}: {}", world.failed);
    let operations = world.faults.operations() - base;
    (operations, world.end().len())
}

/// Whatever operation fails, what is told is one access or call; all pages keep what was written
/// to them, no frame is lost, and all is well once the disk is.
#[test]
fn each_operation_of_a_mapped_file_may_fail_and_no_page_is_another_one() {
    let (operations, harmed) = run(None);
    assert!(operations > 50 && harmed == 0, "{operations} {harmed}");
    let told = [
        DiskFault::Fails,
        DiskFault::Full,
        DiskFault::Short,
        DiskFault::Torn,
    ];
    for fault in told {
        for operation in 0..operations {
            let (_, harmed) = run(Some((operation, fault)));
            assert_eq!(harmed, 0, "{fault:?} of {operation}");
        }
    }
}

/// A mapped file has no checksums: of what a disk gets wrong without a word nobody is told. It
/// harms no page but those of that operation.
#[test]
fn what_a_disk_gets_wrong_without_a_word_harms_just_the_pages_of_that_operation() {
    let (operations, _) = run(None);
    let (mut flipped, mut torn) = (0, 0);
    for operation in 0..operations {
        let (_, harmed) = run(Some((operation, DiskFault::FlippedBit)));
        assert!(harmed <= 1, "{operation}: {harmed}");
        flipped += harmed;
        let (_, harmed) = run(Some((operation, DiskFault::TornSilently)));
        assert!(harmed <= 16, "{operation}: {harmed}");
        torn += harmed;
    }
    // Or they would show nothing.
    assert!(flipped > 0 && torn > 0);
}

/// As long as the disk fails, whatever needs it does, and what does not goes on; then all goes on.
#[test]
fn a_file_outlasts_a_disk_that_is_gone_for_a_while() {
    for fault in [DiskFault::Fails, DiskFault::Full, DiskFault::Ends] {
        let mut world = World::new();
        for _ in 0..40 {
            world.step();
        }
        assert_eq!(world.failed, 0);
        world.faults.fail_from(world.faults.operations(), fault);
        for _ in 0..100 {
            world.step();
        }
        assert!(world.failed > 0, "{fault:?}");
        world.faults.heal();
        let failed = world.failed;
        for _ in 0..100 {
            world.step();
        }
        assert_eq!(world.failed, failed);
        assert!(world.end().is_empty(), "{fault:?}");
    }
}

/// Microsoft, `FlushViewOfFile`: it is `FlushFileBuffers` that waits for the device.
#[test]
fn the_device_keeps_what_is_in_a_file_once_it_is_asked_to() {
    let mut world = World::new();
    world.bench.write(BASE, 77).unwrap();
    let (process, base) = (world.bench.process, VirtAddr::new(BASE));
    world.bench.machine.flush_view(process, base, 0).unwrap();
    let before = world.faults.operations();
    let sync = |world: &World| world.bench.machine.flush_file_buffers(world.section);
    assert_eq!(sync(&world), Ok(()));
    assert_eq!(world.faults.operations(), before + 1);
    world.faults.fail_from(before + 1, DiskFault::Fails);
    assert_eq!(sync(&world), Err(Status::IoDeviceError));
    world.faults.heal();
    assert_eq!(sync(&world), Ok(()));
    let commit = SectionAttributes::COMMIT;
    let machine = &mut world.bench.machine;
    let memory = machine.create_section(Backing::PageFile, READWRITE, commit, PAGE);
    let refused = machine.flush_file_buffers(memory.unwrap());
    assert_eq!(refused, Err(Status::NotMappedData));
}
