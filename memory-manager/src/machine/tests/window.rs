use super::*;
use crate::{FreePagesError, PageFileSize, PhysicalPage};

const WINDOW: AllocationType = RESERVE.union(AllocationType::PHYSICAL);

impl Bench {
    fn physical_pages(&mut self, count: u64) -> Result<Vec<PhysicalPage>, Status> {
        let process = self.process;
        self.machine.allocate_user_physical_pages(process, count)
    }

    fn show(&mut self, address: u64, pages: &[PhysicalPage]) -> Result<(), Status> {
        let address = VirtAddr::new(address);
        self.machine
            .map_user_physical_pages(self.process, address, pages)
    }

    fn hide(&mut self, address: u64, count: u64) -> Result<(), Status> {
        let address = VirtAddr::new(address);
        self.machine
            .unmap_user_physical_pages(self.process, address, count)
    }

    fn give_back(&mut self, pages: &[PhysicalPage]) -> Result<(), FreePagesError> {
        self.machine.free_user_physical_pages(self.process, pages)
    }
}

/// A bench with a window of 16 pages at `BASE`, and four physical pages.
fn with_window() -> (Bench, Vec<PhysicalPage>) {
    let mut bench = Bench::new();
    bench.privilege();
    bench.alloc(BASE, 0x1_0000, WINDOW, READWRITE).unwrap();
    let pages = bench.physical_pages(4).unwrap();
    (bench, pages)
}

/// ReactOS's tests, `ZwAllocateVirtualMemory`; ReactOS's `NtAllocateVirtualMemory`.
#[test]
fn a_window_is_reserved_to_be_read_and_written() {
    let mut bench = Bench::new();
    for protection in [READONLY, NOACCESS, READWRITE | GUARD, EXECUTE_READ] {
        let refused = bench.alloc(BASE, 0x1000, WINDOW, protection);
        assert_eq!(refused, Err(Status::InvalidParameter6));
    }
    let top_down = WINDOW | AllocationType::TOP_DOWN;
    for kind in [AllocationType::PHYSICAL, WINDOW | COMMIT] {
        let refused = bench.alloc(BASE, 0x1000, kind, READWRITE);
        assert_eq!(refused, Err(Status::InvalidParameter5));
    }
    for (base, kind) in [(BASE, WINDOW), (BASE + 0x1_0000, top_down)] {
        let done = bench.alloc(base, 0x1000, kind, READWRITE);
        assert_eq!(done, Ok((base, 0x1000)));
    }
    assert_eq!(bench.query(BASE).state, MemoryState::Reserve);
    assert_eq!(bench.read(BASE), violation(0, BASE));
}

/// Microsoft, `AllocateUserPhysicalPages`.
#[test]
fn physical_pages_are_for_those_who_may_lock_memory_and_perhaps_fewer_than_asked_for() {
    let mut bench = Bench::new();
    assert_eq!(bench.physical_pages(1), Err(Status::PrivilegeNotHeld));
    bench.privilege();
    let before = bench.machine.frames_in_use();
    let some = bench.physical_pages(3).unwrap();
    assert_eq!(bench.machine.frames_in_use(), before + 3);
    let rest = bench.physical_pages(u64::MAX).unwrap();
    assert!(rest.len() < (64 << 20) / 0x1000);
    assert_eq!(bench.physical_pages(1), Err(Status::InsufficientResources));
    for pages in [some, rest] {
        bench.give_back(&pages).unwrap();
    }
    assert_eq!(bench.machine.frames_in_use(), before);
}

/// Literature only.
#[test]
fn physical_pages_come_as_zeros() {
    let (mut bench, pages) = with_window();
    bench.show(BASE, &pages).unwrap();
    for page in 0..4 {
        bench.write(BASE + page * PAGE, 7).unwrap();
    }
    bench.give_back(&pages).unwrap();
    let again = bench.physical_pages(4).unwrap();
    assert!(again.iter().any(|page| pages.contains(page)));
    bench.show(BASE, &again).unwrap();
    for page in 0..4 {
        assert_eq!(bench.read(BASE + page * PAGE), Ok(0));
    }
}

