//! How pages go to page files and files, and come back.

use std::{collections::BTreeMap, fs::File};

use super::{images::file, *};
use crate::{
    Backing, DiskFault, DiskFaults, Exception, FaultyDisk, FileAccess, FrameFault, IoOwner,
    PageFileSize, SectionAttributes, SectionHandle, WorkingSetSize, pte::PteState,
};

const EMPTY: WorkingSetSize = WorkingSetSize {
    minimum: u64::MAX,
    maximum: u64::MAX,
};

/// Pages of a page file that does not grow.
const fn pages(count: u64) -> PageFileSize {
    PageFileSize {
        minimum: count * PAGE,
        maximum: count * PAGE,
    }
}

impl Bench {
    /// A machine of so many frames, with a page file of so many pages.
    pub(super) fn with_page_file(frames: u64, slots: u64) -> (Self, DiskFaults) {
        let mut bench = Self::with_ram(frames * PAGE);
        let faults = DiskFaults::default();
        let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), &faults);
        bench
            .machine
            .add_page_file(Box::new(disk), pages(slots))
            .unwrap();
        (bench, faults)
    }

    pub(super) fn slots_used(&self) -> u64 {
        self.machine.page_files().map(|file| file.used).sum()
    }

    /// Takes all pages out of the working set and writes those that were written.
    pub(super) fn page_out(&mut self) {
        let process = self.process;
        self.machine.set_working_set_size(process, EMPTY).unwrap();
        let physical = &mut self.machine.kernel.physical;
        while physical.write_modified().unwrap() > 0 {}
    }

    /// Takes all frames that hold pages which are elsewhere, too.
    pub(super) fn forget_standby(&mut self) {
        self.machine.kernel.physical.forget_standby();
        self.machine.verify_frames().unwrap();
    }

    /// Pages that are written, each with its number and one more.
    pub(super) fn numbered(&mut self, base: u64, pages: u8) {
        let size = u64::from(pages) * PAGE;
        self.alloc(base, size, BOTH, READWRITE).unwrap();
        for page in 0..pages {
            self.write(base + u64::from(page) * PAGE, page + 1).unwrap();
        }
    }

    fn is_paged_out(&self, address: u64) -> bool {
        let (space, kernel) = self.machine.space_ref(self.process).unwrap();
        let pte = space.entry(&kernel.physical, address).unwrap();
        matches!(pte.state(), PteState::PageFile(..))
    }
}

/// Windows Internals: a page is written before its frame is taken, and read when it is touched.
/// Literature only.
#[test]
fn pages_go_to_a_page_file_and_come_back_as_they_were() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    bench.numbered(BASE, 20);
    assert_eq!(bench.slots_used(), 0);
    bench.page_out();
    let count = bench.slots_used();
    assert!(count >= 20);
    bench.forget_standby();
    assert!((0..20).all(|page| bench.is_paged_out(BASE + page * PAGE)));
    for page in 0..20 {
        assert_eq!(bench.read(BASE + u64::from(page) * PAGE), Ok(page + 1));
    }
    assert_eq!(bench.slots_used(), count);
    bench.machine.verify_frames().unwrap();
}

/// Windows Internals: up to 8 pages that follow each other are read at once; those beside the
/// wanted one are on standby. Literature only.
#[test]
fn neighbours_in_the_page_file_are_read_together() {
    let (mut bench, _) = Bench::with_page_file(256, 64);
    bench.numbered(BASE, 20);
    bench.page_out();
    bench.forget_standby();
    let before = bench.machine.disk_counters(IoOwner::PageFile);
    assert_eq!(bench.read(BASE + 4 * PAGE), Ok(5));
    let after = bench.machine.disk_counters(IoOwner::PageFile);
    assert_eq!(after.reads, before.reads + 1);
    assert_eq!(after.bytes_read, before.bytes_read + 8 * PAGE);
    assert!(after.cycles > before.cycles);
    let near = (0..20).filter(|page| !bench.is_paged_out(BASE + page * PAGE));
    let near: Vec<_> = near.collect();
    assert_eq!(near.len(), 8);
    assert!(near.contains(&4));
    for page in near {
        assert_eq!(u64::from(bench.read(BASE + page * PAGE).unwrap()), page + 1);
    }
    let last = bench.machine.disk_counters(IoOwner::PageFile);
    assert_eq!(last.reads, after.reads);
}

