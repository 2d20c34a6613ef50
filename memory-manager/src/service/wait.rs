//! Faults that wait for a disk while others run.

use mmu_core::PageFault;

use super::{FaultCounters, FaultOutcome};
use crate::{
    Exception, Machine, PageReadId, Target,
    paging::{FailedPage, Patience},
};

/// What came of a fault that was begun to be serviced.
#[derive(Debug)]
pub enum FaultProgress {
    /// It was serviced: the access is to be tried again.
    Done(FaultOutcome),
    /// Its page is being read.
    Waits(PageWait),
}

/// A fault whose page is being read, until this is handed to [`Machine::end_service`] of the
/// machine that it is of. Its pages are in flight until somebody who waits for the read does that,
/// or a call needs one of them, or a frame and there is no other, or their process ends.
#[derive(Debug)]
#[must_use = "its thread waits until it is ended"]
pub struct PageWait {
    target: Target,
    fault: PageFault,
    read: PageReadId,
    failed: Option<FailedPage>,
}

impl PageWait {
    /// The read that it waits for: all whose pages are read at once wait for the same.
    pub fn read(&self) -> PageReadId {
        self.read
    }

    /// Who waits.
    pub fn target(&self) -> Target {
        self.target
    }
}

impl Machine {
    /// As [`Machine::service`], but a page that has to be read is not waited for. It is in flight:
    /// its frame is nobody else's, and whoever touches it, or a page that is read with it, waits
    /// for the same read, be it here or by staying in a call until it is over (*Windows Internals*,
    /// 6th edition, "Collided Page Faults"). How long that takes, the machine does not know; what
    /// the disk did, it counts when a read begins ([`Machine::disk_counters`]).
    ///
    /// ```
    /// use memory_manager::{
    ///     AllocationType, FaultProgress, Machine, MachineConfig, PageFileSize, PageProtection,
    /// };
    /// use mmu_core::{AccessKind, CpuFeatures, Fault, FunctionalMmu, PrivilegeMode};
    ///
    /// let mut machine = Machine::new(&MachineConfig::default())?;
    /// let size = PageFileSize { minimum: 1 << 20, maximum: 1 << 20 };
    /// machine.add_page_file(Box::new(tempfile::tempfile()?), size)?;
    /// let process = machine.create_process()?;
    /// let both = AllocationType::RESERVE | AllocationType::COMMIT;
    /// let memory = machine.virtual_alloc(process, None, 8, both, PageProtection::READWRITE)?;
    /// machine.write(process, memory.base, b"1337")?;
    /// machine.page_out()?;
    ///
    /// let registers = machine.registers(process)?;
    /// let mut cpus = [(); 2].map(|()| {
    ///     FunctionalMmu::functional(CpuFeatures::default(), registers).expect("can page")
    /// });
    /// let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
    /// let waits = cpus.each_mut().map(|cpu| {
    ///     match cpu.translate(machine.ram(), memory.base, kind, mode) {
    ///         Err(Fault::Page(fault)) => match machine.begin_service(process, &fault) {
    ///             Ok(FaultProgress::Waits(wait)) => wait,
    ///             other => panic!("{other:?}"),
    ///         },
    ///         other => panic!("{other:?}"),
    ///     }
    /// });
    /// assert_eq!(waits[0].read(), waits[1].read());
    /// let faults = machine.fault_counters();
    /// assert_eq!((faults.hard, faults.collided), (1, 1));
    /// // Others run here.
    /// for wait in waits {
    ///     machine.end_service(wait)?;
    /// }
    /// let places = cpus.each_mut().map(|cpu| {
    ///     cpu.translate(machine.ram(), memory.base, kind, mode)
    /// });
    /// assert_eq!(places[0]?.address, places[1]?.address);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Machine::service`], but for what becomes of reading the page.
    pub fn begin_service(
        &mut self,
        target: impl Into<Target>,
        fault: &PageFault,
    ) -> Result<FaultProgress, Exception> {
        let target = target.into();
        let served = self.serve(target, fault, &Patience::Leaves(target.process));
        match self.kernel.awaited.take() {
            Some(awaited) => Ok(FaultProgress::Waits(PageWait {
                target,
                fault: *fault,
                read: awaited.read,
                failed: awaited.failed,
            })),
            None => served.map(FaultProgress::Done),
        }
    }

    /// Ends a wait, and with the first one for a read that read: what was read is on standby, and
    /// the page of this fault in use. What became of it meanwhile counts: its memory may be gone,
    /// or protected otherwise; if it has left memory again, it is read at once.
    ///
    /// # Errors
    /// The [`Exception`] that the thread gets instead: in particular
    /// [`Status::InPageError`](crate::Status::InPageError), which all get who waited for a page that
    /// could not be read.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "who has gone on waits no more"
    )]
    pub fn end_service(&mut self, wait: PageWait) -> Result<FaultOutcome, Exception> {
        let PageWait {
            target,
            fault,
            read,
            failed,
        } = wait;
        let completed = self.kernel.physical.complete(read);
        completed.map_err(super::failure(&fault))?;
        // It was counted when it began.
        let counted = self.kernel.faults;
        let patience = failed.map_or(Patience::Stays, Patience::Told);
        let served = self.serve(target, &fault, &patience);
        self.kernel.faults = FaultCounters {
            faults: counted.faults,
            soft: counted.soft,
            already_there: counted.already_there,
            ..self.kernel.faults
        };
        served
    }
}
