use super::*;

/// SDM vol. 3, tables 4-15 to 4-20: bits 11:9 and 62:52 are ignored, as are PAT and G.
#[test]
fn ignored_bits_never_fault_and_are_kept() {
    let ignored = Entry::from_bits_retain(0x7ff0_0000_0000_0e00 | 0x198);
    let world = World::mapped(PageSize::Size4KiB, ALL | ignored | Entry::LARGE);
    for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
        world.add(level, (ignored | Entry::DIRTY) - Entry::LARGE);
    }
    let before = Level::FOUR_LEVEL.map(|level| world.entry(level));
    let mut mmu = functional(registers());
    assert!(mmu.translate(&world.ram, ADDRESS, WRITE, USER).is_ok());
    for (level, before) in Level::FOUR_LEVEL.into_iter().zip(before) {
        let mut after = before | Entry::ACCESSED;
        if level == Level::Pte {
            after |= Entry::DIRTY;
        }
        assert_eq!(world.entry(level), after, "{level}");
    }
}

/// SDM vol. 3, 4.8: A is set in every entry used, D only in the page's, only by a write.
#[test]
fn accessed_is_set_everywhere_and_dirty_where_it_was_written() {
    for size in PageSize::IA32E {
        let world = World::mapped(size, ALL);
        let page_level = size.level();
        let mut mmu = functional(registers());
        mmu.translate(&world.ram, ADDRESS, READ, USER).unwrap();
        for level in Level::FOUR_LEVEL
            .into_iter()
            .filter(|&level| level >= page_level)
        {
            let entry = world.entry(level);
            assert!(entry.contains(Entry::ACCESSED) && !entry.contains(Entry::DIRTY));
        }
        mmu.translate(&world.ram, ADDRESS, WRITE, USER).unwrap();
        for level in Level::FOUR_LEVEL
            .into_iter()
            .filter(|&level| level >= page_level)
        {
            let dirty = world.entry(level).contains(Entry::DIRTY);
            assert_eq!(dirty, level == page_level);
        }
    }
}

/// SDM vol. 3, 4.8: a read-modify-write is a write, and sets D before it reads.
#[test]
fn a_read_modify_write_sets_dirty() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let kind = AccessKind::ReadModifyWrite;
    functional(registers())
        .translate(&world.ram, ADDRESS, kind, USER)
        .unwrap();
    assert!(world.entry(Level::Pte).contains(Entry::DIRTY));
}

/// SDM vol. 3, 4.8 with 4.6.1: a supervisor's write to a read-only page with CR0.WP = 0 sets D.
#[test]
fn a_write_past_read_only_sets_dirty() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT);
    let mut registers = registers();
    registers.cr0 -= Cr0::WRITE_PROTECT;
    let mut mmu = functional(registers);
    for _ in ["walk", "hit"] {
        assert!(
            mmu.translate(&world.ram, ADDRESS, WRITE, SUPERVISOR)
                .is_ok()
        );
    }
    assert!(world.entry(Level::Pte).contains(Entry::DIRTY));
}

/// SDM vol. 3, 4.8: a fault leaves D, and A of the page's entry, as they were.
#[test]
fn a_refused_write_leaves_the_page_clean() {
    let world = World::mapped(PageSize::Size4KiB, Entry::PRESENT | Entry::USER);
    let mut mmu = functional(registers());
    page_fault(mmu.translate(&world.ram, ADDRESS, WRITE, USER));
    assert!(
        !world
            .entry(Level::Pte)
            .intersects(Entry::DIRTY | Entry::ACCESSED)
    );
}

/// A memory in which another processor changes an entry just before each compare-exchange.
struct Contended<'a> {
    ram: &'a Ram,
    interferences: Cell<u32>,
}

impl PhysMem for Contended<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.ram.read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        if self.interferences.get() > 0 {
            self.interferences.set(self.interferences.get() - 1);
            let other = current ^ Entry::SOFTWARE_10.bits();
            self.ram.compare_exchange_u64(at, current, other)?.unwrap();
        }
        self.ram.compare_exchange_u64(at, current, new)
    }
}

/// SDM vol. 3, 4.8 and 8.1.2.1: accessed and dirty bits are set with locked cycles; what
/// another processor wrote in between is not lost.
#[test]
fn an_entry_that_changes_under_the_walk_is_read_again() {
    let world = World::mapped(PageSize::Size4KiB, ALL);
    let memory = Contended {
        ram: &world.ram,
        interferences: Cell::new(3),
    };
    let mut mmu = functional(registers());
    mmu.translate(&memory, ADDRESS, WRITE, USER).unwrap();
    let top = world.entry(Level::Pml4e);
    assert!(top.contains(Entry::SOFTWARE_10 | Entry::ACCESSED));

    let world = World::mapped(PageSize::Size4KiB, ALL);
    let memory = Contended {
        ram: &world.ram,
        interferences: Cell::new(u32::MAX),
    };
    let result = functional(registers()).translate(&memory, ADDRESS, READ, USER);
    assert_eq!(
        result,
        Err(Fault::Contended {
            address: ADDRESS,
            level: Level::Pml4e,
            entry_address: world.place(Level::Pml4e)
        })
    );
}
