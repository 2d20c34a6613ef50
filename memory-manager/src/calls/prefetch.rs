use crate::{
    AddressRange, Machine, Status, Target,
    kernel::Kernel,
    user_space::UserSpace,
    vad::{PAGE, USER_LIMIT},
};

impl Machine {
    /// Reads what files hold of some ranges into memory, so that the first touch does not have
    /// to (`PrefetchVirtualMemory`). A hint: what is not there is passed by, a range is left at
    /// the first page that cannot be read, and no memory is taken that somebody was promised.
    ///
    /// # Errors
    /// - [`Status::InvalidParameter3`]: no range.
    /// - [`Status::InvalidParameter4`]: an empty range.
    /// - [`Status::InvalidHandle`]: no such process.
    pub fn prefetch_virtual_memory(
        &mut self,
        target: impl Into<Target>,
        ranges: &[AddressRange],
    ) -> Result<(), Status> {
        if ranges.is_empty() {
            return Err(Status::InvalidParameter3);
        }
        if ranges.iter().any(|range| range.size == 0) {
            return Err(Status::InvalidParameter4);
        }
        let (space, kernel) = self.space(target)?;
        for range in ranges {
            let start = range.base.as_u64();
            let end = start.saturating_add(range.size).min(USER_LIMIT);
            space.prefetch(kernel, start & !(PAGE - 1), end);
        }
        Ok(())
    }
}

impl UserSpace {
    fn prefetch(&self, kernel: &mut Kernel, start: u64, end: u64) {
        let mut next = start;
        while next < end {
            let Some(vad) = self.vads.find(next) else {
                next = self.vads.next_start(next).unwrap_or(end);
                continue;
            };
            let pages = (vad.end.min(end) - next).div_ceil(PAGE);
            if let Some((segment, first)) = vad.view_index(next)
                && kernel.segments.is_file(segment)
            {
                let there = kernel.segments.get(segment).map_or(0, |known| known.pages);
                for index in first..there.min(first + pages) {
                    if kernel.physical.vacant() <= kernel.commit.charged() {
                        return;
                    }
                    match kernel.find_shared(segment, index, first..first + pages) {
                        Ok((frame, _)) => kernel.physical.release(frame),
                        Err(Status::AccessViolation) => {}
                        Err(_) => return,
                    }
                }
            }
            next = vad.end;
        }
    }
}