/// Windows Internals: pages are written 16 at a time. Literature only.
#[test]
fn written_pages_are_written_in_clusters() {
    let (mut bench, _) = Bench::with_page_file(256, 128);
    bench.numbered(BASE, 64);
    bench.page_out();
    let done = bench.machine.disk_counters(IoOwner::PageFile);
    assert!(done.bytes_written >= 64 * PAGE);
    assert_eq!(done.writes, done.bytes_written.div_ceil(16 * PAGE));
}

/// Windows Internals: what is in the page file is of no use once the page is written.
/// Literature only.
#[test]
fn a_page_that_is_written_again_leaves_its_slot() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    bench.numbered(BASE, 4);
    bench.page_out();
    let count = bench.slots_used();
    assert_eq!(bench.read(BASE), Ok(1));
    assert_eq!(bench.slots_used(), count);
    bench.write(BASE, 77).unwrap();
    assert_eq!(bench.slots_used(), count - 1);
    bench.forget_standby();
    bench.write(BASE + PAGE, 78).unwrap();
    assert_eq!(bench.slots_used(), count - 2);
    bench.page_out();
    bench.forget_standby();
    assert_eq!(bench.read(BASE), Ok(77));
    assert_eq!(bench.read(BASE + PAGE), Ok(78));
    bench.machine.verify_frames().unwrap();
}

/// Windows Internals: a slot is freed when its page is deleted or decommitted. Literature only.
#[test]
fn pages_that_go_leave_their_slots() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    bench.machine.terminate_process(bench.process).unwrap();
    bench.process = bench.machine.create_process().unwrap();
    let none = {
        bench.page_out();
        bench.slots_used()
    };
    bench.numbered(BASE, 8);
    bench.page_out();
    assert_eq!(bench.slots_used(), none + 8);
    bench.free(BASE, PAGE, DECOMMIT).unwrap();
    assert_eq!(bench.slots_used(), none + 7);
    bench.forget_standby();
    bench.free(BASE + PAGE, PAGE, DECOMMIT).unwrap();
    assert_eq!(bench.slots_used(), none + 6);
    bench.free(BASE, 0, RELEASE).unwrap();
    assert_eq!(bench.slots_used(), none);
    bench.numbered(BASE, 8);
    bench.page_out();
    bench.forget_standby();
    bench.machine.terminate_process(bench.process).unwrap();
    assert_eq!(bench.slots_used(), 0);
    bench.process = bench.machine.create_process().unwrap();
}

/// What a page may be used for does not depend on where it is.
#[test]
fn a_page_that_is_elsewhere_is_protected_and_told_as_any() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    bench.numbered(BASE, 6);
    bench.page_out();
    bench.forget_standby();
    assert_eq!(bench.protect(BASE, 2 * PAGE, READONLY), Ok(READWRITE));
    assert_eq!(
        bench.protect(BASE + 2 * PAGE, PAGE, READWRITE | GUARD),
        Ok(READWRITE)
    );
    assert_eq!(
        bench.protect(BASE + 3 * PAGE, PAGE, NOACCESS),
        Ok(READWRITE)
    );
    assert!((0..6).all(|page| bench.is_paged_out(BASE + page * PAGE)));
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READONLY, 2 * PAGE));
    assert_eq!(bench.read(BASE + 3 * PAGE), violation(0, BASE + 3 * PAGE));
    assert_eq!(bench.write(BASE, 9), violation(1, BASE));
    assert!((0..6).all(|page| bench.is_paged_out(BASE + page * PAGE)));
    assert_eq!(bench.read(BASE), Ok(1));
    let at = BASE + 2 * PAGE;
    assert_eq!(bench.read(at), guard(0, at));
    assert_eq!(bench.read(at), Ok(3));
    let at = BASE + 3 * PAGE;
    bench.protect(at, PAGE, READONLY).unwrap();
    assert_eq!(bench.read(at), Ok(4));
    bench.machine.verify_frames().unwrap();
}

