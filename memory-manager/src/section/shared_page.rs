//! Where the pages of sections are, and how they are brought to memory.

use std::ops::Range;

use mmu_core::PhysAddr;

use super::{EVERYWHERE, PageOrigin, SegmentId};
use crate::{
    Status,
    kernel::Kernel,
    paging::Reader,
    protection::Protection,
    pte::{FrameOwner, Pte, PteState},
};

/// Where a shared page was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// Somebody uses it.
    InUse,
    /// In memory, where nobody used it.
    InMemory,
    /// Not in memory.
    Elsewhere,
}

impl Kernel {
    /// The frame of a shared page, which is filled if there is none yet, and stays where it is
    /// until the caller releases it.
    ///
    /// # Errors
    /// [`Status::AccessViolation`] if the page is not committed, [`Status::InPageError`] if
    /// the file cannot be read.
    pub(crate) fn shared_frame(&mut self, id: SegmentId, index: u64) -> Result<PhysAddr, Status> {
        Ok(self.find_shared(id, index, EVERYWHERE, Reader::SYSTEM)?.0)
    }

    /// The same, and where the page was. Of a file, pages within a range may be read with it.
    pub(crate) fn find_shared(
        &mut self,
        id: SegmentId,
        index: u64,
        within: Range<u64>,
        reader: Reader<'_>,
    ) -> Result<(PhysAddr, Whereabouts), Status> {
        let Some(place) = self.segment(id)?.place(index) else {
            return self.fill_shared(id, index, within, Pte::ZERO, reader);
        };
        let prototype = self.physical.read_pte(place)?;
        match self.bring_back(place, prototype, reader)? {
            Some(found) => Ok(found),
            None => self.fill_shared(id, index, within, prototype, reader),
        }
    }

    /// The same, of the page of a prototype entry that had a frame before.
    pub(crate) fn follow_prototype(
        &mut self,
        place: PhysAddr,
        reader: Reader<'_>,
    ) -> Result<(PhysAddr, Whereabouts), Status> {
        let prototype = self.physical.read_pte(place)?;
        if let Some(found) = self.bring_back(place, prototype, reader)? {
            return Ok(found);
        }
        let id = prototype.in_file().ok_or(Status::InternalError)?;
        let index = self.segment(id)?.index_of(place);
        let index = index.ok_or(Status::InternalError)?;
        self.fill_shared(id, index, EVERYWHERE, prototype, reader)
    }

    /// The page of a prototype entry, if it is in memory or in a page file.
    fn bring_back(
        &mut self,
        place: PhysAddr,
        prototype: Pte,
        reader: Reader<'_>,
    ) -> Result<Option<(PhysAddr, Whereabouts)>, Status> {
        let (frame, found) = match (prototype.state(), prototype.frame()) {
            (PteState::Valid(_), Some(frame)) => (frame, Whereabouts::InUse),
            (_, Some(frame)) => (frame, self.land(frame, reader.patience)?),
            (PteState::PageFile(..), None) => {
                let frame = self.page_in(place, FrameOwner::Prototype, reader)?;
                (frame, Whereabouts::Elsewhere)
            }
            (_, None) => return Ok(None),
        };
        self.physical.refer(frame);
        Ok(Some((frame, found)))
    }

    /// Fills a frame with a page that is zeros, or in a file.
    fn fill_shared(
        &mut self,
        id: SegmentId,
        index: u64,
        within: Range<u64>,
        prototype: Pte,
        reader: Reader<'_>,
    ) -> Result<(PhysAddr, Whereabouts), Status> {
        let segment = self.segment(id)?;
        let (committed, _) =
            segment.protection_run(&self.physical, (index, 1), Protection::SHARED)?;
        if committed.is_none() {
            return Err(Status::AccessViolation);
        }
        if segment.part(index).is_some() {
            let frame = self.file_in(id, index, within, reader)?;
            return Ok((frame, Whereabouts::Elsewhere));
        }
        // What follows the bytes of a part of an image is zeros, too.
        let original = match &segment.origin {
            PageOrigin::File(_) | PageOrigin::Image(_) => Pte::subsection(id),
            PageOrigin::Committed | PageOrigin::Reserved => prototype,
        };
        let frame = self.physical.allocate()?;
        let place = self.make_prototype(id, index);
        let place = place.inspect_err(|_| self.physical.free(frame))?;
        self.physical.give_to_prototype(frame, (place, original))?;
        Ok((frame, Whereabouts::Elsewhere))
    }
}
