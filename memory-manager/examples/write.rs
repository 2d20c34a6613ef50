//! Commits memory, writes a text into it, prints what is read back, and decommits it.

use std::io::{self, Write};

use memory_manager::{AllocationType, FreeType, Machine, MachineConfig, PageProtection};

type Failure = Box<dyn std::error::Error>;

/// Writes and reads back.
pub(crate) fn show(out: &mut dyn Write) -> Result<(), Failure> {
    let mut machine = Machine::new(&MachineConfig::default())?;
    let process = machine.create_process()?;
    let (commit, read_write) = (AllocationType::COMMIT, PageProtection::READWRITE);
    let place = machine.virtual_alloc(process, None, 8, commit, read_write)?;
    machine.write(process, place.base, b"1337")?;
    let mut text = [0; 4];
    machine.read(process, place.base, &mut text)?;
    writeln!(out, "{}", String::from_utf8_lossy(&text))?;
    machine.virtual_free(process, place.base, 8, FreeType::DECOMMIT)?;
    Ok(())
}

#[cfg_attr(
    test,
    expect(dead_code, reason = "the test of this example has a main of its own")
)]
fn main() -> Result<(), Failure> {
    show(&mut io::stdout())
}
