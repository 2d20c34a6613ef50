use std::ops::Range;

use miette::{Diagnostic, NamedSource, SourceSpan};

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
    /// A value names a source that the file does not describe.
    #[error("{place} names the source \"{name}\", which is not in [sources]")]
    UnknownSource {
        /// The value.
        place: String,
        /// The name.
        name: String,
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
    #[error("{path} does not describe a CPU: {invalid}")]
    Invalid {
        /// Its path.
        path: String,
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
        advice: &'static str,
    },
}

impl PresetError {
    pub(super) fn invalid(path: &str, text: &str, (at, invalid): (Range<usize>, Invalid)) -> Self {
        Self::Invalid {
            path: path.into(),
            invalid,
            text: NamedSource::new(path, text.into()),
            at: (!at.is_empty()).then(|| at.into()),
            advice: "`lookaside cpus golden-cove` prints a file to start from",
        }
    }
}
