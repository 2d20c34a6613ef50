//! The registers to walk an image with: what the command line says, else what the image
//! says, else what can be deduced, which is then told.

use clap::Args;
use mmu_core::{
    AlignmentCheck, BusError, CpuFeatures, Cr0, Cr4, Efer, GeneralProtection, PagingMode, PhysAddr,
    PhysMem, PrivilegeMode, Regime, Registers,
};

use super::{CliError, message::tell};
use crate::{
    image::{MemoryImage, Pdptes, VcpuRegisters},
    input::Source,
    number,
};

/// Registers that override the image's.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Registers, in hexadecimal (else from the image's notes)")]
pub(super) struct RegisterOptions {
    /// The processor whose registers are used, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    vcpu: usize,
    /// CR3, where the page tables start; under page-table isolation the kernel's and the
    /// user's, of which a note has the one that was in use
    #[arg(long, value_name = "VALUE", value_parser = number::parse_hexadecimal)]
    cr3: Option<u64>,
    /// CR0
    #[arg(long, value_name = "VALUE", value_parser = number::parse_hexadecimal)]
    cr0: Option<u64>,
    /// CR4
    #[arg(long, value_name = "VALUE", value_parser = number::parse_hexadecimal)]
    cr4: Option<u64>,
    /// `IA32_EFER`
    #[arg(long, value_name = "VALUE", value_parser = number::parse_hexadecimal)]
    efer: Option<u64>,
}

/// How an image is to be walked.
pub(super) struct Chosen {
    pub(super) registers: Registers,
    pub(super) regime: Regime,
    /// The mode that the processor was in, if the image says.
    pub(super) privilege: Option<PrivilegeMode>,
}

/// EFLAGS.AC.
const ALIGNMENT_CHECK: u64 = 1 << 18;

impl RegisterOptions {
    /// The registers to walk the image with, and what they decide.
    pub(super) fn choose(&self, source: &Source, image: &MemoryImage) -> Result<Chosen, CliError> {
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
        let cr4 = Cr4::from_bits_retain(cr4);
        let likely = || image.deduced_efer(cr4, vcpu.as_ref()).bits();
        let efer = self.efer.unwrap_or_else(|| deduced("EFER", likely()));
        let flags = from_note(|vcpu| vcpu.rflags).unwrap_or_default();
        let mut registers = Registers {
            cr0: Cr0::from_bits_retain(cr0),
            cr4,
            efer: Efer::from_bits_retain(efer),
            alignment_check: if flags & ALIGNMENT_CHECK == 0 {
                AlignmentCheck::Clear
            } else {
                AlignmentCheck::Set
            },
            ..usual
        };
        let regime = enter(&mut registers, image);
        let regime = regime.map_err(|cause| match cause {
            GeneralProtection::PdpteUnreadable(error) => no_root_table(source, error),
            cause => CliError::Registers {
                source_name: source.clone(),
                cause,
            },
        })?;
        if regime.mode() != PagingMode::Off {
            let root = image.ram.read_u64(regime.root());
            root.map_err(|error| no_root_table(source, error))?;
        }
        let privilege = vcpu.map(|vcpu| match vcpu.cs_selector & 3 {
            3 => PrivilegeMode::User,
            _ => PrivilegeMode::Supervisor,
        });
        Ok(Chosen {
            registers,
            regime,
            privilege,
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

/// Makes the registers those of a processor that has just loaded CR3.
fn enter(registers: &mut Registers, image: &MemoryImage) -> Result<Regime, GeneralProtection> {
    let features = CpuFeatures::default();
    if registers.paging_mode() == PagingMode::Pae
        && image.load_pdptes(registers, features)? == Pdptes::WithoutAccessed
    {
        tell("note: bit 5 of PDPTEs, which is reserved, is set, as QEMU does; left out");
    }
    Regime::new(registers, features)
}

fn no_root_table(source: &Source, error: BusError) -> CliError {
    CliError::NoRootTable {
        source_name: source.clone(),
        address: error.0,
    }
}

fn deduced(register: &str, value: u64) -> u64 {
    tell(format_args!(
        "note: {register} is not in the image; taken to be {value:#x}"
    ));
    value
}
