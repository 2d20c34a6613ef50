use mmu_core::{Entry, PageSize, PhysAddr};

use crate::{
    PageFileNumber, PageSlot, Slot,
    protection::{Caching, Protection},
    section::SegmentId,
};

/// A page-table entry in NT's formats: valid for the processor, or, with bit 0 clear, one of
/// the forms that only software reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pte(u64);

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PteState {
    /// Nothing was said yet: the region decides.
    Zero,
    /// The page was given back.
    Decommitted,
    /// The page is zeros when it is first touched.
    DemandZero(Protection),
    /// The page is in a page file.
    PageFile(PageSlot, Protection),
    /// The page has a frame, but may not be reached without a fault.
    Transition(PhysAddr, Protection),
    /// The region says where the page comes from.
    Lookup(Protection),
    /// The page is a section's, whose prototype entry lies there. In a prototype entry the same
    /// bits are [`Pte::in_file`].
    Prototype(PhysAddr, Protection),
    /// The processor uses it.
    Valid(ValidPte),
}

/// Who owns the frame of a valid entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameOwner {
    /// The entry, and thereby the process.
    Process,
    /// A prototype entry: a section's page.
    Prototype,
}

/// Software's bits of a valid entry: `CopyOnWrite`, `Prototype` and `Write`.
const COPY_ON_WRITE: Entry = Entry::SOFTWARE_9;
const PROTOTYPE: Entry = Entry::SOFTWARE_10;
const WRITE: Entry = Entry::SOFTWARE_11;

/// Where a valid entry keeps the three bits of what is allowed (60 to 62: the protection of
/// Windows 10's working-set entries stands there): execute and execute-read look the same to
/// the processor.
const ALLOWED_AT: u32 = 60;

/// What [`ValidPte::protection`] looks at.
const TELLING_OF_VALID: u64 = Entry::PRESENT
    .union(Entry::CACHE_DISABLE)
    .union(Entry::WRITE_THROUGH)
    .bits()
    | 0b111 << ALLOWED_AT;

/// Where the entry of a page in a page file has the file's number, and the slot.
const PAGE_FILE_AT: u32 = 1;
const SLOT_AT: u32 = 32;

const PROTECTION_AT: u32 = 5;
const SOFT_PROTOTYPE: u64 = 1 << 10;
const SOFT_TRANSITION: u64 = 1 << 11;
const DECOMMITTED: u64 = 0x10 << PROTECTION_AT;
/// A prototype address that is none: all ones in bits 32 to 63.
const LOOKUP: u64 = SOFT_PROTOTYPE | 0xffff_ffff << 32;
/// Where an entry has the address of its prototype entry, or a prototype entry its subsection.
const PROTOTYPE_AT: u32 = 16;
/// The address but for its highest bit, which is set in a lookup only.
const PROTOTYPE_ADDRESS: u64 = ((1 << 47) - 1) << PROTOTYPE_AT;
const FRAME: u64 = 0x0000_ffff_ffff_f000;

impl Pte {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const DECOMMITTED: Self = Self(DECOMMITTED);

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn demand_zero(protection: Protection) -> Self {
        Self(protection.bits() << PROTECTION_AT)
    }

    pub(crate) const fn page_file(page: PageSlot, protection: Protection) -> Self {
        let file = (page.file.index() as u64) << PAGE_FILE_AT;
        let slot = (page.slot.get() as u64) << SLOT_AT;
        Self(slot | protection.bits() << PROTECTION_AT | file)
    }

    pub(crate) const fn lookup(protection: Protection) -> Self {
        Self(protection.bits() << PROTECTION_AT | LOOKUP)
    }

    pub(crate) const fn transition(frame: PhysAddr, protection: Protection) -> Self {
        Self(frame.as_u64() & FRAME | protection.bits() << PROTECTION_AT | SOFT_TRANSITION)
    }

    pub(crate) const fn subsection(segment: SegmentId) -> Self {
        Self(
            segment.0 << PROTOTYPE_AT | Protection::SHARED.bits() << PROTECTION_AT | SOFT_PROTOTYPE,
        )
    }

    /// In whose file the page of a prototype entry is, if it is there.
    pub(crate) const fn in_file(self) -> Option<SegmentId> {
        if !self.is_valid() && self.0 & SOFT_PROTOTYPE != 0 {
            Some(SegmentId(self.0 >> PROTOTYPE_AT))
        } else {
            None
        }
    }

