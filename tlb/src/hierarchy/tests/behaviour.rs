//! What levels can be told to do, and what was measured of Skylake (Tatar et al., "TLB;DR",
//! USENIX Security 2022).

use alloc::{format, vec::Vec};

use super::*;

const LOAD: Stream = Stream::Load;
const SMALL: PageSizes = PageSizes::SIZE_4_KIB;

/// Two levels that serve everything, of so many entries, fully associative.
fn two_levels(first: u32, second: u32) -> HierarchyConfig {
    let level = |name, entries| {
        let tlb = tlb(name, Streams::all(), PageSizes::all(), 1, entries);
        LevelConfig::new(Cycles::ZERO, vec![tlb])
    };
    HierarchyConfig {
        levels: vec![level("first", first), level("second", second)],
    }
}

fn built(config: &HierarchyConfig) -> TlbHierarchy<Page> {
    TlbHierarchy::new(config).unwrap()
}

/// Puts pages of these numbers in, each with its number as its mark.
fn fill(tlbs: &mut TlbHierarchy<Page>, pages: impl IntoIterator<Item = u64>) {
    for number in pages {
        tlbs.fill(VirtAddr::new(number << 12), P1, LOAD, small(number));
    }
}

/// The level that answers a look-up of a page.
fn level_of(tlbs: &mut TlbHierarchy<Page>, number: u64) -> Option<usize> {
    let found = find(tlbs, number << 12, P1);
    found.map(|(mark, level)| {
        assert_eq!(mark, number);
        level
    })
}

#[test]
fn what_the_second_level_answers_goes_into_the_first() {
    let mut tlbs = built(&two_levels(1, 4));
    fill(&mut tlbs, [1, 2]);
    assert_eq!(level_of(&mut tlbs, 1), Some(1));
    assert_eq!(level_of(&mut tlbs, 1), Some(0));
}

#[test]
fn unless_the_first_is_told_to_leave_it() {
    let mut config = two_levels(1, 4);
    config.levels[0].on_lower_hit = OnLowerHit::Leave;
    let mut tlbs = built(&config);
    fill(&mut tlbs, [1, 2]);
    assert_eq!(level_of(&mut tlbs, 1), Some(1));
    assert_eq!(level_of(&mut tlbs, 1), Some(1));
}

/// A first-level hit is no use to the second level, and neither is an eviction from the first.
#[test]
fn the_second_level_does_not_see_what_the_first_does() {
    let mut tlbs = built(&two_levels(2, 2));
    fill(&mut tlbs, [1, 2]);
    assert_eq!(level_of(&mut tlbs, 1), Some(0));
    fill(&mut tlbs, [3]);
    // Had the hit been a use, 2 would have had to make room.
    assert_eq!(level_of(&mut tlbs, 1), Some(0));
    let mut second = tlbs.levels().nth(1).unwrap().iter();
    assert!(!second.next().unwrap().holds(VirtAddr::new(1 << 12), P1));
}

#[test]
fn a_level_that_passes_takes_only_what_is_promoted() {
    let mut config = two_levels(2, 4);
    config.levels[0].on_miss = OnMiss::Pass;
    let mut tlbs = built(&config);
    fill(&mut tlbs, [1]);
    assert_eq!(level_of(&mut tlbs, 1), Some(1));
    assert_eq!(level_of(&mut tlbs, 1), Some(0));
}

#[test]
fn what_an_inclusive_level_evicts_is_gone_above() {
    let mut config = two_levels(8, 2);
    fill_three(&config, Some(0));
    config.levels[1].inclusion = Inclusion::Inclusive;
    fill_three(&config, None);
}

fn fill_three(config: &HierarchyConfig, first_page_is_in: Option<usize>) {
    let mut tlbs = built(config);
    fill(&mut tlbs, [1, 2, 3]);
    assert_eq!(level_of(&mut tlbs, 1), first_page_is_in);
    assert_eq!(level_of(&mut tlbs, 3), Some(0));
}

#[test]
fn an_inclusive_level_of_small_entries_takes_a_large_page_above_along() {
    let mut config = two_levels(8, 1);
    config.levels[1].tlbs[0].holds = SMALL;
    config.levels[1].inclusion = Inclusion::Inclusive;
    let mut tlbs = built(&config);
    tlbs.fill(VirtAddr::new(0), P1, LOAD, page(PageSize::Size2MiB, 7));
    assert_eq!(find(&mut tlbs, 0x5000, P1), Some((7, 0)));
    fill(&mut tlbs, [0x400]);
    assert_eq!(find(&mut tlbs, 0x5000, P1), None);
}

