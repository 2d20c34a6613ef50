//! Commits memory that may be read, and prints what a query says of it.

use memory_manager::{AllocationType, Machine, MachineConfig, MemoryState, PageProtection};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut machine = Machine::new(&MachineConfig::default())?;
    let process = machine.create_process()?;
    let (commit, read_only) = (AllocationType::COMMIT, PageProtection::READONLY);
    let place = machine.virtual_alloc(process, None, 8, commit, read_only)?;
    let found = machine.virtual_query(process, place.base)?;
    if found.protection == PageProtection::READONLY {
        println!("Protection type : READ");
    }
    println!(
        "Region State : {}",
        match found.state {
            MemoryState::Commit => "Committed",
            MemoryState::Reserve => "Reserved",
            MemoryState::Free => "Free",
        }
    );
    Ok(())
}
