//! The page tables of real Linux guests in every paging mode, against what QEMU printed of
//! them: `info tlb` for what is mapped, `gva2gpa` for what is not, too.

use lookaside::image::MemoryImage;
use mmu_core::{
    AccessKind, AlignmentCheck, Cause, CpuFeatures, Entry, ErrorCode, Fault, Leaf, Mappings,
    PageSize, PhysAddr, PrivilegeMode, Regime, VirtAddr,
};
use tests::captures::{CAPTURES, Capture, registers};

/// A line of `info tlb`: virtual and physical address, and the flags of the page's own entry.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    virtual_address: u64,
    physical_address: u64,
    flags: Entry,
    is_large: bool,
}

/// The letters of QEMU's flags in their order, `XGPDACTUW`, without the P of a large page.
const FLAGS: [(char, Entry); 8] = [
    ('X', Entry::NO_EXECUTE),
    ('G', Entry::GLOBAL),
    ('D', Entry::DIRTY),
    ('A', Entry::ACCESSED),
    ('C', Entry::CACHE_DISABLE),
    ('T', Entry::WRITE_THROUGH),
    ('U', Entry::USER),
    ('W', Entry::WRITABLE),
];

impl Line {
    /// Under PAE paging, QEMU leaves bit 63 of the entry in the physical address.
    fn parse(line: &str) -> Self {
        let (virtual_address, rest) = line.split_once(": ").unwrap();
        let (physical_address, letters) = rest.split_once(' ').unwrap();
        assert_eq!(letters.len(), 9, "{line}");
        let set = FLAGS
            .into_iter()
            .filter(|&(letter, _)| letters.contains(letter));
        Self {
            virtual_address: u64::from_str_radix(virtual_address, 16).unwrap(),
            physical_address: u64::from_str_radix(physical_address, 16).unwrap() & !(1 << 63),
            flags: set.map(|(_, flag)| flag).collect(),
            is_large: letters.contains('P'),
        }
    }

    fn of(leaf: &Leaf) -> Self {
        let named: Entry = FLAGS.into_iter().map(|(_, flag)| flag).collect();
        Self {
            virtual_address: leaf.address.as_u64(),
            physical_address: leaf.translation.page().as_u64(),
            flags: leaf.entry & named,
            is_large: leaf.translation.size() != PageSize::Size4KiB,
        }
    }
}

fn maps_what_qemu_says(capture: &Capture, core: &MemoryImage, image: &MemoryImage) {
    let mut pages = 0;
    for cr3 in capture.cr3s() {
        let truth = capture.truth("tlb", cr3);
        let regime = Regime::new(&registers(core, cr3), CpuFeatures::default()).unwrap();
        assert_eq!(regime.mode(), capture.mode);
        let mut found = Mappings::new(&regime, &image.ram);
        for line in truth.lines() {
            let leaf = found.next().map(|leaf| Line::of(&leaf.unwrap()));
            let line = Line::parse(line);
            assert_eq!(leaf, Some(line), "{}, CR3 {cr3:#x}", capture.folder);
            pages += 1;
        }
        assert_eq!(found.next(), None, "{}, CR3 {cr3:#x}", capture.folder);
    }
    assert!(pages > 20_000, "{pages}");
}

#[test]
fn cores_map_what_qemu_says() {
    for capture in CAPTURES {
        let core = capture.image(capture.core);
        maps_what_qemu_says(&capture, &core, &core);
    }
}

#[test]
fn other_images_map_what_qemu_says() {
    for capture in CAPTURES {
        let core = capture.image(capture.core);
        for name in capture.others {
            maps_what_qemu_says(&capture, &core, &capture.image(name));
        }
    }
}

/// `address gpa: 0xphysical` or `address Unmapped`.
fn probe(line: &str) -> (VirtAddr, Option<PhysAddr>) {
    let (address, answer) = line.split_once(' ').unwrap();
    let address = VirtAddr::new(u64::from_str_radix(address, 16).unwrap());
    let physical = answer.strip_prefix("gpa: ").map(|physical| {
        let digits = physical.trim_start_matches("0x");
        PhysAddr::new(u64::from_str_radix(digits, 16).unwrap())
    });
    assert!(physical.is_some() || answer == "Unmapped", "{line}");
    (address, physical)
}

/// Inspected, and read by a supervisor that may read all that is mapped.
#[test]
fn every_address_is_where_qemu_says_or_nowhere() {
    let [mut mapped, mut unmapped] = [0, 0];
    for capture in CAPTURES {
        let core = capture.image(capture.core);
        for cr3 in capture.cr3s() {
            let mut registers = registers(&core, cr3);
            registers.alignment_check = AlignmentCheck::Set;
            let regime = Regime::new(&registers, CpuFeatures::default()).unwrap();
            for line in capture.truth("gva2gpa", cr3).lines() {
                let (address, expected) = probe(line);
                let by_whom = PrivilegeMode::Supervisor;
                let found = [
                    regime.inspect(&core.ram, address),
                    regime.probe(&core.ram, address, AccessKind::Read, by_whom),
                ];
                for found in found {
                    let place = || format!("{}, CR3 {cr3:#x}, {address}", capture.folder);
                    match (found, expected) {
                        (Ok(leaf), Some(physical)) => {
                            assert_eq!(leaf.translation.physical(address), physical, "{}", place());
                        }
                        (Err(Fault::NonCanonical(_)), None) => {}
                        (Err(Fault::Page(fault)), None) => {
                            assert_eq!(fault.cause, Cause::NotPresent, "{}", place());
                            assert_eq!(fault.error_code, ErrorCode::empty(), "{}", place());
                        }
                        other => panic!("{}: {other:?}", place()),
                    }
                }
                *(if expected.is_some() {
                    &mut mapped
                } else {
                    &mut unmapped
                }) += 1;
            }
        }
    }
    assert_eq!((mapped, unmapped), (48_782, 18_736));
}

#[test]
fn the_processors_of_a_core_have_the_address_spaces_they_ran_in() {
    for capture in CAPTURES {
        let core = capture.image(capture.core);
        let cr3s: Vec<_> = core.vcpus.iter().map(|vcpu| vcpu.cr3).collect();
        let processors = if capture.folder == "l4-kaslr-nopti" {
            2
        } else {
            1
        };
        assert_eq!(cr3s.len(), processors);
        assert!(cr3s.iter().all(|cr3| capture.cr3s().contains(cr3)));
        assert_ne!(cr3s.first(), cr3s.get(1));
    }
}
