use units::{AccessKind, Level, PageSize, Pcid, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    AccessedOnFault, CpuFeatures, Cr4, Efer, Entry, ErrorCode, Fault, GeneralProtection, Leaf,
    MemoryType, PagingMode, PhysMem, Registers, Rights, RightsTable, TableEntry, WalkPath,
    control::pae_root,
    format::{EntryFormat, Narrow, Wide},
    keys::KeyRules,
    level_rules::LevelRules,
    linear::LinearRules,
    memory_type::{MemoryTypes, UsualPages},
    path::Recorder,
    rights::Path,
    walker::{Inspection, Purpose, Start, WalkEvents, walk},
};

/// What the control registers and the processor's features decide about translation, derived
/// when one of them changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    mode: PagingMode,
    root: TableEntry,
    pub(crate) pcid: Pcid,
    /// The PDPTE registers, and where they were loaded from.
    pdptes: [Entry; 4],
    pdpt: PhysAddr,
    pub(crate) linear: LinearRules,
    pub(crate) rights: RightsTable,
    keys: KeyRules,
    shadow_stacks: ShadowStacks,
    simple_rights: SimpleRights,
    walks: Walks,
    ordinary_entries: OrdinaryEntries,
    global: Entry,
    reports_fetches: ReportsFetches,
    pub(crate) accessed_on_fault: AccessedOnFault,
    pub(crate) levels: [LevelRules; Level::COUNT],
    pub(crate) types: MemoryTypes,
    /// Pages whose rights and memory type take no closer look; none, unless rights are simple.
    pub(crate) usual_pages: UsualPages,
}

/// Whether R/W, U/S, XD and D are all there is to a page's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SimpleRights {
    Yes,
    /// Protection keys, shadow stacks or LASS have a say.
    No,
}

/// The addresses that are walked for without asking what is rare: so many, half of them
/// below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Walks {
    half: u64,
    count: u64,
}

impl Walks {
    const NONE: Self = Self::over(0);

    const fn over(count: u64) -> Self {
        Self {
            half: count / 2,
            count,
        }
    }
}

/// Whether there are entries that one test tells to be ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OrdinaryEntries {
    None,
    Some,
}

/// Whether a read-only dirty page is a shadow stack (CR4.CET).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShadowStacks {
    Off,
    On,
}

/// Whether error codes tell a fetch: with XD or SMEP only (SDM vol. 3, 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReportsFetches {
    No,
    Yes,
}

impl Regime {
    /// What these registers decide.
    ///
    /// # Errors
    /// [`GeneralProtection`] if a processor with these features lets none such in.
    pub fn new(registers: &Registers, features: CpuFeatures) -> Result<Self, GeneralProtection> {
        registers.check(features)?;
        Ok(Self::derive(registers, features))
    }

    /// 4-level paging from the table at this address on, under the registers of
    /// [`Registers::four_level`] and with every feature. Address bits that CR3 does not have
    /// are dropped.
    pub fn four_level(root: PhysAddr) -> Self {
        Self::with_every_feature(root, Registers::four_level)
    }

    /// As [`Regime::four_level`], with 5-level paging.
    pub fn five_level(root: PhysAddr) -> Self {
        Self::with_every_feature(root, Registers::five_level)
    }

    fn with_every_feature(root: PhysAddr, registers: fn(PhysAddr) -> Registers) -> Self {
        let features = CpuFeatures::default();
        let address = root.as_u64() & !features.beyond_width();
        Self::derive(&registers(PhysAddr::new(address)), features)
    }

    /// As [`Regime::new`], for registers that were let in.
    pub(crate) fn derive(registers: &Registers, features: CpuFeatures) -> Self {
        let mode = registers.paging_mode();
        let has = |bit| registers.cr4.contains(bit);
        let keys = KeyRules::new(registers);
        let reports_fetches = has(Cr4::SMEP)
            || has(Cr4::PHYSICAL_ADDRESS_EXTENSION)
                && registers.efer.contains(Efer::NO_EXECUTE_ENABLE);
        let lass = has(Cr4::LASS) && mode.is_ia32e();
        let simple_rights = if has(Cr4::CET) || keys.are_on() || lass {
            SimpleRights::No
        } else {
            SimpleRights::Yes
        };
        let reserves_xd = has(Cr4::PHYSICAL_ADDRESS_EXTENSION)
            && !registers.efer.contains(Efer::NO_EXECUTE_ENABLE);
        let is_usual = mode.is_ia32e()
            && !reserves_xd
            && simple_rights == SimpleRights::Yes
            && features.accessed_on_fault() == AccessedOnFault::TablesUsed;
        let linear = LinearRules::new(registers);
        let types = MemoryTypes::new(registers, features);
        let mut regime = Self {
            mode,
            root: TableEntry::default(),
            pcid: Pcid::ZERO,
            pdptes: registers.pdptes,
            pdpt: PhysAddr::default(),
            linear,
            rights: RightsTable::new(registers),
            keys,
            shadow_stacks: if has(Cr4::CET) {
                ShadowStacks::On
            } else {
                ShadowStacks::Off
            },
            simple_rights,
            ordinary_entries: if reserves_xd {
                OrdinaryEntries::None
            } else {
                OrdinaryEntries::Some
            },
            walks: if is_usual {
                Walks::over(linear.plain_addresses())
            } else {
                Walks::NONE
            },
            global: if has(Cr4::PAGE_GLOBAL_ENABLE) {
                Entry::GLOBAL
            } else {
                Entry::empty()
            },
            reports_fetches: if reports_fetches {
                ReportsFetches::Yes
            } else {
                ReportsFetches::No
            },
            accessed_on_fault: features.accessed_on_fault(),
            levels: LevelRules::of_all(registers, features),
            types,
            usual_pages: match simple_rights {
                SimpleRights::Yes => types.usual_pages(),
                SimpleRights::No => UsualPages::none(),
            },
        };
        regime.set_root(registers);
        regime
    }

