use benches::Counted;
use mmu_core::{AccessKind, CpuFeatures, FunctionalMmu, PhysMem, PrivilegeMode, VirtAddr};

use super::{Contender, Order, Tables, sum};

/// The functional MMU, every read of which reads so many entries: none if its software TLB
/// hits, one if it knows the page-directory entry, four if it knows nothing.
pub(crate) struct Lookaside<const REFERENCES: u64> {
    tables: Tables,
    mmu: FunctionalMmu,
}

impl<const REFERENCES: u64> Contender for Lookaside<REFERENCES> {
    const ORDER: Order = match REFERENCES {
        0 => Order::Hits,
        1 => Order::ColdPages,
        _ => Order::ColdTables,
    };

    fn new(tables: Tables) -> Self {
        let mmu = FunctionalMmu::functional(CpuFeatures::default(), tables.registers());
        Self {
            mmu: mmu.expect("4-level paging is there"),
            tables,
        }
    }

    #[inline]
    fn round(&mut self, addresses: &[VirtAddr]) -> u64 {
        let memory = self.tables.memory().words();
        sum(addresses, |address| read(&mut self.mmu, memory, address))
    }

    fn audit(&mut self, address: VirtAddr) -> u64 {
        let memory = Counted::new(self.tables.memory());
        let found = read(&mut self.mmu, &memory, address);
        assert_eq!(memory.reads(), REFERENCES, "{address}");
        found
    }
}

#[inline]
fn read<M: PhysMem + ?Sized>(mmu: &mut FunctionalMmu, memory: &M, address: VirtAddr) -> u64 {
    match mmu.translate(memory, address, AccessKind::Read, PrivilegeMode::User) {
        Ok(found) => found.address.as_u64(),
        Err(fault) => panic!("{fault}"),
    }
}
