use std::fmt;

use mmu_core::{
    CpuFeatures, Cr0, Cr4, Entry, Flushed, FunctionalMmu, GeneralProtection, Mmu, NoObserver,
    PhysAddr, Registers, TimedConfig, TimedMmu, TranslationCache, WalkCost,
};

use super::{
    Bit, Expected, GoldenError, Got, Op, Outcome,
    access::Made,
    processor::{features, probe, translate},
    small::small,
    stale_walk::explains,
    staleness::Staleness,
    tables::{Tables, Time},
};

/// One of the two MMUs that every sequence is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// [`FunctionalMmu`].
    Functional,
    /// [`TimedMmu`], with a few entries in each of its caches.
    Timed,
}

/// What a line of a sequence asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This end of an access.
    Outcome(Outcome),
    /// This end, or one that something still cached explains.
    OutcomeOrStale(Outcome),
    /// This end of a walk that changes nothing.
    Probe(Outcome),
    /// This word.
    Word(u64),
    /// This word, perhaps with accessed and dirty bits.
    WordOrMarked(u64),
    /// That it is done.
    Done,
}

/// A line of a sequence that one MMU did not agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceMismatch {
    /// Which line of the file, the first being 1.
    pub line: u64,
    /// The number of the sequence.
    pub sequence: u64,
    /// Which MMU.
    pub machine: Machine,
    /// What was expected.
    pub wanted: Wanted,
    /// What came.
    pub got: Got,
}

impl fmt::Display for SequenceMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = match self.machine {
            Machine::Functional => "functional",
            Machine::Timed => "timed",
        };
        write!(
            f,
            "line {}, sequence {:x} ({machine} MMU): expected {}, got {}",
            self.line, self.sequence, self.wanted, self.got
        )
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome(outcome) => outcome.fmt(f),
            Self::OutcomeOrStale(outcome) => write!(f, "{outcome} or what is cached"),
            Self::Probe(outcome) => write!(f, "{outcome} of a probe"),
            Self::Word(word) => write!(f, "{word:#x}"),
            Self::WordOrMarked(word) => write!(f, "{word:#x}, perhaps accessed or dirty"),
            Self::Done => f.write_str("no fault"),
        }
    }
}

/// The state of a sequence, for both MMUs.
#[derive(Debug)]
pub(super) struct Sequences {
    features: CpuFeatures,
    config: TimedConfig,
    state: Option<State>,
}

#[derive(Debug)]
struct State {
    number: u64,
    staleness: Staleness,
    functional: Subject<FunctionalMmu>,
    timed: Subject<TimedMmu>,
}

/// An MMU with a memory of its own: the two may differ in accessed and dirty bits.
#[derive(Debug)]
struct Subject<M> {
    mmu: M,
    tables: Tables,
}

/// What a line came to: nothing to compare, agreement, or what disagrees.
pub(super) type Compared = Option<Result<(), (Wanted, Got)>>;

impl Sequences {
    pub(super) fn new() -> Result<Self, GoldenError> {
        Ok(Self {
            features: features()?,
            config: small()?,
            state: None,
        })
    }

    /// The number of the sequence that is under way.
    pub(super) fn number(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.number)
    }

    /// Does what a line says on both MMUs; None if no sequence has begun.
    pub(super) fn step(
        &mut self,
        op: &Op,
        line: Time,
    ) -> Result<Option<[(Machine, Compared); 2]>, GoldenError> {
        if let Op::Restart { number, cr4 } = *op {
            self.state = Some(self.restarted(number, cr4)?);
            return Ok(Some([(Machine::Functional, None), (Machine::Timed, None)]));
        }
        let Some(state) = &mut self.state else {
            return Ok(None);
        };
        let before = *state.functional.mmu.registers();
        let (staleness, features) = (&state.staleness, self.features);
        let functional = state.functional.step(op, line, staleness, features);
        let timed = state.timed.step(op, line, staleness, features);
        state.staleness.step(op, &before, line);
        Ok(Some([
            (Machine::Functional, functional),
            (Machine::Timed, timed),
        ]))
    }

    fn restarted(&self, number: u64, cr4: Cr4) -> Result<State, GoldenError> {
        const ROOT: PhysAddr = PhysAddr::new(0x10_1000);
        let registers = Registers {
            cr4,
            ..Registers::four_level(ROOT)
        };
        let timed = TimedMmu::timed(self.features, registers, &self.config, NoObserver)?;
        let functional = FunctionalMmu::functional(self.features, registers)?;
        Ok(State {
            number,
            staleness: Staleness::default(),
            functional: Subject::new(functional),
            timed: Subject::new(timed),
        })
    }
}

