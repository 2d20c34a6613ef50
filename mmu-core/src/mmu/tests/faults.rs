use super::*;

/// SDM vol. 3, 4.6: rights are those of every entry on the way.
#[test]
fn rights_are_folded_over_the_levels() {
    for level in Level::FOUR_LEVEL {
        for (bit, kind, mode, code) in [
            (Entry::WRITABLE, WRITE, USER, 0x7),
            (Entry::WRITABLE, WRITE, SUPERVISOR, 0x3),
            (Entry::USER, READ, USER, 0x5),
            (Entry::USER, FETCH, USER, 0x15),
        ] {
            let world = World::mapped(PageSize::Size4KiB, ALL);
            world.clear(level, bit);
            let mut mmu = functional(registers());
            let fault = page_fault(mmu.translate(&world.ram, ADDRESS, kind, mode));
            assert_eq!(fault.error_code.bits(), code);
            assert_eq!(fault.cause, Cause::Protection);
        }
        let world = World::mapped(PageSize::Size4KiB, ALL);
        world.add(level, Entry::NO_EXECUTE);
        let mut mmu = functional(registers());
        let fault = page_fault(mmu.translate(&world.ram, ADDRESS, FETCH, SUPERVISOR));
        assert_eq!(fault.error_code.bits(), 0x11);
        assert!(mmu.translate(&world.ram, ADDRESS, READ, USER).is_ok());
    }
}

/// SDM vol. 3, 4.7: P is 0 if an entry is not present; W/R and U/S describe the access.
#[test]
fn a_missing_entry_faults_at_its_level_with_the_access_in_the_code() {
    for level in Level::FOUR_LEVEL {
        let world = World::mapped(PageSize::Size4KiB, ALL);
        world.set(level, Entry::from_bits_retain(0xfff0_0000_0000_0ffe));
        let mut mmu = functional(registers());
        for (kind, mode, code) in [
            (READ, SUPERVISOR, 0x0),
            (WRITE, SUPERVISOR, 0x2),
            (READ, USER, 0x4),
            (WRITE, USER, 0x6),
            (AccessKind::ReadModifyWrite, USER, 0x6),
            (FETCH, USER, 0x14),
            (READ, PrivilegeMode::SupervisorImplicit, 0x0),
        ] {
            let fault = page_fault(mmu.translate(&world.ram, ADDRESS, kind, mode));
            assert_eq!(fault.error_code.bits(), code);
            assert_eq!(fault.cause, Cause::NotPresent);
            assert_eq!((fault.address, fault.level), (ADDRESS, level));
            assert_eq!(fault.entry_address, world.place(level));
            assert_eq!(fault.extent, level.covers());
        }
    }
}

/// SDM vol. 3, 4.7: I/D is reported only if SMEP is on, or NXE with PAE.
#[test]
fn a_fetch_is_reported_only_where_fetches_can_be_forbidden() {
    let world = World::new(ADDRESS);
    for (nxe, smep, code) in [(0, 0, 0x0), (1, 0, 0x10), (0, 1, 0x10), (1, 1, 0x10)] {
        let mut registers = registers();
        registers.efer.set(Efer::NO_EXECUTE_ENABLE, nxe == 1);
        registers.cr4.set(Cr4::SMEP, smep == 1);
        let mut mmu = functional(registers);
        let fault = page_fault(mmu.translate(&world.ram, ADDRESS, FETCH, SUPERVISOR));
        assert_eq!(fault.error_code.bits(), code, "NXE {nxe} SMEP {smep}");
    }
}

/// SDM vol. 3, 4.7: RSVD is set only together with P.
#[test]
fn a_reserved_bit_faults_with_present_set() {
    let cases: [(PageSize, Level, u64); 8] = [
        (PageSize::Size4KiB, Level::Pml4e, 1 << 7),
        (PageSize::Size4KiB, Level::Pml4e, 1 << 40),
        (PageSize::Size4KiB, Level::Pde, 1 << 51),
        (PageSize::Size4KiB, Level::Pte, 1 << 40),
        (PageSize::Size2MiB, Level::Pde, 1 << 13),
        (PageSize::Size2MiB, Level::Pde, 1 << 20),
        (PageSize::Size1GiB, Level::Pdpte, 1 << 13),
        (PageSize::Size1GiB, Level::Pdpte, 1 << 29),
    ];
    let features = CpuFeatures::new(Vendor::Intel, 40, Feature::all()).unwrap();
    for (size, level, bit) in cases {
        let world = World::mapped(size, ALL);
        let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
        assert!(mmu.translate(&world.ram, ADDRESS, READ, USER).is_ok());
        world.add(level, Entry::from_bits_retain(bit));
        let _ = mmu.invalidate(Invalidation::Invlpg(ADDRESS)).unwrap();
        let fault = page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
        assert_eq!(fault.error_code.bits(), 0xf, "{level} bit {bit:#x}");
        assert_eq!((fault.cause, fault.level), (Cause::ReservedBit, level));
    }
}

