use memory_manager::AddressRange;
use mmu_core::VirtAddr;

use super::{Place, Slot, header::GRANULARITY, place::SLOTS};

/// Where an arena lies: nothing of the format depends on it.
const ARENA: VirtAddr = VirtAddr::new(0x2_0000_0000);

/// What the names of addresses stand for.
#[derive(Clone, Debug)]
pub(super) struct Names {
    arena_bytes: u64,
    slots: [Option<AddressRange>; SLOTS],
}

impl Names {
    pub(super) fn new(arena_bytes: u64) -> Self {
        Self {
            arena_bytes,
            slots: [None; SLOTS],
        }
    }

    pub(super) fn arena(&self) -> AddressRange {
        AddressRange {
            base: ARENA,
            size: self.arena_bytes,
        }
    }

    /// What is right below the arena and right above it, and never given away.
    pub(super) fn fences(&self) -> [AddressRange; 2] {
        let fence = |base| AddressRange {
            base,
            size: GRANULARITY,
        };
        let below = ARENA.wrapping_add(GRANULARITY.wrapping_neg());
        [fence(below), fence(ARENA.wrapping_add(self.arena_bytes))]
    }

    pub(super) fn is_in_arena(&self, address: VirtAddr) -> bool {
        contains(self.arena(), address.as_u64())
    }

    /// The address that a name stands for; the slot, if it names no region.
    pub(super) fn address(&self, place: Place) -> Result<VirtAddr, Slot> {
        match place {
            Place::Null => Ok(VirtAddr::new(0)),
            Place::Arena(offset) => Ok(ARENA.wrapping_add(offset.cast_unsigned())),
            Place::Slot(slot, offset) => {
                let range = self.slots[slot.index()].ok_or(slot)?;
                Ok(range.base.wrapping_add(offset))
            }
            Place::Absolute(address) => Ok(VirtAddr::new(address)),
            Place::NonCanonical => Ok(VirtAddr::new(u64::MAX)),
        }
    }

    /// The name of an address.
    pub(super) fn place(&self, address: u64) -> Place {
        let fenced = AddressRange {
            base: self.fences()[0].base,
            size: self.arena_bytes + 2 * GRANULARITY,
        };
        if contains(fenced, address) {
            let offset = address.wrapping_sub(ARENA.as_u64());
            return Place::Arena(offset.cast_signed());
        }
        match address {
            0 => Place::Null,
            u64::MAX => Place::NonCanonical,
            _ => self
                .in_slot(address, 0)
                .or_else(|| self.in_slot(address, GRANULARITY))
                .unwrap_or(Place::Absolute(address)),
        }
    }

    /// The name of an address in a region, or so many bytes behind it, which an access across
    /// its end can reach. The rest of its last 64 KiB is taken for a part of it: nothing else
    /// can begin there.
    fn in_slot(&self, address: u64, behind: u64) -> Option<Place> {
        let bound = (0..SLOTS).filter_map(|index| Some((Slot::new(index)?, self.slots[index]?)));
        let mut names = bound.map(|(slot, range)| {
            let size = range.size.checked_next_multiple_of(GRANULARITY)?;
            let offset = address.checked_sub(range.base.as_u64())?;
            (offset < size.checked_add(behind)?).then_some(Place::Slot(slot, offset))
        });
        names.find_map(|name| name)
    }

    /// Gives a region the first free name.
    pub(super) fn bind(&mut self, range: AddressRange) -> Option<Slot> {
        let free = self.slots.iter().position(Option::is_none)?;
        self.slots[free] = Some(range);
        Slot::new(free)
    }

    /// Frees the name of a region that is no more, if it has one.
    pub(super) fn unbind(&mut self, base: VirtAddr) {
        let named = |range: &Option<AddressRange>| range.is_some_and(|range| range.base == base);
        if let Some(slot) = self.slots.iter_mut().find(|range| named(range)) {
            *slot = None;
        }
    }
}

fn contains(range: AddressRange, address: u64) -> bool {
    let offset = address.checked_sub(range.base.as_u64());
    offset.is_some_and(|offset| offset < range.size)
}
