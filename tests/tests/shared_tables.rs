//! Two processors use page tables that software edits at the same time. Whatever an entry is
//! changed to, its accessed and dirty flags are those of accesses that used it as it was then
//! (SDM vol. 3, 4.8 and 8.1.2.1: flags are set by locked cycles).
//!
//! Each value of an entry has a frame of its own, so that a physical address tells the version
//! of the entry that an access used.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    thread,
};

use mmu_core::{
    AccessKind, BusError, Cause, CpuFeatures, Cr0, Entry, Fault, FunctionalMmu, Invalidation,
    PageSize, PhysAddr, PhysMem, PrivilegeMode, Ram, Registers, VirtAddr,
};
use tests::Random;

const PROCESSORS: usize = 2;
const PAGES: usize = 4;
const EDITS: u32 = 30_000;
/// After so many edits comes one that waits for the processors, so that however they are
/// scheduled there are versions that none used, that were only read and that were written.
const BURST: u32 = 32;
/// No page has as many versions in so many edits.
const VERSIONS: usize = 2 * EDITS as usize;
const SEED: u64 = 0x1007_ab1e;

const FLAGS: u64 = Entry::ACCESSED.bits() | Entry::DIRTY.bits();
const OPEN: u64 = Entry::PRESENT.bits() | Entry::WRITABLE.bits() | Entry::USER.bits();
const PAGE_TABLE: u64 = 0x5000;

/// Entries of 32 or of 64 bits. Two of the narrow ones share a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Narrow,
    Wide,
}

impl Width {
    fn read(self, memory: &impl PhysMem, at: u64) -> u64 {
        let at = PhysAddr::new(at);
        match self {
            Self::Narrow => memory.read_u32(at).map(u64::from),
            Self::Wide => memory.read_u64(at),
        }
        .expect("memory")
    }

    /// Replaces the entry by what it is to become, and says what it was.
    fn update(self, memory: &impl PhysMem, at: u64, new: impl Fn(u64) -> u64) -> u64 {
        let place = PhysAddr::new(at);
        let low = |entry: u64| u32::try_from(entry).expect("32 bits");
        loop {
            let old = self.read(memory, at);
            let done = match self {
                Self::Narrow => memory
                    .compare_exchange_u32(place, low(old), low(new(old)))
                    .map(|done| done.is_ok()),
                Self::Wide => memory
                    .compare_exchange_u64(place, old, new(old))
                    .map(|done| done.is_ok()),
            };
            if done == Ok(true) {
                return old;
            }
        }
    }

    fn entry(self, page: usize) -> u64 {
        let bytes = if self == Self::Narrow { 4 } else { 8 };
        PAGE_TABLE + bytes * page as u64
    }

    /// The tables above the last, from the top, and the registers to use them with.
    fn link(self, memory: &impl PhysMem) -> Registers {
        let tables: &[u64] = match self {
            Self::Narrow => &[0x4000, PAGE_TABLE],
            Self::Wide => &[0x2000, 0x3000, 0x4000, PAGE_TABLE],
        };
        for pair in tables.windows(2) {
            self.update(memory, pair[0], |_| pair[1] | OPEN);
        }
        match self {
            Self::Narrow => Registers {
                cr0: Cr0::PROTECTION_ENABLE | Cr0::PAGING | Cr0::WRITE_PROTECT,
                cr3: tables[0],
                ..Registers::default()
            },
            Self::Wide => Registers::four_level(PhysAddr::new(tables[0])),
        }
    }
}

fn address(page: usize) -> VirtAddr {
    VirtAddr::new((page as u64) << 12)
}

/// A version of a page's entry with no flags set. In 32-bit paging there is room for 2^18.
fn version(page: usize, number: usize) -> u64 {
    ((number * PAGES + page) as u64) << 12 | OPEN
}

/// What the processors have done.
struct Used {
    /// The flags that the accesses to each version of each page must have set.
    flags: Vec<AtomicU8>,
    stop: AtomicBool,
}