#[test]
fn an_exclusive_level_holds_what_the_one_above_gave_up() {
    let mut config = two_levels(2, 2);
    config.levels[1].inclusion = Inclusion::Exclusive;
    let mut tlbs = built(&config);
    fill(&mut tlbs, [1, 2, 3, 4]);
    // Four pages in four entries.
    assert_eq!(level_of(&mut tlbs, 4), Some(0));
    assert_eq!(level_of(&mut tlbs, 1), Some(1));
    // 1 has changed places with 3, the oldest of the first level.
    assert_eq!(level_of(&mut tlbs, 1), Some(0));
    assert_eq!(level_of(&mut tlbs, 3), Some(1));
}

#[test]
fn levels_that_contradict_themselves_are_refused() {
    let refused = |change: &dyn Fn(&mut HierarchyConfig)| {
        let mut config = two_levels(1, 1);
        change(&mut config);
        TlbHierarchy::<Page>::new(&config).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&|config| config.levels[0].inclusion = Inclusion::Inclusive),
        "TLB level 1: the first level has none above it to include or to exclude"
    );
    assert_eq!(
        refused(&|config| {
            config.levels[0].on_lower_hit = OnLowerHit::Leave;
            config.levels[1].inclusion = Inclusion::Exclusive;
        }),
        "TLB level 2: it is exclusive, but the level above takes nothing that a lower level answers"
    );
    assert_eq!(
        refused(&|config| {
            config.levels[1].inclusion = Inclusion::Exclusive;
            config.levels[1].tlbs[0].holds = PageSizes::SIZE_2_MIB;
            config.levels[0].tlbs[0].holds = SMALL | PageSizes::SIZE_1_GIB;
        }),
        "TLB level 2: it is exclusive, but holds none of the page sizes that the level above \
         holds for the same kind of access"
    );
    let never_filled = "nothing ever comes into it: it passes what walks find, and leaves what \
                        lower levels answer or has none that answers";
    assert_eq!(
        refused(&|config| {
            config.levels[0].on_miss = OnMiss::Pass;
            config.levels[0].on_lower_hit = OnLowerHit::Leave;
        }),
        format!("TLB level 1: {never_filled}")
    );
    assert_eq!(
        refused(&|config| config.levels[1].on_miss = OnMiss::Pass),
        format!("TLB level 2: {never_filled}")
    );
    assert_eq!(
        refused(&|config| {
            for level in &mut config.levels {
                level.on_miss = OnMiss::Pass;
            }
        }),
        "no level of TLBs takes what walks find for fetch"
    );
    for pages in [0, 1, 3, 32] {
        assert_eq!(
            refused(&|config| config.levels[0].tlbs[0].coalescing = Coalescing::UpTo(pages)),
            "TLB \"first\": an entry can hold 2, 4, 8 or 16 neighbouring pages"
        );
    }
}

/// The only level that takes what walks find serves no fetches.
#[test]
fn a_stream_that_no_level_is_filled_for_is_refused() {
    let mut config = two_levels(1, 1);
    config.levels[0].on_miss = OnMiss::Pass;
    assert!(TlbHierarchy::<Page>::new(&config).is_ok());
    config.levels[1].tlbs[0].serves = Streams::LOAD | Streams::STORE;
    let refused = TlbHierarchy::<Page>::new(&config).unwrap_err();
    let stream = Stream::Fetch;
    assert_eq!(refused, ConfigError::Unfilled { stream });
}

/// An exclusive level lives on what the one above evicts, and so on.
#[test]
fn exclusive_levels_may_follow_one_another() {
    let mut config = two_levels(1, 1);
    config.levels.push(two_levels(1, 2).levels.remove(1));
    for level in &mut config.levels[1..] {
        level.inclusion = Inclusion::Exclusive;
        level.on_lower_hit = OnLowerHit::Leave;
    }
    let mut tlbs = built(&config);
    fill(&mut tlbs, 1..=4);
    for number in [1, 2, 3, 4, 1] {
        assert!(level_of(&mut tlbs, number).is_some(), "{number}");
    }
    // What waits for evictions of a level that waits for answers from it waits forever.
    config.levels[0].on_miss = OnMiss::Pass;
    let refused = TlbHierarchy::<Page>::new(&config).unwrap_err();
    let stream = Stream::Fetch;
    assert_eq!(refused, ConfigError::Unfilled { stream });
}

