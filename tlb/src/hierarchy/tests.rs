use alloc::{string::ToString, vec};

use assoc::{Geometry, IndexFunction, Replacement};

use units::PageSize;

use super::*;
use crate::{Coalescing, Cr3Write, PageSizes, PcidCapacity, Scope, Streams, TlbConfig};

/// A page that knows its size, whether it is global, and a number to tell it by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Page {
    size: PageSize,
    global: bool,
    mark: u64,
}

impl Cacheable for Page {
    fn page_size(&self) -> PageSize {
        self.size
    }

    fn is_global(&self) -> bool {
        self.global
    }

    fn neighbour(&self, pages: i64) -> Self {
        Self {
            mark: self.mark.wrapping_add_signed(pages),
            ..*self
        }
    }
}

fn page(size: PageSize, mark: u64) -> Page {
    Page {
        size,
        global: false,
        mark,
    }
}

fn small(mark: u64) -> Page {
    page(PageSize::Size4KiB, mark)
}

fn tlb(name: &str, serves: Streams, holds: PageSizes, sets: u32, ways: u32) -> TlbConfig {
    TlbConfig {
        name: name.to_string(),
        serves,
        holds,
        geometry: Geometry::new(sets, ways).unwrap(),
        index: IndexFunction::Linear,
        replacement: Replacement::TrueLru,
        pcids: PcidCapacity::Unlimited,
        coalescing: Coalescing::Never,
    }
}

/// Fetches with 4-KiB and 2-MiB entries, data with 4-KiB entries, a second level for all
/// sizes but 1 GiB.
fn hierarchy() -> TlbHierarchy<Page> {
    let data = Streams::LOAD | Streams::STORE;
    let up_to_2m = PageSizes::SIZE_4_KIB | PageSizes::SIZE_2_MIB;
    let first = vec![
        tlb("itlb", Streams::FETCH, up_to_2m, 1, 4),
        tlb("dtlb", data, PageSizes::SIZE_4_KIB, 2, 2),
    ];
    TlbHierarchy::new(&HierarchyConfig {
        levels: vec![
            LevelConfig::new(Cycles::ZERO, first),
            LevelConfig::new(
                Cycles::new(7),
                vec![tlb("stlb", Streams::all(), up_to_2m, 8, 4)],
            ),
        ],
    })
    .unwrap()
}

const P1: Pcid = Pcid::from_cr3(1);
const P2: Pcid = Pcid::from_cr3(2);

fn find(tlbs: &mut TlbHierarchy<Page>, address: u64, pcid: Pcid) -> Option<(u64, usize)> {
    let found = tlbs.lookup(VirtAddr::new(address), pcid, Stream::Load, |_, _| {});
    found.map(|found| (found.payload.mark, found.level))
}

fn fill(tlbs: &mut TlbHierarchy<Page>, address: u64, pcid: Pcid, page: Page) {
    tlbs.fill(VirtAddr::new(address), pcid, Stream::Load, page);
}

#[test]
fn what_falls_out_of_the_first_level_is_found_in_the_second_and_comes_back() {
    let mut tlbs = hierarchy();
    for number in 0..3 {
        fill(&mut tlbs, number * 0x2000, P1, small(number));
    }
    assert_eq!(find(&mut tlbs, 0x0, P1), Some((0, 1)));
    assert_eq!(find(&mut tlbs, 0x0, P1), Some((0, 0)));
    assert_eq!(tlbs.hits(Stream::Load, 1), 1);
    assert_eq!(
        tlbs.lookups(Stream::Load),
        Lookups {
            total: 2,
            missed: 0
        }
    );
}

#[test]
fn every_level_asked_costs_its_penalty_found_or_not() {
    let mut tlbs = hierarchy();
    let mut spent = vec![];
    let found = tlbs.lookup(VirtAddr::new(0x5000), P1, Stream::Store, |level, cycles| {
        spent.push((level, cycles));
    });
    assert_eq!(found, None);
    assert_eq!(spent, [(0, Cycles::ZERO), (1, Cycles::new(7))]);
}

#[test]
fn a_translation_belongs_to_its_pcid_unless_it_is_global() {
    let mut tlbs = hierarchy();
    fill(&mut tlbs, 0x1000, P1, small(1));
    let global = Page {
        global: true,
        ..small(2)
    };
    fill(&mut tlbs, 0x2000, P1, global);
    assert_eq!(find(&mut tlbs, 0x1000, P2), None);
    assert_eq!(find(&mut tlbs, 0x2000, P2), Some((2, 0)));
    tlbs.invalidate(Scope::Pcid(P1));
    assert_eq!(find(&mut tlbs, 0x1000, P1), None);
    assert_eq!(find(&mut tlbs, 0x2000, P1), Some((2, 0)));
    assert_eq!(tlbs.invalidate(Scope::NonGlobal), 0);
    assert_eq!(tlbs.invalidate(Scope::All), 2);
    assert_eq!(find(&mut tlbs, 0x2000, P1), None);
}

