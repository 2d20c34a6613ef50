//! Each operation of a page file and a mapped file goes wrong in turn, in each way, while
//! processes use and end with private memory, a section and a mapped file in too little memory.

use std::ops::Range;

mod device;
mod world;

use device::Operation;
use world::{Outcome, World};

use super::*;
use crate::{DiskFault, DiskFaults, IoOwner};

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Once(DiskFault),
    /// A part is done, and with the rest this goes wrong.
    InTheMidst(DiskFault),
    /// With it and all that follow.
    Lasting(DiskFault),
}

/// Which operation it is, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    operation: usize,
    trouble: Trouble,
}

impl Plan {
    fn give(self, faults: &DiskFaults) {
        let operation = self.operation as u64;
        match self.trouble {
            Trouble::Once(fault) => faults.fail(operation, fault),
            Trouble::InTheMidst(fault) => {
                faults.fail(operation, DiskFault::Short);
                faults.fail(operation + 1, fault);
            }
            Trouble::Lasting(fault) => faults.fail_from(operation, fault),
        }
    }

    fn lasts(self) -> bool {
        matches!(self.trouble, Trouble::Lasting(_))
    }
}

impl Trouble {
    /// All that can go wrong with an operation.
    fn of(operation: &Operation) -> Vec<Self> {
        use DiskFault::{Ends, Fails, FlippedBit, Full, Short, Torn, TornSilently};
        let (once, in_the_midst, lasting) = match operation {
            Operation::Read(_) => (
                &[Fails, Ends, Short, FlippedBit][..],
                &[Fails, Ends][..],
                &[Fails, Ends][..],
            ),
            Operation::Write(_) => (
                &[Fails, Full, Short, Torn, TornSilently, FlippedBit][..],
                &[Full][..],
                &[Fails, Full, Torn][..],
            ),
            Operation::SetLength => (&[Fails, Full][..], &[][..], &[Fails, Full][..]),
            Operation::Length => (&[Fails][..], &[][..], &[Fails][..]),
        };
        let once = once.iter().copied().map(Self::Once);
        let in_the_midst = in_the_midst.iter().copied().map(Self::InTheMidst);
        let lasting = lasting.iter().copied().map(Self::Lasting);
        once.chain(in_the_midst).chain(lasting).collect()
    }

    /// The reason of the access that a read is made for, if it is told: to a page whose last
    /// byte in a mapped file is before `end`.
    fn of_read(self, owner: IoOwner, bytes: &Range<u64>, end: u64) -> Option<Status> {
        let is_alone = bytes.end - bytes.start <= PAGE;
        let there = match self {
            Self::InTheMidst(_) => bytes.start + (bytes.end - bytes.start).div_ceil(2),
            Self::Once(_) | Self::Lasting(_) => bytes.start,
        };
        match (self, owner) {
            // Pages that were read with others are read again alone.
            (Self::Once(DiskFault::Fails) | Self::InTheMidst(DiskFault::Fails), _) => {
                is_alone.then_some(Status::IoDeviceError)
            }
            (
                Self::Once(DiskFault::Ends) | Self::InTheMidst(DiskFault::Ends),
                IoOwner::PageFile,
            ) => is_alone.then_some(Status::EndOfFile),
            (
                Self::Once(DiskFault::Ends) | Self::InTheMidst(DiskFault::Ends),
                IoOwner::MappedFile,
            ) => (there < end).then_some(Status::FileInvalid),
            (Self::Once(DiskFault::FlippedBit), IoOwner::PageFile) => {
                is_alone.then_some(Status::CrcError)
            }
            _ => None,
        }
    }

    /// What a call is told that writes to a file.
    fn of_write(self) -> Option<Status> {
        match self {
            Self::Once(DiskFault::Fails | DiskFault::Torn) => Some(Status::IoDeviceError),
            Self::Once(DiskFault::Full) | Self::InTheMidst(DiskFault::Full) => {
                Some(Status::DiskFull)
            }
            _ => None,
        }
    }

    /// What is told of any other operation.
    fn of_others(self) -> Option<Status> {
        match self {
            Self::Once(DiskFault::Fails) => Some(Status::IoDeviceError),
            Self::Once(DiskFault::Full) => Some(Status::DiskFull),
            _ => None,
        }
    }
}

/// What a failure is documented to come to is all that it comes to, whatever operation it is of
/// and however it fails: all other pages hold what was written, no frame is lost, and the same
/// programs run once more when the devices do what they should. A page of a page file that is
/// not what was written is never given to a program. A mapped file has no checksums: nobody is
/// told, on Windows as here, and no pages are harmed but those that the operation was of.
#[test]
fn whatever_operation_goes_wrong_in_whatever_way_just_what_is_documented_comes_of_it() {
    let mut world = World::new(None);
    world.pass();
    let operations = world.devices().all();
    assert_eq!(world.recover(), Outcome::default());
    let (mut runs, mut all) = (0, Outcome::default());
    for (operation, (_, made)) in operations.iter().enumerate() {
        for trouble in Trouble::of(made) {
            let plan = Plan { operation, trouble };
            let mut world = World::new(Some(plan));
            world.pass();
            let outcome = world.recover();
            runs += 1;
            all.told += outcome.told;
            all.harmed += outcome.harmed;
            all.lost += outcome.lost;
        }
    }
    // Or it would show less than it says.
    let count = |owner: IoOwner, name: &str| {
        let made = operations.iter();
        made.filter(|made| made.0 == owner && made.1.name() == name)
            .count()
    };
    for (owner, name, least) in [
        (IoOwner::PageFile, "read of a page", 50),
        (IoOwner::PageFile, "read of pages", 10),
        (IoOwner::PageFile, "write of a page", 1),
        (IoOwner::PageFile, "write of pages", 7),
        (IoOwner::PageFile, "set length", 3),
        (IoOwner::MappedFile, "read of a page", 2),
        (IoOwner::MappedFile, "read of pages", 10),
        (IoOwner::MappedFile, "write of a page", 7),
        (IoOwner::MappedFile, "write of pages", 2),
        (IoOwner::MappedFile, "length", 10),
    ] {
        let made = count(owner, name);
        assert!(made >= least, "{owner:?}: {name}, {made}");
    }
    assert!(runs >= 1000, "{runs} runs");
    let is_enough = all.told >= 500 && all.harmed >= 20 && all.lost >= 20;
    assert!(is_enough, "{all:?}");
}
