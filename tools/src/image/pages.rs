use mmu_core::{Ram, RamTooLarge};
use units::{PageSize, PhysAddr};

/// How much of an image is read at a time: small, since it is gone through twice.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

const PAGE_BYTES: usize = 4096;

/// The content of an image that is not zero, gathered before the memory is made: how large
/// it must be is known for certain only when the image was read to its end.
#[derive(Debug, Default)]
pub(super) struct Pages(Vec<(PhysAddr, Box<[u8]>)>);

impl Pages {
    /// Keeps what is not zero of these bytes, page by page.
    pub(super) fn copy(&mut self, mut at: PhysAddr, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            #[expect(clippy::cast_possible_truncation, reason = "less than a page")]
            let offset = at.offset_in(PageSize::Size4KiB) as usize;
            let (piece, rest) = bytes.split_at(bytes.len().min(PAGE_BYTES - offset));
            if !is_zero(piece) {
                self.0.push((at, piece.into()));
            }
            at = at.wrapping_add(piece.len() as u64);
            bytes = rest;
        }
    }

    /// Makes memory of these ranges and fills it. All that was copied must lie in them;
    /// what does not is not kept.
    pub(super) fn into_ram(
        self,
        ranges: impl IntoIterator<Item = (PhysAddr, u64)>,
    ) -> Result<Ram, RamTooLarge> {
        let ram = Ram::from_ranges(ranges)?;
        for (at, bytes) in self.0 {
            let written = ram.write(at, &bytes);
            debug_assert_eq!(written, Ok(()));
        }
        Ok(ram)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    // Without an early end in each piece, the compiler makes vector code of it.
    let mut pieces = bytes.chunks(256);
    pieces.all(|piece| piece.iter().fold(0, |all, byte| all | byte) == 0)
}
