use benches::FlatMemory;
use memflow::{
    architecture::x86::{X86VirtualTranslate, x64},
    cglue::{CTup2, CTup3},
    error::Result,
    mem::{
        PhysicalMemory, PhysicalMemoryMetadata, VirtualTranslate3,
        mem_data::{MemOps, PhysicalReadMemOps, PhysicalWriteMemOps, opt_call},
    },
    types::Address,
};
use mmu_core::VirtAddr;

use super::{Contender, Tables, sum};

/// `virt_to_phys` of memflow, with its x86-64 translator and a memory as its documentation
/// says to write one.
pub(crate) struct Memflow {
    memory: Bytes,
    translator: X86VirtualTranslate,
}

impl Contender for Memflow {
    fn new(tables: Tables) -> Self {
        Self {
            memory: Bytes::of(tables.memory()),
            translator: x64::new_translator(Address::from(tables.root().as_u64())),
        }
    }

    #[inline]
    fn round(&mut self, addresses: &[VirtAddr]) -> u64 {
        sum(addresses, |address| {
            let address = Address::from(address.as_u64());
            let found = self.translator.virt_to_phys(&mut self.memory, address);
            found.expect("the page is mapped").address().to_umem()
        })
    }
}

/// The same memory, byte by byte.
struct Bytes(Box<[u8]>);

impl Bytes {
    fn of(memory: &FlatMemory) -> Self {
        Self(memory.to_bytes().into())
    }
}

impl PhysicalMemory for Bytes {
    fn phys_read_raw_iter(&mut self, data: PhysicalReadMemOps) -> Result<()> {
        let MemOps { inp, mut out, .. } = data;
        inp.for_each(|CTup3(at, meta, mut data)| {
            let start = index(at.address());
            let end = start + data.len();
            data.copy_from_slice(&self.0[start..end]);
            opt_call(out.as_deref_mut(), CTup2(meta, data));
        });
        Ok(())
    }

    fn phys_write_raw_iter(&mut self, data: PhysicalWriteMemOps) -> Result<()> {
        let MemOps { inp, mut out, .. } = data;
        inp.for_each(|CTup3(at, meta, data)| {
            let start = index(at.address());
            let end = start + data.len();
            self.0[start..end].copy_from_slice(&data);
            opt_call(out.as_deref_mut(), CTup2(meta, data));
        });
        Ok(())
    }

    fn metadata(&self) -> PhysicalMemoryMetadata {
        PhysicalMemoryMetadata {
            max_address: (self.0.len() - 1).into(),
            real_size: self.0.len() as u64,
            readonly: false,
            ideal_batch_size: u32::MAX,
        }
    }
}

fn index(at: Address) -> usize {
    usize::try_from(at.to_umem()).expect("an address of the host's has as many bits")
}
