//! Which addresses are translated, in which order, and where they lead.

use benches::{FlatMemory, OPERATIONS, PageTables};
use mmu_core::{PageSize, PhysAddr, VirtAddr};

use super::Tables;

const PAGE: PageSize = PageSize::Size4KiB;
/// 64 MiB of pages lie from here on, and 32 MiB from `FAR` on.
const BASE: VirtAddr = VirtAddr::new(0x5555_0000_0000);
const NEAR_PAGES: u64 = (64 << 20) / PAGE.bytes();
const FAR_PAGES: u64 = NEAR_PAGES / 2;
const FRAMES: PhysAddr = PhysAddr::new(0x1_0000_0000);

/// Pages so far apart, in pages, share a slot of the software TLB.
const SLOTS: u64 = 4096;
/// Page tables so far apart, in pages, share a slot of the cache of page-directory entries.
const FAR: u64 = 256 * TABLE;
/// The pages of a page table.
const TABLE: u64 = 512;

/// An order of addresses at random, over 64 MiB of 4 KiB pages.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// As `ColdTables`, and they lead to themselves.
    Untranslated,
    /// Every page has a slot of the software TLB to itself, so that all hit.
    Hits,
    /// The next page that wants a slot of the software TLB is always another one. The
    /// page-directory entries have slots to themselves.
    ColdPages,
    /// As `ColdPages`; and the next page table that wants a slot is always another one too.
    /// 32 MiB lie far from the others for that.
    ColdTables,
}

/// Tables with all the pages.
pub(super) fn tables() -> Tables {
    let mut tables = PageTables::within(FlatMemory::of_pages(64));
    for page in (0..NEAR_PAGES).chain(FAR..FAR + FAR_PAGES) {
        let start = page * PAGE.bytes();
        tables.map(BASE.wrapping_add(start), FRAMES.wrapping_add(start));
    }
    tables
}

impl Order {
    /// The addresses of a round, and where each must lead. Rounds may follow upon each other.
    pub(super) fn addresses(self) -> (Vec<VirtAddr>, Vec<PhysAddr>) {
        let mut random = Random(1);
        // Of two slots one: as many in each stretch of any size.
        let slots = (0..SLOTS / 2).map(|pair| 2 * pair + random.below(2));
        let slots: Vec<_> = slots.collect();
        let ways = match self {
            Self::Hits | Self::ColdPages => NEAR_PAGES / SLOTS,
            Self::ColdTables | Self::Untranslated => FAR_PAGES / SLOTS,
        };
        let first_ways: Vec<_> = (0..SLOTS).map(|_| random.below(ways)).collect();
        let mut pages = Vec::new();
        for pass in 0..OPERATIONS / (SLOTS / 2) {
            let other = match self {
                Self::Hits => 0,
                _ => pass,
            };
            for slot in random.shuffled(&slots) {
                let way = (first_ways[index(slot)] + other) % ways;
                pages.push(way * SLOTS + slot);
            }
        }
        if let Self::ColdTables | Self::Untranslated = self {
            alternate(&mut pages);
        }
        let offsets = pages
            .into_iter()
            .map(|page| page * PAGE.bytes() + random.below(PAGE.bytes()))
            .collect::<Vec<_>>();
        let addresses: Vec<_> = offsets.iter().map(|&at| BASE.wrapping_add(at)).collect();
        let expected = match self {
            Self::Untranslated => addresses
                .iter()
                .map(|at| PhysAddr::new(at.as_u64()))
                .collect(),
            _ => offsets.iter().map(|&at| FRAMES.wrapping_add(at)).collect(),
        };
        (addresses, expected)
    }
}

/// Makes every second use of a page table one of the table far from it instead. Each is used
/// an even number of times, so that the next round goes on in the same way.
fn alternate(pages: &mut [u64]) {
    let mut far = vec![0; index(FAR_PAGES / TABLE)];
    for page in pages {
        let far = &mut far[index(*page / TABLE)];
        *page += *far;
        *far = FAR - *far;
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("it is small")
}

/// The same numbers in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn shuffled(&mut self, values: &[u64]) -> Vec<u64> {
        let mut values = values.to_vec();
        for last in (1..values.len()).rev() {
            values.swap(last, index(self.below(last as u64 + 1)));
        }
        values
    }
}
