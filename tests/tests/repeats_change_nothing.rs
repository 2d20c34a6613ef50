//! An access that repeats the last one of its kind is only counted. Nobody can tell: results,
//! cycles and counts are, after each step of any program, those of an MMU that never does so.

use std::{cell::RefCell, rc::Rc};

use cache::{CacheSystem, Counters, Request, Response};
use mmu_core::{
    AccessKind, Ahead, AlignmentCheck, Breakdown, Caches, CpuFeatures, Cr0, Cr4, Cycles, Entry,
    Invalidation, KeyRights, Level, MemoryType, Msr, NextPage, Owner, PageSize, PhysAddr,
    PrivilegeMode, ProcessorId, Scope, TimedConfig, TimedMmu, VirtAddr, WalkStatistics,
};
use tests::{Random, Tables, processor::small, random_machine::random_config};
use tlb::{Lookups, Stream, TlbCounters};

const MACHINES: u64 = 400;
const STEPS: u32 = 2000;
const SEED: u64 = 0x00ab_ea75;

const SMALL: u64 = 0x40_0000_0000;
const SMALL_PAGES: u64 = 48;
const LARGE: u64 = 0x80_0000_0000;
const LARGE_PAGES: u64 = 3;
const FRAMES: u64 = 0x8000_0000;
const KEEP: u64 = 1 << 63;

/// Caches of one's own that never tell that a request would repeat the last.
#[derive(Debug)]
struct Silent(CacheSystem);

impl Caches for Silent {
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        Caches::access(&mut self.0, at, request, memory_type)
    }

    fn prefetch(&self, at: &[PhysAddr]) {
        Caches::prefetch(&self.0, at);
    }

    fn counters(&self) -> Counters {
        Caches::counters(&self.0)
    }
}

/// A processor's door to caches that others use as well; one that says what it must not tells of
/// repeats nevertheless.
#[derive(Debug)]
struct Shared {
    system: Rc<RefCell<CacheSystem>>,
    by: ProcessorId,
    tells: Tells,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tells {
    Nothing,
    WhatItMustNot,
}

impl Caches for Shared {
    fn access(&mut self, at: PhysAddr, request: Request, memory_type: MemoryType) -> Response {
        let mut system = self.system.borrow_mut();
        system.access(self.by, at, request, memory_type)
    }

    fn prefetch(&self, at: &[PhysAddr]) {
        self.system.borrow().prefetch(at);
    }

    fn repeats(&self, at: PhysAddr, request: Request) -> Option<Cycles> {
        match self.tells {
            Tells::Nothing => None,
            Tells::WhatItMustNot => self.system.borrow().repeats(self.by, at, request),
        }
    }

