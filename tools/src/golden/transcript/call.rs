use memory_manager::{
    AllocationType, FreeType, PageProtection, SectionAttributes, ViewAccess, WatchFlags,
};

use super::{Place, cursor::Cursor, region::protection};
use crate::golden::Malformed;

/// A call or an access of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `ALLOC`: `VirtualAlloc`.
    Alloc {
        /// Where; null for wherever there is room.
        at: Place,
        /// How many bytes.
        size: u64,
        /// What is to be done.
        kind: AllocationType,
        /// The protection.
        protection: PageProtection,
    },
    /// `FREE`: `VirtualFree`.
    Free {
        /// Where.
        at: Place,
        /// How many bytes.
        size: u64,
        /// What is to be done.
        kind: FreeType,
    },
    /// `PROTECT`: `VirtualProtect`.
    Protect {
        /// Where.
        at: Place,
        /// How many bytes.
        size: u64,
        /// The protection.
        protection: PageProtection,
    },
    /// `QUERY`: `VirtualQuery`.
    Query(Place),
    /// `READ`: a load.
    Read {
        /// From where.
        at: Place,
        /// How much.
        width: Width,
    },
    /// `WRITE`: a store.
    Write {
        /// Where to.
        at: Place,
        /// How much.
        width: Width,
        /// What, in its lowest bytes.
        value: u64,
    },
    /// `EXEC`: the fetch of an instruction.
    Execute(Place),
    /// `GETWW`: `GetWriteWatch`.
    GetWriteWatch {
        /// Where.
        at: Place,
        /// How many bytes.
        size: u64,
        /// How.
        flags: WatchFlags,
        /// How many addresses there is room for.
        limit: u64,
    },
    /// `RESETWW`: `ResetWriteWatch`.
    ResetWriteWatch {
        /// Where.
        at: Place,
        /// How many bytes.
        size: u64,
    },
    /// `MKSEC`: `CreateFileMapping`.
    CreateSection {
        /// Under which name.
        handle: Handle,
        /// The file; None for memory that is none's.
        file: Option<FileName>,
        /// The protection.
        protection: PageProtection,
        /// `SEC_` flags.
        attributes: SectionAttributes,
        /// How many bytes at most.
        size: u64,
    },
    /// `CLOSE`: `CloseHandle`.
    Close(Handle),
    /// `MAP`: `MapViewOfFileEx`.
    Map {
        /// Which section.
        handle: Handle,
        /// What for.
        access: ViewAccess,
        /// From which of its bytes on.
        offset: u64,
        /// How many bytes.
        size: u64,
        /// Where; null for wherever there is room.
        at: Place,
    },
    /// `UNMAP`: `UnmapViewOfFile`.
    Unmap(Place),
    /// `FLUSH`: `FlushViewOfFile`.
    Flush {
        /// Where.
        at: Place,
        /// How many bytes.
        size: u64,
    },
    /// `FREAD`: `ReadFile`.
    ReadFile {
        /// Which file.
        file: FileName,
        /// From which of its bytes on.
        offset: u64,
        /// How many bytes.
        size: u64,
    },
    /// `WALK`: queries over the whole arena.
    Walk,
    /// `SUM`: a hash of bytes that are read.
    Sum {
        /// From where on.
        at: Place,
        /// How many.
        size: u64,
    },
}

/// How many bytes a load or store has: 1, 2, 4 or 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Width(u8);

/// The name of a section, H0 to H5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(u8);

/// The name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileName {
    /// `F0`.
    F0,
    /// `F1`.
    F1,
}

/// No transcript reads nearly so much at a time; it takes long to read more.
const BYTES_READ_MAX: u64 = 1 << 28;

const OPERATION: &str = "ALLOC, FREE, PROTECT, QUERY, READ, WRITE, EXEC, GETWW, RESETWW, MKSEC, \
                         CLOSE, MAP, UNMAP, FLUSH, FREAD, WALK or SUM";

