use bitflags::bitflags;

bitflags! {
    /// The protection of pages as callers pass it (Microsoft, "Memory Protection Constants").
    /// Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct PageProtection: u32 {
        /// `PAGE_NOACCESS`.
        const NOACCESS = 0x01;
        /// `PAGE_READONLY`.
        const READONLY = 0x02;
        /// `PAGE_READWRITE`.
        const READWRITE = 0x04;
        /// `PAGE_WRITECOPY`.
        const WRITECOPY = 0x08;
        /// `PAGE_EXECUTE`: x86 processors can read it, too.
        const EXECUTE = 0x10;
        /// `PAGE_EXECUTE_READ`.
        const EXECUTE_READ = 0x20;
        /// `PAGE_EXECUTE_READWRITE`.
        const EXECUTE_READWRITE = 0x40;
        /// `PAGE_EXECUTE_WRITECOPY`.
        const EXECUTE_WRITECOPY = 0x80;
        /// `PAGE_GUARD`: the first access raises an exception.
        const GUARD = 0x100;
        /// `PAGE_NOCACHE`.
        const NOCACHE = 0x200;
        /// `PAGE_WRITECOMBINE`.
        const WRITECOMBINE = 0x400;

        const _ = !0;
    }
}

impl PageProtection {
    /// The low byte: what may be done with the page. The other bits say how it behaves.
    pub(crate) const BASE: Self = Self::from_bits_retain(0xff);
}
