//! One guest's memory in five kinds of file: they all say the same.

use std::io::Read;

use lookaside::{
    image::{ImageFormat, Machine, MemoryImage},
    input::{Input, Source},
};
use mmu_core::{PhysAddr, PhysMem};
use tests::data;

const FOLDER: &str = "page-tables/l4-kaslr-nopti";

fn image(name: &str) -> MemoryImage {
    data::image(&format!("{FOLDER}/{name}"))
}

fn ranges(image: &MemoryImage) -> Vec<(u64, u64)> {
    let ranges = image.ram.ranges();
    ranges.map(|(at, length)| (at.as_u64(), length)).collect()
}

/// The guest's memory below 128 MiB, and its firmware.
const RANGES: [(u64, u64); 2] = [(0, 0x800_0000), (0xfffc_0000, 0x4_0000)];

/// What of it is mapped, and so in a core of virtual memory.
const MAPPED: [(u64, u64); 1] = [(0, 0x7fe_3000)];

const PAGE_BYTES: usize = 0x1000;

fn assert_same_memory(image: &MemoryImage, other: &MemoryImage) {
    let mut pages = 0;
    for (start, length) in other.ram.ranges() {
        for at in (0..length).step_by(PAGE_BYTES) {
            let at = start.wrapping_add(at);
            let [mut one, mut two] = [[0; PAGE_BYTES]; 2];
            image.ram.read(at, &mut one).unwrap();
            other.ram.read(at, &mut two).unwrap();
            assert!(one == two, "{} and {} at {at}", image.format, other.format);
            pages += u64::from(one.iter().any(|byte| *byte != 0));
        }
    }
    assert!(pages > 200, "they are not all zeros");
    for hole in [0x800_0000, 0xfffb_fff8, 0x1_0000_0000].map(PhysAddr::new) {
        assert!(image.ram.read_u64(hole).is_err() && other.ram.read_u64(hole).is_err());
    }
}

#[test]
fn every_format_holds_the_same_memory() {
    let core = image("pt-only.elf.zst");
    assert_eq!(ranges(&core), RANGES);
    for (name, format, held) in [
        ("pt-only-paging.elf.zst", ImageFormat::ElfCore, &MAPPED[..]),
        ("pt-only.kdump.zst", ImageFormat::Kdump, &RANGES),
        (
            "pt-only.kdumpflat.zst",
            ImageFormat::KdumpFlattened,
            &RANGES,
        ),
        ("pt-only.lime.zst", ImageFormat::Lime, &RANGES),
    ] {
        let other = image(name);
        assert_eq!(other.format, format);
        assert_eq!(ranges(&other), held);
        assert_same_memory(&core, &other);
        assert_eq!(other.ram.resident_bytes(), core.ram.resident_bytes());
        if format == ImageFormat::Lime {
            assert_eq!((other.vcpus.len(), other.machine), (0, None));
        } else {
            assert_eq!(other.vcpus, core.vcpus);
            assert_eq!(other.machine, Some(Machine::X86_64));
        }
    }
}

/// What the monitor said of the first of them when it was stopped.
#[test]
fn the_registers_are_those_of_the_stopped_guest() {
    let core = image("pt-only.elf.zst");
    assert_eq!(core.vcpus.len(), 2);
    let first = core.vcpus[0];
    assert_eq!(
        [first.cr0, first.cr2, first.cr3, first.cr4, first.rip],
        [0x8005_0033, 0x53_0bf6, 0x297_4000, 0x75_0eb0, 0x40_16ea]
    );
    assert_eq!(first.cs_selector & 3, 3);
    assert_ne!(first.cr3, core.vcpus[1].cr3);
}

/// Uncompressed and without a length that is known beforehand, as from a pipe.
#[test]
fn a_pipe_will_do() {
    let core = image("pt-only.elf.zst");
    for name in ["pt-only.kdump.zst", "pt-only.kdumpflat.zst"] {
        let name = format!("{FOLDER}/{name}");
        let mut plain = data::decompressed(&name);
        let source = Source::Embedded("a pipe");
        let mut bytes = Vec::new();
        plain.read_to_end(&mut bytes).unwrap();
        let plain = std::io::Cursor::new(bytes);
        let image = MemoryImage::load(Input::new(source, plain).unwrap()).unwrap();
        assert_same_memory(&core, &image);
    }
}
