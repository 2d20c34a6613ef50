//! What the headers of a PE file say (Microsoft, "PE Format").

use mmu_core::VirtAddr;
use object::{
    LittleEndian, ReadRef,
    pe::{self, ImageDosHeader, ImageNtHeaders32, ImageNtHeaders64, ImageSectionHeader},
    read::{
        coff::SectionTable,
        pe::{ImageNtHeaders, ImageOptionalHeader},
    },
};

use super::{ImageInformation, ImageLayout, ImageMachine, Subsection, Writes};
use crate::{
    Status,
    protection::Protection,
    vad::{GRANULARITY, PAGE},
};

const FORMAT: Status = Status::InvalidImageFormat;

/// The signature and the file header.
const FIXED: usize = 4 + pe::IMAGE_SIZEOF_FILE_HEADER;

/// More sections no image has (Microsoft, `IMAGE_FILE_HEADER`).
const SECTIONS_MOST: u16 = 96;

/// The headers end at the latest so far behind their start: the size of the optional header
/// has 16 bits.
const HEADERS_MOST: usize =
    FIXED + 0xffff + SECTIONS_MOST as usize * pe::IMAGE_SIZEOF_SECTION_HEADER;

/// Sections start at sectors of the file, whatever it says its alignment is (Wine's tests,
/// kernel32 `test_Loader`).
const SECTOR: u64 = 0x200;

/// Where a header of a program for 16-bit Windows or OS/2 says what it is for.
const NE_TARGET: usize = 0x36;

/// Reads the headers of an image. `read` reads the file from an offset on, and says how many
/// bytes there were; `length` is how many there are in all.
///
/// # Errors
/// By what the file is not (Wine's tests, kernel32 `test_Loader`):
/// - [`Status::InvalidImageNotMz`]: it does not start as a program does.
/// - [`Status::InvalidImageProtect`]: it is a program, but not of Windows.
/// - [`Status::InvalidImageWin16`], [`Status::InvalidImageNeFormat`]: it is of 16-bit Windows
///   or of OS/2.
/// - [`Status::InvalidImageFormat`]: its headers contradict each other or the file, or it is
///   not for x86 processors.
/// - As reading fails.
pub(crate) fn layout(
    length: u64,
    read: impl Fn(u64, &mut [u8]) -> Result<usize, Status>,
) -> Result<ImageLayout, Status> {
    let mut start = [0; size_of::<ImageDosHeader>()];
    let count = read(0, &mut start)?;
    let dos = ImageDosHeader::parse(&start[..count]).map_err(|_| Status::InvalidImageNotMz)?;
    let mut bytes = vec![0; HEADERS_MOST];
    let count = read(dos.nt_headers_offset().into(), &mut bytes)?;
    bytes.truncate(count);
    let bytes = &bytes[..];
    if count < FIXED {
        return Err(Status::InvalidImageProtect);
    }
    if bytes.starts_with(b"NE") {
        return Err(match bytes.get(NE_TARGET) {
            Some(2) => Status::InvalidImageWin16,
            Some(5) => Status::InvalidImageProtect,
            _ => Status::InvalidImageNeFormat,
        });
    }
    if !bytes.starts_with(&pe::IMAGE_NT_SIGNATURE.to_le_bytes()) {
        return Err(Status::InvalidImageProtect);
    }
    let magic = bytes.get(FIXED..FIXED + 2).unwrap_or_default();
    if magic == pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC.to_le_bytes() {
        Headers::<ImageNtHeaders64>::new(bytes, length)?.layout(ImageMachine::Amd64)
    } else if magic == pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC.to_le_bytes() {
        Headers::<ImageNtHeaders32>::new(bytes, length)?.layout(ImageMachine::I386)
    } else {
        Err(FORMAT)
    }
}

/// The headers of a 32-bit or 64-bit image.
struct Headers<'b, Pe> {
    nt: &'b Pe,
    sections: SectionTable<'b>,
    /// How many bytes there are in the file.
    length: u64,
}

impl<'b, Pe: ImageNtHeaders> Headers<'b, Pe> {
    fn new(bytes: &'b [u8], length: u64) -> Result<Self, Status> {
        let nt: &Pe = bytes.read_at(0).map_err(|()| FORMAT)?;
        let file = nt.file_header();
        let optional: usize = file.size_of_optional_header.get(LittleEndian).into();
        if optional < size_of::<Pe::ImageOptionalHeader>()
            || file.number_of_sections.get(LittleEndian) > SECTIONS_MOST
        {
            return Err(FORMAT);
        }
        let table = (FIXED + optional) as u64;
        let sections = SectionTable::parse(file, bytes, table).map_err(|_| FORMAT)?;
        Ok(Self {
            nt,
            sections,
            length,
        })
    }