    fn counters(&self) -> Counters {
        self.system.borrow().counters(self.by).clone()
    }
}

/// Small and large pages, with entries of every sort.
fn tables(random: &mut Random) -> Tables {
    let mut tables = Tables::new();
    for page in 0..SMALL_PAGES {
        let address = VirtAddr::new(SMALL + page * 0x1000);
        // Some frames have several pages.
        let frame = PhysAddr::new(FRAMES + page % 40 * 0x1000);
        let flags = flags(random);
        tables.map(address, frame, PageSize::Size4KiB, flags);
    }
    for page in 0..LARGE_PAGES {
        let address = VirtAddr::new(LARGE + page * 0x20_0000);
        let frame = PhysAddr::new(FRAMES + page * 0x20_0000);
        let flags = flags(random);
        tables.map(address, frame, PageSize::Size2MiB, flags);
    }
    tables
}

/// Mostly those of a page that can be used.
fn flags(random: &mut Random) -> Entry {
    let mut flags = Tables::SETTLED;
    for (one, unlikeliness) in [
        (Entry::WRITABLE, 8),
        (Entry::USER, 8),
        (Entry::ACCESSED, 4),
        (Entry::DIRTY, 3),
        (Entry::GLOBAL, 4),
        (Entry::WRITE_THROUGH, 12),
        (Entry::CACHE_DISABLE, 12),
        (Entry::NO_EXECUTE, 4),
        (Entry::PRESENT, 16),
    ] {
        if random.below(unlikeliness) == 0 {
            flags.toggle(one);
        }
    }
    flags
}

/// A machine of any shape, with what caches and TLBs have besides.
fn config(random: &mut Random) -> TimedConfig {
    let mut config = random_config(random);
    let caches = &mut config.caches;
    caches.inclusion = match random.below(4) {
        0 => cache::Inclusion::Inclusive,
        1 => cache::Inclusion::Exclusive,
        _ => cache::Inclusion::Free,
    };
    if random.below(3) == 0 {
        caches.prefetch.next_line = cache::NextLine::On;
    }
    if random.below(3) == 0 {
        caches.prefetch.stride = cache::Stride::Ahead { lines: 2, pages: 4 };
    }
    if random.below(4) == 0 {
        config.walkers.next_page = NextPage::Prefetch;
    }
    for tlb in config
        .tlbs
        .levels
        .iter_mut()
        .flat_map(|level| &mut level.tlbs)
    {
        if random.below(4) == 0 {
            tlb.coalescing = tlb::Coalescing::UpTo(4);
        }
        if random.below(4) == 0 {
            tlb.pcids = tlb::PcidCapacity::Last {
                plain: 1,
                keeping: 2,
            };
        }
    }
    config
}

#[derive(Clone, Debug)]
enum Step {
    Access(VirtAddr, u32, AccessKind, PrivilegeMode),
    Translate(VirtAddr, AccessKind, PrivilegeMode),
    Foresee(Vec<VirtAddr>),
    CopyFrame(PhysAddr, PhysAddr),
    Charge(Cycles),
    WriteCr0(u64),
    WriteCr3(u64),
    WriteCr4(u64),
    WriteMsr(Msr, u64),
    WritePkru(KeyRights),
    SetAlignmentCheck(AlignmentCheck),
    Restore,
    Invalidate(Invalidation),
    Drop(Scope),
    /// Behind the back of everything that is cached.
    ChangeEntry(VirtAddr, Entry),
}

/// What a program does next.
struct Program {
    random: Random,
    at: VirtAddr,
    kind: AccessKind,
    mode: PrivilegeMode,
}

impl Program {
    fn new(random: Random) -> Self {
        Self {
            random,
            at: VirtAddr::new(SMALL),
            kind: AccessKind::Read,
            mode: PrivilegeMode::User,
        }
    }

    fn page(&mut self) -> VirtAddr {
        VirtAddr::new(match self.random.below(4) {
            0 => LARGE + self.random.below(LARGE_PAGES * 512) * 0x1000,
            _ => SMALL + self.random.below(SMALL_PAGES) * 0x1000,
        })
    }

    /// Mostly not far from the last access, and alike.
    fn access(&mut self) -> Step {
        match self.random.below(8) {
            0 => self.at = self.page().wrapping_add(self.random.below(0x1000)),
            1 => self.at = self.at.wrapping_add(64),
            // The same line as seen from elsewhere, or the next page.
            2 => self.at = self.at.wrapping_add(0x1000),
            _ => {
                let line = self.at.as_u64() / 64 * 64;
                self.at = VirtAddr::new(line + self.random.below(64));
            }
        }
        if self.random.below(4) == 0 {
            let kind = usize::try_from(self.random.below(6)).unwrap();
            self.kind = AccessKind::ALL[kind];
        }
        if self.random.below(16) == 0 {
            let mode = usize::try_from(self.random.below(6)).unwrap();
            self.mode = *PrivilegeMode::ALL.get(mode).unwrap_or(&PrivilegeMode::User);
        }
        let lengths = [0, 1, 2, 4, 8, 16, 64, 5000];
        let length = match self.random.below(64) {
            0 => lengths[usize::try_from(self.random.below(8)).unwrap()],
            _ => lengths[1 + usize::try_from(self.random.below(4)).unwrap()],
        };
        Step::Access(self.at, length, self.kind, self.mode)
    }

