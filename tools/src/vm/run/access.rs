//! Memory is read, written and executed.

use memory_manager::{Exception, MemoryInformation, MemoryState, Status};
use mmu_core::VirtAddr;

use super::Run;
use crate::vm::{
    error::Failure,
    script::{Access, Expression, Spanned, Width, Words},
    words::{in_words, state_name},
};

impl Run<'_> {
    pub(super) fn access(&mut self, access: &Access, address: VirtAddr) -> Result<(), Failure> {
        let caller = self.caller();
        let done = match access {
            Access::Read(Width(width)) => self.machine.read(caller, address, &mut [0; 8][..*width]),
            Access::WriteText(text) => self.machine.write(caller, address, text.as_bytes()),
            Access::Write(Width(width), value) => {
                let value = self.number(value)?;
                let bytes = value.to_le_bytes();
                let (bytes, above) = bytes.split_at(*width);
                if above.iter().any(|&byte| byte != 0) {
                    let bits = width * 8;
                    return Err(Failure::TooWide { value, bits });
                }
                self.machine.write(caller, address, bytes)
            }
            Access::Execute => self.machine.execute(caller, address).map(drop),
            Access::Touch(size) => return self.touch(address, size),
        };
        done.map_err(|exception| self.raised(exception))
    }

    fn touch(&mut self, address: VirtAddr, size: &Spanned<Expression>) -> Result<(), Failure> {
        const PAGE: u64 = 0x1000;
        let size = self.number(size)?;
        let mut offset = 0;
        while offset < size {
            let at = address.wrapping_add(offset);
            self.read(at, &mut [0])?;
            offset = offset.saturating_add(PAGE - at.as_u64() % PAGE);
        }
        Ok(())
    }

    /// Reads the caller's memory.
    pub(super) fn read(&mut self, address: VirtAddr, bytes: &mut [u8]) -> Result<(), Failure> {
        let done = self.machine.read(self.caller(), address, bytes);
        done.map_err(|exception| self.raised(exception))
    }

    /// An exception of the caller, with what the page is that raised it.
    fn raised(&self, exception: Exception) -> Failure {
        let address = VirtAddr::new(exception.address);
        let found = self.machine.virtual_query(self.process(), address);
        let mut page = match found {
            _ if exception.code == Status::InvalidHandle => ENDED.into(),
            Ok(found) => described(&found),
            Err(_) if exception.address == u64::MAX => {
                "as of any address that is not canonical".into()
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

fn described(found: &MemoryInformation) -> String {
    let state = state_name(found.state);
    if found.state == MemoryState::Commit {
        let protection = in_words(Words::Protection, found.protection.bits().into());
        format!("which is {state}, {protection}")
    } else {
        format!("which is {state}")
    }
}
