use tlb::{
    ConfigError, Cr3Write, HierarchyConfig, PagingStructureCaches, Scope, Stream,
    StructureCachesConfig, TlbHierarchy,
};
use units::{AccessKind, Level, Pcid, VirtAddr};

use crate::{Flushed, Ledger, Owner, TableEntry, Translated, Translation, TranslationCache};

/// The TLBs and paging-structure caches of a modelled processor.
#[derive(Clone, Debug)]
pub struct ModelledTlb {
    pub(crate) tlbs: TlbHierarchy<Translation>,
    structures: PagingStructureCaches<TableEntry>,
}

impl ModelledTlb {
    /// Empty TLBs and paging-structure caches.
    ///
    /// # Errors
    /// [`ConfigError`] if one of them cannot be built.
    pub fn new(
        tlbs: &HierarchyConfig,
        structures: &StructureCachesConfig,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            tlbs: TlbHierarchy::new(tlbs)?,
            structures: PagingStructureCaches::new(structures)?,
        })
    }

    /// The TLBs.
    pub fn tlbs(&self) -> &TlbHierarchy<Translation> {
        &self.tlbs
    }

    /// A look-up that does not repeat the last one.
    #[inline]
    pub(crate) fn lookup_anew<L: Ledger>(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        kind: AccessKind,
        ledger: &mut L,
    ) -> Option<Translated> {
        let spend = |level, cycles| ledger.charge(owner_of_level(level), cycles);
        let found = self
            .tlbs
            .lookup_anew(address, pcid, Stream::of(kind), spend);
        found.map(|found| Translated::new(address, found.payload))
    }

    /// The paging-structure caches.
    pub fn structures(&self) -> &PagingStructureCaches<TableEntry> {
        &self.structures
    }
}

/// Who owns what asking a level of TLBs costs.
#[inline]
fn owner_of_level(level: usize) -> Owner {
    if level == 0 {
        Owner::L1Tlb
    } else {
        Owner::Stlb
    }
}

impl TranslationCache for ModelledTlb {
    #[inline]
    fn lookup<L: Ledger>(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        kind: AccessKind,
        ledger: &mut L,
    ) -> Option<Translated> {
        let spend = |level, cycles| ledger.charge(owner_of_level(level), cycles);
        let found = self.tlbs.lookup(address, pcid, Stream::of(kind), spend);
        found.map(|found| Translated::new(address, found.payload))
    }

    fn fill(&mut self, address: VirtAddr, pcid: Pcid, kind: AccessKind, found: Translation) {
        self.tlbs.fill(address, pcid, Stream::of(kind), found);
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is found need not go through memory"
    )]
    fn deepest_table<L: Ledger>(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        ledger: &mut L,
    ) -> Option<(Level, TableEntry)> {
        ledger.charge(Owner::StructureCaches, self.structures.penalty());
        self.structures.deepest(address, pcid)
    }

    #[inline]
    fn fill_table(&mut self, level: Level, address: VirtAddr, pcid: Pcid, entry: TableEntry) {
        self.structures.fill(level, address, pcid, entry);
    }

    fn forget_translation(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.tlbs.forget(address, pcid)
    }

    fn forget_tables(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        self.structures.forget(address, pcid)
    }

    fn holds(&self, address: VirtAddr, pcid: Pcid, kind: AccessKind) -> bool {
        self.tlbs.holds(address, pcid, Stream::of(kind))
    }

    fn cr3_written(&mut self, pcid: Pcid, written: Cr3Write) -> usize {
        self.tlbs.cr3_written(pcid, written)
    }

    fn invalidate(&mut self, scope: Scope) -> Flushed {
        Flushed {
            scope: Some(scope),
            translations: self.tlbs.invalidate(scope),
            structures: self.structures.invalidate(scope),
        }
    }
}