impl Used {
    fn new() -> Self {
        let flags = (0..PAGES * VERSIONS).map(|_| AtomicU8::new(0));
        Self {
            flags: flags.collect(),
            stop: AtomicBool::new(false),
        }
    }

    /// Waits until the accesses to a version have set these flags, or a processor has failed.
    fn wait(&self, page: usize, number: usize, flags: u64) {
        let waits = || self.flags(page, number) != flags;
        while waits() && !self.stop.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }

    fn note(&self, at: PhysAddr, page: usize, kind: AccessKind) {
        let frame = usize::try_from(at.page_number(PageSize::Size4KiB)).expect("a frame");
        assert_eq!(frame % PAGES, page, "a frame of another page");
        let flags = if kind.writes() {
            FLAGS
        } else {
            Entry::ACCESSED.bits()
        };
        self.flags[frame].fetch_or(flags.to_le_bytes()[0], Ordering::Relaxed);
    }

    fn flags(&self, page: usize, number: usize) -> u64 {
        self.flags[number * PAGES + page]
            .load(Ordering::Relaxed)
            .into()
    }
}

fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).expect("it is below the bound")
}

/// Uses pages until it is told to stop. Translations that it has cached may be old, but not
/// wrong: the version that they are of was used.
fn processor<M: PhysMem>(memory: &M, registers: Registers, seed: u64, used: &Used) {
    let _stop = StopOnDrop(&used.stop);
    let features = CpuFeatures::default();
    let mut mmu = FunctionalMmu::functional(features, registers).expect("registers");
    let mut random = Random::new(seed);
    while !used.stop.load(Ordering::Acquire) {
        let page = below(&mut random, PAGES);
        let kind = [AccessKind::Read, AccessKind::Write][below(&mut random, 2)];
        if random.below(4) != 0 {
            let page = Invalidation::Invlpg(address(page));
            let _ = mmu.invalidate(page).expect("an address");
        }
        match mmu.translate(memory, address(page), kind, PrivilegeMode::User) {
            Ok(translated) => used.note(translated.address, page, kind),
            Err(Fault::Page(fault)) => match fault.cause {
                Cause::NotPresent => assert!(!fault.entry.contains(Entry::PRESENT)),
                Cause::Protection => {
                    assert!(kind.writes() && !fault.entry.contains(Entry::WRITABLE));
                }
                Cause::ReservedBit => panic!("{fault}"),
            },
            Err(fault) => panic!("{fault}"),
        }
    }
}

/// Software that edits a page's entry, and what it knows of it.
struct Editor<'a, M> {
    memory: &'a M,
    width: Width,
    page: usize,
    number: usize,
    /// What it stored last, but for accessed and dirty.
    stored: u64,
    /// The flags that were found in each version.
    found: Vec<u64>,
}

impl<'a, M: PhysMem> Editor<'a, M> {
    fn new(memory: &'a M, width: Width, page: usize) -> Self {
        let stored = version(page, 0);
        width.update(memory, width.entry(page), |_| stored);
        Self {
            memory,
            width,
            page,
            number: 0,
            stored,
            found: vec![0],
        }
    }

    /// Makes the entry another; everything software ever stored there is still there.
    fn edit(&mut self, new: impl Fn(u64) -> u64) -> u64 {
        let at = self.width.entry(self.page);
        let old = self.width.update(self.memory, at, &new);
        assert_eq!(old & !FLAGS, self.stored, "a store was lost");
        self.found[self.number] |= old & FLAGS;
        self.stored = new(old) & !FLAGS;
        new(old)
    }

    fn look(&self) -> u64 {
        self.width.read(self.memory, self.width.entry(self.page))
    }

    fn next_frame(&mut self) {
        self.next_frame_without(0);
    }

    fn next_frame_without(&mut self, bits: u64) {
        let next = version(self.page, self.number + 1) & !bits;
        self.edit(|_| next);
        self.number += 1;
        self.found.push(0);
    }

