use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};

use super::{Qlru, QlruUpdate, Replacement, ReplacementError};

/// A text is not the name of a replacement policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseReplacementError {
    /// No policy has a name like this.
    #[error(
        "unknown replacement policy `{name}`, expected one of true-lru, fifo, random, \
         random:SEED, tree-plru, mru3-plru4, lru3-plru4, qlru-hXY-mZ-rR-uU, \
         qlru-hXY-mZ-rR-uU-umo, srrip-BITS"
    )]
    Unknown {
        /// The text.
        name: String,
    },
    /// The name is well formed, but there is no such policy.
    #[error(transparent)]
    Invalid(#[from] ReplacementError),
}

/// The name that [`FromStr`] reads: `random` has the seed 0.
impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrueLru => f.write_str("true-lru"),
            Self::TreePlru => f.write_str("tree-plru"),
            Self::Fifo => f.write_str("fifo"),
            Self::Random { seed: 0 } => f.write_str("random"),
            Self::Random { seed } => write!(f, "random:{seed}"),
            Self::Mru3Plru4 => f.write_str("mru3-plru4"),
            Self::Lru3Plru4 => f.write_str("lru3-plru4"),
            Self::Qlru(qlru) => qlru.fmt(f),
            Self::Srrip { bits } => write!(f, "srrip-{bits}"),
        }
    }
}

impl fmt::Display for Qlru {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hit_at_3,
            hit_at_2,
            insert,
            replace,
            update,
            update_on,
        } = self;
        write!(
            f,
            "qlru-h{hit_at_3}{hit_at_2}-m{insert}-r{replace}-u{update}"
        )?;
        match update_on {
            QlruUpdate::EveryAccess => Ok(()),
            QlruUpdate::MissesOnly => f.write_str("-umo"),
        }
    }
}

impl FromStr for Replacement {
    type Err = ParseReplacementError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let replacement = match name {
            "true-lru" => Some(Self::TrueLru),
            "tree-plru" => Some(Self::TreePlru),
            "fifo" => Some(Self::Fifo),
            "random" => Some(Self::Random { seed: 0 }),
            "mru3-plru4" => Some(Self::Mru3Plru4),
            "lru3-plru4" => Some(Self::Lru3Plru4),
            _ => with_parameters(name),
        };
        let unknown = || ParseReplacementError::Unknown {
            name: name.to_string(),
        };
        let replacement = replacement.ok_or_else(unknown)?;
        replacement.validate()?;
        Ok(replacement)
    }
}

fn with_parameters(name: &str) -> Option<Replacement> {
    if let Some(seed) = name.strip_prefix("random:") {
        let seed = seed.parse().ok()?;
        return Some(Replacement::Random { seed });
    }
    if let Some(bits) = name.strip_prefix("srrip-") {
        let bits = digit(bits)?;
        return Some(Replacement::Srrip { bits });
    }
    let qlru = name.strip_prefix("qlru-h")?;
    let (hits, rest) = qlru.split_once("-m")?;
    let (insert, rest) = rest.split_once("-r")?;
    let (replace, rest) = rest.split_once("-u")?;
    let (update, update_on) = match rest.strip_suffix("-umo") {
        Some(update) => (update, QlruUpdate::MissesOnly),
        None => (rest, QlruUpdate::EveryAccess),
    };
    let (hit_at_3, hit_at_2) = hits.split_at_checked(1)?;
    Some(Replacement::Qlru(Qlru {
        hit_at_3: digit(hit_at_3)?,
        hit_at_2: digit(hit_at_2)?,
        insert: digit(insert)?,
        replace: digit(replace)?,
        update: digit(update)?,
        update_on,
    }))
}

fn digit(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        _ => None,
    }
}
