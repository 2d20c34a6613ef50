//! Where the pages of sections are, and how they are brought to memory.

use mmu_core::{PhysAddr, Ram};

use super::{PageOrigin, SegmentId};
use crate::{
    Status,
    kernel::Kernel,
    protection::Protection,
    pte::{FrameOwner, Pte, PteState},
    vad::PAGE,
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
        Ok(self.find_shared(id, index)?.0)
    }

    /// The same, and where the page was.
    pub(crate) fn find_shared(
        &mut self,
        id: SegmentId,
        index: u64,
    ) -> Result<(PhysAddr, Whereabouts), Status> {
        let Some(place) = self.segment(id)?.place(index) else {
            return self.fill_shared(id, index, Pte::ZERO);
        };
        let prototype = self.physical.read_pte(place)?;
        match self.bring_back(place, prototype)? {
            Some(found) => Ok(found),
            None => self.fill_shared(id, index, prototype),
        }
    }

    /// The same, of the page of a prototype entry that had a frame before.
    pub(crate) fn follow_prototype(
        &mut self,
        place: PhysAddr,
    ) -> Result<(PhysAddr, Whereabouts), Status> {
        let prototype = self.physical.read_pte(place)?;
        if let Some(found) = self.bring_back(place, prototype)? {
            return Ok(found);
        }
        let id = prototype.in_file().ok_or(Status::InternalError)?;
        let index = self.segment(id)?.index_of(place);
        self.fill_shared(id, index.ok_or(Status::InternalError)?, prototype)
    }

    /// The page of a prototype entry, if it is in memory or in a page file.
    fn bring_back(
        &mut self,
        place: PhysAddr,
        prototype: Pte,
    ) -> Result<Option<(PhysAddr, Whereabouts)>, Status> {
        let (frame, found) = match (prototype.state(), prototype.frame()) {
            (PteState::Valid(_), Some(frame)) => (frame, Whereabouts::InUse),
            (_, Some(frame)) => (frame, Whereabouts::InMemory),
            (PteState::PageFile(..), None) => {
                let frame = self.page_in(place, FrameOwner::Prototype)?;
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
        prototype: Pte,
    ) -> Result<(PhysAddr, Whereabouts), Status> {
        let segment = self.segment(id)?;
        let (committed, _) =
            segment.protection_run(&self.physical, (index, 1), Protection::SHARED)?;
        if committed.is_none() {
            return Err(Status::AccessViolation);
        }
        // Borrowed apart from the frames.
        let segment = self.segments.get(id).ok_or(Status::InternalError)?;
        let physical = &mut self.physical;
        let in_file = Pte::subsection(id);
        let (frame, original) = match &segment.origin {
            PageOrigin::File(file) => {
                let load = |ram: &Ram, frame| file.load(ram, (index * PAGE, PAGE), frame);
                (physical.allocate_filled(load), in_file)
            }
            PageOrigin::Image(image) => {
                let load = |ram: &Ram, frame| image.load(ram, index, frame);
                (physical.allocate_filled(load), in_file)
            }
            PageOrigin::Committed | PageOrigin::Reserved => {
                (physical.allocate().map(Ok), prototype)
            }
        };
        let frame = frame?.map_err(|reason| {
            self.in_page_reason = Some(reason);
            Status::InPageError
        })?;
        let place = self.make_prototype(id, index);
        let place = place.inspect_err(|_| self.physical.free(frame))?;
        self.physical.give_to_prototype(frame, (place, original))?;
        Ok((frame, Whereabouts::Elsewhere))
    }
}
