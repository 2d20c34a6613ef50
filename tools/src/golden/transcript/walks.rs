use memory_manager::{AddressRange, MemoryInformation};
use mmu_core::VirtAddr;

use super::{Extent, Region, Walk, player::Player, region::Allocation};

pub(super) const PAGE_BYTES: u64 = 0x1000;

/// The pages that bytes lie in.
pub(super) fn pages(base: VirtAddr, size: u64) -> AddressRange {
    let inside = base.as_u64() % PAGE_BYTES;
    let size = size.saturating_add(inside);
    AddressRange {
        base: VirtAddr::new(base.as_u64() - inside),
        size: size.checked_next_multiple_of(PAGE_BYTES).unwrap_or(size),
    }
}

impl Player {
    /// The regions of a range, at most so many; None if there are no pages for users.
    pub(super) fn walk(&self, range: AddressRange, limit: usize) -> Option<Walk> {
        let mut regions = Vec::new();
        let mut done = 0;
        while done < range.size {
            if regions.len() == limit {
                let extent = Extent::Cut;
                return Some(Walk { regions, extent });
            }
            let address = range.base.wrapping_add(done);
            let Ok(information) = self.machine.virtual_query(self.process, address) else {
                break;
            };
            regions.push(self.region(&information));
            done = done.checked_add(information.size.max(PAGE_BYTES))?;
        }
        let extent = Extent::Whole;
        (!regions.is_empty()).then_some(Walk { regions, extent })
    }

    /// The region that begins with the page of an address.
    pub(super) fn page(&self, address: VirtAddr) -> Option<Walk> {
        self.walk(pages(address, 1), 1)
    }

    pub(super) fn region(&self, information: &MemoryInformation) -> Region {
        let allocation = information.allocation_base.zip(information.kind);
        Region {
            base: self.names.place(information.base.as_u64()),
            size: information.size,
            state: information.state,
            protection: information.protection,
            allocation: allocation.map(|(base, kind)| Allocation {
                base: self.names.place(base.as_u64()),
                protection: information.allocation_protection,
                kind,
            }),
        }
    }
}
