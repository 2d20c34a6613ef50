use assoc::SetAssociative;
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
}

impl Cache {
    pub(crate) fn new(id: CacheId, config: &LevelConfig) -> Result<Self, ConfigError> {
        let lines = SetAssociative::new(config.geometry, config.index, config.replacement);
        Ok(Self {
            lines: lines.map_err(|source| ConfigError::Cache { cache: id, source })?,
            latency: config.latency,
        })
    }

    /// The copy of the line; finding it is a use.
    #[inline]
    pub(crate) fn find(&mut self, line: Line) -> Option<&mut LineState> {
        self.lines.get(line.number(), line.tag())
    }

    /// The copy of the line; finding it is no use.
    #[inline]
    pub(crate) fn peek(&self, line: Line) -> Option<LineState> {
        self.lines.peek(line.number(), line.tag()).copied()
    }

    /// Takes the copy of the line out.
    pub(crate) fn take(&mut self, line: Line) -> Option<LineState> {
        self.lines.remove(line.number(), line.tag())
    }

    /// Puts a line in that is not there, and returns the one that has to make room.
    pub(crate) fn put(&mut self, line: Line, state: LineState) -> Option<(Line, LineState)> {
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
