//! What the prefetchers do after a miss. None of it is on the critical path.

use super::{Reach, below::Purpose, processors::Processors};
use crate::{NextLine, Prefetcher, line::Line};

impl<P: Processors> Reach<'_, P> {
    /// A read or write of the program missed this line in the L1D.
    pub(super) fn prefetch_after_miss(&mut self, line: Line) {
        if self.shared.next_line == NextLine::On
            && let Some(next) = line.in_page_after(1)
        {
            self.prefetch(next, Prefetcher::NextLine);
        }
        let strides = &mut self.processors.own().strides;
        let Some(steady) = strides.as_mut().and_then(|table| table.note(line)) else {
            return;
        };
        for ahead in steady {
            self.prefetch(ahead, Prefetcher::Stride);
        }
    }

    /// Brings a line to where the prefetcher wants it, if it is not there.
    fn prefetch(&mut self, line: Line, prefetcher: Prefetcher) {
        let into = prefetcher.fills();
        let cache = &self.processors.own().caches[into.index()];
        if cache.peek(line).is_some() {
            return;
        }
        let at = cache.place(line);
        let response = self.bring(into, at, Purpose::Prefetch);
        let counters = &mut self.processors.own().counters;
        counters.count_prefetch(prefetcher, response.served_by);
    }
}
