use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use mmu_core::PhysAddr;

use crate::{
    ProcessId, Status,
    kernel::Kernel,
    pfn::FrameFlags,
    physical::Physical,
    protection::Protection,
    pte::Pte,
    run::Run,
    section::{image::Image, mapped_file::MappedFile},
    vad::PAGE,
};

/// A segment: the pages of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SegmentId(pub(crate) u64);

/// All pages that a segment can have.
pub(crate) const EVERYWHERE: Range<u64> = 0..u64::MAX;

/// Prototype entries of a frame.
pub(crate) const PROTOTYPES: u64 = PAGE / 8;

/// The pages that views share, with a prototype entry for each.
///
/// Prototype entries lie in emulated memory, in the formats of page-table entries, a frame of
/// them at a time, made when one of them is first needed. A prototype entry of zero is a page
/// as it was at first; a valid one has a frame that somebody uses, and one in transition a frame
/// that nobody does.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) origin: PageOrigin,
    pub(crate) pages: u64,
    prototypes: BTreeMap<u64, PhysAddr>,
    /// The pages that commit was charged for, the frames of prototypes included.
    pub(crate) charge: u64,
    /// Sections that are open.
    pub(crate) handles: u64,
    /// Lists of locked pages that have some of its pages.
    pub(crate) locks: u64,
    /// The views, by process and start.
    pub(crate) views: BTreeSet<(ProcessId, u64)>,
}

/// Where a page is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartOfFile {
    /// The first page of all those that follow each other in the file as they do in memory.
    pub(crate) subsection: u64,
    pub(crate) offset: u64,
    /// How many bytes of it are there; zeros follow.
    pub(crate) bytes: u64,
}

/// Where pages come from.
#[derive(Debug)]
pub(crate) enum PageOrigin {
    /// They are zeros, all of them committed.
    Committed,
    /// They are zeros once they are committed.
    Reserved,
    /// They are in a file.
    File(MappedFile),
    /// They are parts of an image.
    Image(Image),
}

impl PageOrigin {
    /// The file, and where it should end.
    pub(crate) fn file(&self) -> Option<(&MappedFile, u64)> {
        match self {
            Self::File(file) => Some((file, file.end)),
            // What is known of it is where its parts end.
            Self::Image(image) => Some((&image.file, u64::MAX)),
            Self::Committed | Self::Reserved => None,
        }
    }
}

impl Segment {
    pub(crate) fn new(origin: PageOrigin, pages: u64) -> Self {
        Self {
            origin,
            pages,
            prototypes: BTreeMap::new(),
            charge: 0,
            handles: 0,
            locks: 0,
            views: BTreeSet::new(),
        }
    }

    /// Whether somebody has it open, or is busy with pages of it.
    pub(crate) fn is_in_use(&self) -> bool {
        self.handles > 0 || self.locks > 0
    }

    /// Where a page is in a file; none if it is in none.
    pub(crate) fn part(&self, index: u64) -> Option<PartOfFile> {
        match &self.origin {
            PageOrigin::File(_) => Some(PartOfFile {
                subsection: 0,
                offset: index * PAGE,
                bytes: PAGE,
            }),
            PageOrigin::Image(image) => image.layout.part(index),
            PageOrigin::Committed | PageOrigin::Reserved => None,
        }
    }

    /// Where the prototype entry of a page lies, if there is one.
    pub(crate) fn place(&self, index: u64) -> Option<PhysAddr> {
        let frame = self.prototypes.get(&(index / PROTOTYPES))?;
        Some(frame.wrapping_add(index % PROTOTYPES * 8))
    }

    /// The page whose prototype entry lies there.
    pub(crate) fn index_of(&self, place: PhysAddr) -> Option<u64> {
        let offset = place.as_u64() % PAGE;
        let table = PhysAddr::new(place.as_u64() - offset);
        let mut chunks = self.prototypes.iter();
        let (chunk, _) = chunks.find(|&(_, &frame)| frame == table)?;
        Some(chunk * PROTOTYPES + offset / 8)
    }

    /// The prototype entry of a page.
    pub(crate) fn prototype(&self, physical: &Physical, index: u64) -> Result<Pte, Status> {
        match self.place(index) {
            Some(place) => physical.read_pte(place),
            None => Ok(Pte::ZERO),
        }
    }

