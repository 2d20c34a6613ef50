use std::{cmp::Reverse, io::ErrorKind, path::Path};

use super::{
    PAGE_FILE_CLUSTER, PageFileCounters, PageFileError, PageFileNumber, PageFileSize, SlotRun,
    file::{Health, PageFile},
};
use crate::{
    Disk,
    disk::ScratchPath,
    vad::{PAGE, PAGE_BYTES},
};

/// The largest page file, in bytes: 16 TiB (Microsoft, "Introduction to page files").
const LARGEST: u64 = 16 << 40;

/// The page files of a machine.
///
/// A slot is chosen as a page is written, and holds what was written until it is freed: what
/// is read is that, byte for byte, or an error. A file whose write failed is written to again
/// when no other has room.
///
/// ```
/// use memory_manager::{PageFileSize, PageFiles};
///
/// let mut files = PageFiles::default();
/// let size = PageFileSize { minimum: 1 << 20, maximum: 1 << 24 };
/// files.add(Box::new(tempfile::tempfile()?), size)?;
///
/// let run = files.write(&[7; 3 * 4096])?;
/// assert_eq!(run.pages, 3);
/// let mut pages = [0; 3 * 4096];
/// files.read(run, &mut pages)?;
/// assert_eq!(pages, [7; 3 * 4096]);
/// files.free(run)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct PageFiles {
    files: Vec<PageFile>,
    refusal: Option<ErrorKind>,
}

impl PageFiles {
    /// Makes a page file at a path. It is gone with the page files.
    ///
    /// # Errors
    /// As [`PageFiles::add`]; and if there is a file already, which is left alone.
    pub fn create(
        &mut self,
        path: &Path,
        size: PageFileSize,
    ) -> Result<PageFileNumber, PageFileError> {
        self.check(size)?;
        let (file, scratch) = ScratchPath::create(path).map_err(PageFileError::Create)?;
        let number = self.add(Box::new(file), size)?;
        self.files[number.index()].scratch = Some(scratch);
        Ok(number)
    }

    /// Makes a page file of a disk, which is set to its minimal length.
    ///
    /// # Errors
    /// [`PageFileError::TooMany`], [`PageFileError::Size`], or [`PageFileError::Create`] if the
    /// disk does not get its length.
    pub fn add(
        &mut self,
        disk: Box<dyn Disk>,
        size: PageFileSize,
    ) -> Result<PageFileNumber, PageFileError> {
        let (number, limits) = self.check(size)?;
        self.files.push(PageFile::new(number, disk, limits)?);
        Ok(number)
    }

    fn check(&self, size: PageFileSize) -> Result<(PageFileNumber, (usize, usize)), PageFileError> {
        let number = PageFileNumber::new(self.files.len()).ok_or(PageFileError::TooMany)?;
        let is_sound =
            (PAGE..=size.maximum).contains(&size.minimum) && size.maximum <= LARGEST - PAGE;
        let pages = |bytes: u64| usize::try_from(bytes / PAGE).ok().filter(|_| is_sound);
        match (pages(size.minimum), pages(size.maximum)) {
            (Some(minimum), Some(maximum)) => Ok((number, (minimum, maximum))),
            _ => Err(PageFileError::Size(size)),
        }
    }

    /// What each file has room for and did, by number.
    pub fn counters(&self) -> impl Iterator<Item = PageFileCounters> {
        self.files.iter().map(PageFile::counters)
    }

    /// How many pages there are slots for, used or not: what they add to what can be promised.
    pub fn pages(&self) -> u64 {
        self.files.iter().map(|file| file.pages() as u64).sum()
    }

    /// Slots that nothing is in.
    pub fn free_slots(&self) -> u64 {
        self.files.iter().map(|file| file.free() as u64).sum()
    }

    /// By how many pages the files may still grow.
    pub fn room(&self) -> u64 {
        self.files.iter().map(|file| file.room() as u64).sum()
    }

