use units::{Level, PageSize, PhysAddr, VirtAddr};

use crate::{BusError, Entry, PhysMem, entry_address};

/// The format of a mode's entries: how wide they are, how memory is asked for them, and where
/// what they point to lies.
pub(crate) trait EntryFormat {
    /// Reads an entry.
    fn read<M: PhysMem + ?Sized>(memory: &M, at: PhysAddr) -> Result<Entry, BusError>;

    /// Replaces an entry if it has not changed; the inner error says that it has.
    fn replace<M: PhysMem + ?Sized>(
        memory: &M,
        at: PhysAddr,
        current: Entry,
        new: Entry,
    ) -> Result<Result<(), Entry>, BusError>;

    /// Where the entry for the address lies in the table of a level.
    fn place(table: PhysAddr, level: Level, address: VirtAddr) -> PhysAddr;

    /// Where the page lies that an entry maps.
    fn page(entry: Entry, size: PageSize) -> PhysAddr;

    /// How many bytes of the linear-address space an entry covers.
    fn covers(level: Level) -> u64;
}

/// The 64-bit entries of PAE, 4-level and 5-level paging.
pub(crate) struct Wide;

impl EntryFormat for Wide {
    #[inline]
    fn read<M: PhysMem + ?Sized>(memory: &M, at: PhysAddr) -> Result<Entry, BusError> {
        memory.read_u64(at).map(Entry::from_bits_retain)
    }

    #[inline]
    fn replace<M: PhysMem + ?Sized>(
        memory: &M,
        at: PhysAddr,
        current: Entry,
        new: Entry,
    ) -> Result<Result<(), Entry>, BusError> {
        let exchanged = memory.compare_exchange_u64(at, current.bits(), new.bits())?;
        Ok(exchanged.map_err(Entry::from_bits_retain))
    }

    #[inline]
    fn place(table: PhysAddr, level: Level, address: VirtAddr) -> PhysAddr {
        entry_address(table, level, address)
    }

    #[inline]
    fn page(entry: Entry, size: PageSize) -> PhysAddr {
        entry.page_address(size)
    }

    #[inline]
    fn covers(level: Level) -> u64 {
        level.covers()
    }
}

/// The 32-bit entries of 32-bit paging (SDM vol. 3, 4.3), as the low half of an [`Entry`].
pub(crate) struct Narrow;

const NARROW_INDEX_BITS: u32 = 10;

impl Narrow {
    #[inline]
    const fn shift(level: Level) -> u32 {
        PageSize::Size4KiB.shift() + NARROW_INDEX_BITS * (level as u32 - 1)
    }
}

impl EntryFormat for Narrow {
    #[inline]
    fn read<M: PhysMem + ?Sized>(memory: &M, at: PhysAddr) -> Result<Entry, BusError> {
        let entry = memory.read_u32(at)?;
        Ok(Entry::from_bits_retain(entry.into()))
    }

    #[inline]
    fn replace<M: PhysMem + ?Sized>(
        memory: &M,
        at: PhysAddr,
        current: Entry,
        new: Entry,
    ) -> Result<Result<(), Entry>, BusError> {
        #[expect(clippy::cast_possible_truncation, reason = "the upper half is zero")]
        let [current, new] = [current, new].map(|entry| entry.bits() as u32);
        let exchanged = memory.compare_exchange_u32(at, current, new)?;
        Ok(exchanged.map_err(|found| Entry::from_bits_retain(found.into())))
    }

    #[inline]
    fn place(table: PhysAddr, level: Level, address: VirtAddr) -> PhysAddr {
        let index = address.as_u64() >> Self::shift(level) & ((1 << NARROW_INDEX_BITS) - 1);
        table.wrapping_add(index * 4)
    }

    #[inline]
    fn page(entry: Entry, size: PageSize) -> PhysAddr {
        match size {
            PageSize::Size4MiB => entry.large_narrow_address(),
            _ => entry.page_address(size),
        }
    }

    #[inline]
    fn covers(level: Level) -> u64 {
        1 << Self::shift(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SDM vol. 3, figure 4-2: ten bits of the address for each of two levels.
    #[test]
    fn each_level_of_32_bit_paging_takes_its_ten_bits() {
        let address = VirtAddr::new(0x0080_3fff);
        let table = PhysAddr::new(0x1000);
        let at = |level| Narrow::place(table, level, address).as_u64();
        assert_eq!(at(Level::Pde), 0x1000 + 4 * 2);
        assert_eq!(at(Level::Pte), 0x1000 + 4 * 3);
        assert_eq!(Narrow::covers(Level::Pde), 4 << 20);
    }

    /// SDM vol. 3, 4.3: bits 20:13 of a PDE that maps a 4-MiB page are bits 39:32 of its
    /// address.
    #[test]
    fn pse_36_puts_the_upper_address_bits_into_bits_20_to_13() {
        let entry = Entry::from_bits_retain(0xc03f_e081);
        let page = Narrow::page(entry, PageSize::Size4MiB);
        assert_eq!(page, PhysAddr::new(0xff_c000_0000));
    }
}
