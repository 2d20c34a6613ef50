use bitflags::bitflags;

use crate::{Machine, ProcessId, Status};

bitflags! {
    /// What a process may do beyond others (Microsoft, "Privilege Constants").
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Privileges: u32 {
        /// `SeLockMemoryPrivilege`: have memory that never leaves physical memory, in large
        /// pages or as physical pages.
        const LOCK_MEMORY = 1;
    }
}

impl Privileges {
    /// That the privileges include others.
    ///
    /// # Errors
    /// [`Status::PrivilegeNotHeld`] if they do not.
    pub(crate) fn check(self, needed: Self) -> Result<(), Status> {
        if self.contains(needed) {
            Ok(())
        } else {
            Err(Status::PrivilegeNotHeld)
        }
    }
}

impl Machine {
    /// What a process may do beyond others.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn privileges(&self, process: ProcessId) -> Result<Privileges, Status> {
        Ok(self.space_ref(process)?.0.privileges)
    }

    /// Gives a process these privileges, and takes all others from it; at first it has none.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn set_privileges(
        &mut self,
        process: ProcessId,
        privileges: Privileges,
    ) -> Result<(), Status> {
        let space = self.spaces.get_mut(&process);
        space.ok_or(Status::InvalidHandle)?.privileges = privileges;
        Ok(())
    }
}
