use std::{io::ErrorKind, path::Path};

use crate::{
    Disk, IoCounters, IoOwner, Machine, PageFileCounters, PageFileError, PageFileNumber,
    PageFileSize, system::Stall,
};

impl Machine {
    /// Makes a page file at a path (`NtCreatePagingFile`): so much more memory can be promised.
    /// It goes with the machine.
    ///
    /// ```
    /// use memory_manager::{Machine, MachineConfig, PageFileSize};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let mut machine = Machine::new(&MachineConfig { ram_bytes: 1 << 20, ..MachineConfig::default() })?;
    /// let size = PageFileSize { minimum: 4 << 20, maximum: 16 << 20 };
    /// machine.create_page_file(&folder.path().join("pagefile.sys"), size)?;
    /// assert_eq!(machine.commit_limit(), (5 << 20) / 4096);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`PageFiles::create`](crate::PageFiles::create).
    pub fn create_page_file(
        &mut self,
        path: &Path,
        size: PageFileSize,
    ) -> Result<PageFileNumber, PageFileError> {
        let files = &mut self.kernel.physical.page_files;
        let number = files.create(path, size)?;
        self.kernel.physical.stall = Stall::default();
        Ok(number)
    }

    /// As [`Machine::create_page_file`], of a disk.
    ///
    /// # Errors
    /// As [`PageFiles::add`](crate::PageFiles::add).
    pub fn add_page_file(
        &mut self,
        disk: Box<dyn Disk>,
        size: PageFileSize,
    ) -> Result<PageFileNumber, PageFileError> {
        let files = &mut self.kernel.physical.page_files;
        let number = files.add(disk, size)?;
        self.kernel.physical.stall = Stall::default();
        Ok(number)
    }

    /// What each page file has room for and did, by number.
    pub fn page_files(&self) -> impl Iterator<Item = PageFileCounters> {
        self.kernel.physical.page_files.counters()
    }

    /// What the host said when it did not make page files longer that were to grow, if that is
    /// how the last attempt ended.
    pub fn page_file_refusal(&self) -> Option<ErrorKind> {
        self.kernel.physical.page_files.refusal()
    }

    /// What the disks did for page files or for mapped files, and how long it took by the
    /// machine's model of them.
    pub fn disk_counters(&self, owner: IoOwner) -> IoCounters {
        self.kernel.physical.disks.counters(owner)
    }

    /// How many pages can be promised: those of memory and of the page files as they are now.
    pub fn commit_limit(&self) -> u64 {
        self.kernel.commit_limit()
    }
}
