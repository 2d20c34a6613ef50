//! An MMU beside the [`oracle`](crate::oracle): each case is put to both.

use std::cell::Cell;

use mmu_core::{
    AccessKind, AccessedOnFault, AlignmentCheck, BusError, Cause, CpuFeatures, Cr0, Cr4, Efer,
    Entry, Fault, Feature, FunctionalMmu, Invalidation, KeyRights, Leaf, PageFault, PhysAddr,
    PhysMem, PrivilegeMode, Registers, Scope, Translated, Vendor, VirtAddr,
};

use tlb::Cacheable;

use crate::oracle::{Case, Facts, Mode, Outcome, Path};

/// What is done, and in whose name.
pub type Access = (AccessKind, PrivilegeMode);

/// A processor and its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// The paging mode.
    pub mode: Mode,
    /// Its registers and features.
    pub facts: Facts,
    /// MAXPHYADDR.
    pub width: u32,
    /// PKRU.
    pub pkru: u32,
    /// `IA32_PKRS`.
    pub pkrs: u32,
}

/// Which bit of CR4 each fact is, and the feature that it takes.
const CR4: [(Facts, Cr4); 9] = [
    (Facts::PSE, Cr4::PAGE_SIZE_EXTENSIONS),
    (Facts::PAE, Cr4::PHYSICAL_ADDRESS_EXTENSION),
    (Facts::PGE, Cr4::PAGE_GLOBAL_ENABLE),
    (Facts::SMEP, Cr4::SMEP),
    (Facts::SMAP, Cr4::SMAP),
    (Facts::PKE, Cr4::PROTECTION_KEYS),
    (Facts::CET, Cr4::CET),
    (Facts::PKS, Cr4::SUPERVISOR_PROTECTION_KEYS),
    (Facts::LASS, Cr4::LASS),
];

impl Setting {
    /// The processor.
    ///
    /// # Panics
    /// If there can be no such processor.
    pub fn features(&self) -> CpuFeatures {
        let has = |fact| self.facts.contains(fact);
        let mut features = Feature::all();
        features.set(Feature::PAGES_1_GIB, has(Facts::HAS_1_GBYTE));
        features.set(Feature::PSE_36, has(Facts::HAS_PSE_36));
        if !has(Facts::HAS_PAT) {
            // Long mode, and what comes with it, does not come without.
            features -= Feature::PAT | Feature::LONG_MODE | Feature::PAGES_1_GIB | Feature::PCID;
            features -= Feature::PKU | Feature::PKS | Feature::LA57 | Feature::LAM | Feature::LASS;
        }
        let vendor = if has(Facts::AMD) {
            features -= Feature::PKS | Feature::LAM | Feature::LASS;
            Vendor::Amd
        } else {
            Vendor::Intel
        };
        let accessed = if has(Facts::EAGER) {
            AccessedOnFault::TablesUsed
        } else {
            AccessedOnFault::Never
        };
        CpuFeatures::new(vendor, self.width, features)
            .expect("a processor")
            .with_accessed_on_fault(accessed)
    }

    /// The registers, with this PDPTE in use in PAE paging. The registers of the others hold
    /// what must not be used.
    pub fn registers(&self, address: u64, pdpte: u64) -> Registers {
        let has = |fact| self.facts.contains(fact);
        let mut registers = Registers {
            cr3: root(self.mode),
            pkru: KeyRights::from_bits(self.pkru),
            pkrs: KeyRights::from_bits(self.pkrs),
            pdptes: [Entry::empty(); 4],
            ..Registers::default()
        };
        registers.pdptes[(address >> 30 & 3) as usize] = Entry::from_bits_retain(pdpte);
        registers.cr0 = Cr0::PROTECTION_ENABLE;
        registers.cr0.set(Cr0::PAGING, self.mode != Mode::Off);
        registers.cr0.set(Cr0::WRITE_PROTECT, has(Facts::WP));
        for (fact, bit) in CR4 {
            registers.cr4.set(bit, has(fact));
        }
        let five = self.mode == Mode::FiveLevel;
        registers.cr4.set(Cr4::LINEAR_ADDRESS_57, five);
        registers.efer.set(Efer::LONG_MODE_ENABLE, has(Facts::LMA));
        registers.efer.set(Efer::LONG_MODE_ACTIVE, has(Facts::LMA));
        registers.efer.set(Efer::NO_EXECUTE_ENABLE, has(Facts::NXE));
        if has(Facts::AC) {
            registers.alignment_check = AlignmentCheck::Set;
        }
        registers
    }