    fn layout(&self, machine: ImageMachine) -> Result<ImageLayout, Status> {
        let expected = match machine {
            ImageMachine::I386 => pe::IMAGE_FILE_MACHINE_I386,
            ImageMachine::Amd64 => pe::IMAGE_FILE_MACHINE_AMD64,
        };
        let header = self.nt.optional_header();
        let (base, size) = (header.image_base(), header.size_of_image());
        let (unit, file_unit) = (header.section_alignment(), header.file_alignment());
        if self.nt.file_header().machine.get(LittleEndian) != expected
            || !base.is_multiple_of(GRANULARITY)
            || size == 0
            || header.size_of_headers() > size
            || !unit.is_power_of_two()
            || !file_unit.is_power_of_two()
            || file_unit > unit
        {
            return Err(FORMAT);
        }
        let pages = u64::from(size).div_ceil(PAGE);
        let subsections = if u64::from(unit) < PAGE {
            self.flat(pages)?
        } else {
            self.by_section(pages)?
        };
        let entry = header.address_of_entry_point().into();
        Ok(ImageLayout {
            information: ImageInformation {
                base: VirtAddr::new(base),
                transfer_address: VirtAddr::new(base.wrapping_add(entry)),
                stack_reserve: header.size_of_stack_reserve(),
                stack_commit: header.size_of_stack_commit(),
                machine,
            },
            pages,
            subsections,
        })
    }

    /// Sections that are not of whole pages are mapped as they lie in the file, all in one
    /// (Wine's tests, kernel32 `test_Loader`).
    fn flat(&self, pages: u64) -> Result<Vec<Subsection>, Status> {
        let header = self.nt.optional_header();
        let lies_as_mapped = |section: &ImageSectionHeader| {
            section.virtual_address.get(LittleEndian)
                == section.pointer_to_raw_data.get(LittleEndian)
        };
        if header.file_alignment() != header.section_alignment()
            || !self.sections.iter().all(lies_as_mapped)
        {
            return Err(FORMAT);
        }
        Ok(vec![Subsection {
            first: 0,
            end: pages,
            protection: Protection::EXECUTE_WRITE_COPY,
            writes: Writes::Private,
            offset: 0,
            bytes: pages * PAGE,
        }])
    }

    /// The headers and the sections, which follow each other without a gap.
    fn by_section(&self, pages: u64) -> Result<Vec<Subsection>, Status> {
        let header = self.nt.optional_header();
        let unit = u64::from(header.section_alignment());
        let headers = u64::from(header.size_of_headers());
        if headers == 0 {
            return Err(FORMAT);
        }
        let mut parts = vec![Subsection {
            first: 0,
            end: headers.div_ceil(PAGE),
            protection: Protection::READ_ONLY,
            writes: Writes::Private,
            offset: 0,
            bytes: headers,
        }];
        let mut next = headers.next_multiple_of(unit);
        for section in self.sections.iter() {
            let start = u64::from(section.virtual_address.get(LittleEndian));
            let size = u64::from(match section.virtual_size.get(LittleEndian) {
                0 => section.size_of_raw_data.get(LittleEndian),
                size => size,
            });
            let (first, end) = (start / PAGE, (start + size).div_ceil(PAGE));
            if start != next || size == 0 || end > pages {
                return Err(FORMAT);
            }
            let (offset, bytes) = self.raw_data(section)?;
            let (protection, writes) = protection(section);
            parts.push(Subsection {
                first,
                end,
                protection,
                writes,
                offset,
                bytes: bytes.min((end - first) * PAGE),
            });
            next = (start + size).next_multiple_of(unit);
        }
        Ok(parts)
    }

    /// Where the bytes of a section are in the file, in whole sectors.
    fn raw_data(&self, section: &ImageSectionHeader) -> Result<(u64, u64), Status> {
        let offset = u64::from(section.pointer_to_raw_data.get(LittleEndian));
        let size = u64::from(section.size_of_raw_data.get(LittleEndian));
        if offset == 0 || size == 0 {
            return Ok((0, 0));
        }
        if offset + size > self.length {
            return Err(FORMAT);
        }
        let start = offset & !(SECTOR - 1);
        Ok((start, (offset + size - start).next_multiple_of(SECTOR)))
    }
}

/// What the pages of a section are for (Wine's tests, kernel32 `test_section_access`).
fn protection(section: &ImageSectionHeader) -> (Protection, Writes) {
    let flags = section.characteristics.get(LittleEndian);
    let executes = flags.contains(pe::IMAGE_SCN_MEM_EXECUTE);
    let reads = flags.contains(pe::IMAGE_SCN_MEM_READ);
    let writes = flags.contains(pe::IMAGE_SCN_MEM_WRITE);
    let private = match (executes, reads, writes) {
        (false, false, false) => Protection::NO_ACCESS,
        (false, true, false) => Protection::READ_ONLY,
        (true, false, false) => Protection::EXECUTE,
        (true, true, false) => Protection::EXECUTE_READ,
        (false, _, true) => Protection::WRITE_COPY,
        (true, _, true) => Protection::EXECUTE_WRITE_COPY,
    };
    if flags.contains(pe::IMAGE_SCN_MEM_SHARED) {
        (private.after_copy(), Writes::Shared)
    } else {
        (private, Writes::Private)
    }
}
