//! Hard faults on files: pages are read from mapped files and images, and what lies beside them.

use std::ops::Range;

use mmu_core::PhysAddr;

use super::{
    FailedPage, Patience, Reader,
    page_in::{CLUSTER, SPARED},
};
use crate::{
    IoOwner, Status,
    kernel::Kernel,
    physical::Physical,
    protection::Protection,
    pte::{FrameOwner, Pte},
    section::{PROTOTYPES, Segment, SegmentId, mapped_file},
    vad::{PAGE, PAGE_BYTES},
};

/// What was read of pages that follow each other.
struct Read {
    /// A page each; zeros are what was not there.
    bytes: Vec<u8>,
    /// How many bytes there were before the end.
    there: u64,
    /// How many there should be.
    wanted: u64,
    /// How many there are in the file by now.
    left: u64,
}

impl Kernel {
    /// The frame of a page that is in a file, read from there; it stays where it is until the
    /// caller releases it. Those beside it and within a range may be read with it, and are on
    /// standby then.
    ///
    /// # Errors
    /// [`Status::InPageError`], of which the thread is told the reason, and of a reader who does
    /// not stay; [`Status::NoMemory`], [`Status::CommitmentLimit`].
    pub(crate) fn file_in(
        &mut self,
        id: SegmentId,
        index: u64,
        within: Range<u64>,
        reader: Reader<'_>,
    ) -> Result<PhysAddr, Status> {
        let in_file = Pte::subsection(id);
        let place = self.segment(id)?.place(index);
        if let Some(reason) = place.and_then(|place| reader.was_told(place, in_file)) {
            return Err(self.in_page_error(reason));
        }
        let mut pages = self.segment(id)?.beside(&self.physical, index, &within)?;
        let mut frames = vec![self.physical.allocate_to_fill()?];
        while frames.len() < pages.clone().count() && self.physical.available() > SPARED {
            frames.push(self.physical.allocate_to_fill()?);
        }
        if frames.len() < pages.clone().count() {
            pages = index..index + 1;
        }
        let read = self.read_pages(id, index, &mut pages);
        if read.is_err() {
            pages = index..index + 1;
        }
        let place = match read {
            Err(reason) if !reader.leaves() => Err(self.in_page_error(reason)),
            // The table first, so that nothing is kept if there is no memory for it.
            _ => self.make_prototype(id, index),
        };
        let used = if place.is_ok() {
            pages.clone().count()
        } else {
            0
        };
        for frame in frames.drain(used..) {
            self.physical.free(frame);
        }
        let place = place?;
        self.faults.hard += u64::from(read.is_ok());
        let mut given = Vec::with_capacity(frames.len());
        let mut wanted = Err(Status::InternalError);
        for ((page, frame), number) in pages.zip(frames).zip(0..) {
            if let Ok(read) = &read {
                if page != index && !read.is_whole(number) {
                    self.physical.free(frame);
                    continue;
                }
                let written = self.physical.ram().write(frame, read.page(number));
                written.map_err(|_| Status::InternalError)?;
            }
            if page == index {
                wanted = Ok(frame);
                continue;
            }
            let place = self.make_prototype(id, page)?;
            self.physical
                .give_from_file(frame, (place, in_file), reader)?;
            given.push(frame);
        }
        let frame = wanted?;
        let Patience::Leaves(process) = *reader.patience else {
            self.physical.record_mut(frame).priority = reader.priority as u8;
            self.physical.give_to_prototype(frame, (place, in_file))?;
            return Ok(frame);
        };
        self.physical
            .give_from_file(frame, (place, in_file), reader)?;
        given.push(frame);
        let failed = read.err().map(|reason| FailedPage {
            at: place,
            original: in_file,
            reason,
        });
        self.depart(process, given, failed);
        Err(Status::InPageError)
    }

