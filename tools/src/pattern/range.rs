use std::{fmt, str::FromStr};

use super::{Pattern, PatternError};
use crate::byte_size::ByteSize;

/// A pattern over one memory, or over one after another.
#[derive(Clone, Debug, PartialEq)]
pub enum Patterns {
    /// Of one size.
    One(Pattern),
    /// Of several sizes: `chase:16KiB..1GiB`.
    Range(PatternRange),
}

/// One shape of pattern over memories, each twice as large as the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternRange {
    text: String,
    patterns: Vec<Pattern>,
}

impl PatternRange {
    /// Its patterns, from the smallest to the largest; there is at least one.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }
}

/// As it was written.
impl fmt::Display for PatternRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Patterns {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut parts = text.splitn(3, ':');
        let (shape, sizes) = (parts.next().unwrap_or_default(), parts.next());
        let Some((from, to)) = sizes.and_then(|sizes| sizes.split_once("..")) else {
            return text.parse().map(Self::One);
        };
        let rest = parts
            .next()
            .map_or_else(String::new, |rest| format!(":{rest}"));
        let of_size = |ByteSize(size)| format!("{shape}:{size}{rest}").parse();
        let (from, to): (ByteSize, ByteSize) = (from.parse()?, to.parse()?);
        let mut patterns = vec![of_size(from)?];
        let mut size = from;
        while let Some(doubled) = size.0.checked_mul(2).filter(|&doubled| doubled <= to.0) {
            size = ByteSize(doubled);
            patterns.push(of_size(size)?);
        }
        if from > to {
            return Err(PatternError::EmptyRange { from, to });
        }
        Ok(Self::Range(PatternRange {
            text: text.into(),
            patterns,
        }))
    }
}
