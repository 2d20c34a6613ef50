//! What the prefetchers do after a miss. None of it is on the critical path.

use super::{CacheSystem, below::Purpose};
use crate::{NextLine, Prefetcher, line::Line};

impl CacheSystem {
    /// A read or write of the program missed this line in the L1D.
    pub(super) fn prefetch_after_miss(&mut self, by: usize, line: Line) {
        if self.next_line == NextLine::On
            && let Some(next) = line.in_page_after(1)
        {
            self.prefetch(by, next, Prefetcher::NextLine);
        }
        let strides = &mut self.processors[by].strides;
        let Some(steady) = strides.as_mut().and_then(|table| table.note(line)) else {
            return;
        };
        for ahead in steady {
            self.prefetch(by, ahead, Prefetcher::Stride);
        }
    }

    /// Brings a line to where the prefetcher wants it, if it is not there.
    fn prefetch(&mut self, by: usize, line: Line, prefetcher: Prefetcher) {
        let into = prefetcher.fills();
        let own = &mut self.processors[by];
        if own.caches[into.index()].peek(line).is_some() {
            return;
        }
        let response = self.bring(by, into, line, Purpose::Prefetch);
        let counters = &mut self.processors[by].counters;
        counters.count_prefetch(prefetcher, response.served_by);
    }
}
