use mmu_core::{
    Entry, Level, PageSize, PhysAddr, PhysMem, Ram, Registers, VirtAddr, entry_address,
};

const RAM_BYTES: u64 = 1 << 30;
const PAGE: PageSize = PageSize::Size4KiB;

/// Page tables that map 4 KiB pages for user-mode reads and writes. No entry lacks an
/// accessed or dirty bit, so that no walk has one to set.
#[derive(Debug)]
pub struct PageTables<M = Ram> {
    memory: M,
    root: PhysAddr,
    free: PhysAddr,
}

impl PageTables {
    /// Tables that map nothing yet.
    #[expect(clippy::missing_panics_doc, reason = "the size is a good one")]
    pub fn new() -> Self {
        Self::within(Ram::new(RAM_BYTES).expect("a processor can address it"))
    }
}

impl<M: PhysMem> PageTables<M> {
    /// Tables in this memory, which is all zeros, that map nothing yet.
    pub fn within(memory: M) -> Self {
        Self {
            memory,
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
            let mut entry = self.read(place);
            if !entry.contains(Entry::PRESENT) {
                entry = Entry::table(self.free) | Entry::ACCESSED;
                self.write(place, entry);
                self.free = self.free.wrapping_add(PAGE.bytes());
            }
            table = entry.table_address();
        }
    }

    /// Where the table lies that walks start from.
    pub fn root(&self) -> PhysAddr {
        self.root
    }

    /// The registers of a processor that uses the tables.
    pub fn registers(&self) -> Registers {
        Registers::four_level(self.root)
    }

    /// The memory they lie in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    fn read(&self, place: PhysAddr) -> Entry {
        let entry = self.memory.read_u64(place);
        Entry::from_bits_retain(entry.expect("the table lies in memory"))
    }

    fn write(&self, place: PhysAddr, entry: Entry) {
        let current = self.read(place).bits();
        let written = self
            .memory
            .compare_exchange_u64(place, current, entry.bits());
        let written = written.expect("the table lies in memory");
        written.expect("nobody else writes");
    }
}

impl Default for PageTables {
    fn default() -> Self {
        Self::new()
    }
}
