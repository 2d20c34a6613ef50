//! What programs read of themselves: the environment blocks of a process and its threads.

use mmu_core::VirtAddr;

use crate::{
    Bitness, Exception, Machine, ProcessId, Status, ThreadId,
    kernel::Kernel,
    protection::{Caching, Protection},
    pte::PteState,
    user_space::UserSpace,
    vad::{
        Entries, PAGE, Placeholder, Private, PrivateMemory, USER_START, Untouched, Vad, VadKind,
        WriteWatch,
    },
};

/// The PEB's size, in whole pages (0x7d0 bytes in Windows 10, of 64 bits).
const PEB_SIZE: u64 = PAGE;

/// A field of a TEB (Microsoft's public symbols, `_NT_TIB` and `_TEB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TebField {
    /// The first address above the thread's stack.
    StackBase,
    /// The lowest address of the stack that was ever reached.
    StackLimit,
    /// The TEB's own address.
    Itself,
    /// The process's PEB.
    ProcessEnvironmentBlock,
    /// The last error of a Win32 call; in 64 bits in the lower half, and the upper one is
    /// another field.
    LastError,
    /// The lowest address that is reserved for the stack.
    DeallocationStack,
}

impl TebField {
    /// Its offset.
    const fn offset(self, bitness: Bitness) -> u64 {
        let (in_64, in_32) = match self {
            Self::StackBase => (0x08, 0x04),
            Self::StackLimit => (0x10, 0x08),
            Self::Itself => (0x30, 0x18),
            Self::ProcessEnvironmentBlock => (0x60, 0x30),
            Self::LastError => (0x68, 0x34),
            Self::DeallocationStack => (0x1478, 0xe0c),
        };
        match bitness {
            Bitness::Bits64 => in_64,
            Bitness::Bits32 => in_32,
        }
    }
}

impl Bitness {
    /// The bytes of a pointer.
    const fn pointer(self) -> usize {
        match self {
            Self::Bits64 => 8,
            Self::Bits32 => 4,
        }
    }

    /// The TEB's size, in whole pages (0x1838 and 0x1000 bytes in Windows 10).
    const fn teb_size(self) -> u64 {
        match self {
            Self::Bits64 => 2 * PAGE,
            Self::Bits32 => PAGE,
        }
    }
}

impl UserSpace {
    /// A field of a TEB; none if its page cannot be read.
    pub(crate) fn teb_field(&self, kernel: &Kernel, teb: u64, field: TebField) -> Option<u64> {
        let bitness = self.layout.bitness();
        let at = teb.checked_add(field.offset(bitness))?;
        let frame = match self.entry(&kernel.physical, at).ok()?.state() {
            PteState::Valid(valid) => valid.frame(),
            // It was discarded.
            PteState::Zero | PteState::DemandZero(_) => return Some(0),
            _ => return None,
        };
        let mut bytes = [0; 8];
        let place = frame.wrapping_add(at % PAGE);
        let pointer = &mut bytes[..bitness.pointer()];
        kernel.physical.ram().read(place, pointer).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// Writes a field of a TEB, as the thread itself could.
    pub(crate) fn set_teb_field(
        &mut self,
        kernel: &mut Kernel,
        teb: u64,
        field: TebField,
        value: u64,
    ) -> Result<(), Exception> {
        let bitness = self.layout.bitness();
        let at = VirtAddr::new(teb.wrapping_add(field.offset(bitness)));
        let pointer = &value.to_le_bytes()[..bitness.pointer()];
        self.store(kernel, None, at, pointer)
    }

    /// The pages of the PEB, which is made with the first thread.
    pub(crate) fn make_peb(&mut self, kernel: &mut Kernel) -> Result<u64, Status> {
        let peb = match self.peb {
            Some(peb) => peb,
            None => self.make_block(kernel, PEB_SIZE)?,
        };
        self.peb = Some(peb);
        Ok(peb)
    }

    /// The pages of a TEB.
    pub(crate) fn make_teb(&mut self, kernel: &mut Kernel) -> Result<u64, Status> {
        self.make_block(kernel, self.layout.bitness().teb_size())
    }

    /// Committed memory as high up as there is room, at a page of its own: these regions do
    /// not start at multiples of the granularity.
    fn make_block(&mut self, kernel: &mut Kernel, size: u64) -> Result<u64, Status> {
        let mut end = self.layout.environment_end();
        while let Some(start) = self.vads.last_start(end - size, end) {
            end = start;
            if end - size < USER_START {
                return Err(Status::NoMemory);
            }
        }
        let charge = size / PAGE;
        kernel.charge(charge)?;
        self.vads.insert(Vad {
            start: end - size,
            end,
            protection: Protection::READ_WRITE,
            charge,
            placeholder: Placeholder::No,
            entries: Entries::None,
            kind: VadKind::Private(Private {
                untouched: Untouched::Committed,
                caching: Caching::Usual,
                memory: PrivateMemory::Pages,
                watch: WriteWatch::Off,
            }),
        });
        Ok(end - size)
    }

    /// Whether an environment block or the shared page is at this address: programs can neither
    /// free such a region nor protect it otherwise, and are told that the protection is wrong
    /// (known from literature on secured regions only).
    pub(crate) fn check_unsecured(&self, address: u64) -> Result<(), Status> {
        let is_secured = self.vads.find(address).is_some_and(|vad| {
            vad.is_shared_data()
                || self.peb == Some(vad.start)
                || self.threads.values().any(|&teb| teb == vad.start)
        });
        if is_secured {
            Err(Status::InvalidPageProtection)
        } else {
            Ok(())
        }
    }
}

impl Machine {
    /// Where a thread's environment block is, its TEB.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such thread.
    pub fn thread_environment(&self, thread: ThreadId) -> Result<VirtAddr, Status> {
        let (space, _) = self.space_ref(thread.process)?;
        let teb = space.threads.get(&thread).ok_or(Status::InvalidHandle)?;
        Ok(VirtAddr::new(*teb))
    }

    /// Where a process's environment block is, its PEB; a process that never had a thread has
    /// none.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn process_environment(&self, process: ProcessId) -> Result<Option<VirtAddr>, Status> {
        let (space, _) = self.space_ref(process)?;
        Ok(space.peb.map(VirtAddr::new))
    }
}
