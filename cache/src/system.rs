use alloc::{boxed::Box, vec::Vec};

use units::{Cycles, MemoryType, PhysAddr, ProcessorId};

use below::Purpose;
use processors::{Alone, Processors, Several};

use crate::{
    CacheId, ConfigError, Counters, HierarchyConfig, Inclusion, NextLine, Request, ServedBy,
    WalkPort,
    line::Line,
    presence::Presence,
    private::{Cache, Private},
};

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Where the line was; memory, where memory had to be waited for.
    pub served_by: ServedBy,
    /// How long it took.
    pub latency: Cycles,
}

/// The caches of all processors of a machine, empty at first, and the memory behind them.
#[derive(Clone, Debug)]
pub struct CacheSystem {
    /// By their numbers.
    processors: Box<[Private]>,
    presence: Presence,
    shared: Shared,
    /// Whether requests may come [from the top](top).
    is_usual: bool,
    /// The counters of a processor that is not there.
    nothing: Counters,
}

/// What all processors have in common.
#[derive(Clone, Debug)]
struct Shared {
    llc: Cache,
    memory_latency: Cycles,
    peer_latency: Cycles,
    walks_enter: WalkPort,
    inclusion: Inclusion,
    next_line: NextLine,
}

/// What a processor's request reaches.
#[derive(Debug)]
struct Reach<'a, P> {
    processors: P,
    shared: &'a mut Shared,
}