    /// The page of the prototype entry `at`.
    pub(crate) const fn prototype(at: PhysAddr, protection: Protection) -> Self {
        Self(at.as_u64() << PROTOTYPE_AT | protection.bits() << PROTECTION_AT | SOFT_PROTOTYPE)
    }

    /// What is left of a transition entry whose frame was taken: its protection, and where the
    /// page is.
    pub(crate) fn evicted(self, original: Self) -> Self {
        const PROTECTION: u64 = 0x1f << PROTECTION_AT;
        Self(original.0 & !PROTECTION | self.0 & PROTECTION)
    }

    pub(crate) const fn is_valid(self) -> bool {
        self.0 & Entry::PRESENT.bits() != 0
    }

    /// Whether it is the valid entry of a large page.
    pub(crate) const fn is_large(self) -> bool {
        const LARGE: Entry = Entry::PRESENT.union(Entry::LARGE);
        self.0 & LARGE.bits() == LARGE.bits()
    }

    /// The frame that it shows or has; of a large page, the first one.
    pub(crate) fn frame(self) -> Option<PhysAddr> {
        const SOFT: u64 = SOFT_PROTOTYPE | SOFT_TRANSITION;
        let has_frame = self.is_valid() || self.0 & SOFT == SOFT_TRANSITION;
        has_frame.then_some(PhysAddr::new(self.0 & FRAME))
    }

    /// How a valid entry lets the processor cache its page.
    pub(crate) fn caching(self) -> Caching {
        let flags = Entry::from_bits_retain(self.0);
        if flags.contains(Entry::CACHE_DISABLE) {
            Caching::None
        } else if flags.contains(Entry::WRITE_THROUGH) {
            Caching::WriteCombining
        } else {
            Caching::Usual
        }
    }

    /// A clean page. `protection` must be one that lets it be touched.
    pub(crate) fn valid(frame: PhysAddr, protection: Protection, owner: FrameOwner) -> ValidPte {
        let mut flags = Entry::PRESENT | Entry::USER | Entry::ACCESSED;
        let copies = protection.copies_on_write();
        flags.set(COPY_ON_WRITE, copies);
        flags.set(WRITE, protection.is_writable() && !copies);
        flags.set(PROTOTYPE, owner == FrameOwner::Prototype);
        flags.set(Entry::NO_EXECUTE, !protection.is_executable());
        flags.set(Entry::CACHE_DISABLE, protection.caching() == Caching::None);
        flags.set(
            Entry::WRITE_THROUGH,
            protection.caching() == Caching::WriteCombining,
        );
        let allowed = Entry::from_bits_retain(protection.allowed() << ALLOWED_AT);
        ValidPte(Entry::page(frame, PageSize::Size4KiB, flags | allowed))
    }

    /// The bits that are the same in every entry that says the same of its page, where the frame
    /// lies and what happened to it since left out.
    pub(crate) fn telling_bits(self) -> u64 {
        match self.state() {
            PteState::Valid(_) => TELLING_OF_VALID,
            PteState::Transition(..) => !FRAME,
            PteState::Prototype(..) => !PROTOTYPE_ADDRESS,
            _ => !0,
        }
    }

    pub(crate) fn state(self) -> PteState {
        let protection = Protection::from_bits(self.0 >> PROTECTION_AT);
        if self.0 & Entry::PRESENT.bits() != 0 {
            PteState::Valid(ValidPte(Entry::from_bits_retain(self.0)))
        } else if self.0 == 0 {
            PteState::Zero
        } else if self.0 == DECOMMITTED {
            PteState::Decommitted
        } else if self.0 & LOOKUP == LOOKUP {
            PteState::Lookup(protection)
        } else if self.0 & SOFT_PROTOTYPE != 0 {
            PteState::Prototype(PhysAddr::new(self.0 >> PROTOTYPE_AT), protection)
        } else if self.0 & SOFT_TRANSITION != 0 {
            PteState::Transition(PhysAddr::new(self.0 & FRAME), protection)
        } else if let Some(page) = self.page_slot() {
            PteState::PageFile(page, protection)
        } else {
            PteState::DemandZero(protection)
        }
    }

