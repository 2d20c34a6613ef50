use assoc::IndexFunction;
use units::{PageSize, Pcid, VirtAddr};

use super::{Order, TlbConfig};
use crate::{Coalescing, PageSizes};

/// What was found last, of each set if it can be told: finding it again changes nothing but a
/// count.
#[derive(Clone, Debug)]
pub(super) struct Recent<P> {
    pieces: [Piece<P>; MOST_SETS],
    /// The bits of a page number that choose its set.
    mask: u64,
    is_kept: bool,
}

/// 4 KiB of a page, and what was found there.
#[derive(Clone, Copy, Debug)]
struct Piece<P> {
    name: u64,
    payload: P,
}

const MOST_SETS: usize = 64;

/// Of an address that is not canonical.
const NOWHERE: u64 = 1 << 50;

/// An address and a PCID as one number: canonical addresses leave its upper bits alike.
#[inline]
fn name(address: VirtAddr, pcid: Pcid) -> u64 {
    address.page_number(PageSize::Size4KiB) ^ pcid.as_u64() << 52
}

impl<P: Copy + Default> Recent<P> {
    /// Of a TLB that is asked after others of its level only the very last is known.
    pub(super) fn new(config: &TlbConfig, order: Order) -> Self {
        let sets = config.geometry.sets();
        let is_by_page = config.holds == PageSizes::SIZE_4_KIB
            && config.coalescing == Coalescing::Never
            && config.index == IndexFunction::Linear
            && sets.is_power_of_two()
            && sets as usize <= MOST_SETS;
        Self {
            pieces: [Piece::none(); MOST_SETS],
            mask: if is_by_page && order == Order::First {
                u64::from(sets) - 1
            } else {
                0
            },
            is_kept: config.replacement.is_idle_on_repeat(),
        }
    }

    /// What is found at an address, if it was found last.
    #[inline]
    pub(super) fn again(&self, address: VirtAddr, pcid: Pcid) -> Option<P> {
        let name = name(address, pcid);
        let piece = &self.pieces[self.place(name)];
        (piece.name == name).then_some(piece.payload)
    }

    /// This was found.
    #[inline]
    pub(super) fn found(&mut self, address: VirtAddr, pcid: Pcid, payload: P) {
        if self.is_kept {
            let name = name(address, pcid);
            self.pieces[self.place(name)] = Piece { name, payload };
        }
    }

    /// Something else happened to the set of a page.
    #[inline]
    pub(super) fn forget(&mut self, address: VirtAddr) {
        let place = self.place(address.page_number(PageSize::Size4KiB));
        self.pieces[place].name = NOWHERE;
    }

    /// Something else happened.
    pub(super) fn forget_all(&mut self) {
        self.pieces = [Piece::none(); MOST_SETS];
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it is small")]
    fn place(&self, name: u64) -> usize {
        (name & self.mask) as usize % MOST_SETS
    }
}

impl<P: Default> Piece<P> {
    fn none() -> Self {
        Self {
            name: NOWHERE,
            payload: P::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use assoc::{Geometry, Replacement};

    use super::*;
    use crate::{PcidCapacity, Streams};

    const PCID: Pcid = Pcid::from_cr3(1);

    fn page(number: u64) -> VirtAddr {
        VirtAddr::new(number << 12)
    }

    /// Of a TLB of sixteen sets that found pages 0, 1 and 16 in this order.
    fn recent(order: Order) -> Recent<u32> {
        let config = TlbConfig {
            name: "dtlb".into(),
            serves: Streams::all(),
            holds: PageSizes::SIZE_4_KIB,
            geometry: Geometry::new(16, 4).unwrap(),
            index: IndexFunction::Linear,
            replacement: Replacement::TrueLru,
            pcids: PcidCapacity::Unlimited,
            coalescing: Coalescing::Never,
        };
        let mut recent = Recent::new(&config, order);
        for number in [0, 1, 16] {
            recent.found(page(number), PCID, u32::try_from(number).unwrap());
        }
        recent
    }

    fn known(recent: &Recent<u32>) -> [Option<u32>; 3] {
        [0, 1, 16].map(|number| recent.again(page(number), PCID))
    }

    #[test]
    fn each_set_has_a_page_found_last() {
        let recent = recent(Order::First);
        assert_eq!(known(&recent), [None, Some(1), Some(16)]);
        assert_eq!(recent.again(page(1), Pcid::from_cr3(2)), None);
        assert_eq!(recent.again(VirtAddr::new(1 << 63 | 1 << 12), PCID), None);
    }

    #[test]
    fn what_happens_to_a_set_spares_the_others() {
        let mut recent = recent(Order::First);
        recent.forget(page(32));
        assert_eq!(known(&recent), [None, Some(1), None]);
        recent.forget_all();
        assert_eq!(known(&recent), [None; 3]);
    }

    #[test]
    fn of_a_tlb_that_is_asked_later_only_the_very_last_page_is_known() {
        assert_eq!(known(&recent(Order::Later)), [None, None, Some(16)]);
    }
}
