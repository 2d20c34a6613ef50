use super::*;

/// SDM vol. 3, 4.10.4.1: a page fault drops what is cached for its address, so that the access
/// works once the tables are mended, without an invalidation.
#[test]
fn a_mended_page_needs_no_invalidation() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT | Entry::USER);
    let mut mmu = functional(registers());
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
    world.add(Level::Pte, Entry::WRITABLE);
    mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
}

/// SDM vol. 3, 4.10.4.3: more rights may be used without an invalidation; here they are at
/// once, since only the tables may refuse.
#[test]
fn a_cached_refusal_is_checked_against_the_tables() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT);
    let mut mmu = functional(registers());
    mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR)
        .unwrap();
    for level in Level::FOUR_LEVEL {
        world.add(level, ALL);
    }
    mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
}

/// SDM vol. 3, 4.10.4.1: INVLPG drops a page's translation, and that of a large page wherever
/// in it the address lies.
#[test]
fn invlpg_drops_all_of_a_large_page() {
    for size in PageSize::IA32E {
        let world = World::mapped(size, ALL);
        let mut mmu = functional(registers());
        let first = ADDRESS.align_down(size);
        let last = first.wrapping_add(size.bytes() - 1);
        mmu.translate(&world.ram, first, READ, USER).unwrap();
        mmu.translate(&world.ram, last, READ, USER).unwrap();
        world.set(size.level(), Entry::empty());
        assert!(
            mmu.translate(&world.ram, first, READ, USER).is_ok(),
            "stale, and allowed"
        );
        assert_ne!(
            mmu.invalidate(Invalidation::Invlpg(ADDRESS))
                .unwrap()
                .translations,
            0
        );
        page_fault(mmu.translate(&world.ram, first, READ, USER));
        page_fault(mmu.translate(&world.ram, last, READ, USER));
    }
}

/// SDM vol. 2, INVLPG: with a non-canonical address it does nothing.
#[test]
fn invlpg_of_a_non_canonical_address_does_nothing() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut mmu = functional(registers());
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    let address = VirtAddr::new(ADDRESS.as_u64() | 1 << 60);
    assert_eq!(
        mmu.invalidate(Invalidation::Invlpg(address)).unwrap(),
        Flushed::default()
    );
}

/// SDM vol. 3, 4.10.4.1: MOV to CR3 drops what is not global.
#[test]
fn a_new_cr3_keeps_only_global_translations() {
    let root = registers().cr3;
    for (flags, kept) in [(ALL, 0), (ALL | Entry::GLOBAL, 1)] {
        let world = World::mapped(PageSize::Size4KiB, flags);
        let mut mmu = functional(registers());
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        let flushed = mmu.write_cr3(&world.ram, root).unwrap();
        assert_eq!(flushed.translations, 1 - kept);
    }
}

/// SDM vol. 3, 4.10.2.4: G is ignored while CR4.PGE is 0.
#[test]
fn global_is_ignored_without_pge() {
    let world = World::mapped(PageSize::Size4KiB, ALL | Entry::GLOBAL);
    let mut registers = registers();
    registers.cr4 -= Cr4::PAGE_GLOBAL_ENABLE;
    let mut mmu = functional(registers);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    assert_eq!(
        mmu.write_cr3(&world.ram, registers.cr3)
            .unwrap()
            .translations,
        1
    );
}

/// SDM vol. 3, 4.10.4.1: with CR4.PCIDE, bit 63 keeps the new PCID's translations, and each
/// PCID finds only its own.
#[test]
fn pcids_keep_address_spaces_apart() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut registers = registers();
    registers.cr4 |= Cr4::PCID_ENABLE;
    let root = registers.cr3;
    registers.cr3 |= 1;
    let mut mmu = functional(registers);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    world.set(Level::Pte, Entry::empty());
    assert_eq!(
        mmu.write_cr3(&world.ram, root | 2 | 1 << 63).unwrap(),
        Flushed::default()
    );
    assert_eq!(mmu.regime().pcid(), Pcid::from_cr3(2));
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, USER));
    assert_eq!(
        mmu.write_cr3(&world.ram, root | 1 | 1 << 63).unwrap(),
        Flushed::default()
    );
    assert!(
        mmu.translate(&world.ram, ADDRESS, READ, USER).is_ok(),
        "kept under PCID 1"
    );
    assert_eq!(mmu.write_cr3(&world.ram, root | 1).unwrap().translations, 1);
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, USER));
    assert_eq!(mmu.registers().cr3, root | 1, "bit 63 is not stored");
}

