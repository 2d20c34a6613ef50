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

mod bytes;

use bytes::{frames, read_words, write_words};

const FRAME_SHIFT: u32 = PageSize::Size4KiB.shift();
const WORDS_PER_FRAME: usize = 512;
const CHUNK_BYTES: u64 = PageSize::Size1GiB.bytes();
const FRAMES_PER_CHUNK: u64 = CHUNK_BYTES >> FRAME_SHIFT;

type Frame = [AtomicU64; WORDS_PER_FRAME];
type Slot = OnceLock<Box<Frame>>;
type Chunk = Box<[Slot]>;

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
    #[inline]
    pub fn read(&self, at: PhysAddr, bytes: &mut [u8]) -> Result<(), BusError> {
        if bytes.len() != 8 || !is_aligned(at) {
            return self.read_bytes(at, bytes);
        }
        let frame = self.range_of(at, 8)?.frame(at);
        let value = frame.map_or(0, |frame| frame[word(at)].load(Ordering::Acquire));
        bytes.copy_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn read_bytes(&self, at: PhysAddr, bytes: &mut [u8]) -> Result<(), BusError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let range = self.range_of(at, bytes.len())?;
        let mut rest = bytes;
        for (at, length) in frames(at, rest.len()) {
            let (part, after) = rest.split_at_mut(length);
            match range.frame(at) {
                Some(frame) => read_words(frame, at, part),
                None => part.fill(0),
            }
            rest = after;
        }
        Ok(())
    }

    /// Writes bytes from any address on.
    ///
    /// # Errors
    /// [`BusError`] with the first address where no memory answers; nothing was written then.
    #[inline]
    pub fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), BusError> {
        match bytes.try_into() {
            Ok(whole) if is_aligned(at) => {
                let range = self.range_of(at, 8)?;
                match (range.frame(at), u64::from_le_bytes(whole)) {
                    (None, 0) => {}
                    (None, value) => store(range.materialise(at), at, value),
                    (Some(frame), value) => store(frame, at, value),
                }
                Ok(())
            }
            _ => self.write_bytes(at, bytes),
        }
    }

    fn write_bytes(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), BusError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let range = self.range_of(at, bytes.len())?;
        let mut rest = bytes;
        for (at, length) in frames(at, rest.len()) {
            let (part, after) = rest.split_at(length);
            if let Some(frame) = range.frame(at) {
                write_words(frame, at, part);
            } else if part.iter().any(|&byte| byte != 0) {
                write_words(range.materialise(at), at, part);
            }
            rest = after;
        }
        Ok(())
    }

    /// Writes the word that holds the address.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers there.
    #[inline]
    pub fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), BusError> {
        let range = self.range(at).ok_or(BusError(at))?;
        let frame = range.frame(at).unwrap_or_else(|| range.materialise(at));
        store(frame, at, value);
        Ok(())
    }

    /// How many words are alike from the one that holds the address on: in the bits of `mask`
    /// as `value` is. At most `most` are looked at, and none behind the frame.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers at the address.
    pub fn count_alike(
        &self,
        at: PhysAddr,
        most: usize,
        value: u64,
        mask: u64,
    ) -> Result<usize, BusError> {
        /// So many are compared before the next branch.
        const GROUP: usize = 8;
        let _ = self.range(at).ok_or(BusError(at))?;
        let first = word(at);
        let most = most.min(WORDS_PER_FRAME - first);
        let Some(frame) = self.frame(at) else {
            return Ok(if value & mask == 0 { most } else { 0 });
        };
        let words = &frame[first..first + most];
        let differing = |word: &AtomicU64| word.load(Ordering::Acquire) ^ value;
        let (groups, _) = words.as_chunks::<GROUP>();
        let groups = groups.iter().take_while(|group| {
            let all = group.iter().map(differing).fold(0, |all, one| all | one);
            all & mask == 0
        });
        let alike = groups.count() * GROUP;
        let rest = words[alike..].iter();
        Ok(alike + rest.take_while(|word| differing(word) & mask == 0).count())
    }

    /// Makes every byte of the frame that holds the address zero.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers at the address.
    pub fn zero_frame(&mut self, at: PhysAddr) -> Result<(), BusError> {
        if let Some(frame) = self.range_mut(at)?.slot(at).and_then(OnceLock::get_mut) {
            for word in frame.iter_mut() {
                *word.get_mut() = 0;
            }
        }
        Ok(())
    }

    /// Copies the frame that holds one address over the frame that holds another.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers at one of them; nothing was copied then.
    pub fn copy_frame(&mut self, from: PhysAddr, to: PhysAddr) -> Result<(), BusError> {
        let is_same = from.page_number(PageSize::Size4KiB) == to.page_number(PageSize::Size4KiB);
        if !is_same && let Some([source, target]) = self.two_frames(from, to) {
            copy(source, target);
            return Ok(());
        }
        let _ = self.range(to).ok_or(BusError(to))?;
        let range = self.range(from).ok_or(BusError(from))?;
        if is_same {
            return Ok(());
        }
        if range.frame(from).is_none() {
            return self.zero_frame(to);
        }
        self.range_mut(to)?.materialise(to);
        self.copy_frame(from, to)
    }

    /// The range that so many bytes lie in, one at least; or the first address at which no memory
    /// answers, as an error.
    #[inline]
    fn range_of(&self, at: PhysAddr, length: usize) -> Result<&Range, BusError> {
        let range = self.range(at).ok_or(BusError(at))?;
        if range.end - at.as_u64() < length as u64 {
            return Err(BusError(PhysAddr::new(range.end)));
        }
        Ok(range)
    }

    #[inline]
    fn range(&self, at: PhysAddr) -> Option<&Range> {
        let range = match &*self.ranges {
            [only] => only,
            several => several.get(last_below(several, at)?)?,
        };
        range.contains(at).then_some(range)
    }

    #[inline]
    fn frame(&self, at: PhysAddr) -> Option<&Frame> {
        self.range(at)?.frame(at)
    }

    /// Where in the ranges the one is that holds the address.
    fn range_index(&self, at: PhysAddr) -> Option<usize> {
        let last = match &*self.ranges {
            [_] => 0,
            several => last_below(several, at)?,
        };
        self.ranges.get(last)?.contains(at).then_some(last)
    }

    /// The range that holds the address.
    fn range_mut(&mut self, at: PhysAddr) -> Result<&mut Range, BusError> {
        let index = self.range_index(at).ok_or(BusError(at))?;
        Ok(&mut self.ranges[index])
    }

    /// Two frames that are not the same, if both hold something.
    fn two_frames(&mut self, one: PhysAddr, other: PhysAddr) -> Option<[&mut Frame; 2]> {
        let (range, other_range) = (self.range_index(one)?, self.range_index(other)?);
        let slots = if range == other_range {
            self.ranges[range].two_slots(one, other)
        } else {
            let ranges = self.ranges.get_disjoint_mut([range, other_range]).ok()?;
            let [range, other_range] = ranges;
            Some([range.slot(one)?, other_range.slot(other)?])
        };
        let [one, other] = slots?;
        Some([one.get_mut()?, other.get_mut()?])
    }
}

