use units::{AccessKind, PrivilegeMode};

use crate::{Cr0, Cr4, KeyRights, Registers, Rights};

/// What protection keys forbid (SDM vol. 3, 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRules {
    /// PKRU, for user-mode addresses, if it counts.
    user: Option<KeyRights>,
    /// `IA32_PKRS`, for supervisor-mode addresses, if it counts.
    supervisor: Option<KeyRights>,
    write_protect: Cr0,
}

impl KeyRules {
    pub(crate) fn new(registers: &Registers) -> Self {
        let is_on = |bit| registers.paging_mode().is_ia32e() && registers.cr4.contains(bit);
        Self {
            user: is_on(Cr4::PROTECTION_KEYS).then_some(registers.pkru),
            supervisor: is_on(Cr4::SUPERVISOR_PROTECTION_KEYS).then_some(registers.pkrs),
            write_protect: registers.cr0 & Cr0::WRITE_PROTECT,
        }
    }

    /// Whether keys count at all.
    pub(crate) fn are_on(&self) -> bool {
        self.user.is_some() || self.supervisor.is_some()
    }

    /// Whether the key of a page with these rights denies an access. The address decides
    /// whose register counts, not the mode of the access; but what a user may not reach by
    /// U/S alone is not for `IA32_PKRS` to deny.
    pub(crate) fn deny(
        &self,
        rights: Rights,
        key: u8,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> bool {
        let keys = if rights.contains(Rights::USER) {
            self.user
        } else {
            self.supervisor.filter(|_| mode != PrivilegeMode::User)
        };
        let Some(keys) = keys.filter(|_| !kind.fetches()) else {
            return false;
        };
        let write_counts = mode == PrivilegeMode::User || !self.write_protect.is_empty();
        keys.access_disabled(key) || kind.writes() && write_counts && keys.write_disabled(key)
    }
}

#[cfg(test)]
mod tests {
    use units::PhysAddr;

    use super::*;

    /// SDM vol. 3, 4.6.2 and 4.7: a user's access to a supervisor-mode page is denied by U/S,
    /// and PK is not set, whatever `IA32_PKRS` says.
    #[test]
    fn pkrs_says_nothing_of_user_mode_accesses() {
        let mut registers = Registers::four_level(PhysAddr::new(0));
        registers.cr4 |= Cr4::SUPERVISOR_PROTECTION_KEYS;
        registers.pkrs = KeyRights::from_bits(u32::MAX);
        let keys = KeyRules::new(&registers);
        for kind in [AccessKind::Read, AccessKind::Write] {
            let denies = |mode| keys.deny(Rights::empty(), 3, kind, mode);
            assert!(!denies(PrivilegeMode::User));
            assert!(denies(PrivilegeMode::Supervisor));
            assert!(denies(PrivilegeMode::SupervisorImplicit));
        }
    }
}
