use mmu_core::{CpuFeatures, Feature, Leaf, Level, MemoryType, PageSize};

use super::*;
use crate::{
    Backing, LARGE_PAGE_MINIMUM, Privileges, SectionAttributes, SectionHandle, ViewAccess,
};

const LARGE: AllocationType = BOTH.union(AllocationType::LARGE_PAGES);
const SIZE: u64 = LARGE_PAGE_MINIMUM;

impl Bench {
    /// A process that may have large pages.
    fn privileged() -> Self {
        let mut bench = Self::new();
        bench.privilege();
        bench
    }

    pub(super) fn privilege(&mut self) {
        let privileges = Privileges::LOCK_MEMORY;
        let process = self.process;
        self.machine.set_privileges(process, privileges).unwrap();
    }

    /// The entry that maps an address.
    pub(super) fn leaf(&self, address: u64) -> Leaf {
        let space = &self.machine.spaces[&self.process];
        let ram = self.machine.kernel.physical.ram();
        let leaf = space.regime.inspect(ram, VirtAddr::new(address));
        leaf.unwrap()
    }

    fn large_section(&mut self, size: u64) -> Result<SectionHandle, Status> {
        let attributes = SectionAttributes::COMMIT | SectionAttributes::LARGE_PAGES;
        let backing = Backing::PageFile;
        self.win32()
            .create_file_mapping(backing, READWRITE, attributes, size, None)
    }

    fn map_large(
        &mut self,
        section: SectionHandle,
        access: ViewAccess,
        (offset, size): (u64, u64),
        base: u64,
    ) -> Result<(u64, u64), Status> {
        let access = access | ViewAccess::LARGE_PAGES;
        let base = Some(VirtAddr::new(base));
        let mapped = self
            .win32()
            .map_view_of_file_ex(section, access, offset, size, base);
        mapped.map(plain)
    }
}

/// Microsoft, "Large-Page Support" and `VirtualAlloc`.
#[test]
fn large_pages_are_for_those_who_may_lock_memory() {
    let mut bench = Bench::new();
    let refused = bench.alloc(BASE, SIZE, LARGE, READWRITE);
    assert_eq!(refused, Err(Status::PrivilegeNotHeld));
    assert_eq!(Status::PrivilegeNotHeld.win32(), 1314);
    bench.privilege();
    let done = bench.alloc(BASE, SIZE, LARGE, READWRITE);
    assert_eq!(done, Ok((BASE, SIZE)));
    let process = bench.process;
    let none = Privileges::empty();
    bench.machine.set_privileges(process, none).unwrap();
    let refused = bench.alloc(BASE + SIZE, SIZE, LARGE, READWRITE);
    assert_eq!(refused, Err(Status::PrivilegeNotHeld));
}

/// Microsoft, "Large-Page Support".
#[test]
fn bases_and_sizes_of_large_pages_are_their_multiples() {
    let mut bench = Bench::privileged();
    for (base, size, status) in [
        (BASE, SIZE - 0x1000, Status::InvalidParameter4),
        (BASE, SIZE + 1, Status::InvalidParameter4),
        (BASE + 0x1_0000, SIZE, Status::InvalidParameter2),
        (BASE + 1, SIZE, Status::InvalidParameter2),
        (1, SIZE, Status::InvalidParameter2),
    ] {
        let refused = bench.alloc(base, size, LARGE, READWRITE);
        assert_eq!(refused, Err(status), "{base:#x} {size:#x}");
        assert_eq!(status.win32(), 87);
    }
    let process = bench.process;
    for top_down in [AllocationType::empty(), AllocationType::TOP_DOWN] {
        let kind = LARGE | top_down;
        let found = bench
            .machine
            .virtual_alloc(process, None, 2 * SIZE, kind, READWRITE);
        assert_eq!(found.unwrap().base.offset_in(PageSize::Size2MiB), 0);
    }
}

