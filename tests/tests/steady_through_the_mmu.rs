//! The recorded machine's accesses made again with an MMU in between: rights, TLBs,
//! paging-structure caches, and a new CR3 at every switch between user and kernel tables.

use std::io::Read;

use lookaside::{
    input::{Input, Source},
    trace::mmut::{MmutReader, PhysFlags, PhysKind, PhysRecord},
};
use mmu_core::{
    AccessKind, CpuFeatures, Cr4, Fault, FunctionalMmu, Mmu, NoObserver, Observer, PhysAddr,
    PrivilegeMode, Ram, Registers, TimedMmu, TranslationCache, WalkCost,
};
use tests::{data, processor};

fn records() -> Vec<PhysRecord> {
    let mut bytes = Vec::new();
    let mut file = data::decompressed("steady/trace.mmut.zst");
    file.read_to_end(&mut bytes).unwrap();
    let input = Input::new(Source::Stdin, std::io::Cursor::new(bytes)).unwrap();
    let mut reader = MmutReader::new(input).unwrap();
    let (mut records, mut batch) = (Vec::new(), Vec::new());
    while reader.next_batch(&mut batch).unwrap() > 0 {
        records.extend_from_slice(&batch);
    }
    records
}

/// Whether EFLAGS.AC was set at an access is not recorded, so SMAP stays off.
fn registers(cr3: u64) -> Registers {
    let mut registers = Registers::four_level(PhysAddr::new(cr3));
    registers.cr4 -= Cr4::SMAP;
    registers
}

fn replay<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &mut Mmu<T, C, O>,
    memory: &Ram,
    records: &[PhysRecord],
) {
    for (number, record) in (1..).zip(records) {
        if mmu.registers().cr3 != record.cr3 {
            let _ = mmu.write_cr3(memory, record.cr3).unwrap();
        }
        let kind = match record.kind {
            PhysKind::Load => AccessKind::Read,
            PhysKind::Store => AccessKind::Write,
            PhysKind::FetchBlock => AccessKind::Fetch,
        };
        let mode = match record.cpl {
            3 => PrivilegeMode::User,
            _ => PrivilegeMode::Supervisor,
        };
        let mut found = mmu.translate(memory, record.vaddr, kind, mode);
        if let (Err(Fault::Page(_)), AccessKind::Read, PrivilegeMode::User) = (&found, kind, mode) {
            // The processor itself read a descriptor for a segment load of the user's.
            let implicit = PrivilegeMode::SupervisorImplicit;
            found = mmu.translate(memory, record.vaddr, kind, implicit);
        }
        let found = found.unwrap_or_else(|fault| panic!("record {number}: {fault}"));
        assert_eq!(found.address, record.paddr, "record {number}");
        if record.flags.contains(PhysFlags::TABLE_STORE) {
            let bytes = record.value.to_le_bytes();
            memory
                .write(record.paddr, &bytes[..1 << record.size_log2])
                .unwrap();
            let _ = mmu.write_cr3(memory, record.cr3).unwrap();
        }
    }
}

#[test]
fn the_functional_mmu_permits_and_translates_every_access() {
    let records = records();
    let memory = data::image("steady/start-pt-only.raw.zst").ram;
    let registers = registers(records[0].cr3);
    let mut mmu = FunctionalMmu::functional(CpuFeatures::default(), registers).unwrap();
    replay(&mut mmu, &memory, &records);
}

#[test]
fn the_timed_mmu_permits_and_translates_every_access() {
    let records = records();
    let memory = data::image("steady/start-pt-only.raw.zst").ram;
    let registers = registers(records[0].cr3);
    let (features, config) = (CpuFeatures::default(), processor::small());
    let mut mmu = TimedMmu::timed(features, registers, &config, NoObserver).unwrap();
    replay(&mut mmu, &memory, &records);
}
