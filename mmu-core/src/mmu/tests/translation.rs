use super::*;

/// SDM vol. 3, 4.5.4 and tables 4-16, 4-18, 4-20: the physical address is the page's with the
/// low bits of the linear address.
#[test]
fn each_size_of_page_keeps_its_low_bits() {
    for size in PageSize::IA32E {
        let world = World::mapped(size, ALL);
        let mut mmu = functional(registers());
        let page = 0x4000_0000 | 5 << size.shift();
        for _ in ["walk", "hit"] {
            let found = mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
            assert_eq!(found.address.as_u64(), page | ADDRESS.offset_in(size));
            assert_eq!(found.translation.size(), size);
        }
    }
}

/// An entry that maps the table it stands in is used at every level.
#[test]
fn a_self_referencing_entry_is_walked_like_any_other() {
    let ram = Ram::new(1 << 20).unwrap();
    let root = World::table(Level::Pml4e);
    let address = VirtAddr::new(0xffff_f6fb_7dbe_d000);
    let at = crate::entry_address(root, Level::Pml4e, address);
    let entry = Entry::page(root, PageSize::Size4KiB, ALL);
    ram.write(at, &entry.bits().to_le_bytes()).unwrap();
    let found = functional(registers()).translate(&ram, address, READ, SUPERVISOR);
    assert_eq!(found.unwrap().address, root);
}

/// An access that crosses into another page is translated on both, and CR2 gets the start of
/// the second if that one faults.
#[test]
fn an_access_across_pages_is_checked_on_both() {
    let address = VirtAddr::new(ADDRESS.as_u64() | 0xffc);
    let world = World::new(address);
    let page = |at| Entry::page(PhysAddr::new(at), PageSize::Size4KiB, ALL);
    world.set(Level::Pte, page(0x8000));
    let mut mmu = functional(registers());
    let within = mmu
        .translate_span(&world.ram, address, 4, READ, USER)
        .unwrap();
    assert_eq!(within.second, None);

    let next = VirtAddr::new((address.as_u64() & !0xfff) + 0x1000);
    let crossing = mmu.translate_span(&world.ram, address, 5, WRITE, USER);
    let Err(Fault::Page(fault)) = crossing else {
        panic!("{crossing:?}");
    };
    assert_eq!((fault.address, fault.error_code.bits()), (next, 0x6));

    let place = entry_address_of(next, Level::Pte);
    world
        .ram
        .write(place, &page(0x3_0000).bits().to_le_bytes())
        .unwrap();
    let span = mmu
        .translate_span(&world.ram, address, 8, WRITE, USER)
        .unwrap();
    assert_eq!(span.first.address, PhysAddr::new(0x8ffc));
    assert_eq!(span.second.unwrap().address, PhysAddr::new(0x3_0000));
}

/// SDM vol. 1, 3.3.7.1: no byte of an access may lie outside the canonical halves; that is
/// checked before the tables are looked at.
#[test]
fn an_access_across_the_canonical_boundary_is_refused() {
    let address = VirtAddr::new(0x0000_7fff_ffff_fffe);
    let refused = Err(Fault::NonCanonical(VirtAddr::new(1 << 47)));
    let unmapped = Ram::new(0x10000).unwrap();
    let mut mmu = functional(registers());
    assert_eq!(
        mmu.translate_span(&unmapped, address, 4, WRITE, USER),
        refused
    );
    let world = World::new(address);
    world.set(
        Level::Pte,
        Entry::page(PhysAddr::new(0x8000), PageSize::Size4KiB, ALL),
    );
    assert_eq!(
        mmu.translate_span(&world.ram, address, 4, WRITE, USER),
        refused
    );
    assert!(!world.entry(Level::Pte).contains(Entry::ACCESSED));
}

