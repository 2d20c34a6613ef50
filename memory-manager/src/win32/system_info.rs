use mmu_core::VirtAddr;

use crate::{
    ALLOCATION_GRANULARITY, Bitness, LARGE_PAGE_MINIMUM, Status, Win32,
    vad::{PAGE, USER_LIMIT, USER_START},
};

/// A kind of processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessorArchitecture {
    /// `PROCESSOR_ARCHITECTURE_INTEL`: x86.
    Intel,
    /// `PROCESSOR_ARCHITECTURE_AMD64`: x64.
    Amd64,
}

impl ProcessorArchitecture {
    /// The value that Windows has for it.
    pub const fn value(self) -> u16 {
        match self {
            Self::Intel => 0,
            Self::Amd64 => 9,
        }
    }
}

/// What `GetSystemInfo` says (Microsoft, `SYSTEM_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SystemInfo {
    /// `wProcessorArchitecture`.
    pub architecture: ProcessorArchitecture,
    /// `dwPageSize`, in bytes.
    pub page_size: u64,
    /// `lpMinimumApplicationAddress`: the first address that a program may use.
    pub minimum_application_address: VirtAddr,
    /// `lpMaximumApplicationAddress`: the last one.
    pub maximum_application_address: VirtAddr,
    /// `dwActiveProcessorMask`: a bit for each processor.
    pub active_processor_mask: u64,
    /// `dwNumberOfProcessors`.
    pub processors: u32,
    /// `dwAllocationGranularity`: where regions start, in bytes.
    pub allocation_granularity: u64,
}

impl Win32<'_> {
    /// `GetSystemInfo`: the system as the process that calls sees it. A program of 32 bits
    /// sees a processor of 32 bits.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`] if the process has ended.
    pub fn get_system_info(&self) -> Result<SystemInfo, Status> {
        let (space, _) = self.machine.space_ref(self.process)?;
        let native = self.get_native_system_info();
        Ok(match space.layout.bitness() {
            Bitness::Bits64 => native,
            Bitness::Bits32 => SystemInfo {
                architecture: ProcessorArchitecture::Intel,
                maximum_application_address: VirtAddr::new(space.layout.limit() - 1),
                ..native
            },
        })
    }

    /// `GetNativeSystemInfo`: the system as programs of 64 bits see it.
    pub fn get_native_system_info(&self) -> SystemInfo {
        let processors = self.machine.processors();
        SystemInfo {
            architecture: ProcessorArchitecture::Amd64,
            page_size: PAGE,
            minimum_application_address: VirtAddr::new(USER_START),
            maximum_application_address: VirtAddr::new(USER_LIMIT - 1),
            active_processor_mask: u64::MAX >> (u64::BITS - processors),
            processors,
            allocation_granularity: ALLOCATION_GRANULARITY,
        }
    }

    /// `GetLargePageMinimum`: the size of a large page in bytes.
    pub fn get_large_page_minimum(&self) -> u64 {
        LARGE_PAGE_MINIMUM
    }
}
