use super::cursor::Cursor;
use crate::golden::Malformed;

/// What the first line of a transcript says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many bytes the arena has.
    pub arena_bytes: u64,
    /// How many bytes F0 and F1 have at first.
    pub file_bytes: [u64; 2],
}

/// 64 KiB, at a multiple of which a region begins.
pub(super) const GRANULARITY: u64 = 0x1_0000;
/// Transcripts have an arena of 2 MiB.
const ARENA_BYTES_MAX: u64 = 0x1000_0000;
/// Transcripts have files of some hundred KiB, which are made before anything is done.
const FILE_BYTES_MAX: u64 = 0x100_0000;

impl Header {
    /// Parses the line, if its version is known.
    pub(in crate::golden) fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(line);
        cursor.eat("# vmgold 1 ").ok_or(Malformed::Header)?;
        Self::parse_fields(&mut cursor)
    }

    fn parse_fields(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        cursor.literal("seed=")?;
        cursor.decimal()?;
        cursor.literal(" profile=")?;
        cursor.word();
        cursor.literal(" arena=")?;
        let arena = cursor.expected("a multiple of 10000, at least that and at most 10000000");
        let arena_bytes = cursor.hex()?;
        if !(GRANULARITY..=ARENA_BYTES_MAX).contains(&arena_bytes)
            || !arena_bytes.is_multiple_of(GRANULARITY)
        {
            return Err(arena);
        }
        cursor.literal(" files=F0:")?;
        let first = file_bytes(cursor)?;
        cursor.literal(",F1:")?;
        let second = file_bytes(cursor)?;
        cursor.end()?;
        Ok(Self {
            arena_bytes,
            file_bytes: [first, second],
        })
    }
}

fn file_bytes(cursor: &mut Cursor<'_>) -> Result<u64, Malformed> {
    let long = cursor.expected("a length of at most 1000000");
    Some(cursor.hex()?)
        .filter(|bytes| *bytes <= FILE_BYTES_MAX)
        .ok_or(long)
}
