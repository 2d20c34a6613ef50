//! What is read of files at once.

use std::{
    fs::File,
    io,
    sync::{Arc, Barrier, Mutex, PoisonError},
    thread,
};

use mmu_core::{AccessKind, Fault, FunctionalMmu, PrivilegeMode};

use super::{
    checked_disk::{CheckedDisk, Operation},
    images::file,
    pe::Pe,
    *,
};
use crate::{
    Backing, Disk, DiskFault, DiskFaults, FaultOutcome, FaultyDisk, FileAccess, IoCounters,
    IoOwner, SectionAttributes, SectionHandle, StackRequest,
};

/// A file of so many pages, each of which says its number and one more.
fn numbered_file(pages: u8) -> File {
    let bytes: Vec<u8> = (1..=pages).flat_map(|page| [page; 0x1000]).collect();
    file(&bytes)
}

impl Bench {
    /// All of a file, to be read and written.
    fn map_file(&mut self, backing: Backing) -> SectionHandle {
        let commit = SectionAttributes::COMMIT;
        let made = self.machine.create_section(backing, READWRITE, commit, 0);
        let section = made.unwrap();
        self.map(section, BASE, READWRITE).unwrap();
        section
    }

    fn file_io(&self) -> IoCounters {
        self.machine.disk_counters(IoOwner::MappedFile)
    }

    fn page(&mut self, page: u8) -> Result<u8, (Status, u64, u64)> {
        self.read(BASE + u64::from(page) * PAGE)
    }
}

fn whole(file: &File) -> Backing {
    Backing::File(file.try_clone().unwrap(), FileAccess::all())
}

/// Windows Internals: hard faults on files read what lies beside the page; it goes to standby.
/// Literature only.
#[test]
fn neighbours_in_a_file_are_read_together() {
    let mut bench = Bench::new();
    bench.map_file(whole(&numbered_file(20)));
    let before = (bench.file_io(), bench.standby());
    assert_eq!(bench.page(4), Ok(5));
    let after = bench.file_io();
    assert_eq!(after.reads, before.0.reads + 1);
    assert_eq!(after.bytes_read, before.0.bytes_read + 8 * PAGE);
    assert_eq!(bench.standby(), before.1 + 7);
    bench.machine.verify_frames().unwrap();
    let soft = bench.machine.fault_counters().soft;
    for page in 4..12 {
        assert_eq!(bench.page(page), Ok(page + 1));
    }
    assert_eq!(bench.file_io().reads, after.reads);
    assert_eq!(bench.machine.fault_counters().soft, soft + 7);
    // What is left before them, and what is left behind.
    assert_eq!(bench.page(3), Ok(4));
    assert_eq!(bench.file_io().bytes_read, after.bytes_read + 4 * PAGE);
    assert_eq!(bench.page(18), Ok(19));
    assert_eq!(bench.file_io().bytes_read, after.bytes_read + 12 * PAGE);
    for page in 0..20 {
        assert_eq!(bench.page(page), Ok(page + 1));
    }
    assert_eq!(bench.file_io().reads, after.reads + 2);
}

/// The same; only what is in the same subsection is read with a page.
#[test]
fn neighbours_in_a_part_of_an_image_are_read_together() {
    let mut bench = Bench::new();
    let bytes = Pe::sample(BASE).bytes();
    let section = bench.image(&file(&bytes)).unwrap();
    bench.load(section).unwrap();
    let before = bench.file_io();
    let text = &bytes[0x400..][..0x1234];
    assert_eq!(bench.read(BASE + 0x1000 + 0x10), Ok(text[0x10]));
    assert_eq!(bench.file_io().bytes_read, before.bytes_read + 2 * PAGE);
    assert_eq!(bench.read(BASE + 0x2000), Ok(text[0x1000]));
    assert_eq!(bench.read(BASE + 0x2233), Ok(text[0x1233]));
    assert_eq!(bench.read(BASE + 0x2400), Ok(0));
    assert_eq!(bench.file_io().reads, before.reads + 1);
    // Pages of zeros are not read at all.
    assert_eq!(bench.read(BASE + 0x5000), Ok(0));
    assert_eq!(bench.read(BASE + 0x6000), Ok(0));
    assert_eq!(bench.file_io().reads, before.reads + 1);
}

/// What is in memory, written or not, is not read again with its neighbours.
#[test]
fn a_neighbour_that_is_in_memory_stays_as_it_is() {
    let mut bench = Bench::new();
    let on_disk = numbered_file(10);
    bench.map_file(whole(&on_disk));
    bench.write(BASE + 3 * PAGE, 99).unwrap();
    bench.empty_working_set();
    bench.forget_standby();
    assert_eq!(bench.page(2), Ok(3));
    assert_eq!(bench.page(4), Ok(5));
    assert_eq!(bench.page(3), Ok(99));
    assert_eq!(bench.machine.page_lists().modified_mapped, 0);
    bench.empty_working_set();
    assert_eq!(bench.machine.page_lists().modified_mapped, 1);
}

