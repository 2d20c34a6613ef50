use std::sync::atomic::{AtomicU64, Ordering};

use mmu_core::{BusError, PhysAddr, PhysMem};

const WORD_BYTES: usize = size_of::<u64>();
const PAGE_WORDS: usize = 512;

/// A small flat memory from physical address 0 on. It starts where a page of the host's does,
/// so that whoever takes addresses for pointers can use it.
#[derive(Debug)]
pub struct FlatMemory {
    words: Vec<AtomicU64>,
    /// The first word that is used.
    start: usize,
}

impl FlatMemory {
    /// So many pages of zeros.
    #[expect(clippy::missing_panics_doc, reason = "a page starts in every page")]
    pub fn of_pages(pages: usize) -> Self {
        let words: Vec<_> = (0..(pages + 1) * PAGE_WORDS)
            .map(|_| AtomicU64::new(0))
            .collect();
        let start = words.as_ptr().align_offset(PAGE_WORDS * WORD_BYTES);
        assert!(start < PAGE_WORDS, "a page starts in every page");
        Self { words, start }
    }

    /// All of its words.
    pub fn words(&self) -> &[AtomicU64] {
        &self.words[self.start..][..self.words.len() - PAGE_WORDS]
    }

    /// All of its bytes, as they are now.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.words().iter();
        words
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes())
            .collect()
    }
}

impl PhysMem for FlatMemory {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.words().read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        self.words().compare_exchange_u64(at, current, new)
    }
}