/// 2 x 2 entries of one set hold four pages, whichever array each of them is in.
#[test]
fn two_arrays_of_a_level_hold_as_many_pages_as_one_of_their_size() {
    let array = |name, others| tlb(name, Streams::all(), SMALL | others, 1, 2);
    let arrays = vec![
        array("4k and 2m", PageSizes::SIZE_2_MIB),
        array("4k and 1g", PageSizes::SIZE_1_GIB),
    ];
    let mut tlbs = built(&HierarchyConfig {
        levels: vec![LevelConfig::new(Cycles::ZERO, arrays)],
    });
    fill(&mut tlbs, 0..4);
    for number in 0..4 {
        assert_eq!(level_of(&mut tlbs, number), Some(0));
    }
    // Two large pages push out what was in their array, and nothing else.
    for mark in [100, 101] {
        let address = VirtAddr::new(mark << 21);
        tlbs.fill(address, P1, LOAD, page(PageSize::Size2MiB, mark));
    }
    let left = (0..4).filter(|&number| level_of(&mut tlbs, number).is_some());
    assert_eq!(left.count(), 2);
    fill(&mut tlbs, [10, 10, 10]);
    let entries: usize = tlbs.levels().flatten().map(Tlb::array_len).sum();
    assert_eq!(entries, 4, "a page stands only once in a level");
}

fn pcid(number: u64) -> Pcid {
    Pcid::from_cr3(number)
}

fn limited(plain: u32, keeping: u32) -> TlbHierarchy<Page> {
    let mut tlb = tlb("tlb", Streams::all(), PageSizes::all(), 1, 64);
    tlb.pcids = PcidCapacity::Last { plain, keeping };
    built(&HierarchyConfig {
        levels: vec![LevelConfig::new(Cycles::ZERO, vec![tlb])],
    })
}

fn write_and_fill(tlbs: &mut TlbHierarchy<Page>, number: u64, written: Cr3Write) -> usize {
    let dropped = tlbs.cr3_written(pcid(number), written);
    let page = small(number);
    tlbs.fill(VirtAddr::new(number << 12), pcid(number), LOAD, page);
    dropped
}

