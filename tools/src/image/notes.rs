//! The notes of ELF cores and kdumps: what a dump says of the processors.

use object::{LittleEndian as LE, elf, read::elf::NoteIterator};

use super::{Machine, VcpuRegisters, fields::u32_at, registers::QEMU_NOTE_BYTES};

/// A note cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The notes contradict the ELF format.
    #[error("invalid notes: {0}")]
    Invalid(#[from] object::Error),
    /// A processor's registers are cut off.
    #[error("the QEMU note of vCPU {vcpu} has {found} bytes, not the {expected} of a processor")]
    TooShort {
        /// Which processor, the first being 0.
        vcpu: usize,
        /// How many bytes the note has, or says that it has.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// A processor's registers are in an unknown layout.
    #[error("the QEMU note of vCPU {vcpu} is of version {found}; only 1 is known")]
    Version {
        /// Which processor, the first being 0.
        vcpu: usize,
        /// The version.
        found: u32,
    },
}

/// What notes say of the processors.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) vcpus: Vec<VcpuRegisters>,
    /// What the first processor was doing, told from the size of its general registers.
    pub(super) machine: Option<Machine>,
}

/// The sizes of `NT_PRSTATUS` for x86-64 and for i386.
const STATUS_BYTES: [(usize, Machine); 2] = [(336, Machine::X86_64), (144, Machine::I386)];

impl Notes {
    /// Adds the notes in these bytes, which are aligned as their segment says: 0 and 1 stand
    /// for the usual 4. An error has its offset in the bytes.
    pub(super) fn add(&mut self, bytes: &[u8], alignment: u64) -> Result<(), (u64, NoteError)> {
        let mut at = 0;
        // The notes of both classes have words of 32 bits.
        let notes = NoteIterator::<elf::FileHeader64<LE>>::new(LE, alignment, bytes);
        let mut notes = notes.map_err(|error| (at, error.into()))?;
        while let Some(note) = notes.next().map_err(|error| (at, error.into()))? {
            let desc = note.desc();
            // An offset out of two addresses, since the library does not give any.
            at = (desc.as_ptr().addr() - bytes.as_ptr().addr()) as u64;
            match (note.name(), note.n_type(LE)) {
                (b"CORE", elf::NT_PRSTATUS) if self.machine.is_none() => {
                    let mut known = STATUS_BYTES.iter();
                    let known = known.find(|(bytes, _)| *bytes == desc.len());
                    self.machine = known.map(|(_, machine)| *machine);
                }
                (b"QEMU", elf::NoteType(0)) => {
                    let vcpu = processor(desc, self.vcpus.len()).map_err(|error| (at, error))?;
                    self.vcpus.push(vcpu);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn processor(desc: &[u8], vcpu: usize) -> Result<VcpuRegisters, NoteError> {
    let expected = QEMU_NOTE_BYTES;
    let too_short = |found| NoteError::TooShort {
        vcpu,
        found,
        expected,
    };
    let (Some(found), Some(size)) = (u32_at(desc, 0), u32_at(desc, 4)) else {
        return Err(too_short(desc.len()));
    };
    if found != 1 {
        return Err(NoteError::Version { vcpu, found });
    }
    if (size as usize) < expected {
        return Err(too_short(size as usize));
    }
    VcpuRegisters::from_qemu_note(desc).ok_or(too_short(desc.len()))
}
