use object::{
    LittleEndian as LE, elf,
    read::elf::{FileHeader, ProgramHeader},
};
use units::PhysAddr;

use super::{
    super::{ElfError, ImageError, Machine, VcpuRegisters, notes::Notes},
    Located, locate,
    segments::Segment,
};
use crate::input::Input;

/// Where headers and notes must end. QEMU writes them first; 64 MiB hold the headers of a
/// million segments.
const HEADERS_LIMIT: u64 = 64 << 20;

/// What an ELF core says before its memory comes.
#[derive(Debug)]
pub(super) struct Headers {
    pub(super) machine: Machine,
    pub(super) segments: Vec<Segment>,
    pub(super) vcpus: Vec<VcpuRegisters>,
}

impl Headers {
    pub(super) fn read(input: &mut Input) -> Result<Self, ImageError> {
        match front(input, 6, "the ELF header")?[4..] {
            [1, 1] => read::<elf::FileHeader32<LE>>(input),
            [2, 1] => read::<elf::FileHeader64<LE>>(input),
            [1 | 2, 2] => Err(locate(input, (5, ElfError::BigEndian))),
            [1 | 2, ..] => Err(locate(input, (5, ElfError::UnknownIdent))),
            _ => Err(locate(input, (4, ElfError::UnknownIdent))),
        }
    }
}

fn read<E: FileHeader<Endian = LE>>(input: &mut Input) -> Result<Headers, ImageError> {
    let bytes = front(input, size_of::<E>() as u64, "the ELF header")?;
    let header = E::parse(&*bytes).map_err(|error| locate(input, (0, error.into())))?;
    let machine = machine(header).map_err(|error| locate(input, error))?;

    let sections: u64 = header.e_shoff(LE).into();
    let count = if header.e_phnum(LE) < elf::PN_XNUM || sections == 0 {
        header.phnum(LE, &*bytes)
    } else {
        // The number of program headers is in the first section header.
        let end = sections.saturating_add(size_of::<E::SectionHeader>() as u64);
        header.phnum(LE, &*front(input, end, "the section headers")?)
    };
    let count = count.map_err(|error| locate(input, (0, error.into())))?;

    let size = size_of::<E::ProgramHeader>() as u64;
    let start: u64 = header.e_phoff(LE).into();
    let end = start.saturating_add(u64::from(count) * size);
    let bytes = front(input, end, "the program headers")?;
    let headers = header.program_headers(LE, &*bytes);
    let headers = headers.map_err(|error| locate(input, (start, error.into())))?;

    let mut segments = Vec::new();
    let mut note_segments = Vec::new();
    let mut note_bytes = 0u64;
    let mut notes_end = end;
    for (index, header) in headers.iter().enumerate() {
        let (offset, length) = header.file_range(LE);
        match header.p_type(LE) {
            elf::PT_LOAD => segments.push(Segment {
                index,
                header_at: start + index as u64 * size,
                offset,
                paddr: PhysAddr::new(header.p_paddr(LE).into()),
                file_bytes: length,
                memory_bytes: header.p_memsz(LE).into(),
            }),
            elf::PT_NOTE => {
                note_segments.push((offset, length, header.p_align(LE).into()));
                note_bytes = note_bytes.saturating_add(length);
                notes_end = notes_end.max(offset.saturating_add(length));
            }
            _ => {}
        }
    }
    // Their sum counts too: segments may lie over each other.
    let bytes = front(input, notes_end.max(note_bytes), "the notes")?;
    let mut notes = Notes::default();
    for (start, length, alignment) in note_segments {
        // All of them end within what was read.
        let [from, to] = [start, start + length].map(|at| usize::try_from(at).ok());
        let segment = from.zip(to).and_then(|(from, to)| bytes.get(from..to));
        let added = notes.add(segment.unwrap_or_default(), alignment);
        added.map_err(|(at, error)| locate(input, (start + at, error.into())))?;
    }
    Ok(Headers {
        machine,
        segments,
        vcpus: notes.vcpus,
    })
}

/// The file up to an offset.
fn front(input: &mut Input, end: u64, what: &'static str) -> Result<Vec<u8>, ImageError> {
    if end > HEADERS_LIMIT {
        let limit = HEADERS_LIMIT;
        return Err(locate(
            input,
            (0, ElfError::HeadersTooLarge { what, end, limit }),
        ));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most the limit")]
    let bytes = input.peek(end as usize)?.to_vec();
    let length = bytes.len() as u64;
    if length < end {
        let expected = what;
        return Err(locate(
            input,
            (length, ElfError::Truncated { expected, end }),
        ));
    }
    Ok(bytes)
}

fn machine<E: FileHeader<Endian = LE>>(header: &E) -> Located<Machine> {
    let kind = header.e_type(LE);
    if kind != elf::ET_CORE {
        return Err((16, ElfError::NotCore(kind.0)));
    }
    match header.e_machine(LE) {
        elf::EM_X86_64 => Ok(Machine::X86_64),
        elf::EM_386 => Ok(Machine::I386),
        other => Err((18, ElfError::NotX86(other.0))),
    }
}