/// The second-level TLB keeps four PCIDs, the least recently used of which goes.
#[test]
fn a_fifth_pcid_drops_the_entries_of_the_one_used_longest_ago() {
    let mut tlbs = limited(4, 4);
    let global = Page {
        global: true,
        ..small(99)
    };
    for number in 1..=4 {
        assert_eq!(write_and_fill(&mut tlbs, number, Cr3Write::Keeping), 0);
    }
    tlbs.fill(VirtAddr::new(99 << 12), pcid(1), LOAD, global);
    assert_eq!(tlbs.cr3_written(pcid(1), Cr3Write::Keeping), 0);
    assert_eq!(write_and_fill(&mut tlbs, 5, Cr3Write::Keeping), 1);
    for (number, held) in [(1, true), (2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(
            find(&mut tlbs, number << 12, pcid(number)).is_some(),
            held,
            "{number}"
        );
    }
    assert!(find(&mut tlbs, 99 << 12, pcid(7)).is_some());
}

#[test]
fn a_tlb_without_pcids_is_emptied_by_each_write_of_cr3() {
    let mut tlbs = limited(0, 0);
    write_and_fill(&mut tlbs, 1, Cr3Write::Keeping);
    assert!(find(&mut tlbs, 1 << 12, pcid(1)).is_some());
    assert_eq!(tlbs.cr3_written(pcid(1), Cr3Write::Keeping), 1);
    assert!(find(&mut tlbs, 1 << 12, pcid(1)).is_none());
}

/// The instruction TLB keeps one PCID, and three if CR3 is written with bit 63 set.
#[test]
fn a_tlb_can_keep_more_pcids_if_cr3_is_written_to_keep() {
    for (written, kept) in [(Cr3Write::Plain, 1), (Cr3Write::Keeping, 3)] {
        let mut tlbs = limited(1, 3);
        for number in 1..=5 {
            write_and_fill(&mut tlbs, number, written);
        }
        let held =
            (1..=5).filter(|&number| tlbs.holds(VirtAddr::new(number << 12), pcid(number), LOAD));
        assert_eq!(held.count(), kept, "{written:?}");
    }
}

#[test]
fn a_write_of_cr3_that_keeps_fewer_pcids_drops_all_that_are_too_many() {
    for last in [4, 3] {
        let mut tlbs = limited(1, 4);
        for number in 1..=4 {
            write_and_fill(&mut tlbs, number, Cr3Write::Keeping);
        }
        assert_eq!(tlbs.cr3_written(pcid(last), Cr3Write::Plain), 3);
        for number in 1..=4 {
            let held = tlbs.holds(VirtAddr::new(number << 12), pcid(number), LOAD);
            assert_eq!(held, number == last, "{number}");
        }
    }
}

/// PCIDs of which nothing is left take no place.
#[test]
fn what_was_invalidated_counts_to_no_limit() {
    for scope in [Scope::All, Scope::NonGlobal, Scope::Pcid(P1)] {
        let mut tlbs = limited(2, 2);
        write_and_fill(&mut tlbs, 2, Cr3Write::Keeping);
        write_and_fill(&mut tlbs, 1, Cr3Write::Keeping);
        tlbs.invalidate(scope);
        for number in [2, 3] {
            assert_eq!(write_and_fill(&mut tlbs, number, Cr3Write::Keeping), 0);
        }
        for number in [2, 3] {
            let held = tlbs.holds(VirtAddr::new(number << 12), pcid(number), LOAD);
            assert!(held, "{number} after {scope:?}");
        }
    }
}

#[test]
fn what_an_inclusive_level_loses_to_a_pcid_too_many_is_gone_above() {
    let mut config = two_levels(8, 8);
    config.levels[1].inclusion = Inclusion::Inclusive;
    config.levels[1].tlbs[0].pcids = PcidCapacity::Last {
        plain: 1,
        keeping: 1,
    };
    let mut tlbs = built(&config);
    write_and_fill(&mut tlbs, 1, Cr3Write::Keeping);
    let dropped = tlbs.cr3_written(pcid(2), Cr3Write::Keeping);
    assert_eq!(dropped, 2, "one entry of each level");
    assert!(!tlbs.holds(VirtAddr::new(1 << 12), pcid(1), LOAD));

    // So it is if an entry brings the PCID.
    fill(&mut tlbs, [1]);
    write_and_fill(&mut tlbs, 2, Cr3Write::Keeping);
    fill(&mut tlbs, [3]);
    assert!(!tlbs.holds(VirtAddr::new(2 << 12), pcid(2), LOAD));
}

/// Two levels of which the second coalesces.
fn coalescing_below(inclusion: Inclusion, first: u32) -> HierarchyConfig {
    let mut config = two_levels(first, 8);
    config.levels[1].inclusion = inclusion;
    config.levels[1].tlbs[0].coalescing = Coalescing::UpTo(4);
    config
}

#[test]
fn what_an_inclusive_level_loses_with_a_replaced_group_is_gone_above() {
    let mut tlbs = built(&coalescing_below(Inclusion::Inclusive, 8));
    fill(&mut tlbs, [0, 1, 2, 4]);
    tlbs.fill(VirtAddr::new(3 << 12), P1, LOAD, small(1000));
    let found: Vec<_> = (0..5).map(|page| find(&mut tlbs, page << 12, P1)).collect();
    let lost = None;
    assert_eq!(found, [lost, lost, lost, Some((1000, 0)), Some((4, 0))]);
}

#[test]
fn what_an_inclusive_level_forgets_with_a_group_is_gone_above() {
    let address = VirtAddr::new(1 << 12);
    for scope in [None, Some(Scope::Page { address, pcid: P1 })] {
        let mut tlbs = built(&coalescing_below(Inclusion::Inclusive, 8));
        fill(&mut tlbs, [0, 1, 4]);
        let dropped = match scope {
            None => tlbs.forget(address, P1),
            Some(scope) => tlbs.invalidate(scope),
        };
        assert_eq!(dropped, 3, "two pages above, a group below");
        assert_eq!(level_of(&mut tlbs, 0), None);
        assert_eq!(level_of(&mut tlbs, 4), Some(0));
    }
}

#[test]
fn an_exclusive_level_gives_up_the_page_it_answers_and_no_other() {
    let mut tlbs = built(&coalescing_below(Inclusion::Exclusive, 1));
    fill(&mut tlbs, 0..4);
    for number in [0, 1, 2, 3, 0] {
        // Looked for twice, it is in the first level.
        assert!(level_of(&mut tlbs, number).is_some(), "{number}");
        assert_eq!(level_of(&mut tlbs, number), Some(0), "{number}");
        for other in 0..4 {
            let held = tlbs.holds(VirtAddr::new(other << 12), P1, LOAD);
            assert!(held, "{other} when {number} was promoted");
        }
    }
}

#[test]
fn an_exclusive_level_takes_the_pages_of_a_group_that_was_replaced() {
    let mut config = coalescing_below(Inclusion::Exclusive, 2);
    config.levels[0].tlbs[0].coalescing = Coalescing::UpTo(4);
    let mut tlbs = built(&config);
    fill(&mut tlbs, [0, 1]);
    tlbs.fill(VirtAddr::new(1 << 12), P1, LOAD, small(1000));
    assert_eq!(find(&mut tlbs, 1 << 12, P1), Some((1000, 0)));
    assert_eq!(level_of(&mut tlbs, 0), Some(1));
}

/// What an exclusive level holds came from the level above, never from below.
#[test]
fn a_page_that_is_promoted_passes_by_an_exclusive_level() {
    let mut config = two_levels(1, 4);
    let third = two_levels(1, 8).levels.remove(1);
    config.levels.push(third);
    config.levels[1].inclusion = Inclusion::Exclusive;
    let mut tlbs = built(&config);
    fill(&mut tlbs, 1..=6);
    // 1 has fallen out of the second level.
    assert_eq!(level_of(&mut tlbs, 1), Some(2));
    let levels: Vec<_> = tlbs
        .levels()
        .map(|level| level[0].holds(VirtAddr::new(1 << 12), P1))
        .collect();
    assert_eq!(levels, [true, false, true]);
}

#[test]
fn what_is_promoted_was_not_dropped() {
    let mut config = two_levels(1, 2);
    config.levels[1].inclusion = Inclusion::Exclusive;
    let mut tlbs = built(&config);
    fill(&mut tlbs, [1, 2]);
    assert_eq!(level_of(&mut tlbs, 1), Some(1));
    let dropped =
        |tlbs: &TlbHierarchy<Page>| -> Vec<_> { tlbs.counters().map(|of| of.dropped).collect() };
    assert_eq!(dropped(&tlbs), [0, 0]);
    assert_eq!(tlbs.forget(VirtAddr::new(1 << 12), P1), 1);
    assert_eq!(dropped(&tlbs), [1, 0]);
}

#[test]
fn what_an_inclusive_level_takes_along_was_dropped() {
    let mut config = two_levels(8, 2);
    config.levels[1].inclusion = Inclusion::Inclusive;
    let mut tlbs = built(&config);
    fill(&mut tlbs, [1, 2, 3]);
    let counters: Vec<_> = tlbs.counters().collect();
    assert_eq!((counters[0].evictions, counters[0].dropped), (0, 1));
    assert_eq!((counters[1].evictions, counters[1].dropped), (1, 0));
}

/// A page of a group that another array holds goes there, even if the first has room.
#[test]
fn the_pages_of_a_group_share_an_entry_of_one_of_two_arrays() {
    let array = |name| {
        let mut tlb = tlb(name, Streams::all(), SMALL, 1, 2);
        tlb.coalescing = Coalescing::UpTo(4);
        tlb
    };
    let mut tlbs = built(&HierarchyConfig {
        levels: vec![LevelConfig::new(Cycles::ZERO, vec![array("a"), array("b")])],
    });
    fill(&mut tlbs, [0, 4, 8, 12]);
    tlbs.forget(VirtAddr::new(0), P1);
    fill(&mut tlbs, [9, 10, 11]);
    let entries: usize = tlbs.levels().flatten().map(Tlb::array_len).sum();
    assert_eq!(entries, 3);
    // A page that lies elsewhere in physical memory is no part of the group.
    tlbs.fill(VirtAddr::new(13 << 12), P1, LOAD, small(1000));
    assert_eq!(find(&mut tlbs, 13 << 12, P1), Some((1000, 0)));
    assert_eq!(level_of(&mut tlbs, 12), Some(0));
}

fn coalescing(pages: u32, entries: u32) -> TlbHierarchy<Page> {
    let mut tlb = tlb("tlb", Streams::all(), PageSizes::all(), 1, entries);
    tlb.coalescing = Coalescing::UpTo(pages);
    built(&HierarchyConfig {
        levels: vec![LevelConfig::new(Cycles::ZERO, vec![tlb])],
    })
}

/// Marks stand for frames here: pages 8 to 11 lie in frames that follow one another.
#[test]
fn neighbours_in_both_memories_share_an_entry() {
    let mut tlbs = coalescing(4, 2);
    fill(&mut tlbs, 0..8);
    for number in 0..8 {
        assert_eq!(level_of(&mut tlbs, number), Some(0), "{number}");
    }
    assert_eq!(level_of(&mut tlbs, 8), None);
    let entries: usize = tlbs.levels().flatten().map(Tlb::array_len).sum();
    assert_eq!(entries, 2);
}

#[test]
fn a_page_of_a_group_that_was_not_seen_is_not_there() {
    let mut tlbs = coalescing(4, 2);
    fill(&mut tlbs, [1, 3]);
    let found: Vec<_> = (0..4)
        .map(|number| level_of(&mut tlbs, number).is_some())
        .collect();
    assert_eq!(found, [false, true, false, true]);
}

#[test]
fn a_page_that_lies_elsewhere_takes_the_entry_for_itself() {
    let mut tlbs = coalescing(4, 2);
    fill(&mut tlbs, [0, 1, 2]);
    tlbs.fill(VirtAddr::new(3 << 12), P1, LOAD, small(1000));
    assert_eq!(find(&mut tlbs, 3 << 12, P1), Some((1000, 0)));
    assert_eq!(find(&mut tlbs, 1 << 12, P1), None);
}

#[test]
fn invalidating_a_page_of_a_group_drops_the_group() {
    let mut tlbs = coalescing(4, 2);
    fill(&mut tlbs, 0..8);
    let address = VirtAddr::new(5 << 12);
    assert_eq!(tlbs.invalidate(Scope::Page { address, pcid: P1 }), 1);
    let left = (0..8).filter(|&number| level_of(&mut tlbs, number).is_some());
    assert_eq!(left.collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(tlbs.forget(VirtAddr::new(0), P1), 1);
}

#[test]
fn a_large_page_in_a_coalescing_tlb_of_small_entries_is_held_in_pieces() {
    let mut tlb = tlb("tlb", Streams::all(), SMALL, 1, 4);
    tlb.coalescing = Coalescing::UpTo(4);
    let mut tlbs = built(&HierarchyConfig {
        levels: vec![LevelConfig::new(Cycles::ZERO, vec![tlb])],
    });
    let large = page(PageSize::Size2MiB, 7);
    for address in [0x1000, 0x2000, 0x9000] {
        tlbs.fill(VirtAddr::new(address), P1, LOAD, large);
    }
    for (address, held) in [
        (0x1fff, true),
        (0x2000, true),
        (0x9123, true),
        (0x3000, false),
    ] {
        assert_eq!(find(&mut tlbs, address, P1).is_some(), held, "{address:#x}");
    }
    let address = VirtAddr::new(0x10_0000);
    assert_eq!(tlbs.invalidate(Scope::Page { address, pcid: P1 }), 2);
}

/// XOR-7: the set is bits 6:0 of the page's number XOR its bits 13:7.
#[test]
fn thirteen_pages_of_one_xor_set_do_not_fit_twelve_ways() {
    for (index, fits) in [
        (IndexFunction::Xor { bits: 7 }, false),
        (IndexFunction::Linear, true),
    ] {
        let mut tlb = tlb("stlb", Streams::all(), SMALL, 128, 12);
        tlb.index = index;
        tlb.replacement = Replacement::Mru3Plru4;
        let mut tlbs = built(&HierarchyConfig {
            levels: vec![LevelConfig::new(Cycles::ZERO, vec![tlb])],
        });
        let pages = || (0..13).map(|half| half << 7 | half);
        fill(&mut tlbs, pages());
        let all_there = pages().all(|number| level_of(&mut tlbs, number).is_some());
        assert_eq!(all_there, fits, "{index:?}");
    }
}
