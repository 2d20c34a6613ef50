//! The page tables of a process as the system sees them in its upper half.

use mmu_core::{AccessKind, Fault, FunctionalMmu, Level, PhysAddr, PhysMem, PrivilegeMode};

use super::*;
use crate::LARGE_PAGE_MINIMUM;

/// Where NT on x64 had the entries of each level until version 1607 of Windows 10, and which bits
/// of an address are the offset there, so far to the right: ReactOS's `MiAddressToPte`,
/// `MiAddressToPde`, `MiAddressToPpe` and `MiAddressToPxe`.
const VIEWS: [(Level, u64, u32, u64); 4] = [
    (Level::Pte, 0xffff_f680_0000_0000, 9, 0x7f_ffff_fff8),
    (Level::Pde, 0xffff_f6fb_4000_0000, 18, 0x3fff_fff8),
    (Level::Pdpte, 0xffff_f6fb_7da0_0000, 27, 0x1f_fff8),
    (Level::Pml4e, 0xffff_f6fb_7dbe_d000, 36, 0xff8),
];

/// Where the system finds the entry of each level for an address.
fn entries_of(address: u64) -> impl Iterator<Item = (Level, VirtAddr)> {
    VIEWS.into_iter().map(move |(level, base, shift, offset)| {
        (level, VirtAddr::new(base + (address >> shift & offset)))
    })
}

/// A processor that runs the process.
fn processor(bench: &Bench) -> FunctionalMmu {
    let registers = bench.machine.registers(bench.process).unwrap();
    FunctionalMmu::functional(MachineConfig::default().features, registers).unwrap()
}

impl Bench {
    fn walk_to(
        &self,
        at: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<PhysAddr, Fault> {
        let found = processor(self).translate(self.machine.ram(), at, kind, mode);
        found.map(|found| found.address)
    }

    /// The entries on the way to an address, from the last to the first, as a walk meets them.
    fn path(&self, address: u64) -> Vec<(Level, PhysAddr)> {
        let (space, kernel) = self.machine.space_ref(self.process).unwrap();
        let path = space
            .regime
            .path(kernel.physical.ram(), VirtAddr::new(address));
        let steps = path.steps().iter().rev();
        steps.map(|step| (step.level, step.entry_address)).collect()
    }
}

/// Windows Internals, "x64 address translation"; ReactOS's constants for x64. Literature only.
#[test]
fn the_system_finds_the_entries_of_a_page_by_its_address() {
    let mut bench = Bench::new();
    for address in [BASE, 0x1_2345_6000, 0x7ff6_5432_1000] {
        bench.alloc(address, PAGE, BOTH, READWRITE).unwrap();
        bench.write(address, 7).unwrap();
        let seen = entries_of(address).map(|(level, at)| {
            let found = bench.walk_to(at, AccessKind::Read, PrivilegeMode::Supervisor);
            (level, found.unwrap())
        });
        assert_eq!(seen.collect::<Vec<_>>(), bench.path(address));
        let (_, pte) = entries_of(address).next().unwrap();
        let pte = bench.walk_to(pte, AccessKind::Write, PrivilegeMode::Supervisor);
        let entry = bench.machine.ram().read_u64(pte.unwrap()).unwrap();
        let page = bench.walk_to(
            VirtAddr::new(address),
            AccessKind::Read,
            PrivilegeMode::User,
        );
        assert_eq!(entry & 0x0000_ffff_ffff_f000, page.unwrap().as_u64());
    }
}

/// The same: the top-level table is its own page at the address of its own entry's entries.
#[test]
fn the_top_level_table_shows_itself() {
    let bench = Bench::new();
    let own = VIEWS[3].1;
    let slot = bench.walk_to(
        VirtAddr::new(own + 0x1ed * 8),
        AccessKind::Read,
        PrivilegeMode::Supervisor,
    );
    let slot = slot.unwrap();
    let (space, kernel) = bench.machine.space_ref(bench.process).unwrap();
    assert_eq!(slot, space.root.table.wrapping_add(0x1ed * 8));
    let entry = kernel.physical.read_pte(slot).unwrap();
    assert_eq!(entry.frame(), Some(space.root.table));
}

/// Where no table is there is nothing to see, at the level above which there is one.
#[test]
fn the_system_finds_no_entries_where_there_is_no_table() {
    let mut bench = Bench::new();
    bench.alloc(BASE, PAGE, BOTH, READWRITE).unwrap();
    bench.write(BASE, 7).unwrap();
    let (mode, read) = (PrivilegeMode::Supervisor, AccessKind::Read);
    // 1 GiB on: the same directory of pointers, and no directory.
    let seen: Vec<_> = entries_of(BASE + (1 << 30)).collect();
    for (level, at) in seen {
        let is_there = bench.walk_to(at, read, mode).is_ok();
        assert_eq!(is_there, level >= Level::Pdpte, "{level:?}");
    }
}

/// Only the system sees them, and nobody executes them.
#[test]
fn no_program_reaches_page_tables() {
    let mut bench = Bench::new();
    bench.alloc(BASE, PAGE, BOTH, READWRITE).unwrap();
    bench.write(BASE, 7).unwrap();
    for (_, at) in entries_of(BASE) {
        for kind in [AccessKind::Read, AccessKind::Write, AccessKind::Fetch] {
            let refused = bench.walk_to(at, kind, PrivilegeMode::User);
            assert!(matches!(refused, Err(Fault::Page(_))), "{refused:?}");
        }
        let executed = bench.walk_to(at, AccessKind::Fetch, PrivilegeMode::Supervisor);
        assert!(matches!(executed, Err(Fault::Page(_))), "{executed:?}");
        let raw = at.as_u64();
        assert_eq!(bench.read(raw), violation(0, raw));
        assert_eq!(bench.write(raw, 1), violation(1, raw));
        assert_eq!(bench.execute(raw), violation(8, raw));
    }
    assert_eq!(bench.read(BASE), Ok(7));
}

/// Vol. 3A, 4.10.4: software invalidates what it changed; a table that is gone was seen there.
#[test]
fn what_processors_have_to_forget_includes_the_views_of_tables_that_go() {
    // Far from all else.
    const FAR: u64 = 0x7000_0000_0000;
    let (mode, read) = (PrivilegeMode::Supervisor, AccessKind::Read);
    let kinds = [
        (PAGE, AllocationType::empty()),
        (LARGE_PAGE_MINIMUM, AllocationType::LARGE_PAGES),
    ];
    for (size, large) in kinds {
        let mut bench = Bench::new();
        bench.privilege();
        bench.machine.record_invalidations();
        let mut processor = processor(&bench);
        bench.alloc(FAR, size, BOTH | large, READWRITE).unwrap();
        bench.write(FAR, 7).unwrap();
        let views: Vec<_> = entries_of(FAR)
            .map(|(_, at)| at)
            .filter(|&at| {
                let seen = processor.translate(bench.machine.ram(), at, read, mode);
                seen.is_ok()
            })
            .collect();
        assert_eq!(views.len(), 4);
        bench.free(FAR, 0, RELEASE).unwrap();
        for stale in bench.machine.take_invalidations() {
            let _ = processor.invalidate(stale).unwrap();
        }
        for at in views {
            let now = processor.translate(bench.machine.ram(), at, read, mode);
            assert_eq!(
                now.ok().map(|found| found.address),
                bench.walk_to(at, read, mode).ok()
            );
        }
    }
}
