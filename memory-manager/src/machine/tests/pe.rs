//! Small PE files, right and wrong.

use crate::ImageMachine;

/// Flags of sections (Microsoft, "PE Format").
pub(super) const SHARED: u32 = 0x1000_0000;
pub(super) const EXECUTE: u32 = 0x2000_0000;
pub(super) const READ: u32 = 0x4000_0000;
pub(super) const WRITE: u32 = 0x8000_0000;

/// Where the headers start in the file.
pub(super) const HEADERS_AT: usize = 0x40;

/// A PE file whose bytes are those of [`content`] but for its headers.
#[derive(Clone, Debug)]
pub(super) struct Pe {
    pub(super) machine: ImageMachine,
    pub(super) base: u64,
    pub(super) alignment: u32,
    pub(super) file_alignment: u32,
    /// How many bytes its headers say that they have.
    pub(super) headers: u32,
    /// How many bytes of memory it is for.
    pub(super) size: u32,
    pub(super) sections: Vec<PeSection>,
}

/// A section, as its header tells it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeSection {
    pub(super) address: u32,
    pub(super) size: u32,
    /// Where its bytes are in the file, and how many.
    pub(super) offset: u32,
    pub(super) raw: u32,
    pub(super) flags: u32,
}

/// The byte of a file at an offset; none is zero.
pub(super) fn content(offset: u32) -> u8 {
    (offset % 251) as u8 + 1
}

impl Pe {
    /// Code, constants, variables, and variables that all processes share.
    pub(super) fn sample(base: u64) -> Self {
        let section = |address, size, offset, raw, flags| PeSection {
            address,
            size,
            offset,
            raw,
            flags,
        };
        Self {
            machine: ImageMachine::Amd64,
            base,
            alignment: 0x1000,
            file_alignment: 0x200,
            headers: 0x400,
            size: 0x8000,
            sections: vec![
                section(0x1000, 0x1234, 0x400, 0x1400, EXECUTE | READ),
                section(0x3000, 0x300, 0x1800, 0x400, READ),
                section(0x4000, 0x2400, 0x1c00, 0x200, READ | WRITE),
                section(0x7000, 0x10, 0x1e00, 0x200, READ | WRITE | SHARED),
            ],
        }
    }

    /// One section of one page.
    pub(super) fn single(flags: u32) -> Self {
        let mut pe = Self::sample(0x1_2345_0000);
        pe.sections.truncate(1);
        pe.sections[0].flags = flags;
        pe.sections[0].size = 0x1000;
        pe.size = 0x2000;
        pe
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let ends = self.sections.iter().map(|part| part.offset + part.raw);
        let length = ends.max().unwrap_or(0).max(self.headers);
        let mut bytes: Vec<u8> = (0..length.max(0x200)).map(content).collect();
        let headers = [dos_header(), self.nt_headers()].concat();
        bytes[..headers.len()].copy_from_slice(&headers);
        bytes
    }

    fn nt_headers(&self) -> Vec<u8> {
        let mut header = Vec::new();
        let mut put = |number: u64, bytes: usize| {
            header.extend_from_slice(&number.to_le_bytes()[..bytes]);
        };
        // How many bytes an address has, and the optional header.
        let (machine, magic, address, optional) = match self.machine {
            ImageMachine::Amd64 => (0x8664, 0x20b, 8, 240),
            ImageMachine::I386 => (0x14c, 0x10b, 4, 224),
        };
        put(0x4550, 4);
        put(machine, 2);
        put(self.sections.len() as u64, 2);
        // Time stamp, symbols and how many.
        put(0, 8);
        put(0, 4);
        put(optional, 2);
        // An executable image and a DLL.
        put(0x2002, 2);
        put(magic, 2);
        // Linker version, sizes of code and data, entry point, base of code.
        put(1, 2);
        put(0x1000, 8);
        put(0, 4);
        put(0x1010, 4);
        put(0x1000, 4);
        // 32-bit images have a base of data.
        put(0, 8 - address);
        put(self.base, address);
        put(self.alignment.into(), 4);
        put(self.file_alignment.into(), 4);
        // Versions of the system, the image and the subsystem, and a reserved one.
        put(4, 8);
        put(4, 8);
        put(self.size.into(), 4);
        put(self.headers.into(), 4);
        // Check sum, the console, no flags.
        put(0, 4);
        put(3, 4);
        for size in [0x10_0000, 0x2000, 0x10_0000, 0x1000] {
            put(size, address);
        }
        put(0, 4);
        put(16, 4);
        for _ in 0..16 {
            put(0, 8);
        }
        for (index, section) in self.sections.iter().enumerate() {
            put(u64::from_le_bytes(*b".section") + ((index as u64) << 56), 8);
            for field in [section.size, section.address, section.raw, section.offset] {
                put(field.into(), 4);
            }
            put(0, 8);
            put(0, 4);
            put(section.flags.into(), 4);
        }
        header
    }
}

fn dos_header() -> Vec<u8> {
    let mut header = vec![0; HEADERS_AT];
    header[..2].copy_from_slice(b"MZ");
    // Where the other headers are: here.
    header[0x3c..].copy_from_slice(&[0x40, 0, 0, 0]);
    header
}
