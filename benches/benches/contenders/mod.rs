//! Who is measured side by side, all with the same page tables, in a world of which every
//! round is checked.

mod addresses;
mod checked;
mod lookaside;
mod memflow;
mod unchecked;

use std::hint::black_box;

use benches::{FlatMemory, PageTables};
use mmu_core::{PhysAddr, VirtAddr};

pub(crate) use addresses::Order;
pub(crate) use checked::Checked;
pub(crate) use lookaside::Lookaside;
pub(crate) use memflow::Memflow;
pub(crate) use unchecked::{Minimal, X86_64};

/// The page tables of all.
pub(crate) type Tables = PageTables<FlatMemory>;

/// Who translates addresses.
pub(crate) trait Contender {
    /// The order in which it gets the addresses.
    const ORDER: Order = Order::ColdTables;

    fn new(tables: Tables) -> Self;

    /// Translates every address, by [`sum`].
    fn round(&mut self, addresses: &[VirtAddr]) -> u64;

    /// Translates an address, and looks how it was done.
    fn audit(&mut self, address: VirtAddr) -> u64 {
        self.round(&[address])
    }
}

/// The loop that all have in common. What it adds to a sum depends on what came before, so
/// that no compiler does several additions as one.
#[inline]
pub(crate) fn sum(addresses: &[VirtAddr], mut translate: impl FnMut(VirtAddr) -> u64) -> u64 {
    let mut sum: u64 = 0;
    for &address in addresses {
        sum = sum.rotate_left(1).wrapping_add(translate(address));
    }
    sum
}

/// The loop alone: what is taken off from everyone's result. The black box is there so that
/// it is not unrolled, as no other is.
pub(crate) struct Loop;

impl Contender for Loop {
    const ORDER: Order = Order::Untranslated;

    fn new(_: Tables) -> Self {
        Self
    }

    #[inline]
    fn round(&mut self, addresses: &[VirtAddr]) -> u64 {
        sum(addresses, |address| {
            black_box(());
            address.as_u64()
        })
    }
}

/// A contender, its addresses, and what must come out.
pub(crate) struct World<C> {
    contender: C,
    addresses: Vec<VirtAddr>,
    expected: Vec<PhysAddr>,
    sum: u64,
}

impl<C: Contender> World<C> {
    pub(crate) fn new() -> Self {
        let (addresses, expected) = C::ORDER.addresses();
        let mut world = Self {
            contender: C::new(addresses::tables()),
            sum: expected_sum(&expected),
            addresses,
            expected,
        };
        world.round();
        world.audit();
        world
    }

    /// Translates every address.
    #[inline]
    pub(crate) fn round(&mut self) {
        let sum = self.contender.round(black_box(&self.addresses));
        assert_eq!(sum, self.sum);
    }

    /// A round in which every translation is looked at.
    pub(crate) fn audit(&mut self) {
        for (&address, &expected) in self.addresses.iter().zip(&self.expected) {
            assert_eq!(
                self.contender.audit(address),
                expected.as_u64(),
                "{address}"
            );
        }
    }
}

fn expected_sum(expected: &[PhysAddr]) -> u64 {
    let as_addresses: Vec<_> = expected
        .iter()
        .map(|at| VirtAddr::new(at.as_u64()))
        .collect();
    sum(&as_addresses, VirtAddr::as_u64)
}