/// [MS-ERREF] 2.3.1, `STATUS_IN_PAGE_ERROR`; Microsoft, `EXCEPTION_RECORD`: the third piece of
/// information is the reason.
#[test]
fn a_page_that_cannot_be_read_is_an_in_page_error_of_just_its_access() {
    let (mut bench, faults) = Bench::with_page_file(128, 64);
    bench.numbered(BASE, 8);
    bench.page_out();
    for (fault, reason) in [
        (DiskFault::Fails, Status::IoDeviceError),
        (DiskFault::Ends, Status::EndOfFile),
        (DiskFault::FlippedBit, Status::CrcError),
    ] {
        bench.forget_standby();
        faults.fail_from(faults.operations(), fault);
        let raised = bench
            .machine
            .read(bench.process, VirtAddr::new(BASE), &mut [0]);
        let raised = raised.unwrap_err();
        assert_eq!((raised.code, raised.address), (Status::InPageError, BASE));
        assert_eq!(raised.reason, Some(reason));
        assert!(bench.is_paged_out(BASE));
        bench.machine.verify_frames().unwrap();
        faults.heal();
        for page in 0..8 {
            assert_eq!(bench.read(BASE + u64::from(page) * PAGE), Ok(page + 1));
        }
        bench.page_out();
    }
}

/// One page that is damaged takes no neighbour with it.
#[test]
fn a_damaged_page_does_not_damage_those_read_with_it() {
    let (mut bench, faults) = Bench::with_page_file(128, 64);
    // Of what is written at once, the bit in the middle is another one.
    faults.fail(faults.operations(), DiskFault::FlippedBit);
    bench.numbered(BASE, 8);
    bench.page_out();
    bench.forget_standby();
    let found = (0..8_u8).map(|page| bench.read(BASE + u64::from(page) * PAGE));
    let found: Vec<_> = found.collect();
    let damaged = found.iter().filter(|read| read.is_err()).count();
    assert!(damaged <= 1, "{found:?}");
    for (page, read) in (1..).zip(found) {
        assert!(read == Ok(page) || read.unwrap_err().0 == Status::InPageError);
    }
}

/// Windows Internals: as much as memory and page files hold can be promised, and page files grow
/// for more. Literature only.
#[test]
fn as_much_can_be_promised_as_memory_and_page_files_hold() {
    let mut bench = Bench::with_ram(64 * PAGE);
    assert_eq!(bench.machine.commit_limit(), 64);
    let size = PageFileSize {
        minimum: 100 * PAGE,
        maximum: 1000 * PAGE,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    assert_eq!(bench.machine.commit_limit(), 164);
    bench.alloc(BASE, 120 * PAGE, BOTH, READWRITE).unwrap();
    assert_eq!(bench.machine.commit_limit(), 164);
    bench
        .alloc(BASE + 0x100_0000, 200 * PAGE, BOTH, READWRITE)
        .unwrap();
    let limit = bench.machine.commit_limit();
    assert!(limit >= bench.machine.commit_charge() && limit < 1064);
    let refused = bench.alloc(BASE + 0x200_0000, 1000 * PAGE, BOTH, READWRITE);
    assert_eq!(refused, Err(Status::CommitmentLimit));
    assert_eq!(bench.machine.commit_limit(), limit);
    let rest = 1064 - bench.machine.commit_charge();
    bench
        .alloc(BASE + 0x200_0000, rest * PAGE, BOTH, READWRITE)
        .unwrap();
    assert_eq!(bench.machine.commit_limit(), 1064);
}

/// A disk that is full is as a page file that may not grow.
#[test]
fn a_page_file_that_the_disk_has_no_room_for_does_not_grow() {
    let mut bench = Bench::with_ram(64 * PAGE);
    let faults = DiskFaults::default();
    let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), &faults);
    let size = PageFileSize {
        minimum: 10 * PAGE,
        maximum: 1000 * PAGE,
    };
    bench.machine.add_page_file(Box::new(disk), size).unwrap();
    faults.fail_from(faults.operations(), DiskFault::Full);
    let refused = bench.alloc(BASE, 100 * PAGE, BOTH, READWRITE);
    assert_eq!(refused, Err(Status::CommitmentLimit));
    faults.heal();
    bench.alloc(BASE, 100 * PAGE, BOTH, READWRITE).unwrap();
}

