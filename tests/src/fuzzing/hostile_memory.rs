use std::cell::{Cell, RefCell};

use mmu_core::{BusError, PhysAddr, PhysMem};

use super::supply::Supply;

/// So many frames of memory there are; every address lies in one of them, or in a hole.
const FRAMES: u64 = 8;
const WORDS: u64 = FRAMES * 512;

/// How a memory behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    /// As a memory should.
    Honest,
    /// What stands there changes from one read to the next.
    Fickle,
    /// No compare-exchange ever succeeds.
    Stubborn,
    /// Every compare-exchange says that it succeeded, and none changes anything.
    Lying,
}

/// A small memory of a fuzzer's choice that fills all addresses, but for holes.
pub(super) struct HostileMemory {
    words: RefCell<Vec<u64>>,
    temper: Temper,
    reads: Cell<u64>,
}

impl HostileMemory {
    pub(super) fn new(supply: &mut Supply<'_>) -> Self {
        const TEMPERS: [Temper; 6] = [
            Temper::Honest,
            Temper::Honest,
            Temper::Honest,
            Temper::Fickle,
            Temper::Stubborn,
            Temper::Lying,
        ];
        let temper = supply.choice(&TEMPERS);
        let pattern = [(); 16].map(|()| supply.word());
        let words = (0..WORDS).map(|place| {
            let word = pattern[usize::try_from(place % 16).unwrap_or(0)];
            // Different frames differ, but keep the low bits, which say most.
            word.wrapping_add((place / 512) << 13)
        });
        Self {
            words: RefCell::new(words.collect()),
            temper,
            reads: Cell::new(0),
        }
    }

    pub(super) fn temper(&self) -> Temper {
        self.temper
    }

    /// What the memory holds.
    pub(super) fn content(&self) -> Vec<u64> {
        self.words.borrow().clone()
    }

    fn place(at: PhysAddr) -> Result<usize, BusError> {
        let is_hole = at.as_u64() >> 12 & 0xff == 0xee;
        if is_hole {
            return Err(BusError(at));
        }
        usize::try_from(at.as_u64() / 8 % WORDS).map_err(|_| BusError(at))
    }
}

impl PhysMem for HostileMemory {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        let word = self.words.borrow()[Self::place(at)?];
        self.reads.set(self.reads.get() + 1);
        Ok(match self.temper {
            Temper::Fickle => word ^ self.reads.get().rotate_left(5),
            Temper::Honest | Temper::Stubborn | Temper::Lying => word,
        })
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let word = &mut self.words.borrow_mut()[Self::place(at)?];
        Ok(match self.temper {
            Temper::Lying => Ok(()),
            Temper::Honest | Temper::Fickle if *word == current => {
                *word = new;
                Ok(())
            }
            Temper::Honest | Temper::Fickle | Temper::Stubborn => Err(*word),
        })
    }
}
