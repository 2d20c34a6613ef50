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
    /// whose register counts, not the mode of the access.
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
            self.supervisor
        };
        let Some(keys) = keys.filter(|_| !kind.fetches()) else {
            return false;
        };
        let write_counts = mode == PrivilegeMode::User || !self.write_protect.is_empty();
        keys.access_disabled(key) || kind.writes() && write_counts && keys.write_disabled(key)
    }
}