/// What is shared goes to the page file once, and comes back for all who share it.
#[test]
fn pages_of_sections_go_to_the_page_file_and_come_back_for_all_views() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    let reserve = SectionAttributes::COMMIT;
    let made = bench
        .machine
        .create_section(Backing::PageFile, READWRITE, reserve, 12 * PAGE);
    let section = made.unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    bench.map(section, BASE + 0x10_0000, READONLY).unwrap();
    for page in 0..12 {
        bench
            .write(BASE + u64::from(page) * PAGE, page + 1)
            .unwrap();
    }
    bench.page_out();
    bench.forget_standby();
    for page in 0..12 {
        let at = 0x10_0000 + BASE + u64::from(page) * PAGE;
        assert_eq!(bench.read(at), Ok(page + 1));
    }
    bench.write(BASE, 99).unwrap();
    assert_eq!(bench.read(BASE + 0x10_0000), Ok(99));
    bench.page_out();
    bench.forget_standby();
    assert_eq!(bench.read(BASE), Ok(99));
    bench.machine.verify_frames().unwrap();
    bench.unmap(BASE).unwrap();
    bench.unmap(BASE + 0x10_0000).unwrap();
    let left = bench.slots_used();
    bench.machine.close_section(section).unwrap();
    assert_eq!(bench.slots_used(), left - 12);
}

/// Windows Internals: written pages of a file that are neighbours there are written at once.
/// Literature only.
#[test]
fn neighbours_in_a_file_are_written_together() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    let file = file(&[7; 0x1000].repeat(40));
    let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
    let made = bench
        .machine
        .create_section(backing, READWRITE, SectionAttributes::COMMIT, 0);
    bench.map(made.unwrap(), BASE, READWRITE).unwrap();
    for page in (0..20).rev().chain(30..35) {
        bench
            .write(BASE + u64::from(page) * PAGE, page + 100)
            .unwrap();
    }
    bench.page_out();
    let mut written = Vec::new();
    loop {
        let pages = bench.machine.kernel.write_mapped().unwrap();
        if pages == 0 {
            break;
        }
        written.push(pages);
    }
    written.sort_unstable();
    assert_eq!(written, [4, 5, 16]);
    assert_eq!(bench.machine.page_lists().modified_mapped, 0);
    let mut page = [0; 0x1000];
    for number in 0..40_u8 {
        let offset = u64::from(number) * PAGE;
        crate::section::mapped_file::read(&file, offset, &mut page).unwrap();
        let is_written = (0..20).contains(&number) || (30..35).contains(&number);
        assert_eq!(page[0], if is_written { number + 100 } else { 7 });
    }
    bench.machine.verify_frames().unwrap();
}

#[test]
fn a_slot_that_two_pages_have_is_found() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    bench.numbered(BASE, 2);
    bench.page_out();
    bench.machine.verify_frames().unwrap();
    let (space, kernel) = bench.machine.space(bench.process).unwrap();
    let frames = [0, PAGE].map(|page| space.entry(&kernel.physical, BASE + page));
    let [first, second] = frames.map(|pte| pte.unwrap().frame().unwrap());
    let other = kernel.physical.record(second).original;
    let own = std::mem::replace(&mut kernel.physical.record_mut(first).original, other);
    let found = bench.machine.verify_frames();
    assert!(matches!(found, Err(FrameFault::SlotOwners(_))), "{found:?}");
    bench.machine.kernel.physical.record_mut(first).original = own;
}

