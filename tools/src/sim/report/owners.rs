//! Cycles by owner, under names that stay the same.

use mmu_core::{Breakdown, Owner};
use serde::{Serialize, Serializer};

/// The parts of a run's cycles.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByOwner(pub(super) Breakdown);

impl ByOwner {
    pub(super) fn of(&self, owner: Owner) -> u64 {
        self.0.of(owner).as_u64()
    }
}

impl Serialize for ByOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Owner::ALL.map(|owner| (owner, self.of(owner))).into_iter();
        let shown = shown.filter(|&(owner, cycles)| cycles > 0 || is_always_told(owner));
        serializer.collect_map(shown.map(|(owner, cycles)| (key(owner), cycles)))
    }
}

/// The name of an owner in JSON.
pub(in crate::sim) const fn key(owner: Owner) -> &'static str {
    match owner {
        Owner::L1Tlb => "l1_tlb",
        Owner::Stlb => "stlb",
        Owner::StructureCaches => "structure_caches",
        Owner::WalkL1d => "walk_l1d",
        Owner::WalkL2 => "walk_l2",
        Owner::WalkLlc => "walk_llc",
        Owner::WalkPeer => "walk_peer",
        Owner::WalkMemory => "walk_memory",
        Owner::WalkQueue => "walk_queue",
        Owner::AccessedDirty => "accessed_dirty",
        Owner::Fault => "fault",
        Owner::WriteCr3 => "write_cr3",
        Owner::Invalidation => "invalidation",
        Owner::Shootdown => "shootdown",
        Owner::ContextSwitch => "context_switch",
        Owner::Collapse => "collapse",
        Owner::Disk => "disk",
        Owner::Fetch => "fetch",
        Owner::Data => "data",
    }
}

/// The name of an owner in text.
pub(super) const fn title(owner: Owner) -> &'static str {
    match owner {
        Owner::L1Tlb => "L1 TLB",
        Owner::Stlb => "STLB",
        Owner::StructureCaches => "paging-structure caches",
        Owner::WalkL1d => "walk, entries in the L1D",
        Owner::WalkL2 => "walk, entries in the L2",
        Owner::WalkLlc => "walk, entries in the LLC",
        Owner::WalkPeer => "walk, entries in a peer",
        Owner::WalkMemory => "walk, entries in memory",
        Owner::WalkQueue => "waiting for a walk",
        Owner::AccessedDirty => "accessed and dirty bits",
        Owner::Fault => "page faults",
        Owner::WriteCr3 => "MOV to CR3",
        Owner::Invalidation => "INVLPG and INVPCID",
        Owner::Shootdown => "TLB shootdowns",
        Owner::ContextSwitch => "context switches",
        Owner::Collapse => "making large pages",
        Owner::Disk => "waiting for disks",
        Owner::Fetch => "instruction fetch",
        Owner::Data => "data",
    }
}

/// Whether a run in which the owner has no cycles still shows it: not what only some machines
/// and some ways to run them have.
pub(super) const fn is_always_shown(owner: Owner) -> bool {
    !matches!(
        owner,
        Owner::WalkPeer
            | Owner::WalkQueue
            | Owner::WriteCr3
            | Owner::Invalidation
            | Owner::Shootdown
            | Owner::ContextSwitch
            | Owner::Collapse
            | Owner::Disk
    )
}

/// Whether data have the owner even if it has no cycles: only machines that page have disks.
pub(in crate::sim) const fn is_always_told(owner: Owner) -> bool {
    !matches!(owner, Owner::Disk)
}
