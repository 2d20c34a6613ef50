//! Whatever stands in the page tables, an MMU with a large cache, one with tiny caches and a
//! walk that changes nothing agree on every access.

use assoc::IndexFunction;
use mmu_core::{
    AccessKind, AlignmentCheck, CpuFeatures, Cr0, Cr4, Efer, Entry, Fault, Feature, FunctionalMmu,
    Invalidation, NoObserver, PageFault, PageSize, PhysAddr, PrivilegeMode, Ram, Registers, Rights,
    TimedMmu, Translated, Vendor, VirtAddr,
};
use proptest::prelude::*;
use tests::processor::{one_tlb, shape, structure_cache};

/// Tables may lie in any of these frames; there is no memory beyond them.
const FRAMES: u64 = 10;
const ROOT: u64 = 0x1000;

/// The places in a table that are used: the ends of both halves.
const INDICES: [u64; 4] = [0, 1, 256, 511];

#[derive(Clone, Debug)]
enum Step {
    Access {
        address: u64,
        kind: AccessKind,
        mode: PrivilegeMode,
    },
    Write {
        at: u64,
        entry: u64,
    },
    SetAlignmentCheck(AlignmentCheck),
    Invlpg(u64),
}

fn address() -> impl Strategy<Value = u64> {
    let index = || prop::sample::select(&INDICES[..]);
    let offset = prop::sample::select(&[0_u64, 8, 0x7ff, 0xfff][..]);
    let canonical =
        (index(), index(), index(), index(), offset).prop_map(|(pml4, pdpt, pd, pt, offset)| {
            let low = pml4 << 39 | pdpt << 30 | pd << 21 | pt << 12 | offset;
            // Bits 63:48 copy bit 47.
            if low >> 47 == 0 {
                low
            } else {
                low | 0xffff << 48
            }
        });
    prop_oneof![
        60 => canonical.clone(),
        1 => canonical.prop_map(|address| address ^ 1 << 48),
        1 => any::<u64>(),
    ]
}

fn entry() -> impl Strategy<Value = u64> {
    const TABLE: Entry = Entry::PRESENT.union(Entry::WRITABLE).union(Entry::USER);
    let frame = || (0..FRAMES).prop_map(|frame| frame << 12);
    let table = frame().prop_map(|frame| frame | TABLE.bits());
    let restricted = (frame(), 0..8_u64).prop_map(|(frame, rights)| frame | rights | 1);
    let large = (any::<u64>(), 0..0x200_u64).prop_map(|(address, flags)| {
        let address = address & 0x000f_ffff_c000_0000;
        address | flags | Entry::LARGE.bits() | Entry::PRESENT.bits()
    });
    let any_flags = (frame(), 0..0x1000_u64).prop_map(|(frame, flags)| frame | flags);
    let any_address = any::<u64>().prop_map(|bits| bits & 0x000f_ffff_ffff_f000 | TABLE.bits());
    let low = prop_oneof![
        20 => table,
        6 => restricted,
        6 => large,
        3 => any_flags,
        1 => any_address,
        1 => any::<u64>(),
    ];
    let high = prop_oneof![
        20 => Just(0),
        2 => Just(Entry::NO_EXECUTE.bits()),
        1 => any::<u64>().prop_map(|bits| bits & 0xfff0_0000_0000_0000),
        1 => (12..63_u32).prop_map(|bit| 1 << bit),
    ];
    (low, high).prop_map(|(low, high)| low | high)
}

/// An entry for every place that is used.
fn all_entries() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let places = (0..FRAMES).flat_map(|frame| INDICES.map(|index| frame << 12 | index << 3));
    let places: Vec<_> = places.collect();
    prop::collection::vec(entry(), places.len())
        .prop_map(move |entries| places.iter().copied().zip(entries).collect())
}

fn write() -> impl Strategy<Value = (u64, u64)> {
    let place = (0..FRAMES, prop::sample::select(&INDICES[..]));
    (place, entry()).prop_map(|((frame, index), entry)| (frame << 12 | index << 3, entry))
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(&AccessKind::ORDINARY[..]);
    let mode = prop::sample::select(&PrivilegeMode::ALL[..]);
    let check = prop::sample::select(&[AlignmentCheck::Clear, AlignmentCheck::Set][..]);
    prop_oneof![
        12 => (address(), kind, mode).prop_map(|(address, kind, mode)| Step::Access {
            address,
            kind,
            mode,
        }),
        1 => write().prop_map(|(at, entry)| Step::Write { at, entry }),
        1 => check.prop_map(Step::SetAlignmentCheck),
        1 => address().prop_map(Step::Invlpg),
    ]
}

fn registers() -> impl Strategy<Value = Registers> {
    prop::array::uniform6(any::<bool>()).prop_map(|[wp, nxe, pge, smep, smap, ac]| {
        let mut registers = Registers::four_level(PhysAddr::new(ROOT));
        registers.cr0.set(Cr0::WRITE_PROTECT, wp);
        registers.efer.set(Efer::NO_EXECUTE_ENABLE, nxe);
        registers.cr4.set(Cr4::PAGE_GLOBAL_ENABLE, pge);
        registers.cr4.set(Cr4::SMEP, smep);
        registers.cr4.set(Cr4::SMAP, smap);
        if ac {
            registers.alignment_check = AlignmentCheck::Set;
        }
        registers
    })
}

