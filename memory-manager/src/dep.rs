//! Data execution prevention: who may execute pages without the right to execute.

use bitflags::bitflags;

use crate::{
    Bitness, Machine, ProcessId, Status, Target, kernel::Kernel, pte::PteState,
    user_space::UserSpace,
};

/// The system's policy (Microsoft, `GetSystemDEPPolicy`); programs of 64 bits are prevented
/// under any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DepPolicy {
    /// No process of 32 bits is prevented.
    AlwaysOff,
    /// All are.
    AlwaysOn,
    /// Those are that ask for it: the default of Windows for clients.
    #[default]
    OptIn,
    /// Those are that do not ask to be left out: the default of Windows Server.
    OptOut,
}

impl DepPolicy {
    /// The value that Windows has for it (Microsoft, `DEP_SYSTEM_POLICY_TYPE`).
    pub const fn value(self) -> u32 {
        match self {
            Self::AlwaysOff => 0,
            Self::AlwaysOn => 1,
            Self::OptIn => 2,
            Self::OptOut => 3,
        }
    }
}

bitflags! {
    /// What a process asks for or has (Microsoft, `SetProcessDEPPolicy`). Any bits can be
    /// passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct DepFlags: u32 {
        /// `PROCESS_DEP_ENABLE`: it is prevented, and that for good if it asks.
        const ENABLE = 0x1;
        /// `PROCESS_DEP_DISABLE_ATL_THUNK_EMULATION`: nor is anything made of what old
        /// libraries execute on their stacks. Only with the other. It is kept and told;
        /// thunks are not emulated.
        const DISABLE_ATL_THUNK_EMULATION = 0x2;

        const _ = !0;
    }
}

/// Whether a process can still change how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DepPermanence {
    /// It can.
    Changeable,
    /// It stays as it is for the life of the process.
    Permanent,
}

/// How a process stands (Microsoft, `GetProcessDEPPolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessDep {
    /// Whether it is prevented; none if not.
    pub flags: DepFlags,
    /// Whether that can change.
    pub permanence: DepPermanence,
}

impl ProcessDep {
    pub(crate) fn new(policy: DepPolicy, bitness: Bitness) -> Self {
        use DepPermanence::{Changeable, Permanent};
        let (flags, permanence) = match (bitness, policy) {
            (Bitness::Bits64, _) | (Bitness::Bits32, DepPolicy::AlwaysOn) => {
                (DepFlags::ENABLE, Permanent)
            }
            (Bitness::Bits32, DepPolicy::AlwaysOff) => (DepFlags::empty(), Permanent),
            (Bitness::Bits32, DepPolicy::OptIn) => (DepFlags::empty(), Changeable),
            (Bitness::Bits32, DepPolicy::OptOut) => (DepFlags::ENABLE, Changeable),
        };
        Self { flags, permanence }
    }

    pub(crate) fn prevents_execution(self) -> bool {
        self.flags.contains(DepFlags::ENABLE)
    }
}

impl Machine {
    /// The system's policy, as the machine was made with.
    pub fn dep_policy(&self) -> DepPolicy {
        self.dep_policy
    }

    /// How a process stands.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NotSupported`]: it is one of 64 bits.
    pub fn process_dep(&self, process: ProcessId) -> Result<ProcessDep, Status> {
        let (space, _) = self.space_ref(process)?;
        match space.layout.bitness() {
            Bitness::Bits64 => Err(Status::NotSupported),
            Bitness::Bits32 => Ok(space.dep),
        }
    }

    /// Lets a process be prevented, from now on for good, or with no flags lets it not be.
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NotSupported`]: it is one of 64 bits.
    /// - [`Status::InvalidParameter`]: no such flags, or the second without the first.
    /// - [`Status::AccessDenied`]: the system's policy is not one to choose under, or the
    ///   process has chosen already (ReactOS's `MmSetExecuteOptions`).
    pub fn set_process_dep(
        &mut self,
        target: impl Into<Target>,
        flags: DepFlags,
    ) -> Result<(), Status> {
        let (space, kernel) = self.space(target)?;
        if space.layout.bitness() == Bitness::Bits64 {
            return Err(Status::NotSupported);
        }
        let known = DepFlags::ENABLE | DepFlags::DISABLE_ATL_THUNK_EMULATION;
        if !known.contains(flags) || flags == DepFlags::DISABLE_ATL_THUNK_EMULATION {
            return Err(Status::InvalidParameter);
        }
        if space.dep.permanence == DepPermanence::Permanent {
            return Err(Status::AccessDenied);
        }
        let permanence = if flags.is_empty() {
            DepPermanence::Changeable
        } else {
            DepPermanence::Permanent
        };
        space.dep = ProcessDep { flags, permanence };
        space.enforce(kernel)
    }
}

impl UserSpace {
    /// Lets the processor see every page as the process stands now.
    fn enforce(&mut self, kernel: &mut Kernel) -> Result<(), Status> {
        let regions: Vec<_> = self.vads.iter().map(|vad| (vad.start, vad.end)).collect();
        for (start, end) in regions {
            self.change_range(kernel, start, end, |space, _, pte| match pte.state() {
                PteState::Valid(valid) => space.protected(pte, valid.protection()),
                _ => pte,
            })?;
        }
        kernel.make_coherent()
    }
}
