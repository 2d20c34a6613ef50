//! Accesses to memory of any type but write-back (SDM vol. 3, 12.3).

use units::MemoryType;

use super::{CacheSystem, Response};
use crate::{
    CacheId, Request,
    combining::Gathered,
    line::{Line, LineState},
};

impl CacheSystem {
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
                self.counters.count_uncached_read();
                self.response_of_memory()
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
                self.counters.count_uncached_write();
            }
            MemoryType::WriteCombining => {
                self.drop_line(line);
                return self.combine(line);
            }
            // Write-back does not come here.
            MemoryType::WriteThrough | MemoryType::WriteBack => {
                self.update_copies(line, request);
                self.counters.count_write_through();
            }
            MemoryType::WriteProtected => {
                self.drop_line(line);
                self.counters.count_write_through();
            }
        }
        self.response_of_memory()
    }

    /// Reads as from write-back memory, also for a request that will write.
    fn read_cached(&mut self, line: Line, request: Request) -> Response {
        let first = request.enters(self.walks_enter);
        let lines = &mut self.caches[first.index()].lines;
        if lines.get(line.number(), line.tag()).is_none() {
            return self.access_below(first, line, request, LineState::Clean);
        }
        self.counters.count_served(request, first.level());
        self.response_of(first)
    }

    /// A write on its way to memory meets every copy, and leaves it as clean as it was.
    fn update_copies(&mut self, line: Line, request: Request) {
        let first = request.enters(self.walks_enter);
        for &id in [first].iter().chain(first.below()) {
            let lines = &mut self.caches[id.index()].lines;
            lines.get(line.number(), line.tag());
        }
    }

    /// Gathers a write of write-combining memory.
    fn combine(&mut self, line: Line) -> Response {
        match self.combining.gather(line) {
            Gathered::Combined => self.counters.count_combined_write(),
            Gathered::Opened => self.counters.count_opened_buffer(),
            Gathered::Flushed => {
                self.counters.count_opened_buffer();
                self.counters.count_flushed_buffers(1);
                return self.response_of_memory();
            }
        }
        self.response_of(CacheId::L1d)
    }

    fn flush_combining(&mut self) {
        let flushed = self.combining.flush();
        self.counters.count_flushed_buffers(flushed);
    }

    /// Takes every copy of the line out of the caches, and writes the line to memory if one
    /// is dirty.
    fn drop_line(&mut self, line: Line) {
        let mut state = LineState::Clean;
        for id in CacheId::ALL {
            let lines = &mut self.caches[id.index()].lines;
            if let Some(copy) = lines.remove(line.number(), line.tag()) {
                self.counters.count_drop(id);
                if copy == LineState::Dirty {
                    state = LineState::Dirty;
                }
            }
        }
        if state == LineState::Dirty {
            self.counters.count_snoop_write_back();
        }
    }
}