    /// Reads some pages, or the wanted one of them alone: another one may be what could not be
    /// read. The error is why that could not.
    fn read_pages(
        &mut self,
        id: SegmentId,
        index: u64,
        pages: &mut Range<u64>,
    ) -> Result<Read, Status> {
        let mut read = self.read_run(id, pages);
        if read.is_err() && pages.end - pages.start > 1 {
            *pages = index..index + 1;
            read = self.read_run(id, pages);
        }
        let read = read?;
        // The file is shorter than when it was mapped.
        #[expect(clippy::cast_possible_truncation, reason = "eight pages at most")]
        let number = (index - pages.start) as usize;
        if read.is_whole(number) || read.is_last(number) {
            Ok(read)
        } else {
            self.physical.disks.fail(IoOwner::MappedFile);
            Err(Status::FileInvalid)
        }
    }

    fn read_run(&mut self, id: SegmentId, pages: &Range<u64>) -> Result<Read, Status> {
        let segment = self.segment(id)?;
        let (file, end) = segment.origin.file().ok_or(Status::InternalError)?;
        let (first, last) = (segment.part(pages.start), segment.part(pages.end - 1));
        let (first, last) = first.zip(last).ok_or(Status::InternalError)?;
        let length = last.offset + last.bytes - first.offset;
        let wanted = length.min(end.saturating_sub(first.offset));
        let mut bytes = vec![0; pages.clone().count() * PAGE_BYTES];
        #[expect(clippy::cast_possible_truncation, reason = "eight pages at most")]
        let read = mapped_file::read(file.disk(), first.offset, &mut bytes[..length as usize]);
        let left = match read {
            Ok(there) if (there as u64) < wanted => mapped_file::length(file.disk()),
            _ => Ok(end),
        };
        let disks = &mut self.physical.disks;
        disks.read(IoOwner::MappedFile, bytes.len() as u64);
        let there = read.inspect_err(|_| disks.fail(IoOwner::MappedFile))? as u64;
        let left = left?.saturating_sub(first.offset);
        Ok(Read {
            bytes,
            there,
            wanted,
            left,
        })
    }
}

impl Physical {
    /// Gives a frame to the prototype entry whose page was read into it.
    fn give_from_file(
        &mut self,
        frame: PhysAddr,
        (place, in_file): (PhysAddr, Pte),
        reader: Reader<'_>,
    ) -> Result<(), Status> {
        self.give_clean(frame, (place, in_file), FrameOwner::Prototype, reader);
        self.write_raw(place, Pte::transition(frame, Protection::SHARED))
    }
}

impl Read {
    fn page(&self, number: usize) -> &[u8] {
        &self.bytes[number * PAGE_BYTES..][..PAGE_BYTES]
    }

    /// Whether all was there of a page that should be.
    fn is_whole(&self, number: usize) -> bool {
        let start = (number * PAGE_BYTES) as u64;
        self.there > start && self.there >= self.wanted.min(start + PAGE)
    }

    /// Whether a page is the one in which the file ends by now.
    fn is_last(&self, number: usize) -> bool {
        let start = (number * PAGE_BYTES) as u64;
        self.there > start && self.there == self.left
    }
}

impl Segment {
    /// The pages around one that are in the same part of its file, and not in memory, and whose
    /// prototype entries lie in one table.
    fn beside(
        &self,
        physical: &Physical,
        index: u64,
        within: &Range<u64>,
    ) -> Result<Range<u64>, Status> {
        let own = self.part(index).ok_or(Status::InternalError)?;
        let is_beside = |page: u64| -> Result<bool, Status> {
            let is_near = page / PROTOTYPES == index / PROTOTYPES && page < self.pages;
            let is_near = is_near && within.contains(&page);
            let part = self.part(page).filter(|_| is_near);
            if part.is_none_or(|part| part.subsection != own.subsection) {
                return Ok(false);
            }
            let prototype = self.prototype(physical, page)?;
            Ok(prototype == Pte::ZERO || prototype.in_file().is_some())
        };
        let mut pages = index..index + 1;
        while pages.end - pages.start < CLUSTER && is_beside(pages.end)? {
            pages.end += 1;
        }
        while pages.end - pages.start < CLUSTER && pages.start > 0 && is_beside(pages.start - 1)? {
            pages.start -= 1;
        }
        Ok(pages)
    }
}