/// Microsoft, "Large-Page Support": always resident; Intel SDM vol. 3, 4.5.4: a page-directory
/// entry with PS = 1.
#[test]
fn a_large_page_is_one_entry_and_there_at_once() {
    let mut bench = Bench::privileged();
    let before = bench.machine.frames_in_use();
    bench.alloc(BASE, 2 * SIZE, LARGE, READWRITE).unwrap();
    // A table of three levels; none of page-table entries.
    assert_eq!(bench.machine.frames_in_use(), before + 2 * 512 + 2);
    for address in [BASE, BASE + SIZE - 1, BASE + SIZE] {
        let leaf = bench.leaf(address);
        assert_eq!(leaf.level, Level::Pde);
        let page = leaf.translation.page();
        assert_eq!(page.offset_in(PageSize::Size2MiB), 0);
    }
    bench.write(BASE + SIZE - 1, 7).unwrap();
    assert_eq!(bench.read(BASE + SIZE - 1), Ok(7));
    assert_eq!(bench.read(BASE + 2 * SIZE - 1), Ok(0));
    let run = (MemoryState::Commit, READWRITE, 2 * SIZE - 0x1000);
    assert_eq!(bench.run(BASE + 0x1000), run);
    let kind = bench.query(BASE).kind;
    assert_eq!(kind, Some(crate::MemoryKind::Private));
    assert_eq!(bench.execute(BASE), violation(8, BASE));
}

/// Microsoft, "Large-Page Support": they cannot commit what was reserved before; ReactOS's
/// `NtAllocateVirtualMemory`.
#[test]
fn large_pages_are_committed_as_they_are_reserved_and_never_again() {
    let mut bench = Bench::privileged();
    bench.alloc(BASE, SIZE, RESERVE, READWRITE).unwrap();
    for kind in [LARGE, AllocationType::LARGE_PAGES | COMMIT] {
        assert!(bench.alloc(BASE, SIZE, kind, READWRITE).is_err());
    }
    bench.alloc(BASE + SIZE, SIZE, LARGE, READWRITE).unwrap();
    for kind in [COMMIT, AllocationType::RESET] {
        let refused = bench.alloc(BASE + SIZE, SIZE, kind, READWRITE);
        assert_eq!(refused, Err(Status::ConflictingAddresses));
    }
}

/// As Windows does it by public accounts of its memory manager; a part is no page of its own.
#[test]
fn large_pages_are_released_whole_and_never_decommitted() {
    let mut bench = Bench::privileged();
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    bench.alloc(BASE, 2 * SIZE, LARGE, READWRITE).unwrap();
    bench.write(BASE, 1).unwrap();
    for size in [0, SIZE, 2 * SIZE] {
        let refused = bench.free(BASE, size, DECOMMIT);
        assert_eq!(refused, Err(Status::MemoryNotAllocated));
    }
    for (base, size) in [(BASE, SIZE), (BASE + SIZE, SIZE), (BASE, 0x1000)] {
        let refused = bench.free(base, size, RELEASE);
        assert_eq!(refused, Err(Status::FreeVmNotAtBase));
    }
    assert_eq!(bench.free(BASE, 0, RELEASE), Ok((BASE, 2 * SIZE)));
    assert_eq!(bench.read(BASE), violation(0, BASE));
    assert_eq!(bench.machine.frames_in_use(), frames);
    assert_eq!(bench.machine.commit_charge(), charge);
    bench.alloc(BASE, SIZE, LARGE, READWRITE).unwrap();
    assert_eq!(bench.read(BASE), Ok(0));
}

