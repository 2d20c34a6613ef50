use std::ops::Range;

use crate::{
    AddressRange, Machine, Status, Target,
    kernel::Kernel,
    page_tables::Pieces,
    paging::{Patience, Reader, SPARED},
    pte::{FrameOwner, PteState},
    section::{PROTOTYPES, SegmentId, Whereabouts},
    user_space::UserSpace,
    vad::{PAGE, USER_LIMIT},
};

impl Machine {
    /// Reads what files and page files hold of some ranges into memory, so that the first touch
    /// does not have to (`PrefetchVirtualMemory`). A hint: what is not there is passed by, a
    /// range is left at the first page that cannot be read, and what was read is on standby,
    /// where it takes no memory that somebody was promised.
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
        let mut room = kernel.physical.available().saturating_sub(SPARED);
        // What is read before somebody wants it is no fault.
        let faults = kernel.faults;
        for range in ranges {
            let start = range.base.as_u64();
            let end = start.saturating_add(range.size).min(USER_LIMIT);
            let _passed_by = space.prefetch(kernel, start & !(PAGE - 1), end, &mut room);
        }
        kernel.faults = faults;
        Ok(())
    }
}

impl UserSpace {
    fn prefetch(
        &self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        room: &mut u64,
    ) -> Result<(), Status> {
        let mut next = start;
        while next < end {
            let Some(vad) = self.vads.find(next) else {
                next = self.vads.next_start(next).unwrap_or(end);
                continue;
            };
            let reach = vad.end.min(end);
            if let Some((segment, first)) = vad.view_index(next) {
                let pages = (reach - next).div_ceil(PAGE);
                let reader = self.reader(&Patience::Stays);
                kernel.prefetch_shared(segment, first..first + pages, room, reader)?;
            }
            self.prefetch_own(kernel, next, reach, room)?;
            next = vad.end;
        }
        Ok(())
    }

    /// Reads the pages that the process has for itself in page files.
    fn prefetch_own(
        &self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        room: &mut u64,
    ) -> Result<(), Status> {
        let mut pieces = Pieces::new(start, end);
        while let Some(piece) = pieces.next(self, &kernel.physical)? {
            for (_, place) in piece.entries() {
                let entry = kernel.physical.read_pte(place)?;
                if *room > 0 && matches!(entry.state(), PteState::PageFile(..)) {
                    let reader = self.reader(&Patience::Stays);
                    kernel.page_in(place, FrameOwner::Process, reader)?;
                    *room -= 1;
                }
            }
        }
        Ok(())
    }
}

impl Kernel {
    fn prefetch_shared(
        &mut self,
        id: SegmentId,
        pages: Range<u64>,
        room: &mut u64,
        reader: Reader<'_>,
    ) -> Result<(), Status> {
        let is_file = self.segments.is_file(id);
        let mut next = pages.start;
        while next < pages.end.min(self.segment(id)?.pages) && *room > 0 {
            let index = next;
            next += 1;
            if !is_file {
                let Some(place) = self.segment(id)?.place(index) else {
                    next = (index / PROTOTYPES + 1) * PROTOTYPES;
                    continue;
                };
                if !matches!(
                    self.physical.read_pte(place)?.state(),
                    PteState::PageFile(..)
                ) {
                    continue;
                }
            }
            match self.find_shared(id, index, pages.clone(), reader) {
                Ok((frame, found)) => {
                    self.physical.release(frame);
                    *room -= u64::from(found != Whereabouts::InUse);
                }
                Err(Status::AccessViolation) => {}
                Err(status) => return Err(status),
            }
        }
        Ok(())
    }
}
