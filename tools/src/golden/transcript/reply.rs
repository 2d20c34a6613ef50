use std::fmt;

use memory_manager::PageProtection;

use super::{Call, Place, Slot, Walk, cursor::Cursor, region::protection};
use crate::golden::Malformed;

/// What a call or an access comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its result.
    pub answer: Answer,
    /// What is in memory then.
    pub walk: Option<Walk>,
}

/// The result of a call or an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `r=0 e=`: it failed, with this last error.
    Failed(u32),
    /// `r=1`: it is done.
    Done,
    /// `r=ADDR`: it is done, at this address.
    At(Place),
    /// `r=Ni al=`: it is done, where the system chose; this is the region's name now.
    InSlot(Slot, Alignment),
    /// `r=T al= released`: the same, but no name was free, and the region is released.
    WithoutSlot(Alignment),
    /// `r=1 old=`: it is done; this was the protection before.
    Protected(PageProtection),
    /// `r=1 fsz=`: it is done; so many bytes does the file have.
    FileSize(u64),
    /// `r=1 got= h=`: so many bytes were read, and this is their hash.
    FileRead(u64, u64),
    /// `r=0`: the write watch is reset.
    WatchReset,
    /// `r=ffffffff e=`: the write watch cannot be told, with this last error.
    WatchFailed(u32),
    /// `r=0 g=1000 c= []`: the pages that were written.
    Written(Vec<Place>),
    /// Regions.
    Regions(Walk),
    /// `v=`: what was loaded; None if it is not determined.
    Loaded(Option<u64>),
    /// `ok`: nothing was in the way.
    Reached,
    /// `x= k= a=`: an exception, its information, and the address it tells.
    Exception(u32, u64, Place),
    /// `h=`: a hash.
    Hash(u64),
}

/// Whether a region begins at a multiple of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// It does not.
    Unaligned,
    /// It does.
    Aligned,
}

impl Reply {
    /// What a call can come to.
    pub(super) fn parse(cursor: &mut Cursor<'_>, call: &Call) -> Result<Self, Malformed> {
        let other = cursor.expected(expected(call));
        let answer = Answer::parse(cursor)?;
        if !answer.is_of(call) {
            return Err(other);
        }
        let walk = match cursor.eat(" | ") {
            Some(()) => Some(Walk::parse(cursor)?),
            None => None,
        };
        Ok(Self { answer, walk })
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self { answer, walk: None }
    }
}

impl Answer {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        if cursor.eat("r=").is_some() {
            return Self::parse_result(cursor);
        }
        if cursor.eat("v=?").is_some() {
            return Ok(Self::Loaded(None));
        }
        if cursor.eat("v=").is_some() {
            return Ok(Self::Loaded(Some(cursor.hex()?)));
        }
        if cursor.eat("ok").is_some() {
            return Ok(Self::Reached);
        }
        if cursor.eat("x=").is_some() {
            let code = cursor.hex32()?;
            cursor.literal(" k=")?;
            let information = cursor.hex()?;
            cursor.literal(" a=")?;
            let address = Place::parse_reported(cursor)?;
            return Ok(Self::Exception(code, information, address));
        }
        if cursor.eat("h=").is_some() {
            return cursor.hash().map(Self::Hash);
        }
        Walk::parse(cursor).map(Self::Regions)
    }

    /// What follows `r=`.
    fn parse_result(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        if cursor.eat("0 e=").is_some() {
            return cursor.decimal32().map(Self::Failed);
        }
        if cursor.eat("0 g=1000 c=").is_some() {
            return written(cursor);
        }
        if cursor.eat("0").is_some() {
            return Ok(Self::WatchReset);
        }
        if cursor.eat("ffffffff e=").is_some() {
            return cursor.decimal32().map(Self::WatchFailed);
        }
        if cursor.eat("1 old=").is_some() {
            return protection(cursor).map(Self::Protected);
        }
        if cursor.eat("1 fsz=").is_some() {
            return cursor.hex().map(Self::FileSize);
        }
        if cursor.eat("1 got=").is_some() {
            let count = cursor.hex()?;
            cursor.literal(" h=")?;
            return Ok(Self::FileRead(count, cursor.hash()?));
        }
        if cursor.eat("1").is_some() {
            return Ok(Self::Done);
        }
        if cursor.eat("T").is_some() {
            let alignment = Alignment::parse(cursor)?;
            cursor.literal(" released")?;
            return Ok(Self::WithoutSlot(alignment));
        }
        if cursor.eat("N").is_some() {
            let slot = Slot::parse(cursor)?;
            return match cursor.eat("+") {
                Some(()) => Ok(Self::At(Place::Slot(slot, cursor.hex()?))),
                None => Ok(Self::InSlot(slot, Alignment::parse(cursor)?)),
            };
        }
        Place::parse(cursor).map(Self::At)
    }

    /// Whether a call can come to this.
    fn is_of(&self, call: &Call) -> bool {
        match call {
            Call::Alloc { .. } | Call::Map { .. } => matches!(
                self,
                Self::Failed(_) | Self::At(_) | Self::InSlot(..) | Self::WithoutSlot(_)
            ),
            Call::Free { .. } | Call::Close(_) | Call::Unmap(_) | Call::Flush { .. } => {
                matches!(self, Self::Failed(_) | Self::Done)
            }
            Call::Protect { .. } => matches!(self, Self::Failed(_) | Self::Protected(_)),
            Call::Query(_) => match self {
                Self::Regions(walk) => walk.regions.len() == 1,
                Self::Failed(_) => true,
                _ => false,
            },
            Call::Read { .. } => matches!(self, Self::Loaded(_) | Self::Exception(..)),
            Call::Write { .. } | Call::Execute(_) => {
                matches!(self, Self::Reached | Self::Exception(..))
            }
            Call::GetWriteWatch { .. } => matches!(self, Self::Written(_) | Self::WatchFailed(_)),
            Call::ResetWriteWatch { .. } => matches!(self, Self::WatchReset | Self::WatchFailed(_)),
            Call::CreateSection { .. } => {
                matches!(self, Self::Failed(_) | Self::Done | Self::FileSize(_))
            }
            Call::ReadFile { .. } => matches!(self, Self::Failed(_) | Self::FileRead(..)),
            Call::Walk => matches!(self, Self::Regions(_)),
            Call::Sum { .. } => matches!(self, Self::Hash(_) | Self::Exception(..)),
        }
    }
}

