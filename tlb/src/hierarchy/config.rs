use alloc::vec::Vec;

use units::Cycles;

use crate::{ConfigError, TlbConfig};

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
    /// What it evicts is dropped from the levels above.
    Inclusive,
    /// It takes what the level above evicts and nothing else, and gives up what it answers.
    Exclusive,
}

/// Why a level cannot behave as it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelProblem {
    /// There is no level that it could include or exclude.
    #[error("the first level has none above it to include or to exclude")]
    FirstRelates,
    /// What it answers is given up and taken by nobody.
    #[error("it is exclusive, but the level above takes nothing that a lower level answers")]
    NothingIsPromoted,
    /// No translation ever comes into any level.
    #[error("no level takes what walks find")]
    NothingIsFilled,
}

/// The shape of a TLB hierarchy, the level nearest the processor first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HierarchyConfig {
    /// Its levels.
    pub levels: Vec<LevelConfig>,
}

impl HierarchyConfig {
    /// Whether the levels can behave as they are told to.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let problem = |level, problem| Err(ConfigError::Level { level, problem });
        let mut above: Option<&LevelConfig> = None;
        for (level, config) in (1..).zip(&self.levels) {
            match (config.inclusion, above) {
                (Inclusion::Free, _) | (Inclusion::Inclusive, Some(_)) => {}
                (Inclusion::Inclusive | Inclusion::Exclusive, None) => {
                    return problem(level, LevelProblem::FirstRelates);
                }
                (Inclusion::Exclusive, Some(above)) => {
                    if above.on_lower_hit == OnLowerHit::Leave {
                        return problem(level, LevelProblem::NothingIsPromoted);
                    }
                }
            }
            above = Some(config);
        }
        let fills = self.levels.iter().any(LevelConfig::takes_what_walks_find);
        if fills || self.levels.is_empty() {
            Ok(())
        } else {
            problem(1, LevelProblem::NothingIsFilled)
        }
    }
}

impl LevelConfig {
    pub(super) fn takes_what_walks_find(&self) -> bool {
        self.on_miss == OnMiss::Fill && self.inclusion != Inclusion::Exclusive
    }
}
