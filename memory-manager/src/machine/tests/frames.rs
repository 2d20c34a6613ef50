//! What becomes of the frames of physical memory.

use std::{
    fs::File,
    io::{Read, Seek},
};

use super::{images::file, *};
use crate::{
    Backing, FileAccess, PhysicalPage, Privileges, SectionAttributes, SectionHandle,
    pfn::{FrameFlags, FrameState},
};

impl Bench {
    /// The frame of a page that is in use.
    fn frame(&self, address: u64) -> PhysicalPage {
        let (space, kernel) = self.machine.space_ref(self.process).unwrap();
        let pte = space.entry(&kernel.physical, address).unwrap();
        PhysicalPage::of(pte.frame().unwrap())
    }

    fn record(&self, frame: PhysicalPage) -> crate::pfn::Record {
        *self.machine.kernel.physical.frames().record(frame)
    }

    fn state(&self, frame: PhysicalPage) -> FrameState {
        self.record(frame).state
    }

    /// A section of a file of so many pages, each of which holds its number.
    fn pages_of_file(&mut self, pages: u8) -> (File, SectionHandle) {
        let bytes: Vec<_> = (0..pages).flat_map(|page| [page; 0x1000]).collect();
        let file = file(&bytes);
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let made = self.machine.create_section(backing, READWRITE, commit, 0);
        (file, made.unwrap())
    }

    fn fill(&mut self, base: u64, pages: u64) {
        self.alloc(base, pages * PAGE, BOTH, READWRITE).unwrap();
        for page in 0..pages {
            self.write(base + page * PAGE, 1).unwrap();
        }
    }
}

/// Literature only.
#[test]
fn a_frame_has_a_share_for_each_entry_that_shows_it() {
    let mut bench = Bench::new();
    let (_file, section) = bench.pages_of_file(1);
    let mut frame = None;
    for shares in 1..5 {
        bench.map(section, BASE, READONLY).unwrap();
        bench.read(BASE).unwrap();
        let shown = bench.frame(BASE);
        assert_eq!(*frame.get_or_insert(shown), shown);
        let record = bench.record(shown);
        assert_eq!((record.shares, record.references), (shares, 1));
        assert!(record.is(FrameFlags::PROTOTYPE));
        bench.switch();
    }
}

