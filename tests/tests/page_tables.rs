//! The page tables of real Linux guests, against what QEMU's `info tlb` printed of them.

use mmu_core::{CpuFeatures, Entry, Leaf, Mappings, PageSize, PhysAddr, Regime, Registers};
use tests::data;

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
    fn parse(line: &str) -> Self {
        let (virtual_address, rest) = line.split_once(": ").unwrap();
        let (physical_address, letters) = rest.split_once(' ').unwrap();
        assert_eq!(letters.len(), 9, "{line}");
        let set = FLAGS
            .into_iter()
            .filter(|&(letter, _)| letters.contains(letter));
        Self {
            virtual_address: u64::from_str_radix(virtual_address, 16).unwrap(),
            physical_address: u64::from_str_radix(physical_address, 16).unwrap(),
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

fn mappings_equal_the_truth(image: &str, folder: &str, cr3s: &[(u64, usize)]) {
    let image = data::image(&format!("page-tables/{folder}/{image}"));
    for &(cr3, lines) in cr3s {
        let truth = data::text(&format!("page-tables/{folder}/tlb-cr3-{cr3:x}.txt.zst"));
        let truth: Vec<_> = truth.lines().map(Line::parse).collect();
        assert_eq!(truth.len(), lines);
        let registers = Registers::four_level(PhysAddr::new(cr3));
        let regime = Regime::new(&registers, CpuFeatures::default()).unwrap();
        let found: Vec<_> = Mappings::new(&regime, &image.ram)
            .map(|leaf| Line::of(&leaf.unwrap()))
            .collect();
        for (found, truth) in found.iter().zip(&truth) {
            assert_eq!(found, truth, "CR3 {cr3:#x}");
        }
        assert_eq!(found.len(), truth.len(), "CR3 {cr3:#x}");
    }
}

/// The address spaces of the guest under page-table isolation, and how many pages each maps.
const ISOLATED: [(u64, usize); 6] = [
    (0x546_6000, 7552),
    (0x546_7000, 1199),
    (0x547_4000, 6617),
    (0x547_5000, 264),
    (0x561_6000, 8063),
    (0x561_7000, 1710),
];

/// Those of the guest without it.
const PLAIN: [(u64, usize); 3] = [(0x297_4000, 8714), (0x297_e000, 9225), (0x2a1_0000, 8713)];

#[test]
fn an_elf_core_of_an_isolated_kernel_maps_what_qemu_says() {
    mappings_equal_the_truth("pt-only.elf.zst", "l4-nokaslr", &ISOLATED);
}

#[test]
fn a_raw_image_of_an_isolated_kernel_maps_what_qemu_says() {
    mappings_equal_the_truth("pt-only.raw.zst", "l4-nokaslr", &ISOLATED);
}

#[test]
fn an_elf_core_of_a_plain_kernel_maps_what_qemu_says() {
    mappings_equal_the_truth("pt-only.elf.zst", "l4-kaslr-nopti", &PLAIN);
}

#[test]
fn a_core_with_overlapping_segments_maps_what_qemu_says() {
    mappings_equal_the_truth("pt-only-paging.elf.zst", "l4-kaslr-nopti", &PLAIN);
}

#[test]
fn the_processors_of_a_core_have_the_address_spaces_they_ran_in() {
    let image = data::image("page-tables/l4-nokaslr/pt-only.elf.zst");
    let cr3s: Vec<_> = image.vcpus.iter().map(|vcpu| vcpu.cr3).collect();
    assert_eq!(cr3s, [0x561_7000]);
    for name in ["pt-only.elf.zst", "pt-only-paging.elf.zst"] {
        let image = data::image(&format!("page-tables/l4-kaslr-nopti/{name}"));
        let cr3s: Vec<_> = image.vcpus.iter().map(|vcpu| vcpu.cr3).collect();
        assert_eq!(cr3s.len(), 2);
        assert_ne!(cr3s[0], cr3s[1]);
        assert!(
            cr3s.iter()
                .all(|cr3| PLAIN.iter().any(|known| known.0 == *cr3))
        );
    }
}
