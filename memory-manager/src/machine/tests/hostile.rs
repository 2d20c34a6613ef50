use std::fs::File;

use mmu_core::{Cause, Entry, ErrorCode, Level, PageFault, PhysAddr};

use super::{pe::Pe, *};
use crate::{
    AddressRequirements, AllocationRequest, Backing, FileAccess, LARGE_PAGE_MINIMUM, PhysicalPage,
    RegionInformation, SHARED_DATA, SectionAttributes, SectionHandle, StackRequest, UnmapFlags,
    ViewAccess, ViewRequest, WatchFlags, WorkingSetSize, ZeroBits, vad::USER_LIMIT,
};

/// Numbers that go wrong where anything does.
const NUMBERS: [u64; 18] = [
    0,
    1,
    0xfff,
    0x1000,
    0xffff,
    0x1_0000,
    LARGE_PAGE_MINIMUM,
    BASE - 1,
    BASE,
    BASE + 0x1_0001,
    USER_LIMIT - 0x1_0000,
    USER_LIMIT - 1,
    USER_LIMIT,
    1 << 47,
    SHARED_DATA,
    1 << 63,
    u64::MAX - 0xfff,
    u64::MAX,
];

/// Flags, of all kinds of calls.
const FLAGS: [u32; 18] = [
    0,
    1,
    2,
    4,
    8,
    0x1000,
    0x3000,
    0x4000,
    0x6000,
    0x8000,
    0x8001,
    0x8002,
    0x1_1000,
    0x4_2000,
    0x20_3000,
    0x40_2000,
    0x2000_3000,
    u32::MAX,
];

/// All that can be asked about two numbers and two flags is answered, and nothing breaks.
#[test]
fn no_argument_breaks_a_call() {
    let mut bench = Bench::new();
    bench.privilege();
    let process = bench.process;
    let section = bench
        .machine
        .create_section(
            Backing::PageFile,
            READWRITE,
            SectionAttributes::COMMIT,
            0x2_0000,
        )
        .unwrap();
    let file = images::file(&Pe::sample(BASE).bytes());
    let image = bench.image(&file).unwrap();
    let mut turn = 0;
    for base in NUMBERS {
        for size in NUMBERS {
            turn += 1;
            for (index, first) in FLAGS.into_iter().enumerate() {
                // All pairs meet, though not at all numbers.
                let second = FLAGS[(index + turn) % FLAGS.len()];
                for section in [section, image] {
                    call_all(&mut bench, section, (base, size), (first, second));
                }
                call_file(&mut bench, &file, size, (first, second));
            }
            let space = &bench.machine.spaces[&process];
            let regions = space.vads.iter().map(|vad| vad.start);
            let regions: Vec<_> = regions.filter(|&start| start != SHARED_DATA).collect();
            invariants::check(&bench.machine);
            for region in regions {
                if bench.free(region, 0, RELEASE).is_err() {
                    let address = VirtAddr::new(region);
                    bench.machine.unmap_view(process, address).unwrap();
                }
            }
        }
    }
}

/// Makes sections of a file.
fn call_file(bench: &mut Bench, file: &File, size: u64, (first, second): (u32, u32)) {
    let protection = PageProtection::from_bits_retain(second);
    let attributes = SectionAttributes::from_bits_retain(first << 15);
    for attributes in [attributes, attributes | SectionAttributes::IMAGE] {
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::READ);
        let made = bench
            .machine
            .create_section(backing, protection, attributes, size);
        if let Ok(made) = made {
            let _ = bench.machine.query_image(made, usize::MAX);
            bench.machine.close_section(made).unwrap();
        }
    }
}

