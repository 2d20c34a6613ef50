//! Memory of a process's own, and of others.

use memory_manager::{
    AddressRequirements, AllocationRequest, AllocationType, FreeType, PageProtection, Status,
    WatchFlags,
};
use mmu_core::VirtAddr;

use super::{
    Call, Came, Given,
    Parameter::{Last, Number, Process},
    base, flags, hint,
};
use crate::vm::run::Run;

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
        run: allocate,
    },
    Call {
        name: "VirtualAllocEx",
        parameters: &[
            Process,
            Number("address"),
            Number("size"),
            Number("type"),
            Number("protection"),
        ],
        gives: "the address in that process",
        example: "far = VirtualAllocEx(other, NULL, 64KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)",
        run: allocate,
    },
    Call {
        name: "VirtualAlloc2",
        parameters: &[
            Number("address"),
            Number("size"),
            Number("type"),
            Number("protection"),
            Last("attributes"),
        ],
        gives: "the address, of placeholders as well, and with \
                MEM_EXTENDED_PARAMETER_NONPAGED_HUGE of pages of 1 GiB",
        example: "hole = VirtualAlloc2(NULL, 64KiB, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS)",
        run: |run, given| {
            let [address, size, kind, protection, attributes] = given.numbers();
            let request = AllocationRequest {
                base: Some(VirtAddr::new(address)),
                size,
                kind: AllocationType::from_bits_retain(flags(kind)),
                protection: PageProtection::from_bits_retain(flags(protection)),
            };
            if attributes != 0 {
                let done = allocate_with(run, given, &request, attributes);
                return run.keep(done).map(base);
            }
            let anywhere = AddressRequirements::default();
            let process = given.process;
            let done = run.win32(|win32| win32.virtual_alloc2(process, &request, &anywhere));
            Ok(base(done?))
        },
    },
    Call {
        name: "VirtualProtect",
        parameters: &[Number("address"), Number("size"), Number("protection")],
        gives: "the old protection",
        example: "old = VirtualProtect(p + 32KiB, 4KiB, PAGE_READONLY)",
        run: protect,
    },
    Call {
        name: "VirtualProtectEx",
        parameters: &[
            Process,
            Number("address"),
            Number("size"),
            Number("protection"),
        ],
        gives: "the old protection in that process",
        example: "VirtualProtectEx(other, far, 4KiB, PAGE_READONLY)",
        run: protect,
    },
    Call {
        name: "VirtualFree",
        parameters: &[Number("address"), Number("size"), Number("type")],
        gives: "the address",
        example: "VirtualFree(p + 60KiB, 4KiB, MEM_DECOMMIT)",
        run: free,
    },
    Call {
        name: "VirtualFreeEx",
        parameters: &[Process, Number("address"), Number("size"), Number("type")],
        gives: "the address in that process",
        example: "VirtualFreeEx(other, far, 0, MEM_RELEASE)",
        run: free,
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
            Ok(base(done?))
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
            run.win32(|win32| win32.discard_virtual_memory(address, size))?;
            Ok(0)
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
            let pages =
                run.win32(|win32| win32.get_write_watch(address, size, watch, usize::MAX))?;
            Ok(pages.len() as u64)
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
            run.win32(|win32| win32.reset_write_watch(address, size))?;
            Ok(0)
        },
    },
];

fn allocate(run: &mut Run<'_>, given: &Given<'_>) -> Came {
    let [address, size, kind, protection] = given.numbers();
    let kind = AllocationType::from_bits_retain(flags(kind));
    let protection = PageProtection::from_bits_retain(flags(protection));
    let (process, address) = (given.process, hint(address));
    let done = run.win32(|win32| win32.virtual_alloc_ex(process, address, size, kind, protection));
    Ok(base(done?))
}

/// Memory with attributes, of which there are huge pages.
fn allocate_with(
    run: &mut Run<'_>,
    given: &Given<'_>,
    request: &AllocationRequest,
    attributes: u64,
) -> Result<memory_manager::AddressRange, Status> {
    const HUGE: u64 = 0x10;
    let large = AllocationType::RESERVE | AllocationType::COMMIT | AllocationType::LARGE_PAGES;
    if attributes != HUGE || request.kind != large {
        return Err(Status::InvalidParameter);
    }
    let target = run.caller().on(given.process);
    let (base, size, protection) = (request.base, request.size, request.protection);
    run.machine
        .virtual_alloc_huge(target, base, size, protection)
}

fn protect(run: &mut Run<'_>, given: &Given<'_>) -> Came {
    let [address, size, protection] = given.numbers();
    let protection = PageProtection::from_bits_retain(flags(protection));
    let (process, address) = (given.process, VirtAddr::new(address));
    let mut old = PageProtection::empty();
    run.win32(|win32| {
        win32.virtual_protect_ex(process, address, size, protection, Some(&mut old))
    })?;
    Ok(old.bits().into())
}

fn free(run: &mut Run<'_>, given: &Given<'_>) -> Came {
    let [address, size, kind] = given.numbers();
    let kind = FreeType::from_bits_retain(flags(kind));
    let (process, address) = (given.process, VirtAddr::new(address));
    let done = run.win32(|win32| win32.virtual_free_ex(process, address, size, kind));
    Ok(base(done?))
}
