use std::collections::BTreeMap;

use super::{
    random::{Bound, Random, shuffled},
    *,
};
use crate::{
    byte_size::ByteSize,
    trace::{Record, RecordKind, Records, TraceReader},
};

/// The offsets of so many loads from the beginning of the memory.
fn offsets(pattern: &str, accesses: u64, seed: u64) -> Vec<u64> {
    let pattern: Pattern = pattern.parse().unwrap();
    let reader = PatternReader::new(&pattern, accesses, Seed(seed));
    let offset = |record: Record| {
        assert_eq!((record.kind, record.size), (RecordKind::Load, 8));
        record.address.as_u64() - BASE.as_u64()
    };
    let records = Records::new(reader).map(Result::unwrap);
    records.map(offset).collect()
}

fn counts(offsets: &[u64]) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for &offset in offsets {
        *counts.entry(offset).or_default() += 1;
    }
    counts
}

#[test]
fn patterns_are_read_as_they_are_written() {
    for (text, written) in [
        ("chase:16KiB", "chase:16KiB:64"),
        ("chase:0x4000:4KiB", "chase:16KiB:4KiB"),
        ("seq:1GiB", "seq:1GiB:8"),
        ("seq:1000:1", "seq:1000:1"),
        ("random:8", "random:8"),
        ("zipf:64MiB", "zipf:64MiB:0.99"),
        ("zipf:64MiB:1.5", "zipf:64MiB:1.5"),
    ] {
        let pattern: Pattern = text.parse().unwrap();
        assert_eq!(pattern.to_string(), written);
        assert_eq!(written.parse(), Ok(pattern));
    }
    let reader = PatternReader::new(&"random:8".parse().unwrap(), 1, Seed(7));
    assert_eq!(reader.source().to_string(), "random:8, 1 access, seed 7");
}

#[test]
fn what_is_no_pattern_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "`` is not an access pattern"),
        ("walk:1GiB", "known: chase:SIZE[:STRIDE]"),
        ("seq", "seq needs the size"),
        ("seq:", "seq needs the size"),
        ("seq:lots", "\"lots\" is not a size"),
        ("seq:1GiB:", "\"\" is not a size"),
        ("seq:1GiB:8:8", "more parts"),
        ("random:1GiB:8", "more parts"),
        ("seq:0", "less than the 8 bytes"),
        ("random:7", "less than the 8 bytes"),
        ("seq:4KiB:0", "stride of 0"),
        ("chase:4KiB:0", "stride of 0"),
        (
            "chase:4KiB:8KiB",
            "a stride of 8 KiB is longer than the memory of 4 KiB",
        ),
        ("seq:65TiB", "more than 64 TiB"),
        ("chase:1TiB", "places are more than"),
        ("zipf:1TiB", "places are more than"),
        ("zipf:1GiB:steep", "`steep` is not an exponent"),
        ("zipf:1GiB:-1", "is not an exponent"),
        ("zipf:1GiB:NaN", "is not an exponent"),
        ("zipf:1GiB:inf", "is not an exponent"),
    ] {
        let error = text.parse::<Pattern>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    assert!("seq:64TiB".parse::<Pattern>().is_ok());
}

#[test]
fn the_memory_begins_where_pages_of_every_size_do_and_ends_in_the_lower_half() {
    assert_eq!(BASE.as_u64() % (1 << 30), 0);
    assert!(BASE.as_u64() + (64 << 40) <= 1 << 47);
}

#[test]
fn a_sequence_goes_up_and_begins_again() {
    assert_eq!(offsets("seq:32", 9, 1), [0, 8, 16, 24, 0, 8, 16, 24, 0]);
    assert_eq!(offsets("seq:4KiB:2KiB", 3, 1), [0, 2048, 0]);
    // No load leaves the memory.
    assert_eq!(offsets("seq:10:1", 4, 1), [0, 1, 2, 0]);
    assert_eq!(offsets("seq:20:8", 3, 1), [0, 8, 0]);
    assert_eq!(offsets("seq:64:64", 2, 1), [0, 0]);
}

#[test]
fn a_chase_visits_each_place_once_a_lap_in_the_same_order() {
    for (pattern, stride, places) in [("chase:1MiB", 64, 16384), ("chase:1MiB:4096", 4096, 256)] {
        let offsets = offsets(pattern, 3 * places + 5, 1);
        let laps: Vec<_> = offsets.chunks(usize::try_from(places).unwrap()).collect();
        let mut sorted = laps[0].to_vec();
        sorted.sort_unstable();
        assert!(
            sorted
                .iter()
                .copied()
                .eq((0..places).map(|place| place * stride))
        );
        assert!(laps[0] == laps[1] && laps[1] == laps[2]);
        assert_eq!(laps[3], &laps[0][..5]);
        // Random: hardly any step is a small one.
        let near = laps[0]
            .windows(2)
            .filter(|pair| pair[0].abs_diff(pair[1]) == stride);
        assert!(near.count() < 10);
    }
    assert_eq!(offsets("chase:64", 3, 1), [0, 0, 0]);
}