    fn next(&mut self) -> Step {
        let invpcid = |operation, descriptor| {
            Step::Invalidate(Invalidation::Invpcid {
                operation,
                descriptor,
            })
        };
        let cr4 = Cr4::PCID_ENABLE | Cr4::PHYSICAL_ADDRESS_EXTENSION;
        let pcid = self.random.below(3);
        match self.random.below(200) {
            0 => Step::Translate(self.at, self.kind, self.mode),
            1 => Step::Foresee((0..8).map(|_| self.page()).collect()),
            2 => {
                let frame = |random: &mut Random| FRAMES + random.below(40) * 0x1000;
                let (from, to) = (frame(&mut self.random), frame(&mut self.random));
                Step::CopyFrame(PhysAddr::new(from), PhysAddr::new(to))
            }
            3 => Step::Charge(Cycles::new(7)),
            4 => {
                let protects = self.random.below(2) == 0;
                let mut cr0 = Cr0::PAGING | Cr0::PROTECTION_ENABLE;
                cr0.set(Cr0::WRITE_PROTECT, protects);
                Step::WriteCr0(cr0.bits())
            }
            5 => Step::WriteCr3(0x1000 | pcid),
            6 => Step::WriteCr3(0x1000 | pcid | KEEP),
            7 => {
                let mut cr4 = cr4;
                for flag in [Cr4::SMEP, Cr4::SMAP, Cr4::PAGE_GLOBAL_ENABLE] {
                    cr4.set(flag, self.random.below(2) == 0);
                }
                Step::WriteCr4(cr4.bits())
            }
            8 => {
                let pats = [0x0007_0406_0007_0406, 0x0001_0406_0007_0506];
                Step::WriteMsr(Msr::Pat, pats[usize::try_from(pcid % 2).unwrap()])
            }
            9 => Step::WritePkru(KeyRights::from_bits(
                [0, 1, 2][usize::try_from(pcid).unwrap()],
            )),
            10 => Step::SetAlignmentCheck(match pcid {
                0 => AlignmentCheck::Set,
                _ => AlignmentCheck::Clear,
            }),
            11 => Step::Restore,
            12 | 13 => Step::Invalidate(Invalidation::Invlpg(self.at)),
            14 => invpcid(0, u128::from(pcid) | u128::from(self.at.as_u64()) << 64),
            15 => invpcid(1 + self.random.below(3), u128::from(pcid)),
            16 => Step::Drop(Scope::All),
            17..=19 => {
                let page = if self.random.below(2) == 0 {
                    self.at
                } else {
                    self.page()
                };
                Step::ChangeEntry(page, flags(&mut self.random))
            }
            _ => self.access(),
        }
    }
}

struct World<D: Caches> {
    tables: Tables,
    mmu: TimedMmu<WalkStatistics, D>,
}

impl<D: Caches + std::fmt::Debug> World<D> {
    fn new(tables: Tables, config: &TimedConfig, caches: D) -> Self {
        let features = CpuFeatures::default();
        let statistics = WalkStatistics::default();
        let mut registers = tables.registers();
        registers.cr4 |= Cr4::PCID_ENABLE;
        let mmu = TimedMmu::timed_with(features, registers, config, caches, statistics);
        Self {
            mmu: mmu.unwrap_or_else(|error| panic!("{config:?}: {error}")),
            tables,
        }
    }

    /// Does it, and says what came of it.
    fn step(&mut self, step: &Step) -> String {
        let (mmu, ram) = (&mut self.mmu, self.tables.ram());
        match *step {
            Step::Access(at, length, kind, mode) => {
                format!("{:?}", mmu.access(ram, at, length, kind, mode))
            }
            Step::Translate(at, kind, mode) => format!("{:?}", mmu.translate(ram, at, kind, mode)),
            Step::Foresee(ref all) => format!("{:?}", mmu.foresee(ram, all.iter().copied())),
            Step::CopyFrame(from, to) => {
                let cost = Cycles::new(100);
                format!("{:?}", mmu.copy_frame(from, to, Owner::Collapse, cost))
            }
            Step::Charge(cycles) => format!("{:?}", mmu.charge(Owner::Fault, cycles)),
            Step::WriteCr0(value) => format!("{:?}", mmu.write_cr0(ram, value)),
            Step::WriteCr3(value) => format!("{:?}", mmu.write_cr3(ram, value)),
            Step::WriteCr4(value) => format!("{:?}", mmu.write_cr4(ram, value)),
            Step::WriteMsr(msr, value) => format!("{:?}", mmu.write_msr(msr, value)),
            Step::WritePkru(rights) => format!("{:?}", mmu.write_pkru(rights)),
            Step::SetAlignmentCheck(flag) => format!("{:?}", mmu.set_alignment_check(flag)),
            Step::Restore => format!("{:?}", mmu.restore(*mmu.registers())),
            Step::Invalidate(invalidation) => format!("{:?}", mmu.invalidate(invalidation)),
            Step::Drop(scope) => format!("{:?}", mmu.drop_cached(scope)),
            Step::ChangeEntry(at, flags) => {
                let level = if at.as_u64() < LARGE {
                    Level::Pte
                } else {
                    Level::Pde
                };
                let place = self.tables.place(level, at);
                let bits = self.tables.entry(place).page_address(level_size(level));
                let entry = Entry::page(bits, level_size(level), flags);
                self.tables.set(place, entry);
                String::new()
            }
        }
    }

