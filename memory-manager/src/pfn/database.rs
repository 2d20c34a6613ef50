use std::num::{NonZeroU16, NonZeroU64};

use mmu_core::PhysAddr;

use super::{
    list::Listed,
    lists::{Lists, PRIORITIES, PageLists},
    record::{FrameFlags, FrameState, Record},
    untouched::Untouched,
};
use crate::{PhysicalPage, pte::Pte};

/// Frames whose records are made together: those of a MiB.
const CHUNK: usize = 1 << 8;

/// The records of the frames, made where one is first used.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    chunks: Vec<Option<Box<[Record; CHUNK]>>>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there is host memory for it"
)]
const fn place(frame: PhysicalPage) -> (usize, usize) {
    (frame.0 as usize / CHUNK, frame.0 as usize % CHUNK)
}

impl Records {
    pub(super) fn get(&self, frame: PhysicalPage) -> &Record {
        let (chunk, slot) = place(frame);
        match self.chunks.get(chunk) {
            Some(Some(chunk)) => &chunk[slot],
            _ => &Record::UNTOUCHED,
        }
    }

    pub(super) fn get_mut(&mut self, frame: PhysicalPage) -> &mut Record {
        let (chunk, slot) = place(frame);
        if chunk >= self.chunks.len() {
            self.chunks.resize_with(chunk + 1, || None);
        }
        &mut self.chunks[chunk].get_or_insert_with(make)[slot]
    }

    /// The frames below which all are that have records.
    pub(super) fn end(&self) -> u64 {
        (self.chunks.len() * CHUNK) as u64
    }

    /// Bytes of the host's memory that hold records.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let made = self.chunks.iter().flatten().count();
        made * CHUNK * size_of::<Record>()
            + self.chunks.len() * size_of::<Option<Box<[Record; CHUNK]>>>()
    }
}

#[cold]
fn make() -> Box<[Record; CHUNK]> {
    Box::new([Record::UNTOUCHED; CHUNK])
}

/// The frames of a machine: what each is in use for, and which can be had.
#[derive(Clone, Debug)]
pub(crate) struct FrameDatabase {
    frames: u64,
    pub(super) records: Records,
    pub(super) untouched: Untouched,
    colours: NonZeroU64,
    /// Of the next frame that is asked for.
    next_colour: u64,
    pub(super) lists: Lists,
}

/// What a frame is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To be read as zeros.
    Zeros,
    /// To be written over.
    Anything,
}

/// What a frame holds that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Zeros,
    Garbage,
}

/// A frame that was taken, and is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) frame: PhysicalPage,
    pub(crate) content: Content,
    /// What it was before, if it had an owner.
    pub(crate) evicted: Option<Evicted>,
}

/// A page that lost its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Evicted {
    /// Where the entry lies that had it.
    pub(crate) entry: PhysAddr,
    /// What that is to say.
    pub(crate) original: Pte,
    /// Whether that is a prototype entry.
    pub(crate) is_prototype: bool,
}

