use bitflags::bitflags;
use units::{AccessKind, PrivilegeMode};

use crate::{AlignmentCheck, Cr0, Cr4, Entry, Registers};

bitflags! {
    /// What a page grants: the U/S, R/W and XD bits of the whole path, folded, and the dirty
    /// bit of the entry that maps it (SDM vol. 3, 4.6).
    ///
    /// Nothing here depends on a control register, so no register makes a cached one stale.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Rights: u8 {
        /// U/S is set in every entry: a user-mode address.
        const USER = 1 << 0;
        /// R/W is set in every entry.
        const WRITE = 1 << 1;
        /// XD is clear in every entry.
        const EXECUTE = 1 << 2;
        /// The page has been written: the next write need not set the dirty bit.
        const DIRTY = 1 << 3;
    }
}

impl Default for Rights {
    fn default() -> Self {
        Self::empty()
    }
}

impl Rights {
    /// What a path with no entries yet grants.
    pub(crate) const PATH: Self = Self::USER.union(Self::WRITE).union(Self::EXECUTE);

    /// What is left of these rights below an entry.
    #[inline]
    pub(crate) fn through(self, entry: Entry) -> Self {
        const WRITE_AND_USER: u64 = Entry::WRITABLE.bits() | Entry::USER.bits();
        let bits = entry.bits();
        let granted = (bits & WRITE_AND_USER) >> 1;
        // R/W is bit 1 and U/S bit 2 of an entry; here they are the other way round.
        let granted = (granted >> 1 | granted << 1) & 0b11 | (!bits >> 63) << 2;
        self & Self::from_bits_truncate(granted.to_le_bytes()[0])
    }
}

/// Which rights suffice for which access: a bit for each of the 16 values of [`Rights`], a
/// row for each mode and kind of access. Rebuilt when a register that it depends on changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RightsTable {
    rows: [[u16; AccessKind::ALL.len()]; PrivilegeMode::ALL.len()],
}

impl RightsTable {
    /// The table under these registers.
    pub fn new(registers: &Registers) -> Self {
        Self {
            rows: PrivilegeMode::ALL.map(|mode| {
                AccessKind::ALL.map(|kind| {
                    let values = (0..1 << Rights::all().bits().count_ones()).rev();
                    values.fold(0, |row, value| {
                        let rights = Rights::from_bits_truncate(value);
                        row << 1 | u16::from(suffice(rights, kind, mode, registers))
                    })
                })
            }),
        }
    }

    /// Whether the rights suffice for the access. For a write they do not while the page is
    /// clean, since the write has to set its dirty bit first.
    #[inline]
    pub fn permits(&self, rights: Rights, kind: AccessKind, mode: PrivilegeMode) -> bool {
        self.rows[mode.index()][kind.index()] >> rights.bits() & 1 != 0
    }
}

/// The rules of SDM vol. 3, 4.6.1, and the need for the dirty bit of 4.8.
fn suffice(rights: Rights, kind: AccessKind, mode: PrivilegeMode, registers: &Registers) -> bool {
    let user_address = rights.contains(Rights::USER);
    let may_reach = match mode {
        PrivilegeMode::User => user_address,
        PrivilegeMode::Supervisor | PrivilegeMode::SupervisorImplicit if !user_address => true,
        PrivilegeMode::Supervisor | PrivilegeMode::SupervisorImplicit if kind.fetches() => {
            !registers.cr4.contains(Cr4::SMEP)
        }
        PrivilegeMode::Supervisor => {
            !registers.cr4.contains(Cr4::SMAP) || registers.alignment_check == AlignmentCheck::Set
        }
        PrivilegeMode::SupervisorImplicit => !registers.cr4.contains(Cr4::SMAP),
    };
    let writes_anywhere =
        mode != PrivilegeMode::User && !registers.cr0.contains(Cr0::WRITE_PROTECT);
    let may_do = match kind {
        AccessKind::Read => true,
        AccessKind::Fetch => rights.contains(Rights::EXECUTE),
        AccessKind::Write | AccessKind::ReadModifyWrite => {
            rights.contains(Rights::DIRTY) && (writes_anywhere || rights.contains(Rights::WRITE))
        }
        AccessKind::ShadowStackRead | AccessKind::ShadowStackWrite => false,
    };
    may_reach && may_do
}

#[cfg(test)]
mod tests {
    use units::PhysAddr;

    use super::*;

    const SUPERVISOR: PrivilegeMode = PrivilegeMode::Supervisor;
    const IMPLICIT: PrivilegeMode = PrivilegeMode::SupervisorImplicit;
    const USER: PrivilegeMode = PrivilegeMode::User;
    const USER_PAGE: Rights = Rights::all();
    const SUPERVISOR_PAGE: Rights = Rights::all().difference(Rights::USER);

    fn table(change: impl FnOnce(&mut Registers)) -> RightsTable {
        let mut registers = Registers::four_level(PhysAddr::new(0));
        registers.cr4 -= Cr4::SMEP | Cr4::SMAP;
        change(&mut registers);
        RightsTable::new(&registers)
    }