/// Microsoft, `AllocateUserPhysicalPages`: the pages are locked, and never paged out.
#[test]
fn physical_pages_never_go_to_a_page_file() {
    let (mut bench, pages) = with_window();
    let size = PageFileSize {
        minimum: 64 * PAGE,
        maximum: 64 * PAGE,
    };
    let disk = Box::new(tempfile::tempfile().unwrap());
    bench.machine.add_page_file(disk, size).unwrap();
    let other = BASE + 0x10_0000;
    bench.alloc(other, PAGE, BOTH, READWRITE).unwrap();
    bench.show(BASE, &pages[..1]).unwrap();
    let is_there = |bench: &Bench, address| {
        let address = VirtAddr::new(address);
        let used = bench.machine.query_working_set_ex(bench.process, address);
        used.unwrap().valid.is_some()
    };
    for address in [BASE, other] {
        bench.write(address, 7).unwrap();
        assert!(is_there(&bench, address));
    }
    bench.page_out();
    assert!(is_there(&bench, BASE) && !is_there(&bench, other));
    assert_eq!(bench.read(BASE), Ok(7));
}

/// Microsoft, `MapUserPhysicalPages`.
#[test]
fn a_window_shows_what_it_was_told_to_show_last() {
    let (mut bench, pages) = with_window();
    bench.show(BASE, &pages[..2]).unwrap();
    for (address, byte) in [(BASE, 1), (BASE + 0x1000, 2)] {
        assert_eq!(bench.read(address), Ok(0));
        bench.write(address, byte).unwrap();
    }
    let committed = (MemoryState::Commit, READWRITE, 0x2000);
    assert_eq!(bench.run(BASE), committed);
    // Others take their place; nothing that was cached stays.
    bench.show(BASE, &pages[2..]).unwrap();
    assert_eq!(bench.read(BASE), Ok(0));
    bench.show(BASE + 0x8000, &[pages[1], pages[0]]).unwrap();
    assert_eq!(bench.read(BASE + 0x8000), Ok(2));
    assert_eq!(bench.read(BASE + 0x9000), Ok(1));
    bench.hide(BASE + 0x8000, 1).unwrap();
    assert_eq!(bench.read(BASE + 0x8000), violation(0, BASE + 0x8000));
    bench.show(BASE + 0xf000, &pages[1..2]).unwrap();
    assert_eq!(bench.read(BASE + 0xf000), Ok(2));
}

/// Microsoft, `MapUserPhysicalPages`: a page can be mapped at one address only, and the call
/// does all or nothing.
#[test]
fn a_physical_page_is_seen_at_one_place_and_a_call_shows_all_or_none() {
    let (mut bench, pages) = with_window();
    bench.show(BASE, &pages[..2]).unwrap();
    bench.write(BASE, 7).unwrap();
    let foreign = PhysicalPage(u64::MAX);
    for wrong in [pages[0], pages[3], foreign] {
        let refused = bench.show(BASE + 0x4000, &[pages[2], pages[3], wrong]);
        assert_eq!(refused, Err(Status::InvalidParameter3));
        assert_eq!(bench.query(BASE + 0x4000).state, MemoryState::Reserve);
        assert_eq!(bench.read(BASE), Ok(7));
    }
    for (address, count) in [
        (BASE - 1, 1),
        (BASE + 0xf000, 2),
        (BASE, u64::MAX),
        (u64::MAX, 1),
    ] {
        let refused = bench.hide(address, count);
        assert_eq!(refused, Err(Status::InvalidParameter1), "{address:#x}");
    }
    // Within what is overwritten, pages can change places.
    bench.show(BASE, &[pages[1], pages[0]]).unwrap();
    assert_eq!(bench.read(BASE + 0x1000), Ok(7));
    let other = bench.switch();
    bench.alloc(BASE, 0x1_0000, WINDOW, READWRITE).unwrap();
    let refused = bench.show(BASE, &pages[2..]);
    assert_eq!(refused, Err(Status::InvalidParameter3));
    bench.process = other;
}

