//! Accesses that fault, and wait for the disk.

use memory_manager::demand::{AccessError, ServiceError};
use memory_manager::{AllocationType, Exception, FaultProgress, PageProtection, PageWait, Status};
use mmu_core::{Fault, PageFault, PageSize, VirtAddr};

use super::{PLACES, Paged, PagingError};
use crate::sim::{MachineError, Waits, cores::Cores, memory::Piece};

/// How often one access may fault: each of its two pages once because it is not there and once
/// because it cannot be written yet, and as often again because room was made for the other.
const MAX_FAULTS: u32 = 8;

/// An access that waits for a page to be read.
#[derive(Debug)]
pub(in crate::sim) struct Pause {
    wait: PageWait,
    /// How often the access has waited.
    pauses: u32,
}

impl Paged {
    /// Lets a processor make an access; if it has to wait for the disk, it does.
    #[inline]
    pub(in crate::sim) fn access(
        &mut self,
        cores: &mut Cores,
        number: usize,
        piece: Piece,
    ) -> Result<(), MachineError> {
        match cores.one(number).access(self.machine.ram(), piece) {
            Ok(()) => Ok(()),
            Err(fault) => {
                let stays = self.resolve_and_retry(cores, number, piece, fault, Waits::Stay);
                stays.map(|_| ())
            }
        }
    }

    /// The same, or goes on with it; says so if it has to wait for a page.
    pub(in crate::sim) fn access_or_pause(
        &mut self,
        cores: &mut Cores,
        number: usize,
        piece: Piece,
        pause: Option<Pause>,
    ) -> Result<Option<Pause>, MachineError> {
        let mut pauses = 0;
        if let Some(pause) = pause {
            pauses = pause.pauses;
            self.go_on(cores, number, pause.wait)?;
        }
        let Err(fault) = cores.one(number).access(self.machine.ram(), piece) else {
            return Ok(None);
        };
        // Whose pages leave again while he waits for others stays.
        let waits = if pauses < MAX_FAULTS {
            Waits::GiveWay
        } else {
            Waits::Stay
        };
        let wait = self.resolve_and_retry(cores, number, piece, fault, waits)?;
        Ok(wait.map(|wait| Pause {
            wait,
            pauses: pauses + 1,
        }))
    }

    #[cold]
    fn resolve_and_retry(
        &mut self,
        cores: &mut Cores,
        number: usize,
        piece: Piece,
        mut fault: Fault,
        waits: Waits,
    ) -> Result<Option<PageWait>, MachineError> {
        for _ in 0..MAX_FAULTS {
            if let Some(wait) = self.resolve(cores, number, fault, waits)? {
                return Ok(Some(wait));
            }
            match cores.one(number).access(self.machine.ram(), piece) {
                Ok(()) => return Ok(None),
                Err(next) => fault = next,
            }
        }
        Err(PagingError::NoProgress(self.config.ram).into())
    }

    fn resolve(
        &mut self,
        cores: &mut Cores,
        number: usize,
        fault: Fault,
        waits: Waits,
    ) -> Result<Option<PageWait>, MachineError> {
        let Fault::Page(fault) = fault else {
            return Err(AccessError::Fault(fault).into());
        };
        let process = cores.one(number).current();
        self.faults += 1;
        let wait = self.service(process, &fault, waits)?;
        self.settle(cores, number)?;
        let Some(wait) = wait else {
            self.let_time_pass(cores, number)?;
            return Ok(None);
        };
        let now = cores.one(number).cycles().total();
        if self.disk.wait_for(wait.read(), now) {
            return Ok(Some(wait));
        }
        self.go_on(cores, number, wait)?;
        Ok(None)
    }

    /// The page that somebody waited for is there.
    fn go_on(
        &mut self,
        cores: &mut Cores,
        number: usize,
        wait: PageWait,
    ) -> Result<(), MachineError> {
        self.disk.is_over(wait.read());
        if let Err(exception) = self.machine.end_service(wait) {
            return Err(self.refused(exception.reason.unwrap_or(exception.code)));
        }
        self.settle(cores, number)?;
        self.let_time_pass(cores, number)
    }

    /// Services a fault. What a program touches was allocated by it, which its trace does not
    /// say: it is committed when it is first touched.
    fn service(
        &mut self,
        process: usize,
        fault: &PageFault,
        waits: Waits,
    ) -> Result<Option<PageWait>, MachineError> {
        match self.try_service(process, fault, waits) {
            Ok(wait) => return Ok(wait),
            Err(exception) if exception.code == Status::AccessViolation => {}
            Err(exception) => return Err(self.refused(exception.reason.unwrap_or(exception.code))),
        }
        let page = fault.address.as_u64() & !(PageSize::Size4KiB.bytes() - 1);
        if !PLACES
            .iter()
            .any(|&(start, end)| (start..end).contains(&page))
        {
            return Err(PagingError::NoUserMemory(fault.address).into());
        }
        let committed = self.machine.virtual_alloc(
            self.processes[process],
            Some(VirtAddr::new(page)),
            PageSize::Size4KiB.bytes(),
            AllocationType::COMMIT,
            PageProtection::EXECUTE_READWRITE,
        );
        committed.map_err(|status| self.refused(status))?;
        match self.try_service(process, fault, waits) {
            Ok(wait) => Ok(wait),
            Err(exception) if exception.code == Status::AccessViolation => {
                Err(AccessError::from(ServiceError::AccessViolation(*fault)).into())
            }
            Err(exception) => Err(self.refused(exception.code)),
        }
    }

    fn try_service(
        &mut self,
        process: usize,
        fault: &PageFault,
        waits: Waits,
    ) -> Result<Option<PageWait>, Exception> {
        let process = self.processes[process];
        Ok(match waits {
            Waits::Stay => {
                self.machine.service(process, fault)?;
                None
            }
            Waits::GiveWay => match self.machine.begin_service(process, fault)? {
                FaultProgress::Done(_) => None,
                FaultProgress::Waits(wait) => Some(wait),
            },
        })
    }
}
