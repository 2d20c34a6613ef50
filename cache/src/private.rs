use assoc::{Replacement, SetAssociative};
use units::Cycles;

use crate::{
    CacheId, ConfigError, Counters, HierarchyConfig, LevelConfig,
    combining::CombiningBuffers,
    line::{Line, LineState},
    strides::StrideTable,
};

/// One cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    lines: SetAssociative<LineState>,
    pub(crate) latency: Cycles,
    /// The number of the line that was found last, if nothing happened to the cache since:
    /// finding it once more would change nothing.
    last_read: u64,
    /// The same, if the line is dirty: neither would writing to it.
    last_written: u64,
    /// [`NO_LINE`] if finding a line twice is more than finding it once.
    forget: u64,
}

/// No line has this number, whatever bits are set besides.
const NO_LINE: u64 = u64::MAX;

impl Cache {
    pub(crate) fn new(id: CacheId, config: &LevelConfig) -> Result<Self, ConfigError> {
        let lines = SetAssociative::new(config.geometry, config.index, config.replacement);
        Ok(Self {
            lines: lines.map_err(|source| ConfigError::Cache { cache: id, source })?,
            latency: config.latency,
            last_read: NO_LINE,
            last_written: NO_LINE,
            forget: match config.replacement {
                // Its ages go down step by step.
                Replacement::Qlru(_) => NO_LINE,
                _ => 0,
            },
        })
    }

    /// Whether a request would find the line as the request before left it, and change
    /// nothing.
    #[inline]
    pub(crate) fn repeats(&self, line: Line, writes: bool) -> bool {
        let last = if writes {
            self.last_written
        } else {
            self.last_read
        };
        line.number() == last
    }

    /// A request found the line, which is in this state now.
    #[inline]
    pub(crate) fn note(&mut self, line: Line, state: LineState) {
        self.last_read = line.number() | self.forget;
        if state.is_dirty() {
            self.last_written = self.last_read;
        }
    }

    #[inline]
    fn forget_last(&mut self) {
        self.last_read = NO_LINE;
        self.last_written = NO_LINE;
    }

    /// The copy of the line; finding it is a use.
    #[inline]
    pub(crate) fn find(&mut self, line: Line) -> Option<&mut LineState> {
        self.forget_last();
        self.lines.get(line.number(), line.tag())
    }

    /// The copy of the line; finding it is no use.
    #[inline]
    pub(crate) fn peek(&self, line: Line) -> Option<LineState> {
        self.lines.peek(line.number(), line.tag()).copied()
    }

    /// Takes the copy of the line out.
    pub(crate) fn take(&mut self, line: Line) -> Option<LineState> {
        self.forget_last();
        self.lines.remove(line.number(), line.tag())
    }

    /// Puts a line in that is not there, and returns the one that has to make room.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub(crate) fn put(&mut self, line: Line, state: LineState) -> Option<(Line, LineState)> {
        self.forget_last();
        let evicted = self.lines.insert_new(line.number(), line.tag(), state)?;
        Some((Line::of_tag(evicted.tag), evicted.value))
    }

    /// Every line, in no order that means anything.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Line, LineState)> {
        let entries = self.lines.iter();
        entries.map(|(tag, &state)| (Line::of_tag(tag), state))
    }
}

/// What one processor has for itself.
#[derive(Clone, Debug)]
pub(crate) struct Private {
    /// In the order of [`CacheId::PRIVATE`].
    pub(crate) caches: [Cache; CacheId::PRIVATE.len()],
    pub(crate) combining: CombiningBuffers,
    pub(crate) strides: Option<StrideTable>,
    pub(crate) counters: Counters,
}

impl Private {
    pub(crate) fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            caches: [
                Cache::new(CacheId::L1i, &config.l1i)?,
                Cache::new(CacheId::L1d, &config.l1d)?,
                Cache::new(CacheId::L2, &config.l2)?,
            ],
            combining: CombiningBuffers::new(config.combining_buffers)?,
            strides: StrideTable::new(config.prefetch.stride)?,
            counters: Counters::new(config.walks_enter),
        })
    }

    #[inline]
    pub(crate) fn l2(&mut self) -> &mut Cache {
        &mut self.caches[CacheId::L2.index()]
    }
}
