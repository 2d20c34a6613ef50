use super::{
    super::{
        ImageError, Machine,
        fields::{u32_at, u64_at},
        notes::Notes,
    },
    KdumpError,
    bytes::Bytes,
};

pub(super) const BLOCK_BYTES: u64 = 4096;
const HEADER_BYTES: usize = 464;
const SIGNATURE: &[u8] = b"KDUMP   ";
const VERSION: usize = 8;
/// The last but one of the six names in `struct new_utsname`.
const MACHINE: usize = 12 + 4 * 65;
const MACHINE_BYTES: usize = 65;
/// What is read of notes at most.
const NOTES_LIMIT: u64 = 64 << 20;
const FRAMES_LIMIT: u64 = 1 << (52 - 12);

/// The first version whose sub-header tells where the notes are.
const HAS_NOTES: u32 = 4;
/// The first version whose sub-header counts page frames in 64 bits.
const HAS_FRAMES_64: u32 = 6;

/// Where things are in the header and in the sub-header, which have words of the machine
/// that wrote them.
struct Layout {
    block_size: usize,
    split: usize,
    notes_offset: usize,
    notes_length: usize,
    /// Whether the length of the notes has 64 bits.
    read_length: fn(&[u8], usize) -> Option<u64>,
    frames_64: usize,
    sub_header_bytes: u64,
}

const WORDS_64: Layout = Layout {
    block_size: 428,
    split: 12,
    notes_offset: 48,
    notes_length: 56,
    read_length: u64_at,
    frames_64: 96,
    sub_header_bytes: 104,
};

const WORDS_32: Layout = Layout {
    block_size: 416,
    split: 8,
    notes_offset: 32,
    notes_length: 40,
    read_length: |bytes, at| u32_at(bytes, at).map(u64::from),
    frames_64: 72,
    sub_header_bytes: 80,
};

/// What a kdump says before its page descriptors come.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) machine: Option<Machine>,
    pub(super) notes: Notes,
    /// How many page frames there are, from physical address 0 on.
    pub(super) frames: u64,
    /// Where the bitmap of the dumped pages is.
    pub(super) bitmap: u64,
    /// Where the page descriptors are.
    pub(super) descriptors: u64,
}

impl Header {
    pub(super) fn read(bytes: &mut Bytes) -> Result<Self, ImageError> {
        let mut header = [0; HEADER_BYTES];
        bytes.read(0, &mut header, "the header")?;
        if !header.starts_with(SIGNATURE) {
            return Err(bytes.error(0, KdumpError::NoSignature));
        }
        let word = |at| u32_at(&header, at).unwrap_or_default();
        let version = word(VERSION);
        if !(1..=6).contains(&version) {
            return Err(bytes.error(VERSION as u64, KdumpError::Version(version)));
        }
        let named = machine(&header).map_err(|error| bytes.error(MACHINE as u64, error))?;
        let is_block = |layout: &Layout| u64::from(word(layout.block_size)) == BLOCK_BYTES;
        let layout = match [&WORDS_64, &WORDS_32].map(is_block) {
            [true, true] if named == Some(Machine::I386) => WORDS_32,
            [true, _] => WORDS_64,
            [false, true] => WORDS_32,
            [false, false] => {
                let at = WORDS_64.block_size;
                return Err(bytes.error(at as u64, KdumpError::BlockSize(word(at))));
            }
        };
        let [sub_header_blocks, bitmap_blocks, frames] =
            [4, 8, 12].map(|after| u64::from(word(layout.block_size + after)));

        let sub_header = bytes.take(BLOCK_BYTES, layout.sub_header_bytes, "the sub-header")?;
        let sub_word = |at| u64_at(&sub_header, at).unwrap_or_default();
        let frames_at = BLOCK_BYTES + layout.frames_64 as u64;
        let (frames, frames_at) = match version {
            HAS_FRAMES_64.. => (sub_word(layout.frames_64), frames_at),
            _ => (frames, layout.block_size as u64 + 12),
        };
        if frames > FRAMES_LIMIT {
            return Err(bytes.error(frames_at, KdumpError::TooManyFrames(frames)));
        }
        if u32_at(&sub_header, layout.split) != Some(0) {
            let at = BLOCK_BYTES + layout.split as u64;
            return Err(bytes.error(at, KdumpError::Split));
        }
        let bitmaps = (1 + sub_header_blocks) * BLOCK_BYTES;
        let bitmap_bytes = bitmap_blocks / 2 * BLOCK_BYTES;
        if bitmap_bytes < frames.div_ceil(8) {
            let error = KdumpError::BitmapTooSmall {
                bytes: bitmap_bytes,
                frames,
            };
            return Err(bytes.error(layout.block_size as u64 + 8, error));
        }

        let mut notes = Notes::default();
        if version >= HAS_NOTES {
            let offset = sub_word(layout.notes_offset);
            let length = (layout.read_length)(&sub_header, layout.notes_length);
            let length = length.unwrap_or_default();
            read_notes(bytes, (offset, length), bitmaps, &mut notes)?;
        }
        Ok(Self {
            machine: notes.machine.or(named),
            notes,
            frames,
            bitmap: bitmaps + bitmap_bytes,
            descriptors: bitmaps + bitmap_blocks * BLOCK_BYTES,
        })
    }
}

fn read_notes(
    bytes: &mut Bytes,
    (offset, length): (u64, u64),
    bitmaps: u64,
    notes: &mut Notes,
) -> Result<(), ImageError> {
    if length == 0 {
        return Ok(());
    }
    let end = offset.checked_add(length);
    if length > NOTES_LIMIT || end.is_none_or(|end| end > bitmaps) {
        let error = KdumpError::NotesOutside {
            length,
            bitmaps,
            limit: NOTES_LIMIT,
        };
        return Err(bytes.error(offset, error));
    }
    let content = bytes.take(offset, length, "the notes")?;
    let added = notes.add(&content, 0);
    added.map_err(|(at, error)| bytes.error(offset + at, error))
}

/// The machine that the dump names; QEMU's name none.
fn machine(header: &[u8]) -> Result<Option<Machine>, KdumpError> {
    let name = &header[MACHINE..MACHINE + MACHINE_BYTES];
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    match name {
        b"" | b"Unknown" => Ok(None),
        b"x86_64" => Ok(Some(Machine::X86_64)),
        [b'i', b'3'..=b'6', b'8', b'6'] => Ok(Some(Machine::I386)),
        _ => Err(KdumpError::NotX86(name.escape_ascii().to_string())),
    }
}