    /// Takes what CR3 and the PDPTE registers decide from the registers.
    pub(crate) fn set_root(&mut self, registers: &Registers) {
        const CACHED_HOW: Entry = Entry::WRITE_THROUGH.union(Entry::CACHE_DISABLE);
        let pcids = registers.cr4.contains(Cr4::PCID_ENABLE);
        let cr3 = Entry::from_bits_retain(registers.cr3);
        let address = match self.mode {
            PagingMode::Off | PagingMode::ThirtyTwoBit | PagingMode::Pae => 0xffff_f000,
            PagingMode::FourLevel | PagingMode::FiveLevel => 0x000f_ffff_ffff_f000,
        };
        let kept = if pcids { Entry::empty() } else { CACHED_HOW };
        let pointer = cr3 & (Entry::from_bits_retain(address) | kept);
        self.root = TableEntry::new(pointer, Path::START);
        self.pcid = if pcids {
            Pcid::from_cr3(registers.cr3)
        } else {
            Pcid::ZERO
        };
        self.pdptes = registers.pdptes;
        self.pdpt = pae_root(registers.cr3);
        self.linear = LinearRules::new(registers);
        if self.walks != Walks::NONE {
            self.walks = Walks::over(self.linear.plain_addresses());
        }
    }

    /// Takes what EFLAGS.AC, PKRU and `IA32_PKRS` decide from the registers.
    pub(crate) fn set_rights(&mut self, registers: &Registers) {
        self.rights = RightsTable::new(registers);
        self.keys = KeyRules::new(registers);
        self.linear = LinearRules::new(registers);
    }

    /// How linear addresses become physical ones.
    pub const fn mode(&self) -> PagingMode {
        self.mode
    }

    /// The PCID that cached translations are made and found under.
    #[inline]
    pub const fn pcid(&self) -> Pcid {
        self.pcid
    }

    /// Where the first table lies: for PAE paging, the PDPT that the registers were loaded
    /// from.
    pub const fn root(&self) -> PhysAddr {
        match self.mode {
            PagingMode::Pae => self.pdpt,
            _ => self.root.table(),
        }
    }

    /// Whether the address may be used at all (SDM vol. 1, 3.3.7.1). Without IA-32e mode, all
    /// may: their upper halves are ignored.
    #[inline]
    pub fn is_canonical(&self, address: VirtAddr) -> bool {
        self.linear.is_canonical(address)
    }

    /// How many bytes of the linear-address space a table of a level covers.
    pub(crate) fn table_covers(&self, level: Level) -> u64 {
        match self.mode {
            PagingMode::Off | PagingMode::ThirtyTwoBit => 1024 * Narrow::covers(level),
            _ => 512 * Wide::covers(level),
        }
    }

    /// The entry that maps an address, whoever may use it; nothing is changed and nothing
    /// cached is asked.
    ///
    /// # Errors
    /// [`Fault`] if nothing maps it; the error code of a page fault is that of a supervisor's
    /// read.
    pub fn inspect<M: PhysMem + ?Sized>(
        &self,
        memory: &M,
        address: VirtAddr,
    ) -> Result<Leaf, Fault> {
        self.look(memory, address, &mut Inspection)
    }

    /// As [`Regime::inspect`], and keeps each entry that was read on the way.
    pub fn path<M: PhysMem + ?Sized>(&self, memory: &M, address: VirtAddr) -> WalkPath {
        let mut recorder = Recorder::default();
        let outcome = self.look(memory, address, &mut recorder);
        recorder.finish(outcome)
    }

    fn look<M: PhysMem + ?Sized, E: WalkEvents>(
        &self,
        memory: &M,
        address: VirtAddr,
        events: &mut E,
    ) -> Result<Leaf, Fault> {
        if !self.is_canonical(address) {
            return Err(Fault::NonCanonical(address));
        }
        let address = self.linear.wrap(address);
        let start = self.start(address, Purpose::Inspect)?;
        walk(self, memory, start, address, Purpose::Inspect, events)
    }

