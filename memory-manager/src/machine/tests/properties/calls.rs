//! What is done: calls and accesses, of two processes, on any processor.

use super::*;

const PROTECTIONS: [u32; 14] = [
    1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x104, 0x120, 0x204, 0x402, 0x140, 3,
];
/// A call, of one of two processes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Alloc(AllocationType, PageProtection),
    /// A large page, of which there is one place.
    Large(PageProtection),
    /// A physical page that is made or freed, or shown in a window.
    Physical(windows::Step),
    Free(FreeType),
    Protect(PageProtection),
    Map(usize, PageProtection),
    /// Of the file, perhaps beyond its end.
    Reserve(PageProtection),
    /// The section of the file.
    Extend,
    Unmap,
    Flush,
    Placeholder(placeholders::Call),
    Watch(WatchFlags),
    ResetWatch,
    Discard,
    Prefetch,
    Lock,
    Unlock,
    /// Pages are locked for a device, or let go by it.
    LockForDevice,
    UnlockForDevice,
    Empty,
    /// A second passes.
    Tick,
    /// So many seconds pass that processes which do nothing leave memory.
    Rest,
    /// Which pages leave first, and are lost first.
    Prefer(MemoryPriority),
    /// The working set is to have so many pages.
    Limit(WorkingSetLimits),
    /// All pages that can be elsewhere are.
    PageOut,
    WriteMemory,
    ReadMemory,
    Prevent(DepFlags),
    CreateThread,
    EndThread,
    /// The process ends, and another one takes its part.
    EndProcess,
    /// A thread writes below what its stack has grown to.
    Grow,
    Name(SectionAttributes),
    /// The processor has nothing to do.
    Idle,
    /// A read on each processor in turn.
    Share,
    Close,
    Read,
    Write,
    Execute,
}

/// Of few pages.
pub(super) fn few(size: u64) -> WorkingSetSize {
    WorkingSetSize {
        minimum: 20 * PAGE,
        maximum: (20 + size % 8) * PAGE,
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) process: usize,
    /// Where the call is made, if there is such a processor.
    pub(super) processor: u32,
    pub(super) call: Call,
    pub(super) base: u64,
    pub(super) size: u64,
}

pub(super) fn protection() -> impl Strategy<Value = PageProtection> {
    proptest::sample::select(&PROTECTIONS[..]).prop_map(PageProtection::from_bits_retain)
}

pub(super) fn call() -> impl Strategy<Value = Call> {
    let kinds = [
        0x1000, 0x1000, 0x40_2000, 0x2000, 0x3000, 0x20_2000, 0x20_3000, 0x8_0000, 0x100_0000,
    ];
    let kind = proptest::sample::select(kinds.to_vec()).prop_map(AllocationType::from_bits_retain);
    let kinds = [0x400_0000, 0x420_0000, 0x800_0000, 0x820_0000];
    let kinds =
        proptest::sample::select(kinds.to_vec()).prop_map(SectionAttributes::from_bits_retain);
    let free = proptest::sample::select(vec![DECOMMIT, DECOMMIT, RELEASE]);
    let priorities = vec![MemoryPriority::VeryLow, MemoryPriority::Normal];
    let priority = proptest::sample::select(priorities);
    prop_oneof![
        5 => (kind, protection()).prop_map(|(kind, with)| Call::Alloc(kind, with)),
        1 => protection().prop_map(Call::Large),
        2 => windows::step().prop_map(Call::Physical),
        3 => free.prop_map(Call::Free),
        3 => protection().prop_map(Call::Protect),
        3 => (0..=FILE, protection()).prop_map(|(section, with)| Call::Map(section, with)),
        1 => protection().prop_map(Call::Reserve),
        1 => Just(Call::Extend),
        1 => Just(Call::Unmap),
        1 => Just(Call::Flush),
        7 => placeholders::call().prop_map(Call::Placeholder),
        1 => (0..2_u32).prop_map(|flags| Call::Watch(WatchFlags::from_bits_retain(flags))),
        1 => Just(Call::ResetWatch),
        1 => Just(Call::CreateThread),
        1 => Just(Call::EndThread),
        1 => Just(Call::EndProcess),
        4 => Just(Call::Grow),
        1 => Just(Call::Discard),
        1 => Just(Call::Prefetch),
        3 => Just(Call::Lock),
        1 => Just(Call::Unlock),
        2 => Just(Call::LockForDevice),
        1 => Just(Call::UnlockForDevice),
        1 => Just(Call::Empty),
        2 => Just(Call::Tick),
        1 => Just(Call::Rest),
        1 => priority.prop_map(Call::Prefer),
        1 => (0..17_u32).prop_map(|bits| Call::Limit(WorkingSetLimits::from_bits_retain(bits))),
        3 => Just(Call::PageOut),
        1 => Just(Call::WriteMemory),
        1 => Just(Call::ReadMemory),
        1 => (0..8_u32).prop_map(|bits| Call::Prevent(DepFlags::from_bits_retain(bits / 7))),
        1 => kinds.prop_map(Call::Name),
        1 => Just(Call::Close),
        4 => Just(Call::Read),
        6 => Just(Call::Write),
        2 => Just(Call::Execute),
    ]
}

pub(super) fn step(call: impl Strategy<Value = Call>) -> impl Strategy<Value = Step> {
    let size = prop_oneof![1 => Just(0), 8 => 1..0x5000_u64, 2 => 0..0x2_0000_u64];
    // Granules are met often, since regions start there.
    let base = prop_oneof![
        0..PAGES * PAGE,
        (0..PAGES / 16).prop_map(|granule| granule << 16)
    ];
    let place = (0..2_usize, 0..4_u32);
    (place, call, base, size).prop_map(|((process, processor), call, base, size)| Step {
        process,
        processor,
        call,
        base: BASE + base,
        size,
    })
}

/// Calls that are about what memory holds.
pub(super) fn of_contents() -> impl Strategy<Value = Call> {
    let alloc = proptest::sample::select(vec![COMMIT, BOTH]);
    let with = proptest::sample::select(vec![READWRITE, WRITECOPY, READONLY]);
    let free = proptest::sample::select(vec![DECOMMIT, RELEASE]);
    prop_oneof![
        4 => (alloc, with.clone()).prop_map(|(kind, with)| Call::Alloc(kind, with)),
        1 => free.prop_map(Call::Free),
        2 => with.clone().prop_map(Call::Protect),
        4 => (0..=FILE, with).prop_map(|(section, with)| Call::Map(section, with)),
        1 => Just(Call::Unmap),
        2 => Just(Call::Flush),
        1 => Just(Call::Discard),
        1 => Just(Call::Lock),
        1 => Just(Call::Empty),
        2 => Just(Call::PageOut),
        3 => Just(Call::WriteMemory),
        3 => Just(Call::ReadMemory),
        6 => Just(Call::Read),
        16 => Just(Call::Write),
    ]
}