/// SDM vol. 3, 4.6.1: EFLAGS.AC lifts SMAP at once, without an invalidation.
#[test]
fn alignment_check_lifts_smap_on_a_hit() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut registers = registers();
    registers.cr4 |= Cr4::SMAP;
    let mut mmu = functional(registers);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    mmu.set_alignment_check(AlignmentCheck::Set);
    mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR)
        .unwrap();
    mmu.set_alignment_check(AlignmentCheck::Clear);
    let fault = page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    assert_eq!(fault.error_code, ErrorCode::PRESENT);
}

/// SDM vol. 3, 4.10.4.3: where rights were added above the last level, a paging-structure cache
/// may still have the old ones; the tables are asked again before the access is refused.
#[test]
fn stale_rights_in_a_paging_structure_cache_refuse_nothing() {
    let geometry = assoc::Geometry::fully_associative(4).unwrap();
    let replacement = assoc::Replacement::TrueLru;
    let cache = Some(tlb::StructureCacheConfig {
        geometry,
        replacement,
    });
    let tlb = tlb::TlbConfig {
        name: "tlb".into(),
        serves: tlb::Streams::all(),
        holds: tlb::PageSizes::all(),
        geometry,
        index: assoc::IndexFunction::Linear,
        replacement,
        pcids: tlb::PcidCapacity::Unlimited,
        coalescing: tlb::Coalescing::Never,
    };
    let level = tlb::LevelConfig::new(Cycles::ZERO, [tlb].into());
    let tlbs = tlb::HierarchyConfig {
        levels: [level].into(),
    };
    let structures = tlb::StructureCachesConfig {
        pml5e: cache,
        pml4e: cache,
        pdpte: cache,
        pde: cache,
        penalty: Cycles::ZERO,
    };
    let cache = crate::ModelledTlb::new(&tlbs, &structures).unwrap();
    let (features, observer) = (CpuFeatures::default(), crate::NoObserver);
    let mut mmu = Mmu::new(features, registers(), cache, crate::NoCost, observer).unwrap();

    let world = World::mapped(PageSize::Size4KiB, ALL);
    world.clear(Level::Pde, Entry::WRITABLE);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    let refused = page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
    assert_eq!(refused.error_code.bits(), 0x7);
    mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    world.add(Level::Pde, Entry::WRITABLE);
    mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
}

/// SDM vol. 3, 4.10.4.1: a page fault drops what is cached for its address, and a global
/// translation with it, under whatever PCID it was made.
#[test]
fn a_fault_drops_a_global_translation_of_another_pcid() {
    let world = World::mapped(PageSize::Size4KiB, ALL | Entry::GLOBAL);
    let mut registers = registers();
    registers.cr4 |= Cr4::PCID_ENABLE;
    let root = registers.cr3;
    registers.cr3 |= 1;
    let mut mmu = functional(registers);
    let found = mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    let _ = mmu.write_cr3(&world.ram, root | 2 | 1 << 63).unwrap();
    world.set(Level::Pte, Entry::empty());
    page_fault(mmu.translate(&world.ram, ADDRESS, READ, USER));
    let elsewhere = PhysAddr::new(0x7000);
    world.set(Level::Pte, Entry::page(elsewhere, PageSize::Size4KiB, ALL));
    let _ = mmu.write_cr3(&world.ram, root | 1 | 1 << 63).unwrap();
    let again = mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
    assert_ne!(again.address, found.address);
    assert_eq!(again.translation.page(), elsewhere);
}

/// SDM vol. 2, WRMSR: a register that the processor does not have is #GP(0).
#[test]
fn registers_of_missing_features_are_general_protection() {
    let features = Feature::all() - Feature::PKS;
    let features = CpuFeatures::new(Vendor::Intel, 52, features).unwrap();
    let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
    let refused = mmu.write_msr(crate::Msr::Pkrs, 0);
    assert_eq!(refused, Err(GeneralProtection::NoSuchMsr(crate::Msr::Pkrs)));
    let none = CpuFeatures::new(Vendor::Intel, 32, Feature::empty()).unwrap();
    let mut mmu = FunctionalMmu::functional(none, Registers::default()).unwrap();
    for register in [crate::Msr::Pat, crate::Msr::MtrrDefType] {
        let value = mmu.read_msr(register);
        let refused = mmu.write_msr(register, value);
        assert_eq!(refused, Err(GeneralProtection::NoSuchMsr(register)));
    }
}

/// SDM vol. 3, 2.5: what is written to reserved bits of CR0's lower half is ignored.
#[test]
fn reserved_bits_of_cr0_stay_clear() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut mmu = functional(registers());
    let _ = mmu.write_cr0(&world.ram, 0xffff_ffff).unwrap();
    assert_eq!(mmu.registers().cr0.bits(), 0xe005_003f);
}
