use std::io;

use super::{Compression, Source};

/// An input cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// There is no such file.
    #[error("{source_name}: no such file")]
    NotFound {
        /// The input.
        source_name: Source,
    },
    /// The path names a directory.
    #[error("{source_name}: is a directory, not a file")]
    IsDirectory {
        /// The input.
        source_name: Source,
    },
    /// The file may not be read.
    #[error("{source_name}: permission to read it is denied")]
    PermissionDenied {
        /// The input.
        source_name: Source,
    },
    /// The file cannot be opened for another reason.
    #[error("{source_name}: cannot open it: {cause}")]
    Open {
        /// The input.
        source_name: Source,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// Reading failed half-way.
    #[error("{source_name}: cannot read on after byte {offset}: {cause}")]
    Read {
        /// The input.
        source_name: Source,
        /// How many bytes were read before, decompressed.
        offset: u64,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The compressed file ends too early.
    #[error(
        "{source_name}: truncated {compression} file: it ends after byte {offset} of its content"
    )]
    Truncated {
        /// The input.
        source_name: Source,
        /// How it is compressed.
        compression: Compression,
        /// How many decompressed bytes came out before.
        offset: u64,
    },
    /// The compressed file is damaged.
    #[error(
        "{source_name}: corrupt {compression} file after byte {offset} of its content: {reason}"
    )]
    Corrupt {
        /// The input.
        source_name: Source,
        /// How it is compressed.
        compression: Compression,
        /// How many decompressed bytes came out before.
        offset: u64,
        /// What the decoder says.
        reason: String,
    },
}

impl InputError {
    /// Names the ways in which opening a file fails.
    pub(super) fn opening(source: &Source, cause: io::Error) -> Self {
        let source_name = source.clone();
        match cause.kind() {
            io::ErrorKind::NotFound => Self::NotFound { source_name },
            io::ErrorKind::IsADirectory => Self::IsDirectory { source_name },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { source_name },
            _ => Self::Open { source_name, cause },
        }
    }

    /// Tells a damaged archive from a medium that cannot be read.
    pub(super) fn reading(
        source: &Source,
        compression: Compression,
        offset: u64,
        cause: io::Error,
    ) -> Self {
        let source_name = source.clone();
        let from_system = cause.raw_os_error().is_some();
        match (compression, cause.kind()) {
            _ if from_system => Self::Read {
                source_name,
                offset,
                cause,
            },
            (Compression::Plain, _) => Self::Read {
                source_name,
                offset,
                cause,
            },
            (_, io::ErrorKind::UnexpectedEof) => Self::Truncated {
                source_name,
                compression,
                offset,
            },
            _ => Self::Corrupt {
                source_name,
                compression,
                offset,
                reason: cause.to_string(),
            },
        }
    }
}
