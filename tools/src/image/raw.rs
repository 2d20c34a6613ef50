use units::PhysAddr;

use super::{
    ImageError, ImageFormat, MemoryImage,
    pages::{CHUNK_BYTES, Pages},
};
use crate::input::Input;

/// The offset in a raw image is the physical address.
pub(super) fn load(input: &mut Input) -> Result<MemoryImage, ImageError> {
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