#[test]
fn large_pages_are_protected_whole_and_can_always_be_read() {
    let mut bench = Bench::privileged();
    bench.alloc(BASE, 2 * SIZE, LARGE, READWRITE).unwrap();
    bench.write(BASE, 1).unwrap();
    for (base, size) in [(BASE, 0x1000), (BASE + 0x1000, SIZE)] {
        let refused = bench.protect(base, size, READONLY);
        assert_eq!(refused, Err(Status::ConflictingAddresses));
    }
    for protection in [NOACCESS, READONLY | GUARD, WRITECOPY] {
        let refused = bench.protect(BASE, SIZE, protection);
        assert_eq!(refused, Err(Status::InvalidParameter4));
        let refused = bench.alloc(BASE + 2 * SIZE, SIZE, LARGE, protection);
        assert_eq!(refused, Err(Status::InvalidPageProtection));
    }
    assert_eq!(bench.protect(BASE, SIZE, READONLY), Ok(READWRITE));
    assert_eq!(bench.write(BASE + 5, 1), violation(1, BASE + 5));
    assert_eq!(bench.read(BASE), Ok(1));
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READONLY, SIZE));
    bench.write(BASE + SIZE, 2).unwrap();
    assert_eq!(bench.protect(BASE, 2 * SIZE, EXECUTE_READ), Ok(READONLY));
    assert_eq!(bench.execute(BASE + SIZE), Ok(2));
    bench.protect(BASE, 2 * SIZE, READWRITE).unwrap();
    bench.write(BASE, 3).unwrap();
    assert_eq!(bench.leaf(BASE).level, Level::Pde);
}

/// Microsoft, "Large-Page Support": large pages are always resident and no part of the working
/// set.
#[test]
fn large_pages_need_no_lock() {
    let mut bench = Bench::privileged();
    let process = bench.process;
    bench.alloc(BASE, SIZE, LARGE, READWRITE).unwrap();
    bench.alloc(BASE + SIZE, 0x1000, BOTH, READWRITE).unwrap();
    let at = VirtAddr::new(BASE);
    let locked = bench.machine.virtual_lock(process, at, SIZE + 0x1000);
    assert_eq!(locked.map(plain), Ok((BASE, SIZE + 0x1000)));
    // However often, it stays where it is; of the others, one unlock suffices.
    for _ in 0..2 {
        assert_eq!(bench.machine.is_locked(process, at), Ok(true));
        let unlocked = bench.machine.virtual_unlock(process, at, SIZE);
        assert_eq!(unlocked.map(plain), Ok((BASE, SIZE)));
    }
    let both = |bench: &mut Bench| {
        let unlocked = bench.machine.virtual_unlock(process, at, SIZE + 0x1000);
        unlocked.map(plain)
    };
    assert_eq!(both(&mut bench), Ok((BASE, SIZE + 0x1000)));
    assert_eq!(both(&mut bench), Err(Status::NotLocked));
    let refused = bench.machine.discard(process, at, 0x1000);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
}

/// Intel SDM vol. 3, 4.9.2: PCD and PWT stand in a large page's entry where they always do.
#[test]
fn large_pages_are_cached_as_they_were_allocated() {
    let mut bench = Bench::privileged();
    for (how, memory_type) in [
        (PageProtection::NOCACHE, MemoryType::Uncacheable),
        (PageProtection::WRITECOMBINE, MemoryType::WriteCombining),
    ] {
        bench.alloc(BASE, SIZE, LARGE, READWRITE | how).unwrap();
        assert_eq!(bench.memory_type(BASE), memory_type);
        bench.protect(BASE, SIZE, READONLY).unwrap();
        assert_eq!(bench.memory_type(BASE + SIZE - 1), memory_type);
        bench.free(BASE, 0, RELEASE).unwrap();
    }
}

