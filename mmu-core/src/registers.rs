use bitflags::bitflags;
use units::PhysAddr;

use crate::{Entry, KeyRights, Mtrrs, PagingMode, Pat};

bitflags! {
    /// CR0, as far as paging and caching ask (SDM vol. 3, 2.5).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Cr0: u64 {
        /// PE, bit 0: protected mode.
        const PROTECTION_ENABLE = 1 << 0;
        /// WP, bit 16: the supervisor, too, may not write read-only pages.
        const WRITE_PROTECT = 1 << 16;
        /// NW, bit 29: not write-through; together with CD only.
        const NOT_WRITE_THROUGH = 1 << 29;
        /// CD, bit 30: caches are disabled.
        const CACHE_DISABLE = 1 << 30;
        /// PG, bit 31: paging.
        const PAGING = 1 << 31;

        const _ = !0;
    }
}

bitflags! {
    /// CR4, as far as paging asks (SDM vol. 3, 2.5).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Cr4: u64 {
        /// PSE, bit 4: 4-MiB pages in 32-bit paging.
        const PAGE_SIZE_EXTENSIONS = 1 << 4;
        /// PAE, bit 5: entries of 64 bits.
        const PHYSICAL_ADDRESS_EXTENSION = 1 << 5;
        /// PGE, bit 7: global pages.
        const PAGE_GLOBAL_ENABLE = 1 << 7;
        /// LA57, bit 12: 5-level paging.
        const LINEAR_ADDRESS_57 = 1 << 12;
        /// PCIDE, bit 17: CR3 holds a process-context identifier.
        const PCID_ENABLE = 1 << 17;
        /// SMEP, bit 20: the supervisor may not fetch from user pages.
        const SMEP = 1 << 20;
        /// SMAP, bit 21: the supervisor may not touch the data of user pages unless
        /// EFLAGS.AC is set.
        const SMAP = 1 << 21;
        /// PKE, bit 22: PKRU restricts user-mode pages.
        const PROTECTION_KEYS = 1 << 22;
        /// CET, bit 23: shadow stacks.
        const CET = 1 << 23;
        /// PKS, bit 24: `IA32_PKRS` restricts supervisor-mode pages.
        const SUPERVISOR_PROTECTION_KEYS = 1 << 24;
        /// LASS, bit 27: each mode keeps to its half of the linear addresses.
        const LASS = 1 << 27;
        /// `LAM_SUP`, bit 28: the upper bits of supervisor pointers are masked.
        const LAM_SUPERVISOR = 1 << 28;

        const _ = !0;
    }
}

bitflags! {
    /// `IA32_EFER`, as far as paging asks (SDM vol. 3, 2.2.1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Efer: u64 {
        /// LME, bit 8: IA-32e mode once paging is on.
        const LONG_MODE_ENABLE = 1 << 8;
        /// LMA, bit 10: IA-32e mode is active.
        const LONG_MODE_ACTIVE = 1 << 10;
        /// NXE, bit 11: entries may forbid execution.
        const NO_EXECUTE_ENABLE = 1 << 11;

        const _ = !0;
    }
}

/// EFLAGS.AC, which lifts SMAP for the supervisor's own accesses (SDM vol. 3, 4.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AlignmentCheck {
    /// AC = 0.
    #[default]
    Clear,
    /// AC = 1.
    Set,
}

/// The registers that decide how addresses are translated: plain data, to be kept and put
/// back. The default is a processor with paging off and all memory write-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Registers {
    /// CR0.
    pub cr0: Cr0,
    /// CR3: where the first table lies, and the PCID or how it is cached.
    pub cr3: u64,
    /// CR4.
    pub cr4: Cr4,
    /// `IA32_EFER`. LMA follows from LME and CR0.PG.
    pub efer: Efer,
    /// EFLAGS.AC.
    pub alignment_check: AlignmentCheck,
    /// PKRU.
    pub pkru: KeyRights,
    /// `IA32_PKRS`.
    pub pkrs: KeyRights,
    /// `IA32_PAT`.
    pub pat: Pat,
    /// The memory-type range registers.
    pub mtrrs: Mtrrs,
    /// The PDPTE registers of PAE paging (SDM vol. 3, 4.4.1); without meaning in other modes.
    pub pdptes: [Entry; 4],
}

impl Registers {
    /// 4-level paging as today's operating systems run it: write protection, global pages,
    /// no-execute, SMEP and SMAP on; PCIDs off.
    pub fn four_level(root: PhysAddr) -> Self {
        Self {
            cr0: Cr0::PAGING | Cr0::PROTECTION_ENABLE | Cr0::WRITE_PROTECT,
            cr3: root.as_u64(),
            cr4: Cr4::PHYSICAL_ADDRESS_EXTENSION | Cr4::PAGE_GLOBAL_ENABLE | Cr4::SMEP | Cr4::SMAP,
            efer: Efer::LONG_MODE_ENABLE | Efer::LONG_MODE_ACTIVE | Efer::NO_EXECUTE_ENABLE,
            ..Self::default()
        }
    }

    /// As [`Registers::four_level`], with 5-level paging.
    pub fn five_level(root: PhysAddr) -> Self {
        let four = Self::four_level(root);
        Self {
            cr4: four.cr4 | Cr4::LINEAR_ADDRESS_57,
            ..four
        }
    }

    /// How linear addresses become physical ones.
    pub fn paging_mode(&self) -> PagingMode {
        if !self.cr0.contains(Cr0::PAGING) {
            PagingMode::Off
        } else if !self.cr4.contains(Cr4::PHYSICAL_ADDRESS_EXTENSION) {
            PagingMode::ThirtyTwoBit
        } else if !self.efer.contains(Efer::LONG_MODE_ENABLE) {
            PagingMode::Pae
        } else if !self.cr4.contains(Cr4::LINEAR_ADDRESS_57) {
            PagingMode::FourLevel
        } else {
            PagingMode::FiveLevel
        }
    }
}
