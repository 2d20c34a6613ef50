use std::fs::File;

use mmu_core::PageSize;

use crate::{
    Backing, Disk, FileAccess, Machine, PageProtection, Privileges, SectionAccess,
    SectionAttributes, SectionCreation, SectionHandle, SectionOpening, Status,
    kernel::Kernel,
    large::LARGE,
    pfn::FrameFlags,
    protection::{Caching, Protection},
    section::{
        PageOrigin, Section, Segment, SegmentId,
        image::{self, Image},
        mapped_file::{self, FileIdentity, MappedFile},
    },
    vad::PAGE,
};

/// How a section is committed.
const KINDS: SectionAttributes = SectionAttributes::RESERVE.union(SectionAttributes::COMMIT);

/// Larger sections there are none: user space has no room for a view of one.
pub(super) const LARGEST: u64 = 1 << 47;

impl Machine {
    /// Makes a section (`NtCreateSection`): of a file, which it makes longer if it may write
    /// to it, or of memory alone. A size of 0 is the file's.
    ///
    /// An image is of the file's bytes as they are on the disk, though its headers are read
    /// as views of the file show them. What is written to those later, it does not follow;
    /// that the file is not changed otherwise is for who opens it.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidParameter6`]: attributes that do not go together, or large pages of
    ///   a file.
    /// - [`Status::InvalidPageProtection`]: no section can be protected so, or an image that is
    ///   not executed not just be read.
    /// - [`Status::PrivilegeNotHeld`]: large pages need [`Privileges::LOCK_MEMORY`].
    /// - [`Status::SectionTooBig`]: it would be larger than user space.
    /// - [`Status::InvalidFileForSection`]: memory and empty files are no images.
    /// - [`Status::InvalidParameter4`]: memory of no size, or of one that is no multiple of its
    ///   large pages.
    /// - [`Status::AccessDenied`]: the file was not opened for that.
    /// - [`Status::InvalidFileForSection`]: it is a directory, or else no file that can be
    ///   mapped.
    /// - [`Status::MappedFileSizeZero`]: the file is empty.
    /// - [`Status::InvalidImageNotMz`], [`Status::InvalidImageProtect`],
    ///   [`Status::InvalidImageWin16`], [`Status::InvalidImageNeFormat`],
    ///   [`Status::InvalidImageFormat`]: the file is no image for x86 Windows.
    /// - [`Status::SectionTooBig`]: it would be larger than its image, or than its file, which
    ///   it may not write.
    /// - [`Status::InsufficientResources`]: its prototype entries would not fit in memory, or
    ///   no free piece of memory is as large as a page.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: it is too much.
    /// - [`Status::NoMemory`]: there is no room for it at the same address everywhere.
    /// - [`Status::DiskFull`]: the file cannot be made as long.
    /// - What the host says of the file.
    pub fn create_section(
        &mut self,
        backing: Backing,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        let opening = SectionOpening::default();
        let made = self.create_section_as(opening, backing, protection, attributes, size);
        made.map(|(handle, _)| handle)
    }

