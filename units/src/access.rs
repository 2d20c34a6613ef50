/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AccessKind {
    /// Reads data.
    Read,
    /// Writes data.
    Write,
    /// Reads data and writes it back, as one access: it needs the right to write before it
    /// reads (SDM vol. 3, 4.7: W/R describes the access that caused the fault).
    ReadModifyWrite,
    /// Fetches an instruction.
    Fetch,
    /// Reads a shadow stack, as RET does (SDM vol. 1, chapter 17).
    ShadowStackRead,
    /// Writes a shadow stack, as CALL does. WRUSS makes one in user mode, at any CPL.
    ShadowStackWrite,
}

impl AccessKind {
    /// Every kind.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Read,
        Self::Write,
        Self::ReadModifyWrite,
        Self::Fetch,
        Self::ShadowStackRead,
        Self::ShadowStackWrite,
    ];

    /// The kinds that pages are for which are no shadow stack.
    pub const ORDINARY: [Self; 4] = [Self::Read, Self::Write, Self::ReadModifyWrite, Self::Fetch];

    /// How many kinds there are.
    pub const COUNT: usize = 6;

    /// The place of this kind in [`AccessKind::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the access writes.
    #[inline]
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::Write | Self::ReadModifyWrite | Self::ShadowStackWrite
        )
    }

    /// Whether the access is one to a shadow stack.
    #[inline]
    pub const fn is_shadow_stack(self) -> bool {
        matches!(self, Self::ShadowStackRead | Self::ShadowStackWrite)
    }

    /// Whether the access fetches an instruction.
    #[inline]
    pub const fn fetches(self) -> bool {
        matches!(self, Self::Fetch)
    }
}

/// In whose name an access is made (SDM vol. 3, 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PrivilegeMode {
    /// Made at CPL 3.
    User,
    /// Made at CPL 0, 1 or 2 by the program itself; EFLAGS.AC may lift SMAP for it.
    Supervisor,
    /// Made by the processor to a system structure (GDT, LDT, IDT, TSS), at any CPL;
    /// EFLAGS.AC does not lift SMAP for it (SDM vol. 3, 4.6.1).
    SupervisorImplicit,
}

impl PrivilegeMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::User, Self::Supervisor, Self::SupervisorImplicit];

    /// The place of this mode in [`PrivilegeMode::ALL`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}
