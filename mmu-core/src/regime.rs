use units::{AccessKind, Level, PageSize, Pcid, PhysAddr, PrivilegeMode, VirtAddr};

use crate::{
    Cr0, Cr4, Efer, Entry, ErrorCode, Fault, Leaf, PhysMem, Registers, Rights, RightsTable,
    TableEntry,
    features::{CpuFeatures, Feature},
    walker::{Inspection, Purpose, walk},
};

/// How linear addresses become physical ones (SDM vol. 3, 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PagingMode {
    /// CR0.PG = 0: linear addresses are physical.
    Off,
    /// 32-bit paging.
    ThirtyTwoBit,
    /// PAE paging.
    Pae,
    /// 4-level paging.
    FourLevel,
    /// 5-level paging.
    FiveLevel,
}

impl PagingMode {
    /// The mode that the registers choose.
    pub fn of(registers: &Registers) -> Self {
        if !registers.cr0.contains(Cr0::PAGING) {
            Self::Off
        } else if !registers.cr4.contains(Cr4::PHYSICAL_ADDRESS_EXTENSION) {
            Self::ThirtyTwoBit
        } else if !registers.efer.contains(Efer::LONG_MODE_ENABLE) {
            Self::Pae
        } else if !registers.cr4.contains(Cr4::LINEAR_ADDRESS_57) {
            Self::FourLevel
        } else {
            Self::FiveLevel
        }
    }
}

impl core::fmt::Display for PagingMode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::Off => "no paging",
            Self::ThirtyTwoBit => "32-bit paging",
            Self::Pae => "PAE paging",
            Self::FourLevel => "4-level paging",
            Self::FiveLevel => "5-level paging",
        })
    }
}

/// No regime follows from the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegimeError {
    /// They choose a paging mode that is not there yet.
    #[error("{0} is not supported yet: only 4-level paging is")]
    UnsupportedMode(PagingMode),
    /// CR3 has bits set that the processor would not have let in.
    #[error("CR3 value {value:#x} has reserved bits set: {reserved:#x}")]
    Cr3Reserved {
        /// The value.
        value: u64,
        /// The reserved bits among its set bits.
        reserved: u64,
    },
}

/// The number of address bits that 4-level paging translates.
const FOUR_LEVEL_BITS: u32 = 48;

/// Everything that the control registers and the processor's features decide about
/// translation, worked out when a register is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    pub(crate) root: TableEntry,
    pub(crate) pcid: Pcid,
    pub(crate) rights: RightsTable,
    pub(crate) global_pages: bool,
    pub(crate) reports_fetches: bool,
    /// The bits that must be 0 in an entry of each level that points to a table.
    reserved_in_table: [u64; Level::COUNT],
    /// The bits that must be 0 in an entry of each level that maps a page; None where none
    /// may.
    reserved_in_page: [Option<u64>; Level::COUNT],
}

impl Regime {
    /// The level at which a walk starts.
    pub(crate) const TOP: Level = Level::Pml4e;

    /// The regime under these registers.
    ///
    /// # Errors
    /// [`RegimeError`] if they choose another mode than 4-level paging, or CR3 has reserved
    /// bits set.
    pub fn new(registers: &Registers, features: CpuFeatures) -> Result<Self, RegimeError> {
        let mode = PagingMode::of(registers);
        if mode != PagingMode::FourLevel {
            return Err(RegimeError::UnsupportedMode(mode));
        }
        let value = registers.cr3;
        let reserved = value & cr3_reserved(features);
        if reserved != 0 {
            return Err(RegimeError::Cr3Reserved { value, reserved });
        }
        Ok(Self::derive(registers, features))
    }

    /// 4-level paging from the table at this address on, under the registers of
    /// [`Registers::four_level`] and with every feature. Address bits that CR3 does not have
    /// are dropped.
    pub fn four_level(root: PhysAddr) -> Self {
        let features = CpuFeatures::default();
        let address = root.as_u64() & !cr3_reserved(features);
        let registers = Registers::four_level(PhysAddr::new(address));
        Self::derive(&registers, features)
    }