fn features() -> impl Strategy<Value = CpuFeatures> {
    let width = prop_oneof![4 => Just(52), 1 => Just(40), 1 => 32..=52_u32];
    (width, any::<bool>()).prop_map(|(width, large)| {
        let mut features = Feature::all();
        features.set(Feature::PAGES_1_GIB, large);
        CpuFeatures::new(Vendor::Intel, width, features).unwrap()
    })
}

struct World {
    functional: (FunctionalMmu, Ram),
    timed: (TimedMmu, Ram),
}

impl World {
    fn new(features: CpuFeatures, registers: Registers, entries: &[(u64, u64)]) -> Self {
        let ram = || {
            let ram = Ram::new(FRAMES << 12).unwrap();
            for (at, entry) in entries {
                ram.write(PhysAddr::new(*at), &entry.to_le_bytes()).unwrap();
            }
            ram
        };
        let mut config = one_tlb(shape(1, 2), IndexFunction::Linear);
        config.structures.pml4e = structure_cache(1);
        config.structures.pdpte = structure_cache(2);
        config.structures.pde = structure_cache(2);
        let functional = FunctionalMmu::functional(features, registers).unwrap();
        let timed = TimedMmu::timed(features, registers, &config, NoObserver).unwrap();
        Self {
            functional: (functional, ram()),
            timed: (timed, ram()),
        }
    }

    /// A changed entry may be used on the way to any address: all that are used here.
    fn write(&mut self, at: u64, entry: u64) {
        for ram in [&self.functional.1, &self.timed.1] {
            ram.write(PhysAddr::new(at), &entry.to_le_bytes()).unwrap();
        }
        for pml4 in INDICES {
            for pdpt in INDICES {
                for pd in INDICES {
                    for pt in INDICES {
                        let low = pml4 << 39 | pdpt << 30 | pd << 21 | pt << 12;
                        let sign = if pml4 < 256 { 0 } else { 0xffff << 48 };
                        self.invlpg(low | sign);
                    }
                }
            }
        }
    }

    fn invlpg(&mut self, address: u64) {
        let invalidation = Invalidation::Invlpg(VirtAddr::new(address));
        let _ = self.functional.0.invalidate(invalidation).unwrap();
        let _ = self.timed.0.invalidate(invalidation).unwrap();
    }
}

/// What all must agree on: not the dirty bit that a cached translation remembers, since a
/// TLB need not notice what another address of the same page did.
fn agreed(translated: Translated) -> (PhysAddr, PageSize, Rights) {
    let rights = translated.translation.rights() - Rights::DIRTY;
    (translated.address, translated.translation.size(), rights)
}

/// A table that contains itself can have its entry marked accessed on the way to it.
fn but_for_accessed(fault: Fault) -> Fault {
    match fault {
        Fault::Page(fault) => Fault::Page(PageFault {
            entry: fault.entry - Entry::ACCESSED,
            ..fault
        }),
        other => other,
    }
}

fn bytes(ram: &Ram) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(FRAMES << 12).unwrap()];
    ram.read(PhysAddr::new(0), &mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn every_mmu_and_the_probe_agree_on_hostile_tables(
        features in features(),
        registers in registers(),
        entries in all_entries(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(features, registers, &entries);
        for step in steps {
            match step {
                Step::Write { at, entry } => world.write(at, entry),
                Step::Invlpg(address) => world.invlpg(address),
                Step::SetAlignmentCheck(check) => {
                    world.functional.0.set_alignment_check(check);
                    world.timed.0.set_alignment_check(check);
                }
                Step::Access { address, kind, mode } => {
                    let address = VirtAddr::new(address);
                    let (mmu, ram) = &mut world.functional;
                    let probed = mmu.regime().probe(ram, address, kind, mode);
                    let functional = mmu.translate(ram, address, kind, mode);
                    let (mmu, ram) = &mut world.timed;
                    let timed = mmu.translate(ram, address, kind, mode);

                    prop_assert_eq!(functional.map(agreed), timed.map(agreed));
                    let probed = probed.map(|leaf| Translated {
                        address: leaf.translation.physical(address),
                        translation: leaf.translation,
                    });
                    prop_assert_eq!(
                        functional.map(agreed).map_err(but_for_accessed),
                        probed.map(agreed).map_err(but_for_accessed)
                    );
                }
            }
            let same = bytes(&world.functional.1) == bytes(&world.timed.1);
            prop_assert!(same, "the page tables differ");
        }
    }
}

/// The hostile tables are not so hostile that nothing translates.
#[test]
fn the_generated_tables_lead_to_every_outcome() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let strategy = (features(), registers(), all_entries());
    let (mut translated, mut not_present, mut reserved, mut protection, mut no_memory) =
        (0, 0, 0, 0, 0);
    for _ in 0..100 {
        let (features, registers, entries) = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(features, registers, &entries);
        let (mmu, ram) = &mut world.functional;
        for _ in 0..100 {
            let address = address().new_tree(&mut runner).unwrap().current();
            let (kind, mode) = (AccessKind::Write, PrivilegeMode::User);
            match mmu.translate(ram, VirtAddr::new(address), kind, mode) {
                Ok(_) => translated += 1,
                Err(Fault::Page(fault)) => match fault.cause {
                    mmu_core::Cause::NotPresent => not_present += 1,
                    mmu_core::Cause::ReservedBit => reserved += 1,
                    mmu_core::Cause::Protection => protection += 1,
                },
                Err(Fault::NoMemory { .. }) => no_memory += 1,
                Err(_) => {}
            }
        }
    }
    let counts = [translated, not_present, reserved, protection, no_memory];
    assert!(counts.iter().all(|&count| count > 100), "{counts:?}");
}
