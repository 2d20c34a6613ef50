//! Where the records of a command come from: a file, a pattern, or what is built in.

use std::{ffi::OsString, num::NonZeroU64};

use clap::Args;

use super::CliError;
use crate::{
    input::{self, Input, Source},
    pattern::{Pattern, PatternReader, Seed},
    sim::{EMBEDDED_TRACE, EMBEDDED_TRACE_NAME},
    trace::{self, ThreadedReader, TraceFormat},
};

/// Accesses that are made instead of read.
#[derive(Clone, Debug, Args)]
pub(super) struct Generated {
    /// Instead of a trace, 8-byte loads in this order: chase:SIZE[:STRIDE] (one random cycle
    /// through all places; stride 64), seq:SIZE[:STRIDE] (upwards; stride 8), random:SIZE,
    /// or zipf:SIZE[:EXPONENT] (over 64-byte lines; exponent 0.99)
    #[arg(long, value_name = "PATTERN", conflicts_with = "traces")]
    pattern: Option<Pattern>,
    /// How many accesses of the pattern
    #[arg(
        long,
        value_name = "N",
        default_value = "10000000",
        requires = "pattern"
    )]
    accesses: NonZeroU64,
    /// What the pattern's random numbers begin with
    #[arg(long, value_name = "N", default_value_t, requires = "pattern")]
    seed: Seed,
}

/// Opens traces, or the pattern, or what is built in, each read in a thread of its own.
pub(super) fn open(
    traces: &[OsString],
    format: TraceFormat,
    generated: &Generated,
) -> Result<Vec<(Source, ThreadedReader)>, CliError> {
    if let Some(pattern) = &generated.pattern {
        let reader = PatternReader::new(pattern, generated.accesses.get(), generated.seed);
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
