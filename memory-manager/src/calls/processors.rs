use mmu_core::{Breakdown, ProcessorId};

use crate::{Caller, Machine, ShootdownCounters, Status};

impl Machine {
    /// Lets a process or one of its threads run on a processor: its accesses are made by that
    /// processor's MMU, and its calls are made there, whose memory they are ever about. At first all processes run on the first
    /// processor, and a thread runs where its process does until it is told otherwise.
    ///
    /// ```
    /// use memory_manager::{
    ///     AllocationType, FreeType, Machine, MachineConfig, PageProtection, StackRequest,
    /// };
    /// use mmu_core::ProcessorId;
    ///
    /// let config = MachineConfig {
    ///     processors: 2,
    ///     ..MachineConfig::default()
    /// };
    /// let mut machine = Machine::new(&config)?;
    /// let process = machine.create_process()?;
    /// let thread = machine.create_thread(process, StackRequest::default())?;
    /// machine.run_on(thread, ProcessorId::new(1).expect("less than 64"))?;
    ///
    /// let both = AllocationType::RESERVE | AllocationType::COMMIT;
    /// let memory = machine.virtual_alloc(process, None, 8, both, PageProtection::READWRITE)?;
    /// machine.write(thread, memory.base, b"1337")?;
    /// machine.virtual_free(process, memory.base, 0, FreeType::RELEASE)?;
    /// assert_eq!(machine.shootdown_counters().targets, 1);
    /// assert!(machine.write(thread, memory.base, b"1337").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process or thread.
    /// - [`Status::InvalidParameter`]: no such processor.
    pub fn run_on(
        &mut self,
        caller: impl Into<Caller>,
        processor: ProcessorId,
    ) -> Result<(), Status> {
        let caller = caller.into();
        self.processor_of(caller)?;
        self.kernel.processors.get(processor)?;
        let space = self.spaces.get_mut(&caller.process());
        let space = space.ok_or(Status::InvalidHandle)?;
        match caller {
            Caller::Process(_) => space.processor = processor,
            Caller::Thread(thread) => {
                space.processors.insert(thread, processor);
            }
        }
        Ok(())
    }

    /// A processor has nothing to do until a call or an access is made on it. It is not
    /// interrupted meanwhile: it forgets what it has to before it goes on.
    ///
    /// # Errors
    /// [`Status::InvalidParameter`]: no such processor.
    pub fn idle(&mut self, processor: ProcessorId) -> Result<(), Status> {
        let processors = &mut self.kernel.processors;
        processors.get(processor)?;
        processors.rest(processor);
        Ok(())
    }

    /// What TLB shootdowns there were.
    pub fn shootdown_counters(&self) -> ShootdownCounters {
        self.kernel.processors.counters
    }

    /// The cycles that a processor spent so that what was cached was never used too long, by
    /// [`MachineConfig::costs`](crate::MachineConfig::costs): on invalidations, on MOV to CR3,
    /// and on interrupts.
    ///
    /// # Errors
    /// [`Status::InvalidParameter`]: no such processor.
    pub fn cycles(&self, processor: ProcessorId) -> Result<Breakdown, Status> {
        Ok(self.kernel.processors.get(processor)?.spent)
    }
}
