use mmu_core::{
    Entry, Level, PageSize, PhysAddr, PhysMem, Ram, Registers, VirtAddr, entry_address,
};

const RAM_BYTES: u64 = 1 << 30;
const PAGE: PageSize = PageSize::Size4KiB;

/// Page tables that map 4 KiB pages for user-mode reads and writes. No entry lacks an
/// accessed or dirty bit, so that no walk has one to set.
#[derive(Debug)]
pub struct PageTables {
    ram: Ram,
    root: PhysAddr,
    free: PhysAddr,
}

impl PageTables {
    /// Tables that map nothing yet.
    #[expect(clippy::missing_panics_doc, reason = "the size is a good one")]
    pub fn new() -> Self {
        Self {
            ram: Ram::new(RAM_BYTES).expect("a processor can address it"),
            root: PhysAddr::new(PAGE.bytes()),
            free: PhysAddr::new(2 * PAGE.bytes()),
        }
    }

    /// Maps the page that starts at an address to a frame.
    ///
    /// # Panics
    /// If the tables need more than all memory.
    pub fn map(&mut self, address: VirtAddr, frame: PhysAddr) {
        let mut table = self.root;
        for level in Level::FOUR_LEVEL.into_iter().rev() {
            let place = entry_address(table, level, address);
            if level == Level::Pte {
                let flags = Entry::PRESENT | Entry::WRITABLE | Entry::USER;
                let used = Entry::ACCESSED | Entry::DIRTY;
                self.write(place, Entry::page(frame, PAGE, flags | used));
                return;
            }
            let entry = self.ram.read_u64(place).expect("the table lies in memory");
            let mut entry = Entry::from_bits_retain(entry);
            if !entry.contains(Entry::PRESENT) {
                entry = Entry::table(self.free) | Entry::ACCESSED;
                self.write(place, entry);
                self.free = self.free.wrapping_add(PAGE.bytes());
            }
            table = entry.table_address();
        }
    }

    /// The registers of a processor that uses the tables.
    pub fn registers(&self) -> Registers {
        Registers::four_level(self.root)
    }

    /// The memory they lie in.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    fn write(&self, place: PhysAddr, entry: Entry) {
        let bytes = entry.bits().to_le_bytes();
        let written = self.ram.write(place, &bytes);
        written.expect("the table lies in memory");
    }
}

impl Default for PageTables {
    fn default() -> Self {
        Self::new()
    }
}