    fn derive(registers: &Registers, features: CpuFeatures) -> Self {
        let no_execute = registers.efer.contains(Efer::NO_EXECUTE_ENABLE);
        let pcids = registers.cr4.contains(Cr4::PCID_ENABLE);
        let width = features.physical_address_width();
        Self {
            root: TableEntry {
                table: PhysAddr::new(registers.cr3 & !0xfff),
                rights: Rights::PATH,
            },
            pcid: if pcids {
                Pcid::from_cr3(registers.cr3)
            } else {
                Pcid::ZERO
            },
            rights: RightsTable::new(registers),
            global_pages: registers.cr4.contains(Cr4::PAGE_GLOBAL_ENABLE),
            reports_fetches: no_execute || registers.cr4.contains(Cr4::SMEP),
            reserved_in_table: Level::ALL
                .map(|level| common_reserved(width, no_execute) | reserved_large(level, features)),
            reserved_in_page: Level::ALL.map(|level| {
                let size = page_size(level, features)?;
                Some(common_reserved(width, no_execute) | reserved_offset(size))
            }),
        }
    }

    /// The PCID that cached translations are made and found under.
    #[inline]
    pub const fn pcid(&self) -> Pcid {
        self.pcid
    }

    /// Where the first table lies.
    pub const fn root(&self) -> PhysAddr {
        self.root.table
    }

    /// Whether the address may be used at all (SDM vol. 1, 3.3.7.1).
    #[inline]
    pub const fn is_canonical(&self, address: VirtAddr) -> bool {
        address.is_canonical(FOUR_LEVEL_BITS)
    }

    /// The first address of the upper canonical half.
    pub(crate) const fn upper_half() -> VirtAddr {
        VirtAddr::new(u64::MAX << (FOUR_LEVEL_BITS - 1))
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
        let start = (Self::TOP, self.root);
        walk(
            self,
            memory,
            start,
            address,
            Purpose::Inspect,
            &mut Inspection,
        )
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
        let start = (Self::TOP, self.root);
        let purpose = Purpose::Access { kind, mode };
        walk(self, memory, start, address, purpose, &mut Inspection)
    }

    #[inline]
    pub(crate) fn error_code(&self, purpose: Purpose) -> ErrorCode {
        match purpose {
            Purpose::Inspect => ErrorCode::empty(),
            Purpose::Access { kind, mode } => {
                ErrorCode::of_access(kind, mode, self.reports_fetches)
            }
        }
    }

    /// The size of the page that a present entry maps; None if it points to a table.
    ///
    /// # Errors
    /// The reserved bits that are set.
    #[inline]
    pub(crate) fn decode(&self, level: Level, entry: Entry) -> Result<Option<PageSize>, u64> {
        let maps = level == Level::Pte || entry.contains(Entry::LARGE);
        let (reserved, size) = match self.reserved_in_page[level.index()] {
            Some(reserved) if maps => (reserved, level.page_size()),
            _ => (self.reserved_in_table[level.index()], None),
        };
        match entry.bits() & reserved {
            0 => Ok(size),
            set => Err(set),
        }
    }
}

/// CR3 bits 63:M (SDM vol. 3, table 4-12).
pub(crate) const fn cr3_reserved(features: CpuFeatures) -> u64 {
    u64::MAX << features.physical_address_width()
}

/// Reserved in every entry: the address bits that the processor does not have, and XD while
/// EFER.NXE is 0 (SDM vol. 3, 4.5.4).
fn common_reserved(width: u32, no_execute: bool) -> u64 {
    let execute_disable = if no_execute {
        Entry::empty()
    } else {
        Entry::NO_EXECUTE
    };
    Entry::address_bits_from(width) | execute_disable.bits()
}

/// PS is reserved where no page may be mapped (SDM vol. 3, tables 4-15 and 4-17).
fn reserved_large(level: Level, features: CpuFeatures) -> u64 {
    match page_size(level, features) {
        Some(_) => 0,
        None => Entry::LARGE.bits(),
    }
}

/// In a large page's entry the address bits below its size are reserved, but for PAT, bit 12
/// (SDM vol. 3, tables 4-16 and 4-18).
fn reserved_offset(size: PageSize) -> u64 {
    size.offset_mask() & !0x1fff
}

fn page_size(level: Level, features: CpuFeatures) -> Option<PageSize> {
    let size = level.page_size()?;
    (size != PageSize::Size1GiB || features.has(Feature::PAGES_1_GIB)).then_some(size)
}
