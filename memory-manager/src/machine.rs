use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
};

use mmu_core::{CpuFeatures, GeneralProtection, ProcessorId, RamTooLarge, SoftwareCosts};

use crate::{
    AddressLayout, DepPolicy, DiskModel, FaultCounters, ProcessDep, Replacement, Status,
    WorkingSetCounters,
    commit::Commit,
    kernel::Kernel,
    mdl::Mdls,
    physical::Physical,
    processors::Processors,
    section::{SectionObjects, Segments},
    user_space::UserSpace,
    vad::{PAGE, Placeholder},
};

/// What a machine is made of and how its memory manager is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// Bytes of physical memory. As much can be committed, and more with page files, which a
    /// machine is given once it is there, since they are files and no values:
    /// [`Machine::create_page_file`], [`Machine::add_page_file`].
    pub ram_bytes: u64,
    /// The processor's features; no-execute is needed.
    pub features: CpuFeatures,
    /// Which processes may execute any page that they can read.
    pub dep_policy: DepPolicy,
    /// Of how many colours frames are: of a cache that is indexed by physical addresses, the
    /// bytes of a way in pages. Those that are asked for one after another differ in colour.
    pub page_colours: NonZeroU16,
    /// What the disks cost that page files and mapped files are on.
    pub disk: DiskModel,
    /// How many processors there are, from 1 to [`ProcessorId::COUNT`].
    pub processors: u32,
    /// What invalidations and TLB shootdowns cost, in cycles; the costs of other events do not
    /// count here. Nothing by default.
    pub costs: SoftwareCosts,
    /// Which page a process that has its share of memory gives for another one.
    pub replacement: Replacement,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            ram_bytes: 1 << 30,
            features: CpuFeatures::default(),
            dep_policy: DepPolicy::default(),
            page_colours: NonZeroU16::MIN,
            replacement: Replacement::default(),
            disk: DiskModel::default(),
            processors: 1,
            costs: SoftwareCosts::default(),
        }
    }
}