/// Literature only: where a page goes that leaves the last working set.
#[test]
fn a_page_that_nobody_uses_is_to_be_written_or_on_standby() {
    let mut bench = Bench::new();
    let (_file, section) = bench.pages_of_file(2);
    bench.map(section, BASE, READWRITE).unwrap();
    bench.read(BASE).unwrap();
    bench.write(BASE + PAGE, 7).unwrap();
    let private = BASE + 0x1_0000;
    bench.fill(private, 1);
    let pages = [BASE, BASE + PAGE, private].map(|page| bench.frame(page));
    for frame in pages {
        assert_eq!(bench.state(frame), FrameState::Active);
    }
    let before = bench.machine.page_lists();
    bench.empty_working_set();
    let states = pages.map(|frame| bench.state(frame));
    let written = FrameState::Modified;
    assert_eq!(states, [FrameState::Standby, written, written]);
    let lists = bench.machine.page_lists();
    assert_eq!(lists.standby, [0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!((before.modified_mapped, lists.modified_mapped), (0, 1));
    assert_eq!(lists.modified_page_file, before.modified_page_file + 1);
}

/// Literature only: a soft fault.
#[test]
fn a_page_that_nobody_used_comes_back_in_its_frame() {
    let mut bench = Bench::new();
    let (file, section) = bench.pages_of_file(2);
    bench.map(section, BASE, READWRITE).unwrap();
    bench.read(BASE + PAGE).unwrap();
    bench.write(BASE, 9).unwrap();
    bench.fill(BASE + 0x1_0000, 1);
    let pages = [BASE, BASE + PAGE, BASE + 0x1_0000];
    let frames = pages.map(|page| bench.frame(page));
    bench.empty_working_set();
    file.set_len(0).unwrap();
    assert_eq!(pages.map(|page| bench.read(page)), [Ok(9), Ok(1), Ok(1)]);
    assert_eq!(pages.map(|page| bench.frame(page)), frames);
    assert_eq!(
        frames.map(|frame| bench.state(frame)),
        [FrameState::Active; 3]
    );
    assert_eq!(bench.standby(), 0);
    file.set_len(2 * PAGE).unwrap();
}

/// Literature only: what a page was written is not forgotten while nobody uses it.
#[test]
fn a_written_page_of_a_file_goes_to_standby_once_it_is_stored() {
    let mut bench = Bench::new();
    let (file, section) = bench.pages_of_file(1);
    bench.map(section, BASE, READWRITE).unwrap();
    bench.write(BASE, 9).unwrap();
    bench.empty_working_set();
    let process = bench.process;
    let flushed = bench.machine.flush_view(process, VirtAddr::new(BASE), 0);
    assert_eq!(flushed.map(plain), Ok((BASE, PAGE)));
    let lists = bench.machine.page_lists();
    assert_eq!((lists.modified_mapped, bench.standby()), (0, 1));
    let (mut file, mut byte) = (file, [0]);
    file.rewind().unwrap();
    file.read_exact(&mut byte).unwrap();
    assert_eq!(byte, [9]);
}

/// Literature only: the oldest page on standby loses its frame first, and its prototype entry
/// says again where it is.
#[test]
fn pages_on_standby_are_taken_when_no_frame_is_free_and_read_again() {
    let mut bench = Bench::with_ram(48 * PAGE);
    let (file, section) = bench.pages_of_file(8);
    bench.map(section, BASE, READONLY).unwrap();
    for page in 0..8 {
        bench.read(BASE + page * PAGE).unwrap();
    }
    bench.empty_working_set();
    assert_eq!(bench.standby(), 8);
    let vacant = bench.machine.kernel.physical.vacant();
    // With a page table, all but two frames are taken that hold nothing, and then three more.
    bench.fill(BASE + 0x20_0000, vacant - 2);
    assert_eq!(bench.standby(), 8);
    bench.fill(BASE + 0x40_0000, 3);
    assert_eq!(bench.standby(), 5);
    file.set_len(3 * PAGE).unwrap();
    for page in 3..8_u8 {
        assert_eq!(bench.read(BASE + u64::from(page) * PAGE), Ok(page));
    }
    bench.free(BASE + 0x40_0000, 0, RELEASE).unwrap();
    for page in 0..3_u8 {
        assert_eq!(bench.read(BASE + u64::from(page) * PAGE), Ok(page));
    }
}

/// Literature only.
#[test]
fn the_frame_of_a_page_that_is_deleted_is_free_at_once() {
    let mut bench = Bench::new();
    bench.fill(BASE, 4);
    let frames = [0, 1, 2, 3].map(|page| bench.frame(BASE + page * PAGE));
    bench.protect(BASE, PAGE, NOACCESS).unwrap();
    assert_eq!(bench.state(frames[0]), FrameState::Modified);
    let free = bench.machine.page_lists().free;
    bench.free(BASE, 2 * PAGE, DECOMMIT).unwrap();
    let states = frames.map(|frame| bench.state(frame));
    let (gone, left) = (FrameState::Free, FrameState::Active);
    assert_eq!(states, [gone, gone, left, left]);
    assert_eq!(bench.machine.page_lists().free, free + 2);
}

/// Of what its process says when it shows them.
#[test]
fn physical_pages_are_held_whatever_shows_them() {
    let mut bench = Bench::new();
    let process = bench.process;
    let privileges = Privileges::LOCK_MEMORY;
    bench.machine.set_privileges(process, privileges).unwrap();
    let window = RESERVE | AllocationType::PHYSICAL;
    bench.alloc(BASE, PAGE, window, READWRITE).unwrap();
    let machine = &mut bench.machine;
    let pages = machine.allocate_user_physical_pages(process, 1).unwrap();
    assert_eq!(bench.record(pages[0]).shares, 1);
    let at = VirtAddr::new(BASE);
    let shown = bench.machine.map_user_physical_pages(process, at, &pages);
    shown.unwrap();
    assert_eq!(bench.record(pages[0]).shares, 2);
    let machine = &mut bench.machine;
    machine.unmap_user_physical_pages(process, at, 1).unwrap();
    let record = bench.record(pages[0]);
    assert_eq!((record.state, record.shares), (FrameState::Active, 1));
}

#[test]
fn memory_that_nobody_uses_costs_the_host_nothing() {
    let mut bench = Bench::with_ram(1 << 40);
    bench.fill(BASE, 16);
    let frames = bench.machine.kernel.physical.frames();
    assert_eq!(
        frames.page_lists().available(),
        (1 << 28) - bench.machine.frames_in_use()
    );
    assert!(frames.host_bytes() < 1 << 16, "{}", frames.host_bytes());
    // The highest frames are as good.
    let process = bench.process;
    let privileges = Privileges::LOCK_MEMORY;
    bench.machine.set_privileges(process, privileges).unwrap();
    let large = BOTH | AllocationType::LARGE_PAGES;
    bench
        .alloc(BASE + 0x20_0000, 4 << 20, large, READWRITE)
        .unwrap();
    let bytes = bench.machine.kernel.physical.frames().host_bytes();
    assert!(bytes < 1 << 18, "{bytes}");
}

/// Memory that was used up and given back is used again, before other memory is.
#[test]
fn frames_that_were_used_are_used_again_first() {
    let mut bench = Bench::new();
    let zeroed = || Bench::new().machine.page_lists().zeroed;
    assert_eq!(bench.machine.page_lists().zeroed, zeroed());
    bench.fill(BASE, 16);
    let left = bench.machine.page_lists().zeroed;
    for _ in 0..3 {
        bench.free(BASE, 0, RELEASE).unwrap();
        bench.fill(BASE, 16);
        assert_eq!(bench.machine.page_lists().zeroed, left);
    }
}

/// Literature only: caches that are indexed by physical addresses are used evenly.
#[test]
fn frames_that_are_asked_for_one_after_another_differ_in_colour() {
    let mut bench = Bench::with_config(&MachineConfig {
        page_colours: 4.try_into().unwrap(),
        ..MachineConfig::default()
    });
    bench.fill(BASE, 16);
    // Without colours the last one would come back first. The first one came before its tables.
    for page in 1..9 {
        bench.free(BASE + page * PAGE, PAGE, DECOMMIT).unwrap();
    }
    bench.fill(BASE + 0x10_0000, 8);
    let colours = (0..8).map(|page| bench.frame(BASE + 0x10_0000 + page * PAGE).0 % 4);
    let colours: Vec<_> = colours.collect();
    let first = colours[0];
    let even: Vec<_> = (0..8).map(|page| (first + page) % 4).collect();
    assert_eq!(colours, even);
}

/// Literature only: what the zero-page thread does.
#[test]
fn free_frames_are_zeroed_before_they_are_needed() {
    let mut bench = Bench::new();
    bench.fill(BASE, 4);
    bench.free(BASE, 0, RELEASE).unwrap();
    let before = bench.machine.page_lists();
    assert_eq!(bench.machine.zero_free_pages(3), Ok(3));
    let after = bench.machine.page_lists();
    assert_eq!(
        (after.zeroed, after.free),
        (before.zeroed + 3, before.free - 3)
    );
    assert_eq!(bench.machine.zero_free_pages(u64::MAX), Ok(after.free));
    bench.alloc(BASE, 4 * PAGE, BOTH, READWRITE).unwrap();
    for page in 0..4 {
        assert_eq!(bench.read(BASE + page * PAGE), Ok(0));
    }
}

/// Microsoft, `MmMarkPhysicalMemoryAsBad`.
#[test]
fn a_bad_frame_is_used_no_more() {
    let mut bench = Bench::with_ram(32 * PAGE);
    bench.fill(BASE, 2);
    let used = bench.frame(BASE);
    let conflict = Err(Status::ConflictingAddresses);
    assert_eq!(bench.machine.mark_page_bad(used), conflict);
    let beyond = bench.machine.mark_page_bad(PhysicalPage(32));
    assert_eq!(beyond, Err(Status::InvalidParameter));
    bench.free(BASE, PAGE, DECOMMIT).unwrap();
    assert_eq!(bench.machine.mark_page_bad(used), Ok(()));
    assert_eq!(bench.machine.mark_page_bad(PhysicalPage(31)), Ok(()));
    assert_eq!(bench.machine.mark_page_bad(used), conflict);
    assert_eq!(bench.machine.page_lists().bad, 2);
    let left = 30 - bench.machine.commit_charge();
    let all = BASE + 0x1_0000;
    let too_much = bench.alloc(all, (left + 1) * PAGE, BOTH, READWRITE);
    assert_eq!(too_much, Err(Status::CommitmentLimit));
    bench.fill(all, left);
    for page in 0..left {
        let frame = bench.frame(all + page * PAGE);
        assert!(![used, PhysicalPage(31)].contains(&frame));
    }
}
