//! Images: programs and libraries, whose parts are mapped each in its own way.

use mmu_core::VirtAddr;

use super::{PartOfFile, mapped_file::MappedFile};
use crate::{protection::Protection, vad::PAGE};

mod headers;

pub(crate) use headers::layout;

/// What an image says of itself (Microsoft, `SECTION_IMAGE_INFORMATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInformation {
    /// Where it wants to be mapped (`ImageBase` of its headers).
    pub base: VirtAddr,
    /// `TransferAddress`: where it starts to run when it is there.
    pub transfer_address: VirtAddr,
    /// `MaximumStackSize`, in bytes.
    pub stack_reserve: u64,
    /// `CommittedStackSize`, in bytes.
    pub stack_commit: u64,
    /// `Machine`.
    pub machine: ImageMachine,
}

impl ImageInformation {
    /// How many bytes it has in a 64-bit program: `sizeof(SECTION_IMAGE_INFORMATION)`.
    pub const BYTES: usize = 64;
}

/// The processors that images are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageMachine {
    /// `IMAGE_FILE_MACHINE_I386`.
    I386,
    /// `IMAGE_FILE_MACHINE_AMD64`.
    Amd64,
}

/// A file that is mapped as an image.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) file: MappedFile,
    pub(crate) layout: ImageLayout,
}

/// What is where in an image.
#[derive(Clone, Debug)]
pub(crate) struct ImageLayout {
    pub(crate) information: ImageInformation,
    pub(crate) pages: u64,
    /// By their pages, none of which has two; a page that has none is not committed.
    subsections: Vec<Subsection>,
}

/// Pages of an image that are alike: its headers, or a section.
#[derive(Clone, Copy, Debug)]
struct Subsection {
    first: u64,
    /// The page behind its last.
    end: u64,
    protection: Protection,
    writes: Writes,
    /// Where its bytes are in the file.
    offset: u64,
    /// How many these are; zeros follow.
    bytes: u64,
}

/// Who sees what is written to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    /// The process, which has a copy then.
    Private,
    /// All that map it.
    Shared,
}

impl ImageLayout {
    /// Where a page is in the file; none of one that is nothing but zeros.
    pub(crate) fn part(&self, page: u64) -> Option<PartOfFile> {
        let subsection = self.subsection(page)?;
        let skipped = (page - subsection.first) * PAGE;
        let bytes = subsection.bytes.saturating_sub(skipped).min(PAGE);
        (bytes > 0).then_some(PartOfFile {
            subsection: subsection.first,
            offset: subsection.offset + skipped,
            bytes,
        })
    }

    fn subsection(&self, page: u64) -> Option<&Subsection> {
        let place = self.subsections.partition_point(|part| part.end <= page);
        let next = self.subsections.get(place);
        next.filter(|part| part.first <= page)
    }

    /// The protection of pages that were not touched, if they are committed, and how many of
    /// as many as `most` are alike.
    pub(crate) fn protection_run(&self, first: u64, most: u64) -> (Option<Protection>, u64) {
        let place = self.subsections.partition_point(|part| part.end <= first);
        let (protection, end) = match self.subsections.get(place) {
            Some(part) if part.first <= first => (Some(part.protection), part.end),
            Some(part) => (None, part.first),
            None => (None, first + most),
        };
        (protection, most.min(end - first))
    }

    /// How many of some pages are copied at the first write.
    pub(crate) fn pages_to_copy(&self, first: u64, end: u64) -> u64 {
        let parts = self.subsections.iter();
        let copied = parts.filter(|part| part.protection.copies_on_write());
        copied
            .map(|part| part.end.min(end).saturating_sub(part.first.max(first)))
            .sum()
    }

    /// How many pages all processes write to.
    pub(crate) fn pages_written_by_all(&self) -> u64 {
        let parts = self.subsections.iter();
        let written =
            parts.filter(|part| part.writes == Writes::Shared && part.protection.is_writable());
        written.map(|part| part.end - part.first).sum()
    }

    /// The protection that a page gets which is asked to have this one: only pages that all
    /// write to are written in place.
    pub(crate) fn effective(&self, page: u64, asked: Protection) -> Protection {
        match self.subsection(page) {
            Some(part) if part.writes == Writes::Shared => asked,
            _ => asked.copying(),
        }
    }
}
