//! The mapped page writer: written pages of files go to their files, those that are neighbours
//! there at once. A page that holds something behind the end of its file stays in memory, since
//! that is nowhere else.

use std::ops::Range;

use mmu_core::PhysAddr;

use crate::{
    IoOwner, PAGE_FILE_CLUSTER, Status,
    kernel::Kernel,
    pfn::{FrameFlags, FrameState},
    protection::Protection,
    pte::Pte,
    section::{PageOrigin, SegmentId},
    system::Cause,
    vad::PAGE,
};

/// What came of pages that were to be stored at once.
#[derive(Clone, Copy, Debug)]
struct Written {
    stored: u64,
    tried: u64,
}

impl Kernel {
    /// Stores the page of a file that has waited longest for it, and those beside it; if that
    /// fails the next ones, until all were tried. Gives how many were stored; what could not be
    /// waits on, behind the others.
    pub(crate) fn write_mapped(&mut self) -> Result<u64, Status> {
        let mut untried = self.physical.frames().page_lists().modified_mapped;
        while let Some(frame) = self.physical.frames().next_mapped()
            && untried > 0
        {
            let written = self.write_cluster(frame)?;
            if written.stored > 0 {
                return Ok(written.stored);
            }
            untried = untried.saturating_sub(written.tried);
        }
        Ok(0)
    }

    fn write_cluster(&mut self, frame: PhysAddr) -> Result<Written, Status> {
        let record = self.physical.record(frame);
        let (Some(id), Some(place)) = (record.original.in_file(), record.entry()) else {
            return Err(Status::InternalError);
        };
        if matches!(self.segment(id)?.origin, PageOrigin::Image(_)) {
            let stored = self.write_image_data(frame)?;
            return Ok(Written { stored, tried: 1 });
        }
        let index = self.segment(id)?.index_of(place);
        let index = index.ok_or(Status::InternalError)?;
        let pages = self.written_beside(id, index)?;
        let mut frames = Vec::new();
        for index in pages.clone() {
            let prototype = self.segment(id)?.prototype(&self.physical, index)?;
            let frame = prototype.frame().ok_or(Status::InternalError)?;
            self.physical.refer(frame);
            self.physical
                .flags(frame)
                .insert(FrameFlags::WRITE_IN_PROGRESS);
            frames.push(frame);
        }
        let stored = match &self.segment(id)?.origin {
            PageOrigin::File(file) => {
                file.store_run(self.physical.ram(), pages.start * PAGE, &frames)
            }
            _ => return Err(Status::InternalError),
        };
        let disks = &mut self.physical.disks;
        disks.write(IoOwner::MappedFile, frames.len() as u64 * PAGE);
        let stored = stored.unwrap_or(0);
        let written = Written {
            stored: stored as u64,
            tried: frames.len() as u64,
        };
        if stored < frames.len() {
            disks.fail(IoOwner::MappedFile);
            self.physical.stall.failed(Cause::Broken);
        }
        for ((number, frame), index) in frames.into_iter().enumerate().zip(pages) {
            let PageOrigin::File(file) = &self.segment(id)?.origin else {
                return Err(Status::InternalError);
            };
            let stays = file.ends_before_page(self.physical.ram(), index * PAGE, frame)?;
            let flags = self.physical.flags(frame);
            flags.remove(FrameFlags::WRITE_IN_PROGRESS);
            if number < stored {
                flags.remove(FrameFlags::MODIFIED);
                flags.set(FrameFlags::NO_WRITE, stays);
            }
            self.physical.release(frame);
        }
        Ok(written)
    }

    /// A page of an image that all processes write to is no part of its file any more.
    fn write_image_data(&mut self, frame: PhysAddr) -> Result<u64, Status> {
        self.physical.refer(frame);
        let zeros = Pte::demand_zero(Protection::SHARED);
        self.physical.record_mut(frame).original = zeros;
        self.physical.release(frame);
        self.physical.write_modified()
    }

    /// The pages around one that wait to be stored as it does.
    fn written_beside(&self, id: SegmentId, index: u64) -> Result<Range<u64>, Status> {
        let segment = self.segment(id)?;
        let waits = |index: u64| -> Result<bool, Status> {
            let frame = segment.prototype(&self.physical, index)?.frame();
            Ok(frame.is_some_and(|frame| {
                let record = self.physical.record(frame);
                record.state == FrameState::Modified && record.original == Pte::subsection(id)
            }))
        };
        let mut pages = index..index + 1;
        let most = PAGE_FILE_CLUSTER as u64;
        while pages.end - pages.start < most && waits(pages.end)? {
            pages.end += 1;
        }
        while pages.end - pages.start < most && pages.start > 0 && waits(pages.start - 1)? {
            pages.start -= 1;
        }
        Ok(pages)
    }
}
