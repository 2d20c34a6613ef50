use std::fmt;

/// How many bytes tell the formats apart.
pub(super) const MAGIC_BYTES: usize = 16;

/// The format a memory image was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// An ELF core, as QEMU's `dump-guest-memory` writes it.
    ElfCore,
    /// The bytes of physical memory from address 0 on.
    Raw,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ElfCore => "ELF core",
            Self::Raw => "raw",
        })
    }
}

/// A format that is recognised, so that it is not taken for raw memory, but not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnsupportedImage {
    /// What makedumpfile and QEMU's `dump-guest-memory -z` write.
    Kdump,
    /// The same, as a stream.
    KdumpFlattened,
    /// What the Linux Memory Extractor writes.
    Lime,
    /// What AVML writes.
    Avml,
    /// A crash dump of Windows.
    WindowsDump,
}

impl fmt::Display for UnsupportedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kdump => "kdump-compressed",
            Self::KdumpFlattened => "flattened kdump",
            Self::Lime => "LiME",
            Self::Avml => "AVML",
            Self::WindowsDump => "Windows crash dump",
        })
    }
}

/// What an image's first bytes make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ElfCore,
    Raw,
    Unsupported(UnsupportedImage),
}

impl Kind {
    pub(super) fn detect(start: &[u8]) -> Self {
        let known: [(&[u8], Self); 7] = [
            (b"\x7fELF", Self::ElfCore),
            (b"KDUMP   ", Self::Unsupported(UnsupportedImage::Kdump)),
            (
                b"makedumpfile\0",
                Self::Unsupported(UnsupportedImage::KdumpFlattened),
            ),
            (b"EMiL", Self::Unsupported(UnsupportedImage::Lime)),
            (b"AVML", Self::Unsupported(UnsupportedImage::Avml)),
            (
                b"PAGEDU64",
                Self::Unsupported(UnsupportedImage::WindowsDump),
            ),
            (
                b"PAGEDUMP",
                Self::Unsupported(UnsupportedImage::WindowsDump),
            ),
        ];
        let mut found = known.iter().filter(|(magic, _)| start.starts_with(magic));
        found.next().map_or(Self::Raw, |(_, kind)| *kind)
    }
}
