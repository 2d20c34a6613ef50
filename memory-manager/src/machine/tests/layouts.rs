use super::*;
use crate::{AddressLayout, SHARED_DATA, StackRequest};

/// The layouts of 32 bits, and where their addresses end.
const NARROW: [(AddressLayout, u64); 3] = [
    (AddressLayout::TwoGiB, 0x7fff_0000),
    (AddressLayout::ThreeGiB, 0xbfff_0000),
    (AddressLayout::FourGiB, 0xffff_0000),
];

impl Bench {
    fn with_layout(layout: AddressLayout) -> Self {
        let mut bench = Self::new();
        bench.process = bench.machine.create_process_with(layout).unwrap();
        bench
    }
}

/// Microsoft, "Memory Limits for Windows and Windows Server Releases" and `GetSystemInfo`.
#[test]
fn a_process_of_32_bits_ends_below_its_2_3_or_4_gib() {
    for (layout, end) in NARROW {
        let mut bench = Bench::with_layout(layout);
        assert_eq!(layout.end().as_u64(), end);
        let process = bench.process;
        let beyond = bench.machine.virtual_query(process, VirtAddr::new(end));
        assert_eq!(beyond, Err(Status::InvalidParameter));
        let free = (MemoryState::Free, NOACCESS, SHARED_DATA);
        assert_eq!(bench.run(0), free);
        assert_eq!(bench.run(end - 1).2, 0x1000);
        let reserve = || {
            let machine = &mut bench.machine;
            machine.virtual_alloc(process, None, 1 << 28, RESERVE, NOACCESS)
        };
        let made = std::iter::repeat_with(reserve).take_while(Result::is_ok);
        // Of the last 256 MiB something is missing, below the shared page and above it.
        let above = end.saturating_sub(1 << 31);
        assert_eq!(made.count() as u64, (SHARED_DATA >> 28) + (above >> 28));
    }
}

/// Microsoft, `GetSystemInfo`; ReactOS's tests, `ZwAllocateVirtualMemory`.
#[test]
fn the_first_and_the_last_64_kib_are_never_used() {
    for (layout, end) in NARROW {
        let mut bench = Bench::with_layout(layout);
        let last = end - 0x2_0000;
        assert_eq!(
            bench.alloc(end, 1, RESERVE, READWRITE),
            Err(Status::InvalidParameter2)
        );
        assert_eq!(
            bench.alloc(end - 0x1_0000, 1, RESERVE, READWRITE),
            Err(Status::InvalidParameter2)
        );
        assert_eq!(
            bench.alloc(last, 0x1_0001, RESERVE, READWRITE),
            Err(Status::InvalidParameter4)
        );
        assert_eq!(
            bench.alloc(0xf000, 1, RESERVE, READWRITE),
            Err(Status::InvalidParameter2)
        );
        assert_eq!(
            bench.alloc(last, 0x1_0000, BOTH, READWRITE),
            Ok((last, 0x1_0000))
        );
        assert_eq!(bench.write(end - 0x1_0001, 1), Ok(()));
        for address in [0, 0xffff, end - 0x1_0000, end, end + 0x1_0000] {
            assert_eq!(bench.write(address, 1), violation(1, address));
        }
    }
}

/// ReactOS's source only (`MiQueryMemoryBasicInformation`); what is told of free memory before it
/// is as that, too.
#[test]
fn the_last_64_kib_are_told_as_reserved() {
    let wide = (AddressLayout::Wide, 0x7fff_ffff_0000);
    for (layout, end) in NARROW.into_iter().chain([wide]) {
        let bench = Bench::with_layout(layout);
        let start = end - 0x1_0000;
        let shared = u64::from(start == crate::SHARED_DATA) * PAGE;
        for page in [start + shared, start + 2 * PAGE, end - PAGE] {
            let found = bench.query(page + 1);
            assert_eq!(
                (found.state, found.protection),
                (MemoryState::Reserve, NOACCESS)
            );
            assert_eq!(found.base.as_u64() + found.size, end);
            assert_eq!(found.base.as_u64(), page);
            assert_eq!(found.allocation_base, Some(VirtAddr::new(start)));
            assert_eq!(found.allocation_protection, READONLY);
            assert_eq!(found.kind, Some(crate::MemoryKind::Private));
        }
        let free = bench.query(start - PAGE);
        assert_eq!((free.state, free.size), (MemoryState::Free, PAGE));
    }
}

