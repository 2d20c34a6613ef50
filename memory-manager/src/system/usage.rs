/// When a process last did something: a call was made for it or an access by it, or one of its
/// pages was used by a processor of one's own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// How many calls and accesses there had been in all.
    last: u64,
    /// What that was when the last second began.
    known: u64,
    /// For how many seconds nothing was done.
    pub(super) idle: u64,
    pub(super) residence: Residence,
}

/// Whether the swapper has taken a process out of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Residence {
    #[default]
    In,
    Out,
}

impl Usage {
    /// Notes a call or an access, by its number.
    #[inline]
    pub(super) fn note(&mut self, call: u64) {
        self.last = call;
    }

    pub(super) fn is_out(&self) -> bool {
        self.residence == Residence::Out
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// A second has passed, in which so many pages were used.
    pub(super) fn pass_second(&mut self, used: u64) {
        if used > 0 || self.last != self.known {
            self.idle = 0;
        } else {
            self.idle += 1;
        }
        self.known = self.last;
    }
}
