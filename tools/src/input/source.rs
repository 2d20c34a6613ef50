use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

/// Where an input comes from; its `Display` is the name used in messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// Standard input, written `-` on the command line.
    Stdin,
    /// Bytes that are neither: part of the program, or of a test. The text names them.
    Embedded(&'static str),
    /// Nothing that is read: an access pattern, which is made as it is asked for.
    Generated {
        /// The pattern, as the command line has it.
        pattern: String,
        /// How many accesses there are.
        accesses: u64,
        /// What its random numbers begin with.
        seed: u64,
    },
}

impl From<OsString> for Source {
    fn from(argument: OsString) -> Self {
        if argument == "-" {
            Self::Stdin
        } else {
            Self::Path(argument.into())
        }
    }
}

impl From<&str> for Source {
    fn from(argument: &str) -> Self {
        Self::from(OsString::from(argument))
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
            Self::Embedded(name) => f.write_str(name),
            Self::Generated {
                pattern,
                accesses,
                seed,
            } => {
                let plural = if *accesses == 1 { "" } else { "es" };
                write!(f, "{pattern}, {accesses} access{plural}, seed {seed}")
            }
        }
    }
}
