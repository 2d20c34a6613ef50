use std::cell::{Cell, RefCell};

use mmu_core::{BusError, CpuFeatures, PhysAddr, PhysMem, Regime, Registers};
use tlb::Cacheable;

use super::{
    Got, Outcome,
    access::{Made, Request},
    staleness::{Cached, Which},
    tables::{Tables, Time},
};

/// So many walks are tried for an explanation; real sequences need some hundred.
const WALKS_MAX: usize = 1 << 12;

/// Whether an access may end as it did because of what is cached: whether it would, if of
/// every entry on its way some version were read that may still be cached, or the one that
/// is there now. The rights are looked at with the registers as they are.
pub(super) fn explains(
    cached: &Cached,
    tables: &Tables,
    registers: &Registers,
    features: CpuFeatures,
    made: Made,
    got: Outcome,
) -> bool {
    let mut walks = WALKS_MAX;
    cached.spaces.iter().any(|&cr3| {
        let registers = Registers { cr3, ..*registers };
        let Ok(regime) = Regime::new(&registers, features) else {
            return false;
        };
        let memory = Versions::new(tables, cached.since);
        loop {
            if ends_so(&regime, &memory, made, cached.which, got) {
                return true;
            }
            walks = walks.saturating_sub(1);
            if walks == 0 || !memory.advance() {
                return false;
            }
        }
    })
}

fn ends_so(
    regime: &Regime,
    memory: &Versions<'_>,
    made: Made,
    which: Which,
    expected: Outcome,
) -> bool {
    let mut serves = true;
    let walked = made.by(|request| {
        let Request {
            address,
            kind,
            mode,
            ..
        } = request;
        let walked = regime.probe(memory, address, kind, mode);
        serves &= match (which, &walked) {
            (Which::All, _) => true,
            (Which::Global, Ok(leaf)) => leaf.translation.is_global(),
            (Which::Global, Err(_)) => false,
        };
        walked.map(|leaf| leaf.translation.physical(address))
    });
    serves && Got::new(walked) == Got::Outcome(expected)
}

/// A memory that gives another version of its words in every walk, until all have been given
/// with all.
struct Versions<'a> {
    tables: &'a Tables,
    since: Time,
    /// The version to give of each word, in the order in which a walk reads them.
    choices: RefCell<Vec<Choice>>,
    reads: Cell<usize>,
}

struct Choice {
    at: PhysAddr,
    version: usize,
}

impl<'a> Versions<'a> {
    fn new(tables: &'a Tables, since: Time) -> Self {
        Self {
            tables,
            since,
            choices: RefCell::default(),
            reads: Cell::new(0),
        }
    }

    /// Goes on to the next choice of versions; `false` if that was the last.
    fn advance(&self) -> bool {
        let mut choices = self.choices.borrow_mut();
        choices.truncate(self.reads.replace(0));
        while let Some(last) = choices.last_mut() {
            last.version += 1;
            let Choice { at, version } = *last;
            if self.tables.version(at, self.since, version).is_some() {
                return true;
            }
            choices.pop();
        }
        false
    }
}

impl PhysMem for Versions<'_> {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        let mut choices = self.choices.borrow_mut();
        let read = self.reads.replace(self.reads.get() + 1);
        if read == choices.len() {
            choices.push(Choice { at, version: 0 });
        }
        let Choice { at, version } = choices[read];
        self.tables
            .version(at, self.since, version)
            .ok_or(BusError(at))
    }

    /// Nothing changes it.
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        _: u64,
        _: u64,
    ) -> Result<Result<(), u64>, BusError> {
        Err(BusError(at))
    }
}