    /// The case of an access.
    pub fn case(&self, address: u64, path: &Path, access: Access) -> Case {
        Case {
            mode: self.mode,
            facts: self.facts | facts_of(access),
            width: self.width,
            pkru: self.pkru,
            pkrs: self.pkrs,
            address,
            path: *path,
            tables: TABLES,
        }
    }
}

const TABLES: Path = [table(1), table(2), table(3), table(4), table(5)];

fn facts_of((kind, mode): Access) -> Facts {
    let what = match kind {
        AccessKind::Read => Facts::DATA,
        AccessKind::Write | AccessKind::ReadModifyWrite => Facts::DATA | Facts::WRITE,
        AccessKind::Fetch => Facts::FETCH,
        AccessKind::ShadowStackRead => Facts::DATA | Facts::SHADOW_STACK,
        AccessKind::ShadowStackWrite => Facts::DATA | Facts::WRITE | Facts::SHADOW_STACK,
    };
    let whose = match mode {
        PrivilegeMode::User => Facts::USER_MODE,
        PrivilegeMode::Supervisor => Facts::empty(),
        PrivilegeMode::SupervisorImplicit => Facts::IMPLICIT,
    };
    what | whose
}

/// Where the table with the entries of a level lies.
pub const fn table(level: usize) -> u64 {
    0x1000 * (level as u64 + 1)
}

/// The value of CR3. The table of PAE paging lies at a multiple of 32.
const fn root(mode: Mode) -> u64 {
    match mode {
        Mode::Off => 0,
        Mode::Pae => table(3) + 0x7e0,
        Mode::ThirtyTwoBit | Mode::FourLevel | Mode::FiveLevel => table(mode.top()),
    }
}

/// Where the entry of a level for an address lies (4.3, 4.4.2, 4.5.4).
fn place(mode: Mode, level: usize, address: u64) -> u64 {
    let offset = match (mode, level) {
        (Mode::ThirtyTwoBit, _) => (address >> (12 + 10 * (level - 1)) & 0x3ff) * 4,
        (Mode::Pae, 3) => 0x7e0 + (address >> 30 & 3) * 8,
        _ => (address >> (12 + 9 * (level - 1)) & 0x1ff) * 8,
    };
    table(level) + offset
}

/// What stands beside an entry of 32 bits and must stay.
const NEIGHBOUR: u32 = 0xdead_beef;

/// A memory of as many words as there are entries on the way to a page.
#[derive(Debug)]
struct PathMemory {
    places: [u64; 5],
    words: [Cell<u64>; 5],
}

impl PathMemory {
    fn new() -> Self {
        Self {
            places: [u64::MAX; 5],
            words: Default::default(),
        }
    }

    /// Places the words of a path. A PDPTE of PAE paging is in no memory.
    fn lay_out(&mut self, mode: Mode, address: u64) {
        self.places = [u64::MAX; 5];
        for level in 1..=mode.top() {
            if (mode, level) != (Mode::Pae, 3) {
                self.places[level - 1] = place(mode, level, address);
            }
        }
    }

