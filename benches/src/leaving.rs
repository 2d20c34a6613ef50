use memory_manager::{
    AllocationType, FreeType, Machine, PageProtection, ProcessId, SectionHandle, ViewRequest,
    WorkingSetSize,
};
use mmu_core::{PageSize, VirtAddr};

use crate::{FAULTS, process::process_with_section};

const PAGE: u64 = PageSize::Size4KiB.bytes();
const BASE: VirtAddr = VirtAddr::new(0x5000_0000);
const BYTES: u64 = FAULTS * PAGE;
/// Where a page stays, so that of the page tables only the last goes with the others.
const STAYING: VirtAddr = VirtAddr::new(0x6000_0000);

/// How pages leave their process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    Trimmed,
    Unmapped,
    Freed,
}

/// A process that has written to all its pages, which leave it at once.
#[derive(Debug)]
pub struct LeavingWorld {
    machine: Machine,
    process: ProcessId,
    section: SectionHandle,
    leaving: Leaving,
}

impl LeavingWorld {
    /// They leave the working set, and go to those that are to be written.
    pub fn trimmed() -> Self {
        Self::new(Leaving::Trimmed)
    }

    /// Their view, which is of a page-file section, is unmapped.
    pub fn unmapped() -> Self {
        Self::new(Leaving::Unmapped)
    }

    /// Their memory is released.
    pub fn freed() -> Self {
        Self::new(Leaving::Freed)
    }

    fn new(leaving: Leaving) -> Self {
        let (machine, process, section) = process_with_section(BYTES);
        let mut world = Self {
            machine,
            process,
            section,
            leaving,
        };
        world.allocate(STAYING, PAGE);
        let written = world.machine.write(process, STAYING, &[1]);
        written.expect("there is memory");
        if leaving == Leaving::Trimmed {
            world.allocate(BASE, BYTES);
        }
        for _ in 0..2 {
            world.prepare();
            world.round();
        }
        world.prepare();
        world
    }

    /// Lets the pages be there, and written.
    ///
    /// # Panics
    /// If a call fails.
    pub fn prepare(&mut self) {
        match self.leaving {
            Leaving::Trimmed => {}
            Leaving::Unmapped => self.map(),
            Leaving::Freed => self.allocate(BASE, BYTES),
        }
        for page in 0..FAULTS {
            let at = BASE.wrapping_add(page * PAGE);
            let written = self.machine.write(self.process, at, &page.to_le_bytes());
            written.expect("there is memory");
        }
    }

    /// Lets all pages leave.
    ///
    /// # Panics
    /// If a call fails.
    #[inline]
    pub fn round(&mut self) {
        const EMPTY: WorkingSetSize = WorkingSetSize {
            minimum: u64::MAX,
            maximum: u64::MAX,
        };
        match self.leaving {
            Leaving::Trimmed => {
                let trimmed = self.machine.set_working_set_size(self.process, EMPTY);
                trimmed.expect("the process is there");
            }
            Leaving::Unmapped => {
                let unmapped = self.machine.unmap_view(self.process, BASE);
                assert_eq!(unmapped.expect("the view is there").size, BYTES);
            }
            Leaving::Freed => {
                let kind = FreeType::RELEASE;
                let freed = self.machine.virtual_free(self.process, BASE, 0, kind);
                assert_eq!(freed.expect("the region is there").size, BYTES);
            }
        }
    }

    /// A round after which it is looked where the pages are.
    ///
    /// # Panics
    /// If they are not where they must be.
    pub fn audit(&mut self) {
        let count = |machine: &Machine| {
            let written = machine.page_lists().modified_page_file;
            (machine.frames_in_use(), written)
        };
        let (used, written) = count(&self.machine);
        self.round();
        let now = count(&self.machine);
        let expected = match self.leaving {
            Leaving::Trimmed => (used, written + FAULTS),
            // With the page table.
            Leaving::Unmapped => (used - 1, written + FAULTS),
            Leaving::Freed => (used - FAULTS - 1, written),
        };
        assert_eq!(now, expected);
    }

    fn allocate(&mut self, base: VirtAddr, bytes: u64) {
        let kind = AllocationType::RESERVE | AllocationType::COMMIT;
        let protection = PageProtection::READWRITE;
        let made = self
            .machine
            .virtual_alloc(self.process, Some(base), bytes, kind, protection);
        made.expect("there is room");
    }

    fn map(&mut self) {
        let request = ViewRequest {
            base: Some(BASE),
            offset: 0,
            size: BYTES,
            commit: 0,
            protection: PageProtection::READWRITE,
        };
        let mapped = self.machine.map_view(self.process, self.section, &request);
        mapped.expect("there is room");
    }
}
