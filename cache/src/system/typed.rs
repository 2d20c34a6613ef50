//! Accesses to memory of any type but write-back (SDM vol. 3, 12.3).

use units::MemoryType;

use super::{CacheSystem, Response, below::Purpose, coherence::Others};
use crate::{CacheId, Counters, Request, combining::Gathered, line::Line};

impl CacheSystem {
    /// A request to memory that is not write-back.
    #[cold]
    #[inline(never)]
    pub(super) fn access_typed(
        &mut self,
        by: usize,
        line: Line,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        if by >= self.processors.len() {
            return self.response_of_memory();
        }
        if !request.reads() {
            return self.write_typed(by, line, request, memory_type);
        }
        let read = self.read_typed(by, line, request, memory_type);
        if !request.writes() {
            return read;
        }
        let write = self.write_typed(by, line, request, memory_type);
        Response {
            served_by: read.served_by.max(write.served_by),
            latency: read.latency + write.latency,
        }
    }

    fn read_typed(
        &mut self,
        by: usize,
        line: Line,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        match memory_type {
            MemoryType::Uncacheable | MemoryType::WriteCombining => {
                self.drop_line(by, line);
                self.flush_combining(by);
                self.processors[by].counters.count_uncached_read();
                self.response_of_memory()
            }
            MemoryType::WriteThrough | MemoryType::WriteProtected | MemoryType::WriteBack => {
                self.read_cached(by, line, request)
            }
        }
    }

    fn write_typed(
        &mut self,
        by: usize,
        line: Line,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        match memory_type {
            MemoryType::Uncacheable => {
                self.drop_line(by, line);
                self.flush_combining(by);
                self.processors[by].counters.count_uncached_write();
            }
            MemoryType::WriteCombining => {
                self.drop_line(by, line);
                return self.combine(by, line);
            }
            // Write-back does not come here.
            MemoryType::WriteThrough | MemoryType::WriteBack => {
                self.update_copies(by, line, request);
                self.processors[by].counters.count_write_through();
            }
            MemoryType::WriteProtected => {
                self.drop_line(by, line);
                self.processors[by].counters.count_write_through();
            }
        }
        self.response_of_memory()
    }

    /// Reads as from write-back memory, also for a request that will write.
    fn read_cached(&mut self, by: usize, line: Line, request: Request) -> Response {
        let first = request.enters(self.walks_enter);
        let own = &mut self.processors[by];
        let Some(state) = own.caches[first.index()].find(line) else {
            return self.access_below(by, first, line, request, Purpose::Read);
        };
        let found = *state;
        *state = found.found();
        self.hit_at_last(by, first, line, request, found, Purpose::Read)
    }

    /// A write on its way to memory meets every copy of its processor, and leaves it as clean
    /// as it was. The others lose theirs.
    fn update_copies(&mut self, by: usize, line: Line, request: Request) {
        self.take_from_others(by, line);
        let first = request.enters(self.walks_enter);
        for &id in [first].iter().chain(first.below()) {
            self.cache(by, id).find(line);
        }
    }

    /// Gathers a write of write-combining memory.
    fn combine(&mut self, by: usize, line: Line) -> Response {
        let own = &mut self.processors[by];
        match own.combining.gather(line) {
            Gathered::Combined => own.counters.count_combined_write(),
            Gathered::Opened => own.counters.count_opened_buffer(),
            Gathered::Flushed => {
                own.counters.count_opened_buffer();
                own.counters.count_flushed_buffers(1);
                return self.response_of_memory();
            }
        }
        self.response_of(by, CacheId::L1d)
    }

    fn flush_combining(&mut self, by: usize) {
        let own = &mut self.processors[by];
        let flushed = own.combining.flush();
        own.counters.count_flushed_buffers(flushed);
    }

    /// Takes every copy of the line out of the caches of all processors, and writes the line
    /// to memory if one is dirty.
    fn drop_line(&mut self, by: usize, line: Line) {
        let mut had = Others::Nothing;
        for from in 0..self.processors.len() {
            had = had.max(self.give_up(from, line, Counters::count_drop));
        }
        let counters = &mut self.processors[by].counters;
        if let Some(state) = self.llc.take(line) {
            counters.count_drop(CacheId::Llc);
            had = had.max(Others::with(state));
        }
        if had == Others::Dirty {
            counters.count_snoop_write_back();
        }
    }
}
