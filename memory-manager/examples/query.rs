//! Commits memory that may be read, and prints what a query says of it.

use std::io::{self, Write};

use memory_manager::{AllocationType, Machine, MachineConfig, MemoryState, PageProtection};

type Failure = Box<dyn std::error::Error>;

/// Allocates and asks.
pub(crate) fn show(out: &mut dyn Write) -> Result<(), Failure> {
    let mut machine = Machine::new(&MachineConfig::default())?;
    let process = machine.create_process()?;
    let (commit, read_only) = (AllocationType::COMMIT, PageProtection::READONLY);
    let place = machine.virtual_alloc(process, None, 8, commit, read_only)?;
    let found = machine.virtual_query(process, place.base)?;
    if found.protection == PageProtection::READONLY {
        writeln!(out, "Protection type : READ")?;
    }
    let state = match found.state {
        MemoryState::Commit => "Committed",
        MemoryState::Reserve => "Reserved",
        MemoryState::Free => "Free",
    };
    writeln!(out, "Region State : {state}")?;
    Ok(())
}

#[cfg_attr(
    test,
    expect(dead_code, reason = "the test of this example has a main of its own")
)]
fn main() -> Result<(), Failure> {
    show(&mut io::stdout())
}
