use bitflags::bitflags;

bitflags! {
    /// What `virtual_alloc` is to do (Microsoft, `VirtualAlloc`). Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct AllocationType: u32 {
        /// `MEM_COMMIT`: promise memory for the pages.
        const COMMIT = 0x1000;
        /// `MEM_RESERVE`: set the addresses aside.
        const RESERVE = 0x2000;
        /// `MEM_REPLACE_PLACEHOLDER`: take the place of a placeholder.
        const REPLACE_PLACEHOLDER = 0x4000;
        /// `MEM_RESERVE_PLACEHOLDER`: set the addresses aside for a later replacement.
        const RESERVE_PLACEHOLDER = 0x4_0000;
        /// `MEM_RESET`: what the pages hold is not needed any more.
        const RESET = 0x8_0000;
        /// `MEM_TOP_DOWN`: take the highest free addresses.
        const TOP_DOWN = 0x10_0000;
        /// `MEM_WRITE_WATCH`: keep account of the pages that are written.
        const WRITE_WATCH = 0x20_0000;
        /// `MEM_PHYSICAL`: a window for physical pages (AWE).
        const PHYSICAL = 0x40_0000;
        /// `MEM_RESET_UNDO`: what was reset is needed after all.
        const RESET_UNDO = 0x100_0000;
        /// `MEM_LARGE_PAGES`: use large pages.
        const LARGE_PAGES = 0x2000_0000;

        const _ = !0;
    }
}

bitflags! {
    /// What `virtual_free` is to do (Microsoft, `VirtualFree`). Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct FreeType: u32 {
        /// `MEM_COALESCE_PLACEHOLDERS`: make one placeholder of several.
        const COALESCE_PLACEHOLDERS = 0x1;
        /// `MEM_PRESERVE_PLACEHOLDER`: leave a placeholder.
        const PRESERVE_PLACEHOLDER = 0x2;
        /// `MEM_DECOMMIT`: give the pages back and keep the addresses.
        const DECOMMIT = 0x4000;
        /// `MEM_RELEASE`: give the addresses back.
        const RELEASE = 0x8000;

        const _ = !0;
    }
}

bitflags! {
    /// How a view is unmapped (Microsoft, `UnmapViewOfFile2`). Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct UnmapFlags: u32 {
        /// `MEM_UNMAP_WITH_TRANSIENT_BOOST`: its pages will be needed again soon.
        const TRANSIENT_BOOST = 0x1;
        /// `MEM_PRESERVE_PLACEHOLDER`: leave the placeholder whose place it took.
        const PRESERVE_PLACEHOLDER = 0x2;

        const _ = !0;
    }
}

bitflags! {
    /// How the write watch is read (Microsoft, `GetWriteWatch`). Any bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct WatchFlags: u32 {
        /// `WRITE_WATCH_FLAG_RESET`: what is returned starts again as unwritten.
        const RESET = 0x1;

        const _ = !0;
    }
}