impl FrameDatabase {
    pub(crate) fn new(frames: u64, colours: NonZeroU16) -> Self {
        Self {
            frames,
            records: Records::default(),
            untouched: Untouched::new(frames),
            colours: colours.into(),
            next_colour: 0,
            lists: Lists::new(colours),
        }
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    pub(crate) fn record(&self, frame: PhysicalPage) -> &Record {
        self.records.get(frame)
    }

    pub(crate) fn record_mut(&mut self, frame: PhysicalPage) -> &mut Record {
        self.records.get_mut(frame)
    }

    #[cfg(test)]
    pub(crate) fn miscount(&mut self) {
        self.lists.miscount();
    }

    /// Bytes of the host's memory that hold records.
    #[cfg(test)]
    pub(crate) fn host_bytes(&self) -> usize {
        self.records.bytes()
    }

    pub(crate) fn page_lists(&self) -> PageLists {
        let lists = self.lists.page_lists();
        PageLists {
            zeroed: self.untouched.count() + lists.zeroed,
            ..lists
        }
    }

    /// How many frames can be had.
    pub(crate) fn available(&self) -> u64 {
        self.untouched.count() + self.lists.available()
    }

    /// Takes a frame, of the next colour if there is one.
    ///
    /// Which comes first is told in Windows Internals (literature only), but that frames which
    /// were never used come after those that were, so that they cost no host memory.
    pub(crate) fn take(&mut self, wanted: Wanted) -> Option<Taken> {
        let colour = self.colour();
        let free = || self.nearest(colour, |colour| Listed::Free { colour });
        let zeroed = || self.nearest(colour, |colour| Listed::Zeroed { colour });
        let listed = match wanted {
            Wanted::Zeros => zeroed().or_else(free),
            Wanted::Anything => free().or_else(zeroed),
        };
        if let Some(listed) = listed
            && let Some(frame) = self.lists.pop(&mut self.records, listed)
        {
            let content = match listed {
                Listed::Zeroed { .. } => Content::Zeros,
                _ => Content::Garbage,
            };
            return Some(self.taken(frame, content, None));
        }
        let untouched = match self.colours.get() {
            1 => self.untouched.take_lowest(),
            colours => self
                .untouched
                .take_colour(colour as u64, colours)
                .or_else(|| self.untouched.take_lowest()),
        };
        if let Some(frame) = untouched {
            return Some(self.taken(frame, Content::Zeros, None));
        }
        self.take_standby()
    }

    /// The frame that waits longest to be written to a page file.
    pub(crate) fn next_modified(&self) -> Option<PhysAddr> {
        let next = self.lists.get(Listed::ModifiedPrivate).first.frame();
        next.map(PhysicalPage::frame)
    }

    /// The frame that waits longest to be written to the file that it is of.
    pub(crate) fn next_mapped(&self) -> Option<PhysAddr> {
        let next = self.lists.get(Listed::ModifiedMapped).first.frame();
        next.map(PhysicalPage::frame)
    }

    /// The colour of the frame that is asked for now.
    fn colour(&mut self) -> usize {
        let colour = self.next_colour;
        self.next_colour = match colour + 1 {
            next if next == self.colours.get() => 0,
            next => next,
        };
        #[expect(clippy::cast_possible_truncation, reason = "there are 65,535 at most")]
        let colour = colour as usize;
        colour
    }

    /// The list of this colour, or of the next one that has a frame.
    fn nearest(&self, colour: usize, of: impl Fn(usize) -> Listed) -> Option<Listed> {
        let has_frames = |&listed: &Listed| self.lists.get(listed).length > 0;
        let others = || {
            let colours = (colour + 1..self.lists.colours()).chain(0..colour);
            colours.map(&of).find(has_frames)
        };
        Some(of(colour)).filter(has_frames).or_else(others)
    }

    #[cold]
    pub(crate) fn take_standby(&mut self) -> Option<Taken> {
        let mut lists = (0..PRIORITIES).map(|priority| Listed::Standby { priority });
        let listed = lists.find(|&listed| self.lists.get(listed).length > 0)?;
        let frame = self.lists.pop(&mut self.records, listed)?;
        let evicted = self.evicted(frame);
        Some(self.taken(frame, Content::Garbage, evicted))
    }

    /// Whose page a frame on standby is.
    fn evicted(&self, frame: PhysicalPage) -> Option<Evicted> {
        let record = self.records.get(frame);
        Some(Evicted {
            entry: record.entry()?,
            original: record.original,
            is_prototype: record.is(FrameFlags::PROTOTYPE),
        })
    }

    fn taken(&mut self, frame: PhysicalPage, content: Content, evicted: Option<Evicted>) -> Taken {
        *self.records.get_mut(frame) = Record::TAKEN;
        Taken {
            frame,
            content,
            evicted,
        }
    }

    /// So many frames in one piece that starts at a multiple of their count, of those that can
    /// be had: that were never used, or that are nobody's, or even on standby.
    pub(crate) fn find_piece(&self, frames: u64) -> Option<PhysicalPage> {
        let unowned = |state| matches!(state, FrameState::Zeroed | FrameState::Free);
        self.untouched
            .find_piece(frames)
            .or_else(|| self.find_piece_of(frames, unowned))
            .or_else(|| self.find_piece_of(frames, FrameState::is_available))
    }

    fn find_piece_of(
        &self,
        frames: u64,
        suits: impl Fn(FrameState) -> bool,
    ) -> Option<PhysicalPage> {
        let known = self.records.end().next_multiple_of(frames);
        let end = known.min(self.frames / frames * frames);
        let starts = (0..end).step_by(usize::try_from(frames).ok()?);
        let mut pieces = starts.filter(|&first| {
            let mut piece = (first..first + frames).map(PhysicalPage);
            piece.all(|frame| suits(self.records.get(frame).state))
        });
        pieces.next().map(PhysicalPage)
    }

    /// Takes a certain frame that can be had.
    pub(crate) fn take_this(&mut self, frame: PhysicalPage) -> Taken {
        let record = *self.records.get(frame);
        let mut content = Content::Garbage;
        if record == Record::UNTOUCHED && self.is_untouched(frame) {
            self.untouched.remove(frame.0, frame.0 + 1);
            content = Content::Zeros;
        } else {
            self.unlink(frame);
            if record.state == FrameState::Zeroed {
                content = Content::Zeros;
            }
        }
        let evicted = match record.state {
            FrameState::Standby => self.evicted(frame),
            _ => None,
        };
        self.taken(frame, content, evicted)
    }

    pub(super) fn is_untouched(&self, frame: PhysicalPage) -> bool {
        let mut ranges = self.untouched.ranges();
        ranges.any(|(first, end)| (first..end).contains(&frame.0))
    }

    /// Puts a frame that nobody needs to the free ones, those given back last to be used first.
    pub(crate) fn free(&mut self, frame: PhysicalPage) {
        *self.records.get_mut(frame) = Record::FREE;
        let colour = self.colour_of(frame);
        let listed = Listed::Free { colour };
        self.lists.push_first(&mut self.records, listed, frame);
    }

    /// Puts a frame that was taken, and is zeros, to those.
    pub(crate) fn give_zeroed(&mut self, frame: PhysicalPage) {
        *self.records.get_mut(frame) = Record::UNTOUCHED;
        let colour = self.colour_of(frame);
        let listed = Listed::Zeroed { colour };
        self.lists.push_first(&mut self.records, listed, frame);
    }

    /// Takes a free frame, to zero it.
    pub(crate) fn take_free(&mut self) -> Option<PhysicalPage> {
        let listed = self.nearest(0, |colour| Listed::Free { colour })?;
        let frame = self.lists.pop(&mut self.records, listed)?;
        Some(self.taken(frame, Content::Garbage, None).frame)
    }

    /// Puts a frame that was taken to those that are not to be used.
    pub(crate) fn give_up(&mut self, frame: PhysicalPage) {
        *self.records.get_mut(frame) = Record::BAD;
        self.lists.push_last(&mut self.records, Listed::Bad, frame);
    }

    /// Puts a frame that nobody uses to the ones of its kind: written ones to be written, others
    /// to be taken when there is no better one.
    pub(crate) fn retire(&mut self, frame: PhysicalPage) {
        let record = self.records.get(frame);
        let listed = if record.is(FrameFlags::NO_WRITE) {
            Listed::ModifiedNoWrite
        } else if !record.is(FrameFlags::MODIFIED) {
            Listed::Standby {
                priority: record.priority.into(),
            }
        } else if record.original.in_file().is_some() {
            Listed::ModifiedMapped
        } else {
            Listed::ModifiedPrivate
        };
        self.records.get_mut(frame).state = listed.state();
        self.lists.push_last(&mut self.records, listed, frame);
    }

    /// Takes a frame out of the list that it is in: it is on its way then.
    pub(crate) fn unlink(&mut self, frame: PhysicalPage) {
        if let Some(listed) = self.listed(frame) {
            self.lists.remove(&mut self.records, listed, frame);
            self.records.get_mut(frame).state = FrameState::Transition;
        }
    }

    /// The list that a frame is in, going by its record.
    pub(super) fn listed(&self, frame: PhysicalPage) -> Option<Listed> {
        let record = self.records.get(frame);
        let colour = self.colour_of(frame);
        match record.state {
            FrameState::Zeroed => Some(Listed::Zeroed { colour }),
            FrameState::Free => Some(Listed::Free { colour }),
            FrameState::Standby => Some(Listed::Standby {
                priority: record.priority.into(),
            }),
            FrameState::Modified if record.original.in_file().is_some() => {
                Some(Listed::ModifiedMapped)
            }
            FrameState::Modified => Some(Listed::ModifiedPrivate),
            FrameState::ModifiedNoWrite => Some(Listed::ModifiedNoWrite),
            FrameState::Bad => Some(Listed::Bad),
            FrameState::Active | FrameState::Transition => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are 65,535 at most")]
    pub(super) fn colour_of(&self, frame: PhysicalPage) -> usize {
        (frame.0 % self.colours) as usize
    }
}
