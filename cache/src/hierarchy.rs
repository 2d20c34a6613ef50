use assoc::SetAssociative;
use units::{Cycles, MemoryType, PhysAddr, ProcessorId};

use crate::{
    CacheId, ConfigError, Counters, HierarchyConfig, LevelConfig, Request, ServedBy, WalkPort,
    combining::CombiningBuffers,
    line::{Line, LineState},
};

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Where the line was; memory, where memory had to be waited for.
    pub served_by: ServedBy,
    /// How long it took.
    pub latency: Cycles,
}

#[derive(Clone, Debug)]
struct Cache {
    lines: SetAssociative<LineState>,
    latency: Cycles,
}

/// The caches of one processor, empty at first, and the memory behind them.
#[derive(Clone, Debug)]
pub struct CacheSystem {
    /// In the order of [`CacheId::ALL`].
    caches: [Cache; CacheId::ALL.len()],
    memory_latency: Cycles,
    walks_enter: WalkPort,
    combining: CombiningBuffers,
    counters: Counters,
}

impl CacheSystem {
    /// An empty hierarchy.
    ///
    /// # Errors
    /// [`ConfigError::Cache`] if the index function of a cache does not fit its geometry,
    /// [`ConfigError::CombiningBuffers`] if there are none of these, or more than a set has
    /// ways.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            caches: [
                Cache::new(CacheId::L1i, &config.l1i)?,
                Cache::new(CacheId::L1d, &config.l1d)?,
                Cache::new(CacheId::L2, &config.l2)?,
                Cache::new(CacheId::Llc, &config.llc)?,
            ],
            memory_latency: config.memory_latency,
            walks_enter: config.walks_enter,
            combining: CombiningBuffers::new(config.combining_buffers)?,
            counters: Counters::new(config.walks_enter),
        })
    }

    /// Makes the request of the one line that holds the byte at `at`. An access that crosses
    /// into another line takes one request for each.
    #[inline]
    pub fn access(
        &mut self,
        _by: ProcessorId,
        at: PhysAddr,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        let line = Line::holding(at);
        if memory_type != MemoryType::WriteBack {
            return self.access_typed(line, request, memory_type);
        }
        let first = request.enters(self.walks_enter);
        let cache = &mut self.caches[first.index()];
        let Some(state) = cache.lines.get(line.number(), line.tag()) else {
            let state = if request.writes() {
                LineState::Dirty
            } else {
                LineState::Clean
            };
            return self.access_below(first, line, request, state);
        };
        if request.writes() {
            *state = LineState::Dirty;
        }
        self.counters.count_served(request, first.level());
        Response {
            served_by: first.level(),
            latency: cache.latency,
        }
    }

    /// What has happened since the hierarchy was built or [`Self::reset_counters`].
    /// The processors.
    pub fn processors(&self) -> impl Iterator<Item = ProcessorId> {
        (0..1).filter_map(ProcessorId::new)
    }

    /// What has happened.
    pub fn counters(&self, _by: ProcessorId) -> &Counters {
        &self.counters
    }

    /// Sets every counter to zero and leaves the caches as they are: after a warm-up.
    pub fn reset_counters(&mut self) {
        self.counters = Counters::new(self.walks_enter);
    }

    /// The rest of an access that missed in its first cache, where the line will be in this
    /// state.
    #[cold]
    #[inline(never)]
    fn access_below(
        &mut self,
        first: CacheId,
        line: Line,
        request: Request,
        state: LineState,
    ) -> Response {
        let below = first.below();
        let holder = below.iter().position(|id| {
            let lines = &mut self.caches[id.index()].lines;
            lines.get(line.number(), line.tag()).is_some()
        });
        let (missed, response) = match holder {
            Some(place) => (&below[..place], self.response_of(below[place])),
            None => (below, self.response_of_memory()),
        };
        // The lowest cache first, so that a dirty line a fill pushes out finds the caches
        // below already settled.
        for &id in missed.iter().rev() {
            self.put(id, line, LineState::Clean);
        }
        self.put(first, line, state);
        self.counters.count_served(request, response.served_by);
        response
    }

    /// Puts a line into a cache that does not hold it, and writes back what has to make room.
    fn put(&mut self, id: CacheId, line: Line, state: LineState) {
        let lines = &mut self.caches[id.index()].lines;
        let Some(evicted) = lines.insert_new(line.number(), line.tag(), state) else {
            return;
        };
        self.counters.count_eviction(id);
        if evicted.value == LineState::Dirty {
            self.counters.count_write_back(id);
            if let Some(&next) = id.below().first() {
                self.write_back(next, Line::of_tag(evicted.tag));
            }
        }
    }

    /// Takes a dirty line that the cache above gives up.
    fn write_back(&mut self, id: CacheId, line: Line) {
        let lines = &mut self.caches[id.index()].lines;
        match lines.get(line.number(), line.tag()) {
            Some(state) => *state = LineState::Dirty,
            None => self.put(id, line, LineState::Dirty),
        }
    }

    fn response_of(&self, id: CacheId) -> Response {
        Response {
            served_by: id.level(),
            latency: self.caches[id.index()].latency,
        }
    }

    fn response_of_memory(&self) -> Response {
        Response {
            served_by: ServedBy::Memory,
            latency: self.memory_latency,
        }
    }
}

impl Cache {
    fn new(id: CacheId, config: &LevelConfig) -> Result<Self, ConfigError> {
        let lines = SetAssociative::new(config.geometry, config.index, config.replacement);
        Ok(Self {
            lines: lines.map_err(|source| ConfigError::Cache { cache: id, source })?,
            latency: config.latency,
        })
    }
}

mod typed;

#[cfg(test)]
mod tests;
