//! Small pages made into a large one.

use mmu_core::{Entry, Leaf, Level, PageSize, PhysAddr, VirtAddr};

use super::MemoryManager;
use crate::demand::{OutOfMemory, Process, ServiceError};

const SMALL: PageSize = PageSize::Size4KiB;
const LARGE: PageSize = PageSize::Size2MiB;
const SMALL_IN_LARGE: u64 = LARGE.bytes() / SMALL.bytes();

/// What took the place of small pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collapsed {
    /// Where the large page starts.
    pub address: VirtAddr,
    /// Its frame.
    pub frame: PhysAddr,
    /// The small pages there were: where the bytes of each lay, and where they lie now.
    pub copied: Vec<(PhysAddr, PhysAddr)>,
}

/// Small pages cannot be made into a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollapseError {
    /// The process has not committed all of it with one protection and in small pages.
    #[error("the 2 MiB around {0} are not all committed in 4 KiB pages")]
    NotCommitted(VirtAddr),
    /// No small page is there yet, or a large one is.
    #[error("no 4 KiB page is mapped in the 2 MiB around {0}")]
    NothingToCollapse(VirtAddr),
    /// There is no frame for it.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// The page tables do not lie in the machine's memory.
    #[error(transparent)]
    Tables(#[from] ServiceError),
}

impl From<mmu_core::BusError> for CollapseError {
    fn from(error: mmu_core::BusError) -> Self {
        Self::Tables(error.into())
    }
}

impl MemoryManager {
    /// Makes the 4-KiB pages in the 2 MiB around an address into one large page. What was
    /// not touched yet becomes zeros. Cached translations of the old pages are stale then:
    /// each processor that may have them has to drop them before it goes on.
    ///
    /// # Errors
    /// [`CollapseError`] if that cannot be; the tables are as they were then.
    pub fn collapse(
        &mut self,
        process: &Process,
        address: VirtAddr,
    ) -> Result<Collapsed, CollapseError> {
        let start = address.align_down(LARGE);
        let region = process
            .space
            .region(start)
            .filter(|region| region.page_size == SMALL && region.reaches(start, LARGE.bytes()))
            .ok_or(CollapseError::NotCommitted(address))?;
        let small = self.small_pages(process, start);
        let first = small
            .first()
            .ok_or(CollapseError::NothingToCollapse(address))?;
        let path = process.regime().path(&self.ram, first.address);
        let directory = path.steps().iter().find(|step| step.level == Level::Pde);
        let directory = directory.ok_or(CollapseError::NothingToCollapse(address))?;
        let frame = self.allocate(LARGE)?;

        let mut flags = region.protection.entry_flags();
        let mut copied = Vec::with_capacity(small.len());
        for leaf in &small {
            let old = leaf.translation.page();
            let new = frame.wrapping_add(leaf.address.as_u64() - start.as_u64());
            self.ram.copy_frame(old, new)?;
            flags |= leaf.entry & (Entry::ACCESSED | Entry::DIRTY);
            copied.push((old, new));
        }
        self.write_entry(directory.entry_address, Entry::page(frame, LARGE, flags))?;
        for (old, _) in &copied {
            self.free(*old, SMALL)?;
        }
        self.free(directory.entry.table_address(), SMALL)?;
        self.counters.page_tables -= 1;
        self.counters.pages[SMALL.index()] -= copied.len() as u64;
        self.counters.pages[LARGE.index()] += 1;
        self.counters.collapses += 1;
        Ok(Collapsed {
            address: start,
            frame,
            copied,
        })
    }

