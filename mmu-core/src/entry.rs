use bitflags::bitflags;
use units::{Level, PageSize, PhysAddr, VirtAddr};

bitflags! {
    /// A paging-structure entry (SDM vol. 3, 4.3 to 4.5); one of 32-bit paging is the low
    /// half, and the upper one is zero.
    ///
    /// Bits that have no name here, the address and the ignored ones among them, are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Entry: u64 {
        /// P, bit 0: the entry maps a page or points to a table.
        const PRESENT = 1 << 0;
        /// R/W, bit 1: writes are allowed.
        const WRITABLE = 1 << 1;
        /// U/S, bit 2: user-mode accesses are allowed.
        const USER = 1 << 2;
        /// PWT, bit 3: page-level write-through.
        const WRITE_THROUGH = 1 << 3;
        /// PCD, bit 4: page-level cache disable.
        const CACHE_DISABLE = 1 << 4;
        /// A, bit 5: the entry has been used for a translation.
        const ACCESSED = 1 << 5;
        /// D, bit 6: the page has been written. Ignored where the entry points to a table.
        const DIRTY = 1 << 6;
        /// PS, bit 7, above the last level: the entry maps a large page. In a page-table
        /// entry the bit is PAT.
        const LARGE = 1 << 7;
        /// G, bit 8: the translation is global, if CR4.PGE is set.
        const GLOBAL = 1 << 8;
        /// Bit 9, for software.
        const SOFTWARE_9 = 1 << 9;
        /// Bit 10, for software.
        const SOFTWARE_10 = 1 << 10;
        /// Bit 11, for software.
        const SOFTWARE_11 = 1 << 11;
        /// XD, bit 63: instruction fetches are not allowed, if EFER.NXE is set.
        const NO_EXECUTE = 1 << 63;

        const _ = !0;
    }
}

/// Bits 51:12: where a table or a 4-KiB page lies.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

impl Entry {
    /// An entry that points to a table: present, writable and user, since the entries below
    /// it decide on rights.
    #[must_use]
    pub const fn table(at: PhysAddr) -> Self {
        let rights = Self::PRESENT.bits() | Self::WRITABLE.bits() | Self::USER.bits();
        Self::from_bits_retain(at.as_u64() & ADDRESS | rights)
    }

    /// An entry that maps the page of this size at an address, with these flags;
    /// [`Entry::LARGE`] is set as the size demands.
    #[must_use]
    pub const fn page(at: PhysAddr, size: PageSize, flags: Self) -> Self {
        let large = match size {
            PageSize::Size4KiB => 0,
            PageSize::Size2MiB | PageSize::Size4MiB | PageSize::Size1GiB => Self::LARGE.bits(),
        };
        let address = at.as_u64() & ADDRESS & !size.offset_mask();
        Self::from_bits_retain(address | flags.bits() | large)
    }

    /// Where the table lies that the entry points to.
    #[inline]
    pub const fn table_address(self) -> PhysAddr {
        PhysAddr::new(self.bits() & ADDRESS)
    }

    /// Where the page of this size lies that the entry maps.
    #[inline]
    pub const fn page_address(self, size: PageSize) -> PhysAddr {
        PhysAddr::new(self.bits() & ADDRESS & !size.offset_mask())
    }

    /// Where the 4-MiB page lies that a 32-bit entry maps (SDM vol. 3, table 4-4).
    pub(crate) const fn large_narrow_address(self) -> PhysAddr {
        let low = self.bits() & 0xffc0_0000;
        let high = self.bits() >> 13 & 0xff;
        PhysAddr::new(low | high << 32)
    }

    /// The protection key (SDM vol. 3, 4.6.2).
    pub const fn key(self) -> u8 {
        (self.bits() >> 59 & 0xf) as u8
    }
}

/// Where the entry for a linear address lies in the table of a level (SDM vol. 3, 4.5.4).
#[inline]
pub const fn entry_address(table: PhysAddr, level: Level, address: VirtAddr) -> PhysAddr {
    let index = address.as_u64() >> level.shift() & 0x1ff;
    PhysAddr::new(table.as_u64().wrapping_add(index * 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SDM vol. 3, tables 4-15 to 4-20.
    #[test]
    fn a_large_page_keeps_its_flags_out_of_its_address() {
        let flags = Entry::PRESENT | Entry::GLOBAL | Entry::NO_EXECUTE;
        let at = PhysAddr::new(0x000f_ffff_ffff_f000);
        let entry = Entry::page(at, PageSize::Size2MiB, flags);
        assert_eq!(entry.bits(), 0x800f_ffff_ffe0_0181);
        let at = PhysAddr::new(0x000f_ffff_ffe0_0000);
        assert_eq!(entry.page_address(PageSize::Size2MiB), at);
    }

    /// SDM vol. 3, 4.5.4: nine bits of the address for each level.
    #[test]
    fn each_level_takes_its_nine_bits() {
        let address = VirtAddr::new(0x0000_8080_4020_1fff | 0xffff << 48);
        for level in Level::FOUR_LEVEL {
            let at = entry_address(PhysAddr::new(0x1000), level, address);
            let index = if level == Level::Pml4e { 257 } else { 1 };
            assert_eq!(at.as_u64(), 0x1000 + 8 * index, "{level}");
        }
    }
}