    /// Nothing is set in an entry while it is not present.
    fn without_present(&mut self) {
        let there = self.edit(|entry| entry & !Entry::PRESENT.bits());
        for _ in 0..4 {
            assert_eq!(
                self.look(),
                there,
                "an entry that is not present was changed"
            );
        }
        self.edit(|entry| entry | Entry::PRESENT.bits());
    }

    /// No page becomes dirty while it is read-only.
    fn read_only(&mut self) {
        let clean = Entry::WRITABLE.bits() | Entry::DIRTY.bits();
        self.edit(|entry| entry & !clean);
        for _ in 0..4 {
            let dirty = self.look() & Entry::DIRTY.bits();
            assert_eq!(dirty, 0, "a read-only page became dirty");
        }
        self.edit(|entry| entry | Entry::WRITABLE.bits());
    }

    /// A version that is certain to be unused, only read, or written.
    fn sure_of_its_use(&mut self, edit: u32, used: &Used) {
        let (without, flags) = match edit % 3 {
            0 => (Entry::PRESENT.bits(), 0),
            1 => (Entry::WRITABLE.bits(), Entry::ACCESSED.bits()),
            _ => (0, FLAGS),
        };
        self.next_frame_without(without);
        used.wait(self.page, self.number, flags);
        self.next_frame();
    }

    fn any_edit(&mut self, random: &mut Random) {
        match random.below(8) {
            0 => self.without_present(),
            1 => self.read_only(),
            2 => {
                self.edit(|entry| entry & !Entry::DIRTY.bits());
            }
            3 => {
                self.edit(|entry| entry ^ Entry::SOFTWARE_10.bits());
            }
            _ => self.next_frame(),
        }
    }
}

fn stress<M: PhysMem + Sync>(memory: &M, width: Width) {
    let registers = width.link(memory);
    let mut editors: Vec<_> = (0..PAGES)
        .map(|page| Editor::new(memory, width, page))
        .collect();
    let used = Used::new();
    let start = Barrier::new(PROCESSORS + 1);
    thread::scope(|scope| {
        for number in 0..PROCESSORS {
            let (used, start) = (&used, &start);
            scope.spawn(move || {
                start.wait();
                processor(memory, registers, SEED + number as u64, used);
            });
        }
        let stop = StopOnDrop(&used.stop);
        let mut random = Random::new(!SEED);
        start.wait();
        for edit in 0..EDITS {
            let page = below(&mut random, PAGES);
            editors[page].any_edit(&mut random);
            if edit.is_multiple_of(BURST) {
                editors[page].sure_of_its_use(edit / BURST, &used);
            }
        }
        drop(stop);
    });

    let mut totals = [0_u32; 3];
    for mut editor in editors {
        editor.edit(|entry| entry);
        for (number, &found) in editor.found.iter().enumerate() {
            let page = editor.page;
            let flags = used.flags(page, number);
            assert_eq!(
                found, flags,
                "page {page}, version {number}, seed {SEED:#x}"
            );
            totals[(found.count_ones()) as usize] += 1;
        }
    }
    println!("{width:?}: {totals:?} versions were not used, read, written");
    assert!(totals.iter().all(|&total| total > 20), "{totals:?}");
}

/// Lets all others go, even if one fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Flat memory, by reference.
struct Flat(Vec<AtomicU64>);

impl PhysMem for Flat {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.0[..].read_u64(at)
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        self.0[..].compare_exchange_u64(at, current, new)
    }
}

fn flat() -> Flat {
    Flat((0..0x6000 / 8).map(|_| AtomicU64::new(0)).collect())
}

#[test]
fn flags_belong_to_the_entry_as_it_was_used_in_ram() {
    stress(&Ram::new(0x6000).expect("memory"), Width::Wide);
}

#[test]
fn flags_belong_to_the_entry_as_it_was_used_in_flat_memory() {
    stress(&flat(), Width::Wide);
}

#[test]
fn flags_belong_to_the_half_word_that_was_used() {
    stress(&flat(), Width::Narrow);
    stress(&Ram::new(0x6000).expect("memory"), Width::Narrow);
}