    /// Makes a section that others can open, or opens the one that has its name. That one is
    /// found last of all, after a file that was passed was made longer (so does ReactOS, whose
    /// `NtCreateSection` gives the name to a section that is made).
    ///
    /// # Errors
    /// As [`Machine::create_section`]; also where one of this name is there.
    pub fn create_section_as(
        &mut self,
        opening: SectionOpening<'_>,
        backing: Backing,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<(SectionHandle, SectionCreation), Status> {
        check_attributes(attributes)?;
        let protection = check_protection(protection)?.cached(caching(attributes));
        if attributes.contains(SectionAttributes::IMAGE_NO_EXECUTE)
            && protection != Protection::READ_ONLY
        {
            return Err(Status::InvalidPageProtection);
        }
        let page = if attributes.contains(SectionAttributes::LARGE_PAGES) {
            if !matches!(backing, Backing::PageFile) {
                return Err(Status::InvalidParameter6);
            }
            opening.privileges.check(Privileges::LOCK_MEMORY)?;
            LARGE
        } else {
            PageSize::Size4KiB
        };
        if size >= LARGEST {
            return Err(Status::SectionTooBig);
        }
        let file = match backing {
            Backing::PageFile => None,
            Backing::File(file, access) => Some((MappedFile::new(file), access)),
            Backing::Disk(disk, access) => Some((MappedFile::on(disk), access)),
        };
        if let Some((_, access)) = file
            && !access.contains(access_needed(protection))
        {
            return Err(Status::AccessDenied);
        }
        let kernel = &mut self.kernel;
        let is_image = attributes.contains(SectionAttributes::IMAGE);
        let (segment, size) = match file {
            None if is_image => return Err(Status::InvalidFileForSection),
            Some((file, _)) if is_image => kernel.map_image(file, size)?,
            None if size == 0 => return Err(Status::InvalidParameter4),
            None if page == LARGE && size & LARGE.offset_mask() != 0 => {
                return Err(Status::InvalidParameter4);
            }
            None => {
                let size = size.next_multiple_of(PAGE);
                let committing = if attributes.contains(SectionAttributes::RESERVE) {
                    Committing::Later
                } else {
                    Committing::AtOnce
                };
                let segment = kernel.make_memory(size / PAGE, committing)?;
                if page == LARGE
                    && let Err(status) = kernel.fill_large(segment)
                {
                    kernel.retire(segment)?;
                    return Err(status);
                }
                (segment, size)
            }
            Some((file, access)) => kernel.map_file(file, access, protection, size)?,
        };
        let existing = opening.name.and_then(|name| kernel.sections.named(name));
        let is_based = existing.is_none() && attributes.contains(SectionAttributes::BASED);
        let base = is_based.then(|| kernel.sections.free_base(size));
        let ready = match base {
            Some(None) => Err(Status::NoMemory),
            // Last, since it cannot be taken back.
            _ => kernel.lengthen(segment, size),
        };
        if let Err(status) = ready {
            kernel.retire(segment)?;
            return Err(status);
        }
        if let Some(id) = existing {
            kernel.retire(segment)?;
            let handle = kernel.sections.open(id, opening.access);
            return Ok((handle, SectionCreation::Existing));
        }
        kernel.segment_mut(segment)?.handles += 1;
        let section = Section {
            segment,
            protection,
            size,
            attributes: if kernel.segments.is_file(segment) {
                // A file's pages are always committed.
                attributes.difference(KINDS).union(SectionAttributes::FILE)
            } else {
                attributes
            },
            base: base.flatten(),
        };
        let handle = kernel.sections.insert(section, opening);
        Ok((handle, SectionCreation::New))
    }

    /// Opens a section by its name (`NtOpenSection`).
    ///
    /// # Errors
    /// [`Status::ObjectNameNotFound`] if none has it.
    pub fn open_section(
        &mut self,
        name: &str,
        access: SectionAccess,
    ) -> Result<SectionHandle, Status> {
        let sections = &mut self.kernel.sections;
        let id = sections.named(name).ok_or(Status::ObjectNameNotFound)?;
        Ok(sections.open(id, access))
    }

    /// Closes a section. Its views stay; what the last of those to go wrote is in the file.
    /// With the last handle goes the name.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`] if no such section is open; or as writing to the file fails,
    /// and the section stays open then.
    pub fn close_section(&mut self, handle: SectionHandle) -> Result<(), Status> {
        let kernel = &mut self.kernel;
        if let Some(section) = kernel.sections.goes_with(handle)? {
            kernel.segment_mut(section.segment)?.handles -= 1;
            if let Err(status) = kernel.retire(section.segment) {
                kernel.segment_mut(section.segment)?.handles += 1;
                return Err(status);
            }
        }
        kernel.sections.close(handle);
        Ok(())
    }

    /// Reads a file from an offset on, as it is through the views of it; gives how many bytes
    /// there were before its end.
    ///
    /// # Errors
    /// What the host says of the file.
    pub fn read_file(
        &mut self,
        file: &File,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<usize, Status> {
        let identity = FileIdentity::of(file);
        self.kernel.read_file(file, identity, offset, bytes)
    }
}

/// Which attributes go together (Wine's tests, kernel32 `sec_flag_tests`).
fn check_attributes(attributes: SectionAttributes) -> Result<(), Status> {
    type Flags = SectionAttributes;
    const CACHED: Flags = Flags::NOCACHE.union(Flags::WRITECOMBINE);
    let kinds = attributes & (KINDS | Flags::IMAGE);
    let others = attributes - kinds - Flags::BASED;
    let goes = match kinds {
        Flags::IMAGE => Flags::NOCACHE.contains(others),
        Flags::RESERVE => CACHED.contains(others),
        Flags::COMMIT => (CACHED | Flags::LARGE_PAGES).contains(others),
        _ => false,
    };
    if goes && others & CACHED != CACHED {
        Ok(())
    } else {
        Err(Status::InvalidParameter6)
    }
}

/// How the pages of a section are cached.
fn caching(attributes: SectionAttributes) -> Caching {
    if attributes.contains(SectionAttributes::IMAGE) {
        Caching::Usual
    } else if attributes.contains(SectionAttributes::NOCACHE) {
        Caching::None
    } else if attributes.contains(SectionAttributes::WRITECOMBINE) {
        Caching::WriteCombining
    } else {
        Caching::Usual
    }
}

fn check_protection(protection: PageProtection) -> Result<Protection, Status> {
    let protection = Protection::new(protection)?;
    if protection.is_accessible() && protection.caching() == Caching::Usual {
        Ok(protection)
    } else {
        Err(Status::InvalidPageProtection)
    }
}

/// What a file must have been opened for, to be mapped so (Wine's tests, kernel32
/// `test_mapping`).
fn access_needed(protection: Protection) -> FileAccess {
    let mut needed = FileAccess::READ;
    let writes = protection.is_writable() && !protection.copies_on_write();
    needed.set(FileAccess::WRITE, writes);
    needed.set(FileAccess::EXECUTE, protection.is_executable());
    needed
}

/// When the pages of a section are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Committing {
    AtOnce,
    Later,
}

impl Kernel {
    fn make_memory(&mut self, pages: u64, committing: Committing) -> Result<SegmentId, Status> {
        let (origin, charge) = match committing {
            Committing::AtOnce => (PageOrigin::Committed, pages),
            Committing::Later => (PageOrigin::Reserved, 0),
        };
        // Eight bytes for each page.
        if pages.div_ceil(PAGE / 8) > self.commit_limit() {
            return Err(match committing {
                Committing::AtOnce => Status::CommitmentLimit,
                Committing::Later => Status::InsufficientResources,
            });
        }
        self.charge(charge)?;
        let mut segment = Segment::new(origin, pages);
        segment.charge = charge;
        Ok(self.segments.add(segment))
    }

