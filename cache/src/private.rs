use assoc::{Evicted, Marks, Place, Remark, Sought, TagArray};
use units::Cycles;

use crate::{
    CacheId, ConfigError, Counters, HierarchyConfig, LevelConfig,
    combining::CombiningBuffers,
    line::{Line, LineState},
    recent::Recent,
    strides::StrideTable,
};

/// One cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    lines: TagArray,
    pub(crate) latency: Cycles,
    pub(crate) recent: Recent,
}

impl Cache {
    pub(crate) fn new(id: CacheId, config: &LevelConfig) -> Result<Self, ConfigError> {
        let lines = TagArray::new(config.geometry, config.index, config.replacement);
        Ok(Self {
            lines: lines.map_err(|source| ConfigError::Cache { cache: id, source })?,
            latency: config.latency,
            recent: Recent::new(id, config),
        })
    }

    /// Where the line belongs.
    #[inline]
    pub(crate) fn place(&self, line: Line) -> Place {
        self.lines.place(line.number(), line.tag())
    }

    /// Has the host fetch the sets of lines.
    pub(crate) fn prefetch(&self, lines: impl Iterator<Item = Line>) {
        self.lines.prefetch(lines.map(Line::number));
    }

    /// The state of the copy of the line; finding it is a use, and changes the state.
    #[inline]
    pub(crate) fn find(&mut self, at: Place, becomes: Remark) -> Option<LineState> {
        let found = self.lines.find(at, becomes).map(LineState::of)?;
        self.recent
            .found(Line::of_tag(at.tag()), found.after(becomes));
        Some(found)
    }

    /// The copy of the line; finding it is no use.
    #[inline]
    pub(crate) fn peek(&self, line: Line) -> Option<LineState> {
        self.lines.peek(self.place(line)).map(LineState::of)
    }

    /// Takes the copy of the line out.
    pub(crate) fn take(&mut self, line: Line) -> Option<LineState> {
        let at = self.place(line);
        self.recent.forget(line);
        self.lines.take(at).map(LineState::of)
    }

    /// Puts a line in that is not there, and returns the one that has to make room.
    #[inline]
    pub(crate) fn put(&mut self, at: Place, state: LineState) -> Option<(Line, LineState)> {
        self.recent.brought(Line::of_tag(at.tag()), state);
        let evicted = self.lines.put(at, state.marks())?;
        Some(given_up(evicted))
    }

    /// Finds the copy of the line, which is a use and changes its state; if there is none, puts
    /// the line in, and returns the one that has to make room. Of a cache that is seldom the
    /// first to be asked.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes of it need not go through memory"
    )]
    pub(crate) fn find_or_put(&mut self, line: Line, becomes: Remark, state: LineState) -> Sought {
        let at = self.place(line);
        self.lines.find_or_put(at, becomes, state.marks())
    }

    /// The same of any cache.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes of it need not go through memory"
    )]
    pub(crate) fn find_or_put_first(
        &mut self,
        line: Line,
        becomes: Remark,
        state: LineState,
    ) -> Sought {
        let sought = self.find_or_put(line, becomes, state);
        match sought {
            Sought::Found(found) => {
                let state = LineState::of(found).after(becomes);
                self.recent.found(line, state);
            }
            Sought::Put(_) => self.recent.brought(line, state),
        }
        sought
    }

    /// Every line, in no order that means anything.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Line, LineState)> {
        let lines = self.lines.iter();
        lines.map(|(tag, marks)| (Line::of_tag(tag), LineState::of(marks)))
    }
}

/// A line that had to make room, and its state.
#[inline]
pub(crate) const fn given_up(evicted: Evicted<Marks>) -> (Line, LineState) {
    (Line::of_tag(evicted.tag), LineState::of(evicted.value))
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