#[test]
fn a_page_larger_than_any_entry_is_held_in_fragments() {
    let mut tlbs = hierarchy();
    let huge = page(PageSize::Size1GiB, 9);
    fill(&mut tlbs, 0x4000_1000, P1, huge);
    assert_eq!(find(&mut tlbs, 0x4000_1fff, P1), Some((9, 0)));
    assert_eq!(
        find(&mut tlbs, 0x4000_2000, P1),
        Some((9, 1)),
        "a 2-MiB fragment below"
    );
    assert_eq!(find(&mut tlbs, 0x4020_0000, P1), None);
}

/// SDM vol. 3, 4.10.4.1: INVLPG invalidates all entries of the page, even if the TLBs hold
/// more than one for it.
#[test]
fn invalidating_a_page_drops_every_fragment_of_it() {
    let mut tlbs = hierarchy();
    for fragment in [0, 1, 3] {
        let address = 0x4000_0000 + fragment * 0x1000;
        fill(&mut tlbs, address, P1, page(PageSize::Size1GiB, 9));
    }
    fill(&mut tlbs, 0x8000_0000, P1, small(1));
    let scope = Scope::Page {
        address: VirtAddr::new(0x7fff_ffff),
        pcid: P1,
    };
    assert_eq!(
        tlbs.invalidate(scope),
        4,
        "three fragments above, one below"
    );
    for fragment in [0, 1, 3] {
        assert_eq!(find(&mut tlbs, 0x4000_0000 + fragment * 0x1000, P1), None);
    }
    assert_eq!(find(&mut tlbs, 0x8000_0000, P1), Some((1, 0)));
}

/// SDM vol. 3, 4.10.4.1: INVLPG also invalidates global entries of the page, whatever the
/// PCID, and leaves those of other PCIDs.
#[test]
fn invalidating_a_page_takes_its_global_entries_and_spares_other_pcids() {
    let mut tlbs = hierarchy();
    let scope = Scope::Page {
        address: VirtAddr::new(0x1000),
        pcid: P1,
    };
    fill(&mut tlbs, 0x1000, P2, small(1));
    assert_eq!(tlbs.invalidate(scope), 0);
    let global = Page {
        global: true,
        ..small(2)
    };
    fill(&mut tlbs, 0x1000, P2, global);
    assert_eq!(tlbs.invalidate(scope), 2);
    assert_eq!(find(&mut tlbs, 0x1000, P2), Some((1, 0)));
}

#[test]
fn an_address_wider_than_any_tag_is_never_found() {
    let mut tlbs = hierarchy();
    fill(&mut tlbs, 0x1000, P1, small(1));
    assert_eq!(find(&mut tlbs, 0x4000_0000_0000_1000, P1), None);
    fill(&mut tlbs, 0xffff_ffff_ffff_f000, P1, small(2));
    assert_eq!(find(&mut tlbs, 0xffff_ffff_ffff_f123, P1), Some((2, 0)));
    assert_eq!(find(&mut tlbs, 0x01ff_ffff_ffff_f123, P1), None);
}

#[test]
fn forgetting_an_address_drops_it_at_every_level() {
    let mut tlbs = hierarchy();
    fill(&mut tlbs, 0x1000, P1, small(1));
    assert_eq!(tlbs.forget(VirtAddr::new(0x1fff), P1), 2);
    assert_eq!(find(&mut tlbs, 0x1000, P1), None);
}

#[test]
fn a_new_translation_of_a_page_takes_the_place_of_the_old() {
    let mut tlbs = hierarchy();
    fill(&mut tlbs, 0x1000, P1, small(1));
    fill(&mut tlbs, 0x1000, P1, small(2));
    assert_eq!(find(&mut tlbs, 0x1000, P1), Some((2, 0)));
    assert_eq!(tlbs.invalidate(Scope::All), 2);
}

#[test]
fn a_stream_without_a_first_level_tlb_is_refused() {
    let tlb = tlb("dtlb", Streams::LOAD, PageSizes::SIZE_4_KIB, 1, 1);
    let level = LevelConfig::new(Cycles::ZERO, vec![tlb]);
    let error = TlbHierarchy::<Page>::new(&HierarchyConfig {
        levels: vec![level],
    });
    assert_eq!(
        error.unwrap_err(),
        ConfigError::Unserved {
            stream: Stream::Fetch
        }
    );
}

mod behaviour;
