//! The seam for who emulates processors of their own: their MMUs raise faults, the memory
//! manager services them.

use mmu_core::{Entry, ErrorCode, Invalidation, PageFault, Ram, Registers};

use crate::{
    Exception, ExceptionAccess, Machine, ProcessId, Status, Target,
    paging::Patience,
    pte::PteState,
    vad::{PAGE, USER_LIMIT},
};

mod wait;

pub use wait::{FaultProgress, PageWait};

/// What came of servicing a fault; either way the access is to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultOutcome {
    /// It was resolved.
    Resolved,
    /// There was nothing to do: since it was raised, another processor's fault on the same
    /// page was resolved.
    AlreadyThere,
}

/// What faults came to, of all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FaultCounters {
    /// Faults that there were, those that ended as exceptions included.
    pub faults: u64,
    /// Pages of private memory that appeared (`DemandZeroCount` of Windows' performance
    /// information).
    pub demand_zero: u64,
    /// Pages that nobody used, and that were still in memory (`TransitionCount`): soft faults.
    pub soft: u64,
    /// Pages that were in a page file or a mapped file, and were read from there because they
    /// were used. What was read along with them is not counted.
    pub hard: u64,
    /// Pages that were being read already, because of another fault, and were waited for.
    pub collided: u64,
    /// Pages of sections that were copied by a write (`CopyOnWriteCount`).
    pub write_copies: u64,
    /// Faults that another one had resolved meanwhile.
    pub already_there: u64,
}

impl Machine {
    /// The physical memory, with the page tables in it: what the MMU of a processor of one's
    /// own walks. Only user memory may be written to, and only where such an MMU lets it.
    pub fn ram(&self) -> &Ram {
        self.kernel.physical.ram()
    }

    /// The registers under which a processor runs a process.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn registers(&self, process: ProcessId) -> Result<Registers, Status> {
        let (space, kernel) = self.space_ref(process)?;
        Ok(kernel.processors.registers(&space.root))
    }

    /// Services a page fault that a processor of one's own has raised. Only its address and its
    /// error code count: the page tables may have changed since.
    ///
    /// ```
    /// use memory_manager::{Machine, MachineConfig, FaultOutcome, StackRequest};
    /// use mmu_core::{AccessKind, CpuFeatures, Fault, FunctionalMmu, PrivilegeMode};
    ///
    /// let mut machine = Machine::new(&MachineConfig::default())?;
    /// machine.record_invalidations();
    /// let process = machine.create_process()?;
    /// let thread = machine.create_thread(process, StackRequest::default())?;
    /// let top = machine.stack(thread)?.base.wrapping_add(8_u64.wrapping_neg());
    ///
    /// let registers = machine.registers(process)?;
    /// let mut cpus = [(); 2].map(|()| {
    ///     FunctionalMmu::functional(CpuFeatures::default(), registers).expect("can page")
    /// });
    /// let (kind, mode) = (AccessKind::Write, PrivilegeMode::User);
    /// // Both fault before either fault is serviced.
    /// let faults = cpus.each_mut().map(|cpu| cpu.translate(machine.ram(), top, kind, mode));
    /// let serviced = faults.map(|fault| match fault {
    ///     Err(Fault::Page(fault)) => machine.service(thread, &fault),
    ///     other => panic!("{other:?}"),
    /// });
    /// assert_eq!(serviced, [Ok(FaultOutcome::Resolved), Ok(FaultOutcome::AlreadyThere)]);
    /// for invalidation in machine.take_invalidations() {
    ///     for cpu in &mut cpus {
    ///         let _ = cpu.invalidate(invalidation)?;
    ///     }
    /// }
    /// let places = cpus.each_mut().map(|cpu| cpu.translate(machine.ram(), top, kind, mode));
    /// assert_eq!(places[0]?.address, places[1]?.address);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The [`Exception`] that the thread gets instead.
    pub fn service(
        &mut self,
        target: impl Into<Target>,
        fault: &PageFault,
    ) -> Result<FaultOutcome, Exception> {
        self.serve(target.into(), fault, &Patience::Stays)
    }

    fn serve(
        &mut self,
        target: Target,
        fault: &PageFault,
        patience: &Patience,
    ) -> Result<FaultOutcome, Exception> {
        let access = ExceptionAccess::of_fault(fault.error_code);
        let failed = failure(fault);
        let (space, kernel) = self.space(target).map_err(&failed)?;
        let page = fault.address.as_u64() & !(PAGE - 1);
        if page >= USER_LIMIT {
            return Err(failed(Status::AccessViolation));
        }
        let deepest = space.deepest_entry(&kernel.physical, page);
        let deepest = deepest.map_err(&failed)?;
        let pte = kernel.physical.read_pte(deepest.place);
        let pte = pte.map_err(&failed)?;
        if deepest.page.is_some()
            && let PteState::Valid(valid) = pte.state()
            && match access {
                ExceptionAccess::Read => true,
                ExceptionAccess::Write => valid.lets_write(),
                ExceptionAccess::Execute => valid.lets_execute(),
            }
        {
            kernel.faults.faults += 1;
            kernel.faults.already_there += 1;
            return Ok(FaultOutcome::AlreadyThere);
        }
        let fresh = PageFault {
            level: deepest.level,
            entry_address: deepest.place,
            entry: Entry::from_bits_retain(pte.bits()),
            ..*fault
        };
        space.resolve(kernel, target.thread(), &fresh, access, patience)?;
        Ok(FaultOutcome::Resolved)
    }

    /// Begins to record what processors of one's own have to forget.
    pub fn record_invalidations(&mut self) {
        self.kernel.recorded.get_or_insert_default();
    }

    /// What processors of one's own have to forget before they go on, since this was last
    /// asked: translations of what is gone, or may be done no longer. Each is to be executed
    /// by every processor that ran the process.
    pub fn take_invalidations(&mut self) -> Vec<Invalidation> {
        self.kernel
            .recorded
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// What page faults came to.
    pub fn fault_counters(&self) -> FaultCounters {
        self.kernel.faults
    }
}

/// What a thread gets whose fault cannot be serviced.
fn failure(fault: &PageFault) -> impl Fn(Status) -> Exception {
    Exception::at(fault.address, ExceptionAccess::of_fault(fault.error_code))
}

impl ExceptionAccess {
    fn of_fault(code: ErrorCode) -> Self {
        if code.contains(ErrorCode::FETCH) {
            Self::Execute
        } else if code.contains(ErrorCode::WRITE) {
            Self::Write
        } else {
            Self::Read
        }
    }
}
