//! Memory is read, written and executed.

use memory_manager::Exception;
use mmu_core::VirtAddr;

use super::Run;
use crate::vm::{
    error::Failure,
    script::{Access, Width},
};

impl Run<'_> {
    pub(super) fn access(
        &mut self,
        access: &Access,
        address: VirtAddr,
    ) -> Result<Result<(), Exception>, Failure> {
        let caller = self.caller();
        Ok(match access {
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
        })
    }
}