impl Call {
    /// The name of an operation and its operands.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let unknown = cursor.expected(OPERATION);
        match cursor.word() {
            b"ALLOC" => Ok(Self::Alloc {
                at: place(cursor)?,
                size: number(cursor, " n=")?,
                kind: AllocationType::from_bits_retain(flags(cursor, " t=")?),
                protection: page_protection(cursor)?,
            }),
            b"FREE" => Ok(Self::Free {
                at: place(cursor)?,
                size: number(cursor, " n=")?,
                kind: FreeType::from_bits_retain(flags(cursor, " t=")?),
            }),
            b"PROTECT" => Ok(Self::Protect {
                at: place(cursor)?,
                size: number(cursor, " n=")?,
                protection: page_protection(cursor)?,
            }),
            b"QUERY" => place(cursor).map(Self::Query),
            b"READ" => Ok(Self::Read {
                at: place(cursor)?,
                width: Width::parse(cursor)?,
            }),
            b"WRITE" => write(cursor),
            b"EXEC" => place(cursor).map(Self::Execute),
            b"GETWW" => Ok(Self::GetWriteWatch {
                at: place(cursor)?,
                size: number(cursor, " n=")?,
                flags: WatchFlags::from_bits_retain(flags(cursor, " f=")?),
                limit: number(cursor, " c=")?,
            }),
            b"RESETWW" => Ok(Self::ResetWriteWatch {
                at: place(cursor)?,
                size: number(cursor, " n=")?,
            }),
            b"MKSEC" => Ok(Self::CreateSection {
                handle: Handle::parse(cursor)?,
                file: backing(cursor)?,
                protection: page_protection(cursor)?,
                attributes: SectionAttributes::from_bits_retain(flags(cursor, " s=")?),
                size: number(cursor, " n=")?,
            }),
            b"CLOSE" => Handle::parse(cursor).map(Self::Close),
            b"MAP" => Ok(Self::Map {
                handle: Handle::parse(cursor)?,
                access: ViewAccess::from_bits_retain(flags(cursor, " acc=")?),
                offset: number(cursor, " off=")?,
                size: number(cursor, " n=")?,
                at: place(cursor)?,
            }),
            b"UNMAP" => place(cursor).map(Self::Unmap),
            b"FLUSH" => Ok(Self::Flush {
                at: place(cursor)?,
                size: number(cursor, " n=")?,
            }),
            b"FREAD" => Ok(Self::ReadFile {
                file: FileName::parse(cursor)?,
                offset: number(cursor, " off=")?,
                size: bytes_read(cursor)?,
            }),
            b"WALK" => Ok(Self::Walk),
            b"SUM" => Ok(Self::Sum {
                at: place(cursor)?,
                size: bytes_read(cursor)?,
            }),
            _ => Err(unknown),
        }
    }
}

impl Width {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        const KNOWN: [(u8, u8); 4] = [(b'1', 1), (b'2', 2), (b'4', 4), (b'8', 8)];
        cursor.literal(" w=")?;
        cursor.letter(&KNOWN, "1, 2, 4 or 8").map(Self)
    }

    /// In bytes.
    pub fn bytes(self) -> usize {
        self.0.into()
    }
}

impl Handle {
    /// How many names there are.
    pub(super) const COUNT: usize = 6;

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        cursor.literal(" H")?;
        cursor.digit_below(6, "a number from 0 to 5").map(Self)
    }

    pub(super) fn index(self) -> usize {
        self.0.into()
    }
}

impl FileName {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        const KNOWN: [(u8, FileName); 2] = [(b'0', FileName::F0), (b'1', FileName::F1)];
        cursor.literal(" F")?;
        cursor.letter(&KNOWN, "0 or 1")
    }
}

fn place(cursor: &mut Cursor<'_>) -> Result<Place, Malformed> {
    cursor.literal(" a=")?;
    Place::parse(cursor)
}

fn number(cursor: &mut Cursor<'_>, name: &'static str) -> Result<u64, Malformed> {
    cursor.literal(name)?;
    cursor.hex()
}

fn flags(cursor: &mut Cursor<'_>, name: &'static str) -> Result<u32, Malformed> {
    cursor.literal(name)?;
    cursor.hex32()
}

fn page_protection(cursor: &mut Cursor<'_>) -> Result<PageProtection, Malformed> {
    cursor.literal(" p=")?;
    protection(cursor)
}

fn bytes_read(cursor: &mut Cursor<'_>) -> Result<u64, Malformed> {
    cursor.literal(" n=")?;
    let far = cursor.expected("a length of at most 10000000");
    Some(cursor.hex()?)
        .filter(|size| *size <= BYTES_READ_MAX)
        .ok_or(far)
}

fn backing(cursor: &mut Cursor<'_>) -> Result<Option<FileName>, Malformed> {
    match cursor.eat(" P") {
        Some(()) => Ok(None),
        None => FileName::parse(cursor).map(Some),
    }
}

fn write(cursor: &mut Cursor<'_>) -> Result<Call, Malformed> {
    let at = place(cursor)?;
    let width = Width::parse(cursor)?;
    cursor.literal(" v=")?;
    let wide = cursor.expected("a value of at most the width");
    let value = cursor.hex()?;
    if width.bytes() < 8 && value >> (8 * width.bytes()) != 0 {
        return Err(wide);
    }
    Ok(Call::Write { at, width, value })
}
