use memory_manager::PageProtection;
use mmu_core::{PageSize, VirtAddr};

use crate::{OPERATIONS, process::Program};

const PAGE: u64 = PageSize::Size4KiB.bytes();
/// Both regions have as many pages as a round has operations.
const BYTES: u64 = OPERATIONS / 2 * PAGE;

/// A process that has written to every page of private memory and of a view, with calls that go
/// by what each of these pages is.
#[derive(Debug)]
pub struct TouchedWorld {
    program: Program,
    regions: [VirtAddr; 2],
    protection: PageProtection,
}

impl TouchedWorld {
    /// All pages are there.
    ///
    /// # Panics
    /// If there is no memory for one.
    pub fn new() -> Self {
        let mut program = Program::new(BYTES);
        let protection = PageProtection::READWRITE;
        let regions = [
            program.allocate(None, BYTES),
            program.map(None, BYTES, protection),
        ];
        for base in regions {
            for page in 0..BYTES / PAGE {
                let at = base.wrapping_add(page * PAGE);
                let written = program.machine.write(program.process, at, &[1]);
                written.expect("there is memory");
            }
        }
        Self {
            program,
            regions,
            protection,
        }
    }

    /// Queries both regions: all their pages are alike.
    ///
    /// # Panics
    /// If one is not what it must be.
    #[inline]
    pub fn query(&mut self) {
        let Program {
            machine, process, ..
        } = &self.program;
        for base in self.regions {
            let found = machine.virtual_query(*process, base);
            let found = found.expect("it is an address of user space");
            assert_eq!((found.size, found.protection), (BYTES, self.protection));
        }
    }

    /// Takes the right to write to all pages, or gives it back.
    ///
    /// # Panics
    /// If the protection was another one before.
    #[inline]
    pub fn protect(&mut self) {
        let new = match self.protection {
            PageProtection::READWRITE => PageProtection::READONLY,
            _ => PageProtection::READWRITE,
        };
        let Program {
            machine, process, ..
        } = &mut self.program;
        for base in self.regions {
            let done = machine.virtual_protect(*process, base, BYTES, new);
            let (_, old) = done.expect("all pages are committed");
            assert_eq!(old, self.protection);
        }
        self.protection = new;
    }

    /// Looks whether each page can be written, if it is to be.
    ///
    /// # Panics
    /// If one is otherwise.
    pub fn audit(&mut self) {
        for _ in 0..2 {
            self.protect();
            self.query();
            for base in self.regions {
                for page in 0..BYTES / PAGE {
                    let at = base.wrapping_add(page * PAGE);
                    let program = &mut self.program;
                    let is_written = program.machine.write(program.process, at, &[1]).is_ok();
                    assert_eq!(is_written, self.protection == PageProtection::READWRITE);
                }
            }
        }
    }
}

impl Default for TouchedWorld {
    fn default() -> Self {
        Self::new()
    }
}
