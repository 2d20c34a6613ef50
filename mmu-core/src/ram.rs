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
    pub fn read(&self, at: PhysAddr, bytes: &mut [u8]) -> Result<(), BusError> {
        self.check(at, bytes.len())?;
        let mut rest = bytes;
        for (at, length) in frames(at, rest.len()) {
            let (part, after) = rest.split_at_mut(length);
            match self.frame(at) {
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
    pub fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), BusError> {
        self.check(at, bytes.len())?;
        let mut rest = bytes;
        for (at, length) in frames(at, rest.len()) {
            let (part, after) = rest.split_at(length);
            if let Some(frame) = self.frame(at) {
                write_words(frame, at, part);
            } else if part.iter().any(|&byte| byte != 0)
                && let Some(range) = self.range(at)
            {
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
        range.materialise(at)[word(at)].store(value, Ordering::Release);
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
        let _ = self.range(to).ok_or(BusError(to))?;
        let _ = self.range(from).ok_or(BusError(from))?;
        if from.page_number(PageSize::Size4KiB) == to.page_number(PageSize::Size4KiB) {
            return Ok(());
        }
        if self.frame(from).is_none() {
            return self.zero_frame(to);
        }
        self.range_mut(to)?.materialise(to);
        if let Some([source, target]) = self.two_frames(from, to) {
            for (word, from) in target.iter_mut().zip(source) {
                *word.get_mut() = *from.get_mut();
            }
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

    /// Where in the ranges the one is that holds the address.
    fn range_index(&self, at: PhysAddr) -> Option<usize> {
        let starts_below = |range: &Range| range.start <= at.as_u64();
        let last = self.ranges.partition_point(starts_below).checked_sub(1)?;
        self.ranges[last].contains(at).then_some(last)
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
        let (chunk, frame) = range.place(at);
        let frame = range.chunks[chunk]
            .get()
            .and_then(|chunk| chunk[frame].get());
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

fn read_words(frame: &Frame, at: PhysAddr, bytes: &mut [u8]) {
    if bytes.len() == 8 && is_aligned(at) {
        bytes.copy_from_slice(&frame[word(at)].load(Ordering::Acquire).to_le_bytes());
        return;
    }
    let mut rest = bytes;
    for (at, within) in words(at, rest.len()) {
        let (part, after) = rest.split_at_mut(within.len());
        let value = frame[word(at)].load(Ordering::Acquire).to_le_bytes();
        part.copy_from_slice(&value[within]);
        rest = after;
    }
}

fn write_words(frame: &Frame, at: PhysAddr, bytes: &[u8]) {
    if let Ok(whole) = bytes.try_into()
        && is_aligned(at)
    {
        frame[word(at)].store(u64::from_le_bytes(whole), Ordering::Release);
        return;
    }
    let mut rest = bytes;
    for (at, within) in words(at, rest.len()) {
        let (part, after) = rest.split_at(within.len());
        let word = &frame[word(at)];
        if let Ok(whole) = part.try_into() {
            word.store(u64::from_le_bytes(whole), Ordering::Release);
        } else {
            update(word, |value| {
                let mut new = value.to_le_bytes();
                new[within.clone()].copy_from_slice(part);
                u64::from_le_bytes(new)
            });
        }
        rest = after;
    }
}

#[inline]
fn is_aligned(at: PhysAddr) -> bool {
    at.as_u64().is_multiple_of(8)
}

fn update(word: &AtomicU64, change: impl Fn(u64) -> u64) {
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

/// So many bytes as parts that each lie in one frame: where, and how many.
fn frames(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, usize)> {
    pieces::<{ PageSize::Size4KiB.bytes() }>(at, length)
}

/// The words under so many bytes, and which bytes of each.
fn words(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, core::ops::Range<usize>)> {
    pieces::<8>(at, length).map(|(at, length)| {
        let first = (at.as_u64() % 8) as usize;
        (at, first..first + length)
    })
}

/// So many bytes, cut at each multiple of a power of two.
fn pieces<const STEP: u64>(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, usize)> {
    let (mut next, mut left) = (at, length);
    core::iter::from_fn(move || {
        let start = next;
        #[expect(clippy::cast_possible_truncation, reason = "at most a frame")]
        let room = (STEP - start.as_u64() % STEP) as usize;
        let length = left.min(room);
        next = start.wrapping_add(length as u64);
        left -= length;
        (length > 0).then_some((start, length))
    })
}

#[cfg(test)]
mod tests;
