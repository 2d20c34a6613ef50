//! Bytes that lie in words as they come.

use core::{
    iter,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use units::{PageSize, PhysAddr};

use super::{Frame, word};

pub(super) fn read_words(frame: &Frame, at: PhysAddr, bytes: &mut [u8]) {
    let mut rest = bytes;
    for (at, within) in words(at, rest.len()) {
        let (part, after) = rest.split_at_mut(within.len());
        let value = frame[word(at)].load(Ordering::Acquire).to_le_bytes();
        part.copy_from_slice(&value[within]);
        rest = after;
    }
}

pub(super) fn write_words(frame: &Frame, at: PhysAddr, bytes: &[u8]) {
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
pub(super) fn frames(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, usize)> {
    pieces::<{ PageSize::Size4KiB.bytes() }>(at, length)
}

/// The words under so many bytes, and which bytes of each.
fn words(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, Range<usize>)> {
    pieces::<8>(at, length).map(|(at, length)| {
        let first = (at.as_u64() % 8) as usize;
        (at, first..first + length)
    })
}

/// So many bytes, cut at each multiple of a power of two.
fn pieces<const STEP: u64>(at: PhysAddr, length: usize) -> impl Iterator<Item = (PhysAddr, usize)> {
    let (mut next, mut left) = (at, length);
    iter::from_fn(move || {
        let start = next;
        #[expect(clippy::cast_possible_truncation, reason = "at most a frame")]
        let room = (STEP - start.as_u64() % STEP) as usize;
        let length = left.min(room);
        next = start.wrapping_add(length as u64);
        left -= length;
        (length > 0).then_some((start, length))
    })
}