/// A machine cannot be made so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// No x86 processor could address its memory.
    #[error(transparent)]
    Ram(#[from] RamTooLarge),
    /// There can be no such number of processors.
    #[error("a machine has from 1 to {most} processors, and not {0}", most = ProcessorId::COUNT)]
    ProcessorCount(u32),
    /// Its processors cannot run it.
    #[error("the processors cannot page as the memory manager needs it: {0}")]
    Processor(#[from] GeneralProtection),
}

/// A process of a machine. None is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub(crate) u64);

/// A machine: physical memory, the MMUs of its processors, and a memory manager in the manner of
/// Windows NT, with its processes and sections.
///
/// ```
/// use memory_manager::{AllocationType, Machine, MachineConfig, PageProtection, Status};
///
/// let mut machine = Machine::new(&MachineConfig::default())?;
/// let process = machine.create_process()?;
/// let both = AllocationType::RESERVE | AllocationType::COMMIT;
/// let memory = machine.virtual_alloc(process, None, 8, both, PageProtection::READWRITE)?;
/// assert_eq!(memory.size, 0x1000);
/// machine.write(process, memory.base, b"1337")?;
///
/// machine.virtual_protect(process, memory.base, 8, PageProtection::READONLY)?;
/// let refused = machine.write(process, memory.base, b"7331").unwrap_err();
/// assert_eq!(refused.code, Status::AccessViolation);
/// assert_eq!(refused.address, memory.base.as_u64());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Once it has a page file, pages that were not used for long go there when memory is short
/// ([`Machine::create_page_file`]); a second passes by [`Machine::tick`].
#[derive(Debug)]
pub struct Machine {
    pub(crate) kernel: Kernel,
    pub(crate) spaces: BTreeMap<ProcessId, UserSpace>,
    pub(crate) features: CpuFeatures,
    pub(crate) dep_policy: DepPolicy,
    next_process: u64,
    pub(crate) next_thread: u64,
}

impl Machine {
    /// A machine with no processes.
    ///
    /// # Errors
    /// [`MachineError`] if there can be no such machine.
    pub fn new(config: &MachineConfig) -> Result<Self, MachineError> {
        Ok(Self {
            kernel: Kernel {
                physical: Physical::new(config.ram_bytes, config.page_colours, config.disk)?,
                processors: Processors::new(config)?,
                commit: Commit::new(config.ram_bytes / PAGE),
                segments: Segments::default(),
                shared_data: None,
                sections: SectionObjects::default(),
                mdls: Mdls::default(),
                system: None,
                faults: FaultCounters::default(),
                working_sets: WorkingSetCounters::default(),
                replacement: config.replacement,
                pages_added: 0,
                calls: 0,
                in_page_reason: None,
                awaited: None,
                recorded: None,
            },
            spaces: BTreeMap::new(),
            features: config.features,
            dep_policy: config.dep_policy,
            next_process: 0,
            next_thread: 0,
        })
    }

    /// A 64-bit process, with nothing but the page at [`SHARED_DATA`](crate::SHARED_DATA) in
    /// its address space.
    ///
    /// # Errors
    /// [`Status::CommitmentLimit`] or [`Status::NoMemory`] if there is no memory for its first
    /// page table, or for the page.
    pub fn create_process(&mut self) -> Result<ProcessId, Status> {
        self.create_process_with(AddressLayout::Wide)
    }

    /// As [`Machine::create_process`], of 64 or 32 bits.
    ///
    /// # Errors
    /// As [`Machine::create_process`].
    pub fn create_process_with(&mut self, layout: AddressLayout) -> Result<ProcessId, Status> {
        self.balance(None)?;
        let process = ProcessId(self.next_process);
        let dep = ProcessDep::new(self.dep_policy, layout.bitness());
        let kernel = &mut self.kernel;
        let mut space = UserSpace::new(kernel, process, self.features, (layout, dep))?;
        if let Err(status) = space.show_shared_data(kernel, self.dep_policy) {
            space.close(kernel)?;
            return Err(status);
        }
        self.next_process += 1;
        self.spaces.insert(process, space);
        Ok(process)
    }

    /// Ends a process; all its memory is given back, and what it wrote to mapped files is in
    /// them. Pages that are locked for a device keep their frames until they are unlocked
    /// ([`Machine::pages_locked_of`]).
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - What writing to a file failed with first. The process is gone nevertheless, and what
    ///   was not written is kept: [`Machine::tick`] and [`Machine::flush_files`] try again.
    pub fn terminate_process(&mut self, process: ProcessId) -> Result<(), Status> {
        let processor = self.processor_of(process.into())?;
        self.kernel.processors.arrive(processor)?;
        let mut space = self.spaces.remove(&process).ok_or(Status::InvalidHandle)?;
        let kernel = &mut self.kernel;
        // Its threads do not end before what they wait for is read.
        kernel.physical.complete_of(process)?;
        let regions: Vec<_> = space.vads.iter().map(|vad| (vad.start, vad.end)).collect();
        let mut segments = BTreeSet::new();
        let mut result = Ok(());
        for (start, end) in regions {
            let view = space.vads.find(start).and_then(|vad| vad.view_index(start));
            result = result.and(match view {
                Some((segment, _)) => {
                    segments.insert(segment);
                    space.drop_view(kernel, start, Placeholder::No)
                }
                None => space.release(kernel, start, end),
            });
        }
        result = result.and(space.close(kernel));
        for segment in segments {
            result = result.and(kernel.retire(segment));
        }
        result
    }

    /// How many processors it has.
    pub fn processors(&self) -> u32 {
        self.kernel.processors.count
    }

    /// Pages that were promised to processes and sections, page tables included.
    pub fn commit_charge(&self) -> u64 {
        self.kernel.commit.charged()
    }

    /// Bytes of a process's page tables, of all levels.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn page_table_size(&self, process: ProcessId) -> Result<u64, Status> {
        Ok(self.space_ref(process)?.0.tables * PAGE)
    }

    /// Frames of physical memory that cannot be had, since they are in use or hold what is
    /// nowhere else.
    pub fn frames_in_use(&self) -> u64 {
        self.kernel.physical.in_use()
    }

    pub(crate) fn space_ref(&self, process: ProcessId) -> Result<(&UserSpace, &Kernel), Status> {
        let space = self.spaces.get(&process);
        Ok((space.ok_or(Status::InvalidHandle)?, &self.kernel))
    }
}

#[cfg(test)]
mod tests;
