use std::ops::Range;

use miette::{Diagnostic, NamedSource, SourceSpan};

use super::{advice, place};
use crate::byte_size::ByteSize;

/// What is wrong with a preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is not TOML, or has a field that it must not have, or lacks one, or one of the
    /// wrong type.
    #[error("{0}")]
    Toml(String),
    /// An array of this shape cannot be built.
    #[error(transparent)]
    Geometry(assoc::GeometryError),
    /// A cache must consist of whole lines.
    #[error("{0} bytes are not whole lines of {line} bytes", line = cache::LINE_BYTES)]
    PartialLine(u64),
    /// More lines than can be counted here.
    #[error("a cache of {0} is too large: it has more than 2^32 lines")]
    TooManyLines(ByteSize),
    /// A level of TLBs without a TLB.
    #[error("this level has no TLB")]
    EmptyLevel,
    /// A TLB that could never hold anything.
    #[error("this TLB serves no kind of access or holds no size of page")]
    UselessTlb,
    /// The physical addresses have an impossible width.
    #[error(transparent)]
    Width(mmu_core::FeaturesError),
    /// The TLBs do not make a hierarchy.
    #[error(transparent)]
    Tlbs(tlb::ConfigError),
    /// There must be at least one.
    #[error("there must be at least one")]
    Zero,
    /// What holds for CR3 writes that keep, without what holds for others.
    #[error("`pcids_keeping` says nothing without `pcids`")]
    KeepingAlone,
    /// Entries hold 1, 2, 4, 8 or 16 pages.
    #[error("an entry holds 1, 2, 4, 8 or 16 pages, not {0}")]
    Coalesce(u32),
    /// A prefetcher of strides needs both its numbers.
    #[error("`stride_lines` and `stride_pages` go together")]
    HalfAStride,
    /// A value names a source that the file does not describe.
    #[error("the source \"{0}\" is not in [sources]")]
    UnknownSource(String),
    /// What is extended must be named.
    #[error("expected the name of a built-in preset")]
    ExtendsNoName,
    /// What is extended must be built in, and a built-in preset extends an earlier one.
    #[error("there is no CPU preset \"{name}\" to extend: {advice}")]
    ExtendsUnknown {
        /// The name.
        name: String,
        /// What might have been meant, or what there is.
        advice: String,
    },
}

/// No machine can be made of what was asked for.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum PresetError {
    /// No preset has this name.
    #[error("there is no CPU preset \"{name}\"")]
    Unknown {
        /// The name.
        name: String,
        /// What might have been meant, or what there is.
        #[help]
        advice: String,
    },
    /// The file cannot be read.
    #[error("cannot read the CPU file {path}: {cause}")]
    Read {
        /// Its path.
        path: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// The file cannot be understood.
    #[error("{path} does not describe a CPU: {}{invalid}", prefix(.field.as_deref()))]
    Invalid {
        /// Its path.
        path: String,
        /// The field that is wrong, as `caches.l1d.ways`, if it is one.
        field: Option<String>,
        /// What is wrong.
        invalid: Invalid,
        /// Its text.
        #[source_code]
        text: NamedSource<String>,
        /// Where it is wrong.
        #[label("here")]
        at: Option<SourceSpan>,
        /// How to find out what is right.
        #[help]
        advice: String,
    },
}

impl PresetError {
    pub(super) fn invalid(path: &str, text: &str, (at, invalid): (Range<usize>, Invalid)) -> Self {
        let meant = advice::of_message(&invalid.to_string());
        Self::Invalid {
            path: path.into(),
            field: place::field(text, &at),
            invalid,
            text: NamedSource::new(path, text.into()),
            at: shown(text, at).map(SourceSpan::from),
            advice: meant.unwrap_or_else(|| {
                "`lookaside cpus golden-cove` prints a file to start from".into()
            }),
        }
    }
}

/// What to point at: where something is missing, the line up to there.
fn shown(text: &str, at: Range<usize>) -> Option<Range<usize>> {
    if !at.is_empty() {
        return Some(at);
    }
    let before = text.get(..at.start)?;
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    (line < at.start).then_some(line..at.start)
}

fn prefix(field: Option<&str>) -> String {
    field.map(|field| format!("{field}: ")).unwrap_or_default()
}
