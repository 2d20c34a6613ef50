use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use memory_manager::{
    Backing, Disk, FileAccess, Machine, MachineConfig, PageFileSize, PageProtection, ProcessId,
    SectionAttributes, ViewRequest,
};
use mmu_core::{PageSize, VirtAddr};

const PAGE: u64 = PageSize::Size4KiB.bytes();
const BASE: VirtAddr = VirtAddr::new(0x5000_0000);

const PROCESSES: u64 = 4;
/// The pages of each process: 64 Ki of all.
const PAGES: u64 = 16 << 10;
const BYTES: u64 = PAGES * PAGE;

/// With fewer frames to be had memory is short, in a machine of more than 128 MiB.
const FEW: u64 = 1024;

/// How many pages leave at once: twice as many are to be had then.
pub const RELIEVED: u64 = FEW + 1;

/// Processes whose pages fill the memory, and that go on using those that left.
#[derive(Debug)]
pub struct ReliefWorld {
    machine: Machine,
    processes: Vec<ProcessId>,
    /// The page of all that is used next.
    next: u64,
}

impl ReliefWorld {
    /// Memory is short.
    ///
    /// # Panics
    /// If there cannot be such processes.
    pub fn new() -> Self {
        let config = MachineConfig {
            // What left last can all be had again.
            ram_bytes: PROCESSES * BYTES + FEW * PAGE,
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
            Backing::Disk(Box::new(Zeros::new(PROCESSES * BYTES)), FileAccess::READ),
            PageProtection::READONLY,
            SectionAttributes::COMMIT,
            0,
        );
        let section = section.expect("there is memory for it");
        let views = (0..PROCESSES).map(|number| {
            let process = machine.create_process().expect("there is memory for it");
            let view = ViewRequest {
                base: Some(BASE),
                offset: number * BYTES,
                size: BYTES,
                commit: 0,
                protection: PageProtection::READONLY,
            };
            let mapped = machine.map_view(process, section, &view);
            mapped.expect("there is room");
            process
        });
        let processes = views.collect();
        let mut world = Self {
            machine,
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
        while self.machine.page_lists().available() >= FEW {
            self.use_page(self.next);
            self.next = (self.next + 1) % (PROCESSES * PAGES);
        }
    }

    /// Lets the oldest pages leave, before a page is used that is there.
    ///
    /// # Panics
    /// If that cannot be used.
    #[inline]
    pub fn round(&mut self) {
        let last = self.next.checked_sub(1).unwrap_or(PROCESSES * PAGES - 1);
        self.use_page(last);
    }

    /// A round after which pages are counted.
    ///
    /// # Panics
    /// If others left than must.
    pub fn audit(&mut self) {
        let before = self.machine.working_set_counters();
        let faults = self.machine.fault_counters();
        self.round();
        let after = self.machine.working_set_counters();
        assert_eq!(after.trimmed - before.trimmed, RELIEVED);
        assert_eq!(after.cleared, before.cleared);
        assert_eq!(self.machine.fault_counters(), faults);
        self.prepare();
        let soft = self.machine.fault_counters().soft - faults.soft;
        assert_eq!(soft, RELIEVED);
    }

    #[inline]
    fn use_page(&mut self, page: u64) {
        let process = self.processes[(page / PAGES) as usize];
        let at = BASE.wrapping_add(page % PAGES * PAGE);
        let read = self.machine.read(process, at, &mut [0; 8]);
        read.expect("the file is there");
    }
}

impl Default for ReliefWorld {
    fn default() -> Self {
        Self::new()
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
