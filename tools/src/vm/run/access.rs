//! Memory is read, written and executed.

use memory_manager::{Exception, MemoryInformation, MemoryState, Status};
use mmu_core::VirtAddr;

use super::{PAGE, Run};
use crate::vm::{
    error::Failure,
    script::{Access, Expression, Spanned, Width, Words},
    words::{in_words, state_name},
};

impl Run<'_> {
    pub(super) fn access(&mut self, access: &Access, address: VirtAddr) -> Result<(), Failure> {
        match access {
            Access::Read(Width(width)) => self.read(address, &mut [0; 8][..*width]),
            Access::WriteText(text) => self.write(address, text.as_bytes()),
            Access::Write(Width(width), value) => {
                let value = self.number(value)?;
                let bytes = value.to_le_bytes();
                let (bytes, above) = bytes.split_at(*width);
                if above.iter().any(|&byte| byte != 0) {
                    let bits = width * 8;
                    return Err(Failure::TooWide { value, bits });
                }
                self.write(address, bytes)
            }
            Access::Execute => {
                let done = self.machine.execute(self.caller(), address);
                done.map(drop)
                    .map_err(|exception| self.raised(exception, address, 1))
            }
            Access::Touch(size) => self.touch(address, size),
        }
    }

    fn touch(&mut self, address: VirtAddr, size: &Spanned<Expression>) -> Result<(), Failure> {
        let size = self.number(size)?;
        let mut offset = 0;
        while offset < size {
            self.go_on()?;
            let at = address.wrapping_add(offset);
            self.read(at, &mut [0])?;
            offset = offset.saturating_add(PAGE - at.as_u64() % PAGE);
        }
        Ok(())
    }

    /// Reads the caller's memory.
    pub(super) fn read(&mut self, address: VirtAddr, bytes: &mut [u8]) -> Result<(), Failure> {
        let done = self.machine.read(self.caller(), address, bytes);
        done.map_err(|exception| self.raised(exception, address, bytes.len()))
    }

    /// Whose memory it is, as the end of a sentence; nothing if there is only one process.
    fn whose(&self) -> String {
        let mut processes = self.actors.iter().filter(|actor| actor.process().is_some());
        if processes.clone().count() < 2 {
            return String::new();
        }
        let own = processes.find(|actor| actor.process() == Some(self.process()));
        own.map_or_else(String::new, |own| format!(" in process {}", own.name))
    }

    fn write(&mut self, address: VirtAddr, bytes: &[u8]) -> Result<(), Failure> {
        let done = self.machine.write(self.caller(), address, bytes);
        done.map_err(|exception| self.raised(exception, address, bytes.len()))
    }

    /// An exception of the caller, at an access to so many bytes, with what the page is that
    /// raised it.
    fn raised(&self, exception: Exception, tried: VirtAddr, length: usize) -> Failure {
        let address = VirtAddr::new(exception.address);
        let found = self.machine.virtual_query(self.process(), address);
        let mut page = match found {
            _ if exception.code == Status::InvalidHandle => ENDED.into(),
            Ok(found) => described(&found) + &self.whose(),
            Err(_) if exception.address == u64::MAX && !is_canonical(tried, length) => {
                format!("which stands for any that is not canonical: here {tried:#x}")
            }
            Err(_) => "outside user space".into(),
        };
        match (exception.code, exception.reason) {
            (Status::GuardPageViolation, _) => page += ", and was guarded",
            (_, Some(reason)) => page = format!("{page}: {reason}"),
            _ => {}
        }
        Failure::Exception { exception, page }
    }
}

const ENDED: &str = "by a process or thread that has ended";

/// Whether the processor knows all these addresses: bits 48 to 63 are as bit 47 (Intel SDM vol.
/// 1, 3.3.7.1).
fn is_canonical(address: VirtAddr, length: usize) -> bool {
    let last = address.wrapping_add((length as u64).saturating_sub(1));
    [address, last].iter().all(|at| at.is_canonical(48))
}

fn described(found: &MemoryInformation) -> String {
    let state = state_name(found.state);
    if found.state == MemoryState::Commit {
        let protection = in_words(Words::Protection, found.protection.bits().into());
        format!("which is {state}, {protection}")
    } else {
        format!("which is {state}")
    }
}