    fn put(&self, mode: Mode, path: &Path) {
        for ((word, &place), &entry) in self.words.iter().zip(&self.places).zip(path) {
            word.set(match (mode, place & 4) {
                (Mode::ThirtyTwoBit, 0) => u64::from(NEIGHBOUR) << 32 | entry,
                (Mode::ThirtyTwoBit, _) => entry << 32 | u64::from(NEIGHBOUR),
                _ => entry,
            });
        }
    }

    /// Whether the words are those of the path.
    fn holds(&self, mode: Mode, path: &Path) -> bool {
        let mut words = self.words.iter().zip(&self.places).zip(path);
        words.all(|((word, &place), &entry)| {
            word.get()
                == match (mode, place & 4) {
                    (Mode::ThirtyTwoBit, 0) => u64::from(NEIGHBOUR) << 32 | entry,
                    (Mode::ThirtyTwoBit, _) => entry << 32 | u64::from(NEIGHBOUR),
                    _ => entry,
                }
        })
    }

    fn word(&self, at: PhysAddr) -> Result<&Cell<u64>, BusError> {
        let found = self
            .places
            .iter()
            .position(|&place| place & !7 == at.as_u64());
        found.map(|index| &self.words[index]).ok_or(BusError(at))
    }
}

impl PhysMem for PathMemory {
    #[inline]
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        self.word(at).map(Cell::get)
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let word = self.word(at)?;
        Ok(if word.get() == current {
            word.set(new);
            Ok(())
        } else {
            Err(word.get())
        })
    }
}

/// How often the probe and the second, cached, translation are compared as well.
const PROBE_EVERY: u64 = 4;

/// An MMU in a setting.
#[derive(Debug)]
pub struct Subject {
    setting: Setting,
    mmu: FunctionalMmu,
    memory: PathMemory,
    address: u64,
    pdpte: u64,
    compared: u64,
}

impl Subject {
    /// A processor in a setting.
    ///
    /// # Panics
    /// If the registers cannot be set so.
    pub fn new(setting: Setting) -> Self {
        let registers = setting.registers(0, 0);
        Self {
            setting,
            mmu: FunctionalMmu::functional(setting.features(), registers).expect("registers"),
            memory: PathMemory::new(),
            address: u64::MAX,
            pdpte: 0,
            compared: 0,
        }
    }

    /// How many cases were compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Compares what becomes of an access with what should.
    ///
    /// # Panics
    /// If it is not the same.
    #[inline]
    pub fn compare(&mut self, address: u64, path: &Path, access: Access) {
        let mode = self.setting.mode;
        self.move_to(address, path[2]);
        let (kind, privilege) = access;
        let linear = VirtAddr::new(address);
        let case = self.setting.case(address, path, access);
        let predicted = case.predict();
        let expected = self.expected(&case, predicted.outcome);
        self.memory.put(mode, path);

        let closely = self.compared.is_multiple_of(PROBE_EVERY);
        self.compared += 1;
        if closely {
            let probed = self.mmu.probe(&self.memory, linear, kind, privilege);
            let probed = probed.map(|leaf| reached(linear, leaf));
            if !agrees(&probed, &expected) || !self.memory.holds(mode, path) {
                self.fail(&case, "the probe", &probed);
            }
        }
        let translated = self.mmu.translate(&self.memory, linear, kind, privilege);
        if !agrees(&translated, &expected) || !self.memory.holds(mode, &predicted.path) {
            self.fail(&case, "the translation", &translated);
        }
        if translated.is_ok() {
            if closely {
                let again = self.mmu.translate(&self.memory, linear, kind, privilege);
                if !agrees(&again, &expected) || !self.memory.holds(mode, &predicted.path) {
                    self.fail(&case, "the second, cached, translation", &again);
                }
            }
            self.drop_cached(&translated);
        }
    }

    /// Puts the path elsewhere, and the PDPTE into its register, if need be.
    #[inline]
    fn move_to(&mut self, address: u64, pdpte: u64) {
        let mode = self.setting.mode;
        if address == self.address && (mode != Mode::Pae || pdpte == self.pdpte) {
            return;
        }
        (self.address, self.pdpte) = (address, pdpte);
        self.memory.lay_out(mode, address);
        if mode == Mode::Pae {
            let registers = self.setting.registers(address, pdpte);
            let _ = self.mmu.restore(registers).expect("registers");
        }
    }

