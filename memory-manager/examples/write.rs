//! Commits memory, writes a text into it, prints what is read back, and decommits it.

use memory_manager::{AllocationType, FreeType, Machine, MachineConfig, PageProtection};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut machine = Machine::new(&MachineConfig::default())?;
    let process = machine.create_process()?;
    let (commit, read_write) = (AllocationType::COMMIT, PageProtection::READWRITE);
    let place = machine.virtual_alloc(process, None, 8, commit, read_write)?;
    machine.write(process, place.base, b"1337")?;
    let mut text = [0; 4];
    machine.read(process, place.base, &mut text)?;
    println!("{}", String::from_utf8_lossy(&text));
    machine.virtual_free(process, place.base, 8, FreeType::DECOMMIT)?;
    Ok(())
}
