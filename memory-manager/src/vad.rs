use std::collections::BTreeSet;

use mmu_core::PageSize;

use crate::{
    PageProtection, SHARED_DATA,
    protection::{Caching, Protection},
    section::SegmentId,
};

/// The size of a page in bytes.
pub(crate) const PAGE: u64 = PAGE_BYTES as u64;

/// The same, for buffers.
pub(crate) const PAGE_BYTES: usize = 0x1000;

/// Where regions start: multiples of this (Microsoft, `GetSystemInfo`).
pub const GRANULARITY: u64 = 0x1_0000;

/// The first address that a program may use, and the first above those (Microsoft,
/// `GetSystemInfo`; 8 TiB before Windows 8.1).
pub(crate) const USER_START: u64 = 0x1_0000;
pub(crate) const USER_LIMIT: u64 = 0x7fff_ffff_0000;

/// The first address that no region reaches (ReactOS's tests, `ZwAllocateVirtualMemory`: the
/// last 64 KiB of user space are never allocated).
pub(crate) const VAD_LIMIT: u64 = USER_LIMIT - GRANULARITY;

/// Above it, Windows loads its own images, so that allocations from the top down start below
/// (known from literature only; no public test looks).
pub(crate) const TOP_DOWN_LIMIT: u64 = 0x7ff8_0000_0000;

/// A region of addresses: a virtual address descriptor. It lies in one of the host's cache lines.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Vad {
    /// A page's address.
    pub(crate) start: u64,
    /// The first address behind it, a page's.
    pub(crate) end: u64,
    /// What it was allocated with.
    pub(crate) protection: Protection,
    /// The pages that commit was charged for.
    pub(crate) charge: u64,
    pub(crate) placeholder: Placeholder,
    pub(crate) entries: Entries,
    pub(crate) kind: VadKind,
}

/// Whether the page tables say something of a region's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entries {
    /// Nothing: all its entries are zero, or missing.
    None,
    /// They may.
    Some,
}

const _: () = assert!(size_of::<Option<Vad>>() == 64);

/// What a region has to do with placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    /// Nothing.
    No,
    /// It is one.
    Waiting,
    /// It took the place of one, and may become one again.
    Replaced,
}

impl Placeholder {
    /// What was there before a region that has this to do with it.
    pub(crate) fn before(self) -> Self {
        match self {
            Self::Replaced => Self::Waiting,
            Self::No | Self::Waiting => Self::No,
        }
    }
}

/// What a region is made of.
#[derive(Clone, Debug)]
pub(crate) enum VadKind {
    /// Memory of the process alone.
    Private(Private),
    /// A part of a section.
    View(View),
}

/// Private memory.
#[derive(Clone, Debug)]
pub(crate) struct Private {
    pub(crate) untouched: Untouched,
    /// How its pages are cached, whatever their protection says.
    pub(crate) caching: Caching,
    pub(crate) memory: PrivateMemory,
    pub(crate) watch: WriteWatch,
}

/// What private memory consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrivateMemory {
    /// Pages that come and go one by one.
    Pages,
    /// Large pages of this size, all there from the first on.
    Large(PageSize),
    /// A window on the process's physical pages.
    Window,
}

/// What a page is of which the page tables say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untouched {
    /// Reserved.
    Reserved,
    /// Committed, with the region's protection.
    Committed,
}

/// Whether writes are watched.
#[derive(Clone, Debug)]
pub(crate) enum WriteWatch {
    Off,
    /// With the pages that were written before their entry changed; the entries know of the
    /// others.
    #[expect(clippy::box_collection, reason = "a region fits a cache line so")]
    On(Box<BTreeSet<u64>>),
}

/// A view of a section.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) segment: SegmentId,
    /// Where in the segment it starts, in pages.
    pub(crate) first: u64,
    /// The size of its pages. Larger ones are all mapped from the first on.
    pub(crate) page: PageSize,
}

impl Vad {
    /// Addresses that wait for what is to take their place; to a query, they are reserved
    /// without access.
    pub(crate) fn placeholder(start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            protection: Protection::NO_ACCESS,
            charge: 0,
            placeholder: Placeholder::Waiting,
            entries: Entries::None,
            kind: VadKind::Private(Private {
                untouched: Untouched::Reserved,
                caching: Caching::Usual,
                memory: PrivateMemory::Pages,
                watch: WriteWatch::Off,
            }),
        }
    }

    pub(crate) fn pages(&self) -> u64 {
        (self.end - self.start) / PAGE
    }

    /// Nothing else can ever be where that page is.
    pub(crate) fn is_shared_data(&self) -> bool {
        self.start == SHARED_DATA
    }

    /// The size of its pages.
    pub(crate) fn page(&self) -> PageSize {
        match &self.kind {
            VadKind::Private(private) => match private.memory {
                PrivateMemory::Large(size) => size,
                PrivateMemory::Pages | PrivateMemory::Window => PageSize::Size4KiB,
            },
            VadKind::View(view) => view.page,
        }
    }

    pub(crate) fn is_window(&self) -> bool {
        matches!(&self.kind, VadKind::Private(private) if private.memory == PrivateMemory::Window)
    }

    /// Whether it never leaves memory, and stays as it was allocated until it is given back as
    /// a whole.
    pub(crate) fn is_fixed(&self) -> bool {
        self.page() != PageSize::Size4KiB || self.is_window()
    }

    pub(crate) fn allocation_protection(&self) -> PageProtection {
        self.protection.flags()
    }

    /// Cuts the part from `at` on off, as a region of its own; charges are left with the
    /// first part.
    pub(crate) fn split_off(&mut self, at: u64) -> Self {
        let mut kind = self.kind.clone();
        match (&mut self.kind, &mut kind) {
            (VadKind::Private(head), VadKind::Private(tail)) => {
                if let WriteWatch::On(written) = &mut head.watch {
                    tail.watch = WriteWatch::On(Box::new(written.split_off(&at)));
                }
            }
            (VadKind::View(_), VadKind::View(tail)) => tail.first += (at - self.start) / PAGE,
            _ => {}
        }
        let tail = Self {
            start: at,
            end: self.end,
            protection: self.protection,
            charge: 0,
            placeholder: self.placeholder,
            entries: self.entries,
            kind,
        };
        self.end = at;
        tail
    }
}
