//! The calls that scripts make: what they are called, what they take, and what they do.

mod copy;
mod locking;
mod memory;
mod physical_pages;
mod processes;
mod query;
mod sections;
mod system;
mod working_set;

use std::fmt::Write;

use memory_manager::{ProcessId, ThreadId};
use mmu_core::VirtAddr;

use super::{error::Failure, run::Run};
pub(super) use sections::Sections;

/// What came of a call.
type Came = Result<u64, Failure>;

/// A call of a script.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// What its value is, in words.
    gives: &'static str,
    /// A statement with it. Those of all calls, one after the other, are a script.
    example: &'static str,
    run: fn(&mut Run<'_>, &Given<'_>) -> Came,
}

/// What is asked for at one place of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parameter {
    Number(&'static str),
    /// A number that may be left out, as the last ones may.
    Last(&'static str),
    /// A path, or NULL.
    File,
    /// The name of a process.
    Process,
    /// The name of a thread.
    Thread,
}

impl Parameter {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number(name) | Self::Last(name) => name,
            Self::File => "file",
            Self::Process => "process",
            Self::Thread => "thread",
        }
    }

    pub(super) fn may_be_left_out(self) -> bool {
        matches!(self, Self::Last(_))
    }
}

/// The most numbers that a call takes.
const MOST: usize = 6;

/// The arguments of a call.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// The process that is named; if none is, the one that calls.
    pub(super) process: ProcessId,
    /// The thread that is named.
    pub(super) thread: Option<ThreadId>,
    /// The file that is named.
    pub(super) file: Option<&'a str>,
    numbers: [u64; MOST],
    count: usize,
}

impl Given<'_> {
    pub(super) fn to(process: ProcessId) -> Self {
        Self {
            process,
            thread: None,
            file: None,
            numbers: [0; MOST],
            count: 0,
        }
    }

    pub(super) fn push(&mut self, number: u64) {
        if let Some(next) = self.numbers.get_mut(self.count) {
            *next = number;
            self.count += 1;
        }
    }

    /// The numbers from the left on; 0 for those that are left out.
    fn numbers<const COUNT: usize>(&self) -> [u64; COUNT] {
        std::array::from_fn(|place| self.numbers.get(place).copied().unwrap_or(0))
    }
}

impl Call {
    /// Makes the call.
    pub(super) fn run(&self, run: &mut Run<'_>, given: &Given<'_>) -> Came {
        (self.run)(run, given)
    }

    /// The call of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        all().find(|call| call.name == name)
    }
}

/// Every call, those in a row that belong together.
pub(super) fn all() -> impl Iterator<Item = &'static Call> {
    [
        memory::CALLS,
        query::CALLS,
        sections::CALLS,
        locking::CALLS,
        working_set::CALLS,
        copy::CALLS,
        physical_pages::CALLS,
        system::CALLS,
        processes::CALLS,
    ]
    .into_iter()
    .flatten()
}

/// Every call with its arguments, an example and what it gives.
pub fn help() -> String {
    let mut text = String::new();
    for call in all() {
        let parameters: Vec<_> = call.parameters.iter().map(|one| one.name()).collect();
        let (name, parameters) = (call.name, parameters.join(", "));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name}({parameters}): {}", call.gives);
        let _ = writeln!(text, "    {}", call.example);
    }
    text
}

/// The bytes of a structure, from the fields that stand side by side in it.
fn structure(fields: &[&[u8]]) -> Vec<u8> {
    fields.concat()
}

/// An address; none where that is 0.
fn hint(number: u64) -> Option<VirtAddr> {
    (number != 0).then_some(VirtAddr::new(number))
}

/// Flags of 32 bits; all of them if more are set, which no call takes.
fn flags(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn base(range: memory_manager::AddressRange) -> u64 {
    range.base.as_u64()
}

/// The value of calls that only succeed or fail: `TRUE`.
fn done<T>(_: T) -> u64 {
    1
}

#[cfg(test)]
mod tests;