    fn map_file(
        &mut self,
        file: MappedFile,
        access: FileAccess,
        protection: Protection,
        size: u64,
    ) -> Result<(SegmentId, u64), Status> {
        let length = file.length()?;
        let size = if size == 0 { length } else { size };
        if size == 0 {
            return Err(Status::MappedFileSizeZero);
        }
        if size > length && !access_needed(protection).contains(FileAccess::WRITE) {
            return Err(Status::SectionTooBig);
        }
        let pages = length.div_ceil(PAGE);
        let id = if let Some(id) = self.segments.of_file(file.identity) {
            if access.contains(FileAccess::WRITE)
                && let Some(segment) = self.segments.get_mut(id)
                && let PageOrigin::File(known) = &mut segment.origin
            {
                *known = file.with_end(known.end);
            }
            id
        } else {
            let origin = PageOrigin::File(file);
            self.segments.add(Segment::new(origin, pages))
        };
        self.note_length(id, length)?;
        let segment = self.segment_mut(id)?;
        segment.pages = segment.pages.max(pages);
        if let PageOrigin::File(file) = &mut segment.origin {
            file.end = length;
        }
        Ok((id, size))
    }

    /// Makes a file, of which a segment is, as long as a section of it, if it is shorter.
    pub(crate) fn lengthen(&mut self, id: SegmentId, size: u64) -> Result<(), Status> {
        let segment = self.segment_mut(id)?;
        if let PageOrigin::File(file) = &mut segment.origin {
            if size > file.length()? {
                file.resize(size)?;
            }
            file.end = file.end.max(size);
            segment.pages = segment.pages.max(size.div_ceil(PAGE));
        }
        Ok(())
    }

