use memory_manager::{Exception, FreeType, PageProtection, Status, WorkingSetSize};
use mmu_core::{PageSize, VirtAddr};

use crate::process::Program;

const PAGE: u64 = PageSize::Size4KiB.bytes();
const BASE: VirtAddr = VirtAddr::new(0x5000_0000);
const BYTES: u64 = FAULTS * PAGE;
const LAST_WORD: u64 = PAGE - 8;

/// Where else the pages of the section are, to fill them.
const OTHER_VIEW: VirtAddr = VirtAddr::new(0x6000_0000);

/// How many faults a round takes: so few that their pages lie in the host's own caches.
pub const FAULTS: u64 = 256;

/// What a program's accesses meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meeting {
    DemandZero,
    Guard,
    Refusal,
    CopyOnWrite,
    Shared,
    Soft,
}

/// A program whose every access faults, each in a page of its own.
#[derive(Debug)]
pub struct FaultWorld {
    program: Program,
    meeting: Meeting,
}

impl FaultWorld {
    /// Stores to fresh private memory.
    pub fn demand_zero() -> Self {
        Self::new(Meeting::DemandZero)
    }

    /// Loads from guard pages, each of them tried again by the program.
    pub fn guard() -> Self {
        Self::new(Meeting::Guard)
    }

    /// Stores to read-only pages, which end in an exception.
    pub fn refusal() -> Self {
        Self::new(Meeting::Refusal)
    }

    /// First stores through a write-copy view of a page-file section.
    pub fn copy_on_write() -> Self {
        Self::new(Meeting::CopyOnWrite)
    }

    /// First stores through a view of a page-file section, whose pages are there.
    pub fn shared() -> Self {
        Self::new(Meeting::Shared)
    }

    /// Loads from pages that have left the working set, and are in memory.
    pub fn soft() -> Self {
        Self::new(Meeting::Soft)
    }

    fn new(meeting: Meeting) -> Self {
        let mut world = Self {
            program: Program::new(BYTES),
            meeting,
        };
        world.map(OTHER_VIEW, PageProtection::READWRITE);
        world.fill(OTHER_VIEW);
        match meeting {
            Meeting::DemandZero => world.allocate(),
            Meeting::Guard | Meeting::Refusal => {
                world.allocate();
                world.fill(BASE);
                world.protect(PageProtection::READONLY);
            }
            Meeting::Soft => {
                world.allocate();
                world.fill(BASE);
            }
            Meeting::CopyOnWrite | Meeting::Shared => world.map(BASE, PageProtection::READONLY),
        }
        for _ in 0..2 {
            world.prepare();
            world.round();
        }
        world.prepare();
        world
    }

    /// Makes the pages fault again.
    ///
    /// # Panics
    /// If a call fails.
    pub fn prepare(&mut self) {
        match self.meeting {
            Meeting::DemandZero => {
                let Program {
                    machine, process, ..
                } = &mut self.program;
                let freed = machine.virtual_free(*process, BASE, 0, FreeType::RELEASE);
                freed.expect("the region is there");
                self.allocate();
            }
            Meeting::Guard => self.protect(PageProtection::READONLY | PageProtection::GUARD),
            Meeting::Refusal => {}
            Meeting::Soft => {
                let empty = WorkingSetSize {
                    minimum: u64::MAX,
                    maximum: u64::MAX,
                };
                let Program {
                    machine, process, ..
                } = &mut self.program;
                let trimmed = machine.set_working_set_size(*process, empty);
                trimmed.expect("the process is there");
            }
            Meeting::CopyOnWrite => self.map_again(PageProtection::WRITECOPY),
            Meeting::Shared => self.map_again(PageProtection::READWRITE),
        }
    }

