//! Walks that trust the page tables, and take what they say for pointers.
#![expect(
    unsafe_code,
    reason = "a walk without checks cannot be written, nor the x86_64 crate's be called, without"
)]

use mmu_core::VirtAddr;
use x86_64::structures::paging::{OffsetPageTable, PageTable, Translate};

use super::{Contender, Tables, sum};

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Four loads, and nothing else that could be left out.
pub(crate) struct Minimal {
    tables: Tables,
}

impl Contender for Minimal {
    fn new(tables: Tables) -> Self {
        Self { tables }
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a host's pointer has 64 bits"
    )]
    fn round(&mut self, addresses: &[VirtAddr]) -> u64 {
        let memory = self.tables.memory().words().as_ptr().cast::<u64>();
        let root = self.tables.root().as_u64();
        sum(addresses, |address| {
            let address = address.as_u64();
            let mut table = root;
            for shift in [39, 30, 21, 12] {
                let place = table + (address >> shift & 0x1ff) * 8;
                // SAFETY: the tables lie in the memory, hold no place outside it, and are
                // written by nobody.
                table = unsafe { memory.byte_add(place as usize).read() } & ADDRESS;
            }
            table | address & 0xfff
        })
    }
}

/// `translate_addr` of the `x86_64` crate.
pub(crate) struct X86_64 {
    tables: Tables,
}

impl Contender for X86_64 {
    fn new(tables: Tables) -> Self {
        Self { tables }
    }

    #[inline]
    fn round(&mut self, addresses: &[VirtAddr]) -> u64 {
        let mapper = mapper(&mut self.tables);
        sum(addresses, |address| {
            // SAFETY: all addresses are canonical.
            let address = unsafe { x86_64::VirtAddr::new_unsafe(address.as_u64()) };
            let found = mapper.translate_addr(address);
            found.expect("the page is mapped").as_u64()
        })
    }
}

fn mapper(tables: &mut Tables) -> OffsetPageTable<'_> {
    let memory = tables.memory().words().as_ptr().cast_mut();
    let offset = x86_64::VirtAddr::from_ptr(memory);
    let root = offset + tables.root().as_u64();
    // SAFETY: the memory starts where a page does, the tables lie in it, and who has the
    // mapper has the tables to itself. Atomics may be written through a pointer.
    unsafe { OffsetPageTable::new(&mut *root.as_mut_ptr::<PageTable>(), offset) }
}