fn call_all(
    bench: &mut Bench,
    section: SectionHandle,
    (base, size): (u64, u64),
    (first, second): (u32, u32),
) {
    let (machine, process) = (&mut bench.machine, bench.process);
    let at = VirtAddr::new(base);
    let protection = PageProtection::from_bits_retain(second);
    let kind = AllocationType::from_bits_retain(first);
    let _ = machine.virtual_alloc(process, Some(at), size, kind, protection);
    let _ = machine.virtual_alloc(process, None, size, kind, protection);
    let _ = machine.virtual_alloc_huge(process, Some(at), size, protection);
    let pages = machine.allocate_user_physical_pages(process, size % 3);
    let mut pages = pages.unwrap_or_default();
    pages.push(PhysicalPage(base));
    let _ = machine.map_user_physical_pages(process, at, &pages[1..]);
    let _ = machine.map_user_physical_pages(process, at, &pages[..1]);
    let scattered = [(VirtAddr::new(size), None), (at, pages.first().copied())];
    let _ = machine.map_user_physical_pages_scatter(process, &scattered);
    let _ = machine.unmap_user_physical_pages(process, at, size);
    let _ = machine.free_user_physical_pages(process, &pages);
    let _ = machine.virtual_protect(process, at, size, protection);
    let _ = machine.virtual_query(process, at);
    let _ = machine.query_region(process, at, RegionInformation::BYTES);
    let _ = machine.query_working_set_ex(process, at);
    let watch = WatchFlags::from_bits_retain(first);
    let _ = machine.get_write_watch(process, at, size, watch, usize::MAX);
    let _ = machine.reset_write_watch(process, at, size);
    let _ = machine.read(process, at, &mut [0; 0x1800]);
    let _ = machine.write(process, at, &[1; 0x1800]);
    let _ = machine.execute(process, at);
    let request = AllocationRequest {
        base: None,
        size,
        kind,
        protection,
    };
    let zero_bits = ZeroBits(base);
    let _ = machine.virtual_alloc_below(process, &request, zero_bits);
    let placed = AddressRequirements {
        lowest: Some(at),
        highest: Some(VirtAddr::new(size)),
        alignment: size,
    };
    let anywhere = AddressRequirements::default();
    for placement in [placed, anywhere] {
        for base in [None, Some(at)] {
            let request = AllocationRequest { base, ..request };
            let _ = machine.virtual_alloc_ex(process, &request, &placement);
        }
    }
    let other = VirtAddr::new(size);
    let _ = machine.read_virtual_memory(process, at, &mut [0; 0x1800]);
    let _ = machine.write_virtual_memory(process, at, &[1; 0x1800]);
    let _ = machine.copy_virtual_memory((process, at), (process, other), size);
    let _ = machine.virtual_lock(process, at, size);
    let _ = machine.is_locked(process, at);
    let _ = machine.discard(process, at, size);
    let _ = machine.prefetch_virtual_memory(process, &[AddressRange { base: at, size }]);
    let sizes = WorkingSetSize {
        minimum: base,
        maximum: size,
    };
    let _ = machine.set_working_set_size(process, sizes);
    let request = ViewRequest {
        base: Some(at),
        offset: size,
        size: base,
        commit: size,
        protection,
    };
    let _ = machine.map_view(process, section, &request);
    for placement in [placed, anywhere] {
        for base in [None, Some(at)] {
            let request = ViewRequest { base, ..request };
            let _ = machine.map_view_ex(process, section, &request, kind, &placement);
        }
    }
    let attributes = SectionAttributes::from_bits_retain(first << 15);
    let mut win32 = bench.win32();
    let _ = win32.map_view_of_file_ex(
        section,
        ViewAccess::from_bits_retain(second),
        0,
        size,
        Some(at),
    );
    let _ = win32.write_process_memory(process, at, &[1; 0x1800]);
    let _ = win32.open_file_mapping(ViewAccess::from_bits_retain(first), Some("\\"));
    let name = (first % 2 == 0).then_some("name");
    let made = win32.create_file_mapping(Backing::PageFile, protection, attributes, size, name);
    if let Ok(made) = made {
        let _ = bench.machine.query_section(made, usize::MAX);
        bench.machine.close_section(made).unwrap();
    }
    use_threads(bench, (base, size), protection);
    let machine = &mut bench.machine;
    let _ = machine.flush_view(process, at, size);
    let _ = machine.virtual_unlock(process, at, size);
    let _ = machine.virtual_free(process, at, size, FreeType::from_bits_retain(first));
    let flags = UnmapFlags::from_bits_retain(first);
    let _ = machine.unmap_view_ex(process, at, flags);
    let _ = machine.unmap_view(process, at);
}

/// A thread of a process that ends again, and a fault that was never raised.
fn use_threads(bench: &mut Bench, (base, size): (u64, u64), protection: PageProtection) {
    let (machine, process) = (&mut bench.machine, bench.process);
    let at = VirtAddr::new(base);
    let fault = PageFault {
        address: at,
        error_code: ErrorCode::from_bits_retain(protection.bits()),
        cause: Cause::NotPresent,
        level: Level::Pte,
        entry_address: PhysAddr::new(size),
        entry: Entry::empty(),
        extent: base,
    };
    let _ = machine.service(process, &fault);
    let stack = StackRequest {
        reserve: base,
        commit: size,
    };
    if let Ok(other) = machine.create_process() {
        if let Ok(thread) = machine.create_thread(other, stack) {
            let _ = machine.write(thread, at, &[1; 0x1800]);
            let _ = machine.virtual_protect(thread, at, size, protection);
            let _ = machine.terminate_thread(thread);
        }
        machine.terminate_process(other).unwrap();
    }
}
