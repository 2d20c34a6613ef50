//! Random programs on processors of random shapes: every cycle has an owner, nothing is counted
//! twice or not at all, nothing survives its invalidation, and nothing depends on chance.

use cache::{CacheId, Request, ServedBy};
use memory_manager::demand::{MemoryManager, PagingLevels, Process, Protection};
use mmu_core::{
    AccessKind, CpuFeatures, Cr4, Cycles, Fault, Invalidation, Owner, PageSize, PrivilegeMode,
    TimedConfig, TimedMmu, VirtAddr, WalkStatistics,
};
use tests::{Random, random_machine::random_config};
use tlb::Stream;

const MACHINES: u64 = 400;
const STEPS: u32 = 3000;
const SEED: u64 = 0x0dd5_eed5;

const SMALL: VirtAddr = VirtAddr::new(0x10_0000);
const LARGE: VirtAddr = VirtAddr::new(0x4000_0000);
const KEEP: u64 = 1 << 63;

struct World {
    manager: MemoryManager,
    processes: Vec<Process>,
    current: usize,
    mmu: TimedMmu<WalkStatistics>,
    config: TimedConfig,
    random: Random,
    registers_written: [u64; 2],
    invalidated: [u64; 2],
    /// The look-ups that the accesses must have taken, by stream.
    lookups: [u64; Stream::COUNT],
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let config = random_config(&mut random);
        let mut manager = MemoryManager::new(1 << 30).unwrap();
        let levels = match random.below(2) {
            0 => PagingLevels::Four,
            _ => PagingLevels::Five,
        };
        let processes: Vec<_> = (0..3).map(|_| process(&mut manager, levels)).collect();
        let mut registers = processes[0].registers();
        registers.cr4 |= Cr4::PCID_ENABLE;
        registers.cr3 |= 1;
        let features = CpuFeatures::default();
        let statistics = WalkStatistics::default();
        let mmu = TimedMmu::timed(features, registers, &config, statistics);
        Self {
            manager,
            processes,
            current: 0,
            mmu: mmu.unwrap_or_else(|error| panic!("seed {seed:#x}: {error}")),
            config,
            random,
            registers_written: [0; 2],
            invalidated: [0; 2],
            lookups: [0; Stream::COUNT],
        }
    }

    fn address(&mut self) -> VirtAddr {
        let (base, pages) = if self.random.below(4) == 0 {
            (LARGE, 512 * 8)
        } else {
            (SMALL, 200)
        };
        // Some pages much more often than others.
        let bound = 1 + self.random.below(pages);
        let page = self.random.below(bound);
        base.wrapping_add(page * 4096 + self.random.below(4090))
    }

    fn access(&mut self, address: VirtAddr) {
        let kind = AccessKind::ORDINARY[usize::try_from(self.random.below(4)).unwrap()];
        let length = 1 + u32::try_from(self.random.below(16)).unwrap();
        let mmu = &mut self.mmu;
        let lookups = &mut self.lookups[Stream::of(kind).index()];
        let page = PageSize::Size4KiB;
        let crosses = address.offset_in(page) + u64::from(length) > page.bytes();
        let done = self.manager.access(&self.processes[self.current], |ram| {
            let done = mmu.access(ram, address, length, kind, PrivilegeMode::User);
            // A write looks at its second page first if that is the one that faults.
            let both = match &done {
                Err(Fault::Page(fault)) => {
                    !kind.writes() && fault.address.align_down(page) != address.align_down(page)
                }
                _ => crosses,
            };
            *lookups += 1 + u64::from(both);
            done
        });
        done.unwrap();
    }

    fn walks(&self) -> u64 {
        self.mmu.observer().by_references().iter().sum()
    }

    /// What was just invalidated is walked for again.
    fn expect_a_walk(&mut self, address: VirtAddr) {
        let before = self.walks();
        self.access(address);
        assert!(self.walks() > before, "{address} survived its invalidation");
    }

    fn write_cr3(&mut self, keep: u64) {
        self.current = usize::try_from(self.random.below(3)).unwrap();
        let root = self.processes[self.current].root().as_u64();
        let value = root | (self.current as u64 + 1) | keep;
        let _ = self.mmu.write_cr3(self.manager.ram(), value).unwrap();
        self.registers_written[usize::from(keep != 0)] += 1;
    }

    fn invalidate(&mut self, invalidation: Invalidation) {
        let kind = usize::from(matches!(invalidation, Invalidation::Invpcid { .. }));
        self.invalidated[kind] += 1;
        let _ = self.mmu.invalidate(invalidation).unwrap();
    }

    fn step(&mut self) {
        let address = self.address();
        let own_pcid = self.current as u128 + 1;
        let invpcid = |operation, descriptor| Invalidation::Invpcid {
            operation,
            descriptor,
        };
        match self.random.below(40) {
            0 => {
                self.write_cr3(0);
                self.expect_a_walk(address);
            }
            1 => self.write_cr3(KEEP),
            2 => {
                self.invalidate(Invalidation::Invlpg(address));
                self.expect_a_walk(address);
            }
            3 => {
                let operand = own_pcid | u128::from(address.as_u64()) << 64;
                self.invalidate(invpcid(0, operand));
                self.expect_a_walk(address);
            }
            4 => {
                let operation = 1 + self.random.below(3);
                self.invalidate(invpcid(operation, own_pcid));
                self.expect_a_walk(address);
            }
            _ => self.access(address),
        }
    }

    /// The cycles of an owner, by what was counted and the latencies alone.
    fn expected(&self, owner: Owner) -> u64 {
        let TimedConfig { tlbs, caches, .. } = &self.config;
        let found = self.mmu.cache().tlbs();
        let counters = self.mmu.cost().counters();
        let asked = |level: usize| -> u64 {
            let above = |stream| {
                (0..level)
                    .map(|level| found.hits(stream, level))
                    .sum::<u64>()
            };
            let asked = Stream::ALL.map(|stream| found.lookups(stream).total - above(stream));
            asked.iter().sum()
        };
        let lookups = |levels: core::ops::Range<usize>| -> u64 {
            let levels = levels.map(|level| asked(level) * tlbs.levels[level].penalty.as_u64());
            levels.sum()
        };
        let latency = |by: ServedBy, first: &cache::LevelConfig| match by {
            ServedBy::L1 => first.latency,
            ServedBy::L2 => caches.l2.latency,
            ServedBy::Llc => caches.llc.latency,
            ServedBy::Peer => caches.peer_latency,
            ServedBy::Memory => caches.memory_latency,
        };
        let served = |request: Request, by: ServedBy| {
            let first = if request == Request::Fetch {
                &caches.l1i
            } else {
                &caches.l1d
            };
            counters.served(request, by) * latency(by, first).as_u64()
        };
        let all = |request: Request| {
            ServedBy::ALL
                .map(|by| served(request, by))
                .iter()
                .sum::<u64>()
        };
        let software = &self.config.software;
        let cost = |counts: [u64; 2], costs: [Cycles; 2]| {
            counts[0] * costs[0].as_u64() + counts[1] * costs[1].as_u64()
        };
        match owner {
            Owner::L1Tlb => lookups(0..1),
            Owner::Stlb => lookups(1..tlbs.levels.len()),
            Owner::StructureCaches => {
                self.mmu.cache().structures().lookups() * self.config.structures.penalty.as_u64()
            }
            Owner::WalkL1d => served(Request::WalkRead, ServedBy::L1),
            Owner::WalkL2 => served(Request::WalkRead, ServedBy::L2),
            Owner::WalkLlc => served(Request::WalkRead, ServedBy::Llc),
            Owner::WalkMemory => served(Request::WalkRead, ServedBy::Memory),
            Owner::AccessedDirty => {
                let assists = self.mmu.observer().updates();
                assists * self.config.accessed_dirty_assist.as_u64() + all(Request::WalkUpdate)
            }
            Owner::WriteCr3 => cost(
                self.registers_written,
                [software.write_cr3, software.write_cr3_keeping],
            ),
            Owner::Invalidation => cost(self.invalidated, [software.invlpg, software.invpcid]),
            Owner::Fetch => all(Request::Fetch),
            Owner::Data => {
                let data = [Request::Read, Request::Write, Request::ReadModifyWrite];
                data.map(all).iter().sum()
            }
            Owner::WalkPeer
            | Owner::WalkQueue
            | Owner::Fault
            | Owner::Shootdown
            | Owner::ContextSwitch
            | Owner::Collapse
            | Owner::Disk => 0,
        }
    }

    fn check(&self) {
        for owner in Owner::ALL {
            let found = self.mmu.spent().of(owner).as_u64();
            assert_eq!(found, self.expected(owner), "{owner:?}");
        }
        let sum: u64 = Owner::ALL.map(|owner| self.expected(owner)).iter().sum();
        assert_eq!(self.mmu.spent().total().as_u64(), sum);

        let tlbs = self.mmu.cache().tlbs();
        for stream in Stream::ALL {
            let hits: u64 = (0..tlbs.levels().count())
                .map(|level| tlbs.hits(stream, level))
                .sum();
            let lookups = tlbs.lookups(stream);
            assert_eq!(lookups.total, self.lookups[stream.index()], "{stream}");
            assert_eq!(hits + lookups.missed, lookups.total, "{stream}");
        }
        let mut counters = tlbs.counters();
        for (level, units) in tlbs.levels().enumerate() {
            let by_unit: u64 = counters.by_ref().take(units.len()).map(|of| of.hits).sum();
            let by_stream = Stream::ALL.map(|stream| tlbs.hits(stream, level));
            assert_eq!(by_unit, by_stream.iter().sum::<u64>(), "level {level}");
        }
        let counters = self.mmu.cost().counters();
        for request in Request::ALL {
            let first = request.enters(self.config.caches.walks_enter);
            let reached = |id| counters.hits(id, request) + counters.misses(id, request);
            assert_eq!(reached(first), counters.requests(request), "{request:?}");
            for (above, below) in [(CacheId::L2, CacheId::Llc), (first, CacheId::L2)] {
                if above != below {
                    assert_eq!(
                        reached(below),
                        counters.misses(above, request),
                        "{request:?}"
                    );
                }
            }
        }
    }
}

fn process(manager: &mut MemoryManager, levels: PagingLevels) -> Process {
    let mut process = manager.create_process_with(levels).unwrap();
    for (start, length, size) in [
        (SMALL, 0x10_0000, PageSize::Size4KiB),
        (LARGE, 16 << 20, PageSize::Size2MiB),
    ] {
        let committed = process.commit(start, length, size, Protection::ExecuteReadWrite);
        committed.unwrap();
    }
    process
}

#[test]
fn whatever_the_machine_its_counts_and_cycles_agree() {
    for machine in 0..MACHINES {
        let seed = SEED + machine;
        println!("seed {seed:#x}");
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.check();
    }
}

#[test]
fn the_same_seed_gives_the_same_machine_to_the_byte() {
    for machine in 0..8 {
        let seed = SEED + machine;
        let state = || {
            let mut world = World::new(seed);
            for _ in 0..STEPS {
                world.step();
            }
            format!("{:?}", world.mmu)
        };
        assert_eq!(state(), state(), "seed {seed:#x}");
    }
}