    /// A fault has dropped what was cached itself (4.10.4.1).
    #[inline]
    fn drop_cached(&mut self, translated: &Result<Translated, Fault>) {
        match translated {
            // It may lie in many places: to drop all is cheaper than to look for it.
            Ok(translated) if translated.translation.size().shift() > 12 => {
                let _ = self.mmu.drop_cached(Scope::All);
            }
            _ => {
                let page = Invalidation::Invlpg(VirtAddr::new(self.address));
                let _ = self.mmu.invalidate(page).expect("an address");
            }
        }
    }

    fn expected(&self, case: &Case, outcome: Outcome) -> Expected {
        match outcome {
            Outcome::Reaches {
                physical,
                shift,
                global,
            } => Expected::Reaches(physical, shift, global),
            Outcome::PageFault {
                error_code,
                cr2,
                level,
            } => Expected::PageFault {
                error_code,
                cr2,
                level,
                place: place(self.setting.mode, level, case.address),
                entry: case.path[level - 1],
            },
            Outcome::NoMemory { level } => Expected::NoMemory(level),
            Outcome::NonCanonical => Expected::NonCanonical(case.address),
            Outcome::AddressSpace => Expected::AddressSpace(case.address),
        }
    }

    #[cold]
    #[inline(never)]
    fn fail(&self, case: &Case, what: &str, got: &Result<Translated, Fault>) -> ! {
        let predicted = case.predict();
        let words: Vec<_> = self.memory.words.iter().map(Cell::get).collect();
        panic!(
            "{what} is not as the manual says it is\n\
             the case:\n{case}\
             expected:\n{}\
             got:\n  {got:x?}\n  words of the entries: {words:x?}\n",
            predicted.describe(case),
        );
    }
}

/// What a result is compared with.
enum Expected {
    Reaches(u64, u32, bool),
    PageFault {
        error_code: u32,
        cr2: u64,
        level: usize,
        place: u64,
        entry: u64,
    },
    NoMemory(usize),
    NonCanonical(u64),
    AddressSpace(u64),
}

fn reached(address: VirtAddr, leaf: Leaf) -> Translated {
    Translated {
        address: leaf.translation.physical(address),
        translation: leaf.translation,
    }
}

#[inline]
fn agrees(got: &Result<Translated, Fault>, expected: &Expected) -> bool {
    match (got, expected) {
        (Ok(got), Expected::Reaches(physical, shift, global)) => {
            let page = got.translation;
            got.address.as_u64() == *physical
                && page.size().shift() == *shift
                && page.is_global() == *global
        }
        (
            Err(Fault::Page(fault)),
            Expected::PageFault {
                error_code,
                cr2,
                level,
                place,
                entry,
            },
        ) => {
            fault.error_code.bits() == *error_code
                && fault.address.as_u64() == *cr2
                && fault.level as usize == *level
                && fault.entry_address.as_u64() == *place
                && fault.entry.bits() == *entry
                && fault.cause == cause(fault)
        }
        (Err(Fault::NoMemory { level, .. }), Expected::NoMemory(expected)) => {
            *level as usize == *expected
        }
        (Err(Fault::NonCanonical(address)), Expected::NonCanonical(expected))
        | (Err(Fault::AddressSpace(address)), Expected::AddressSpace(expected)) => {
            address.as_u64() == *expected
        }
        _ => false,
    }
}

/// The cause that the error code tells (4.7).
fn cause(fault: &PageFault) -> Cause {
    match fault.error_code.bits() & 0b1001 {
        0b0001 => Cause::Protection,
        0b1001 => Cause::ReservedBit,
        _ => Cause::NotPresent,
    }
}