#[test]
fn random_loads_are_aligned_and_spread_evenly() {
    let counts = counts(&offsets("random:100", 120_000, 1));
    // 12 places of 8 bytes; five standard deviations are 480.
    assert_eq!(
        counts.keys().copied().collect::<Vec<_>>(),
        (0..12).map(|n| 8 * n).collect::<Vec<_>>()
    );
    assert!(
        counts.values().all(|count| count.abs_diff(10_000) < 480),
        "{counts:?}"
    );
}

/// Against the probabilities themselves, for exponents below, at and above 1.
#[test]
fn zipf_ranks_are_as_frequent_as_their_power() {
    const RANKS: u32 = 100;
    const SAMPLES: u32 = 200_000;
    for exponent in [0.0, 0.5, 0.99, 1.0, 1.5, 3.0] {
        let sampler = zipf::Zipf::new(RANKS, exponent);
        let mut random = Random::new(Seed(1));
        let mut counts = [0u32; RANKS as usize];
        for _ in 0..SAMPLES {
            counts[sampler.rank(&mut random) as usize - 1] += 1;
        }
        let weights = (1..=RANKS).map(|rank| f64::from(rank).powf(-exponent));
        let total: f64 = weights.clone().sum();
        for (weight, count) in weights.zip(counts) {
            let expected = f64::from(SAMPLES) * weight / total;
            let tolerance = 5.0 * expected.sqrt() + 3.0;
            assert!(
                (f64::from(count) - expected).abs() < tolerance,
                "{exponent}: {counts:?}"
            );
        }
    }
}

#[test]
fn hot_lines_of_a_zipf_pattern_are_scattered() {
    let offsets = offsets("zipf:1MiB", 100_000, 1);
    assert!(
        offsets
            .iter()
            .all(|offset| offset % 64 == 0 && *offset < 1 << 20)
    );
    let mut counts: Vec<_> = counts(&offsets).into_iter().collect();
    counts.sort_by_key(|&(offset, count)| (std::cmp::Reverse(count), offset));
    let pages = counts[..10].iter().map(|(offset, _)| offset >> 12);
    let pages: std::collections::BTreeSet<_> = pages.collect();
    assert!(pages.len() > 7, "{pages:?}");
    // The likeliest of 16384 lines has 1 in 10.7 of the loads.
    assert!(counts[0].1.abs_diff(9_340) < 600, "{}", counts[0].1);
}

#[test]
fn the_seed_decides_and_the_same_seed_makes_the_same_trace() {
    for pattern in ["chase:1MiB", "random:1MiB", "zipf:1MiB"] {
        assert!(offsets(pattern, 10_000, 1) == offsets(pattern, 10_000, 1));
        assert!(offsets(pattern, 10_000, 1) != offsets(pattern, 10_000, 2));
    }
}

/// The first numbers of `SplitMix64` from 0, as its authors' and other implementations
/// print them.
#[test]
fn the_random_numbers_are_those_of_splitmix64() {
    let mut random = Random::new(Seed(0));
    let numbers = [(); 3].map(|()| random.bits());
    let expected = [
        0xe220_a839_7b1d_cdaf,
        0x6e78_9e6a_a1b9_65f4,
        0x06c4_5d18_8009_454f,
    ];
    assert_eq!(numbers, expected);
}

/// Traces must be the same on every machine and in every version.
#[test]
fn the_first_places_are_what_they_were() {
    let mut random = Random::new(Seed(1));
    let numbers = [(); 4].map(|()| random.below(Bound::new(1000)));
    assert_eq!(numbers, [566, 745, 971, 444]);
    let order = shuffled(8, &mut random);
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn as_many_records_come_as_were_asked_for() {
    for accesses in [0, 1, 4095, 4096, 4097, 10_000] {
        let pattern = Pattern::new(ByteSize(1 << 20), Shape::Random).unwrap();
        let mut reader = PatternReader::new(&pattern, accesses, Seed::default());
        let (mut batch, mut records) = (Vec::new(), 0);
        while reader.next_batch(&mut batch).unwrap() > 0 {
            records += batch.len() as u64;
            assert_eq!(reader.counts().records, records);
            assert_eq!(reader.progress().consumed(), records);
        }
        assert_eq!(records, accesses);
    }
}
