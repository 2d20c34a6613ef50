use mmu_core::{
    AccessKind, CpuFeatures, Cr0, Cr4, Efer, Entry, Fault, FunctionalMmu, Level, Mmu, NoObserver,
    Observer, PageSize, PagingMode, PhysAddr, PhysMem, PrivilegeMode, Ram, Registers, TimedMmu,
    Translated, TranslationCache, VirtAddr, WalkCost,
};

use crate::processor;

/// One page, the tables that lead to it in any mode of paging, and the memory they lie in:
/// all that a rule needs. Tables grant everything, and no accessed bit is set.
#[derive(Debug)]
pub struct OnePage {
    ram: Ram,
    mode: PagingMode,
    address: VirtAddr,
    size: PageSize,
}

impl OnePage {
    /// A page of this size with these flags, at an address of the mode's.
    pub fn new(mode: PagingMode, size: PageSize, flags: Entry) -> Self {
        let address = match mode {
            PagingMode::FiveLevel => 0x00ab_1234_5678_9abc,
            PagingMode::FourLevel => 0x0000_1234_5678_9abc,
            PagingMode::Off | PagingMode::ThirtyTwoBit | PagingMode::Pae => 0x5678_9abc,
        };
        Self::at(mode, VirtAddr::new(address), size, flags)
    }

    /// The same of 4 KiB, in 4-level paging.
    pub fn small(flags: Entry) -> Self {
        Self::new(PagingMode::FourLevel, PageSize::Size4KiB, flags)
    }

    /// A page of this size with these flags, at this address.
    ///
    /// # Panics
    /// Never: so much memory can be addressed.
    pub fn at(mode: PagingMode, address: VirtAddr, size: PageSize, flags: Entry) -> Self {
        let page = Self {
            ram: Ram::new(1 << 30).expect("1 GiB can be addressed"),
            mode,
            address,
            size,
        };
        for level in [Level::Pml5e, Level::Pml4e, Level::Pdpte, Level::Pde] {
            let below = level.below().map(Self::table).unwrap_or_default();
            let entry = match (mode, level) {
                // The PDPTEs of PAE paging have no rights to grant.
                (PagingMode::Pae, Level::Pdpte) => {
                    Entry::table(below) - (Entry::WRITABLE | Entry::USER)
                }
                _ => Entry::table(below),
            };
            page.set(level, entry);
        }
        page.map(page.frame(), flags);
        page
    }

    /// The memory.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// An address of the page.
    pub fn address(&self) -> VirtAddr {
        self.address
    }

    /// Where the page lies at first.
    pub fn frame(&self) -> PhysAddr {
        PhysAddr::new(0x4000_0000 | 5 << self.size.shift())
    }

    /// Maps the page to another place, with other flags.
    pub fn map(&self, to: PhysAddr, flags: Entry) {
        self.set(self.size.level(), Entry::page(to, self.size, flags));
    }

    /// Where the table of a level lies.
    pub fn table(level: Level) -> PhysAddr {
        PhysAddr::new(0x1000 * (6 - level as u64))
    }

