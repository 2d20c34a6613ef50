//! The curve that `lookaside sim --pattern chase:FROM..TO` draws lies where the preset's own
//! numbers say: at the latency of the level that holds the working set, with the penalties of
//! the TLBs that do not reach over it on top.

use lookaside::{
    byte_size::ByteSize,
    pages::Pages,
    pattern::{Pattern, PatternReader, Seed, Shape},
    preset::Preset,
    sim::{
        MachineConfig, Watch,
        compare::Variant,
        sweep::{Sweep, SweepPoint, Swept, Workload, sweep},
    },
};
use mmu_core::{Owner, PageSize};
use tlb::{PageSizes, Streams};

struct Unwatched;

impl Watch for Unwatched {
    fn records_done(&mut self, _: u64) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Of 48 KiB, 2 MiB, 52.5 MiB and more than twice that.
const SIZES: [u64; 8] = [
    16 * KIB,
    32 * KIB,
    128 * KIB,
    256 * KIB,
    MIB,
    4 * MIB,
    16 * MIB,
    128 * MIB,
];

fn chase(preset: &Preset) -> Sweep {
    let variants = [Pages::Size4KiB, Pages::Size2MiB].map(|pages| Variant {
        preset: preset.clone(),
        config: MachineConfig {
            pages: pages.into(),
            ..MachineConfig::default()
        },
    });
    let workloads = SIZES.map(|size| {
        let workload = move || {
            let pattern = Pattern::new(ByteSize(size), Shape::Chase { stride: 64 }).unwrap();
            let records = pattern.warm_up() + pattern.whole_laps(1);
            let reader = PatternReader::new(&pattern, records, Seed::default());
            Workload {
                source: reader.source().clone(),
                reader: Box::new(reader),
                warm_up: pattern.warm_up(),
            }
        };
        (ByteSize(size), workload)
    });
    let swept = Swept {
        pattern: "chase".into(),
        accesses: 1,
        seed: 1,
    };
    sweep(swept, &variants, &workloads, &mut Unwatched).unwrap()
}

/// What the data of a load cost, by the level that holds the working set.
fn data(preset: &Preset, size: u64) -> f64 {
    let caches = &preset.timed.caches;
    let levels = [&caches.l1d, &caches.l2, &caches.llc];
    let holds =
        |level: &&&cache::LevelConfig| level.geometry.entries() as u64 * cache::LINE_BYTES >= size;
    let latency = levels.iter().find(holds).map(|level| level.latency);
    latency.unwrap_or(caches.memory_latency).as_u64() as f64
}

/// The pages that a level of TLBs holds of the load's.
fn reach(preset: &Preset, level: usize, size: PageSizes) -> f64 {
    let tlbs = preset.timed.tlbs.levels[level].tlbs.iter();
    let holds = tlbs.filter(|tlb| tlb.serves.contains(Streams::LOAD) && tlb.holds.contains(size));
    holds.map(|tlb| tlb.geometry.entries()).sum::<usize>() as f64
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() <= tolerance * expected + 1e-9,
        "{what}: {found}, not {expected}"
    );
}

fn check(preset: &Preset, point: &SweepPoint, page: PageSize, size: PageSizes) {
    let name = format!("{}: {} in {page}", preset.name, point.working_set);
    let bytes = point.working_set.0;
    assert_near(point.of(Owner::Data), data(preset, bytes), 0.02, &name);

    // Of pages in random order, as many are found as there are entries.
    let pages = bytes.div_ceil(page.bytes()) as f64;
    let missed = |level| (1.0 - reach(preset, level, size) / pages).max(0.0);
    let penalty = preset.timed.tlbs.levels[1].penalty.as_u64() as f64;
    let stlb = format!("{name}, STLB");
    assert_near(point.of(Owner::Stlb), penalty * missed(0), 0.05, &stlb);

    // Every walk asks the paging-structure caches once, and reads one entry if they have the
    // rest of its path; the last entry is in the L1D at best and in memory at worst.
    let walks = missed(1);
    let structures = preset.timed.structures.penalty.as_u64() as f64;
    let asked = point.of(Owner::StructureCaches);
    assert_near(
        asked,
        structures * walks,
        0.05,
        &format!("{name}, structure caches"),
    );
    let owners = [
        Owner::WalkL1d,
        Owner::WalkL2,
        Owner::WalkLlc,
        Owner::WalkMemory,
    ];
    let read: f64 = owners.map(|owner| point.of(owner)).iter().sum();
    let (least, most) = (data(preset, 1), data(preset, u64::MAX));
    assert!(
        read >= 0.95 * walks * least && read <= 1.05 * walks * most,
        "{name}: {read} cycles of {walks} walks an access"
    );
    let parts = [Owner::Data, Owner::Stlb, Owner::StructureCaches].map(|owner| point.of(owner));
    let sum = parts.iter().sum::<f64>() + read;
    assert_near(point.total(), sum, 1e-6, &format!("{name}, the sum"));
}

#[test]
fn a_chase_has_the_plateaus_and_the_translation_cost_of_its_preset() {
    let preset = Preset::load("emerald-rapids").unwrap();
    let swept = chase(&preset);
    let (small, large) = swept.points().split_at(SIZES.len());
    for point in small {
        check(&preset, point, PageSize::Size4KiB, PageSizes::SIZE_4_KIB);
    }
    for point in large {
        check(&preset, point, PageSize::Size2MiB, PageSizes::SIZE_2_MIB);
    }
}
