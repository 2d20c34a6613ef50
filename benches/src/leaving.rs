use memory_manager::{FreeType, Machine, PageProtection, WorkingSetSize};
use mmu_core::{PageSize, VirtAddr};

use crate::{FAULTS, process::Program};

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
    program: Program,
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
        let mut program = Program::new(BYTES);
        program.allocate(Some(STAYING), PAGE);
        let written = program.machine.write(program.process, STAYING, &[1]);
        written.expect("there is memory");
        if leaving == Leaving::Trimmed {
            program.allocate(Some(BASE), BYTES);
        }
        let mut world = Self { program, leaving };
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
        let program = &mut self.program;
        match self.leaving {
            Leaving::Trimmed => {}
            Leaving::Unmapped => {
                program.map(Some(BASE), BYTES, PageProtection::READWRITE);
            }
            Leaving::Freed => {
                program.allocate(Some(BASE), BYTES);
            }
        }
        for page in 0..FAULTS {
            let at = BASE.wrapping_add(page * PAGE);
            let value = page.to_le_bytes();
            let written = program.machine.write(program.process, at, &value);
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
        let Program {
            machine, process, ..
        } = &mut self.program;
        match self.leaving {
            Leaving::Trimmed => {
                let trimmed = machine.set_working_set_size(*process, EMPTY);
                trimmed.expect("the process is there");
            }
            Leaving::Unmapped => {
                let unmapped = machine.unmap_view(*process, BASE);
                assert_eq!(unmapped.expect("the view is there").size, BYTES);
            }
            Leaving::Freed => {
                let kind = FreeType::RELEASE;
                let freed = machine.virtual_free(*process, BASE, 0, kind);
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
        let (used, written) = count(&self.program.machine);
        self.round();
        let now = count(&self.program.machine);
        let expected = match self.leaving {
            Leaving::Trimmed => (used, written + FAULTS),
            // With the page table.
            Leaving::Unmapped => (used - 1, written + FAULTS),
            Leaving::Freed => (used - FAULTS - 1, written),
        };
        assert_eq!(now, expected);
    }
}
