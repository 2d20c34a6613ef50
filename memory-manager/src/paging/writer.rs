//! The modified page writer: pages that are nowhere else go to page files.

use crate::{
    IoOwner, PAGE_FILE_CLUSTER, Status,
    pfn::FrameFlags,
    physical::Physical,
    protection::Protection,
    pte::Pte,
    system::Cause,
    vad::{PAGE, PAGE_BYTES},
};

impl Physical {
    /// Writes the pages that have waited longest for it to page files, a cluster of them, and
    /// lets their frames be taken. Gives how many were written; what could not be written waits
    /// on, behind the others.
    pub(crate) fn write_modified(&mut self) -> Result<u64, Status> {
        if self.page_files.pages() == 0 {
            return Ok(0);
        }
        let mut frames = Vec::with_capacity(PAGE_FILE_CLUSTER);
        while frames.len() < PAGE_FILE_CLUSTER
            && let Some(frame) = self.frames.next_modified()
        {
            self.refer(frame);
            self.flags(frame).insert(FrameFlags::WRITE_IN_PROGRESS);
            frames.push(frame);
        }
        let mut pages = vec![0; frames.len() * PAGE_BYTES];
        for (&frame, page) in frames.iter().zip(pages.chunks_exact_mut(PAGE_BYTES)) {
            let read = self.ram().read(frame, page);
            read.map_err(|_| Status::InternalError)?;
        }
        let mut done = 0;
        while done < frames.len() {
            let rest = &pages[done * PAGE_BYTES..];
            let written = self.page_files.write(rest);
            let run = match written {
                Ok(run) => run,
                Err(error) => {
                    self.disks.fail(IoOwner::PageFile);
                    self.stall.failed(Cause::from(&error));
                    break;
                }
            };
            self.stall.written();
            self.disks
                .write(IoOwner::PageFile, u64::from(run.pages) * PAGE);
            for (slot, &frame) in run.slots().zip(&frames[done..]) {
                self.note_paged_out(frame, Pte::page_file(slot, Protection::SHARED));
            }
            done += run.pages as usize;
        }
        for frame in frames {
            self.flags(frame).remove(FrameFlags::WRITE_IN_PROGRESS);
            self.release(frame);
        }
        Ok(done as u64)
    }
}