    /// Takes notice that a file is longer than when its pages were last counted: what the page
    /// has been given behind its old end, if that lay in it, is seen from now on.
    fn note_length(&mut self, id: SegmentId, length: u64) -> Result<(), Status> {
        let segment = self.segment(id)?;
        let PageOrigin::File(file) = &segment.origin else {
            return Ok(());
        };
        let index = file.end / PAGE;
        if length > file.end
            && file.end > index * PAGE
            && let Some(frame) = segment.prototype(&self.physical, index)?.frame()
        {
            file.load_behind_end(self.physical.ram(), frame)?;
        }
        Ok(())
    }

    fn map_image(&mut self, file: MappedFile, size: u64) -> Result<(SegmentId, u64), Status> {
        let id = match self.segments.of_image(file.identity) {
            Some(id) => id,
            None => self.make_image(file)?,
        };
        let whole = self.segment(id)?.pages * PAGE;
        if size > whole {
            self.retire(id)?;
            return Err(Status::SectionTooBig);
        }
        Ok((id, if size == 0 { whole } else { size }))
    }

    fn make_image(&mut self, file: MappedFile) -> Result<SegmentId, Status> {
        let length = file.length()?;
        if length == 0 {
            return Err(Status::InvalidFileForSection);
        }
        let read =
            |offset, bytes: &mut [u8]| self.read_file(file.disk(), file.identity, offset, bytes);
        let layout = image::layout(length, read)?;
        let (pages, charge) = (layout.pages, layout.pages_written_by_all());
        self.charge(charge)?;
        let mut segment = Segment::new(PageOrigin::Image(Image { file, layout }), pages);
        segment.charge = charge;
        Ok(self.segments.add(segment))
    }

    /// Reads a file as it is through the views of it.
    fn read_file(
        &self,
        disk: &dyn Disk,
        identity: Option<FileIdentity>,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<usize, Status> {
        let count = mapped_file::read(disk, offset, bytes)?;
        if let Some(id) = self.segments.of_file(identity) {
            self.overlay(id, offset, &mut bytes[..count])?;
        }
        Ok(count)
    }

    /// Replaces what was read of a file by what its pages in memory hold.
    fn overlay(&self, id: SegmentId, offset: u64, bytes: &mut [u8]) -> Result<(), Status> {
        let end = offset + bytes.len() as u64;
        let segment = self.segment(id)?;
        let resident = segment.resident(&self.physical, offset / PAGE, end.div_ceil(PAGE))?;
        for (index, frame) in resident {
            if self.physical.record(frame).is(FrameFlags::READ_IN_PROGRESS) {
                // It may be one that could not be read, and the file says it as well.
                continue;
            }
            let page = index * PAGE;
            let (start, stop) = (page.max(offset), (page + PAGE).min(end));
            #[expect(clippy::cast_possible_truncation, reason = "within the buffer")]
            let part = &mut bytes[(start - offset) as usize..(stop - offset) as usize];
            let at = frame.wrapping_add(start - page);
            let read = self.physical.ram().read(at, part);
            read.map_err(|_| Status::InternalError)?;
        }
        Ok(())
    }
}
