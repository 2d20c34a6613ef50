//! The registers to walk an image with: what the command line says, else what the image
//! says, else what can be deduced, which is then told.

use clap::Args;
use mmu_core::{CpuFeatures, Cr0, Cr4, Efer, PhysAddr, Regime, Registers};

use super::{CliError, message::tell};
use crate::{
    image::{Machine, MemoryImage, VcpuRegisters},
    input::Source,
    number,
};

/// Registers that override the image's.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Registers (else from the image's notes)")]
pub(super) struct RegisterOptions {
    /// The processor whose registers are used, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    vcpu: usize,
    /// CR3, where the page tables start
    #[arg(long, value_name = "VALUE", value_parser = number::parse)]
    cr3: Option<u64>,
    /// CR0
    #[arg(long, value_name = "VALUE", value_parser = number::parse)]
    cr0: Option<u64>,
    /// CR4
    #[arg(long, value_name = "VALUE", value_parser = number::parse)]
    cr4: Option<u64>,
    /// `IA32_EFER`
    #[arg(long, value_name = "VALUE", value_parser = number::parse)]
    efer: Option<u64>,
}

impl RegisterOptions {
    /// The regime to walk the image under.
    pub(super) fn regime(&self, source: &Source, image: &MemoryImage) -> Result<Regime, CliError> {
        let vcpu = self.vcpu_of(source, image)?;
        let missing = |register, option| CliError::MissingRegister {
            source_name: source.clone(),
            register,
            option,
        };
        let from_note = |read: fn(&VcpuRegisters) -> u64| vcpu.as_ref().map(read);
        let cr3 = self.cr3.or(from_note(|vcpu| vcpu.cr3));
        let cr3 = cr3.ok_or_else(|| missing("CR3", "--cr3"))?;
        let cr0 = self.cr0.or(from_note(|vcpu| vcpu.cr0));
        let cr4 = self.cr4.or(from_note(|vcpu| vcpu.cr4));
        let usual = Registers::four_level(PhysAddr::new(cr3));
        let cr0 = cr0.unwrap_or_else(|| deduced("CR0", usual.cr0.bits()));
        let cr4 = cr4.unwrap_or_else(|| deduced("CR4", usual.cr4.bits()));
        let efer = self
            .efer
            .unwrap_or_else(|| deduced("EFER", efer_of(image).bits()));
        let registers = Registers {
            cr0: Cr0::from_bits_retain(cr0),
            cr4: Cr4::from_bits_retain(cr4),
            efer: Efer::from_bits_retain(efer),
            ..usual
        };
        Regime::new(&registers, CpuFeatures::default()).map_err(|cause| CliError::Registers {
            source_name: source.clone(),
            cause,
        })
    }

    fn vcpu_of(
        &self,
        source: &Source,
        image: &MemoryImage,
    ) -> Result<Option<VcpuRegisters>, CliError> {
        match image.vcpus.get(self.vcpu) {
            Some(vcpu) => Ok(Some(*vcpu)),
            None if image.vcpus.is_empty() && self.vcpu == 0 => Ok(None),
            None => Err(CliError::NoSuchVcpu {
                source_name: source.clone(),
                vcpu: self.vcpu,
                count: image.vcpus.len(),
            }),
        }
    }
}

/// No image holds EFER. A processor that was not in long mode had LME and LMA clear.
fn efer_of(image: &MemoryImage) -> Efer {
    match image.machine {
        Some(Machine::I386) => Efer::NO_EXECUTE_ENABLE,
        Some(Machine::X86_64) | None => {
            Efer::LONG_MODE_ENABLE | Efer::LONG_MODE_ACTIVE | Efer::NO_EXECUTE_ENABLE
        }
    }
}

fn deduced(register: &str, value: u64) -> u64 {
    tell(format_args!(
        "note: {register} is not in the image; taken to be {value:#x}"
    ));
    value
}
