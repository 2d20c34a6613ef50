//! Memory of a process's own.

use memory_manager::{
    AddressRequirements, AllocationRequest, AllocationType, FreeType, PageProtection, WatchFlags,
};
use mmu_core::VirtAddr;

use super::{Call, Parameter::Number, base, flags, hint};

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "VirtualAlloc",
        parameters: &[
            Number("address"),
            Number("size"),
            Number("type"),
            Number("protection"),
        ],
        gives: "the address",
        example: "p = VirtualAlloc(NULL, 64KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)",
        run: |run, given| {
            let [address, size, kind, protection] = given.numbers();
            let kind = AllocationType::from_bits_retain(flags(kind));
            let protection = PageProtection::from_bits_retain(flags(protection));
            let done = run
                .win32()
                .virtual_alloc(hint(address), size, kind, protection);
            Ok(done.map(base))
        },
    },
    Call {
        name: "VirtualAlloc2",
        parameters: &[
            Number("address"),
            Number("size"),
            Number("type"),
            Number("protection"),
        ],
        gives: "the address, of placeholders as well",
        example: "hole = VirtualAlloc2(NULL, 64KiB, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS)",
        run: |run, given| {
            let [base_, size, kind, protection] = given.numbers();
            let request = AllocationRequest {
                base: Some(VirtAddr::new(base_)),
                size,
                kind: AllocationType::from_bits_retain(flags(kind)),
                protection: PageProtection::from_bits_retain(flags(protection)),
            };
            let anywhere = AddressRequirements::default();
            let done = run
                .win32()
                .virtual_alloc2(given.process, &request, &anywhere);
            Ok(done.map(base))
        },
    },
    Call {
        name: "VirtualProtect",
        parameters: &[Number("address"), Number("size"), Number("protection")],
        gives: "the old protection",
        example: "old = VirtualProtect(p + 32KiB, 4KiB, PAGE_READONLY)",
        run: |run, given| {
            let [address, size, protection] = given.numbers();
            let protection = PageProtection::from_bits_retain(flags(protection));
            let mut old = PageProtection::empty();
            let address = VirtAddr::new(address);
            let mut win32 = run.win32();
            let done = win32.virtual_protect(address, size, protection, Some(&mut old));
            Ok(done.map(|()| old.bits().into()))
        },
    },
    Call {
        name: "VirtualFree",
        parameters: &[Number("address"), Number("size"), Number("type")],
        gives: "the address",
        example: "VirtualFree(p + 60KiB, 4KiB, MEM_DECOMMIT)",
        run: |run, given| {
            let [address, size, kind] = given.numbers();
            let kind = FreeType::from_bits_retain(flags(kind));
            let address = VirtAddr::new(address);
            Ok(run.win32().virtual_free(address, size, kind).map(base))
        },
    },
    Call {
        name: "NtFreeVirtualMemory",
        parameters: &[Number("address"), Number("size"), Number("type")],
        gives: "the address; a part of a region can be released",
        example: "NtFreeVirtualMemory(p + 56KiB, 8KiB, MEM_RELEASE)",
        run: |run, given| {
            let [address, size, kind] = given.numbers();
            let kind = FreeType::from_bits_retain(flags(kind));
            let address = VirtAddr::new(address);
            let target = run.caller().on(given.process);
            let done = run.machine.virtual_free(target, address, size, kind);
            Ok(done.map(base))
        },
    },
    Call {
        name: "DiscardVirtualMemory",
        parameters: &[Number("address"), Number("size")],
        gives: "0",
        example: "DiscardVirtualMemory(p + 4KiB, 4KiB)",
        run: |run, given| {
            let [address, size] = given.numbers();
            let address = VirtAddr::new(address);
            let done = run.win32().discard_virtual_memory(address, size);
            Ok(done.map(|()| 0))
        },
    },
    Call {
        name: "GetWriteWatch",
        parameters: &[Number("address"), Number("size"), Number("flags")],
        gives: "how many pages were written",
        example: "n = GetWriteWatch(watched, 64KiB, WRITE_WATCH_FLAG_RESET)",
        run: |run, given| {
            let [address, size, watch] = given.numbers();
            let watch = WatchFlags::from_bits_retain(flags(watch));
            let address = VirtAddr::new(address);
            let mut win32 = run.win32();
            let pages = win32.get_write_watch(address, size, watch, usize::MAX);
            Ok(pages.map(|pages| pages.len() as u64))
        },
    },
    Call {
        name: "ResetWriteWatch",
        parameters: &[Number("address"), Number("size")],
        gives: "0",
        example: "ResetWriteWatch(watched, 64KiB)",
        run: |run, given| {
            let [address, size] = given.numbers();
            let address = VirtAddr::new(address);
            let done = run.win32().reset_write_watch(address, size);
            Ok(done.map(|()| 0))
        },
    },
];
