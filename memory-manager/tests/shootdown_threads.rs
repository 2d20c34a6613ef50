//! Processors that are threads, with an MMU each, over one memory. While they access two address
//! spaces, pages are taken away, by them and by a thread that is no processor, and their frames
//! are given to other pages. The oracle knows whose each frame is: a translation that outlived
//! its page leads to a frame of somebody else.
#![cfg(not(loom))]

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use memory_manager::shootdown::{Batch, Entered, Inbox, Presence, Shootdowns};
use mmu_core::{
    AccessKind, CpuFeatures, Cr4, Entry, Fault, FunctionalMmu, Invalidation, Pcid, PhysAddr,
    PhysMem, PrivilegeMode, ProcessorId, Ram, Registers, VirtAddr,
};

const PROCESSORS: u32 = 3;
const SPACES: usize = 2;
/// Pages of a space.
const PAGES: u64 = 8;
const FRAMES: usize = 24;
/// How many entries the thread that is no processor changes at least, and how many accesses each
/// processor makes.
const CHANGES: usize = 4000;
const ACCESSES: u64 = 20_000;

/// Where the page tables of a space begin, one frame a level, and where the frames of pages do.
const TABLES: [u64; SPACES] = [0x1_0000, 0x2_0000];
const POOL: u64 = 0x10_0000;

const FREE: u64 = u64::MAX;
/// Bit 63 of the operand of MOV to CR3.
const KEEP: u64 = 1 << 63;

/// A pseudo-random sequence (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

struct World {
    ram: Ram,
    shootdowns: Shootdowns,
    spaces: [Presence; SPACES],
    /// Frames that are free; held while an entry is changed.
    free: Mutex<Vec<usize>>,
    /// What the oracle knows: whose page each frame is.
    owners: Vec<AtomicU64>,
    is_over: AtomicBool,
    /// Accesses of each processor that found a page.
    accesses: Vec<AtomicU64>,
}

/// A processor that runs no more, be it that it has failed: nobody waits for it, and all is over.
struct Running<'a>(&'a World, &'a Inbox);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
        self.1.rest();
    }
}

/// A page of a space, as the oracle notes it.
fn page_id(space: usize, page: u64) -> u64 {
    space as u64 * PAGES + page
}

