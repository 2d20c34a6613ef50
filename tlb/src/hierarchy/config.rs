use alloc::{vec, vec::Vec};

use units::Cycles;

use crate::{ConfigError, PageSizes, Stream, Streams, TlbConfig};

/// One level of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelConfig {
    /// What a look-up at this level adds to an access, found or not.
    pub penalty: Cycles,
    /// The TLBs of the level.
    pub tlbs: Vec<TlbConfig>,
    /// Whether what the page tables say is put into the level.
    pub on_miss: OnMiss,
    /// Whether what a lower level answers is put into this one.
    pub on_lower_hit: OnLowerHit,
    /// How the level relates to those above it.
    pub inclusion: Inclusion,
}

impl LevelConfig {
    /// A level that behaves as Intel's do (Tatar et al., "TLB;DR", USENIX Security 2022).
    pub fn new(penalty: Cycles, tlbs: Vec<TlbConfig>) -> Self {
        Self {
            penalty,
            tlbs,
            on_miss: OnMiss::default(),
            on_lower_hit: OnLowerHit::default(),
            inclusion: Inclusion::default(),
        }
    }
}

/// What a level does with a translation that a walk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMiss {
    /// Takes it in.
    #[default]
    Fill,
    /// Leaves it to the other levels.
    Pass,
}

/// What a level does with a translation that a lower one has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLowerHit {
    /// Takes it in: it is promoted.
    #[default]
    Promote,
    /// Leaves it where it is.
    Leave,
}

/// How a level relates to the levels above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inclusion {
    /// Neither forces anything on the other.
    #[default]
    Free,
    /// What it no longer holds, for whatever reason, is dropped from the levels above.
    Inclusive,
    /// It takes what the level above evicts and nothing else, and gives up what it answers to
    /// the levels above that take it.
    Exclusive,
}

/// Why a level cannot behave as it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelProblem {
    /// There is no level that it could include or exclude.
    #[error("the first level has none above it to include or to exclude")]
    FirstRelates,
    /// What it answers is taken by nobody.
    #[error("it is exclusive, but the level above takes nothing that a lower level answers")]
    NothingIsPromoted,
    /// What the level above evicts is not for it.
    #[error(
        "it is exclusive, but holds none of the page sizes that the level above holds for the \
         same kind of access"
    )]
    NoCommonPageSize,
    /// It takes nothing of what walks find, nor of what other levels have.
    #[error(
        "nothing ever comes into it: it passes what walks find, and leaves what lower levels \
         answer or has none that answers"
    )]
    NeverFilled,
}

/// The shape of a TLB hierarchy, the level nearest the processor first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HierarchyConfig {
    /// Its levels.
    pub levels: Vec<LevelConfig>,
}

impl HierarchyConfig {
    /// Whether each level can be to those above it what it is told to be.
    pub(super) fn check_relations(&self) -> Result<(), ConfigError> {
        for (at, config) in self.levels.iter().enumerate() {
            let problem = |problem| {
                let level = at + 1;
                Err(ConfigError::Level { level, problem })
            };
            let above = &self.levels[..at];
            match (config.inclusion, above.last()) {
                (Inclusion::Free, _) | (Inclusion::Inclusive, Some(_)) => {}
                (Inclusion::Inclusive | Inclusion::Exclusive, None) => {
                    return problem(LevelProblem::FirstRelates);
                }
                (Inclusion::Exclusive, Some(next)) => {
                    let mut takers = above.iter().rev().filter(|level| !level.is_exclusive());
                    if !takers.next().is_some_and(LevelConfig::promotes) {
                        return problem(LevelProblem::NothingIsPromoted);
                    }
                    if !Stream::ALL.iter().any(|&stream| config.suits(next, stream)) {
                        return problem(LevelProblem::NoCommonPageSize);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether something ever comes into every level, and for every stream.
    pub(super) fn check_filling(&self) -> Result<(), ConfigError> {
        let mut filled_for_any = vec![false; self.levels.len()];
        for stream in Stream::ALL {
            let filled = self.filled(stream);
            if !filled.contains(&true) {
                return Err(ConfigError::Unfilled { stream });
            }
            for (any, filled) in filled_for_any.iter_mut().zip(filled) {
                *any |= filled;
            }
        }
        match filled_for_any.iter().position(|&filled| !filled) {
            None => Ok(()),
            Some(at) => Err(ConfigError::Level {
                level: at + 1,
                problem: LevelProblem::NeverFilled,
            }),
        }
    }

    /// Into which levels something can come for a stream.
    fn filled(&self, stream: Stream) -> Vec<bool> {
        let mut filled = vec![false; self.levels.len()];
        // A level may wait for any other; each round finds one at least, or no more are found.
        for _ in &self.levels {
            for (at, level) in self.levels.iter().enumerate() {
                let is_filled = if level.is_exclusive() {
                    at > 0 && filled[at - 1] && level.suits(&self.levels[at - 1], stream)
                } else {
                    level.takes_what_walks_find()
                        || level.promotes() && filled[at + 1..].contains(&true)
                };
                filled[at] |= is_filled && !level.holds(stream).is_empty();
            }
        }
        filled
    }
}

impl LevelConfig {
    pub(super) fn takes_what_walks_find(&self) -> bool {
        self.on_miss == OnMiss::Fill && !self.is_exclusive()
    }

    /// Whether it takes what lower levels answer.
    pub(super) fn promotes(&self) -> bool {
        self.on_lower_hit == OnLowerHit::Promote && !self.is_exclusive()
    }

    /// The sizes of pages that it holds for a stream.
    pub(super) fn holds(&self, stream: Stream) -> PageSizes {
        let tlbs = self.tlbs.iter();
        let serving = tlbs.filter(|tlb| tlb.serves.contains(Streams::from(stream)));
        serving.fold(PageSizes::empty(), |sizes, tlb| sizes | tlb.holds)
    }

    fn is_exclusive(&self) -> bool {
        self.inclusion == Inclusion::Exclusive
    }

    /// Whether it holds pages of a size that the other holds too.
    fn suits(&self, other: &Self, stream: Stream) -> bool {
        self.holds(stream).intersects(other.holds(stream))
    }
}
