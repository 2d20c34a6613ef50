use mmu_core::PhysAddr;

use crate::{FrameState, PageSlot, PhysicalPage, Status};

/// What is wrong with the database of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameFault {
    /// A list leads to a frame that says to be elsewhere.
    #[error("frame {:#x} is in another list than it says", .0.0)]
    Misplaced(PhysicalPage),
    /// The links of a list are not each other's reverse, or end too early or too late.
    #[error("frame {:#x} is not linked as its list needs it", .0.0)]
    Links(PhysicalPage),
    /// A frame says to be in a list, and is not.
    #[error("frame {:#x} is not in the list that it says", .0.0)]
    Unlisted(PhysicalPage),
    /// A frame that was never used has a record that says otherwise.
    #[error("frame {:#x} is used and among those that never were", .0.0)]
    Untouched(PhysicalPage),
    /// A zeroed frame holds something else.
    #[error("frame {:#x} is not zeros", .0.0)]
    NotZeros(PhysicalPage),
    /// A frame is not shown by as many entries as it says.
    #[error("frame {:#x} has {recorded} shares, and {counted} were found", .frame.0)]
    Shares {
        /// The frame.
        frame: PhysicalPage,
        /// What its record says.
        recorded: u32,
        /// What a look at every entry says.
        counted: u32,
    },
    /// A frame has other references than one for its shares and one each time that it is locked
    /// or read into, though nobody else is busy with it.
    #[error("frame {:#x} has {references} references", .frame.0)]
    References {
        /// The frame.
        frame: PhysicalPage,
        /// What its record says.
        references: u16,
    },
    /// A frame says that its page is being read and no read has it, or the reverse; or somebody
    /// uses the page already.
    #[error("frame {:#x} is not what it says as to being read", .0.0)]
    InFlight(PhysicalPage),
    /// A frame is in no state that it could be in, going by who has it.
    #[error("frame {:#x} is {state:?}, which does not suit who has it", .frame.0)]
    State {
        /// The frame.
        frame: PhysicalPage,
        /// What its record says.
        state: FrameState,
    },
    /// The entry that has a frame is not where its record says.
    #[error("frame {:#x} is not the frame of the entry that it names", .0.0)]
    Entry(PhysicalPage),
    /// Two entries have a frame that can have but one.
    #[error("frame {:#x} has two owners", .0.0)]
    Owners(PhysicalPage),
    /// A page was written, and its frame does not say so.
    #[error("frame {:#x} was written and does not say so", .0.0)]
    Written(PhysicalPage),
    /// A page table does not have as many entries in use as its record says.
    #[error("the table in frame {:#x} has {recorded} entries, and {counted} were found", .frame.0)]
    Used {
        /// The frame.
        frame: PhysicalPage,
        /// What its record says.
        recorded: u16,
        /// What a look at the table says.
        counted: u16,
    },
    /// An entry names a prototype entry that is not that of its page.
    #[error("the entry at {0} names the prototype entry of another page")]
    Pointer(PhysAddr),
    /// An entry shows what is no frame.
    #[error("an entry shows frame {:#x}, which there is not", .0.0)]
    NoFrame(PhysicalPage),
    /// Two pages have one slot of a page file.
    #[error("slot {} of page file {} has two owners", .0.slot, .0.file)]
    SlotOwners(PageSlot),
    /// Not all slots of the page files that are in use are some page's.
    #[error("{recorded} slots are in use, and {counted} were found")]
    Slots {
        /// What the page files say.
        recorded: u64,
        /// What a look at entries and frames says.
        counted: u64,
    },
    /// The frames of all states are not all frames.
    #[error("{counted} frames were found of {frames}")]
    Total {
        /// How many there are.
        frames: u64,
        /// How many were found in some state.
        counted: u64,
    },
    /// Not as many frames can be had as is counted.
    #[error("{recorded} frames can be had, and {counted} were found")]
    Available {
        /// What is counted as they come and go.
        recorded: u64,
        /// What the lists say.
        counted: u64,
    },
    /// The entries could not be looked at.
    #[error(transparent)]
    Unreadable(#[from] Status),
}
