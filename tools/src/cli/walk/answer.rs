use mmu_core::{
    AccessKind, Cause, Entry, Fault, Leaf, Level, PagingMode, PhysAddr, PhysMem, PrivilegeMode,
    Step, VirtAddr,
};

use super::super::registers::Chosen;

/// An access to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) kind: AccessKind,
    pub(super) mode: PrivilegeMode,
}

/// What a walk found.
pub(super) struct Answer {
    pub(super) address: VirtAddr,
    pub(super) access: Option<Access>,
    pub(super) steps: Vec<Step>,
    /// What maps the address, whether or not the access is permitted.
    pub(super) page: Option<Leaf>,
    pub(super) fault: Option<Fault>,
}

/// Linear addresses that nothing maps, because of one entry.
pub(super) struct Hole {
    pub(super) first: VirtAddr,
    pub(super) bytes: u64,
}

impl Answer {
    pub(super) fn new<M: PhysMem>(
        chosen: &Chosen,
        memory: &M,
        address: VirtAddr,
        access: Option<Access>,
    ) -> Self {
        let regime = &chosen.regime;
        let checked = access.map(|by| regime.probe(memory, address, by.kind, by.mode));
        // An access may be of an address with bits above that LAM masks.
        let walked = match checked {
            Some(Ok(leaf)) => leaf.address,
            _ => address,
        };
        let path = regime.path(memory, walked);
        let is_walked = !matches!(
            path.outcome,
            Err(Fault::NonCanonical(_) | Fault::AddressSpace(_))
        );
        let register = pdpte(chosen, address).filter(|_| is_walked);
        Self {
            address,
            access,
            steps: register.into_iter().chain(path.steps().to_vec()).collect(),
            page: path.outcome.ok(),
            fault: checked.unwrap_or(path.outcome).err(),
        }
    }

    /// Where the address lies, unless it is a fault.
    pub(super) fn physical(&self) -> Option<PhysAddr> {
        let leaf = self.page.filter(|_| self.fault.is_none())?;
        Some(leaf.translation.physical(self.address))
    }

    pub(super) fn hole(&self) -> Option<Hole> {
        match self.fault {
            Some(Fault::Page(fault)) if fault.cause == Cause::NotPresent => Some(Hole {
                first: VirtAddr::new(fault.address.as_u64() & !(fault.extent - 1)),
                bytes: fault.extent,
            }),
            _ => None,
        }
    }
}

/// The register that stands for the first step of PAE paging.
fn pdpte(chosen: &Chosen, address: VirtAddr) -> Option<Step> {
    if chosen.regime.mode() != PagingMode::Pae {
        return None;
    }
    let index = address.as_u64() >> Level::Pdpte.shift() & 3;
    let registers = chosen.registers.pdptes.into_iter();
    let (entry, index) = registers.zip(0..).find(|(_, at)| *at == index)?;
    Some(Step {
        level: Level::Pdpte,
        entry_address: chosen.regime.root().wrapping_add(index * 8),
        entry,
    })
}

/// PAT, PCD and PWT of the entry that maps a page: which byte of the register `IA32_PAT`
/// says how it is cached. The register itself is in no image.
pub(super) struct PatBits {
    pub(super) pat: u8,
    pub(super) pcd: u8,
    pub(super) pwt: u8,
}

/// PAT of an entry that maps a large page.
pub(super) const LARGE_PAT: Entry = Entry::from_bits_retain(1 << 12);

impl PatBits {
    pub(super) fn of(leaf: &Leaf) -> Self {
        let pat = match leaf.level {
            Level::Pte => Entry::LARGE,
            _ => LARGE_PAT,
        };
        let bit = |flag| u8::from(leaf.entry.contains(flag));
        Self {
            pat: bit(pat),
            pcd: bit(Entry::CACHE_DISABLE),
            pwt: bit(Entry::WRITE_THROUGH),
        }
    }

    pub(super) fn index(&self) -> u8 {
        self.pat << 2 | self.pcd << 1 | self.pwt
    }
}
