//! A machine costs the host memory for the frames that are in use, however many there are; an
//! allocator that counts can tell.

use std::alloc::System;

use memory_manager::{AllocationType, FreeType, Machine, MachineConfig, PageProtection};
use mmu_core::VirtAddr;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TIB: u64 = 1 << 40;
const PAGE: u64 = 1 << 12;
const PAGES: u64 = 10_000;

/// Bytes that were allocated in a region and not freed.
fn held(region: &Region<'_, System>) -> u64 {
    let change = region.change();
    let held = change.bytes_allocated - change.bytes_deallocated;
    // What is moved counts by how much it grew.
    let held = isize::try_from(held).expect("an allocation is smaller") + change.bytes_reallocated;
    u64::try_from(held).unwrap_or(0)
}

fn main() {
    let region = Region::new(ALLOCATOR);
    let config = MachineConfig {
        ram_bytes: TIB,
        ..MachineConfig::default()
    };
    let mut machine = Machine::new(&config).expect("a processor can address it");
    let process = machine.create_process().expect("there is memory");
    let made = held(&region);
    // Of each GiB that is touched the places of its frames, and the TLB that is in software.
    assert!(made < 8 << 20, "a machine takes {made} bytes");

    let kind = AllocationType::RESERVE | AllocationType::COMMIT;
    let bytes = PAGES * PAGE;
    let memory = machine.virtual_alloc(process, None, bytes, kind, PageProtection::READWRITE);
    let base = memory.expect("there is room").base;
    let reserved = held(&region) - made;
    assert!(
        reserved < 1 << 16,
        "memory that is not used takes {reserved} bytes"
    );

    let touch = |machine: &mut Machine, base: VirtAddr| {
        for page in 0..PAGES {
            let at = base.wrapping_add(page * PAGE);
            machine.write(process, at, &[1]).expect("there is memory");
        }
    };
    touch(&mut machine, base);
    let used = held(&region) - made;
    let frames = machine.frames_in_use();
    let each = used / frames;
    println!("{made} bytes for 1 TiB, and {each} for each of {frames} frames in use");
    // A page, its record of 48 bytes, and its place in the working set.
    assert!(
        (PAGE..PAGE + 256).contains(&each),
        "a frame takes {each} bytes"
    );

    // What is given back is used again.
    let freed = machine.virtual_free(process, base, 0, FreeType::RELEASE);
    freed.expect("the region is there");
    let memory = machine.virtual_alloc(process, None, bytes, kind, PageProtection::READWRITE);
    touch(&mut machine, memory.expect("there is room").base);
    let again = held(&region) - made;
    assert!(
        again <= used + (1 << 16),
        "{again} bytes where there were {used}"
    );
}