impl Staleness {
    fn step(&mut self, op: &Op, before: &Registers, now: Time) {
        match *op {
            Op::WriteCr3(value) => self.cr3_written(before, value, now),
            Op::WriteCr4(value) => self.cr4_written(before.cr4, value, now),
            Op::Invalidate(what) => self.invalidated(before, what, now),
            _ => {}
        }
    }
}

impl<M> Subject<M> {
    fn new(mmu: M) -> Self {
        Self {
            mmu,
            tables: Tables::default(),
        }
    }
}

impl<T: TranslationCache, C: WalkCost> Subject<Mmu<T, C, NoObserver>> {
    fn step(
        &mut self,
        op: &Op,
        line: Time,
        staleness: &Staleness,
        features: CpuFeatures,
    ) -> Compared {
        let Self { mmu, tables } = self;
        match *op {
            Op::Restart { .. } => None,
            Op::Store { at, entry } => {
                tables.store(at, entry, line);
                None
            }
            Op::Invalidate(what) => done(mmu.invalidate(what)),
            Op::WriteCr3(value) => done(mmu.write_cr3(tables, value)),
            Op::WriteCr4(value) => done(mmu.write_cr4(tables, value.bits())),
            Op::WriteProtect(bit) => {
                let mut cr0 = mmu.registers().cr0;
                cr0.set(Cr0::WRITE_PROTECT, bit == Bit::Set);
                done(mmu.write_cr0(tables, cr0.bits()))
            }
            Op::Access {
                access,
                address,
                privilege,
                alignment_check,
                expected,
            } => {
                mmu.set_alignment_check(alignment_check);
                let made = Made {
                    access,
                    address,
                    data_bytes: 8,
                    privilege,
                };
                Some(self.access(made, expected, staleness, features))
            }
            Op::Load { at, expected } => Some(compare_word(tables.load(at), expected)),
        }
    }

    /// Makes an access, after a probe of it, which nothing cached can touch: it must agree
    /// with the fresh walk.
    ///
    /// An access of a `may` line may end as the fresh walk does, or as either emulator saw
    /// it end; or as a walk does that takes each entry as it is or as it was when a part of
    /// it, or the whole translation, can last have been cached. All of these are right (SDM
    /// vol. 3, 4.10.4.3), and nothing else is.
    fn access(
        &mut self,
        made: Made,
        expected: Expected,
        staleness: &Staleness,
        features: CpuFeatures,
    ) -> Result<(), (Wanted, Got)> {
        let Self { mmu, tables } = self;
        let fresh = match expected {
            Expected::Must(outcome) => outcome,
            Expected::May { fresh, .. } => fresh,
        };
        let probed = Got::new(made.by(|request| probe(mmu, tables, request)));
        let got = Got::new(made.by(|request| translate(mmu, tables, request)));
        if probed != Got::Outcome(fresh) {
            return Err((Wanted::Probe(fresh), probed));
        }
        if got == Got::Outcome(fresh) {
            return Ok(());
        }
        let Expected::May { seen, .. } = expected else {
            return Err((Wanted::Outcome(fresh), got));
        };
        let registers = mmu.registers();
        let is_stale = |outcome| {
            let cached = staleness.cached(registers, made.address);
            let mut cached = cached.into_iter().flatten();
            seen.contains(&Some(outcome))
                || cached
                    .any(|cached| explains(&cached, tables, registers, features, made, outcome))
        };
        match got {
            Got::Outcome(outcome) if is_stale(outcome) => Ok(()),
            _ => Err((Wanted::OutcomeOrStale(fresh), got)),
        }
    }
}

fn done(result: Result<Flushed, GeneralProtection>) -> Compared {
    match result {
        Ok(_) => None,
        Err(refusal) => Some(Err((Wanted::Done, Got::Refused(refusal)))),
    }
}

/// A word that is not determined is what was last stored there, but for accessed and dirty
/// bits that were set since.
fn compare_word((now, stored): (u64, u64), expected: Option<u64>) -> Result<(), (Wanted, Got)> {
    const MARKS: u64 = Entry::ACCESSED.union(Entry::DIRTY).bits();
    let (agrees, wanted) = match expected {
        Some(word) => (now == word, Wanted::Word(word)),
        None => (
            now & !MARKS == stored & !MARKS && now & stored == stored,
            Wanted::WordOrMarked(stored),
        ),
    };
    if agrees {
        Ok(())
    } else {
        Err((wanted, Got::Word(now)))
    }
}
