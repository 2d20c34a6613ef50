//! Accesses to memory of any type but write-back (SDM vol. 3, 12.3).

use units::MemoryType;

use super::{Reach, Response, below::Purpose, coherence::Others, processors::Processors};
use crate::{
    CacheId, Counters, Request,
    combining::Gathered,
    line::{Line, becomes},
};

impl<P: Processors> Reach<'_, P> {
    /// A request to memory that is not write-back.
    #[cold]
    #[inline(never)]
    pub(super) fn access_typed(
        &mut self,
        line: Line,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        if !request.reads() {
            return self.write_typed(line, request, memory_type);
        }
        let read = self.read_typed(line, request, memory_type);
        if !request.writes() {
            return read;
        }
        let write = self.write_typed(line, request, memory_type);
        Response {
            served_by: read.served_by.max(write.served_by),
            latency: read.latency + write.latency,
        }
    }

    fn read_typed(&mut self, line: Line, request: Request, memory_type: MemoryType) -> Response {
        match memory_type {
            MemoryType::Uncacheable | MemoryType::WriteCombining => {
                self.drop_line(line);
                self.flush_combining();
                self.processors.own().counters.count_uncached_read();
                self.shared.response_of_memory()
            }
            MemoryType::WriteThrough | MemoryType::WriteProtected | MemoryType::WriteBack => {
                self.read_cached(line, request)
            }
        }
    }

    fn write_typed(&mut self, line: Line, request: Request, memory_type: MemoryType) -> Response {
        match memory_type {
            MemoryType::Uncacheable => {
                self.drop_line(line);
                self.flush_combining();
                self.processors.own().counters.count_uncached_write();
            }
            MemoryType::WriteCombining => {
                self.drop_line(line);
                return self.combine(line);
            }
            // Write-back does not come here.
            MemoryType::WriteThrough | MemoryType::WriteBack => {
                self.update_copies(line, request);
                self.processors.own().counters.count_write_through();
            }
            MemoryType::WriteProtected => {
                self.drop_line(line);
                self.processors.own().counters.count_write_through();
            }
        }
        self.shared.response_of_memory()
    }

    /// Reads as from write-back memory, also for a request that will write.
    fn read_cached(&mut self, line: Line, request: Request) -> Response {
        let first = request.enters(self.shared.walks_enter);
        let own = self.processors.own();
        let cache = &mut own.caches[first.index()];
        let at = cache.place(line);
        let Some(found) = cache.find(at, becomes::READ) else {
            return self.access_below(first, at, request, Purpose::Read);
        };
        self.hit_at_last(first, line, request, found, Purpose::Read)
    }

    /// A write on its way to memory meets every copy of its processor, and leaves it as clean
    /// as it was. The others lose theirs.
    fn update_copies(&mut self, line: Line, request: Request) {
        self.take_from_others(line);
        let first = request.enters(self.shared.walks_enter);
        for &id in [first].iter().chain(first.below()) {
            let cache = self.cache(id);
            cache.find(cache.place(line), becomes::SAME);
        }
    }

    /// Gathers a write of write-combining memory.
    fn combine(&mut self, line: Line) -> Response {
        let own = self.processors.own();
        match own.combining.gather(line) {
            Gathered::Combined => own.counters.count_combined_write(),
            Gathered::Opened => own.counters.count_opened_buffer(),
            Gathered::Flushed => {
                own.counters.count_opened_buffer();
                own.counters.count_flushed_buffers(1);
                return self.shared.response_of_memory();
            }
        }
        self.response_of(CacheId::L1d)
    }

    fn flush_combining(&mut self) {
        let own = self.processors.own();
        let flushed = own.combining.flush();
        own.counters.count_flushed_buffers(flushed);
    }

    /// Takes every copy of the line out of the caches of all processors, and writes the line
    /// to memory if one is dirty.
    fn drop_line(&mut self, line: Line) {
        let mut had = self.processors.drop_all(line, Counters::count_drop);
        let counters = &mut self.processors.own().counters;
        if let Some(state) = self.shared.llc.take(line) {
            counters.count_drop(CacheId::Llc);
            had = had.max(Others::with(state));
        }
        if had == Others::Dirty {
            counters.count_snoop_write_back();
        }
    }
}
