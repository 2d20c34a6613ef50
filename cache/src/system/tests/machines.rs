//! Random machines and random streams of requests.

use super::*;
use crate::{Inclusion, NextLine, Prefetch, Stride};

/// `SplitMix64`: the same numbers from the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    fn level(&mut self, sets: u64, ways: u64, latency: u64) -> LevelConfig {
        let mut up_to = |most| u32::try_from(1 + self.below(most)).unwrap();
        level(up_to(sets), up_to(ways), latency)
    }
}

/// Up to 4 processors; up to 4 sets of up to 4 ways in an L1, up to 12 of 8 in the LLC: small
/// enough for streams of a few thousand requests to fill and empty every set many times over.
pub(super) fn machine(random: &mut Random) -> HierarchyConfig {
    HierarchyConfig {
        l1i: random.level(4, 4, 3),
        l1d: random.level(4, 4, 4),
        l2: random.level(6, 5, 14),
        llc: random.level(12, 8, 50),
        memory_latency: Cycles::new(200),
        walks_enter: random.of(&[WalkPort::L1d, WalkPort::L2]),
        combining_buffers: BUFFERS,
        processors: random.of(&[1, 2, 2, 3, 4]),
        inclusion: random.of(&[Inclusion::Free, Inclusion::Inclusive, Inclusion::Exclusive]),
        peer_latency: Cycles::new(80),
        prefetch: Prefetch {
            next_line: random.of(&[NextLine::Off, NextLine::On]),
            stride: random.of(&[
                Stride::Off,
                Stride::Ahead { lines: 1, pages: 1 },
                Stride::Ahead { lines: 3, pages: 2 },
                Stride::Ahead {
                    lines: 63,
                    pages: 4,
                },
            ]),
        },
    }
}

/// A stream of requests: half of them to a few lines, some to any of three pages, and some
/// one after the other in a stride. One of six is to the same
/// line once more. Four of five are to write-back memory.
pub(super) struct Requests<'a> {
    random: &'a mut Random,
    processors: u64,
    stride: i64,
    next: u64,
    last: (ProcessorId, u64),
}

impl<'a> Requests<'a> {
    pub(super) fn new(config: &HierarchyConfig, random: &'a mut Random) -> Self {
        Self {
            random,
            processors: u64::from(config.processors),
            stride: 1,
            next: 0,
            last: (ONE, 0),
        }
    }

    pub(super) fn next(&mut self) -> (ProcessorId, u64, Request, MemoryType) {
        let line = match self.random.below(8) {
            0..4 => self.random.below(24),
            4 => self.random.below(192),
            _ => {
                self.next = self.next.wrapping_add_signed(self.stride) % 192;
                self.next
            }
        };
        if self.random.below(16) == 0 {
            self.stride = self.random.of(&[1, 1, 2, 5, -1, -3]);
            self.next = self.random.below(192);
        }
        let memory_type = match self.random.below(5) {
            0 => self.random.of(&MemoryType::ALL),
            _ => MemoryType::WriteBack,
        };
        let by = u32::try_from(self.random.below(self.processors)).unwrap();
        if self.random.below(6) != 0 {
            self.last = (ProcessorId::new(by).unwrap(), line);
        }
        let (by, line) = self.last;
        (by, line, self.random.of(&Request::ALL), memory_type)
    }
}
