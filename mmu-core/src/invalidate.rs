use tlb::Scope;
use units::{Pcid, VirtAddr};

use crate::{Cr4, GeneralProtection, Registers, linear::LinearRules};

/// An instruction that drops cached translations (SDM vol. 3, 4.10.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Invalidation {
    /// INVLPG: the page that holds the address, of the current PCID and global.
    Invlpg(VirtAddr),
    /// INVPCID, with its operands as they are.
    Invpcid {
        /// The register operand, the type: 0, one address of a PCID; 1, a PCID; 2, all, with
        /// global pages; 3, all without them.
        operation: u64,
        /// The memory operand: the PCID in bits 11:0, the address in bits 127:64.
        descriptor: u128,
    },
}

impl Invalidation {
    /// What is to be dropped; None if it is nothing.
    ///
    /// # Errors
    /// [`GeneralProtection`] if INVPCID's operands are none (SDM vol. 2, INVPCID).
    pub(crate) fn scope(
        self,
        registers: &Registers,
        linear: &LinearRules,
        current: Pcid,
    ) -> Result<Option<Scope>, GeneralProtection> {
        match self {
            // SDM vol. 2, INVLPG: a non-canonical address makes it a no-op.
            Self::Invlpg(address) if !linear.is_canonical(address) => Ok(None),
            Self::Invlpg(address) => Ok(Some(Scope::Page {
                address: linear.wrap(address),
                pcid: current,
            })),
            Self::Invpcid {
                operation,
                descriptor,
            } => invpcid(operation, descriptor, registers, linear).map(Some),
        }
    }
}

fn invpcid(
    operation: u64,
    descriptor: u128,
    registers: &Registers,
    linear: &LinearRules,
) -> Result<Scope, GeneralProtection> {
    #[expect(clippy::cast_possible_truncation, reason = "each half is taken")]
    let (low, address) = (descriptor as u64, (descriptor >> 64) as u64);
    let address = VirtAddr::new(address);
    if operation > 3 {
        return Err(GeneralProtection::InvpcidType(operation));
    }
    if low >> 12 != 0 {
        return Err(GeneralProtection::InvpcidReserved(low));
    }
    let names_a_pcid = operation <= 1;
    if names_a_pcid && low != 0 && !registers.cr4.contains(Cr4::PCID_ENABLE) {
        return Err(GeneralProtection::InvpcidPcid(low));
    }
    let pcid = Pcid::from_cr3(low);
    match operation {
        0 if !linear.is_canonical_operand(address) => {
            Err(GeneralProtection::InvpcidAddress(address))
        }
        0 => Ok(Scope::PageOfPcid { address, pcid }),
        1 => Ok(Scope::Pcid(pcid)),
        2 => Ok(Scope::All),
        _ => Ok(Scope::NonGlobal),
    }
}

/// What was dropped, so that an embedder that caches what was translated can follow: whatever
/// it keeps of the scope is stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "caches of translated code or host addresses have to follow"]
pub struct Flushed {
    /// What had to be dropped; None if nothing had. The page of a [`Scope::Page`] is as large
    /// as whatever translation of the address was cached: it is the whole of a large page, even
    /// where that was held in pieces.
    pub scope: Option<Scope>,
    /// How many entries of TLBs were there and are no more; after a write of CR3, with those of
    /// other PCIDs that the TLBs could not keep, which are not of the scope, and not stale.
    pub translations: usize,
    /// The same of paging-structure caches.
    pub structures: usize,
}