/// SDM vol. 3, 4.5.4: XD is reserved while EFER.NXE is 0.
#[test]
fn no_execute_is_reserved_without_nxe() {
    let world = World::mapped(PageSize::Size4KiB, ALL | Entry::NO_EXECUTE);
    let mut registers = registers();
    registers.efer -= Efer::NO_EXECUTE_ENABLE;
    let mut mmu = functional(registers);
    let fault = page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    assert_eq!(fault.error_code.bits(), 0x9);
}

/// SDM vol. 3, table 4-17: PS is reserved in a PDPTE of a processor without 1-GiB pages.
#[test]
fn a_large_pdpte_is_reserved_without_1_gib_pages() {
    let world = World::mapped(PageSize::Size1GiB, ALL);
    let features =
        CpuFeatures::new(Vendor::Intel, 52, Feature::all() - Feature::PAGES_1_GIB).unwrap();
    let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
    let fault = page_fault(mmu.translate(&world.ram, ADDRESS, READ, SUPERVISOR));
    assert_eq!(fault.error_code.bits(), 0x9);
    assert_eq!(fault.level, Level::Pdpte);
}

/// SDM vol. 3, 4.5 and 4.7: the walk goes from the top and the first bad entry decides; within
/// an entry, present comes before reserved bits; both come before any right.
#[test]
fn the_first_bad_entry_from_the_top_decides() {
    let reserved = Entry::LARGE;
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT);
    world.add(Level::Pml4e, reserved);
    world.clear(Level::Pte, Entry::PRESENT);
    let mut mmu = functional(registers());
    let translate = |mmu: &mut FunctionalMmu| mmu.translate(&world.ram, ADDRESS, WRITE, USER);
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0xf);
    world.clear(Level::Pml4e, Entry::PRESENT);
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0x6);
    world.set(Level::Pml4e, Entry::table(World::table(Level::Pdpte)));
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0x6);
    world.add(Level::Pte, Entry::PRESENT);
    assert_eq!(page_fault(translate(&mut mmu)).error_code.bits(), 0x7);
}

/// SDM vol. 1, 3.3.7.1: not a page fault but #GP(0), before the tables are looked at.
#[test]
fn a_non_canonical_address_is_refused_before_the_walk() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let mut mmu = functional(registers());
    for address in [1 << 47, u64::MAX << 48, 1 << 63, ADDRESS.as_u64() | 1 << 60] {
        let address = VirtAddr::new(address);
        let result = mmu.translate(&world.ram, address, READ, SUPERVISOR);
        assert_eq!(result, Err(Fault::NonCanonical(address)));
        let probed = mmu.probe(&world.ram, address, READ, SUPERVISOR);
        assert_eq!(probed, Err(Fault::NonCanonical(address)));
    }
}

/// Tables may point anywhere; where no memory answers is told, and nothing panics.
#[test]
fn tables_outside_memory_are_a_typed_error() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    world.set(
        Level::Pdpte,
        Entry::table(PhysAddr::new(0x000f_ffff_ffff_f000)),
    );
    let mut mmu = functional(registers());
    let at = crate::entry_address(PhysAddr::new(0x000f_ffff_ffff_f000), Level::Pde, ADDRESS);
    assert_eq!(
        mmu.translate(&world.ram, ADDRESS, READ, USER),
        Err(Fault::NoMemory {
            address: ADDRESS,
            level: Level::Pde,
            error: BusError(at)
        })
    );
}

/// SDM vol. 3, 4.5 (table 4-12) and vol. 2, MOV to CR3: bits 60:M are reserved, and bit 63
/// without CR4.PCIDE; bits 62:61 are LAM's.
#[test]
fn reserved_bits_of_cr3_are_general_protection() {
    let features = CpuFeatures::new(Vendor::Intel, 40, Feature::all()).unwrap();
    let world = World::new(ADDRESS);
    let mut mmu = FunctionalMmu::functional(features, registers()).unwrap();
    let before = *mmu.registers();
    for bit in [40, 51, 52, 60, 63] {
        let value = 1 << bit | 0x1000;
        assert_eq!(
            mmu.write_cr3(&world.ram, value),
            Err(GeneralProtection::Cr3Reserved {
                value,
                reserved: 1 << bit
            })
        );
    }
    assert_eq!(*mmu.registers(), before);
    let mut with_reserved = registers();
    with_reserved.cr3 |= 1 << 40;
    let refused = FunctionalMmu::functional(features, with_reserved).unwrap_err();
    assert!(
        matches!(refused, GeneralProtection::Cr3Reserved { reserved, .. } if reserved == 1 << 40)
    );
    assert!(mmu.write_cr3(&world.ram, 1 << 39 | 0x18).is_ok());
}