    /// The protection of pages in a view with the protection `view`, as long as nothing else
    /// was said of them there, if they are committed; and how many are alike of as many as
    /// `most`.
    pub(crate) fn protection_run(
        &self,
        physical: &Physical,
        (first, most): (u64, u64),
        view: Protection,
    ) -> Result<(Option<Protection>, u64), Status> {
        match &self.origin {
            PageOrigin::Image(image) => {
                let (own, pages) = image.layout.protection_run(first, most);
                let seen = own.filter(|_| !view.is_executable());
                Ok((seen.map(Protection::without_execution).or(own), pages))
            }
            PageOrigin::Committed => Ok((Some(view), most)),
            PageOrigin::File(_) => Ok(match self.pages.saturating_sub(first) {
                0 => (None, most),
                rest => (Some(view), most.min(rest)),
            }),
            PageOrigin::Reserved => {
                let (is_committed, pages) = self.committed_run(physical, first, most)?;
                Ok((is_committed.then_some(view), pages))
            }
        }
    }

    /// Whether pages of a reserved segment are committed, and how many are alike.
    fn committed_run(
        &self,
        physical: &Physical,
        first: u64,
        most: u64,
    ) -> Result<(bool, u64), Status> {
        let mut run = Run::EMPTY;
        let mut next = first;
        while next < first + most {
            let left = first + most - next;
            let (pte, alike) = match self.place(next) {
                None => (Pte::ZERO, left.min(PROTOTYPES - next % PROTOTYPES)),
                Some(place) => physical.alike(place, left)?,
            };
            next += alike;
            if !run.takes(pte != Pte::ZERO, next) {
                break;
            }
        }
        let (is_committed, end) = run.found().unwrap_or((false, first));
        Ok((is_committed, end - first))
    }

    /// How many of some pages are copied at the first write, going by the protection of the
    /// view: commit for all these copies is charged when it is mapped.
    pub(crate) fn pages_to_copy(&self, first: u64, end: u64, view: Protection) -> u64 {
        match &self.origin {
            PageOrigin::Image(image) => image.layout.pages_to_copy(first, end),
            _ if view.copies_on_write() => end - first,
            _ => 0,
        }
    }

    /// The protection that pages of a view get which are asked to have this one.
    pub(crate) fn effective(&self, index: u64, asked: Protection) -> Protection {
        match &self.origin {
            PageOrigin::Image(image) => image.layout.effective(index, asked),
            _ => asked,
        }
    }

    /// Whether pages of a view with the protection `view` may be asked to have another one.
    pub(crate) fn permits(&self, view: Protection, asked: Protection) -> bool {
        match self.origin {
            PageOrigin::Image(_) => view.covers(asked.copying()),
            _ => view.covers(asked),
        }
    }

    /// The pages that have a frame, and these, among those of a range.
    pub(crate) fn resident(
        &self,
        physical: &Physical,
        first: u64,
        end: u64,
    ) -> Result<Vec<(u64, PhysAddr)>, Status> {
        let mut found = Vec::new();
        let chunks = first / PROTOTYPES..end.div_ceil(PROTOTYPES).max(first / PROTOTYPES);
        for (&chunk, &frame) in self.prototypes.range(chunks) {
            for slot in 0..PROTOTYPES {
                let index = chunk * PROTOTYPES + slot;
                if !(first..end).contains(&index) {
                    continue;
                }
                let pte = physical.read_pte(frame.wrapping_add(slot * 8))?;
                found.extend(pte.frame().map(|frame| (index, frame)));
            }
        }
        Ok(found)
    }

    /// The frames of the prototype entries.
    pub(crate) fn tables(&self) -> impl Iterator<Item = PhysAddr> {
        self.prototypes.values().copied()
    }
}

impl Kernel {
    pub(crate) fn segment(&self, id: SegmentId) -> Result<&Segment, Status> {
        self.segments.get(id).ok_or(Status::InternalError)
    }

    pub(crate) fn segment_mut(&mut self, id: SegmentId) -> Result<&mut Segment, Status> {
        self.segments.get_mut(id).ok_or(Status::InternalError)
    }

    /// Where the prototype entry of a page lies, which is made if there is none yet.
    pub(crate) fn make_prototype(&mut self, id: SegmentId, index: u64) -> Result<PhysAddr, Status> {
        if let Some(place) = self.segment(id)?.place(index) {
            return Ok(place);
        }
        self.charge_table();
        let frame = self.physical.allocate();
        let frame = frame.inspect_err(|_| self.commit.release(1))?;
        self.physical.hold(frame);
        let segment = self.segment_mut(id)?;
        segment.charge += 1;
        segment.prototypes.insert(index / PROTOTYPES, frame);
        Ok(frame.wrapping_add(index % PROTOTYPES * 8))
    }