    #[test]
    fn rights_through_an_entry_are_its_bits() {
        for (entry, rights) in [
            (Entry::USER, Rights::USER | Rights::EXECUTE),
            (Entry::WRITABLE, Rights::WRITE | Rights::EXECUTE),
            (Entry::USER | Entry::WRITABLE, Rights::PATH),
            (Entry::NO_EXECUTE | Entry::USER, Rights::USER),
            (Entry::DIRTY, Rights::EXECUTE),
        ] {
            assert_eq!(Rights::PATH.through(entry), rights, "{entry:?}");
            assert_eq!(Rights::empty().through(entry), Rights::empty());
        }
    }

    /// SDM vol. 3, 4.6.1: user-mode accesses reach user-mode addresses only.
    #[test]
    fn a_user_reaches_only_user_pages() {
        let table = table(|_| {});
        for kind in AccessKind::ALL {
            assert!(table.permits(USER_PAGE, kind, USER));
            assert!(!table.permits(SUPERVISOR_PAGE, kind, USER));
            assert!(table.permits(SUPERVISOR_PAGE, kind, SUPERVISOR));
            assert!(table.permits(USER_PAGE, kind, SUPERVISOR));
        }
    }

    /// SDM vol. 3, 4.6.1: with CR0.WP = 0 the supervisor writes any page, the user does not.
    #[test]
    fn without_write_protect_the_supervisor_writes_read_only_pages() {
        let read_only = USER_PAGE - Rights::WRITE;
        let with = table(|_| {});
        let without = table(|registers| registers.cr0 -= Cr0::WRITE_PROTECT);
        for kind in [AccessKind::Write, AccessKind::ReadModifyWrite] {
            assert!(!with.permits(read_only, kind, SUPERVISOR));
            assert!(without.permits(read_only, kind, SUPERVISOR));
            assert!(without.permits(read_only, kind, IMPLICIT));
            assert!(!without.permits(read_only, kind, USER));
        }
    }

    /// SDM vol. 3, 4.6.1: SMEP forbids the supervisor's fetches from user-mode addresses.
    #[test]
    fn smep_forbids_only_fetches_from_user_pages() {
        let table = table(|registers| registers.cr4 |= Cr4::SMEP);
        assert!(!table.permits(USER_PAGE, AccessKind::Fetch, SUPERVISOR));
        assert!(table.permits(USER_PAGE, AccessKind::Read, SUPERVISOR));
        assert!(table.permits(SUPERVISOR_PAGE, AccessKind::Fetch, SUPERVISOR));
        assert!(table.permits(USER_PAGE, AccessKind::Fetch, USER));
    }

    /// SDM vol. 3, 4.6.1: SMAP forbids the supervisor's data accesses to user-mode addresses;
    /// EFLAGS.AC lifts it for explicit ones only; fetches are not its business.
    #[test]
    fn smap_is_lifted_by_ac_for_explicit_accesses_only() {
        let clear = table(|registers| registers.cr4 |= Cr4::SMAP);
        let set = table(|registers| {
            registers.cr4 |= Cr4::SMAP;
            registers.alignment_check = AlignmentCheck::Set;
        });
        for kind in [AccessKind::Read, AccessKind::Write] {
            assert!(!clear.permits(USER_PAGE, kind, SUPERVISOR));
            assert!(set.permits(USER_PAGE, kind, SUPERVISOR));
            assert!(!clear.permits(USER_PAGE, kind, IMPLICIT));
            assert!(!set.permits(USER_PAGE, kind, IMPLICIT));
            assert!(clear.permits(SUPERVISOR_PAGE, kind, SUPERVISOR));
        }
        assert!(clear.permits(USER_PAGE, AccessKind::Fetch, SUPERVISOR));
    }

    /// SDM vol. 3, 4.6.1: an address is executable if XD is clear in every entry.
    #[test]
    fn no_execute_forbids_fetches_in_every_mode() {
        let data = USER_PAGE - Rights::EXECUTE;
        let table = table(|_| {});
        for mode in PrivilegeMode::ALL {
            assert!(!table.permits(data, AccessKind::Fetch, mode));
            assert!(table.permits(data, AccessKind::Read, mode));
        }
    }

    /// SDM vol. 3, 4.8: the first write to a clean page has to set the dirty bit.
    #[test]
    fn a_clean_page_does_not_satisfy_a_write() {
        let clean = USER_PAGE - Rights::DIRTY;
        let table = table(|registers| registers.cr0 -= Cr0::WRITE_PROTECT);
        for mode in PrivilegeMode::ALL {
            assert!(!table.permits(clean, AccessKind::Write, mode));
            assert!(!table.permits(clean, AccessKind::ReadModifyWrite, mode));
            assert!(table.permits(clean, AccessKind::Read, mode));
        }
    }
}
