use bitflags::bitflags;
use units::{AccessKind, PrivilegeMode};

use crate::{
    AlignmentCheck, Cr0, Cr4, Entry, PagingMode, Registers, keys::KeyRules, ordinary::OrdinaryEntry,
};

bitflags! {
    /// What a page grants: the R/W, U/S and XD bits of the whole path, folded, and the dirty
    /// bit of the entry that maps it (SDM vol. 3, 4.6).
    ///
    /// Nothing here depends on EFLAGS.AC, CR0.WP, SMEP, SMAP or a key's rights, so that none
    /// of them makes a cached one stale.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Rights: u8 {
        /// XD is clear in every entry.
        const EXECUTE = 1 << 0;
        /// R/W is set in every entry.
        const WRITE = 1 << 1;
        /// U/S is set in every entry: a user-mode address.
        const USER = 1 << 2;
        /// The page has been written: the next write need not set the dirty bit.
        const DIRTY = 1 << 3;
        /// A shadow-stack page: R/W is clear in the entry that maps it, D is set there, and
        /// R/W is set in every other (SDM vol. 3, 4.6.1). Seen only while CR4.CET is set.
        const SHADOW_STACK = 1 << 4;
        /// More decides than these bits: a protection key that is not 0, or an address in
        /// the half that LASS forbids to its owner.
        const CHECKED = 1 << 5;
    }
}

impl Default for Rights {
    fn default() -> Self {
        Self::empty()
    }
}

/// What the entries of a path grant, folded: their AND, with XD the other way round, so that
/// a set bit is always a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Path(u64);

impl Path {
    /// What a path with no entries yet grants.
    pub(crate) const START: Self = Self(!0);

    /// What is left below an entry.
    #[inline]
    #[must_use]
    pub(crate) const fn through(self, entry: Entry) -> Self {
        Self(self.0 & (entry.bits() ^ Entry::NO_EXECUTE.bits()))
    }

    /// The same, when it is an entry that may be an ordinary one.
    #[inline]
    #[must_use]
    pub(crate) const fn through_ordinary(self, entry: OrdinaryEntry) -> Self {
        Self(self.0 & entry.bits())
    }

    /// What the path grants to the page of this entry, its last.
    #[inline]
    pub(crate) const fn rights(self, entry: Entry) -> Rights {
        const KEPT: u64 = (Rights::WRITE.bits() | Rights::USER.bits()) as u64;
        const DIRTY: u64 = Rights::DIRTY.bits() as u64;
        // R/W and U/S stand where an entry has them; XD moves from bit 63, D from bit 6.
        let bits = self.0 & KEPT | self.0 >> 63 | entry.bits() >> 3 & DIRTY;
        Rights::from_bits_truncate(bits.to_le_bytes()[0])
    }

    #[inline]
    pub(crate) const fn is_writable(self) -> bool {
        self.0 & Entry::WRITABLE.bits() != 0
    }
}

/// Which rights suffice for which access: a row for each mode and kind of access, with a bit
/// for each of the 64 values of [`Rights`]. Rebuilt when a register that it depends on
/// changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RightsTable {
    rows: Rows,
    /// The same, as if no key and no LASS forbade anything.
    without_keys: Rows,
}

type Rows = [[u64; AccessKind::COUNT]; PrivilegeMode::ALL.len()];

/// For each right, the values of [`Rights`] that have it: a row's rule is written down once
/// for all 64 values.
const EXECUTE: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const WRITE: u64 = 0xcccc_cccc_cccc_cccc;
const USER: u64 = 0xf0f0_f0f0_f0f0_f0f0;
const DIRTY: u64 = 0xff00_ff00_ff00_ff00;
const SHADOW_STACK: u64 = 0xffff_0000_ffff_0000;
const CHECKED: u64 = 0xffff_ffff_0000_0000;

impl RightsTable {
    /// The table under these registers.
    pub fn new(registers: &Registers) -> Self {
        if registers.paging_mode() == PagingMode::Off {
            return Self::EVERYTHING;
        }
        let keys = KeyRules::new(registers);
        let lass = registers.cr4.contains(Cr4::LASS) && registers.paging_mode().is_ia32e();
        let has_more_to_check = keys.are_on() || lass;
        let mut table = Self::EVERYTHING;
        for mode in PrivilegeMode::ALL {
            for kind in AccessKind::ALL {
                let mut row = reached(kind, mode, registers) & done(kind, mode, registers);
                table.without_keys[mode.index()][kind.index()] = row;
                row &= under_key_0(&keys, kind, mode);
                if has_more_to_check {
                    row &= !CHECKED;
                }
                if lass && kind.fetches() && mode != PrivilegeMode::User {
                    row &= !USER;
                }
                table.rows[mode.index()][kind.index()] = row;
            }
        }
        table
    }

    const EVERYTHING: Self = Self {
        rows: [[!0; AccessKind::COUNT]; PrivilegeMode::ALL.len()],
        without_keys: [[!0; AccessKind::COUNT]; PrivilegeMode::ALL.len()],
    };