impl World {
    fn new() -> Self {
        let ram = Ram::new(0x100_0000).unwrap();
        for table in TABLES {
            let open = (Entry::PRESENT | Entry::WRITABLE | Entry::USER).bits();
            for level in 0..3 {
                let at = table + level * 0x1000;
                let entry = (at + 0x1000) | open;
                ram.write_u64(PhysAddr::new(at), entry).unwrap();
            }
        }
        Self {
            ram,
            shootdowns: Shootdowns::new(PROCESSORS),
            spaces: [1, 2].map(|pcid| Presence::new(Pcid::new(pcid).unwrap())),
            free: Mutex::new((0..FRAMES).collect()),
            owners: (0..FRAMES).map(|_| AtomicU64::new(FREE)).collect(),
            is_over: AtomicBool::new(false),
            accesses: (0..PROCESSORS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn entry(space: usize, page: u64) -> PhysAddr {
        PhysAddr::new(TABLES[space] + 0x3000 + page * 8)
    }

    /// Takes a page away if it is there, and gives it another frame if it is not.
    fn change(
        &self,
        free: &mut Vec<usize>,
        (space, page): (usize, u64),
        by: Option<ProcessorId>,
        mut forget: impl FnMut(Invalidation),
    ) {
        let at = Self::entry(space, page);
        let old = self.ram.read_u64(at).unwrap();
        if old == 0 {
            let frame = free.remove(0);
            self.owners[frame].store(page_id(space, page), Ordering::Relaxed);
            let open = Entry::PRESENT | Entry::WRITABLE | Entry::USER;
            let entry = (POOL + frame as u64 * 0x1000) | open.bits();
            self.ram.write_u64(at, entry).unwrap();
            return;
        }
        let mut old = old;
        while let Err(now) = self.ram.compare_exchange_u64(at, old, 0).unwrap() {
            old = now;
        }
        let frame = frame_at(old & 0xff_f000);
        let stale = Invalidation::Invpcid {
            operation: 0,
            descriptor: u128::from(page) << 76 | u128::from(self.spaces[space].pcid().as_u64()),
        };
        if by.is_some() {
            forget(stale);
        }
        let mut batch = Batch::default();
        batch.issue(&self.spaces[space], stale, by);
        batch.keep(frame);
        let ticket = self.shootdowns.dispatch(&mut batch);
        for frame in self.shootdowns.sync(ticket, by, forget).into_kept() {
            self.owners[frame].store(FREE, Ordering::Relaxed);
            free.push(frame);
        }
    }

    /// One processor, until all is over.
    fn run(&self, processor: ProcessorId) {
        let inbox = self.shootdowns.inbox(processor).unwrap();
        let _running = Running(self, inbox);
        let mut registers = Registers::four_level(PhysAddr::new(0x1000));
        registers.cr4.set(Cr4::PCID_ENABLE, true);
        let features = CpuFeatures::default();
        let mut mmu = FunctionalMmu::functional(features, registers).unwrap();
        let mut random = Random(processor.index() as u64 + 1);
        let mut space = 0;
        self.enter(&mut mmu, inbox, space);
        while !self.is_over.load(Ordering::Relaxed) {
            if inbox.is_pending() {
                inbox.handle(|stale| forget(&mut mmu, stale));
            }
            match random.below(64) {
                0 => {
                    inbox.rest();
                    thread::yield_now();
                    inbox.wake(|stale| forget(&mut mmu, stale));
                }
                1 => {
                    self.spaces[space].leave(inbox);
                    space = 1 - space;
                    self.enter(&mut mmu, inbox, space);
                }
                2 => {
                    let page = (1 - space, random.below(PAGES));
                    // Who has the lock may wait for this processor.
                    if let Ok(mut free) = self.free.try_lock() {
                        let forget = |stale| forget(&mut mmu, stale);
                        self.change(&mut free, page, Some(processor), forget);
                    }
                }
                _ => {
                    let found = self.access(&mut mmu, space, random.below(PAGES));
                    self.accesses[processor.index()].fetch_add(found, Ordering::Relaxed);
                }
            }
        }
    }

    fn enter(&self, mmu: &mut FunctionalMmu, inbox: &Inbox, space: usize) {
        let keep = match self.spaces[space].enter(inbox) {
            Entered::Keeping => KEEP,
            Entered::Dropping => 0,
        };
        let cr3 = TABLES[space] | self.spaces[space].pcid().as_u64() | keep;
        let _ = mmu.write_cr3(&self.ram, cr3).unwrap();
    }

    /// How many pages it found.
    fn access(&self, mmu: &mut FunctionalMmu, space: usize, page: u64) -> u64 {
        let address = VirtAddr::new(page << 12);
        match mmu.translate(&self.ram, address, AccessKind::Read, PrivilegeMode::User) {
            Ok(found) => {
                let owner = self.owners[frame_at(found.address.as_u64())].load(Ordering::Relaxed);
                assert_eq!(owner, page_id(space, page), "the frame is another page's");
                1
            }
            Err(Fault::Page(_)) => 0,
            Err(fault) => panic!("{fault}"),
        }
    }
}

/// The frame at an address.
fn frame_at(address: u64) -> usize {
    usize::try_from((address - POOL) >> 12).unwrap()
}

fn forget(mmu: &mut FunctionalMmu, stale: Invalidation) {
    let _ = mmu.invalidate(stale).unwrap();
}

#[test]
fn no_thread_uses_what_was_taken_away_before_the_sync() {
    let world = World::new();
    thread::scope(|threads| {
        let running: Vec<_> = ProcessorId::first(PROCESSORS)
            .map(|processor| {
                threads.spawn({
                    let world = &world;
                    move || world.run(processor)
                })
            })
            .collect();
        let mut random = Random(0x1007_ab1e);
        let enough = |made: &AtomicU64| made.load(Ordering::Relaxed) >= ACCESSES;
        let mut changes = 0;
        while changes < CHANGES || !world.accesses.iter().all(enough) {
            if world.is_over.load(Ordering::Relaxed) {
                break;
            }
            let page = (changes % SPACES, random.below(PAGES));
            let mut free = world.free.lock().unwrap();
            world.change(&mut free, page, None, |_| ());
            changes += 1;
        }
        world.is_over.store(true, Ordering::Relaxed);
        for processor in running {
            processor.join().unwrap();
        }
    });
}
