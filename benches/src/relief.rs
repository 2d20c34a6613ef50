use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use memory_manager::{
    Backing, Disk, FileAccess, Machine, MachineConfig, PageFileSize, PageProtection, ProcessId,
    SectionAttributes, ViewRequest, WorkingSetSize,
};
use mmu_core::{PageSize, VirtAddr};

const PAGE: u64 = PageSize::Size4KiB.bytes();
const BASE: VirtAddr = VirtAddr::new(0x5000_0000);

const PROCESSES: u64 = 4;

/// Processes whose pages fill the memory, and that go on using those that left.
#[derive(Debug)]
pub struct ReliefWorld {
    machine: Machine,
    /// Of each process.
    pages: u64,
    /// With fewer frames to be had memory is short.
    few: u64,
    processes: Vec<ProcessId>,
    /// The page of all that is used next.
    next: u64,
}

impl ReliefWorld {
    /// Of 64 Ki pages some 1024 leave at once. What is kept of them is more than the host's own
    /// caches hold.
    ///
    /// # Panics
    /// If there cannot be such processes.
    pub fn large() -> Self {
        Self::new(16 << 10, 1024)
    }

    /// Of 7,936 pages 256 leave at once. What is kept of them lies in the host's caches: this is
    /// what the decision takes, and that the pages leave.
    ///
    /// # Panics
    /// If there cannot be such processes.
    pub fn small() -> Self {
        Self::new(1984, 255)
    }

    /// Memory is short. Few frames are a 32nd of all, and 1024 at most.
    fn new(pages: u64, few: u64) -> Self {
        let bytes = pages * PAGE;
        let config = MachineConfig {
            // What left last can all be had again.
            ram_bytes: PROCESSES * bytes + few * PAGE,
            ..MachineConfig::default()
        };
        let mut machine = Machine::new(&config).expect("there is such a machine");
        let size = PageFileSize {
            minimum: 1 << 20,
            maximum: 1 << 20,
        };
        let page_file = machine.add_page_file(Box::new(Zeros::new(0)), size);
        page_file.expect("there is room");
        let section = machine.create_section(
            Backing::Disk(Box::new(Zeros::new(PROCESSES * bytes)), FileAccess::READ),
            PageProtection::READONLY,
            SectionAttributes::COMMIT,
            0,
        );
        let section = section.expect("there is memory for it");
        let views = (0..PROCESSES).map(|number| {
            let process = machine.create_process().expect("there is memory for it");
            let view = ViewRequest {
                base: Some(BASE),
                offset: number * bytes,
                size: bytes,
                commit: 0,
                protection: PageProtection::READONLY,
            };
            let mapped = machine.map_view(process, section, &view);
            mapped.expect("there is room");
            // Or a process gives pages of its own where few can be had.
            let size = WorkingSetSize {
                minimum: 20 * PAGE,
                maximum: bytes,
            };
            let set = machine.set_working_set_size(process, size);
            set.expect("it can be as large");
            process
        });
        let processes = views.collect();
        let mut world = Self {
            machine,
            pages,
            few,
            processes,
            next: 0,
        };
        for _ in 0..4 {
            world.prepare();
            world.round();
        }
        world.prepare();
        world
    }

    /// Uses pages that left, until memory is short.
    ///
    /// # Panics
    /// If one cannot be used.
    pub fn prepare(&mut self) {
        while self.machine.page_lists().available() >= self.few {
            self.use_page(self.next);
            self.next = (self.next + 1) % (PROCESSES * self.pages);
        }
    }

    /// How many pages leave at once: twice as many as are few are to be had then.
    pub fn relieved(&self) -> u64 {
        self.few + 1
    }

    /// Lets the oldest pages leave, before a page is used that is there.
    ///
    /// # Panics
    /// If that cannot be used.
    #[inline]
    pub fn round(&mut self) {
        let last = self.next.checked_sub(1);
        let last = last.unwrap_or(PROCESSES * self.pages - 1);
        self.use_page(last);
    }

    /// A round after which pages are counted.
    ///
    /// # Panics
    /// If others left than must.
    pub fn audit(&mut self) {
        let before = self.machine.working_set_counters();
        let faults = self.machine.fault_counters();
        let standby = self.standby();
        self.round();
        assert_eq!(self.standby() - standby, self.relieved());
        let after = self.machine.working_set_counters();
        assert_eq!(after.trimmed - before.trimmed, self.relieved());
        assert_eq!(after.cleared, before.cleared);
        assert_eq!(self.machine.fault_counters(), faults);
        self.prepare();
        let soft = self.machine.fault_counters().soft - faults.soft;
        assert_eq!(soft, self.relieved());
    }

    fn standby(&self) -> u64 {
        self.machine.page_lists().standby.iter().sum()
    }

    #[inline]
    fn use_page(&mut self, page: u64) {
        let process = usize::try_from(page / self.pages).expect("they are few");
        let process = self.processes[process];
        let at = BASE.wrapping_add(page % self.pages * PAGE);
        let read = self.machine.read(process, at, &mut [0; 8]);
        read.expect("the file is there");
    }
}

/// A file of zeros that nobody writes to.
#[derive(Debug)]
struct Zeros(AtomicU64);

impl Zeros {
    fn new(length: u64) -> Self {
        Self(AtomicU64::new(length))
    }
}

impl Disk for Zeros {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn read_at(&self, _: u64, bytes: &mut [u8]) -> io::Result<usize> {
        bytes.fill(0);
        Ok(bytes.len())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.store(length, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