/// Microsoft, `MapUserPhysicalPagesScatter`.
#[test]
fn pages_are_scattered_over_windows() {
    let (mut bench, pages) = with_window();
    let second = BASE + 0x4000_0000;
    bench.alloc(second, 0x1000, WINDOW, READWRITE).unwrap();
    bench.show(BASE, &pages[..1]).unwrap();
    bench.write(BASE, 5).unwrap();
    let process = bench.process;
    let at = VirtAddr::new;
    let moves = [
        (at(BASE), None),
        (at(second), Some(pages[0])),
        (at(BASE + 0x3000), Some(pages[1])),
    ];
    let done = bench
        .machine
        .map_user_physical_pages_scatter(process, &moves);
    assert_eq!(done, Ok(()));
    assert_eq!(bench.read(second), Ok(5));
    assert_eq!(bench.read(BASE), violation(0, BASE));
    let wrong = [(at(BASE), Some(pages[2])), (at(BASE - 1), None)];
    let refused = bench
        .machine
        .map_user_physical_pages_scatter(process, &wrong);
    assert_eq!(refused, Err(Status::InvalidParameter1));
    assert_eq!(bench.query(BASE).state, MemoryState::Reserve);
}

/// Microsoft, `FreeUserPhysicalPages`.
#[test]
fn pages_that_are_freed_leave_their_windows_up_to_the_first_that_is_wrong() {
    let (mut bench, pages) = with_window();
    bench.show(BASE, &pages[..2]).unwrap();
    bench.write(BASE, 1).unwrap();
    let before = bench.machine.frames_in_use();
    let failed = bench.give_back(&[pages[0], pages[0], pages[1]]);
    let status = Status::ConflictingAddresses;
    assert_eq!(failed, Err(FreePagesError { freed: 1, status }));
    assert_eq!(bench.machine.frames_in_use(), before - 1);
    assert_eq!(bench.read(BASE), violation(0, BASE));
    assert_eq!(bench.read(BASE + 0x1000), Ok(0));
    bench.give_back(&pages[1..]).unwrap();
}

/// Microsoft, `VirtualFree`; that it is neither protected, committed, reset nor decommitted,
/// ReactOS's source only (`NtProtectVirtualMemory`, `NtAllocateVirtualMemory` and
/// `NtFreeVirtualMemory`); that a part is not released, literature only.
#[test]
fn a_window_is_released_whole_and_its_pages_stay_with_the_process() {
    let (mut bench, pages) = with_window();
    bench.show(BASE, &pages).unwrap();
    bench.write(BASE, 9).unwrap();
    let conflict = Status::ConflictingAddresses;
    assert_eq!(bench.protect(BASE, 0x1000, READONLY), Err(conflict));
    for kind in [COMMIT, AllocationType::RESET] {
        let refused = bench.alloc(BASE, 0x1000, kind, READWRITE);
        assert_eq!(refused, Err(conflict));
    }
    for size in [0, 0x1000] {
        let refused = bench.free(BASE, size, DECOMMIT);
        assert_eq!(refused, Err(Status::MemoryNotAllocated));
    }
    let refused = bench.free(BASE, 0x1000, RELEASE);
    assert_eq!(refused, Err(Status::FreeVmNotAtBase));
    assert_eq!(bench.free(BASE, 0, RELEASE), Ok((BASE, 0x1_0000)));
    bench.alloc(BASE, 0x1_0000, WINDOW, READWRITE).unwrap();
    bench.show(BASE + 0x2000, &pages[..1]).unwrap();
    assert_eq!(bench.read(BASE + 0x2000), Ok(9));
}

#[test]
fn a_process_that_ends_leaves_its_physical_pages() {
    let mut bench = Bench::new();
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let first = bench.switch();
    bench.privilege();
    bench.alloc(BASE, 0x1_0000, WINDOW, READWRITE).unwrap();
    let pages = bench.physical_pages(5).unwrap();
    bench.show(BASE, &pages[1..]).unwrap();
    let ended = std::mem::replace(&mut bench.process, first);
    bench.machine.terminate_process(ended).unwrap();
    assert_eq!(bench.machine.frames_in_use(), frames);
    assert_eq!(bench.machine.commit_charge(), charge);
}
