use core::ops::AddAssign;

use units::VirtAddr;

/// An instruction that drops cached translations (SDM vol. 3, 4.10.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Invalidation {
    /// INVLPG: the page that holds the address.
    Invlpg(VirtAddr),
}

/// How many cached entries were dropped, so that an embedder that caches what was
/// translated knows whether to follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "caches of translated code or host addresses have to follow"]
pub struct Flushed {
    /// Entries of TLBs.
    pub translations: usize,
    /// Entries of paging-structure caches.
    pub structures: usize,
}

impl AddAssign for Flushed {
    fn add_assign(&mut self, other: Self) {
        self.translations += other.translations;
        self.structures += other.structures;
    }
}