/// The same in words.
fn expected(call: &Call) -> &'static str {
    match call {
        Call::Alloc { .. } | Call::Map { .. } => {
            "r=ADDRESS, r=SLOT al=0|1, r=T al=0|1 released or r=0 e=ERROR"
        }
        Call::Free { .. } | Call::Close(_) | Call::Unmap(_) | Call::Flush { .. } => {
            "r=1 or r=0 e=ERROR"
        }
        Call::Protect { .. } => "r=1 old=PROTECTION or r=0 e=ERROR",
        Call::Query(_) => "one region or r=0 e=ERROR",
        Call::Read { .. } => "v=VALUE or x=CODE k=ACCESS a=ADDRESS",
        Call::Write { .. } | Call::Execute(_) => "ok or x=CODE k=ACCESS a=ADDRESS",
        Call::GetWriteWatch { .. } => "r=0 g=1000 c=COUNT [ADDRESSES] or r=ffffffff e=ERROR",
        Call::ResetWriteWatch { .. } => "r=0 or r=ffffffff e=ERROR",
        Call::CreateSection { .. } => "r=1, r=1 fsz=SIZE or r=0 e=ERROR",
        Call::ReadFile { .. } => "r=1 got=COUNT h=HASH or r=0 e=ERROR",
        Call::Walk => "regions",
        Call::Sum { .. } => "h=HASH or x=CODE k=ACCESS a=ADDRESS",
    }
}

/// What follows `c=`: how many addresses there are, and they.
fn written(cursor: &mut Cursor<'_>) -> Result<Answer, Malformed> {
    let other = cursor.expected("as many as there are addresses");
    let count = cursor.hex()?;
    cursor.literal(" [")?;
    let mut pages = Vec::new();
    while cursor.eat("]").is_none() {
        if !pages.is_empty() {
            cursor.literal(" ")?;
        }
        pages.push(Place::parse(cursor)?);
    }
    if count == pages.len() as u64 {
        Ok(Answer::Written(pages))
    } else {
        Err(other)
    }
}

impl Alignment {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        const KNOWN: [(u8, Alignment); 2] =
            [(b'0', Alignment::Unaligned), (b'1', Alignment::Aligned)];
        cursor.literal(" al=")?;
        cursor.letter(&KNOWN, "0 or 1")
    }
}

impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unaligned => "0",
            Self::Aligned => "1",
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "r=0 e={error}"),
            Self::Done => f.write_str("r=1"),
            Self::At(place) => write!(f, "r={place}"),
            Self::InSlot(slot, alignment) => write!(f, "r={slot} al={alignment}"),
            Self::WithoutSlot(alignment) => write!(f, "r=T al={alignment} released"),
            Self::Protected(old) => write!(f, "r=1 old={:x}", old.bits()),
            Self::FileSize(size) => write!(f, "r=1 fsz={size:x}"),
            Self::FileRead(count, hash) => write!(f, "r=1 got={count:x} h={hash:016x}"),
            Self::WatchReset => f.write_str("r=0"),
            Self::WatchFailed(error) => write!(f, "r=ffffffff e={error}"),
            Self::Written(pages) => {
                write!(f, "r=0 g=1000 c={:x} [", pages.len())?;
                for (place, page) in pages.iter().enumerate() {
                    let space = if place == 0 { "" } else { " " };
                    write!(f, "{space}{page}")?;
                }
                f.write_str("]")
            }
            Self::Regions(walk) => walk.fmt(f),
            Self::Loaded(Some(value)) => write!(f, "v={value:x}"),
            Self::Loaded(None) => f.write_str("v=?"),
            Self::Reached => f.write_str("ok"),
            Self::Exception(code, information, address) => {
                write!(f, "x={code:x} k={information:x} a={address}")
            }
            Self::Hash(hash) => write!(f, "h={hash:016x}"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.answer)?;
        match &self.walk {
            Some(walk) => write!(f, " | {walk}"),
            None => Ok(()),
        }
    }
}