    fn page_slot(self) -> Option<PageSlot> {
        let slot = Slot::new((self.0 >> SLOT_AT) as u32)?;
        let file = PageFileNumber::new((self.0 >> PAGE_FILE_AT & 0xf) as usize)?;
        Some(PageSlot { file, slot })
    }
}

/// A valid entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidPte(Entry);

impl From<ValidPte> for Pte {
    fn from(valid: ValidPte) -> Self {
        Self(valid.0.bits())
    }
}

impl ValidPte {
    pub(crate) const fn frame(self) -> PhysAddr {
        self.0.page_address(PageSize::Size4KiB)
    }

    pub(crate) const fn owner(self) -> FrameOwner {
        if self.0.contains(PROTOTYPE) {
            FrameOwner::Prototype
        } else {
            FrameOwner::Process
        }
    }

    pub(crate) fn protection(self) -> Protection {
        let caching = Pte::from(self).caching();
        Protection::from_bits(self.0.bits() >> ALLOWED_AT & 0b111).cached(caching)
    }

    pub(crate) const fn is_dirty(self) -> bool {
        self.0.contains(Entry::DIRTY)
    }

    pub(crate) const fn is_accessed(self) -> bool {
        self.0.contains(Entry::ACCESSED)
    }

    /// Not used since: the next use is noted again.
    #[must_use]
    pub(crate) fn unaccessed(self) -> Self {
        Self(self.0 - Entry::ACCESSED)
    }

    /// Whether it was meant to be written in place.
    pub(crate) const fn is_writable(self) -> bool {
        self.0.contains(WRITE)
    }

    pub(crate) const fn copies_on_write(self) -> bool {
        self.0.contains(COPY_ON_WRITE)
    }

    /// Whether the processor lets it be written already.
    pub(crate) const fn lets_write(self) -> bool {
        self.0.contains(Entry::WRITABLE)
    }

    pub(crate) const fn lets_execute(self) -> bool {
        !self.0.contains(Entry::NO_EXECUTE)
    }

    /// Written: from now on the processor lets it be.
    #[must_use]
    pub(crate) fn written(self) -> Self {
        Self(self.0 | Entry::DIRTY | Entry::WRITABLE)
    }

    /// Not written since: the next write faults again.
    #[must_use]
    pub(crate) fn clean(self) -> Self {
        Self(self.0 - Entry::DIRTY - Entry::WRITABLE)
    }

    /// The entry of a large page, whose first frame it has. If it can be written it counts as
    /// written: a page that never leaves memory is never asked.
    #[must_use]
    pub(crate) fn large(self) -> Self {
        let large = Self(self.0 | Entry::LARGE);
        if large.is_writable() {
            large.written()
        } else {
            large
        }
    }

    /// Executable whatever its protection says, where no-execute is not enforced.
    #[must_use]
    pub(crate) fn executable(self) -> Self {
        Self(self.0 - Entry::NO_EXECUTE)
    }

    /// With another protection, and as dirty as it is.
    #[must_use]
    pub(crate) fn protected(self, protection: Protection) -> Self {
        let fresh = Pte::valid(self.frame(), protection, self.owner());
        if self.0.contains(Entry::LARGE) {
            return fresh.large();
        }
        let mut dirty = self.0 & Entry::DIRTY;
        if fresh.is_writable() && self.lets_write() {
            dirty |= Entry::WRITABLE;
        }
        Self(fresh.0 | dirty)
    }

