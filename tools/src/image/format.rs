use std::fmt;

/// How many bytes tell the formats apart.
pub(super) const MAGIC_BYTES: usize = 16;

/// The format a memory image was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// An ELF core, as QEMU's `dump-guest-memory` writes it.
    ElfCore,
    /// What makedumpfile and QEMU's `dump-guest-memory` with `kdump-raw-zlib` write:
    /// kdump-compressed pages.
    Kdump,
    /// The same as a stream to be rearranged, as `makedumpfile -F` and `dump-guest-memory -z`
    /// write it.
    KdumpFlattened,
    /// What the Linux Memory Extractor writes.
    Lime,
    /// The bytes of physical memory from address 0 on.
    Raw,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ElfCore => "ELF core",
            Self::Kdump => "kdump-compressed",
            Self::KdumpFlattened => "flattened kdump",
            Self::Lime => "LiME",
            Self::Raw => "raw",
        })
    }
}

/// A format that is recognised, so that it is not taken for raw memory, but not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnsupportedImage {
    /// What AVML writes.
    Avml,
    /// A crash dump of Windows.
    WindowsDump,
}

impl fmt::Display for UnsupportedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avml => "AVML",
            Self::WindowsDump => "Windows crash dump",
        })
    }
}

/// What an image's first bytes make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Known(ImageFormat),
    Unsupported(UnsupportedImage),
}

impl Kind {
    pub(super) fn detect(start: &[u8]) -> Self {
        let known: [(&[u8], Self); 7] = [
            (b"\x7fELF", Self::Known(ImageFormat::ElfCore)),
            (b"KDUMP   ", Self::Known(ImageFormat::Kdump)),
            (b"makedumpfile\0", Self::Known(ImageFormat::KdumpFlattened)),
            (b"EMiL", Self::Known(ImageFormat::Lime)),
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
        found
            .next()
            .map_or(Self::Known(ImageFormat::Raw), |(_, kind)| *kind)
    }
}
