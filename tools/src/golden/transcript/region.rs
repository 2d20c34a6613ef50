use std::fmt;

use memory_manager::{MemoryKind, MemoryState, PageProtection};

use super::{Place, cursor::Cursor};
use crate::golden::Malformed;

/// A run of equal pages, as a query tells it: `{BASE SIZE STATE PROT ALLOCBASE ALLOCPROT TYPE}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The page that was asked for.
    pub base: Place,
    /// How many bytes from there on are equal.
    pub size: u64,
    /// What they are: C, R or F.
    pub state: MemoryState,
    /// Their protection.
    pub protection: PageProtection,
    /// What they are a part of; None of free memory.
    pub allocation: Option<Allocation>,
}

/// What a region is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Where it begins.
    pub base: Place,
    /// What its protection was at first.
    pub protection: PageProtection,
    /// What it is made of: P, M or I.
    pub kind: MemoryKind,
}

/// Regions that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The regions.
    pub regions: Vec<Region>,
    /// Whether they are all.
    pub extent: Extent,
}

/// How much of a range a walk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All of it.
    Whole,
    /// As many regions as were asked for; there are more.
    Cut,
}

const STATES: [(u8, MemoryState); 3] = [
    (b'C', MemoryState::Commit),
    (b'R', MemoryState::Reserve),
    (b'F', MemoryState::Free),
];

const KINDS: [(u8, MemoryKind); 3] = [
    (b'P', MemoryKind::Private),
    (b'M', MemoryKind::Mapped),
    (b'I', MemoryKind::Image),
];

/// A protection is written as the sum of its constants.
pub(super) fn protection(cursor: &mut Cursor<'_>) -> Result<PageProtection, Malformed> {
    cursor.hex32().map(PageProtection::from_bits_retain)
}

impl Region {
    /// What follows the brace.
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let base = Place::parse(cursor)?;
        cursor.literal(" ")?;
        let size = cursor.hex()?;
        cursor.literal(" ")?;
        let state = cursor.letter(&STATES, "C, R or F")?;
        cursor.literal(" ")?;
        let of_pages = protection(cursor)?;
        cursor.literal(" ")?;
        let allocation = match state {
            MemoryState::Free => {
                cursor.literal("- 0 -")?;
                None
            }
            _ => Some(Allocation::parse(cursor)?),
        };
        cursor.literal("}")?;
        Ok(Self {
            base,
            size,
            state,
            protection: of_pages,
            allocation,
        })
    }
}

impl Allocation {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let base = Place::parse(cursor)?;
        cursor.literal(" ")?;
        let protection = protection(cursor)?;
        cursor.literal(" ")?;
        let kind = cursor.letter(&KINDS, "P, M or I")?;
        Ok(Self {
            base,
            protection,
            kind,
        })
    }
}

impl Walk {
    /// At least one region, and all that follow.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        cursor.literal("{")?;
        let mut regions = vec![Region::parse(cursor)?];
        while cursor.eat(" {").is_some() {
            regions.push(Region::parse(cursor)?);
        }
        let extent = match cursor.eat(" ...") {
            Some(()) => Extent::Cut,
            None => Extent::Whole,
        };
        Ok(Self { regions, extent })
    }
}

/// The letter that stands for something.
fn letter<T: PartialEq>(known: &[(u8, T)], meant: &T) -> char {
    let found = known.iter().find(|(_, known)| known == meant);
    found.map_or('?', |(letter, _)| char::from(*letter))
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, protection) = (letter(&STATES, &self.state), self.protection.bits());
        write!(f, "{{{} {:x} {state} {protection:x} ", self.base, self.size)?;
        match self.allocation {
            Some(Allocation {
                base,
                protection,
                kind,
            }) => {
                let (protection, kind) = (protection.bits(), letter(&KINDS, &kind));
                write!(f, "{base} {protection:x} {kind}}}")
            }
            None => f.write_str("- 0 -}"),
        }
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, region) in self.regions.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{region}")?;
        }
        match self.extent {
            Extent::Whole => Ok(()),
            Extent::Cut => f.write_str(" ..."),
        }
    }
}
