//! The numbers that scripts call by the names of the Windows headers.

/// Names that belong together, with their numbers.
struct Group {
    /// What they are for.
    purpose: &'static str,
    names: &'static [(&'static str, u64)],
}

const GROUPS: &[Group] = &[
    Group {
        purpose: "an address that is not given, and a file",
        names: &[("NULL", 0)],
    },
    Group {
        purpose: "how memory is allocated and mapped",
        names: &[
            ("MEM_COMMIT", 0x1000),
            ("MEM_RESERVE", 0x2000),
            ("MEM_RESET", 0x8_0000),
            ("MEM_RESET_UNDO", 0x100_0000),
            ("MEM_TOP_DOWN", 0x10_0000),
            ("MEM_WRITE_WATCH", 0x20_0000),
            ("MEM_PHYSICAL", 0x40_0000),
            ("MEM_LARGE_PAGES", 0x2000_0000),
            ("MEM_RESERVE_PLACEHOLDER", 0x4_0000),
            ("MEM_REPLACE_PLACEHOLDER", 0x4000),
            ("MEM_EXTENDED_PARAMETER_NONPAGED_LARGE", 0x8),
            ("MEM_EXTENDED_PARAMETER_NONPAGED_HUGE", 0x10),
        ],
    },
    Group {
        purpose: "how it is freed and unmapped",
        names: &[
            ("MEM_DECOMMIT", 0x4000),
            ("MEM_RELEASE", 0x8000),
            ("MEM_COALESCE_PLACEHOLDERS", 0x1),
            ("MEM_PRESERVE_PLACEHOLDER", 0x2),
            ("MEM_UNMAP_WITH_TRANSIENT_BOOST", 0x1),
        ],
    },
    Group {
        purpose: "what state(X) and type(X) are, MEM_COMMIT and MEM_RESERVE aside",
        names: &[
            ("MEM_FREE", 0x1_0000),
            ("MEM_PRIVATE", 0x2_0000),
            ("MEM_MAPPED", 0x4_0000),
            ("MEM_IMAGE", 0x100_0000),
        ],
    },
    Group {
        purpose: "protections",
        names: &[
            ("PAGE_NOACCESS", 0x1),
            ("PAGE_READONLY", 0x2),
            ("PAGE_READWRITE", 0x4),
            ("PAGE_WRITECOPY", 0x8),
            ("PAGE_EXECUTE", 0x10),
            ("PAGE_EXECUTE_READ", 0x20),
            ("PAGE_EXECUTE_READWRITE", 0x40),
            ("PAGE_EXECUTE_WRITECOPY", 0x80),
            ("PAGE_GUARD", 0x100),
            ("PAGE_NOCACHE", 0x200),
            ("PAGE_WRITECOMBINE", 0x400),
        ],
    },
    Group {
        purpose: "sections, beside a protection",
        names: &[
            ("SEC_RESERVE", 0x400_0000),
            ("SEC_COMMIT", 0x800_0000),
            ("SEC_IMAGE", 0x100_0000),
            ("SEC_IMAGE_NO_EXECUTE", 0x1100_0000),
            ("SEC_NOCACHE", 0x1000_0000),
            ("SEC_WRITECOMBINE", 0x4000_0000),
            ("SEC_LARGE_PAGES", 0x8000_0000),
        ],
    },
    Group {
        purpose: "views",
        names: &[
            ("FILE_MAP_COPY", 0x1),
            ("FILE_MAP_WRITE", 0x2),
            ("FILE_MAP_READ", 0x4),
            ("FILE_MAP_EXECUTE", 0x20),
            ("FILE_MAP_ALL_ACCESS", 0xf_001f),
            ("FILE_MAP_LARGE_PAGES", 0x2000_0000),
        ],
    },
    Group {
        purpose: "write watch, execution prevention and working sets",
        names: &[
            ("WRITE_WATCH_FLAG_RESET", 0x1),
            ("PROCESS_DEP_ENABLE", 0x1),
            ("PROCESS_DEP_DISABLE_ATL_THUNK_EMULATION", 0x2),
            ("QUOTA_LIMITS_HARDWS_MIN_ENABLE", 0x1),
            ("QUOTA_LIMITS_HARDWS_MIN_DISABLE", 0x2),
            ("QUOTA_LIMITS_HARDWS_MAX_ENABLE", 0x4),
            ("QUOTA_LIMITS_HARDWS_MAX_DISABLE", 0x8),
        ],
    },
    Group {
        purpose: "how late pages leave memory",
        names: &[
            ("ProcessMemoryPriority", 0),
            ("MEMORY_PRIORITY_LOWEST", 0),
            ("MEMORY_PRIORITY_VERY_LOW", 1),
            ("MEMORY_PRIORITY_LOW", 2),
            ("MEMORY_PRIORITY_MEDIUM", 3),
            ("MEMORY_PRIORITY_BELOW_NORMAL", 4),
            ("MEMORY_PRIORITY_NORMAL", 5),
        ],
    },
];

/// Every name, with its number.
pub(super) fn all() -> impl Iterator<Item = (&'static str, u64)> {
    GROUPS.iter().flat_map(|group| group.names).copied()
}

/// The number of a name.
pub(super) fn number(name: &str) -> Option<u64> {
    let found = all().find(|(known, _)| *known == name);
    found.map(|(_, number)| number)
}

/// Every name with its number, by what they are for.
pub(super) fn help() -> String {
    let groups = GROUPS.iter().map(|group| {
        let lines = group.names.iter();
        let lines = lines.map(|(name, number)| format!("    {name} = {number:#x}\n"));
        format!("  {}:\n{}", group.purpose, lines.collect::<String>())
    });
    groups.collect()
}

/// What a region's state is in words.
pub(super) const STATES: &[(u64, &str)] = &[
    (0x1000, "Committed"),
    (0x2000, "Reserved"),
    (0x1_0000, "Free"),
];

/// What a region is in words.
pub(super) const TYPES: &[(u64, &str)] = &[
    (0x2_0000, "Private"),
    (0x4_0000, "Mapped"),
    (0x100_0000, "Image"),
];

/// What a page's protection is in words, its modifiers apart.
pub(super) const PROTECTIONS: &[(u64, &str)] = &[
    (0x1, "NO ACCESS"),
    (0x2, "READ"),
    (0x4, "READ/WRITE"),
    (0x8, "WRITE COPY"),
    (0x10, "EXECUTE"),
    (0x20, "EXECUTE/READ"),
    (0x40, "EXECUTE/READ/WRITE"),
    (0x80, "EXECUTE/WRITE COPY"),
];

/// The modifiers of a protection in words.
pub(super) const MODIFIERS: &[(u64, &str)] = &[
    (0x100, "GUARD"),
    (0x200, "NO CACHE"),
    (0x400, "WRITE COMBINE"),
];
