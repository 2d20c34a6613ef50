use mmu_core::{AccessKind, MemoryType, PrivilegeMode};

use super::*;
use crate::SectionAttributes;

const NOCACHE: PageProtection = PageProtection::NOCACHE;
const WRITECOMBINE: PageProtection = PageProtection::WRITECOMBINE;

impl Bench {
    /// How the processor caches a read of an address.
    pub(super) fn memory_type(&mut self, address: u64) -> MemoryType {
        self.read(address).unwrap();
        let kernel = &mut self.machine.kernel;
        let root = &self.machine.spaces[&self.process].root;
        let ram = kernel.physical.ram();
        let processor = kernel.processors.running(ram, root).unwrap();
        let address = VirtAddr::new(address);
        let found = processor.translate(ram, address, 1, (AccessKind::Read, PrivilegeMode::User));
        found.unwrap().first.translation.memory_type()
    }
}

/// Microsoft, "Memory Protection Constants": `PAGE_NOCACHE` and `PAGE_WRITECOMBINE`.
#[test]
fn the_processor_caches_private_memory_as_it_was_allocated() {
    let mut bench = Bench::new();
    for (index, (how, memory_type)) in [
        (PageProtection::empty(), MemoryType::WriteBack),
        (NOCACHE, MemoryType::Uncacheable),
        (WRITECOMBINE, MemoryType::WriteCombining),
    ]
    .into_iter()
    .enumerate()
    {
        let base = BASE + index as u64 * 0x1_0000;
        bench.alloc(base, 0x2000, BOTH, READWRITE | how).unwrap();
        assert_eq!(bench.memory_type(base), memory_type);
        bench.write(base, 1).unwrap();
        // It stays so whatever is asked of it later.
        bench.protect(base, 0x1000, READONLY | NOCACHE).unwrap();
        assert_eq!(bench.memory_type(base), memory_type);
        bench.alloc(base, 0x1000, COMMIT, EXECUTE_READ).unwrap();
        assert_eq!(bench.memory_type(base), memory_type);
    }
}

/// Microsoft, `CreateFileMapping`: `SEC_NOCACHE` and `SEC_WRITECOMBINE` are for all pages; how a
/// query tells it, Wine's tests, kernel32 `test_MapViewOfFile`.
#[test]
fn the_processor_caches_views_as_their_section_says() {
    for (attribute, how, memory_type) in [
        (SectionAttributes::NOCACHE, NOCACHE, MemoryType::Uncacheable),
        (
            SectionAttributes::WRITECOMBINE,
            WRITECOMBINE,
            MemoryType::WriteCombining,
        ),
    ] {
        let mut bench = Bench::new();
        let attributes = SectionAttributes::COMMIT | attribute;
        let section = bench.section(READWRITE, attributes, 0x4000).unwrap();
        let (shared, copied) = (BASE, BASE + 0x10_0000);
        bench.map(section, shared, READWRITE).unwrap();
        bench.map(section, copied, WRITECOPY).unwrap();
        assert_eq!(bench.memory_type(shared), memory_type);
        let told = bench.query(shared);
        assert_eq!(told.protection, READWRITE | how);
        assert_eq!(told.allocation_protection, READWRITE | how);
        assert_eq!(bench.query(copied).protection, WRITECOPY | how);
        bench.write(copied, 1).unwrap();
        assert_eq!(bench.memory_type(copied), memory_type);
        assert_eq!(bench.query(copied).protection, READWRITE | how);
        bench.protect(shared, 0x1000, READONLY).unwrap();
        assert_eq!(bench.memory_type(shared), memory_type);
        assert_eq!(bench.query(shared).protection, READONLY | how);
        bench.alloc(shared, 0x1000, COMMIT, READWRITE).unwrap();
        assert_eq!(bench.run(shared).2, 0x4000);
    }
}

/// ReactOS's source only (`MiProtectVirtualMemory`).
#[test]
fn how_a_view_is_cached_is_not_for_its_protection_to_say() {
    let mut bench = Bench::new();
    let commit = SectionAttributes::COMMIT;
    let section = bench.section(READWRITE, commit, 0x1000).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    for how in [NOCACHE, WRITECOMBINE] {
        let refused = bench.protect(BASE, 0x1000, READWRITE | how);
        assert_eq!(refused, Err(Status::InvalidParameter4));
    }
    assert_eq!(bench.memory_type(BASE), MemoryType::WriteBack);
}