impl CacheSystem {
    /// Empty caches.
    ///
    /// # Errors
    /// [`ConfigError::Cache`] if the index function of a cache does not fit its geometry,
    /// [`ConfigError::CombiningBuffers`] if there are none of these, or more than a set has
    /// ways, [`ConfigError::Processors`] unless there are 1 to 64 processors,
    /// [`ConfigError::TooLarge`] if there are more than [`HierarchyConfig::MAX_LINES`] lines,
    /// [`ConfigError::StrideLines`] and [`ConfigError::StridePages`] if the stride prefetcher
    /// has nothing to do, or too much.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        let count = config.processors;
        if count == 0 || count > ProcessorId::COUNT {
            return Err(ConfigError::Processors { count });
        }
        let lines = config.lines();
        if lines > HierarchyConfig::MAX_LINES {
            return Err(ConfigError::TooLarge { lines });
        }
        let processors: Result<Vec<_>, _> = (0..count).map(|_| Private::new(config)).collect();
        Ok(Self {
            processors: processors?.into_boxed_slice(),
            presence: Presence::new(config),
            shared: Shared {
                llc: Cache::new(CacheId::Llc, &config.llc)?,
                memory_latency: config.memory_latency,
                peer_latency: config.peer_latency,
                walks_enter: config.walks_enter,
                inclusion: config.inclusion,
                next_line: config.prefetch.next_line,
            },
            is_usual: count == 1 && config.inclusion == Inclusion::Free,
            nothing: Counters::new(config.walks_enter),
        })
    }

    /// The processors there are.
    pub fn processors(&self) -> impl ExactSizeIterator<Item = ProcessorId> + Clone + use<> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        ProcessorId::first(self.processors.len() as u32)
    }

    /// Makes a processor's request of the one line that holds the byte at `at`. An access that
    /// crosses into another line takes one request for each.
    ///
    /// A processor that is not [there](Self::processors) has no caches: its requests take as
    /// long as memory does, change nothing and are not counted.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "most requests repeat the last one of their set, which is little more than a call"
    )]
    pub fn access(
        &mut self,
        by: ProcessorId,
        at: PhysAddr,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        let Some(own) = self.processors.get_mut(by.index()) else {
            return self.shared.response_of_memory();
        };
        let first = request.enters(self.shared.walks_enter);
        let cache = &own.caches[first.index()];
        let line = Line::holding(at);
        if memory_type == MemoryType::WriteBack && cache.recent.repeats(line, request.writes()) {
            own.counters.count_served(request, first.level());
            return Response {
                served_by: first.level(),
                latency: cache.latency,
            };
        }
        self.access_anew(by, at, request, memory_type)
    }

    /// As [`Self::access`], of what need not [repeat](Self::repeats) the last use of its set.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is little more than a call")]
    pub fn access_anew(
        &mut self,
        by: ProcessorId,
        at: PhysAddr,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        if by.index() >= self.processors.len() {
            return self.shared.response_of_memory();
        }
        let first = request.enters(self.shared.walks_enter);
        let line = Line::holding(at);
        if self.is_usual && memory_type == MemoryType::WriteBack && first != CacheId::L2 {
            return if request.writes() {
                self.access_from_the_top::<top::Write>(first, line, request)
            } else {
                self.access_from_the_top::<top::Read>(first, line, request)
            };
        }
        self.access_another(by.index(), line, request, memory_type)
    }

    /// How long a processor's request of write-back memory would take, if it would find its line
    /// where it enters as the last use of the set left it: so that it would change nothing but a
    /// count.
    #[inline]
    pub fn repeats(&self, by: ProcessorId, at: PhysAddr, request: Request) -> Option<Cycles> {
        let own = self.processors.get(by.index())?;
        let cache = &own.caches[request.enters(self.shared.walks_enter).index()];
        let repeats = cache.recent.repeats(Line::holding(at), request.writes());
        repeats.then_some(cache.latency)
    }

    /// Has the host fetch what requests of the lines that hold these bytes will look at in the
    /// last-level cache, which is more than its own caches hold. Nothing else comes of it.
    pub fn prefetch(&self, at: &[PhysAddr]) {
        self.shared
            .llc
            .prefetch(at.iter().copied().map(Line::holding));
    }

    /// An access that does not repeat the last one of its set.
    #[inline(never)]
    fn access_another(
        &mut self,
        by: usize,
        line: Line,
        request: Request,
        memory_type: MemoryType,
    ) -> Response {
        let shared = &mut self.shared;
        if let [own] = &mut *self.processors {
            let processors = Alone(own);
            return Reach { processors, shared }.access(line, request, memory_type);
        }
        let processors = Several {
            all: &mut self.processors,
            presence: &mut self.presence,
            by,
        };
        Reach { processors, shared }.access(line, request, memory_type)
    }

    /// What a processor's requests have done since the caches were built or
    /// [`Self::reset_counters`]: nothing, if it is not [there](Self::processors).
    pub fn counters(&self, by: ProcessorId) -> &Counters {
        let own = self.processors.get(by.index());
        own.map_or(&self.nothing, |own| &own.counters)
    }

    /// The sum of the counters of all processors.
    pub fn total(&self) -> Counters {
        let mut total = self.nothing.clone();
        for own in &self.processors {
            total += &own.counters;
        }
        total
    }

    /// Sets every counter to zero and leaves the caches as they are: after a warm-up.
    pub fn reset_counters(&mut self) {
        for own in &mut self.processors {
            own.counters = self.nothing.clone();
        }
    }
}

impl Shared {
    fn response_of_memory(&self) -> Response {
        Response {
            served_by: ServedBy::Memory,
            latency: self.memory_latency,
        }
    }
}

impl<P: Processors> Reach<'_, P> {
    #[inline(never)]
    fn access(mut self, line: Line, request: Request, memory_type: MemoryType) -> Response {
        if memory_type != MemoryType::WriteBack {
            return self.access_typed(line, request, memory_type);
        }
        let first = request.enters(self.shared.walks_enter);
        let purpose = Purpose::of(request);
        let cache = &mut self.processors.own().caches[first.index()];
        let at = cache.place(line);
        match cache.find(at, purpose.becomes()) {
            Some(found) => self.hit(first, line, request, found),
            None => self.access_below(first, at, request, purpose),
        }
    }

    fn response_of(&mut self, id: CacheId) -> Response {
        Response {
            served_by: id.level(),
            latency: self.cache(id).latency,
        }
    }

    /// The cache that the requests meet.
    fn cache(&mut self, id: CacheId) -> &mut Cache {
        let own = self.processors.own();
        own.caches
            .get_mut(id.index())
            .unwrap_or(&mut self.shared.llc)
    }
}

mod below;
mod coherence;
mod prefetch;
mod processors;
mod room;
mod top;
mod typed;

#[cfg(test)]
mod tests;
