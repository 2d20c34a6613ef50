//! What processors do to each other's lines.

use super::{Reach, Response, processors::Processors};
use crate::{
    Inclusion,
    line::{Line, LineState},
};

/// What the private caches of the other processors had of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Others {
    Nothing,
    Clean,
    Dirty,
}

impl Others {
    /// There is a copy in this state.
    pub(super) const fn with(state: LineState) -> Self {
        if state.is_dirty() {
            Self::Dirty
        } else {
            Self::Clean
        }
    }
}

impl<P: Processors> Reach<'_, P> {
    /// Makes every copy that other processors have a shared one, for a read.
    #[inline]
    pub(super) fn share_with_others(&mut self, line: Line) -> Others {
        let had = self.processors.share(line);
        self.write_back_for(line, had);
        had
    }

    /// Drops every copy that other processors have, for a write.
    #[inline]
    pub(super) fn take_from_others(&mut self, line: Line) -> Others {
        let had = self.processors.take(line);
        self.write_back_for(line, had);
        had
    }

    /// What another processor had dirty goes to the LLC; if that is exclusive, through it to
    /// memory, since an L2 is about to take the line.
    #[inline]
    fn write_back_for(&mut self, line: Line, had: Others) {
        if had != Others::Dirty {
            return;
        }
        let counters = &mut self.processors.own().counters;
        counters.count_peer_write_back();
        if self.shared.inclusion == Inclusion::Exclusive {
            counters.count_memory_write_back();
        } else {
            self.write_back_to_llc(line);
        }
    }

    /// A write found a shared copy in a cache of its own processor.
    pub(super) fn upgrade(&mut self, line: Line, response: &mut Response) {
        self.processors.own().counters.count_upgrade();
        if self.take_from_others(line) != Others::Nothing {
            response.latency = self.shared.peer_latency;
        }
    }
}
