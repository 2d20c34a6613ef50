//! The range of addresses that a call is about.

use mmu_core::VirtAddr;

use crate::{
    Status,
    vad::{PAGE, USER_LIMIT},
};

/// What a call says of a range that it cannot be about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrongRange {
    /// It starts outside user space.
    pub(crate) base: Status,
    /// It starts inside and ends outside.
    pub(crate) size: Status,
    /// It is empty; none if it may be.
    pub(crate) empty: Option<Status>,
}

impl WrongRange {
    /// Always the same, and it may be empty.
    pub(crate) const fn just(status: Status) -> Self {
        Self {
            base: status,
            size: status,
            empty: None,
        }
    }

    /// The same where it is empty.
    pub(crate) const fn or_empty(self, status: Status) -> Self {
        Self {
            empty: Some(status),
            ..self
        }
    }

    /// That a range lies below a limit.
    pub(crate) fn check(self, base: u64, size: u64, limit: u64) -> Result<(), Status> {
        match self.empty {
            _ if base >= limit => Err(self.base),
            _ if size > limit - base => Err(self.size),
            Some(status) if size == 0 => Err(status),
            _ => Ok(()),
        }
    }

    /// The pages of user space that a range touches.
    pub(crate) fn pages(self, base: VirtAddr, size: u64) -> Result<(u64, u64), Status> {
        let base = base.as_u64();
        self.check(base, size, USER_LIMIT)?;
        Ok((base & !(PAGE - 1), (base + size).next_multiple_of(PAGE)))
    }
}