    fn counts(&self) -> Counts {
        let (tlbs, structures) = (self.mmu.cache().tlbs(), self.mmu.cache().structures());
        let levels = 0..tlbs.levels().count();
        let hits = levels.map(|level| Stream::ALL.map(|stream| tlbs.hits(stream, level)));
        Counts {
            spent: *self.mmu.spent(),
            lookups: Stream::ALL.map(|stream| tlbs.lookups(stream)),
            hits: hits.collect(),
            tlbs: tlbs.counters().collect(),
            structures: structures.lookups(),
            caches: self.mmu.cost().counters(),
            ahead: self.mmu.cost().ahead(),
            walks: *self.mmu.observer(),
        }
    }
}

/// Everything that was counted.
#[derive(Debug, PartialEq)]
struct Counts {
    spent: Breakdown,
    lookups: [Lookups; Stream::COUNT],
    hits: Vec<[u64; Stream::COUNT]>,
    tlbs: Vec<TlbCounters>,
    structures: u64,
    caches: Counters,
    ahead: Ahead,
    walks: WalkStatistics,
}

fn level_size(level: Level) -> PageSize {
    match level {
        Level::Pte => PageSize::Size4KiB,
        _ => PageSize::Size2MiB,
    }
}

#[test]
fn whatever_the_program_repeats_change_nothing() {
    for seed in SEED..SEED + MACHINES {
        let mut random = Random::new(seed);
        let config = config(&mut random);
        let caches = || CacheSystem::new(&config.caches).unwrap();
        let tables = || tables(&mut Random::new(seed));
        let mut counting = World::new(tables(), &config, caches());
        let mut asking = World::new(tables(), &config, Silent(caches()));
        let mut program = Program::new(random);
        for number in 0..STEPS {
            let step = program.next();
            let place = || format!("seed {seed:#x}, step {number}: {step:?}");
            assert_eq!(counting.step(&step), asking.step(&step), "{}", place());
            assert_eq!(counting.counts(), asking.counts(), "{}", place());
        }
    }
}

/// What two processors do to each other's lines, of which the first is told so by its door; the
/// counts of both at the end.
fn two_processors(tells: Tells) -> String {
    let mut config = small();
    config.caches.processors = 2;
    let system = Rc::new(RefCell::new(CacheSystem::new(&config.caches).unwrap()));
    let ids: Vec<_> = system.borrow().processors().collect();
    let mut worlds: Vec<_> = ids
        .into_iter()
        .map(|by| {
            let system = Rc::clone(&system);
            let mut tables = Tables::new();
            tables.map_settled([SMALL >> 12]);
            World::new(tables, &config, Shared { system, by, tells })
        })
        .collect();
    let mut random = Random::new(SEED);
    for _ in 0..STEPS {
        let at = VirtAddr::new(SMALL + random.below(8) / 7 * 64);
        let kind = AccessKind::ORDINARY[usize::try_from(random.below(3)).unwrap()];
        let by = usize::try_from(random.below(2)).unwrap();
        worlds[by].step(&Step::Access(at, 8, kind, PrivilegeMode::User));
    }
    let counts = worlds.iter().map(World::counts).collect::<Vec<_>>();
    format!("{counts:?}")
}

/// A processor's line is another one's to take: who shares caches must not tell of repeats, and
/// would be found out.
#[test]
fn a_line_that_others_may_take_is_asked_for_each_time() {
    let honest = two_processors(Tells::Nothing);
    assert_ne!(honest, two_processors(Tells::WhatItMustNot));
}