#[test]
fn a_slot_that_nobody_has_is_found() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    let files = &mut bench.machine.kernel.physical.page_files;
    let lost = files.write(&[1; 0x1000]).unwrap();
    let found = bench.machine.verify_frames();
    let wrong = FrameFault::Slots {
        recorded: 1,
        counted: 0,
    };
    assert_eq!(found, Err(wrong));
    bench.machine.kernel.physical.page_files.free(lost).unwrap();
    bench.machine.verify_frames().unwrap();
}

/// Numbers that are drawn, the same from the same seed.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % end
    }
}

/// Processes that use more memory than there is: their own, a section's, and a file's.
struct Thrash {
    bench: Bench,
    processes: Vec<ProcessId>,
    section: SectionHandle,
    mapped: SectionHandle,
    file: File,
    shadow: BTreeMap<(usize, u64), Vec<u8>>,
    draw: Draw,
    faults: DiskFaults,
    /// What was seen, access by access.
    log: Vec<u64>,
}

const OWN: u64 = 0x1000_0000;
const SHARED: u64 = 0x2000_0000;
const MAPPED: u64 = 0x3000_0000;

impl Thrash {
    /// A machine of so many frames, and processes with `scale` times as much memory.
    fn new(frames: u64, scale: u64, seed: u64) -> Self {
        let (mut bench, faults) = Bench::with_page_file(frames, frames * scale);
        let share = frames * scale / 5;
        let commit = SectionAttributes::COMMIT;
        let file = file(&vec![0; usize::try_from(share * PAGE).unwrap()]);
        let disk = FaultyDisk::new(file.try_clone().unwrap(), &faults);
        let disk = Backing::Disk(Box::new(disk), FileAccess::all());
        let mut create = |backing, size| {
            let made = bench
                .machine
                .create_section(backing, READWRITE, commit, size);
            made.unwrap()
        };
        let section = create(Backing::PageFile, share * PAGE);
        let mapped = create(disk, 0);
        let mut processes = vec![bench.process];
        for _ in 0..2 {
            processes.push(bench.machine.create_process().unwrap());
        }
        for &process in &processes {
            bench.process = process;
            bench.alloc(OWN, share * PAGE, BOTH, READWRITE).unwrap();
            bench.map(section, SHARED, READWRITE).unwrap();
            bench.map(mapped, MAPPED, READWRITE).unwrap();
        }
        Self {
            bench,
            processes,
            section,
            mapped,
            file,
            shadow: BTreeMap::new(),
            draw: Draw(seed),
            faults,
            log: Vec::new(),
        }
    }

    /// One page is written in part, or read as a whole.
    fn step(&mut self, share: u64) -> Result<(), Exception> {
        let who = usize::try_from(self.draw.below(3)).unwrap();
        let page = self.draw.below(share);
        let (base, owner) = match self.draw.below(5) {
            0..3 => (OWN, who),
            3 => (SHARED, 3),
            _ => (MAPPED, 4),
        };
        let address = VirtAddr::new(base + page * PAGE);
        let process = self.processes[who];
        let shadow = self
            .shadow
            .entry((owner, page))
            .or_insert_with(|| vec![0; 0x1000]);
        let result = if self.draw.below(2) == 0 {
            let at = self.draw.below(0x1000 / 8) * 8;
            let value = (self.log.len() as u64)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_le_bytes();
            let done = self
                .bench
                .machine
                .write(process, address.wrapping_add(at), &value);
            if done.is_ok() {
                let at = usize::try_from(at).unwrap();
                shadow[at..at + 8].copy_from_slice(&value);
            }
            done
        } else {
            let mut found = vec![0; 0x1000];
            let done = self.bench.machine.read(process, address, &mut found);
            if done.is_ok() {
                assert!(
                    found == *shadow,
                    "{process:?} reads something else at {address}"
                );
            }
            done
        };
        let lists = self.bench.machine.page_lists();
        let (paged, mapped) = (
            self.bench.machine.disk_counters(IoOwner::PageFile),
            self.bench.machine.disk_counters(IoOwner::MappedFile),
        );
        let seen = [
            lists.available(),
            lists.modified_page_file,
            lists.modified_mapped,
            paged.cycles.as_u64(),
            mapped.cycles.as_u64(),
            self.bench.slots_used(),
        ];
        self.log.push(
            seen.iter()
                .fold(0, |log, &seen| (log ^ seen).wrapping_mul(0x0100_0000_01b3)),
        );
        result
    }