    /// Whether the rights suffice for the access, as far as they alone can tell. For a write
    /// they do not while the page is clean, since the write has to set its dirty bit first.
    #[inline]
    pub fn permits(&self, rights: Rights, kind: AccessKind, mode: PrivilegeMode) -> bool {
        self.rows[mode.index()][kind.index()] >> (rights.bits() & 0x3f) & 1 != 0
    }

    /// The same, leaving protection keys and LASS out.
    pub(crate) fn permits_without_keys(
        &self,
        rights: Rights,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> bool {
        self.without_keys[mode.index()][kind.index()] >> (rights.bits() & 0x3f) & 1 != 0
    }
}

/// The pages that an access may reach (SDM vol. 3, 4.6.1).
fn reached(kind: AccessKind, mode: PrivilegeMode, registers: &Registers) -> u64 {
    let forbids_user_pages = match mode {
        PrivilegeMode::User => return USER,
        _ if kind.is_shadow_stack() => true,
        _ if kind.fetches() => registers.cr4.contains(Cr4::SMEP),
        PrivilegeMode::Supervisor => {
            registers.cr4.contains(Cr4::SMAP) && registers.alignment_check == AlignmentCheck::Clear
        }
        PrivilegeMode::SupervisorImplicit => registers.cr4.contains(Cr4::SMAP),
    };
    if forbids_user_pages { !USER } else { !0 }
}

/// The pages with which a kind of access may be made (SDM vol. 3, 4.6.1), and the need for
/// the dirty bit of 4.8.
fn done(kind: AccessKind, mode: PrivilegeMode, registers: &Registers) -> u64 {
    let writes_anywhere =
        mode != PrivilegeMode::User && !registers.cr0.contains(Cr0::WRITE_PROTECT);
    match kind {
        AccessKind::Read => !0,
        AccessKind::Fetch => EXECUTE,
        AccessKind::Write | AccessKind::ReadModifyWrite if writes_anywhere => DIRTY,
        AccessKind::Write | AccessKind::ReadModifyWrite => DIRTY & WRITE,
        AccessKind::ShadowStackRead | AccessKind::ShadowStackWrite => SHADOW_STACK,
    }
}

/// The pages that key 0, which most have, leaves to an access.
fn under_key_0(keys: &KeyRules, kind: AccessKind, mode: PrivilegeMode) -> u64 {
    let user = if keys.deny(Rights::USER, 0, kind, mode) {
        !USER
    } else {
        !0
    };
    let supervisor = if keys.deny(Rights::empty(), 0, kind, mode) {
        USER
    } else {
        !0
    };
    user & supervisor
}

#[cfg(test)]
mod tests {
    use units::PhysAddr;

    use super::*;

    const SUPERVISOR: PrivilegeMode = PrivilegeMode::Supervisor;
    const IMPLICIT: PrivilegeMode = PrivilegeMode::SupervisorImplicit;
    const USER: PrivilegeMode = PrivilegeMode::User;
    const USER_PAGE: Rights = Rights::USER
        .union(Rights::WRITE)
        .union(Rights::EXECUTE)
        .union(Rights::DIRTY);
    const SUPERVISOR_PAGE: Rights = USER_PAGE.difference(Rights::USER);

    fn table(change: impl FnOnce(&mut Registers)) -> RightsTable {
        let mut registers = Registers::four_level(PhysAddr::new(0));
        registers.cr4 -= Cr4::SMEP | Cr4::SMAP;
        change(&mut registers);
        RightsTable::new(&registers)
    }

    #[test]
    fn each_pattern_names_the_values_that_have_the_right() {
        let patterns = [EXECUTE, WRITE, super::USER, DIRTY, SHADOW_STACK, CHECKED];
        for (right, pattern) in Rights::all().iter().zip(patterns) {
            for value in 0..64 {
                let has = Rights::from_bits_truncate(value).contains(right);
                assert_eq!(pattern >> value & 1 != 0, has, "{right:?} in {value:#b}");
            }
        }
    }

    #[test]
    fn rights_through_an_entry_are_its_bits() {
        let all = Rights::USER | Rights::WRITE | Rights::EXECUTE;
        for (entry, rights) in [
            (Entry::USER, Rights::USER | Rights::EXECUTE),
            (Entry::WRITABLE, Rights::WRITE | Rights::EXECUTE),
            (Entry::USER | Entry::WRITABLE, all),
            (Entry::NO_EXECUTE | Entry::USER, Rights::USER),
            (Entry::DIRTY, Rights::EXECUTE),
        ] {
            let path = Path::START.through(entry);
            assert_eq!(path.rights(Entry::empty()), rights, "{entry:?}");
            let nothing = Path::START.through(Entry::NO_EXECUTE).through(entry);
            assert_eq!(nothing.rights(Entry::DIRTY), Rights::DIRTY);
        }
    }

    /// SDM vol. 3, 4.6.1: user-mode accesses reach user-mode addresses only.
    #[test]
    fn a_user_reaches_only_user_pages() {
        let table = table(|_| {});
        for kind in AccessKind::ORDINARY {
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
