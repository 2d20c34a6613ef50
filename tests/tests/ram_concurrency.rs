//! Several processors walk the same page tables while software changes bits of its own in
//! them: no bit is lost.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use mmu_core::{
    AccessKind, CpuFeatures, Entry, FunctionalMmu, Level, PageSize, PhysAddr, PhysMem,
    PrivilegeMode, Ram, VirtAddr,
};
use tests::{Random, Tables};

const PROCESSORS: usize = 3;
const ROUNDS: u64 = 40;
const PAGES: u64 = 1024;
const START: u64 = 0x40_0000_0000;
const SOFTWARE: Entry = Entry::SOFTWARE_9
    .union(Entry::SOFTWARE_10)
    .union(Entry::SOFTWARE_11);

fn address(page: u64) -> VirtAddr {
    VirtAddr::new(START + page * 0x1000)
}

/// Every third page is only read.
fn kind(page: u64) -> AccessKind {
    if page.is_multiple_of(3) {
        AccessKind::Read
    } else {
        AccessKind::Write
    }
}

/// Flips one of software's bits, and says which.
fn flip(ram: &Ram, at: PhysAddr, random: &mut Random) -> Entry {
    let bit = Entry::from_bits_retain(1 << (9 + random.below(3)));
    let mut current = ram.read_u64(at).unwrap();
    while let Err(seen) = ram
        .compare_exchange_u64(at, current, current ^ bit.bits())
        .unwrap()
    {
        current = seen;
    }
    bit
}

#[test]
fn accessed_dirty_and_software_bits_all_survive() {
    const SEED: u64 = 0x00c0_ffee;
    let mut random = Random::new(SEED);
    for round in 0..ROUNDS {
        let mut tables = Tables::new();
        let fresh = Entry::PRESENT | Entry::WRITABLE | Entry::USER;
        let frame = |page| PhysAddr::new(0x8000_0000 + page * 0x1000);
        for page in 0..PAGES {
            tables.map(address(page), frame(page), PageSize::Size4KiB, fresh);
        }
        let places: Vec<_> = (0..PAGES)
            .map(|page| tables.place(Level::Pte, address(page)))
            .collect();

        let start = Barrier::new(PROCESSORS + 1);
        let running = AtomicUsize::new(PROCESSORS);
        let mut expected = vec![Entry::empty(); places.len()];
        let tables = &tables;
        thread::scope(|scope| {
            for _ in 0..PROCESSORS {
                scope.spawn(|| {
                    let registers = tables.registers();
                    let features = CpuFeatures::default();
                    let mut mmu = FunctionalMmu::functional(features, registers).unwrap();
                    start.wait();
                    for page in 0..PAGES {
                        let (kind, mode) = (kind(page), PrivilegeMode::User);
                        let done = mmu.translate(tables.ram(), address(page), kind, mode);
                        assert_eq!(done.unwrap().address, frame(page));
                    }
                    running.fetch_sub(1, Ordering::Release);
                });
            }
            start.wait();
            while running.load(Ordering::Acquire) > 0 {
                for (&place, expected) in places.iter().zip(&mut expected) {
                    *expected ^= flip(tables.ram(), place, &mut random);
                }
            }
        });

        for ((page, &place), &software) in (0..).zip(&places).zip(&expected) {
            let mut entry = Entry::page(frame(page), PageSize::Size4KiB, fresh);
            entry |= Entry::ACCESSED | software & SOFTWARE;
            entry.set(Entry::DIRTY, kind(page).writes());
            assert_eq!(
                tables.entry(place),
                entry,
                "seed {SEED:#x}, round {round}, page {page}"
            );
        }
    }
}