/// Of a file that others made shorter, only the pages are missing that are.
#[test]
fn a_file_that_ends_in_a_cluster_harms_just_the_pages_that_are_missing() {
    let mut bench = Bench::new();
    let on_disk = numbered_file(16);
    bench.map_file(whole(&on_disk));
    on_disk.set_len(4 * PAGE + 0x123).unwrap();
    let missing = |page: u64| Err((Status::InPageError, 0, BASE + page * PAGE));
    assert_eq!(bench.page(2), Ok(3));
    // Of those behind it one is whole; what is left of the next is read when it is touched.
    assert_eq!(bench.standby(), 1);
    for page in 5..16 {
        assert_eq!(bench.page(page), missing(page.into()));
        let address = VirtAddr::new(BASE + u64::from(page) * PAGE);
        let raised = bench.machine.read(bench.process, address, &mut [0]);
        assert_eq!(raised.unwrap_err().reason, Some(Status::FileInvalid));
    }
    for page in 0..5 {
        assert_eq!(bench.page(page), Ok(page + 1));
    }
    assert_eq!(bench.read(BASE + 4 * PAGE + 0x123), Ok(0));
    bench.machine.verify_frames().unwrap();
    on_disk.set_len(16 * PAGE).unwrap();
    for page in 5..16 {
        assert_eq!(bench.page(page), Ok(0));
    }
}

/// [MS-ERREF] 2.3.1, `STATUS_IN_PAGE_ERROR`: of the page that is accessed, whatever is damaged
/// beside it.
#[test]
fn a_damaged_page_of_a_file_does_not_damage_those_read_with_it() {
    let mut bench = Bench::new();
    let damage = Arc::new(Mutex::new(5 * PAGE + 7..5 * PAGE + 8));
    let damaged = Arc::clone(&damage);
    let disk = CheckedDisk::new(&numbered_file(12), move |operation| {
        let damage = damaged.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            Operation::Read { offset, bytes }
                if offset < damage.end && offset + bytes > damage.start =>
            {
                Err(io::Error::other("damaged"))
            }
            _ => Ok(()),
        }
    });
    bench.map_file(Backing::Disk(Box::new(disk), FileAccess::all()));
    for page in 0..12 {
        let at = BASE + u64::from(page) * PAGE;
        let expected = match page {
            5 => Err((Status::InPageError, 0, at)),
            _ => Ok(page + 1),
        };
        assert_eq!(bench.page(page), expected);
    }
    let address = VirtAddr::new(BASE + 5 * PAGE);
    let raised = bench.machine.read(bench.process, address, &mut [0]);
    assert_eq!(raised.unwrap_err().reason, Some(Status::IoDeviceError));
    bench.machine.verify_frames().unwrap();
    *damage.lock().unwrap() = 0..0;
    assert_eq!(bench.page(5), Ok(6));
}

/// Reading ahead takes no frame where few can be had.
#[test]
fn neighbours_are_not_read_where_memory_is_short() {
    let mut bench = Bench::with_ram(128 * PAGE);
    bench.map_file(whole(&numbered_file(20)));
    bench.page(0).unwrap();
    bench.forget_standby();
    let process = bench.process;
    let privileges = crate::Privileges::LOCK_MEMORY;
    bench.machine.set_privileges(process, privileges).unwrap();
    let taken = bench.machine.page_lists().available() - 10;
    let made = bench.machine.allocate_user_physical_pages(process, taken);
    made.unwrap();
    let before = bench.file_io();
    for page in 1..6 {
        assert_eq!(bench.page(page), Ok(page + 1));
    }
    let after = bench.file_io();
    assert_eq!(after.reads, before.reads + 5);
    assert_eq!(after.bytes_read, before.bytes_read + 5 * PAGE);
}

/// A call is over when what it needs is read, so that no other call meets a read that is under
/// way: who comes second waits for the machine, and finds the page.
#[test]
fn threads_that_fault_on_one_page_read_it_once() {
    let mut bench = Bench::new();
    bench.map_file(whole(&numbered_file(1)));
    let process = bench.process;
    let machine = Mutex::new(&mut bench.machine);
    let together = Barrier::new(4);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                together.wait();
                let mut byte = [0];
                let address = VirtAddr::new(BASE);
                let read = machine.lock().unwrap().read(process, address, &mut byte);
                assert_eq!((read, byte), (Ok(()), [1]));
            });
        }
    });
    let done = bench.file_io();
    assert_eq!((done.reads, done.bytes_read), (1, PAGE));
}

