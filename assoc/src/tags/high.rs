use alloc::{boxed::Box, vec};

use crate::{Geometry, Tag};

/// The high halves of the tags. As long as all are zero nobody looks at them, and the host has
/// no memory for them.
#[derive(Clone, Debug)]
pub(super) struct HighHalves {
    /// Every tag below has no high half: 2^32 as long as all are zero, and nothing from then on.
    plain: u64,
    ways: usize,
    /// Set after set.
    halves: Box<[u32]>,
}

/// The half of a tag that tells it from the others of its set, mostly.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "that is what a half is")]
pub(super) const fn low_half(tag: Tag) -> u32 {
    tag.as_u64() as u32
}

#[inline]
const fn high_half(tag: Tag) -> u32 {
    (tag.as_u64() >> 32) as u32
}

impl HighHalves {
    pub(super) fn new(geometry: Geometry) -> Self {
        Self {
            plain: 1 << 32,
            ways: geometry.ways() as usize,
            halves: vec![0; geometry.entries()].into_boxed_slice(),
        }
    }

    /// Whether the way holds the tag, of which it has the low half.
    #[inline]
    pub(super) fn fit(&self, set: usize, way: usize, tag: Tag) -> bool {
        tag.as_u64() < self.plain || self.is(set, way, tag)
    }

    #[cold]
    #[inline(never)]
    fn is(&self, set: usize, way: usize, tag: Tag) -> bool {
        self.halves[set * self.ways + way] == high_half(tag)
    }

    /// The way holds the tag now; returns the tag before, of which this is the low half.
    #[inline]
    pub(super) fn replace(&mut self, set: usize, way: usize, tag: Tag, before: u32) -> Tag {
        if tag.as_u64() < self.plain {
            return Tag::new(before.into());
        }
        self.replace_one(set, way, tag, before)
    }

    #[cold]
    #[inline(never)]
    fn replace_one(&mut self, set: usize, way: usize, tag: Tag, before: u32) -> Tag {
        self.plain = 0;
        let whole = self.whole(set, way, before);
        self.halves[set * self.ways + way] = high_half(tag);
        whole
    }

    /// The tag that the way holds, of which this is the low half.
    #[inline]
    pub(super) fn whole(&self, set: usize, way: usize, low: u32) -> Tag {
        let high = self.halves[set * self.ways + way];
        Tag::new(u64::from(high) << 32 | u64::from(low))
    }
}