/// Where the last range is that starts at an address or below.
#[cold]
#[inline(never)]
fn last_below(ranges: &[Range], at: PhysAddr) -> Option<usize> {
    let starts_below = |range: &Range| range.start <= at.as_u64();
    ranges.partition_point(starts_below).checked_sub(1)
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

    #[inline]
    fn frame(&self, at: PhysAddr) -> Option<&Frame> {
        let (chunk, frame) = self.place(at);
        Some(self.chunks[chunk].get()?[frame].get()?)
    }

    #[cold]
    fn materialise(&self, at: PhysAddr) -> &Frame {
        let (chunk, frame) = self.place(at);
        let chunk = self.chunks[chunk].get_or_init(|| {
            let before = chunk as u64 * FRAMES_PER_CHUNK;
            let frames = FRAMES_PER_CHUNK.min(self.frames() - before);
            (0..frames).map(|_| OnceLock::new()).collect()
        });
        chunk[frame].get_or_init(|| Box::new([const { AtomicU64::new(0) }; _]))
    }

    /// What is kept of a frame; none if nothing is of any frame near it.
    fn slot(&mut self, at: PhysAddr) -> Option<&mut Slot> {
        let (chunk, frame) = self.place(at);
        Some(&mut self.chunks[chunk].get_mut()?[frame])
    }

    /// The same of two frames that are not one.
    fn two_slots(&mut self, one: PhysAddr, other: PhysAddr) -> Option<[&mut Slot; 2]> {
        let ((chunk, frame), (other_chunk, other_frame)) = (self.place(one), self.place(other));
        if chunk == other_chunk {
            let chunk = self.chunks[chunk].get_mut()?;
            return chunk.get_disjoint_mut([frame, other_frame]).ok();
        }
        let chunks = self.chunks.get_disjoint_mut([chunk, other_chunk]).ok()?;
        let [chunk, other_chunk] = chunks;
        Some([
            &mut chunk.get_mut()?[frame],
            &mut other_chunk.get_mut()?[other_frame],
        ])
    }
}

impl PhysMem for Ram {
    #[inline]
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        let range = self.range(at).ok_or(BusError(at))?;
        let frame = range.frame(at);
        Ok(frame.map_or(0, |frame| frame[word(at)].load(Ordering::Acquire)))
    }

    /// Finds out where all of them are before it reads the first.
    fn glance(&self, at: &[PhysAddr], words: &mut [u64]) {
        const AT_ONCE: usize = 32;
        static NOTHING: AtomicU64 = AtomicU64::new(0);
        for (at, words) in at.chunks(AT_ONCE).zip(words.chunks_mut(AT_ONCE)) {
            let mut places = [&NOTHING; AT_ONCE];
            for (place, &at) in places.iter_mut().zip(at) {
                if let Some(frame) = self.frame(at) {
                    *place = &frame[word(at)];
                }
            }
            for (word, place) in words.iter_mut().zip(places) {
                *word = place.load(Ordering::Acquire);
            }
        }
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let range = self.range(at).ok_or(BusError(at))?;
        let frame = range.frame(at).unwrap_or_else(|| range.materialise(at));
        let word = &frame[word(at)];
        let exchanged = word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
        Ok(exchanged.map(|_| ()))
    }
}

/// The place of the word that holds the address in its frame.
#[inline]
fn word(at: PhysAddr) -> usize {
    (at.offset_in(PageSize::Size4KiB) / 8) as usize
}

#[inline]
fn store(frame: &Frame, at: PhysAddr, value: u64) {
    frame[word(at)].store(value, Ordering::Release);
}

/// A function of its own, since the compiler knows then that the two are not one.
fn copy(source: &mut Frame, target: &mut Frame) {
    for (to, from) in target.iter_mut().zip(source) {
        *to.get_mut() = *from.get_mut();
    }
}

#[inline]
fn is_aligned(at: PhysAddr) -> bool {
    at.as_u64().is_multiple_of(8)
}

#[cfg(test)]
mod tests;
