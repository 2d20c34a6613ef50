//! Everything goes where it would go if memory were short.

use crate::{Machine, Status, vad::USER_LIMIT};

impl Machine {
    /// Takes all pages out of memory that can be elsewhere: they leave the working sets, unless
    /// they are locked, what was written is stored, and their frames are free. What cannot be
    /// stored stays in memory. Programs do not notice: for who wants to see that.
    ///
    /// # Errors
    /// [`Status::InternalError`]: page tables do not answer.
    pub fn page_out(&mut self) -> Result<(), Status> {
        for space in self.spaces.values_mut() {
            space.trim(&mut self.kernel, 0, USER_LIMIT)?;
        }
        self.kernel.write_all()?;
        self.kernel.physical.free_standby()
    }
}
