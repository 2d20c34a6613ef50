use alloc::{boxed::Box, vec};

use crate::Geometry;

/// The time of each entry's last use; the clock ticks at every use.
#[derive(Clone, Debug)]
pub(crate) struct TrueLru {
    ways: usize,
    clock: u64,
    last_use: Box<[u64]>,
}

impl TrueLru {
    pub(crate) fn new(geometry: Geometry) -> Self {
        Self {
            ways: geometry.ways() as usize,
            clock: 0,
            last_use: vec![0; geometry.entries()].into_boxed_slice(),
        }
    }

    #[inline]
    pub(crate) fn touch(&mut self, set: usize, way: usize) {
        self.clock += 1;
        self.last_use[set * self.ways + way] = self.clock;
    }

    #[inline]
    pub(crate) fn victim(&self, set: usize) -> usize {
        let uses = &self.last_use[set * self.ways..][..self.ways];
        let mut oldest = 0;
        for (way, &time) in uses.iter().enumerate() {
            if time < uses[oldest] {
                oldest = way;
            }
        }
        oldest
    }
}
