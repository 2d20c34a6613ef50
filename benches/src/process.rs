use memory_manager::{
    Backing, Machine, MachineConfig, PageProtection, ProcessId, SectionAttributes, SectionHandle,
};

/// A machine with a process, and a page-file section of so many bytes.
///
/// # Panics
/// If there is no memory for them.
pub(crate) fn process_with_section(bytes: u64) -> (Machine, ProcessId, SectionHandle) {
    let mut machine = Machine::new(&MachineConfig::default()).expect("there is such a machine");
    let process = machine.create_process().expect("there is memory for it");
    let section = machine.create_section(
        Backing::PageFile,
        PageProtection::READWRITE,
        SectionAttributes::COMMIT,
        bytes,
    );
    let section = section.expect("there is memory for it");
    (machine, process, section)
}
