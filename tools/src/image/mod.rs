//! Images of a machine's physical memory.

mod elf;
mod error;
mod fields;
mod format;
mod kdump;
mod lime;
mod notes;
mod pages;
mod pdptes;
mod raw;
mod registers;
#[cfg(test)]
mod tests;

use mmu_core::Ram;

pub use error::{ElfError, ImageError};
pub use format::{ImageFormat, UnsupportedImage};
pub use kdump::{Arrangement, FlattenedError, KdumpError, Packing};
pub use lime::LimeError;
pub use notes::NoteError;
pub use pdptes::Pdptes;
pub use registers::{Machine, VcpuRegisters};

use crate::input::Input;
use format::Kind;

/// The physical memory of a machine, with what its image says of its processors.
#[derive(Debug)]
pub struct MemoryImage {
    /// The memory; where the image holds none, none answers.
    pub ram: Ram,
    /// The registers of every virtual processor; none, if the image does not hold them.
    pub vcpus: Vec<VcpuRegisters>,
    /// What the processors were doing when the image was taken, if it says so.
    pub machine: Option<Machine>,
    /// What kind of file it was.
    pub format: ImageFormat,
}

impl MemoryImage {
    /// Reads an image of any known format, told from its content, in one pass. Pages of
    /// zeros cost nothing.
    ///
    /// # Errors
    /// [`ImageError`] if the file cannot be read, is damaged, or of a format that is known
    /// but not read.
    pub fn load(mut input: Input) -> Result<Self, ImageError> {
        let start = input.peek(format::MAGIC_BYTES)?;
        if start.is_empty() {
            let source_name = input.source().clone();
            return Err(ImageError::Empty { source_name });
        }
        match Kind::detect(start) {
            Kind::Known(ImageFormat::ElfCore) => elf::load(&mut input),
            Kind::Known(ImageFormat::Kdump) => kdump::load(input),
            Kind::Known(ImageFormat::KdumpFlattened) => kdump::load_flattened(input),
            Kind::Known(ImageFormat::Lime) => lime::load(&mut input),
            Kind::Known(ImageFormat::Raw) => raw::load(&mut input),
            Kind::Unsupported(format) => Err(ImageError::Unsupported {
                source_name: input.source().clone(),
                format,
            }),
        }
    }
}
