use super::{database::Records, record::FrameState};
use crate::PhysicalPage;

/// A frame or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(u64);

impl Link {
    pub(super) const NONE: Self = Self(u64::MAX);

    pub(super) const fn to(frame: PhysicalPage) -> Self {
        Self(frame.0)
    }

    pub(super) fn frame(self) -> Option<PhysicalPage> {
        (self != Self::NONE).then_some(PhysicalPage(self.0))
    }
}

/// Frames that are linked by their numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) first: Link,
    pub(super) last: Link,
    pub(super) length: u64,
}

impl List {
    pub(super) const EMPTY: Self = Self {
        first: Link::NONE,
        last: Link::NONE,
        length: 0,
    };

    pub(super) fn push_first(&mut self, records: &mut Records, frame: PhysicalPage) {
        let next = std::mem::replace(&mut self.first, Link::to(frame));
        let record = records.get_mut(frame);
        (record.next, record.previous) = (next, Link::NONE);
        match next.frame() {
            Some(next) => records.get_mut(next).previous = Link::to(frame),
            None => self.last = Link::to(frame),
        }
        self.length += 1;
    }

    pub(super) fn push_last(&mut self, records: &mut Records, frame: PhysicalPage) {
        let previous = std::mem::replace(&mut self.last, Link::to(frame));
        let record = records.get_mut(frame);
        (record.next, record.previous) = (Link::NONE, previous);
        match previous.frame() {
            Some(previous) => records.get_mut(previous).next = Link::to(frame),
            None => self.first = Link::to(frame),
        }
        self.length += 1;
    }

    /// Takes the first frame out, and leaves its record as it is.
    pub(super) fn pop_first(&mut self, records: &mut Records) -> Option<PhysicalPage> {
        let frame = self.first.frame()?;
        self.first = records.get(frame).next;
        match self.first.frame() {
            Some(first) => records.get_mut(first).previous = Link::NONE,
            None => self.last = Link::NONE,
        }
        self.length -= 1;
        Some(frame)
    }

    /// Takes a frame out that is in the list.
    pub(super) fn remove(&mut self, records: &mut Records, frame: PhysicalPage) {
        let record = records.get_mut(frame);
        let (next, previous) = (record.next, record.previous);
        (record.next, record.previous) = (Link::NONE, Link::NONE);
        match previous.frame() {
            Some(previous) => records.get_mut(previous).next = next,
            None => self.first = next,
        }
        match next.frame() {
            Some(next) => records.get_mut(next).previous = previous,
            None => self.last = previous,
        }
        self.length -= 1;
    }
}

/// Which list a frame is in, or is to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Listed {
    Zeroed {
        colour: usize,
    },
    Free {
        colour: usize,
    },
    Standby {
        priority: usize,
    },
    /// To be written to a page file.
    ModifiedPrivate,
    /// To be written to the file that it is of.
    ModifiedMapped,
    ModifiedNoWrite,
    Bad,
}

impl Listed {
    pub(super) fn state(self) -> FrameState {
        match self {
            Self::Zeroed { .. } => FrameState::Zeroed,
            Self::Free { .. } => FrameState::Free,
            Self::Standby { .. } => FrameState::Standby,
            Self::ModifiedPrivate | Self::ModifiedMapped => FrameState::Modified,
            Self::ModifiedNoWrite => FrameState::ModifiedNoWrite,
            Self::Bad => FrameState::Bad,
        }
    }
}
