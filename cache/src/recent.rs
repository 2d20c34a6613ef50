use alloc::{boxed::Box, vec};

use assoc::{IndexFunction, Replacement};

use crate::{
    CacheId, LevelConfig,
    line::{Line, LineState},
};

/// The line of each set that was used last, if finding it once more would change nothing: so
/// that who finds it here need not look into the cache. Caches that are seldom the first to be
/// asked have nothing of the kind, nor have those whose sets the lowest bits of a line's number do
/// not choose.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    /// The number of each, and [`CLEAN`] unless it is dirty.
    lines: Box<[u64]>,
    /// The bits of a line's number that choose its set.
    mask: u64,
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
        let sets = config.geometry.sets();
        let is_simple = config.index == IndexFunction::Linear && sets.is_power_of_two();
        let sets = match id {
            CacheId::L1i | CacheId::L1d if is_simple => sets as usize,
            _ => 0,
        };
        let policy: Replacement = config.replacement;
        Self {
            lines: vec![NO_LINE; sets].into_boxed_slice(),
            mask: sets.saturating_sub(1) as u64,
            after_hit: unless(policy.is_idle_on_repeat()),
            after_insertion: unless(policy.is_idle_after_insertion()),
        }
    }

    /// Whether a request would find the line as the last use of its set left it, and change
    /// nothing.
    #[inline]
    pub(crate) fn repeats(&self, line: Line, writes: bool) -> bool {
        let ignored = if writes { 0 } else { CLEAN };
        let recent = self.lines.get(self.set_of(line));
        recent.is_some_and(|recent| recent & !ignored == line.number())
    }

    /// A request found the line, which is in this state now.
    #[inline]
    pub(crate) fn found(&mut self, line: Line, state: LineState) {
        self.note(line, noted(line, state) | self.after_hit);
    }

    /// The line was put in.
    #[inline]
    pub(crate) fn brought(&mut self, line: Line, state: LineState) {
        self.note(line, noted(line, state) | self.after_insertion);
    }

    /// Something else happened to the set.
    #[inline]
    pub(crate) fn forget(&mut self, line: Line) {
        self.note(line, NO_LINE);
    }

    #[inline]
    fn note(&mut self, line: Line, noted: u64) {
        let set = self.set_of(line);
        if let Some(recent) = self.lines.get_mut(set) {
            *recent = noted;
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a set number has 32 bits")]
    fn set_of(&self, line: Line) -> usize {
        (line.number() & self.mask) as usize
    }
}

/// A prefetched line is noted when a request finds it.
#[inline]
fn noted(line: Line, state: LineState) -> u64 {
    if state.is_prefetched() {
        return NO_LINE;
    }
    let clean = if state.is_dirty() { 0 } else { CLEAN };
    line.number() | clean
}
