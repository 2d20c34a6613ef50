use std::{
    boxed::Box,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    vec::Vec,
};

use units::{PageSize, PhysAddr};

use crate::{BusError, PhysMem};

const FRAME_SHIFT: u32 = PageSize::Size4KiB.shift();
const WORDS_PER_FRAME: usize = 512;
const CHUNK_BYTES: u64 = PageSize::Size1GiB.bytes();
const FRAMES_PER_CHUNK: u64 = CHUNK_BYTES >> FRAME_SHIFT;

type Frame = [AtomicU64; WORDS_PER_FRAME];
type Chunk = Box<[OnceLock<Box<Frame>>]>;

/// A physical memory of any size and shape that costs the host little more than what was
/// written to it: a frame for a frame, 4 MiB for every GiB of a range that was touched (less
/// for a shorter range), and 16 KiB for every TiB there is.
///
/// It is made of ranges; between them no memory answers. A byte never written reads as
/// zero. Several threads may use one memory at a time: words are atomic, longer reads and
/// writes are atomic word by word.
#[derive(Debug)]
pub struct Ram {
    /// Sorted by address; no two overlap or touch.
    ranges: Vec<Range>,
}

#[derive(Debug)]
struct Range {
    start: u64,
    end: u64,
    /// The frames from the frame of `start` on; the last chunk ends with the range.
    chunks: Vec<OnceLock<Chunk>>,
}

/// The memory asked for cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory of {length:#x} bytes at {start:#x} does not end below 2^52")]
pub struct RamTooLarge {
    /// Where the range starts.
    pub start: PhysAddr,
    /// Its length in bytes.
    pub length: u64,
}

impl Ram {
    /// So many bytes of memory from physical address 0 on.
    ///
    /// # Errors
    /// [`RamTooLarge`] if it would reach past 2^52, the most an x86 processor can address.
    pub fn new(bytes: u64) -> Result<Self, RamTooLarge> {
        Self::from_ranges([(PhysAddr::new(0), bytes)])
    }

    /// Memory at each of the ranges, given as start and length in bytes. Ranges may come in
    /// any order and overlap; a word that is only partly inside reads as if it were whole.
    ///
    /// # Errors
    /// [`RamTooLarge`] if a range reaches past 2^52.
    pub fn from_ranges(
        ranges: impl IntoIterator<Item = (PhysAddr, u64)>,
    ) -> Result<Self, RamTooLarge> {
        let mut spans = Vec::new();
        for (start, length) in ranges {
            let end = start.checked_add(length).map(PhysAddr::as_u64);
            match end.filter(|&end| end <= 1 << 52) {
                Some(end) if length > 0 => spans.push((start.as_u64(), end)),
                Some(_) => {}
                None => return Err(RamTooLarge { start, length }),
            }
        }
        spans.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Ok(Self {
            ranges: merged.into_iter().map(Range::new).collect(),
        })
    }

    /// The ranges where memory answers, as start and length in bytes, by address.
    pub fn ranges(&self) -> impl Iterator<Item = (PhysAddr, u64)> {
        let ranges = self.ranges.iter();
        ranges.map(|range| (PhysAddr::new(range.start), range.end - range.start))
    }

    /// How many bytes of the host's memory hold what was written, to the frame.
    pub fn resident_bytes(&self) -> u64 {
        let chunks = self.ranges.iter().flat_map(|range| &range.chunks);
        let frames = chunks
            .filter_map(OnceLock::get)
            .flat_map(|chunk| chunk.iter());
        frames.filter(|frame| frame.get().is_some()).count() as u64 * PageSize::Size4KiB.bytes()
    }

    /// Reads bytes from any address on.
    ///
    /// # Errors
    /// [`BusError`] with the first address where no memory answers; nothing was read then.
    pub fn read(&self, at: PhysAddr, bytes: &mut [u8]) -> Result<(), BusError> {
        self.check(at, bytes.len())?;
        let mut done = 0;
        for (word_at, within) in words(at, bytes.len()) {
            let word = self.load(word_at).to_le_bytes();
            let length = within.len();
            bytes[done..done + length].copy_from_slice(&word[within]);
            done += length;
        }
        Ok(())
    }