    /// The small pages that are mapped in the 2 MiB from an address on.
    fn small_pages(&self, process: &Process, start: VirtAddr) -> Vec<Leaf> {
        let addresses = (0..SMALL_IN_LARGE).map(|page| start.wrapping_add(page * SMALL.bytes()));
        let leaves = addresses.filter_map(|at| process.regime().inspect(&self.ram, at).ok());
        leaves
            .filter(|leaf| leaf.translation.size() == SMALL)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use mmu_core::{AccessKind, FunctionalMmu, PrivilegeMode, Scope};

    use super::*;
    use crate::demand::Protection;

    const BASE: VirtAddr = VirtAddr::new(0x4000_0000);

    fn world() -> (MemoryManager, Process, FunctionalMmu) {
        let mut manager = MemoryManager::new(8 << 20).unwrap();
        let mut process = manager.create_process().unwrap();
        let committed = process.commit(BASE, LARGE.bytes(), SMALL, Protection::ReadWrite);
        committed.unwrap();
        let registers = process.registers();
        let mmu = FunctionalMmu::functional(mmu_core::CpuFeatures::default(), registers);
        (manager, process, mmu.unwrap())
    }

    fn store(world: &mut (MemoryManager, Process, FunctionalMmu), offset: u64) -> PhysAddr {
        let (manager, process, mmu) = world;
        let address = BASE.wrapping_add(offset);
        let done = manager.access(process, |ram| {
            mmu.translate(ram, address, AccessKind::Write, PrivilegeMode::User)
        });
        done.unwrap().address
    }

    #[test]
    fn every_byte_is_where_it_was_and_the_rest_is_zero() {
        let mut world = world();
        for offset in [0, 0x5000, 0x1f_f000] {
            let at = store(&mut world, offset + 8);
            world
                .0
                .ram()
                .write(at, &(offset + 1).to_le_bytes())
                .unwrap();
        }
        let collapsed = world
            .0
            .collapse(&world.1, BASE.wrapping_add(0x1234))
            .unwrap();
        assert_eq!((collapsed.address, collapsed.copied.len()), (BASE, 3));
        let _ = world.2.drop_cached(Scope::All);
        for (offset, expected) in [
            (0, 1),
            (0x5000, 0x5001),
            (0x1f_f000, 0x1f_f001),
            (0x6000, 0),
        ] {
            let at = store(&mut world, offset + 8);
            assert_eq!(at, collapsed.frame.wrapping_add(offset + 8));
            let mut bytes = [0; 8];
            world.0.ram().read(at, &mut bytes).unwrap();
            assert_eq!(u64::from_le_bytes(bytes), expected);
        }
        assert_eq!(world.0.counters().demand_zero_faults(SMALL), 3);
        assert_eq!(world.0.counters().page_tables(), 3);
        let pages = [SMALL, LARGE].map(|size| world.0.counters().pages(size));
        assert_eq!(pages, [0, 1]);
        let again = world.0.collapse(&world.1, BASE);
        assert_eq!(again, Err(CollapseError::NothingToCollapse(BASE)));
    }

    #[test]
    fn frames_that_are_given_back_come_again_as_zeros() {
        let mut world = world();
        let at = store(&mut world, 0);
        world.0.ram().write(at, &[0xff; 64]).unwrap();
        world.0.collapse(&world.1, BASE).unwrap();
        let mut bytes = [1; 64];
        let frame = world.0.allocate(SMALL).unwrap();
        let other = world.0.allocate(SMALL).unwrap();
        for frame in [frame, other] {
            world.0.ram().read(frame, &mut bytes).unwrap();
            assert_eq!(bytes, [0; 64]);
        }
        assert!(frame == at || other == at);
    }

    #[test]
    fn without_a_frame_nothing_changes() {
        let mut world = world();
        let at = store(&mut world, 0);
        while world.0.allocate(LARGE).is_ok() {}
        let failed = world.0.collapse(&world.1, BASE);
        assert!(matches!(failed, Err(CollapseError::OutOfMemory(_))));
        assert_eq!(store(&mut world, 0), at);
    }

    #[test]
    fn only_a_whole_region_of_small_pages_collapses() {
        let mut manager = MemoryManager::new(8 << 20).unwrap();
        let mut process = manager.create_process().unwrap();
        let half = LARGE.bytes() / 2;
        let committed = process.commit(BASE, half, SMALL, Protection::ReadWrite);
        committed.unwrap();
        let failed = manager.collapse(&process, BASE);
        assert_eq!(failed, Err(CollapseError::NotCommitted(BASE)));
        let other = VirtAddr::new(0x8000_0000);
        let committed = process.commit(other, LARGE.bytes(), LARGE, Protection::ReadWrite);
        committed.unwrap();
        let failed = manager.collapse(&process, other);
        assert_eq!(failed, Err(CollapseError::NotCommitted(other)));
    }
}
