use crate::Status;

/// The memory that was promised, in pages, and how much can be.
#[derive(Debug)]
pub(crate) struct Commit {
    limit: u64,
    charged: u64,
}

impl Commit {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, charged: 0 }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn charged(&self) -> u64 {
        self.charged
    }

    pub(crate) fn charge(&mut self, pages: u64) -> Result<(), Status> {
        if self.left() < pages {
            return Err(Status::CommitmentLimit);
        }
        self.charged += pages;
        Ok(())
    }

    /// Promises memory that has to be had, even beyond the limit.
    pub(crate) fn charge_beyond(&mut self, pages: u64) {
        self.charged += pages;
    }

    /// How much more can be promised.
    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.charged)
    }

    /// There is less memory to promise.
    pub(crate) fn lower(&mut self, pages: u64) -> Result<(), Status> {
        if self.left() < pages {
            return Err(Status::CommitmentLimit);
        }
        self.limit -= pages;
        Ok(())
    }

    /// There is more memory to promise.
    pub(crate) fn raise(&mut self, pages: u64) {
        self.limit += pages;
    }

    pub(crate) fn release(&mut self, pages: u64) {
        self.charged -= pages;
    }
}