#[test]
fn an_access_longer_than_a_page_is_refused() {
    let world = World::mapped(PageSize::Size1GiB, ALL);
    let mut mmu = functional(registers());
    let address = ADDRESS.align_down(PageSize::Size4KiB);
    assert!(
        mmu.translate_span(&world.ram, address, 4096, READ, USER)
            .is_ok()
    );
    for length in [4097, u32::MAX] {
        let result = mmu.translate_span(&world.ram, address, length, READ, USER);
        assert_eq!(result, Err(Fault::TooLong { address, length }));
    }
}

/// A probe changes neither the tables nor what is cached.
#[test]
fn a_probe_leaves_no_trace() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let before = Level::FOUR_LEVEL.map(|level| world.entry(level));
    let mmu = functional(registers());
    let leaf = mmu.probe(&world.ram, ADDRESS, WRITE, USER).unwrap();
    assert_eq!(leaf.translation.physical(ADDRESS).as_u64(), 0x4000_5abc);
    assert_eq!(leaf.entry_address, world.place(Level::Pte));
    assert_eq!(Level::FOUR_LEVEL.map(|level| world.entry(level)), before);
}

/// A cold walk reads one entry a level: 4, 3 and 2 for the three sizes.
#[test]
fn a_cold_walk_reads_one_entry_a_level() {
    for (size, references) in PageSize::IA32E.into_iter().zip([4, 3, 2]) {
        let world = World::mapped(size, ALL);
        let mut mmu = Mmu::new(
            CpuFeatures::default(),
            registers(),
            crate::SoftTlb::new(),
            crate::NoCost,
            WalkStatistics::default(),
        )
        .unwrap();
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        let mut expected = [0; WalkStatistics::MOST_REFERENCES + 1];
        expected[references] = 1;
        assert_eq!(mmu.observer().by_references(), expected);
        assert_eq!(mmu.observer().completed(tlb::Stream::Load, size), 1);
    }
}

/// Every page is found, by address, whatever lies between.
#[test]
fn mappings_are_listed_by_address_with_their_sizes() {
    let upper = VirtAddr::new(0xffff_8000_0000_1000);
    let ram = Ram::new(1 << 20).unwrap();
    let put = |table: u64, level, address, entry: Entry| {
        let at = crate::entry_address(PhysAddr::new(table), level, address);
        ram.write(at, &entry.bits().to_le_bytes()).unwrap();
    };
    let page = |at, size| Entry::page(PhysAddr::new(at), size, ALL);
    let zero = VirtAddr::new(0);
    for (half, base) in [(zero, 0x2000), (upper, 0x5000)] {
        put(
            0x1000,
            Level::Pml4e,
            half,
            Entry::table(PhysAddr::new(base)),
        );
        put(
            base,
            Level::Pdpte,
            half,
            Entry::table(PhysAddr::new(base + 0x1000)),
        );
        put(
            base + 0x1000,
            Level::Pde,
            half,
            Entry::table(PhysAddr::new(base + 0x2000)),
        );
        put(
            base + 0x2000,
            Level::Pte,
            half,
            page(0x9000, PageSize::Size4KiB),
        );
    }
    put(
        0x3000,
        Level::Pde,
        VirtAddr::new(0x20_0000),
        page(0x40_0000, PageSize::Size2MiB),
    );
    put(
        0x2000,
        Level::Pdpte,
        VirtAddr::new(0x4000_0000),
        page(0x4000_0000, PageSize::Size1GiB),
    );
    let regime = Regime::new(&registers(), CpuFeatures::default()).unwrap();
    let mappings = crate::Mappings::new(&regime, &ram);
    let found: Vec<_> = mappings
        .map(|leaf| leaf.map(|leaf| (leaf.address.as_u64(), leaf.translation.size())))
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        found,
        [
            (0, PageSize::Size4KiB),
            (0x20_0000, PageSize::Size2MiB),
            (0x4000_0000, PageSize::Size1GiB),
            (upper.as_u64(), PageSize::Size4KiB),
        ]
    );
}
