use units::{AccessKind, PrivilegeMode, VirtAddr};

use crate::{
    AlignmentCheck, Cr4, Fault, Registers,
    control::{LAM_U48, LAM_U57},
};

/// What is done with a linear address before it is translated: whether it may be used at
/// all, and which of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinearRules {
    /// How many bits are translated.
    width: u32,
    /// An address that is canonical with so many is one that masking leaves as it is.
    unmasked_width: u32,
    wraps: Wraps,
    masking: Masking,
    separation: Separation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wraps {
    /// Outside IA-32e mode addresses have 32 bits (SDM vol. 3, 3.3).
    At4GiB,
    /// All 64 bits count, and must be canonical.
    Never,
}

/// Linear-address masking (SDM vol. 3, 4.2.2): for a pointer of either half, how many bits are
/// left of it below bit 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Masking {
    user: Option<u32>,
    supervisor: Option<u32>,
}

/// Linear-address-space separation (SDM vol. 3, 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Separation {
    enabled: Enabled,
    /// The supervisor's data accesses to the lower half.
    supervisor_data: Enabled,
    /// The same, made by the processor itself.
    implicit_data: Enabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enabled {
    No,
    Yes,
}

impl From<bool> for Enabled {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

impl LinearRules {
    pub(crate) fn new(registers: &Registers) -> Self {
        let mode = registers.paging_mode();
        let has = |bit| registers.cr4.contains(bit) && mode.is_ia32e();
        let user = match registers.cr3 {
            cr3 if !mode.is_ia32e() || cr3 & (LAM_U48 | LAM_U57) == 0 => None,
            cr3 if cr3 & LAM_U57 != 0 => Some(57),
            _ => Some(48),
        };
        let supervisor = has(Cr4::LAM_SUPERVISOR).then_some(mode.linear_address_width());
        let smap = registers.cr4.contains(Cr4::SMAP);
        let lifted = registers.alignment_check == AlignmentCheck::Set;
        let width = mode.linear_address_width();
        Self {
            width,
            unmasked_width: user.map_or(width, |left| width.min(left)),
            wraps: if mode.is_ia32e() {
                Wraps::Never
            } else {
                Wraps::At4GiB
            },
            masking: Masking { user, supervisor },
            separation: Separation {
                enabled: has(Cr4::LASS).into(),
                supervisor_data: (smap && !lifted).into(),
                implicit_data: smap.into(),
            },
        }
    }

    /// The address as it is translated. Most of the time it is the same.
    ///
    /// # Errors
    /// [`Fault::NonCanonical`] or [`Fault::AddressSpace`] if it may not be used.
    #[inline]
    pub(crate) fn check(
        &self,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<VirtAddr, Fault> {
        let is_plain = self.separation.enabled == Enabled::No && self.wraps == Wraps::Never;
        if is_plain && address.is_canonical(self.unmasked_width) {
            return Ok(address);
        }
        self.check_closely(address, kind, mode)
    }

    #[cold]
    #[inline(never)]
    fn check_closely(
        &self,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<VirtAddr, Fault> {
        if self.wraps == Wraps::At4GiB {
            return Ok(self.wrap(address));
        }
        if self.separates(address, kind, mode) {
            return Err(Fault::AddressSpace(address));
        }
        let (address, bits) = self.masked(address, kind, mode);
        if address.is_canonical(bits) {
            Ok(address)
        } else {
            Err(Fault::NonCanonical(address))
        }
    }

    /// Whether what a fetch from the address found may serve data accesses, whose addresses
    /// are masked: not with `LAM_U48` in 5-level paging.
    #[inline]
    pub(crate) fn is_the_same_for_data(&self, address: VirtAddr) -> bool {
        self.unmasked_width == self.width
            || address.as_u64() >> 63 != 0
            || address.is_canonical(self.unmasked_width)
    }

    /// Whether the others mask addresses that these may have let into a cache.
    pub(crate) fn masks_otherwise(&self, other: &Self) -> bool {
        self.unmasked_width != other.unmasked_width
    }

    /// How many addresses are canonical and never masked, half of them in each half.
    pub(crate) fn plain_addresses(&self) -> u64 {
        1 << self.unmasked_width
    }

    /// The address modulo 2^32 where addresses have 32 bits.
    #[inline]
    pub(crate) fn wrap(&self, address: VirtAddr) -> VirtAddr {
        match self.wraps {
            Wraps::At4GiB => VirtAddr::new(address.as_u64() & 0xffff_ffff),
            Wraps::Never => address,
        }
    }

    /// Whether the address may be used by INVLPG and the like, which mask nothing.
    #[inline]
    pub(crate) fn is_canonical(&self, address: VirtAddr) -> bool {
        self.wraps == Wraps::At4GiB || address.is_canonical(self.width)
    }

    /// The same for an operand of 64 bits that no mode shortens (SDM vol. 2, INVPCID).
    pub(crate) fn is_canonical_operand(&self, address: VirtAddr) -> bool {
        address.is_canonical(self.width.max(48))
    }

    /// The address of the first byte behind the last one of the space, or behind the lower
    /// half of it.
    pub(crate) fn lower_end(&self) -> u64 {
        match self.wraps {
            Wraps::At4GiB => 1 << 32,
            Wraps::Never => 1 << (self.width - 1),
        }
    }

    /// The first address of the upper half, if there is one.
    pub(crate) fn upper_half(&self) -> Option<VirtAddr> {
        let start = VirtAddr::new(u64::MAX << (self.width - 1));
        (self.wraps == Wraps::Never).then_some(start)
    }

    /// Whether LASS forbids the access (SDM vol. 3, 4.2.3).
    fn separates(&self, address: VirtAddr, kind: AccessKind, mode: PrivilegeMode) -> bool {
        let upper_half = address.as_u64() >> 63 != 0;
        let applies = match mode {
            PrivilegeMode::User => return self.is_enabled() && upper_half,
            _ if kind.fetches() => Enabled::Yes,
            PrivilegeMode::Supervisor => self.separation.supervisor_data,
            PrivilegeMode::SupervisorImplicit => self.separation.implicit_data,
        };
        self.is_enabled() && !upper_half && applies == Enabled::Yes
    }

    fn is_enabled(&self) -> bool {
        self.separation.enabled == Enabled::Yes
    }

    /// The address without the bits that LAM takes out of it, and how many of it must be
    /// canonical. Only a program's own data accesses are masked.
    fn masked(&self, address: VirtAddr, kind: AccessKind, mode: PrivilegeMode) -> (VirtAddr, u32) {
        let is_data = !kind.fetches() && !kind.is_shadow_stack();
        if !is_data || mode == PrivilegeMode::SupervisorImplicit {
            return (address, self.width);
        }
        let is_upper = address.as_u64() >> 63 != 0;
        let left = if is_upper {
            self.masking.supervisor
        } else {
            self.masking.user
        };
        let Some(left) = left else {
            return (address, self.width);
        };
        let kept = (1 << left) - 1;
        let fill = if is_upper { !kept } else { 0 };
        let masked = VirtAddr::new(address.as_u64() & kept | fill);
        (masked, left.min(self.width))
    }
}
