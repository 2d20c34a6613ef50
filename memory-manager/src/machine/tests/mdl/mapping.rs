//! Where the system sees locked pages.

use mmu_core::{AccessKind, MemoryType, PrivilegeMode};

use super::*;
use crate::{LARGE_PAGE_MINIMUM, Privileges};

/// Microsoft, `MmMapLockedPagesSpecifyCache`, `MmUnmapLockedPages`; codemachine (the addresses
/// of Windows 7).
#[test]
fn the_system_sees_locked_pages_one_behind_the_other() {
    let mut bench = Bench::with_config(&MachineConfig {
        processors: 4,
        ram_bytes: 16 << 20,
        ..MachineConfig::default()
    });
    bench.numbered(BASE, 6);
    let (memory, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let first = bench.lock_for(BASE + 0xfff, PAGE + 2, LockOperation::Write);
    let second = bench.lock_for(BASE + 3 * PAGE, 3 * PAGE, LockOperation::Read);
    let at = bench.seen_at(&first);
    assert_eq!(at.as_u64(), 0xffff_f880_0000_0fff);
    assert_eq!(bench.seen_at(&first), at);
    assert_eq!(bench.seen_at(&second).as_u64(), 0xffff_f880_0000_3000);
    let mut bytes = [0; 2];
    bench.machine.read_system(at, &mut bytes).unwrap();
    assert_eq!(bytes, [0, 2]);
    bench.machine.write_system(at, &[55, 66]).unwrap();
    assert_eq!(bench.read(BASE + 0xfff), Ok(55));
    assert_eq!(bench.read(BASE + 0x1000), Ok(66));
    // Programs see nothing of it.
    let refused = bench.read(at.as_u64());
    assert_eq!(refused, violation(0, at.as_u64()));
    bench.machine.unmap_locked_pages(&first).unwrap();
    assert_eq!(bench.system_byte(at), violation(0, at.as_u64()));
    let other = VirtAddr::new(0xffff_f880_0000_4000);
    assert_eq!(bench.system_byte(other), Ok(5));
    assert_eq!(bench.seen_at(&first), at);
    bench.unlocked(first);
    assert_eq!(bench.system_byte(at), violation(0, at.as_u64()));
    bench.unlocked(second);
    assert_eq!(bench.system_byte(other), violation(0, other.as_u64()));
    let now = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    assert_eq!(now, (memory, charge));
}

/// Microsoft, `MmMapLockedPagesSpecifyCache` (the types). That a page is cached in one way only,
/// wherever it is seen: literature only.
#[test]
fn locked_pages_are_cached_as_they_are_elsewhere_or_as_is_asked() {
    let mut bench = Bench::new();
    let uncached = READWRITE | PageProtection::NOCACHE;
    bench.alloc(BASE, 2 * PAGE, BOTH, uncached).unwrap();
    bench
        .alloc(BASE + 0x10_0000, PAGE, BOTH, READWRITE)
        .unwrap();
    let kept = [
        (BASE, CacheType::Cached, MemoryType::Uncacheable),
        (
            BASE + 0x10_0000,
            CacheType::NonCached,
            MemoryType::WriteBack,
        ),
    ];
    for (base, asked, expected) in kept {
        let mdl = bench.lock_for(base, 1, LockOperation::Read);
        bench.machine.map_locked_pages(&mdl, asked).unwrap();
        assert_eq!(bench.system_type(&mdl), bench.memory_type(base));
        assert_eq!(bench.system_type(&mdl), expected);
        bench.unlocked(mdl);
    }
    for (asked, expected) in [
        (CacheType::Cached, MemoryType::WriteBack),
        (CacheType::NonCached, MemoryType::Uncacheable),
        (CacheType::WriteCombined, MemoryType::WriteCombining),
    ] {
        bench.numbered(BASE + 0x20_0000, 1);
        let mdl = bench.lock_for(BASE + 0x20_0000, 1, LockOperation::Read);
        bench.free(BASE + 0x20_0000, 0, RELEASE).unwrap();
        bench.machine.map_locked_pages(&mdl, asked).unwrap();
        assert_eq!(bench.system_type(&mdl), expected);
        bench.unlocked(mdl);
    }
}

impl Bench {
    /// How the processor caches the system's sight of locked pages.
    fn system_type(&mut self, mdl: &Mdl) -> MemoryType {
        let address = self.seen_at(mdl);
        let kernel = &mut self.machine.kernel;
        let root = &kernel.system.as_ref().unwrap().root;
        let ram = kernel.physical.ram();
        let processor = kernel.processors.running(ram, root).unwrap();
        let mode = (AccessKind::Read, PrivilegeMode::Supervisor);
        let found = processor.translate(ram, address, 1, mode);
        found.unwrap().first.translation.memory_type()
    }
}

/// Microsoft, `MmBuildMdlForNonPagedPool`: of memory that is not paged.
#[test]
fn memory_that_never_leaves_is_described_as_it_is() {
    let mut bench = Bench::new();
    let process = bench.process;
    let privileges = Privileges::LOCK_MEMORY;
    bench.machine.set_privileges(process, privileges).unwrap();
    let large = AllocationType::LARGE_PAGES;
    let size = LARGE_PAGE_MINIMUM;
    let base = BASE & !(size - 1);
    bench.alloc(base, size, BOTH | large, READWRITE).unwrap();
    let window = AllocationType::PHYSICAL | RESERVE;
    let shown = base + size;
    bench.alloc(shown, 0x1_0000, window, READWRITE).unwrap();
    let made = bench.machine.allocate_user_physical_pages(process, 1);
    let page = made.unwrap();
    let at = VirtAddr::new(shown);
    bench
        .machine
        .map_user_physical_pages(process, at, &page)
        .unwrap();
    bench.write(base + 5 * PAGE, 11).unwrap();
    bench.write(shown, 22).unwrap();
    let describe = |bench: &mut Bench, base, bytes| {
        let base = VirtAddr::new(base);
        bench.machine.describe_nonpaged(process, base, bytes)
    };
    let in_large = describe(&mut bench, base + 5 * PAGE, 2 * PAGE).unwrap();
    let in_window = describe(&mut bench, shown, 1).unwrap();
    assert_eq!(bench.machine.locked_frames(&in_window).unwrap(), page);
    let frames = bench.machine.locked_frames(&in_large).unwrap();
    assert_eq!(frames[0].0 + 1, frames[1].0);
    let seen = [&in_large, &in_window].map(|mdl| bench.seen_at(mdl));
    assert_eq!(seen.map(|at| bench.system_byte(at)), [Ok(11), Ok(22)]);
    bench
        .alloc(shown + 0x10_0000, PAGE, BOTH, READWRITE)
        .unwrap();
    let refused = describe(&mut bench, shown + 0x10_0000, 1);
    assert_eq!(refused, Err(Status::InvalidParameter));
    let refused = describe(&mut bench, shown + PAGE, 1);
    assert_eq!(refused, Err(Status::AccessViolation));
    // Their frames outlast the memory.
    bench.free(base, 0, RELEASE).unwrap();
    bench
        .machine
        .free_user_physical_pages(process, &page)
        .unwrap();
    bench.machine.verify_frames().unwrap();
    assert_eq!(seen.map(|at| bench.system_byte(at)), [Ok(11), Ok(22)]);
    assert_eq!(bench.state_of(page[0]), FrameState::Transition);
    bench.unlocked(in_large);
    bench.unlocked(in_window);
    assert_eq!(bench.state_of(page[0]), FrameState::Free);
}
