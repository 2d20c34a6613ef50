use mmu_core::{Cr4, Efer};

use super::{
    MemoryImage,
    fields::{u32_at, u64_at},
};

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
    /// RFLAGS; bit 18 is AC.
    pub rflags: u64,
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
            rflags: u64_at(note, RIP + 8)?,
        })
    }
}

/// The L bit of a code segment.
const CODE_64: u32 = 1 << 21;

impl MemoryImage {
    /// What EFER must have been, given CR4, as no image holds it: in long mode if the image
    /// says so of the machine, or the processor runs 64-bit code, or nothing is known but
    /// CR4.PAE, which long mode needs. NXE is taken to be set, as every system does that can.
    pub fn deduced_efer(&self, cr4: Cr4, vcpu: Option<&VcpuRegisters>) -> Efer {
        let runs_64_bit_code = vcpu.is_some_and(|vcpu| vcpu.cs_flags & CODE_64 != 0);
        let in_long_mode = self.machine != Some(Machine::I386) || runs_64_bit_code;
        let mut efer = Efer::NO_EXECUTE_ENABLE;
        if in_long_mode && cr4.contains(Cr4::PHYSICAL_ADDRESS_EXTENSION) {
            efer |= Efer::LONG_MODE_ENABLE | Efer::LONG_MODE_ACTIVE;
        }
        efer
    }
}

const _: () = assert!(CR == 392 && QEMU_NOTE_BYTES == 432);
