use std::fmt;

use super::cursor::Cursor;
use crate::golden::Malformed;

/// How many regions placed by the system a transcript can name at a time.
pub(super) const SLOTS: usize = 6;

/// One of the names for regions that the system placed, N0 to N5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u8);

/// An address, by what it means in every address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `0`: the null pointer.
    Null,
    /// `A+off` and `A-off`: by its distance from the arena's start.
    Arena(i64),
    /// `Ni+off`: by its distance from the start of a region that the system placed.
    Slot(Slot, u64),
    /// `X:abs`: by itself.
    Absolute(u64),
    /// `-1`: what a fault reports instead of an address that is not canonical.
    NonCanonical,
}

const EXPECTED: &str = "an address: 0, A+OFFSET, A-OFFSET, N0+OFFSET to N5+OFFSET or X:ADDRESS";

impl Slot {
    /// The slot of an index, if there is one.
    pub(super) fn new(index: usize) -> Option<Self> {
        let index = u8::try_from(index).ok()?;
        (usize::from(index) < SLOTS).then_some(Self(index))
    }

    pub(super) fn index(self) -> usize {
        self.0.into()
    }

    /// What follows the N.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        cursor.digit_below(6, "a number from 0 to 5").map(Self)
    }
}

impl Place {
    /// An address that a call is given.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        if cursor.eat("A+").is_some() {
            return Self::arena(cursor, 1);
        }
        if cursor.eat("A-").is_some() {
            return Self::arena(cursor, -1);
        }
        if cursor.eat("N").is_some() {
            let slot = Slot::parse(cursor)?;
            cursor.literal("+")?;
            return Ok(Self::Slot(slot, cursor.hex()?));
        }
        if cursor.eat("X:").is_some() {
            return cursor.hex().map(Self::Absolute);
        }
        match cursor.eat("0") {
            Some(()) => Ok(Self::Null),
            None => Err(cursor.expected(EXPECTED)),
        }
    }

    /// An address that a fault reports.
    pub(super) fn parse_reported(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        match cursor.eat("-1") {
            Some(()) => Ok(Self::NonCanonical),
            None => Self::parse(cursor),
        }
    }

    fn arena(cursor: &mut Cursor<'_>, sign: i64) -> Result<Self, Malformed> {
        let far = cursor.expected("an offset of at most 63 bits");
        let offset = i64::try_from(cursor.hex()?).map_err(|_| far)?;
        Ok(Self::Arena(sign * offset))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "N{}", self.0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Null => f.write_str("0"),
            Self::Arena(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(f, "A{sign}{:x}", offset.unsigned_abs())
            }
            Self::Slot(slot, offset) => write!(f, "{slot}+{offset:x}"),
            Self::Absolute(address) => write!(f, "X:{address:x}"),
            Self::NonCanonical => f.write_str("-1"),
        }
    }
}
