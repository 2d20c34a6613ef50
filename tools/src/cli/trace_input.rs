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
    #[arg(long, value_name = "PATTERN", conflicts_with = "trace")]
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

/// Opens a trace, or the pattern, or what is built in, read in a thread of its own.
pub(super) fn open(
    trace: Option<OsString>,
    format: TraceFormat,
    generated: &Generated,
) -> Result<(Source, ThreadedReader), CliError> {
    if let Some(pattern) = &generated.pattern {
        let reader = PatternReader::new(pattern, generated.accesses.get(), generated.seed);
        let source = reader.source().clone();
        return Ok((source, ThreadedReader::new(reader)?));
    }
    let input = match trace {
        Some(name) => input::open(&Source::from(name))?,
        None => Input::from_bytes(EMBEDDED_TRACE_NAME, EMBEDDED_TRACE)?,
    };
    let source = input.source().clone();
    let reader = trace::open(input, format)?;
    Ok((source, ThreadedReader::new(reader)?))
}
