//! The guests in `tests/data/page-tables`, and the registers to walk them with.

use std::fs;

use lookaside::image::MemoryImage;
use mmu_core::{CpuFeatures, Cr0, Cr4, PagingMode, Registers};

use crate::data;

/// A guest that was stopped.
#[derive(Clone, Copy, Debug)]
pub struct Capture {
    /// Its folder.
    pub folder: &'static str,
    /// Its paging mode.
    pub mode: PagingMode,
    /// Its memory as a core, with the registers.
    pub core: &'static str,
    /// The same memory in other files.
    pub others: &'static [&'static str],
    /// How many address spaces QEMU was asked about.
    pub spaces: usize,
}

/// All guests.
pub const CAPTURES: [Capture; 5] = [
    Capture {
        folder: "l4-nokaslr",
        mode: PagingMode::FourLevel,
        core: "pt-only.elf.zst",
        others: &["pt-only.raw.zst"],
        spaces: 6,
    },
    Capture {
        folder: "l4-kaslr-nopti",
        mode: PagingMode::FourLevel,
        core: "pt-only.elf.zst",
        others: &[
            "pt-only-paging.elf.zst",
            "pt-only.kdump.zst",
            "pt-only.kdumpflat.zst",
            "pt-only.lime.zst",
        ],
        spaces: 3,
    },
    Capture {
        folder: "l5-kaslr-pti",
        mode: PagingMode::FiveLevel,
        core: "pt-only.elf.zst",
        others: &[],
        spaces: 8,
    },
    Capture {
        folder: "pae-pti",
        mode: PagingMode::Pae,
        core: "pt-only.elf.zst",
        others: &[],
        spaces: 8,
    },
    Capture {
        folder: "nonpae",
        mode: PagingMode::ThirtyTwoBit,
        core: "pt-only.elf.zst",
        others: &[],
        spaces: 4,
    },
];

impl Capture {
    /// One of its images.
    ///
    /// # Panics
    /// If it cannot be loaded.
    pub fn image(&self, name: &str) -> MemoryImage {
        data::image(&format!("page-tables/{}/{name}", self.folder))
    }

    /// Every CR3 that QEMU was asked about.
    ///
    /// # Panics
    /// If there are not as many as there should be.
    pub fn cr3s(&self) -> Vec<u64> {
        let folder = data::path(&format!("page-tables/{}", self.folder));
        let files = fs::read_dir(folder).expect("the folder is there");
        let names = files.map(|file| file.expect("it is read").file_name());
        let cr3 = |name: &str| {
            let digits = name.strip_prefix("tlb-cr3-")?.strip_suffix(".txt.zst")?;
            u64::from_str_radix(digits, 16).ok()
        };
        let mut cr3s: Vec<_> = names.filter_map(|name| cr3(name.to_str()?)).collect();
        cr3s.sort_unstable();
        assert_eq!(cr3s.len(), self.spaces, "{}", self.folder);
        cr3s
    }

    /// What QEMU printed under a CR3.
    pub fn truth(&self, what: &str, cr3: u64) -> String {
        data::text(&format!(
            "page-tables/{}/{what}-cr3-{cr3:x}.txt.zst",
            self.folder
        ))
    }
}

/// The registers of the first processor of a core, with another CR3.
///
/// # Panics
/// If the PDPTEs of PAE paging cannot be loaded.
pub fn registers(core: &MemoryImage, cr3: u64) -> Registers {
    let vcpu = core.vcpus[0];
    let cr4 = Cr4::from_bits_retain(vcpu.cr4);
    let mut registers = Registers {
        cr0: Cr0::from_bits_retain(vcpu.cr0),
        cr3,
        cr4,
        efer: core.deduced_efer(cr4, Some(&vcpu)),
        ..Registers::default()
    };
    if registers.paging_mode() == PagingMode::Pae {
        let loaded = core.load_pdptes(&mut registers, CpuFeatures::default());
        loaded.expect("they are valid");
    }
    registers
}