/// Microsoft, "Large-Page Support": each large page is contiguous in physical memory.
#[test]
fn without_a_piece_of_memory_that_is_large_enough_nothing_has_changed() {
    let mut bench = Bench::with_ram(4 * SIZE);
    bench.privilege();
    // One frame of every large page is in use.
    bench.alloc(BASE, 4 * SIZE, RESERVE, READWRITE).unwrap();
    let pages = 4 * 512 - 0x20;
    bench
        .alloc(BASE, pages * 0x1000, COMMIT, READWRITE)
        .unwrap();
    let mut by_frame = std::collections::BTreeMap::new();
    for page in (0..pages).map(|index| BASE + index * 0x1000) {
        bench.read(page).unwrap();
        let frame = bench.leaf(page).translation.page();
        by_frame.insert(frame.align_down(PageSize::Size2MiB), page);
    }
    for page in (0..pages).map(|index| BASE + index * 0x1000) {
        if !by_frame.values().any(|&kept| kept == page) {
            bench.free(page, 0x1000, DECOMMIT).unwrap();
        }
    }
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let other = BASE + 4 * SIZE;
    let refused = bench.alloc(other, SIZE, LARGE, READWRITE);
    assert_eq!(refused, Err(Status::InsufficientResources));
    assert_eq!(
        bench.large_section(SIZE),
        Err(Status::InsufficientResources)
    );
    assert_eq!(bench.machine.frames_in_use(), frames);
    assert_eq!(bench.machine.commit_charge(), charge);
    assert_eq!(bench.query(other).state, MemoryState::Free);
    // Two pages are asked for, and there is one.
    let kept = *by_frame.values().next_back().unwrap();
    bench.free(kept, 0x1000, DECOMMIT).unwrap();
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let refused = bench.alloc(other, 2 * SIZE, LARGE, READWRITE);
    assert_eq!(refused, Err(Status::InsufficientResources));
    assert_eq!(bench.machine.frames_in_use(), frames);
    assert_eq!(bench.machine.commit_charge(), charge);
    bench.alloc(other, SIZE, LARGE, READWRITE).unwrap();
}

/// Microsoft, `MEM_EXTENDED_PARAMETER`: `MEM_EXTENDED_PARAMETER_NONPAGED_HUGE`.
#[test]
fn a_huge_page_is_1_gib_if_the_processor_has_such_pages() {
    const HUGE: u64 = 1 << 30;
    let allocate = |bench: &mut Bench, size| {
        let (machine, process) = (&mut bench.machine, bench.process);
        let done = machine.virtual_alloc_huge(process, None, size, READWRITE);
        done.map(plain)
    };
    let mut bench = Bench::with_ram(3 * HUGE);
    let refused = allocate(&mut bench, HUGE);
    assert_eq!(refused, Err(Status::PrivilegeNotHeld));
    bench.privilege();
    let refused = allocate(&mut bench, SIZE);
    assert_eq!(refused, Err(Status::InvalidParameter4));
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let (base, size) = allocate(&mut bench, HUGE).unwrap();
    assert_eq!((base % HUGE, size), (0, HUGE));
    // One table was missing.
    assert_eq!(bench.machine.frames_in_use(), frames + 512 * 512 + 1);
    assert_eq!(bench.leaf(base + 5 * SIZE).level, Level::Pdpte);
    bench.write(base + HUGE - 1, 3).unwrap();
    assert_eq!(bench.protect(base, HUGE, READONLY), Ok(READWRITE));
    assert_eq!(bench.read(base + HUGE - 1), Ok(3));
    assert_eq!(bench.write(base, 1), violation(1, base));
    let refused = bench.protect(base, SIZE, READWRITE);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
    bench.free(base, 0, RELEASE).unwrap();
    assert_eq!(bench.machine.frames_in_use(), frames);
    assert_eq!(bench.machine.commit_charge(), charge);

    let usual = CpuFeatures::default();
    let others = Feature::all() - Feature::PAGES_1_GIB;
    let others = others.iter().filter(|&feature| usual.has(feature));
    let width = usual.physical_address_width();
    let features = CpuFeatures::new(usual.vendor(), width, others.collect()).unwrap();
    let config = MachineConfig {
        features,
        ..MachineConfig::default()
    };
    bench.machine = Machine::new(&config).unwrap();
    bench.process = bench.machine.create_process().unwrap();
    let refused = allocate(&mut bench, HUGE);
    assert_eq!(refused, Err(Status::NotSupported));
}

