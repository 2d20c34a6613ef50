use memory_manager::{AllocationType, Machine, PageProtection, ProcessId, ViewRequest};
use mmu_core::{PageSize, VirtAddr};

use crate::{OPERATIONS, process::process_with_section};

const PAGE: u64 = PageSize::Size4KiB.bytes();
/// Both regions have as many pages as a round has operations.
const BYTES: u64 = OPERATIONS / 2 * PAGE;

/// A process that has written to every page of private memory and of a view, with calls that go
/// by what each of these pages is.
#[derive(Debug)]
pub struct TouchedWorld {
    machine: Machine,
    process: ProcessId,
    regions: [VirtAddr; 2],
    protection: PageProtection,
}

impl TouchedWorld {
    /// All pages are there.
    ///
    /// # Panics
    /// If there is no memory for one.
    pub fn new() -> Self {
        let (mut machine, process, section) = process_with_section(BYTES);
        let protection = PageProtection::READWRITE;
        let kind = AllocationType::RESERVE | AllocationType::COMMIT;
        let private = machine.virtual_alloc(process, None, BYTES, kind, protection);
        let request = ViewRequest {
            base: None,
            offset: 0,
            size: BYTES,
            commit: 0,
            protection,
        };
        let view = machine.map_view(process, section, &request);
        let regions = [
            private.expect("there is room").base,
            view.expect("there is room").range.base,
        ];
        for base in regions {
            for page in 0..BYTES / PAGE {
                let written = machine.write(process, base.wrapping_add(page * PAGE), &[1]);
                written.expect("there is memory");
            }
        }
        Self {
            machine,
            process,
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
        for base in self.regions {
            let found = self.machine.virtual_query(self.process, base);
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
        for base in self.regions {
            let done = self.machine.virtual_protect(self.process, base, BYTES, new);
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
                    let is_written = self.machine.write(self.process, at, &[1]).is_ok();
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