    /// Commits pages of a reserved segment, all or none; those that are committed stay.
    pub(crate) fn commit_segment(
        &mut self,
        id: SegmentId,
        first: u64,
        end: u64,
    ) -> Result<(), Status> {
        if !matches!(self.segment(id)?.origin, PageOrigin::Reserved) {
            return Ok(());
        }
        let mut new = 0;
        let mut next = first;
        while next < end {
            let segment = self.segment(id)?;
            let (is_committed, run) = segment.committed_run(&self.physical, next, end - next)?;
            if !is_committed {
                new += run;
            }
            next += run;
        }
        let known = &self.segment(id)?.prototypes;
        let tables = first / PROTOTYPES..end.div_ceil(PROTOTYPES);
        let tables = tables.filter(|table| !known.contains_key(table)).count() as u64;
        self.charge(new + tables)?;
        self.commit.release(tables);
        if let Err(status) = self.make_prototypes(id, first, end) {
            self.commit.release(new);
            return Err(status);
        }
        self.segment_mut(id)?.charge += new;
        let zeros = Pte::demand_zero(Protection::SHARED);
        for index in first..end {
            let place = self.make_prototype(id, index)?;
            if self.physical.read_pte(place)? == Pte::ZERO {
                self.physical.write_raw(place, zeros)?;
            }
        }
        Ok(())
    }

    /// Makes the prototype entries of a range, all or none.
    fn make_prototypes(&mut self, id: SegmentId, first: u64, end: u64) -> Result<(), Status> {
        let mut made = Vec::new();
        for chunk in first / PROTOTYPES..end.div_ceil(PROTOTYPES) {
            if self.segment(id)?.prototypes.contains_key(&chunk) {
                continue;
            }
            match self.make_prototype(id, chunk * PROTOTYPES) {
                Ok(_) => made.push(chunk),
                Err(status) => {
                    self.drop_prototypes(id, &made)?;
                    return Err(status);
                }
            }
        }
        Ok(())
    }

    /// Gives frames of prototype entries back that hold none.
    fn drop_prototypes(&mut self, id: SegmentId, chunks: &[u64]) -> Result<(), Status> {
        let segment = self.segments.get_mut(id).ok_or(Status::InternalError)?;
        for chunk in chunks {
            if let Some(frame) = segment.prototypes.remove(chunk) {
                self.physical.free(frame);
                self.commit.release(1);
                segment.charge -= 1;
            }
        }
        Ok(())
    }

    /// Writes the dirty pages of a range to the file, if there is one.
    ///
    /// # Errors
    /// The first of those of writing to the file; such a page stays dirty, and the others are
    /// written.
    pub(crate) fn write_back(&mut self, id: SegmentId, first: u64, end: u64) -> Result<(), Status> {
        let mut result = Ok(());
        let segment = self.segment(id)?;
        for (index, frame) in segment.resident(&self.physical, first, end)? {
            if !self.physical.is_written(frame) {
                continue;
            }
            let segment = self.segments.get(id).ok_or(Status::InternalError)?;
            let PageOrigin::File(file) = &segment.origin else {
                return Ok(());
            };
            let stored = file.store(self.physical.ram(), index * PAGE, frame);
            if stored.is_ok() {
                let stays = file.ends_before_page(self.physical.ram(), index * PAGE, frame)?;
                self.physical.flags(frame).set(FrameFlags::NO_WRITE, stays);
                self.physical.note_stored(frame);
            }
            result = result.and(stored);
        }
        result
    }

    /// Lets a segment go that has neither views nor open sections nor locked pages; what was
    /// written to it is in its file then.
    ///
    /// # Errors
    /// As writing to the file fails; the segment is kept then.
    pub(crate) fn retire(&mut self, id: SegmentId) -> Result<(), Status> {
        let Some(segment) = self.segments.get(id) else {
            return Ok(());
        };
        let pages = segment.pages;
        if !segment.views.is_empty() {
            return Ok(());
        }
        self.write_back(id, 0, pages)?;
        if self.segment(id)?.is_in_use() {
            return Ok(());
        }
        let Some(segment) = self.segments.remove(id) else {
            return Ok(());
        };
        for (_, frame) in segment.resident(&self.physical, 0, pages)? {
            self.physical.delete_prototype(frame);
        }
        for table in segment.tables() {
            self.physical.free_slots(table)?;
            self.physical.free(table);
        }
        self.commit.release(segment.charge);
        Ok(())
    }
}