/// Microsoft, `CreateFileMapping` and `MapViewOfFileEx`.
#[test]
fn a_section_of_large_pages_is_shared_by_its_entries() {
    let mut bench = Bench::new();
    let refused = bench.large_section(SIZE);
    assert_eq!(refused, Err(Status::PrivilegeNotHeld));
    bench.privilege();
    let refused = bench.large_section(SIZE + 0x1000);
    assert_eq!(refused, Err(Status::InvalidParameter4));
    let section = bench.large_section(2 * SIZE).unwrap();
    let write = ViewAccess::WRITE;
    let mapped = bench.map_large(section, write, (0, 0), BASE);
    assert_eq!(mapped, Ok((BASE, 2 * SIZE)));
    assert_eq!(bench.leaf(BASE + SIZE).level, Level::Pde);
    bench.machine.verify_frames().unwrap();
    bench.write(BASE + SIZE + 5, 9).unwrap();
    let first = bench.switch();
    bench
        .map_large(section, ViewAccess::READ, (SIZE, SIZE), BASE)
        .unwrap();
    assert_eq!(bench.leaf(BASE).level, Level::Pde);
    assert_eq!(bench.read(BASE + 5), Ok(9));
    assert_eq!(bench.write(BASE + 5, 1), violation(1, BASE + 5));
    // A view that does not ask for large pages has small ones, of the same memory.
    bench.map(section, BASE + 4 * SIZE, READONLY).unwrap();
    assert_eq!(bench.read(BASE + 5 * SIZE + 5), Ok(9));
    assert_eq!(bench.leaf(BASE + 5 * SIZE).level, Level::Pte);
    bench.process = first;
    assert_eq!(bench.protect(BASE, SIZE, READONLY), Ok(READWRITE));
    assert_eq!(bench.write(BASE, 1), violation(1, BASE));
    let refused = bench.protect(BASE, 0x1000, READWRITE);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
    bench.protect(BASE, SIZE, READWRITE).unwrap();
    bench.write(BASE, 1).unwrap();
    bench.machine.page_out().unwrap();
    bench.machine.verify_frames().unwrap();
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    assert_eq!(bench.unmap(BASE + SIZE), Ok((BASE, 2 * SIZE)));
    // Two tables went; the pages are the section's.
    assert_eq!(bench.machine.frames_in_use(), frames - 2);
    assert_eq!(bench.machine.commit_charge(), charge - 2);
}

/// Microsoft, `MapViewOfFileEx`: `FILE_MAP_LARGE_PAGES`.
#[test]
fn views_in_large_pages_are_of_large_sections_and_their_multiples() {
    let mut bench = Bench::privileged();
    let commit = SectionAttributes::COMMIT;
    let small = bench.section(READWRITE, commit, SIZE).unwrap();
    let section = bench.large_section(2 * SIZE).unwrap();
    let (read, copy) = (ViewAccess::READ, ViewAccess::COPY);
    for (section, access, part, base, status) in [
        (small, read, (0, 0), BASE, Status::InvalidParameter9),
        (section, copy, (0, 0), BASE, Status::InvalidPageProtection),
        (
            section,
            read,
            (0, 0),
            BASE + 0x1_0000,
            Status::MappedAlignment,
        ),
        (section, read, (0x1_0000, 0), BASE, Status::MappedAlignment),
        (section, read, (0, 0x1000), BASE, Status::InvalidViewSize),
    ] {
        let refused = bench.map_large(section, access, part, base);
        assert_eq!(refused, Err(status));
    }
}

#[test]
fn a_process_that_ends_leaves_its_large_pages() {
    let mut bench = Bench::privileged();
    let section = bench.large_section(SIZE).unwrap();
    bench.machine.close_section(section).unwrap();
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let other = bench.switch();
    bench.privilege();
    bench.alloc(BASE, SIZE, LARGE, READWRITE).unwrap();
    let section = bench.large_section(SIZE).unwrap();
    let access = ViewAccess::WRITE;
    bench
        .map_large(section, access, (0, 0), BASE + SIZE)
        .unwrap();
    bench.write(BASE + SIZE, 1).unwrap();
    let ended = std::mem::replace(&mut bench.process, other);
    bench.machine.terminate_process(ended).unwrap();
    bench.machine.close_section(section).unwrap();
    assert_eq!(bench.machine.frames_in_use(), frames);
    assert_eq!(bench.machine.commit_charge(), charge);
}
