//! Allocates memory in the state and with the protection that are chosen on the command line,
//! and prints what a query says of it:
//! `cargo run -p memory-manager --example choice -- MEM_RESERVE PAGE_READONLY`.

use std::io::{self, Write};

use memory_manager::{AllocationType, Machine, MachineConfig, MemoryState, PageProtection};

const STATES: [(&str, AllocationType); 2] = [
    ("MEM_COMMIT", AllocationType::COMMIT),
    ("MEM_RESERVE", AllocationType::RESERVE),
];

/// Each protection by its name, and in words.
const PROTECTIONS: [(&str, PageProtection, &str); 6] = [
    ("PAGE_NOACCESS", PageProtection::NOACCESS, "NO ACCESS"),
    ("PAGE_READONLY", PageProtection::READONLY, "READ"),
    ("PAGE_READWRITE", PageProtection::READWRITE, "READ/WRITE"),
    ("PAGE_EXECUTE", PageProtection::EXECUTE, "EXECUTE"),
    (
        "PAGE_EXECUTE_READ",
        PageProtection::EXECUTE_READ,
        "EXECUTE/READ",
    ),
    (
        "PAGE_EXECUTE_READWRITE",
        PageProtection::EXECUTE_READWRITE,
        "EXECUTE/READ/WRITE",
    ),
];

type Failure = Box<dyn std::error::Error>;

/// Allocates and asks.
pub(crate) fn show(state: &str, protection: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let found = STATES.iter().find(|(name, _)| *name == state);
    let &(_, state) = found.ok_or("the state is MEM_COMMIT or MEM_RESERVE")?;
    let found = PROTECTIONS.iter().find(|(name, ..)| *name == protection);
    let &(_, protection, _) = found.ok_or("no such protection; an example is PAGE_READWRITE")?;

    let mut machine = Machine::new(&MachineConfig::default())?;
    let process = machine.create_process()?;
    let place = machine.virtual_alloc(process, None, 8, state, protection)?;
    let found = machine.virtual_query(process, place.base)?;
    let words = PROTECTIONS
        .iter()
        .find(|(_, known, _)| *known == found.allocation_protection);
    writeln!(
        out,
        "Protection type : {}",
        words.map_or("another", |(.., words)| words)
    )?;
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
    let mut arguments = std::env::args().skip(1);
    let mut next = |default: &str| arguments.next().unwrap_or_else(|| default.into());
    let (state, protection) = (next("MEM_COMMIT"), next("PAGE_READWRITE"));
    show(&state, &protection, &mut io::stdout())
}
