//! Where the latency curves of real processors rise because their first-level data TLB is too
//! small, and by how much. Measured by `InstLatx64` with pointer chases in random order, one line
//! every stride, in 4-KiB pages; the strides tell a linear index (the same threshold for all)
//! from full associativity (it doubles).

use mmu_core::PageSize;
use tests::chase::Chaser;

const STRIDES: [u64; 3] = [4 << 10, 8 << 10, 16 << 10];

/// The sizes of the published curves, in KiB.
const SIZES: [u64; 14] = [
    64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144,
];

const SEED: u64 = 0x5eed;

struct Measured {
    preset: &'static str,
    /// The last size that fits, in KiB, for each stride.
    fits: [u64; 3],
    /// What the second-level TLB adds, in cycles.
    step: u64,
}

const fn measured(preset: &'static str, fits: [u64; 3], step: u64) -> Measured {
    Measured { preset, fits, step }
}

const CURVES: [Measured; 10] = [
    measured("haswell", [256, 256, 256], 8),
    measured("skylake-sp", [256, 256, 256], 9),
    measured("rocket-lake", [256, 256, 256], 7),
    measured("tiger-lake", [256, 256, 256], 7),
    measured("golden-cove", [384, 384, 384], 7),
    measured("raptor-cove", [384, 384, 384], 7),
    measured("gracemont", [192, 384, 768], 9),
    measured("zen2", [256, 512, 1024], 6),
    measured("zen3", [256, 512, 1024], 5),
    measured("zen4", [256, 512, 1024], 5),
];

#[test]
fn the_first_level_tlb_ends_where_it_does_on_the_processor() {
    for Measured { preset, fits, .. } in CURVES {
        let found = STRIDES.map(|stride| {
            let mut chaser = Chaser::new(preset, PageSize::Size4KiB);
            let fits = |&kib: &u64| {
                let (cycles, _) = chaser.lap(kib << 10, stride, SEED);
                cycles.translation().as_u64() == 0
            };
            SIZES.into_iter().take_while(fits).last().unwrap_or(0)
        });
        assert_eq!(found, fits, "{preset}, seed {SEED:#x}");
    }
}

#[test]
fn a_second_level_hit_costs_what_it_does_on_the_processor() {
    for Measured { preset, fits, step } in CURVES {
        let mut chaser = Chaser::new(preset, PageSize::Size4KiB);
        // Four times what fits is far from the edge of the first level, and fits the second.
        let (cycles, loads) = chaser.lap(4 * (fits[0] << 10), STRIDES[0], SEED);
        let found = cycles.translation().as_u64() as f64 / loads as f64;
        let step = step as f64;
        assert!((found - step).abs() <= 1.0, "{preset}: {found}, not {step}");
    }
}
