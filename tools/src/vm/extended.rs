//! The calls that know placeholders.

use memory_manager::{
    AddressRequirements, AllocationRequest, AllocationType, PageProtection, Range, SectionHandle,
    Status, ViewRequest, Win32,
};
use mmu_core::VirtAddr;

use super::run::flags;

/// `VirtualAlloc2`, with its arguments.
pub(super) fn alloc(
    win32: &mut Win32<'_>,
    &[base, size, kind, protection, ..]: &[u64; 6],
) -> Result<Range, Status> {
    let request = AllocationRequest {
        base: Some(VirtAddr::new(base)),
        size,
        kind: AllocationType::from_bits_retain(flags(kind)),
        protection: PageProtection::from_bits_retain(flags(protection)),
    };
    win32.virtual_alloc2(win32.process, &request, &AddressRequirements::default())
}

/// `MapViewOfFile3`, with the arguments behind the section's.
pub(super) fn map(
    win32: &mut Win32<'_>,
    section: SectionHandle,
    &[_, base, offset, size, kind, protection]: &[u64; 6],
) -> Result<Range, Status> {
    let request = ViewRequest {
        base: Some(VirtAddr::new(base)),
        offset,
        size,
        commit: 0,
        protection: PageProtection::from_bits_retain(flags(protection)),
    };
    let kind = AllocationType::from_bits_retain(flags(kind));
    let anywhere = AddressRequirements::default();
    win32.map_view_of_file3(win32.process, section, &request, kind, &anywhere)
}
