//! How pages go to page files and files, and come back.

use std::fs::File;

mod thrash;

use super::{images::file, *};
use crate::{
    Backing, DiskFault, DiskFaults, Exception, FaultyDisk, FileAccess, FrameFault, IoOwner,
    PageFileSize, SectionAttributes, SectionHandle, pte::PteState,
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
        self.empty_working_set();
        let physical = &mut self.machine.kernel.physical;
        while physical.write_modified().unwrap() > 0 {}
    }

    /// Takes all frames that hold pages which are elsewhere, too.
    pub(super) fn forget_standby(&mut self) {
        self.machine.kernel.physical.free_standby().unwrap();
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
