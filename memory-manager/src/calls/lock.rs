use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    AddressRange, Machine, ProcessId, Status, Target, user_range::WrongRange,
    user_space::UserSpace, vad::PAGE, working_set::pages,
};

const WRONG: WrongRange =
    WrongRange::just(Status::InvalidParameter).or_empty(Status::InvalidParameter);

impl Machine {
    /// Brings committed pages into memory and keeps them there (`NtLockVirtualMemory`, for the
    /// process); gives the pages. They may lie in several regions. To lock what is locked does
    /// nothing; pages that are given back or may not be accessed any more are not locked any
    /// more. Large pages and windows on physical pages never leave memory: they are always locked,
    /// and do not count. Watched pages count as written if they can be.
    ///
    /// # Errors
    /// The first of these that is true; nothing is locked then.
    /// - [`Status::InvalidParameter`]: the range is not in user space, or empty.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::AccessViolation`]: a page is in no region.
    /// - [`Status::WorkingSetQuota`]: the minimum working set is too small for it.
    /// - As a read of the first page fails that cannot be read: [`Status::AccessViolation`] if
    ///   it is not committed or may not be accessed, [`Status::GuardPageViolation`] if it is a
    ///   guard page, which it is not any more.
    pub fn virtual_lock(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
    ) -> Result<AddressRange, Status> {
        let target = target.into();
        let (start, end) = WRONG.pages(base, size)?;
        let (space, _) = self.space(target)?;
        let parts = space.pageable(start, end)?;
        let set = &space.working_set;
        let new = |&(start, end)| (end - start) / PAGE - set.locked_in(start, end);
        if parts.iter().map(new).sum::<u64>() > set.lockable() {
            return Err(Status::WorkingSetQuota);
        }
        let mut locked = Vec::new();
        for page in pages(start, end) {
            let touched = self.read(target, VirtAddr::new(page), &mut [0]);
            let list = &mut self.space(target)?.0.working_set.list;
            if let Err(stopped) = touched {
                for page in locked {
                    list.unlock(page);
                }
                return Err(stopped.code);
            }
            // At once, so that it does not leave for the next one.
            if !list.is_locked(page) {
                list.lock(page);
                locked.push(page);
            }
        }
        let (space, kernel) = self.space(target)?;
        for (start, end) in parts {
            space.note_writable(kernel, start, end)?;
        }
        Ok(range(start, end))
    }

    /// Unlocks pages, however often they were locked (`NtUnlockVirtualMemory`); gives them. Memory
    /// that never leaves stays as it is.
    ///
    /// # Errors
    /// Nothing is unlocked then.
    /// - [`Status::InvalidParameter`]: the range is not in user space, or empty.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NotLocked`]: a page is not locked. Those that are not leave the working set.
    pub fn virtual_unlock(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
    ) -> Result<AddressRange, Status> {
        let (start, end) = WRONG.pages(base, size)?;
        let (space, kernel) = self.space(target)?;
        let set = &space.working_set;
        let is_locked =
            |&(start, end): &(u64, u64)| set.locked_in(start, end) == (end - start) / PAGE;
        match space.pageable(start, end) {
            Ok(parts) if parts.iter().all(is_locked) => {
                for page in parts.into_iter().flat_map(|(start, end)| pages(start, end)) {
                    space.working_set.list.unlock(page);
                }
                Ok(range(start, end))
            }
            _ => {
                space.trim(kernel, start, end)?;
                Err(Status::NotLocked)
            }
        }
    }

    /// Whether the page of an address is locked (as `QueryWorkingSetEx` tells).
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn is_locked(&self, process: ProcessId, address: VirtAddr) -> Result<bool, Status> {
        let page = self.query_working_set_ex(process, address)?;
        Ok(page.valid.is_some_and(|valid| valid.is_locked))
    }
}

impl UserSpace {
    /// The parts of a range that can leave memory.
    fn pageable(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Status> {
        let mut parts = Vec::new();
        let mut next = start;
        while next < end {
            let vad = self.vads.find(next).ok_or(Status::AccessViolation)?;
            if !vad.is_fixed() {
                parts.push((next, vad.end.min(end)));
            }
            next = vad.end;
        }
        Ok(parts)
    }
}