    /// As [`Regime::inspect`], and checks whether an access would be permitted.
    ///
    /// # Errors
    /// [`Fault`] as the access would get it.
    pub fn probe<M: PhysMem + ?Sized>(
        &self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Leaf, Fault> {
        let address = self.linear.check(address, kind, mode)?;
        let purpose = Purpose::Access { kind, mode };
        let start = self.start(address, purpose)?;
        walk(self, memory, start, address, purpose, &mut Inspection)
    }

    /// Whether the test for ordinary entries holds: not where XD is reserved, since it takes
    /// XD for a right.
    pub(crate) fn has_ordinary_entries(&self) -> bool {
        self.ordinary_entries == OrdinaryEntries::Some
    }

    /// What points to the first table, in the modes with one.
    #[inline]
    pub(crate) const fn root_entry(&self) -> Entry {
        self.root.entry()
    }

    /// Whether the address is translated as it is, in a mode of IA-32e mode, by its rights
    /// alone, and a failing walk may set accessed bits: as good as always.
    #[inline]
    pub(crate) fn walks_at_once(&self, address: VirtAddr) -> bool {
        let Walks { half, count } = self.walks;
        address.as_u64().wrapping_add(half) < count
    }

    /// Where the walk for an address begins when nothing is remembered.
    ///
    /// # Errors
    /// The fault of a PDPTE register that is not present.
    #[inline]
    pub(crate) fn start(&self, address: VirtAddr, purpose: Purpose) -> Result<Start, Fault> {
        let level = match self.mode {
            PagingMode::FourLevel => Level::Pml4e,
            PagingMode::FiveLevel => Level::Pml5e,
            PagingMode::ThirtyTwoBit => Level::Pde,
            PagingMode::Off => Level::Pte,
            PagingMode::Pae => return self.pae_start(address, purpose),
        };
        Ok(Start {
            level,
            table: self.root,
        })
    }

    fn pae_start(&self, address: VirtAddr, purpose: Purpose) -> Result<Start, Fault> {
        let index = address.as_u64() >> Level::Pdpte.shift() & 3;
        let entry = self.pdptes[index as usize];
        if entry.contains(Entry::PRESENT) {
            return Ok(Start {
                level: Level::Pde,
                table: TableEntry::new(entry, Path::START),
            });
        }
        Err(Fault::Page(crate::PageFault {
            address,
            error_code: self.error_code(purpose),
            cause: crate::Cause::NotPresent,
            level: Level::Pdpte,
            entry_address: self.pdpt.wrapping_add(index * 8),
            entry,
            extent: Level::Pdpte.covers(),
        }))
    }

    #[inline]
    pub(crate) fn error_code(&self, purpose: Purpose) -> ErrorCode {
        match purpose {
            Purpose::Inspect => ErrorCode::empty(),
            Purpose::Access { kind, mode } => {
                let mut code = ErrorCode::of_access(kind, mode);
                if self.reports_fetches == ReportsFetches::No {
                    code -= ErrorCode::FETCH;
                }
                code
            }
        }
    }

    /// What a path grants to its page, at an address of it, and the key that counts.
    pub(crate) fn rights_of(&self, above: Path, entry: Entry, address: VirtAddr) -> (Rights, u8) {
        let mut rights = above.through(entry).rights(entry);
        let is_shadow_stack = self.shadow_stacks == ShadowStacks::On
            && above.is_writable()
            && (entry & (Entry::WRITABLE | Entry::DIRTY)) == Entry::DIRTY;
        rights.set(Rights::SHADOW_STACK, is_shadow_stack);
        let key = if self.keys.are_on() { entry.key() } else { 0 };
        let in_upper_half = address.as_u64() >> 63 != 0;
        let in_foreign_half = rights.contains(Rights::USER) == in_upper_half;
        let checked = key != 0 || in_foreign_half && self.simple_rights == SimpleRights::No;
        rights.set(Rights::CHECKED, checked);
        (rights, key)
    }

    /// Whether rights and key permit an access, everything considered but LASS, which looks
    /// at the address alone.
    pub(crate) fn permits(
        &self,
        rights: Rights,
        key: u8,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> bool {
        self.rights.permits_without_keys(rights, kind, mode)
            && !self.keys.deny(rights, key, kind, mode)
    }

    /// Whether the key alone denies an access.
    pub(crate) fn key_denies(
        &self,
        rights: Rights,
        key: u8,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> bool {
        self.keys.deny(rights, key, kind, mode)
    }

    /// G of an entry, where it counts: in one that maps a page, while CR4.PGE is set.
    #[inline]
    pub(crate) fn global(&self, entry: Entry) -> Entry {
        entry & self.global
    }

    /// How the caches treat the read of an entry at an address, in the table of a pointer.
    #[inline]
    pub(crate) fn structure_type(&self, at: PhysAddr, pointer: TableEntry) -> MemoryType {
        self.types.of_structure(at, pointer.entry())
    }

    /// The size of the page that a present entry maps; None if it points to a table.
    ///
    /// # Errors
    /// The reserved bits that are set.
    pub(crate) fn decode(&self, level: Level, entry: Entry) -> Result<Option<PageSize>, u64> {
        self.levels[level.index()].decode(level, entry)
    }
}