    /// Everything ends; gives what was seen.
    fn end(mut self) -> Vec<u64> {
        self.bench.machine.verify_frames().unwrap();
        for &process in &self.processes {
            self.bench.machine.terminate_process(process).unwrap();
        }
        for section in [self.section, self.mapped] {
            self.bench.machine.close_section(section).unwrap();
        }
        assert_eq!(self.bench.slots_used(), 0);
        assert_eq!(self.bench.machine.frames_in_use(), 0);
        for ((_, page), bytes) in self.shadow.range((4, 0)..) {
            let mut found = vec![0; 0x1000];
            crate::section::mapped_file::read(&self.file, page * PAGE, &mut found).unwrap();
            assert!(found == *bytes, "page {page} of the file is something else");
        }
        self.log
    }
}

/// Four times as much memory is used as there is, in no order: each page is what was last
/// written to it, and the same happens each time.
#[test]
fn memory_that_is_used_four_times_over_holds_what_was_written() {
    const FRAMES: u64 = 256;
    let run = |seed| {
        let mut thrash = Thrash::new(FRAMES, 4, seed);
        for step in 0..12_000 {
            thrash.step(FRAMES * 4 / 5).unwrap();
            if step % 1000 == 0 {
                thrash.bench.machine.verify_frames().unwrap();
            }
        }
        let done = thrash.bench.machine.disk_counters(IoOwner::PageFile);
        assert!(done.reads > 1000 && done.writes > 100, "{done:?}");
        let done = thrash.bench.machine.disk_counters(IoOwner::MappedFile);
        assert!(done.reads > 100 && done.writes > 100, "{done:?}");
        thrash.end()
    };
    let first = run(1);
    assert!(first == run(1), "the same calls came to something else");
    assert!(first != run(2));
}

/// Each operation of page files and mapped files fails, one at a time: no page is ever another
/// one, and what was not damaged comes back.
#[test]
fn each_disk_operation_may_fail_and_no_page_is_another_one() {
    const FRAMES: u64 = 128;
    let run = |fault: Option<(u64, DiskFault)>| {
        let mut thrash = Thrash::new(FRAMES, 2, 3);
        let base = thrash.faults.operations();
        if let Some((operation, fault)) = fault {
            thrash.faults.fail(base + operation, fault);
        }
        let mut failed = 0;
        for _ in 0..400 {
            if let Err(raised) = thrash.step(FRAMES * 2 / 5) {
                assert_eq!(raised.code, Status::InPageError, "{fault:?}");
                assert!(raised.reason.is_some());
                failed += 1;
            }
        }
        assert!(failed <= 1, "{fault:?}: {failed}");
        let operations = thrash.faults.operations() - base;
        thrash.faults.heal();
        thrash.end();
        operations
    };
    let operations = run(None);
    assert!(operations > 100, "{operations}");
    for fault in [
        DiskFault::Fails,
        DiskFault::Full,
        DiskFault::Short,
        DiskFault::Torn,
    ] {
        for operation in (0..operations).step_by(3) {
            run(Some((operation, fault)));
        }
    }
}
