use std::{collections::BTreeMap, fs::File};

use bitflags::bitflags;
use mmu_core::VirtAddr;

use crate::{AddressRange, Disk, PageProtection, protection::Protection};

pub(crate) mod image;
pub(crate) mod mapped_file;
mod object;
mod segment;
mod shared_page;
mod view;

pub use image::{ImageInformation, ImageMachine};
use mapped_file::{FileIdentity, MappedFile};
pub(crate) use object::SectionObjects;
pub use object::{SectionAccess, SectionCreation, SectionOpening};
pub(crate) use segment::{EVERYWHERE, PROTOTYPES, PageOrigin, PartOfFile, Segment, SegmentId};
pub(crate) use shared_page::Whereabouts;

bitflags! {
    /// How a section is made (Microsoft, `NtCreateSection`). Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct SectionAttributes: u32 {
        /// `SEC_BASED`: at the same address in every process.
        const BASED = 0x20_0000;
        /// `SEC_FILE`: what is told of a section with a file; cannot be asked for.
        const FILE = 0x80_0000;
        /// `SEC_IMAGE`.
        const IMAGE = 0x100_0000;
        /// `SEC_IMAGE_NO_EXECUTE`: an image whose views are not executed.
        const IMAGE_NO_EXECUTE = 0x1100_0000;
        /// `SEC_RESERVE`: pages are committed later, one by one.
        const RESERVE = 0x400_0000;
        /// `SEC_COMMIT`: all pages are committed at once.
        const COMMIT = 0x800_0000;
        /// `SEC_NOCACHE`.
        const NOCACHE = 0x1000_0000;
        /// `SEC_WRITECOMBINE`.
        const WRITECOMBINE = 0x4000_0000;
        /// `SEC_LARGE_PAGES`.
        const LARGE_PAGES = 0x8000_0000;

        const _ = !0;
    }
}

bitflags! {
    /// What a file was opened for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct FileAccess: u32 {
        /// Reading.
        const READ = 1;
        /// Writing.
        const WRITE = 2;
        /// Execution.
        const EXECUTE = 4;
    }
}

bitflags! {
    /// What a view is for, as the Win32 API asks for it (Microsoft, `MapViewOfFileEx`).
    /// Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ViewAccess: u32 {
        /// `FILE_MAP_COPY`.
        const COPY = 0x1;
        /// `FILE_MAP_WRITE`.
        const WRITE = 0x2;
        /// `FILE_MAP_READ`.
        const READ = 0x4;
        /// `FILE_MAP_EXECUTE`.
        const EXECUTE = 0x20;
        /// `FILE_MAP_LARGE_PAGES`: map it in large pages, as its section was made for.
        const LARGE_PAGES = 0x2000_0000;

        const _ = !0;
    }
}

/// What a section is made of.
#[derive(Debug)]
pub enum Backing {
    /// Memory that is nobody's file.
    PageFile,
    /// A file, and what it was opened for.
    File(File, FileAccess),
    /// A file that is reached in another way than through the host. It is none that another
    /// section has.
    Disk(Box<dyn Disk>, FileAccess),
}

/// A section that is open. All processes can use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SectionHandle(pub(crate) u64);

/// A view that is asked for (Microsoft, `NtMapViewOfSection`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewRequest {
    /// Where it is to start; none for wherever there is room.
    pub base: Option<VirtAddr>,
    /// Where in the section it starts, in bytes.
    pub offset: u64,
    /// How many bytes it has; 0 for all the rest of the section.
    pub size: u64,
    /// How many bytes of it are to be committed at once, of a section that is reserved.
    pub commit: u64,
    /// Its protection.
    pub protection: PageProtection,
}

/// A view that was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedView {
    /// Its pages.
    pub range: AddressRange,
    /// What there is to know besides.
    pub note: MappingNote,
}

/// What `NtMapViewOfSection` succeeds with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MappingNote {
    /// `STATUS_SUCCESS`.
    None,
    /// `STATUS_IMAGE_NOT_AT_BASE`: it is an image that wants to be elsewhere, and is for its
    /// loader to relocate.
    NotAtBase,
    /// `STATUS_IMAGE_MACHINE_TYPE_MISMATCH`: it is an image that the process cannot run.
    OtherMachine,
}

impl MappingNote {
    /// The value of the NTSTATUS.
    pub const fn ntstatus(self) -> u32 {
        match self {
            Self::None => 0,
            Self::NotAtBase => 0x4000_0003,
            Self::OtherMachine => 0x4000_000e,
        }
    }
}

/// A section as its handle knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) segment: SegmentId,
    /// With how all views of it are cached.
    pub(crate) protection: Protection,
    /// To the byte.
    pub(crate) size: u64,
    /// As a query tells them.
    pub(crate) attributes: SectionAttributes,
    /// The address of its own, if it has one.
    pub(crate) base: Option<u64>,
}

/// The segments of open sections and of views.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    by_id: BTreeMap<SegmentId, Segment>,
    next: u64,
}

impl Segments {
    pub(crate) fn get(&self, id: SegmentId) -> Option<&Segment> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SegmentId) -> Option<&mut Segment> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SegmentId, &Segment)> {
        self.by_id.iter().map(|(&id, segment)| (id, segment))
    }

    pub(crate) fn add(&mut self, segment: Segment) -> SegmentId {
        self.next += 1;
        let id = SegmentId(self.next);
        self.by_id.insert(id, segment);
        id
    }

    pub(crate) fn remove(&mut self, id: SegmentId) -> Option<Segment> {
        self.by_id.remove(&id)
    }

    /// Whether the pages of a segment are in a file, be it an image.
    pub(crate) fn is_file(&self, id: SegmentId) -> bool {
        let origin = self.get(id).map(|segment| &segment.origin);
        matches!(origin, Some(PageOrigin::File(_) | PageOrigin::Image(_)))
    }

    /// The segment of a file, so that all who map it share its pages.
    pub(crate) fn of_file(&self, file: Option<FileIdentity>) -> Option<SegmentId> {
        self.find_file(file?, |origin| match origin {
            PageOrigin::File(file) => Some(file),
            _ => None,
        })
    }

    /// The segment of a file as an image, which is another one than that of its bytes.
    pub(crate) fn of_image(&self, file: Option<FileIdentity>) -> Option<SegmentId> {
        self.find_file(file?, |origin| match origin {
            PageOrigin::Image(image) => Some(&image.file),
            _ => None,
        })
    }

    fn find_file(
        &self,
        identity: FileIdentity,
        of: impl Fn(&PageOrigin) -> Option<&MappedFile>,
    ) -> Option<SegmentId> {
        self.iter()
            .find(|(_, segment)| {
                of(&segment.origin).and_then(|file| file.identity) == Some(identity)
            })
            .map(|(id, _)| id)
    }
}
