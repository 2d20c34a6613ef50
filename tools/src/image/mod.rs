//! Images of a machine's physical memory.

mod elf;
mod error;
mod format;
mod pages;
mod registers;
#[cfg(test)]
mod tests;

use mmu_core::Ram;
use units::PhysAddr;

pub use error::{ElfError, ImageError};
pub use format::{ImageFormat, UnsupportedImage};
pub use registers::{Machine, VcpuRegisters};

use crate::input::Input;
use format::Kind;
use pages::{CHUNK_BYTES, Pages};

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
            Kind::ElfCore => elf::load(&mut input),
            Kind::Raw => load_raw(&mut input),
            Kind::Unsupported(format) => Err(ImageError::Unsupported {
                source_name: input.source().clone(),
                format,
            }),
        }
    }
}

/// The offset in a raw image is the physical address.
fn load_raw(input: &mut Input) -> Result<MemoryImage, ImageError> {
    let mut pages = Pages::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut length = 0;
    loop {
        let count = input.read_full(&mut chunk)?;
        if count == 0 {
            break;
        }
        pages.copy(PhysAddr::new(length), &chunk[..count]);
        length += count as u64;
    }
    let ram = pages.into_ram([(PhysAddr::new(0), length)]);
    let ram = ram.map_err(|cause| ImageError::TooLarge {
        source_name: input.source().clone(),
        cause,
    })?;
    Ok(MemoryImage {
        ram,
        vcpus: Vec::new(),
        machine: None,
        format: ImageFormat::Raw,
    })
}