/// The same of processors of one's own, whose faults are there before any of them is serviced.
#[test]
fn processors_that_fault_on_one_page_read_it_once() {
    let mut bench = Bench::new();
    bench.map_file(whole(&numbered_file(1)));
    let request = StackRequest::default();
    let thread = bench.machine.create_thread(bench.process, request).unwrap();
    let registers = bench.machine.registers(bench.process).unwrap();
    let mut mmus =
        [(); 4].map(|()| FunctionalMmu::functional(bench.machine.features, registers).unwrap());
    let machine = &mut bench.machine;
    let faults = mmus.each_mut().map(|mmu| {
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        match mmu.translate(machine.ram(), VirtAddr::new(BASE), kind, mode) {
            Err(Fault::Page(fault)) => fault,
            other => panic!("{other:?}"),
        }
    });
    let done = faults.map(|fault| machine.service(thread, &fault).unwrap());
    let there = FaultOutcome::AlreadyThere;
    assert_eq!(done, [FaultOutcome::Resolved, there, there, there]);
    assert_eq!(bench.file_io().reads, 1);
}

/// [MS-ERREF] 2.3.1, `STATUS_IN_PAGE_ERROR`: half a page that was read is none, as long as the
/// file does not end there.
#[test]
fn a_page_of_which_only_half_can_be_read_is_an_in_page_error() {
    let mut bench = Bench::new();
    let (on_disk, faults) = (numbered_file(1), DiskFaults::default());
    let disk = FaultyDisk::new(on_disk.try_clone().unwrap(), &faults);
    bench.map_file(Backing::Disk(Box::new(disk), FileAccess::all()));
    let next = faults.operations();
    faults.fail(next, DiskFault::Short);
    faults.fail(next + 1, DiskFault::Ends);
    assert_eq!(bench.page(0), Err((Status::InPageError, 0, BASE)));
    assert_eq!(bench.read(BASE + PAGE - 1), Ok(1));
}

/// Microsoft, `PERFORMANCE_INFORMATION`: what is read from a file counts as a hard fault, too.
#[test]
fn a_fault_that_reads_a_file_is_a_hard_one() {
    let mut bench = Bench::new();
    bench.map_file(whole(&numbered_file(16)));
    for page in 0..16 {
        bench.page(page).unwrap();
    }
    let faults = bench.machine.fault_counters();
    assert_eq!((faults.hard, faults.soft), (2, 14));
}

/// Windows Internals: mapped files are written to where they are, whatever page files there are.
/// Literature only.
#[test]
fn a_file_larger_than_memory_is_written_without_a_page_file() {
    let mut bench = Bench::with_ram(256 * PAGE);
    let on_disk = tempfile::tempfile().unwrap();
    on_disk.set_len(1024 * PAGE).unwrap();
    bench.map_file(whole(&on_disk));
    for page in 0..1024 {
        bench.write(BASE + page * PAGE, 9).unwrap();
    }
    bench.machine.verify_frames().unwrap();
    bench.unmap(BASE).unwrap();
    let mut written = vec![0; 1024 << 12];
    assert_eq!(
        Disk::read_at(&on_disk, 0, &mut written).unwrap(),
        written.len()
    );
    assert!(written.chunks(1 << 12).all(|page| page[0] == 9));
}

/// A disk that is dead keeps no page of another one in memory.
#[test]
fn a_file_on_a_sound_disk_is_written_though_another_one_fails() {
    let mut bench = Bench::new();
    let faults = DiskFaults::default();
    let dead = FaultyDisk::new(numbered_file(40), &faults);
    bench.map_file(Backing::Disk(Box::new(dead), FileAccess::all()));
    let sound = bench.machine.create_section(
        whole(&numbered_file(40)),
        READWRITE,
        SectionAttributes::COMMIT,
        0,
    );
    let base = BASE + 0x10_0000;
    bench.map(sound.unwrap(), base, READWRITE).unwrap();
    for page in 0..40 {
        bench.write(BASE + page * PAGE, 9).unwrap();
        bench.write(base + page * PAGE, 9).unwrap();
    }
    faults.fail_from(faults.operations(), DiskFault::Fails);
    bench.machine.page_out().unwrap();
    assert_eq!(bench.machine.page_lists().modified_mapped, 40);
    faults.heal();
    bench.machine.page_out().unwrap();
    assert_eq!(bench.machine.page_lists().modified_mapped, 0);
}
