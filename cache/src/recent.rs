use alloc::{boxed::Box, vec};

use assoc::{Place, Replacement};

use crate::{CacheId, LevelConfig, line::LineState};

/// The line of each set that was used last, if finding it once more would change nothing: so
/// that who finds it here need not look into the cache. Caches that are seldom the first to be
/// asked have nothing of the kind.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    /// The number of each, and [`CLEAN`] unless it is dirty.
    lines: Box<[u64]>,
    /// [`NO_LINE`] if the second hit in a row is more than the first.
    after_hit: u64,
    /// The same of the first hit after the insertion.
    after_insertion: u64,
}

/// Writing to the line would change something.
const CLEAN: u64 = 1 << 63;

/// No line has this number.
const NO_LINE: u64 = u64::MAX;

impl Recent {
    pub(crate) fn new(id: CacheId, config: &LevelConfig) -> Self {
        const fn unless(idle: bool) -> u64 {
            if idle { 0 } else { NO_LINE }
        }
        let sets = match id {
            CacheId::L1i | CacheId::L1d => config.geometry.sets() as usize,
            CacheId::L2 | CacheId::Llc => 0,
        };
        let policy: Replacement = config.replacement;
        Self {
            lines: vec![NO_LINE; sets].into_boxed_slice(),
            after_hit: unless(policy.is_idle_on_repeat()),
            after_insertion: unless(policy.is_idle_after_insertion()),
        }
    }

    /// Whether a request would find the line as the last use of its set left it, and change
    /// nothing.
    #[inline]
    pub(crate) fn repeats(&self, at: Place, writes: bool) -> bool {
        let ignored = if writes { 0 } else { CLEAN };
        let recent = self.lines.get(at.set());
        recent.is_some_and(|recent| recent & !ignored == at.tag().as_u64())
    }

    /// A request found the line, which is in this state now.
    #[inline]
    pub(crate) fn found(&mut self, at: Place, state: LineState) {
        self.note(at, noted(at, state) | self.after_hit);
    }

    /// The line was put in.
    #[inline]
    pub(crate) fn brought(&mut self, at: Place, state: LineState) {
        self.note(at, noted(at, state) | self.after_insertion);
    }

    /// Something else happened to the set.
    #[inline]
    pub(crate) fn forget(&mut self, at: Place) {
        self.note(at, NO_LINE);
    }

    #[inline]
    fn note(&mut self, at: Place, line: u64) {
        if let Some(recent) = self.lines.get_mut(at.set()) {
            *recent = line;
        }
    }
}

/// A prefetched line is noted when a request finds it.
#[inline]
fn noted(at: Place, state: LineState) -> u64 {
    if state.is_prefetched() {
        return NO_LINE;
    }
    let clean = if state.is_dirty() { 0 } else { CLEAN };
    at.tag().as_u64() | clean
}
