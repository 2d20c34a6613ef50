//! Where in user space something may be placed.

use mmu_core::VirtAddr;

use crate::{
    Status,
    user_space::UserSpace,
    vad::{GRANULARITY, PAGE, USER_LIMIT, USER_START, VAD_LIMIT},
    vad_tree::{Direction, GapRequest},
};

/// How many of the highest bits of an address must be zero, as native calls are told
/// (Microsoft, `NtAllocateVirtualMemory`). It does not matter where a base is given.
///
/// - 0: as many as in any address of user space.
/// - 1 to 21: so many of the lower 32 bits, and all of the higher ones.
/// - Above 31: the leading zeros of the number itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ZeroBits(pub u64);

/// What the extended calls can ask of an address that the system chooses (Microsoft,
/// `MEM_ADDRESS_REQUIREMENTS`). By default, nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressRequirements {
    /// `LowestStartingAddress`: a multiple of 64 KiB.
    pub lowest: Option<VirtAddr>,
    /// `HighestEndingAddress`: the last byte of a page.
    pub highest: Option<VirtAddr>,
    /// `Alignment` in bytes: a power of two of at least 64 KiB; 0 is 64 KiB.
    pub alignment: u64,
}

/// Where something may be placed whose base is not given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    /// The lowest address, and the first above the highest.
    within: (u64, u64),
    /// A power of two, at least the granularity.
    alignment: u64,
}

impl Placement {
    pub(crate) const ANYWHERE: Self = Self {
        within: (USER_START, VAD_LIMIT),
        alignment: GRANULARITY,
    };

    /// At multiples of so many bytes, a power of two, at least.
    #[must_use]
    pub(crate) fn aligned(self, alignment: u64) -> Self {
        Self {
            alignment: self.alignment.max(alignment),
            ..self
        }
    }
}

impl UserSpace {
    fn within(&self, placement: Placement) -> (u64, u64) {
        let (low, high) = placement.within;
        (low, high.min(self.layout.region_limit()))
    }

    /// Whether something can be placed at an address that is not asked for, but preferred.
    pub(crate) fn permits(&self, placement: Placement, start: u64, size: u64) -> bool {
        let (low, high) = self.within(placement);
        let end = start.checked_add(size).filter(|&end| end <= high);
        start >= low
            && start.is_multiple_of(placement.alignment)
            && end.is_some_and(|end| !self.vads.is_taken(start, end))
    }
}

impl ZeroBits {
    /// # Errors
    /// [`Status::InvalidParameter3`] if no address can be like that (Wine's tests, ntdll
    /// `test_NtAllocateVirtualMemory`; that a mask has to leave 64 KiB is known from Wine's own
    /// code).
    pub(crate) fn placement(self) -> Result<Placement, Status> {
        let end = match self.0 {
            0 => VAD_LIMIT,
            count @ 1..=21 => 1 << (32 - count),
            mask if mask >= GRANULARITY - 1 => (u64::MAX >> mask.leading_zeros()).saturating_add(1),
            _ => return Err(Status::InvalidParameter3),
        };
        Ok(Placement {
            within: (USER_START, end.min(VAD_LIMIT)),
            alignment: GRANULARITY,
        })
    }
}

impl AddressRequirements {
    /// # Errors
    /// [`Status::InvalidParameter`] if no address is asked for in this way, or a base is given
    /// and anything is asked (Wine's tests, ntdll
    /// `test_NtAllocateVirtualMemoryEx_address_requirements`).
    pub(crate) fn placement(&self, base: Option<VirtAddr>) -> Result<Placement, Status> {
        let given = |address: Option<VirtAddr>| address.map_or(0, VirtAddr::as_u64);
        let (lowest, highest) = (given(self.lowest), given(self.highest));
        let alignment = if self.alignment == 0 {
            GRANULARITY
        } else {
            self.alignment
        };
        let end = if highest == 0 {
            USER_LIMIT
        } else {
            highest.saturating_add(1)
        };
        let asks = lowest != 0 || highest != 0 || self.alignment != 0;
        let makes_sense = alignment.is_power_of_two()
            && alignment >= GRANULARITY
            && lowest.is_multiple_of(GRANULARITY)
            && lowest < end
            && end.is_multiple_of(PAGE)
            && end <= USER_LIMIT;
        if !makes_sense || asks && given(base) != 0 {
            return Err(Status::InvalidParameter);
        }
        Ok(Placement {
            within: (lowest.max(USER_START), end.min(VAD_LIMIT)),
            alignment,
        })
    }
}

impl UserSpace {
    /// Where a region of so many bytes may start.
    pub(crate) fn room(
        &self,
        size: u64,
        placement: Placement,
        direction: Direction,
    ) -> Result<u64, Status> {
        let (low, high) = self.within(placement);
        let all = GapRequest {
            size,
            alignment: placement.alignment,
            within: (low, high),
            direction,
        };
        let usual = GapRequest {
            within: (low, high.min(self.layout.top_down_limit())),
            ..all
        };
        let found = match direction {
            Direction::TopDown => self.vads.gap(&usual),
            Direction::BottomUp => None,
        };
        found
            .or_else(|| self.vads.gap(&all))
            .ok_or(Status::NoMemory)
    }
}
