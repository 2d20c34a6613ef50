use assoc::IndexFunction;
use mmu_core::{
    AccessKind, AccessedOnFault, Cause, CpuFeatures, Efer, ErrorCode, Fault, FunctionalMmu,
    Invalidation, Mappings, Mmu, NoObserver, Observer, PagingMode, PrivilegeMode, Registers, Scope,
    TimedMmu, Translated, TranslationCache, VirtAddr, WalkCost,
};
use mmu_core::{Cr0, Cr4, PhysAddr};

use super::{
    hostile_memory::{HostileMemory, Temper},
    registers::{features, write_one},
    supply::Supply,
};
use crate::processor::{one_tlb, shape, structure_cache};

/// Accesses, probes, register writes and invalidations over page tables of any content, in
/// memory that may not even be honest.
///
/// # Panics
/// If an outcome contradicts itself, or a probe leaves a trace.
pub fn page_tables(bytes: &[u8]) {
    let supply = &mut Supply::new(bytes);
    let mut features = features(supply);
    if supply.byte() & 1 != 0 {
        features = features.with_accessed_on_fault(AccessedOnFault::Never);
    }
    let memory = HostileMemory::new(supply);
    let registers = registers_of(supply, features);
    if supply.byte() & 1 == 0 {
        if let Ok(mut mmu) = FunctionalMmu::functional(features, registers) {
            run(&mut mmu, &memory, supply);
        }
    } else {
        let mut config = one_tlb(shape(2, 2), IndexFunction::Linear);
        config.structures.pml4e = structure_cache(1);
        config.structures.pdpte = structure_cache(2);
        config.structures.pde = structure_cache(2);
        if let Ok(mut mmu) = TimedMmu::timed(features, registers, &config, NoObserver) {
            run(&mut mmu, &memory, supply);
        }
    }
}

fn registers_of(supply: &mut Supply<'_>, features: CpuFeatures) -> Registers {
    let mut registers = Registers::four_level(PhysAddr::new(supply.word() & 0xffff_f000));
    let mode = supply.choice(&PagingMode::ALL);
    if mode == PagingMode::Off {
        registers.cr0 -= Cr0::PAGING;
    }
    if !mode.is_ia32e() {
        registers.efer -= Efer::LONG_MODE_ENABLE;
    }
    registers
        .cr4
        .set(Cr4::LINEAR_ADDRESS_57, mode == PagingMode::FiveLevel);
    if mode == PagingMode::ThirtyTwoBit {
        registers.cr4 -= Cr4::PHYSICAL_ADDRESS_EXTENSION;
        registers.cr4 |= Cr4::PAGE_SIZE_EXTENSIONS;
    }
    let some = Cr4::from_bits_retain(supply.word() & 0x09f0_0000);
    if !some.is_empty() && FunctionalMmu::functional(features, registers).is_ok() {
        let mut with_some = registers;
        with_some.cr4 |= some;
        if FunctionalMmu::functional(features, with_some).is_ok() {
            return with_some;
        }
    }
    registers
}

fn run<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &mut Mmu<T, C, O>,
    memory: &HostileMemory,
    supply: &mut Supply<'_>,
) {
    while !supply.is_empty() {
        let address = VirtAddr::new(match supply.byte() {
            0..64 => supply.word(),
            page @ 64..160 => u64::from(page) << 12 | 0xffc,
            page => u64::from(page).wrapping_neg() << 12 | 0xffc,
        });
        let kind = supply.choice(&AccessKind::ALL);
        let mode = supply.choice(&PrivilegeMode::ALL);
        match supply.byte() % 12 {
            0..4 => {
                let found = mmu.translate(memory, address, kind, mode);
                consistent(mmu, address, found);
            }
            4 => {
                let length = u32::from(supply.byte()) << 6;
                let _ = mmu.translate_span(memory, address, length, kind, mode);
            }
            5 => {
                let before = memory.content();
                let one = mmu.probe(memory, address, kind, mode);
                let other = mmu.probe(memory, address, kind, mode);
                assert_eq!(memory.content(), before, "a probe wrote");
                assert!(one == other || memory.temper() == Temper::Fickle);
            }
            6 => {
                let path = mmu.regime().path(memory, address);
                assert!(path.steps().len() <= 5);
            }
            7 => {
                // No more of them than there is time for.
                let count = Mappings::new(mmu.regime(), memory).take(500).count();
                assert!(count <= 500);
            }
            8 => {
                let _ = mmu.invalidate(Invalidation::Invlpg(address));
            }
            9 => {
                let low = u128::from(supply.word() & 0x1fff);
                let descriptor = low | u128::from(address.as_u64()) << 64;
                let operation = u64::from(supply.byte() % 5);
                let _ = mmu.invalidate(Invalidation::Invpcid {
                    operation,
                    descriptor,
                });
            }
            10 => {
                let _ = mmu.drop_cached(Scope::All);
            }
            _ => {
                write_one(mmu, memory, supply);
            }
        }
    }
}

/// An outcome must fit the access and itself.
fn consistent<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &Mmu<T, C, O>,
    address: VirtAddr,
    outcome: Result<Translated, Fault>,
) {
    match outcome {
        Ok(found) => {
            let size = found.translation.size();
            let page = found.translation.page();
            assert_eq!(page.offset_in(size), 0, "{found:?}");
            assert_eq!(found.address.offset_in(size), address.offset_in(size));
            assert_eq!(found.address.align_down(size), page);
        }
        Err(Fault::Page(fault)) => {
            let code = fault.error_code;
            let is_present = fault.cause != Cause::NotPresent;
            assert_eq!(code.contains(ErrorCode::PRESENT), is_present, "{fault:?}");
            let is_reserved = fault.cause == Cause::ReservedBit;
            assert_eq!(code.contains(ErrorCode::RESERVED), is_reserved, "{fault:?}");
            let by_key = code.contains(ErrorCode::PROTECTION_KEY);
            assert!(!by_key || fault.cause == Cause::Protection, "{fault:?}");
            assert!(fault.extent.is_power_of_two());
            assert!(mmu.regime().mode() != PagingMode::Off);
        }
        Err(_) => {}
    }
}
