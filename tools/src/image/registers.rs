use super::fields::{u32_at, u64_at};

/// What a core says its processors were: 64-bit when in long mode, else 32-bit. It does not
/// tell the paging mode; only the control registers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// `EM_X86_64`: the processors were in long mode.
    X86_64,
    /// `EM_386`: they were not.
    I386,
}

/// The registers of one virtual processor that decide how it translates addresses. EFER is
/// not among them, since no core holds it; [`Machine`] and [`VcpuRegisters::cs_flags`] tell
/// whether long mode was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VcpuRegisters {
    /// CR0.
    pub cr0: u64,
    /// CR2: the address of the last page fault.
    pub cr2: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4.
    pub cr4: u64,
    /// The selector in CS; its low two bits are the current privilege level.
    pub cs_selector: u32,
    /// The attributes of the code segment, as in the high word of its descriptor; bit 21 is
    /// set in 64-bit code.
    pub cs_flags: u32,
    /// The instruction pointer.
    pub rip: u64,
}

/// The size of QEMU's note up to the end of CR4; newer versions of it only add to its end.
pub(super) const QEMU_NOTE_BYTES: usize = CR + 5 * 8;

const GENERAL: usize = 8;
const RIP: usize = GENERAL + 16 * 8;
const SEGMENTS: usize = GENERAL + 18 * 8;
const SEGMENT_BYTES: usize = 24;
const CR: usize = SEGMENTS + 10 * SEGMENT_BYTES;

impl VcpuRegisters {
    /// The registers in the descriptor of one of QEMU's notes (`QEMUCPUState`), if it is
    /// long enough.
    pub(super) fn from_qemu_note(note: &[u8]) -> Option<Self> {
        Some(Self {
            cr0: u64_at(note, CR)?,
            cr2: u64_at(note, CR + 2 * 8)?,
            cr3: u64_at(note, CR + 3 * 8)?,
            cr4: u64_at(note, CR + 4 * 8)?,
            cs_selector: u32_at(note, SEGMENTS)?,
            cs_flags: u32_at(note, SEGMENTS + 8)?,
            rip: u64_at(note, RIP)?,
        })
    }
}

const _: () = assert!(CR == 392 && QEMU_NOTE_BYTES == 432);