    /// Writes bytes from any address on.
    ///
    /// # Errors
    /// [`BusError`] with the first address where no memory answers; nothing was written then.
    pub fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), BusError> {
        self.check(at, bytes.len())?;
        let mut done = 0;
        for (word_at, within) in words(at, bytes.len()) {
            let length = within.len();
            let part = &bytes[done..done + length];
            self.update(word_at, |word| {
                let mut new = word.to_le_bytes();
                new[within.clone()].copy_from_slice(part);
                u64::from_le_bytes(new)
            });
            done += length;
        }
        Ok(())
    }

    /// Makes every byte of the frame that holds the address zero.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers at the address.
    pub fn zero_frame(&self, at: PhysAddr) -> Result<(), BusError> {
        self.check(at, 1)?;
        if let Some(frame) = self.frame(at) {
            for word in frame {
                word.store(0, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Copies the frame that holds one address over the frame that holds another.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers at one of them; nothing was copied then.
    pub fn copy_frame(&self, from: PhysAddr, to: PhysAddr) -> Result<(), BusError> {
        self.check(from, 1)?;
        self.check(to, 1)?;
        let Some(frame) = self.frame(from) else {
            return self.zero_frame(to);
        };
        let range = self.range(to).ok_or(BusError(to))?;
        for (word, from) in range.materialise(to).iter().zip(frame) {
            word.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Ok(())
    }

    /// The first address of `length` bytes at which no memory answers, as an error.
    fn check(&self, at: PhysAddr, length: usize) -> Result<(), BusError> {
        let Some(range) = self.range(at) else {
            return if length == 0 {
                Ok(())
            } else {
                Err(BusError(at))
            };
        };
        if range.end - at.as_u64() < length as u64 {
            return Err(BusError(PhysAddr::new(range.end)));
        }
        Ok(())
    }

    #[inline]
    fn range(&self, at: PhysAddr) -> Option<&Range> {
        let range = match &*self.ranges {
            [only] => only,
            several => {
                let after = several.partition_point(|range| range.start <= at.as_u64());
                several.get(after.checked_sub(1)?)?
            }
        };
        range.contains(at).then_some(range)
    }

    #[inline]
    fn frame(&self, at: PhysAddr) -> Option<&Frame> {
        let range = self.range(at)?;
        let (chunk, frame) = range.place(at);
        Some(range.chunks[chunk].get()?[frame].get()?)
    }

    #[inline]
    fn load(&self, at: PhysAddr) -> u64 {
        self.frame(at)
            .map_or(0, |frame| frame[word(at)].load(Ordering::Acquire))
    }

    fn update(&self, at: PhysAddr, mut change: impl FnMut(u64) -> u64) {
        let Some(range) = self.range(at) else { return };
        if self.frame(at).is_none() && change(0) == 0 {
            return;
        }
        let word = &range.materialise(at)[word(at)];
        let mut current = word.load(Ordering::Acquire);
        while let Err(seen) = word.compare_exchange_weak(
            current,
            change(current),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            current = seen;
        }
    }
}

impl Range {
    fn new((start, end): (u64, u64)) -> Self {
        let mut range = Self {
            start,
            end,
            chunks: Vec::new(),
        };
        let chunks = range.frames().div_ceil(FRAMES_PER_CHUNK);
        range.chunks = (0..chunks).map(|_| OnceLock::new()).collect();
        range
    }

    /// How many frames the range lies in.
    fn frames(&self) -> u64 {
        ((self.end - 1) >> FRAME_SHIFT) - (self.start >> FRAME_SHIFT) + 1
    }

    #[inline]
    fn contains(&self, at: PhysAddr) -> bool {
        (self.start..self.end).contains(&at.as_u64())
    }

    #[inline]
    fn place(&self, at: PhysAddr) -> (usize, usize) {
        let frame = (at.as_u64() >> FRAME_SHIFT) - (self.start >> FRAME_SHIFT);
        (
            (frame / FRAMES_PER_CHUNK) as usize,
            (frame % FRAMES_PER_CHUNK) as usize,
        )
    }

    fn materialise(&self, at: PhysAddr) -> &Frame {
        let (chunk, frame) = self.place(at);
        let chunk = self.chunks[chunk].get_or_init(|| {
            let before = chunk as u64 * FRAMES_PER_CHUNK;
            let frames = FRAMES_PER_CHUNK.min(self.frames() - before);
            (0..frames).map(|_| OnceLock::new()).collect()
        });
        chunk[frame].get_or_init(|| Box::new([const { AtomicU64::new(0) }; _]))
    }
}

impl PhysMem for Ram {
    #[inline]
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        let range = self.range(at).ok_or(BusError(at))?;
        let (chunk, frame) = range.place(at);
        let frame = range.chunks[chunk]
            .get()
            .and_then(|chunk| chunk[frame].get());
        Ok(frame.map_or(0, |frame| frame[word(at)].load(Ordering::Acquire)))
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let range = self.range(at).ok_or(BusError(at))?;
        let word = &range.materialise(at)[word(at)];
        let exchanged = word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
        Ok(exchanged.map(|_| ()))
    }
}

/// The place of the word that holds the address in its frame.
#[inline]
fn word(at: PhysAddr) -> usize {
    (at.offset_in(PageSize::Size4KiB) / 8) as usize
}

/// How many bytes before the address its word starts.
fn offset_in_word(address: u64) -> usize {
    (address % 8) as usize
}

/// The words under so many bytes, and which bytes of each.
fn words(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, core::ops::Range<usize>)> {
    let mut next = at.as_u64();
    let end = next + length as u64;
    core::iter::from_fn(move || {
        (next < end).then(|| {
            let base = next & !7;
            let stop = end.min(base + 8);
            let place = PhysAddr::new(base);
            let within = offset_in_word(next)..offset_in_word(stop - 1) + 1;
            next = stop;
            (place, within)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_across_words_and_frames() {
        let ram = Ram::new(0x10000).unwrap();
        let text: Vec<u8> = (0..=255).collect();
        for at in [0x0, 0x3, 0xff9, 0x1f81] {
            ram.write(PhysAddr::new(at), &text).unwrap();
            let mut back = [0; 256];
            ram.read(PhysAddr::new(at), &mut back).unwrap();
            assert_eq!(back[..], text);
        }
    }

    #[test]
    fn a_hole_is_an_error_and_not_zeros() {
        let low = (PhysAddr::new(0), 0x2000);
        let high = (PhysAddr::new(0x1_0000_0000), 0x1000);
        let ram = Ram::from_ranges([high, low]).unwrap();
        assert_eq!(ram.ranges().collect::<Vec<_>>(), [low, high]);
        for hole in [0x2000, 0xffff_fff8, 0x1_0000_1000, !7] {
            let hole = PhysAddr::new(hole);
            assert_eq!(ram.read_u64(hole), Err(BusError(hole)));
            assert_eq!(ram.compare_exchange_u64(hole, 0, 1), Err(BusError(hole)));
        }
        assert_eq!(
            ram.write(PhysAddr::new(0x1ffc), &[1; 8]),
            Err(BusError(PhysAddr::new(0x2000)))
        );
        assert_eq!(ram.read_u64(PhysAddr::new(0x1ff8)), Ok(0));
    }

    #[test]
    fn overlapping_ranges_are_one() {
        let ranges = [(0x1000, 0x3000), (0x0, 0x2000), (0x4000, 0x1000)];
        let ram = Ram::from_ranges(ranges.map(|(at, length)| (PhysAddr::new(at), length))).unwrap();
        assert_eq!(
            ram.ranges().collect::<Vec<_>>(),
            [(PhysAddr::new(0), 0x5000)]
        );
    }

    #[test]
    fn memory_costs_only_what_was_written() {
        let ram = Ram::new(1 << 40).unwrap();
        assert_eq!(ram.read_u64(PhysAddr::new(1 << 39)), Ok(0));
        ram.write(PhysAddr::new(1 << 38), &[0; 64]).unwrap();
        assert_eq!(ram.resident_bytes(), 0);
        ram.write(PhysAddr::new(1 << 39), &[1]).unwrap();
        assert_eq!(ram.resident_bytes(), 0x1000);
        ram.zero_frame(PhysAddr::new((1 << 39) + 0xfff)).unwrap();
        assert_eq!(ram.read_u64(PhysAddr::new(1 << 39)), Ok(0));
    }

    #[test]
    fn many_small_ranges_cost_no_more_than_their_frames() {
        let ranges = (0..10_000).map(|number| (PhysAddr::new(number << 31 | 0xff8), 0x10));
        let ram = Ram::from_ranges(ranges).unwrap();
        for number in 0..10_000 {
            let at = PhysAddr::new(number << 31 | 0xffc);
            ram.write(at, &[1; 8]).unwrap();
            assert!(ram.write(at, &[1; 16]).is_err());
        }
        let slots = ram.ranges.iter().flat_map(|range| &range.chunks);
        let slots: usize = slots
            .map(|chunk| chunk.get().map_or(0, |chunk| chunk.len()))
            .sum();
        assert_eq!(slots, 20_000, "two frames each");
    }

    #[test]
    fn compare_exchange_returns_what_stands_there() {
        let ram = Ram::new(0x1000).unwrap();
        let at = PhysAddr::new(0x18);
        assert_eq!(ram.compare_exchange_u64(at, 0, 5), Ok(Ok(())));
        assert_eq!(ram.compare_exchange_u64(at, 0, 6), Ok(Err(5)));
        assert_eq!(ram.read_u64(at), Ok(5));
    }

    #[test]
    fn memory_past_the_physical_address_space_is_refused() {
        assert!(Ram::new((1 << 52) + 1).is_err());
        assert!(Ram::from_ranges([(PhysAddr::new(u64::MAX), 2)]).is_err());
    }
}