/// Microsoft, `VirtualAlloc`: the highest possible address.
#[test]
fn from_the_top_down_starts_at_the_end_of_the_layout() {
    for (layout, end) in NARROW {
        let mut bench = Bench::with_layout(layout);
        let kind = RESERVE | AllocationType::TOP_DOWN;
        let machine = &mut bench.machine;
        let found = machine.virtual_alloc(bench.process, None, 0x1000, kind, READWRITE);
        assert_eq!(found.map(plain), Ok((end - 0x2_0000, 0x1000)));
    }
}

/// Known from literature only: what lies above has to be asked for.
#[test]
fn from_the_top_down_starts_below_the_images_of_64_bits() {
    const IMAGES: u64 = 0x7ff8_0000_0000;
    let mut bench = Bench::new();
    let kind = RESERVE | AllocationType::TOP_DOWN;
    let machine = &mut bench.machine;
    let found = machine.virtual_alloc(bench.process, None, 0x1_0000, kind, READWRITE);
    assert_eq!(found.map(plain), Ok((IMAGES - 0x1_0000, 0x1_0000)));
    let last = 0x7fff_fffd_0000;
    for base in [IMAGES, last] {
        let asked = bench.alloc(base, 0x1_0000, kind, READWRITE);
        assert_eq!(asked, Ok((base, 0x1_0000)));
    }
}

/// As long as Windows had fixed places for them; known from literature.
#[test]
fn environment_blocks_of_32_bits_are_below_the_shared_page() {
    for (layout, _) in NARROW {
        let mut bench = Bench::with_layout(layout);
        let process = bench.process;
        let request = StackRequest::default();
        let threads = [(); 2].map(|()| bench.machine.create_thread(process, request).unwrap());
        let tebs = threads.map(|thread| bench.machine.thread_environment(thread).unwrap());
        assert_eq!(tebs.map(VirtAddr::as_u64), [0x7ffd_e000, 0x7ffd_d000]);
        let peb = bench.machine.process_environment(process).unwrap();
        assert_eq!(peb, Some(VirtAddr::new(0x7ffd_f000)));
    }
}

/// Microsoft's public symbols, `_NT_TIB32` and `_TEB32`.
#[test]
fn a_stack_of_32_bits_is_in_a_block_of_32_bits_and_grows_the_same() {
    let mut bench = Bench::with_layout(AddressLayout::TwoGiB);
    let request = StackRequest {
        reserve: 0x1_0000,
        commit: 0xc000,
    };
    let thread = bench.machine.create_thread(bench.process, request).unwrap();
    let stack = bench.machine.stack(thread).unwrap();
    let teb = bench.machine.thread_environment(thread).unwrap();
    let pointers = [
        (0x04, stack.base),
        (0x08, stack.limit),
        (0x18, teb),
        (0xe0c, stack.bottom),
    ];
    for (offset, expected) in pointers {
        let mut bytes = [0; 4];
        let at = teb.wrapping_add(offset);
        bench.machine.read(thread, at, &mut bytes).unwrap();
        assert_eq!(
            u64::from(u32::from_le_bytes(bytes)),
            expected.as_u64(),
            "{offset:#x}"
        );
    }
    let below = |pages: u64| stack.base.wrapping_add((pages * PAGE).wrapping_neg());
    assert_eq!(bench.machine.write(thread, below(13), &[1]), Ok(()));
    assert_eq!(bench.machine.stack(thread).unwrap().limit, below(13));
    let overflow = bench.machine.write(thread, below(14), &[1]).unwrap_err();
    assert_eq!(overflow.code, Status::StackOverflow);
}
