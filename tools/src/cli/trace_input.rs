//! Where the records of a command come from: a file, a pattern, or what is built in.

use std::{ffi::OsString, num::NonZeroU64};

use clap::Args;

use super::{CliError, from_one::from_one};
use crate::{
    input::{self, Input, Source},
    pattern::{PatternRange, PatternReader, Patterns, Seed},
    sim::{EMBEDDED_TRACE, EMBEDDED_TRACE_NAME},
    trace::{self, ThreadedReader, TraceFormat},
};

/// Accesses that are made instead of read.
#[derive(Clone, Debug, Args)]
pub(super) struct Generated {
    /// Instead of a trace, 8-byte loads in this order: chase:SIZE[:STRIDE] (one random cycle
    /// through all places; stride 64), seq:SIZE[:STRIDE] (upwards; stride 8), random:SIZE,
    /// or zipf:SIZE[:EXPONENT] (over 64-byte lines; exponent 0.99). With a range of sizes,
    /// FROM..TO, what an access costs at each size, twice the one before, once warmed up
    #[arg(long, value_name = "PATTERN", conflicts_with = "traces")]
    pub(super) pattern: Option<Patterns>,
    /// How many accesses of the pattern, 10000000 if not given; of a range, how many are
    /// counted at least for each size, 1000000 if not given
    #[arg(long, value_name = "N", value_parser = from_one::<NonZeroU64>)]
    accesses: Option<NonZeroU64>,
    /// What the pattern's random numbers begin with, 1 if not given
    #[arg(long, value_name = "N")]
    seed: Option<Seed>,
}

impl Generated {
    /// Refuses what says something of a pattern that there is not: the parser would let it
    /// pass beside a trace.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let accesses = self.accesses.map(|_| "--accesses");
        match (accesses.or(self.seed.map(|_| "--seed")), &self.pattern) {
            (Some(option), None) => Err(CliError::NeedsPattern(option)),
            _ => Ok(()),
        }
    }

    pub(super) fn seed(&self) -> Seed {
        self.seed.unwrap_or_default()
    }

    /// How many accesses there are, where so many are usual.
    pub(super) fn accesses(&self, usual: u64) -> u64 {
        self.accesses.map_or(usual, NonZeroU64::get)
    }

    /// The range of sizes, if it is one.
    pub(super) fn range(&self) -> Option<&PatternRange> {
        match &self.pattern {
            Some(Patterns::Range(range)) => Some(range),
            _ => None,
        }
    }
}

/// How many accesses of one pattern are usual.
const USUAL: u64 = 10_000_000;

/// Opens traces, or the pattern, or what is built in, each read in a thread of its own.
pub(super) fn open(
    traces: &[OsString],
    format: TraceFormat,
    generated: &Generated,
) -> Result<Vec<(Source, ThreadedReader)>, CliError> {
    if let Some(Patterns::One(pattern)) = &generated.pattern {
        let reader = PatternReader::new(pattern, generated.accesses(USUAL), generated.seed());
        let source = reader.source().clone();
        return Ok(vec![(source, ThreadedReader::new(reader)?)]);
    }
    let files = traces.iter().cloned().map(Source::from);
    let mut inputs = files
        .map(|file| input::open(&file))
        .collect::<Result<Vec<_>, _>>()?;
    if inputs.is_empty() {
        inputs.push(Input::from_bytes(EMBEDDED_TRACE_NAME, EMBEDDED_TRACE)?);
    }
    let opened = inputs.into_iter().map(|input| {
        let source = input.source().clone();
        let reader = trace::open(input, format)?;
        Ok((source, ThreadedReader::new(reader)?))
    });
    opened.collect()
}
