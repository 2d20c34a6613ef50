use mmu_core::{ProcessorId, VirtAddr};

use super::*;
use crate::{
    AddressRange, AllocationType, FreeType, MemoryInformation, MemoryState, PageProtection, Win32,
    WorkingSetSize,
};

mod alloc;
mod caching;
mod callers;
mod checked_disk;
mod collided;
mod copy;
mod dep;
mod discard;
mod failing_files;
mod faults;
mod file_clusters;
mod file_failures;
mod files;
mod frame_check;
mod frames;
mod free;
mod hostile;
mod image_headers;
mod images;
mod injection;
mod invariants;
mod large;
mod layouts;
mod lock;
mod looping;
mod mdl;
mod page_out;
mod paging;
mod pe;
mod placeholders;
mod placement;
mod prefetch;
mod processor_faults;
mod processors;
mod properties;
mod protect;
mod prototype_pointers;
mod query;
mod reserved_views;
mod reset;
mod section_objects;
mod sections;
mod self_map;
mod shared_data;
mod stalls;
mod system_tasks;
mod threads;
mod trimming;
mod win32;
mod window;
mod working_set;
mod write_watch;

const RESERVE: AllocationType = AllocationType::RESERVE;
const COMMIT: AllocationType = AllocationType::COMMIT;
const BOTH: AllocationType = RESERVE.union(COMMIT);
const NOACCESS: PageProtection = PageProtection::NOACCESS;
const READONLY: PageProtection = PageProtection::READONLY;
const READWRITE: PageProtection = PageProtection::READWRITE;
const WRITECOPY: PageProtection = PageProtection::WRITECOPY;
const EXECUTE: PageProtection = PageProtection::EXECUTE;
const EXECUTE_READ: PageProtection = PageProtection::EXECUTE_READ;
const GUARD: PageProtection = PageProtection::GUARD;
const DECOMMIT: FreeType = FreeType::DECOMMIT;
const RELEASE: FreeType = FreeType::RELEASE;

/// Takes all that can be spared out of a working set.
const EMPTY: WorkingSetSize = WorkingSetSize {
    minimum: u64::MAX,
    maximum: u64::MAX,
};

/// Where the tests have their memory.
const BASE: u64 = 0x5000_0000;

/// A machine with one process, most calls of which are for that.
struct Bench {
    machine: Machine,
    process: ProcessId,
}

impl Bench {
    fn new() -> Self {
        Self::with_ram(64 << 20)
    }

    fn with_ram(ram_bytes: u64) -> Self {
        Self::with_config(&MachineConfig {
            ram_bytes,
            ..MachineConfig::default()
        })
    }

    fn with_config(config: &MachineConfig) -> Self {
        let mut machine = Machine::new(config).unwrap();
        let process = machine.create_process().unwrap();
        Self { machine, process }
    }

    fn win32(&mut self) -> Win32<'_> {
        Win32::new(&mut self.machine, self.process)
    }

    fn alloc(
        &mut self,
        base: u64,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<(u64, u64), Status> {
        let base = Some(VirtAddr::new(base));
        let done = self
            .machine
            .virtual_alloc(self.process, base, size, kind, protection);
        done.map(plain)
    }

    fn free(&mut self, base: u64, size: u64, kind: FreeType) -> Result<(u64, u64), Status> {
        let base = VirtAddr::new(base);
        let done = self.machine.virtual_free(self.process, base, size, kind);
        done.map(plain)
    }

    fn protect(
        &mut self,
        base: u64,
        size: u64,
        protection: PageProtection,
    ) -> Result<PageProtection, Status> {
        let base = VirtAddr::new(base);
        let done = self
            .machine
            .virtual_protect(self.process, base, size, protection);
        done.map(|(_, old)| old)
    }

    /// Takes all pages out of the working set.
    fn empty_working_set(&mut self) {
        let emptied = self.machine.set_working_set_size(self.process, EMPTY);
        emptied.unwrap();
    }

    /// Pages on standby, of all priorities.
    fn standby(&self) -> u64 {
        self.machine.page_lists().standby.iter().sum()
    }

    fn query(&self, address: u64) -> MemoryInformation {
        let address = VirtAddr::new(address);
        self.machine.virtual_query(self.process, address).unwrap()
    }

    /// State, protection and length from an address on.
    fn run(&self, address: u64) -> (MemoryState, PageProtection, u64) {
        let found = self.query(address);
        (found.state, found.protection, found.size)
    }

    fn read(&mut self, address: u64) -> Result<u8, (Status, u64, u64)> {
        let mut byte = [0];
        let address = VirtAddr::new(address);
        let done = self.machine.read(self.process, address, &mut byte);
        done.map(|()| byte[0]).map_err(raw)
    }

    fn write(&mut self, address: u64, byte: u8) -> Result<(), (Status, u64, u64)> {
        let address = VirtAddr::new(address);
        let done = self.machine.write(self.process, address, &[byte]);
        done.map_err(raw)
    }

    fn execute(&mut self, address: u64) -> Result<u8, (Status, u64, u64)> {
        let done = self.machine.execute(self.process, VirtAddr::new(address));
        done.map_err(raw)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            invariants::check(&self.machine);
        }
    }
}

fn plain(range: AddressRange) -> (u64, u64) {
    (range.base.as_u64(), range.size)
}

/// What an exception says: its code and its information.
fn raw(exception: crate::Exception) -> (Status, u64, u64) {
    (exception.code, exception.access.code(), exception.address)
}

/// An access violation.
fn violation<T>(access: u64, address: u64) -> Result<T, (Status, u64, u64)> {
    Err((Status::AccessViolation, access, address))
}

/// What the first touch of a guard page raises.
fn guard<T>(access: u64, address: u64) -> Result<T, (Status, u64, u64)> {
    Err((Status::GuardPageViolation, access, address))
}

/// Numbers that are drawn, the same from the same seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % end
    }
}
