use std::io;

use memory_manager::{
    AddressRange, AllocationType, Exception, Machine, MachineConfig, PageFileSize, PageProtection,
    ProcessId, SectionHandle, Status, Win32,
};
use mmu_core::VirtAddr;

use super::{
    Answer, Call, Handle, Header, Place, Reply, Slot, Tag, Walk, files::Files, names::Names,
};
use crate::golden::GoldenError;

/// Transcripts use some MiB.
const RAM_BYTES: u64 = 64 << 20;

/// Where all of it goes that is in no other file.
const PAGE_FILE: PageFileSize = PageFileSize {
    minimum: RAM_BYTES,
    maximum: RAM_BYTES,
};

/// Does what the lines of a transcript say, on a machine of its own.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) machine: Machine,
    pub(super) process: ProcessId,
    pub(super) names: Names,
    pub(super) sections: [Option<SectionHandle>; Handle::COUNT],
    pub(super) files: Files,
    between: Between,
}

/// What is done between the calls of a transcript, which must not be noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Between {
    /// Nothing.
    #[default]
    Nothing,
    /// All pages go to a page file, or to the files that they are of.
    PageOut,
}

/// What a line came to here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// This.
    Reply(Reply),
    /// Nothing: it is about a region that is not there.
    Unbound(Slot),
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum NotDone {
    /// The call failed.
    Failed(Status),
    /// The access is not permitted.
    Exception(Exception),
    /// It is about a region that is not there.
    Unbound(Slot),
    /// A file cannot be handed on.
    File(io::Error),
}

impl Player {
    /// A process with nothing but the fences around the arena.
    pub(super) fn new(header: &Header, between: Between) -> Result<Self, GoldenError> {
        let config = MachineConfig {
            ram_bytes: RAM_BYTES,
            ..MachineConfig::default()
        };
        let mut machine = Machine::new(&config)?;
        if between == Between::PageOut {
            let disk = tempfile::tempfile().map_err(GoldenError::File)?;
            let added = machine.add_page_file(Box::new(disk), PAGE_FILE);
            added.map_err(|error| GoldenError::PageOut(error.to_string()))?;
        }
        let process = machine.create_process().map_err(GoldenError::Fence)?;
        let names = Names::new(header.arena_bytes);
        for AddressRange { base, size } in names.fences() {
            let (kind, protection) = (AllocationType::RESERVE, PageProtection::NOACCESS);
            machine
                .virtual_alloc(process, Some(base), size, kind, protection)
                .map_err(GoldenError::Fence)?;
        }
        Ok(Self {
            machine,
            process,
            names,
            sections: [None; Handle::COUNT],
            files: Files::new(header.file_bytes).map_err(GoldenError::File)?,
            between,
        })
    }

    /// Does what a line says.
    pub(super) fn play(&mut self, call: &Call, tag: Tag) -> Result<Got, GoldenError> {
        if self.between == Between::PageOut {
            let done = self.machine.page_out();
            done.map_err(|status| GoldenError::PageOut(status.to_string()))?;
        }
        match self.call(call) {
            Ok(reply) => Ok(Got::Reply(reply)),
            Err(NotDone::Failed(status)) => Ok(Got::Reply(self.failed(call, tag, status))),
            Err(NotDone::Exception(exception)) => Ok(Got::Reply(self.exception(exception))),
            Err(NotDone::Unbound(slot)) => Ok(Got::Unbound(slot)),
            Err(NotDone::File(error)) => Err(GoldenError::File(error)),
        }
    }

    pub(super) fn win32(&mut self) -> Win32<'_> {
        Win32::new(&mut self.machine, self.process)
    }

    pub(super) fn address(&self, place: Place) -> Result<VirtAddr, NotDone> {
        self.names.address(place).map_err(NotDone::Unbound)
    }

    /// None stands for the system's choice.
    pub(super) fn wanted(&self, place: Place) -> Result<Option<VirtAddr>, NotDone> {
        match place {
            Place::Null => Ok(None),
            _ => self.address(place).map(Some),
        }
    }

    fn failed(&self, call: &Call, tag: Tag, status: Status) -> Reply {
        let error = status.win32();
        match *call {
            Call::GetWriteWatch { .. } | Call::ResetWriteWatch { .. } => {
                Answer::WatchFailed(error).into()
            }
            Call::Alloc { at, .. }
            | Call::Free { at, .. }
            | Call::Protect { at, .. }
            | Call::Map { at, .. } => Reply {
                answer: Answer::Failed(error),
                walk: self.where_it_failed(at, tag),
            },
            _ => Answer::Failed(error).into(),
        }
    }

    /// What is where a call failed, if that is in the arena. Calls that were not executed were
    /// not followed by queries.
    fn where_it_failed(&self, at: Place, tag: Tag) -> Option<Walk> {
        let address = self.names.address(at).ok()?;
        if tag == Tag::Derived || !self.names.is_in_arena(address) {
            return None;
        }
        self.page(address)
    }

    /// A page that was a guard page is shown, being none any more.
    fn exception(&self, exception: Exception) -> Reply {
        let Exception {
            code,
            access,
            address,
            ..
        } = exception;
        let place = self.names.place(address);
        let walk = match code {
            Status::GuardPageViolation => self.page(VirtAddr::new(address)),
            _ => None,
        };
        Reply {
            answer: Answer::Exception(code.ntstatus(), access.code(), place),
            walk,
        }
    }
}

impl From<Status> for NotDone {
    fn from(status: Status) -> Self {
        Self::Failed(status)
    }
}

impl From<Exception> for NotDone {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}