    /// Whether a processor that remembers this entry, while the other is in its place, would
    /// do anything that the other forbids, or do it in another way.
    pub(crate) fn outlives(self, new: Self) -> bool {
        const SAME: Entry = Entry::CACHE_DISABLE.union(Entry::WRITE_THROUGH);
        let kept = self.0 & (Entry::WRITABLE | Entry::DIRTY) & !new.0;
        let forbidden = new.0 & !self.0 & Entry::NO_EXECUTE;
        let cached_otherwise = (self.0 ^ new.0) & SAME;
        self.frame() != new.frame() || !(kept | forbidden | cached_otherwise).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PageProtection;

    fn protections() -> impl Iterator<Item = Protection> {
        (0..0x800).filter_map(|bits| Protection::new(PageProtection::from_bits_retain(bits)).ok())
    }

    /// The forms of ReactOS's `MMPTE` for x64, by their bits.
    #[test]
    fn an_entry_is_read_as_it_was_made() {
        let frame = PhysAddr::new(0x0000_1234_5678_9000);
        assert_eq!(Pte::ZERO.state(), PteState::Zero);
        assert_eq!(Pte::DECOMMITTED.state(), PteState::Decommitted);
        assert_eq!(Pte::DECOMMITTED.bits(), 0x200);
        for protection in protections() {
            let zero = Pte::demand_zero(protection);
            assert_eq!(zero.bits(), protection.bits() << 5);
            assert_eq!(zero.state(), PteState::DemandZero(protection));
            let lookup = Pte::lookup(protection);
            assert_eq!(lookup.bits() >> 32, 0xffff_ffff);
            assert_eq!(lookup.state(), PteState::Lookup(protection));
            let at = frame.wrapping_add(0xff8);
            let pointer = Pte::prototype(at, protection);
            assert_eq!(pointer.state(), PteState::Prototype(at, protection));
            assert_eq!(pointer.frame(), None);
            let transition = Pte::transition(frame, protection);
            assert_eq!(transition.state(), PteState::Transition(frame, protection));
            if protection.is_accessible() {
                let valid = Pte::valid(frame, protection, FrameOwner::Process);
                assert_eq!(valid.protection(), protection);
                assert_eq!(valid.frame(), frame);
                assert_eq!(Pte::from(valid).state(), PteState::Valid(valid));
            }
        }
    }

    /// ReactOS's `MMPTE_SOFTWARE` for x64: `PageFileLow` in bits 1 to 4, `Protection` in 5 to 9,
    /// `Prototype` and `Transition` clear, `PageFileHigh` in 32 to 63.
    #[test]
    fn a_page_in_a_page_file_is_told_by_its_file_and_slot() {
        let page = |file, slot| PageSlot {
            file: PageFileNumber::new(file).unwrap(),
            slot: Slot::new(slot).unwrap(),
        };
        let readonly = Protection::new(PageProtection::READONLY).unwrap();
        let pte = Pte::page_file(page(5, 0x1234_5678), readonly);
        assert_eq!(pte.bits(), 0x1234_5678_0000_002a);
        for protection in protections() {
            for page in [
                page(0, 1),
                page(15, 1),
                page(0, u32::MAX),
                page(15, u32::MAX),
            ] {
                let pte = Pte::page_file(page, protection);
                assert_eq!(pte.bits() & 0b1100_0000_0001, 0);
                assert_eq!(pte.state(), PteState::PageFile(page, protection));
            }
            let zeros = Pte::demand_zero(protection).state();
            assert_eq!(zeros, PteState::DemandZero(protection));
        }
    }

    /// Windows 10's `MMPTE_PROTOTYPE` for x64 (literature only): `Protection` in bits 5 to 9,
    /// `Prototype` in 10, `ProtoAddress` in 16 to 63.
    #[test]
    fn a_page_of_a_section_is_told_by_the_address_of_its_prototype_entry() {
        let at = PhysAddr::new(0x1_2345_6788);
        let pte = Pte::prototype(at, Protection::READ_ONLY);
        assert_eq!(pte.bits(), 0x0001_2345_6788_0420);
        let beside = Pte::prototype(at.wrapping_add(8), Protection::READ_ONLY);
        let telling = pte.telling_bits();
        assert_eq!(pte.bits() & telling, beside.bits() & telling);
        for other in [
            Pte::prototype(at, Protection::READ_WRITE),
            Pte::lookup(Protection::READ_ONLY),
        ] {
            assert_ne!(pte.bits() & telling, other.bits() & telling);
        }
    }

    #[test]
    fn a_writable_page_starts_without_the_processors_right_to_write() {
        let writable = Protection::new(PageProtection::READWRITE).unwrap();
        let pte = Pte::valid(PhysAddr::new(0x5000), writable, FrameOwner::Process);
        assert_eq!(Pte::from(pte).bits() & 0xfff, 0x825);
        assert_eq!(Pte::from(pte.written()).bits() & 0xfff, 0x867);
        assert!(!pte.outlives(pte.written()) && pte.written().outlives(pte));
    }
}
