use bitflags::bitflags;
use mmu_core::{AlignmentCheck, Cr0, Cr4, Efer, KeyRights, PrivilegeMode, Registers};

use super::{Malformed, fields::Fields};
use crate::conform::Mode;

bitflags! {
    /// The bits of control registers that the files choose, as their field `ctl` has them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Control: u16 {
        /// CR0.WP.
        const WRITE_PROTECT = 1 << 0;
        /// CR4.SMEP.
        const SMEP = 1 << 1;
        /// CR4.SMAP.
        const SMAP = 1 << 2;
        /// CR4.PKE.
        const PROTECTION_KEYS = 1 << 3;
        /// EFER.NXE.
        const NO_EXECUTE_ENABLE = 1 << 4;
        /// EFLAGS.AC.
        const ALIGNMENT_CHECK = 1 << 5;
        /// CPL = 3, else 0.
        const USER = 1 << 6;
        /// CR4.PGE.
        const PAGE_GLOBAL_ENABLE = 1 << 7;
        /// CR4.PKS.
        const SUPERVISOR_PROTECTION_KEYS = 1 << 8;
        /// CR4.PSE, in 32-bit paging.
        const PAGE_SIZE_EXTENSIONS = 1 << 9;
    }
}

/// What the protection-key registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Keys {
    /// PKRU.
    pub user: KeyRights,
    /// `IA32_PKRS`.
    pub supervisor: KeyRights,
}

impl Control {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        const FIELD: &str = "ctl";
        let bits = u16::try_from(fields.hex(FIELD, 16)?);
        let control = bits.ok().and_then(Self::from_bits);
        control.ok_or(Malformed::Field {
            field: FIELD,
            expected: "a mask of the bits 1 to 200",
        })
    }

    /// In whose name R, W and X are made.
    pub(super) fn privilege(self) -> PrivilegeMode {
        if self.contains(Self::USER) {
            PrivilegeMode::User
        } else {
            PrivilegeMode::Supervisor
        }
    }

    pub(super) fn alignment_check(self) -> AlignmentCheck {
        if self.contains(Self::ALIGNMENT_CHECK) {
            AlignmentCheck::Set
        } else {
            AlignmentCheck::Clear
        }
    }

    /// The registers of a vector; the PDPTE registers, all of them not present, are left to
    /// a MOV to CR3.
    pub(super) fn registers(self, mode: Mode, keys: Keys) -> Registers {
        let long_mode = matches!(mode, Mode::FourLevel | Mode::FiveLevel);
        let mut cr0 = Cr0::PAGING | Cr0::PROTECTION_ENABLE;
        cr0.set(Cr0::WRITE_PROTECT, self.contains(Self::WRITE_PROTECT));
        let mut efer = Efer::empty();
        efer.set(Efer::LONG_MODE_ENABLE | Efer::LONG_MODE_ACTIVE, long_mode);
        efer.set(
            Efer::NO_EXECUTE_ENABLE,
            self.contains(Self::NO_EXECUTE_ENABLE),
        );
        Registers {
            cr0,
            cr3: mode.root().as_u64(),
            cr4: self.cr4(mode),
            efer,
            alignment_check: self.alignment_check(),
            pkru: keys.user,
            pkrs: keys.supervisor,
            ..Registers::default()
        }
    }

    fn cr4(self, mode: Mode) -> Cr4 {
        const CHOSEN: [(Control, Cr4); 5] = [
            (Control::SMEP, Cr4::SMEP),
            (Control::SMAP, Cr4::SMAP),
            (Control::PROTECTION_KEYS, Cr4::PROTECTION_KEYS),
            (Control::PAGE_GLOBAL_ENABLE, Cr4::PAGE_GLOBAL_ENABLE),
            (
                Control::SUPERVISOR_PROTECTION_KEYS,
                Cr4::SUPERVISOR_PROTECTION_KEYS,
            ),
        ];
        let mut cr4 = match mode {
            Mode::FourLevel | Mode::Pae => Cr4::PHYSICAL_ADDRESS_EXTENSION,
            Mode::FiveLevel => Cr4::PHYSICAL_ADDRESS_EXTENSION | Cr4::LINEAR_ADDRESS_57,
            // Elsewhere CR4.PSE has no meaning, and the files' bit none either.
            Mode::ThirtyTwoBit if self.contains(Self::PAGE_SIZE_EXTENSIONS) => {
                Cr4::PAGE_SIZE_EXTENSIONS
            }
            Mode::ThirtyTwoBit => Cr4::empty(),
        };
        for (bit, register) in CHOSEN {
            cr4.set(register, self.contains(bit));
        }
        cr4
    }
}