    /// Touches every page.
    ///
    /// # Panics
    /// If an access does not meet what it must, or reads something else.
    #[inline]
    pub fn round(&mut self) {
        match self.meeting {
            Meeting::DemandZero | Meeting::CopyOnWrite | Meeting::Shared => {
                for index in 0..FAULTS {
                    self.store(address(BASE, index), !index);
                }
            }
            Meeting::Guard => {
                for index in 0..FAULTS {
                    let met = self.try_load(address(BASE, index)).unwrap_err();
                    assert_eq!(met.code, Status::GuardPageViolation);
                    assert_eq!(self.load(address(BASE, index)), index);
                }
            }
            Meeting::Soft => {
                for index in 0..FAULTS {
                    assert_eq!(self.load(address(BASE, index)), index);
                }
            }
            Meeting::Refusal => {
                for index in 0..FAULTS {
                    let met = self.try_store(address(BASE, index), !index).unwrap_err();
                    assert_eq!(met.code, Status::AccessViolation);
                }
            }
        }
    }

    /// A round in which every page is looked at.
    ///
    /// # Panics
    /// If an access did not take as many frames as it must, or left something else behind.
    pub fn audit(&mut self) {
        self.prepare();
        let before = self.program.machine.frames_in_use();
        let soft = self.program.machine.fault_counters().soft;
        self.round();
        let soft = self.program.machine.fault_counters().soft - soft;
        assert!(self.meeting != Meeting::Soft || soft == FAULTS);
        let taken = self.program.machine.frames_in_use() - before;
        let (private, tables) = match self.meeting {
            Meeting::DemandZero | Meeting::CopyOnWrite => (FAULTS, 1),
            Meeting::Shared => (0, 1),
            Meeting::Guard | Meeting::Refusal | Meeting::Soft => (0, 0),
        };
        assert_eq!(taken, private + tables);
        let is_stored = !matches!(
            self.meeting,
            Meeting::Guard | Meeting::Refusal | Meeting::Soft
        );
        let is_shared = self.meeting == Meeting::Shared;
        for index in 0..FAULTS {
            let first = if is_stored { !index } else { index };
            let others = if is_shared { !index } else { index };
            let last = match self.meeting {
                Meeting::DemandZero => 0,
                _ => index,
            };
            let at = address(BASE, index);
            assert_eq!(self.load(at), first);
            assert_eq!(self.load(at.wrapping_add(LAST_WORD)), last);
            assert_eq!(self.load(address(OTHER_VIEW, index)), others);
        }
    }

    /// Leaves each page's number in its first and last word.
    fn fill(&mut self, base: VirtAddr) {
        for index in 0..FAULTS {
            let at = address(base, index);
            self.store(at, index);
            self.store(at.wrapping_add(LAST_WORD), index);
        }
    }

    fn allocate(&mut self) {
        self.program.allocate(Some(BASE), BYTES);
    }

    fn protect(&mut self, protection: PageProtection) {
        let Program {
            machine, process, ..
        } = &mut self.program;
        let done = machine.virtual_protect(*process, BASE, BYTES, protection);
        done.expect("all pages are committed");
    }

    fn map(&mut self, base: VirtAddr, protection: PageProtection) {
        self.program.map(Some(base), BYTES, protection);
    }

    fn map_again(&mut self, protection: PageProtection) {
        let unmapped = self.program.machine.unmap_view(self.program.process, BASE);
        unmapped.expect("the view is there");
        self.map(BASE, protection);
    }

    #[inline]
    fn try_load(&mut self, at: VirtAddr) -> Result<u64, Exception> {
        let mut bytes = [0; 8];
        let Program {
            machine, process, ..
        } = &mut self.program;
        machine.read(*process, at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    #[inline]
    fn try_store(&mut self, at: VirtAddr, value: u64) -> Result<(), Exception> {
        let Program {
            machine, process, ..
        } = &mut self.program;
        machine.write(*process, at, &value.to_le_bytes())
    }

    #[inline]
    fn load(&mut self, at: VirtAddr) -> u64 {
        match self.try_load(at) {
            Ok(value) => value,
            Err(exception) => panic!("{exception}"),
        }
    }

    #[inline]
    fn store(&mut self, at: VirtAddr, value: u64) {
        if let Err(exception) = self.try_store(at, value) {
            panic!("{exception}");
        }
    }
}

fn address(base: VirtAddr, page: u64) -> VirtAddr {
    base.wrapping_add(page * PAGE)
}