    /// The levels of the entries that a walk reads, from the root to the page.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = Level> + use<> {
        let root = match self.mode {
            PagingMode::FiveLevel => Level::Pml5e,
            PagingMode::FourLevel => Level::Pml4e,
            PagingMode::Off | PagingMode::ThirtyTwoBit | PagingMode::Pae => Level::Pde,
        };
        let page = self.size.level();
        let levels = Level::ALL.into_iter().rev();
        levels.filter(move |level| (page..=root).contains(level))
    }

    /// The level of the entry that maps the page.
    pub fn leaf(&self) -> Level {
        self.size.level()
    }

    /// Where the entry of a level lies.
    pub fn place(&self, level: Level) -> PhysAddr {
        self.place_of(level, self.address)
    }

    /// Where the entry of a level for another address of the same table lies.
    pub fn place_of(&self, level: Level, address: VirtAddr) -> PhysAddr {
        let (bits, bytes) = match self.mode {
            PagingMode::ThirtyTwoBit => (10, 4),
            _ => (9, 8),
        };
        let shift = 12 + bits * (level as u32 - 1);
        let index = address.as_u64() >> shift & ((1 << bits) - 1);
        Self::table(level).wrapping_add(index * bytes)
    }

    /// The entry of a level.
    ///
    /// # Panics
    /// Never: the tables lie in memory.
    pub fn entry(&self, level: Level) -> Entry {
        let at = self.place(level);
        let bits = match self.mode {
            PagingMode::ThirtyTwoBit => self.ram.read_u32(at).map(u64::from),
            _ => self.ram.read_u64(at),
        };
        Entry::from_bits_retain(bits.expect("in memory"))
    }

    /// Writes the entry of a level.
    pub fn set(&self, level: Level, entry: Entry) {
        self.set_of(level, self.address, entry);
    }

    /// Writes the entry of a level for another address of the same table.
    ///
    /// # Panics
    /// Never: the tables lie in memory.
    pub fn set_of(&self, level: Level, address: VirtAddr, entry: Entry) {
        let at = self.place_of(level, address);
        let bytes = entry.bits().to_le_bytes();
        let width = match self.mode {
            PagingMode::ThirtyTwoBit => 4,
            _ => 8,
        };
        self.ram.write(at, &bytes[..width]).expect("in memory");
    }

    /// Sets bits in the entry of a level.
    pub fn add(&self, level: Level, flags: Entry) {
        self.set(level, self.entry(level) | flags);
    }

    /// Clears bits in the entry of a level.
    pub fn remove(&self, level: Level, flags: Entry) {
        self.set(level, self.entry(level) - flags);
    }

    /// The plainest registers of the mode: CR0.WP, CR4.PGE and, where there are wide entries,
    /// EFER.NXE set; nothing else that restricts an access.
    pub fn registers(&self) -> Registers {
        let mut registers = Registers {
            cr0: Cr0::PROTECTION_ENABLE | Cr0::PAGING | Cr0::WRITE_PROTECT,
            cr4: Cr4::PAGE_GLOBAL_ENABLE,
            ..Registers::default()
        };
        let wide = Cr4::PHYSICAL_ADDRESS_EXTENSION;
        let root = match self.mode {
            PagingMode::Off => {
                registers.cr0 -= Cr0::PAGING;
                return registers;
            }
            PagingMode::ThirtyTwoBit => {
                registers.cr4 |= Cr4::PAGE_SIZE_EXTENSIONS;
                Level::Pde
            }
            PagingMode::Pae => {
                registers.cr4 |= wide;
                Level::Pdpte
            }
            PagingMode::FourLevel => {
                registers.cr4 |= wide;
                Level::Pml4e
            }
            PagingMode::FiveLevel => {
                registers.cr4 |= wide | Cr4::LINEAR_ADDRESS_57;
                Level::Pml5e
            }
        };
        if registers.cr4.contains(wide) {
            registers.efer |= Efer::NO_EXECUTE_ENABLE;
        }
        registers
            .efer
            .set(Efer::LONG_MODE_ENABLE, self.mode.is_ia32e());
        registers.cr3 = Self::table(root).as_u64();
        registers
    }

    /// A processor that only computes, with every feature, and with the registers of
    /// [`OnePage::registers`], changed.
    pub fn functional(&self, change: impl FnOnce(&mut Registers)) -> FunctionalMmu {
        self.functional_of(CpuFeatures::default(), change)
    }

    /// The same with these features.
    ///
    /// # Panics
    /// If there is no such processor.
    pub fn functional_of(
        &self,
        features: CpuFeatures,
        change: impl FnOnce(&mut Registers),
    ) -> FunctionalMmu {
        let registers = self.changed(features, change);
        FunctionalMmu::functional(features, registers).expect("the registers are allowed")
    }

    /// A processor with small TLBs of two levels and a paging-structure cache for each level.
    pub fn cached(&self, change: impl FnOnce(&mut Registers)) -> TimedMmu {
        self.cached_of(CpuFeatures::default(), change)
    }

    /// The same with these features.
    ///
    /// # Panics
    /// If there is no such processor.
    pub fn cached_of(
        &self,
        features: CpuFeatures,
        change: impl FnOnce(&mut Registers),
    ) -> TimedMmu {
        let registers = self.changed(features, change);
        TimedMmu::timed(features, registers, &processor::small(), NoObserver)
            .expect("the registers are allowed")
    }

    fn changed(&self, features: CpuFeatures, change: impl FnOnce(&mut Registers)) -> Registers {
        let mut registers = self.registers();
        change(&mut registers);
        if registers.paging_mode() == PagingMode::Pae {
            let loaded = registers.load_pdptes(&self.ram, features);
            loaded.expect("the PDPTEs are allowed");
        }
        registers
    }

    /// An access to the page.
    ///
    /// # Errors
    /// Its fault.
    pub fn access<T: TranslationCache, C: WalkCost, O: Observer>(
        &self,
        mmu: &mut Mmu<T, C, O>,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        mmu.translate(&self.ram, self.address, kind, mode)
    }

    /// An access by a processor that has nothing cached, with these registers.
    ///
    /// # Errors
    /// Its fault.
    pub fn attempt(
        &self,
        change: impl FnOnce(&mut Registers),
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        self.access(&mut self.functional(change), kind, mode)
    }
}
