use std::{
    fs::File,
    io::{Read, Seek, Write},
    path::Path,
};

use memory_manager::{PageFileSize, PageFiles, SlotRun};

/// How much a round writes, in bytes.
pub const PAGE_FILE_BYTES: usize = 64 << 20;

const PIECE: usize = 1 << 20;

/// A page file and a plain file on the same disk, and what is written to both.
#[derive(Debug)]
pub struct PageFileWorld {
    plain: File,
    files: PageFiles,
    runs: Vec<SlotRun>,
    pages: Vec<u8>,
}

impl PageFileWorld {
    /// Both files, in a folder.
    ///
    /// # Panics
    /// If they cannot be made there.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("plain");
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let plain = options.open(path).expect("the folder can be written");
        let mut files = PageFiles::default();
        let size = PAGE_FILE_BYTES as u64;
        let size = PageFileSize {
            minimum: size,
            maximum: size,
        };
        let page_file = folder.join("pages");
        let _ = std::fs::remove_file(&page_file);
        files.create(&page_file, size).expect("there is room");
        let words = (0..PAGE_FILE_BYTES as u64 / 8).map(|word| word.wrapping_mul(0x9e37_79b9));
        Self {
            plain,
            files,
            runs: Vec::new(),
            pages: words.flat_map(u64::to_le_bytes).collect(),
        }
    }

    /// Writes all of it to the plain file, one piece after the other, down to the device.
    ///
    /// # Panics
    /// If there is no room.
    pub fn write_plain(&mut self) {
        self.plain.rewind().expect("it is a file");
        for piece in self.pages.chunks(PIECE) {
            self.plain.write_all(piece).expect("there is room");
        }
        self.plain.sync_data().expect("there is room");
    }

    /// Writes all of it to the page file, cluster by cluster, down to the device.
    ///
    /// # Panics
    /// If there is no room.
    pub fn write_pages(&mut self) {
        for run in self.runs.drain(..) {
            self.files.free(run).expect("it is in use");
        }
        let mut left = &self.pages[..];
        while !left.is_empty() {
            let run = self.files.write(left).expect("there is room");
            left = &left[run.pages as usize * 4096..];
            self.runs.push(run);
        }
        self.files.sync().expect("there is room");
    }

    /// Checks that both files hold it.
    ///
    /// # Panics
    /// If one does not.
    pub fn audit(&mut self) {
        let mut found = vec![0; self.pages.len()];
        self.plain.rewind().expect("it is a file");
        self.plain.read_exact(&mut found).expect("it is there");
        assert!(found == self.pages, "the plain file holds something else");
        let mut left = &self.pages[..];
        for &run in &self.runs {
            let (wanted, rest) = left.split_at(run.pages as usize * 4096);
            let found = &mut found[..wanted.len()];
            self.files.read(run, found).expect("it is what was written");
            assert!(found == wanted, "the page file holds something else");
            left = rest;
        }
        assert!(left.is_empty(), "the page file holds less");
    }
}
