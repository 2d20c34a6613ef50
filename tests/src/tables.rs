use mmu_core::{
    Entry, Level, PageSize, PhysAddr, PhysMem, Ram, Registers, VirtAddr, entry_address,
};

/// Page tables of 4-level paging in a memory of their own, the tables from its second frame
/// on. Every entry that points to a table has its accessed bit set already.
#[derive(Debug)]
pub struct Tables {
    ram: Ram,
    next_table: u64,
}

impl Tables {
    /// Present, writable, user, accessed and dirty: a page that no access has to change.
    pub const SETTLED: Entry = Entry::PRESENT
        .union(Entry::WRITABLE)
        .union(Entry::USER)
        .union(Entry::ACCESSED)
        .union(Entry::DIRTY);

    const ROOT: PhysAddr = PhysAddr::new(0x1000);

    /// Tables that map nothing, in 4 GiB of memory.
    ///
    /// # Panics
    /// Never: so much memory can be addressed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ram: Ram::new(4 << 30).expect("4 GiB can be addressed"),
            next_table: 0x2000,
        }
    }

    /// The memory.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// The registers to walk these tables with.
    pub fn registers(&self) -> Registers {
        Registers::four_level(Self::ROOT)
    }

    /// The registers to walk them with in 5-level paging: a PML5 table that leads to them for
    /// the lowest 256 TiB is put in front, into the first frame.
    pub fn registers_of_five_levels(&self) -> Registers {
        let root = PhysAddr::new(0);
        self.set(root, Entry::table(Self::ROOT) | Entry::ACCESSED);
        let mut registers = Registers::four_level(root);
        registers.cr4 |= mmu_core::Cr4::LINEAR_ADDRESS_57;
        registers
    }

    /// Maps a page, with the tables that are missing on the way.
    ///
    /// # Panics
    /// If a page of this size is mapped above already.
    pub fn map(&mut self, address: VirtAddr, to: PhysAddr, size: PageSize, flags: Entry) {
        let mut table = Self::ROOT;
        let mut level = Level::Pml4e;
        while level.shift() > size.shift() {
            let at = entry_address(table, level, address);
            let entry = self.entry(at);
            assert!(level == Level::Pml4e || !entry.contains(Entry::LARGE));
            table = if entry.contains(Entry::PRESENT) {
                entry.table_address()
            } else {
                let table = PhysAddr::new(self.next_table);
                self.next_table += 0x1000;
                self.set(at, Entry::table(table) | Entry::ACCESSED);
                table
            };
            level = level.below().expect("no page is smaller than 4 KiB");
        }
        self.set(
            entry_address(table, level, address),
            Entry::page(to, size, flags),
        );
    }

    /// Maps 4-KiB pages of these numbers, each to the frame of its number modulo 2^18, in
    /// the second half of the memory.
    pub fn map_settled(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let frame = PhysAddr::new(2 << 30 | number << 12 & 0x3fff_f000);
            self.map(
                VirtAddr::new(number << 12),
                frame,
                PageSize::Size4KiB,
                Self::SETTLED,
            );
        }
    }

    /// Where the entry of a level for an address lies.
    ///
    /// # Panics
    /// If the tables do not reach so far down.
    pub fn place(&self, level: Level, address: VirtAddr) -> PhysAddr {
        let mut at = entry_address(Self::ROOT, Level::Pml4e, address);
        let mut here = Level::Pml4e;
        while here > level {
            let entry = self.entry(at);
            assert!(entry.contains(Entry::PRESENT), "nothing below {here}");
            here = here.below().expect("the loop ends at a lower level");
            at = entry_address(entry.table_address(), here, address);
        }
        at
    }

    /// The entry at a place.
    ///
    /// # Panics
    /// If it is outside the memory.
    pub fn entry(&self, at: PhysAddr) -> Entry {
        Entry::from_bits_retain(self.ram.read_u64(at).expect("in memory"))
    }

    /// Writes the entry at a place.
    ///
    /// # Panics
    /// If it is outside the memory.
    pub fn set(&self, at: PhysAddr, entry: Entry) {
        let bytes = entry.bits().to_le_bytes();
        self.ram.write(at, &bytes).expect("in memory");
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}
