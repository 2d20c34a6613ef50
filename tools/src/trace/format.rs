use std::{fmt, str::FromStr};

use super::{CompactReader, Excerpt, LackeyReader, TraceError, TraceReader, compact, lackey, mmut};
use crate::input::Input;

/// How much of a file is looked at to find its format.
const DETECT_BYTES: usize = 64 << 10;

/// The format of a trace of virtual addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TraceFormat {
    /// Whatever the content shows it to be.
    #[default]
    Auto,
    /// What `valgrind --tool=lackey --trace-mem=yes` prints.
    Lackey,
    /// Lookaside's own, as `lookaside record` writes it.
    Compact,
}

impl TraceFormat {
    /// The names of the formats.
    pub const KNOWN: &str = "lackey, compact";

    /// The name of this format on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Lackey => "lackey",
            Self::Compact => "compact",
        }
    }
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word is not the name of a trace format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a trace format; known: auto, {known}", known = TraceFormat::KNOWN)]
pub struct UnknownFormatName(pub String);

impl FromStr for TraceFormat {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let formats = [Self::Auto, Self::Lackey, Self::Compact];
        let found = formats.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormatName(name.to_owned()))
    }
}

/// Reads an input as a trace of this format.
///
/// # Errors
/// [`TraceError`] if the start of the input cannot be read, or no known format is in it.
pub fn open(mut input: Input, format: TraceFormat) -> Result<Box<dyn TraceReader>, TraceError> {
    let format = match format {
        TraceFormat::Auto => detect(&mut input)?,
        named => named,
    };
    Ok(match format {
        TraceFormat::Compact => Box::new(CompactReader::new(input)?),
        TraceFormat::Auto | TraceFormat::Lackey => Box::new(LackeyReader::new(input)),
    })
}

/// Goes by the magic bytes, or by the first line that is neither blank nor a message of
/// valgrind. Where no such line is in sight, the reader will find out.
fn detect(input: &mut Input) -> Result<TraceFormat, TraceError> {
    let source_name = input.source().clone();
    let start = input.peek(DETECT_BYTES)?;
    if start.starts_with(&mmut::MAGIC) {
        return Err(TraceError::NotVirtual { source_name });
    }
    if start.starts_with(&compact::MAGIC) {
        return Ok(TraceFormat::Compact);
    }
    let mut lines = (1..).zip(start.split(|&byte| byte == b'\n'));
    match lines.find(|(_, line)| !lackey::says_nothing(line)) {
        Some((line, text)) if !lackey::looks_like_a_record(text) => {
            let text = Excerpt::new(text.trim_ascii_end());
            Err(TraceError::UnknownFormat {
                source_name,
                line,
                text,
            })
        }
        _ => Ok(TraceFormat::Lackey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(text: &'static [u8]) -> Result<(), TraceError> {
        open(Input::from_bytes("test", text).unwrap(), TraceFormat::Auto).map(|_| ())
    }

    #[test]
    fn the_format_is_found_in_the_content() {
        detected(b"I  0401ab70,3\n").unwrap();
        detected(b"==1== Lackey\r\n==1==\r\n\r\n M 10,3").unwrap();
        detected(b"").unwrap();
        let error = detected(b"==1== x\n0x7ffe: R 0x1234\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "test, line 2: not a trace format known here (known: lackey, compact); it says \
             `0x7ffe: R 0x1234`"
        );
        assert!(matches!(
            detected(b"MMUTRC01 \0\0\0\0\0\0\0"),
            Err(TraceError::NotVirtual { .. })
        ));
    }

    #[test]
    fn formats_have_names() {
        assert_eq!("lackey".parse(), Ok(TraceFormat::Lackey));
        assert_eq!("compact".parse(), Ok(TraceFormat::Compact));
        assert_eq!("auto".parse(), Ok(TraceFormat::Auto));
        let error = "din".parse::<TraceFormat>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`din` is not a trace format; known: auto, lackey, compact"
        );
    }
}