    /// Writes pages to slots that follow each other, in one operation. They may be fewer than
    /// were given, and are at most [`PAGE_FILE_CLUSTER`]: the rest is for another call.
    ///
    /// # Errors
    /// Nothing was taken then.
    /// - [`PageFileError::NotPages`]
    /// - [`PageFileError::Full`], or [`PageFileError::Grow`] if a file could not be made longer.
    /// - [`PageFileError::Write`]
    pub fn write(&mut self, pages: &[u8]) -> Result<SlotRun, PageFileError> {
        if pages.is_empty() || !pages.len().is_multiple_of(PAGE_BYTES) {
            return Err(PageFileError::NotPages(pages.len()));
        }
        if self.free_slots() == 0 {
            self.grow(1)?;
        }
        let files = self.files.iter_mut().filter(|file| file.free() > 0);
        let best = files.min_by_key(|file| (file.health, Reverse(file.free())));
        let most = pages.len().min(PAGE_FILE_CLUSTER * PAGE_BYTES);
        best.ok_or(PageFileError::Full)?.write(&pages[..most])
    }

    /// Reads pages that follow each other, in one operation.
    ///
    /// # Errors
    /// That of the first page that has one; what is in `pages` is of no use then. Pages can be
    /// read one by one to know which ones can be had.
    /// - [`PageFileError::NotPages`] if `pages` has another length than the run.
    /// - [`PageFileError::NotInUse`]
    /// - [`PageFileError::Read`]
    /// - [`PageFileError::Ends`]
    /// - [`PageFileError::Corrupt`]
    pub fn read(&mut self, run: SlotRun, pages: &mut [u8]) -> Result<(), PageFileError> {
        if pages.len() != run.pages as usize * PAGE_BYTES {
            return Err(PageFileError::NotPages(pages.len()));
        }
        self.file(run)?.read(run, pages)
    }

    /// Gives slots back.
    ///
    /// # Errors
    /// [`PageFileError::NotInUse`]: one of them is not in use; none is given back then.
    pub fn free(&mut self, run: SlotRun) -> Result<(), PageFileError> {
        self.file(run)?.give_back(run)
    }

    /// Makes files longer, by so many pages in all at least, if they may be; gives by how many
    /// they are.
    ///
    /// # Errors
    /// If none is longer: [`PageFileError::Full`] if none may be, [`PageFileError::Grow`] if the
    /// host has no room.
    pub fn grow(&mut self, pages: u64) -> Result<u64, PageFileError> {
        let mut gained = 0;
        let mut result = Err(PageFileError::Full);
        for health in [Health::Well, Health::Failing] {
            let files = self.files.iter_mut();
            for file in files.filter(|file| file.health == health && file.room() > 0) {
                if gained >= pages {
                    break;
                }
                let missing = usize::try_from(pages - gained).unwrap_or(usize::MAX);
                match file.grow(missing) {
                    Ok(by) => gained += by as u64,
                    Err(error) => result = Err(error),
                }
            }
        }
        let result = if gained > 0 { Ok(gained) } else { result };
        self.refusal = result.as_ref().err().and_then(PageFileError::host);
        result
    }

    /// What the host said when it did not make files longer that were to grow, if that is how
    /// the last attempt ended.
    pub fn refusal(&self) -> Option<ErrorKind> {
        self.refusal
    }

    /// Makes files shorter where their ends are free, by so many pages in all at most; gives by
    /// how many they are.
    pub fn shrink(&mut self, most: u64) -> u64 {
        let mut lost = 0;
        for file in &mut self.files {
            let left = usize::try_from(most - lost).unwrap_or(usize::MAX);
            lost += file.shrink(left) as u64;
        }
        lost
    }

    /// Returns when all that was written is on the device.
    ///
    /// # Errors
    /// What the host says.
    pub fn sync(&self) -> std::io::Result<()> {
        self.files.iter().try_for_each(PageFile::sync)
    }

    fn file(&mut self, run: SlotRun) -> Result<&mut PageFile, PageFileError> {
        let file = self.files.get_mut(run.file.index());
        file.ok_or(PageFileError::NotInUse {
            file: run.file,
            slot: run.first,
        })
    }
}
