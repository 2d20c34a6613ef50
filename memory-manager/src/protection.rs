use crate::{ExceptionAccess, PageProtection, Status};

/// A protection that a page can have, as NT stores it: three bits for what is allowed, two
/// for how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Protection(u8);

/// What is allowed, by the three bits.
const BASES: [PageProtection; 8] = [
    PageProtection::NOACCESS,
    PageProtection::READONLY,
    PageProtection::EXECUTE,
    PageProtection::EXECUTE_READ,
    PageProtection::READWRITE,
    PageProtection::WRITECOPY,
    PageProtection::EXECUTE_READWRITE,
    PageProtection::EXECUTE_WRITECOPY,
];

const ALLOWED: u8 = 0b111;
const EXECUTABLE: u8 = 0b010;
const WRITABLE: u8 = 0b100;
const COPY: u8 = 0b101;
const NO_CACHE: u8 = 0x08;
const GUARD: u8 = 0x10;
const HOW: u8 = NO_CACHE | GUARD;

impl Protection {
    /// No access; stored with both bits of how, so that no protection is zero.
    pub(crate) const NO_ACCESS: Self = Self(HOW);
    pub(crate) const READ_ONLY: Self = Self(1);
    pub(crate) const EXECUTE: Self = Self(2);
    pub(crate) const EXECUTE_READ: Self = Self(3);
    pub(crate) const READ_WRITE: Self = Self(4);
    pub(crate) const WRITE_COPY: Self = Self(5);
    pub(crate) const EXECUTE_WRITE_COPY: Self = Self(7);
    /// That of the pages of sections, which the protections of views narrow.
    pub(crate) const SHARED: Self = Self::READ_WRITE;

    /// Checks a protection that a caller passed.
    pub(crate) fn new(flags: PageProtection) -> Result<Self, Status> {
        let base = flags & PageProtection::BASE;
        let how = flags - PageProtection::BASE;
        let index = BASES.iter().position(|&known| known == base);
        let how = match how {
            PageProtection::GUARD => GUARD,
            PageProtection::NOCACHE => NO_CACHE,
            PageProtection::WRITECOMBINE => HOW,
            none if none.is_empty() => 0,
            _ => return Err(Status::InvalidPageProtection),
        };
        match index {
            Some(0) if how == 0 => Ok(Self::NO_ACCESS),
            #[expect(clippy::cast_possible_truncation, reason = "one of eight")]
            Some(index) if index != 0 => Ok(Self(index as u8 | how)),
            _ => Err(Status::InvalidPageProtection),
        }
    }

    /// What five bits of an entry stand for.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self((bits & 0x1f) as u8)
    }

    /// The five bits.
    pub(crate) const fn bits(self) -> u64 {
        self.0 as u64
    }

    /// The three bits that say what is allowed.
    pub(crate) const fn allowed(self) -> u64 {
        (self.0 & ALLOWED) as u64
    }

    /// As callers know it.
    pub(crate) fn flags(self) -> PageProtection {
        let how = match self.0 & HOW {
            _ if self == Self::NO_ACCESS => PageProtection::empty(),
            GUARD => PageProtection::GUARD,
            NO_CACHE => PageProtection::NOCACHE,
            HOW => PageProtection::WRITECOMBINE,
            _ => PageProtection::empty(),
        };
        BASES[usize::from(self.0 & ALLOWED)] | how
    }

    pub(crate) const fn is_guard(self) -> bool {
        self.0 & HOW == GUARD
    }

    /// Whether pages are cached otherwise than usual.
    pub(crate) fn caching(self) -> Caching {
        match self.0 & HOW {
            _ if self == Self::NO_ACCESS => Caching::Usual,
            NO_CACHE => Caching::None,
            HOW => Caching::WriteCombining,
            _ => Caching::Usual,
        }
    }

    /// The same, cached so; a guard page and one without access are not cached otherwise.
    #[must_use]
    pub(crate) fn cached(self, caching: Caching) -> Self {
        if self.is_guard() || self == Self::NO_ACCESS {
            return self;
        }
        let how = match caching {
            Caching::Usual => 0,
            Caching::None => NO_CACHE,
            Caching::WriteCombining => HOW,
        };
        Self(self.0 & ALLOWED | how)
    }

    /// The same, of a guard page that is cached as usual.
    #[must_use]
    pub(crate) const fn guarded(self) -> Self {
        Self(self.0 & ALLOWED | GUARD)
    }

    /// The same, without the guard.
    #[must_use]
    pub(crate) const fn without_guard(self) -> Self {
        if self.is_guard() {
            Self(self.0 & ALLOWED)
        } else {
            self
        }
    }

    /// Whether a page can be touched at all without an exception.
    pub(crate) fn is_accessible(self) -> bool {
        !self.is_guard() && self != Self::NO_ACCESS
    }

    /// Whether the first write makes a private copy.
    pub(crate) const fn copies_on_write(self) -> bool {
        self.0 & COPY == COPY
    }

    /// Whether it can be written, be it after a copy.
    pub(crate) const fn is_writable(self) -> bool {
        self.0 & WRITABLE != 0
    }

    pub(crate) const fn is_executable(self) -> bool {
        self.0 & EXECUTABLE != 0
    }

    /// What a page has once it was copied.
    #[must_use]
    pub(crate) const fn after_copy(self) -> Self {
        match self.0 & ALLOWED {
            5 => Self(self.0 & HOW | 4),
            7 => Self(self.0 & HOW | 6),
            _ => self,
        }
    }

    /// The same, with writes to a copy.
    #[must_use]
    pub(crate) const fn copying(self) -> Self {
        if self.0 & WRITABLE != 0 {
            Self(self.0 | COPY)
        } else {
            self
        }
    }

    /// The same, but not to be executed.
    #[must_use]
    pub(crate) const fn without_execution(self) -> Self {
        match self.0 & ALLOWED {
            2 => Self(self.0 & HOW | 1),
            3 | 6 | 7 => Self(self.0 & !EXECUTABLE),
            _ => self,
        }
    }

    /// Whether an access is allowed, the guard aside.
    pub(crate) fn allows(self, access: ExceptionAccess) -> bool {
        match access {
            // x86 has no pages that can be executed and not read.
            ExceptionAccess::Read => self != Self::NO_ACCESS,
            ExceptionAccess::Write => self.is_writable(),
            ExceptionAccess::Execute => self.is_executable(),
        }
    }

    /// Whether what is under this protection may be given the other: it asks for no right
    /// more. A right to write is one to write a copy.
    pub(crate) fn covers(self, other: Self) -> bool {
        // By the three bits; bit n of each is whether protection n is covered.
        const COVERED: [u8; 8] = [
            0b0000_0001,
            0b0010_0011,
            0b0000_0101,
            0b1010_1111,
            0b0011_0011,
            0b0010_0011,
            0b1111_1111,
            0b1010_1111,
        ];
        let (own, other) = (self.0 & ALLOWED, other.0 & ALLOWED);
        COVERED[usize::from(own)] >> other & 1 != 0
    }
}

/// How a page is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Caching {
    /// Write-back.
    Usual,
    /// Not at all.
    None,
    /// Writes are gathered.
    WriteCombining,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE_BITS: [u32; 8] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80];

    fn valid(bits: u32) -> bool {
        Protection::new(PageProtection::from_bits_retain(bits)).is_ok()
    }

    /// Wine's tests, kernel32 `test_VirtualAlloc_protection`.
    #[test]
    fn a_protection_has_exactly_one_base() {
        for base in 0..=0xff_u32 {
            assert_eq!(valid(base), base.is_power_of_two(), "{base:#x}");
        }
        assert!(!valid(u32::MAX));
    }

    /// Microsoft, "Memory Protection Constants"; ReactOS's tests, `ZwAllocateVirtualMemory`.
    #[test]
    fn modifiers_exclude_each_other_and_no_access() {
        let modifiers = [0x100, 0x200, 0x400];
        for base in BASE_BITS {
            for modifier in modifiers {
                assert_eq!(valid(base | modifier), base != 1, "{base:#x} {modifier:#x}");
            }
            for pair in [0x300, 0x500, 0x600, 0x700] {
                assert!(!valid(base | pair), "{base:#x} {pair:#x}");
            }
            for bit in 11..32 {
                assert!(!valid(base | 1 << bit), "{base:#x} bit {bit}");
            }
        }
    }

    #[test]
    fn what_is_stored_is_told_as_it_was_passed() {
        let mut stored = std::collections::HashSet::new();
        for base in BASE_BITS {
            for modifier in [0, 0x100, 0x200, 0x400] {
                let flags = PageProtection::from_bits_retain(base | modifier);
                let Ok(protection) = Protection::new(flags) else {
                    continue;
                };
                assert_eq!(protection.flags(), flags);
                assert_eq!(Protection::from_bits(protection.bits()), protection);
                // 0 and 0x10 mean other things where a protection is stored.
                assert!(![0, 0x10].contains(&protection.bits()));
                assert!(stored.insert(protection));
            }
        }
    }

    /// Wine's tests, kernel32 `test_mapping`.
    #[test]
    fn a_view_is_protected_within_its_own_protection() {
        let named = |bits| Protection::new(PageProtection::from_bits_retain(bits)).unwrap();
        for (own, covered) in [
            (0x01, 0x01),
            (0x02, 0x01 | 0x02 | 0x08),
            (0x04, 0x01 | 0x02 | 0x04 | 0x08),
            (0x08, 0x01 | 0x02 | 0x08),
            (0x10, 0x01 | 0x10),
            (0x20, 0x01 | 0x02 | 0x08 | 0x10 | 0x20 | 0x80),
            (0x40, 0xff),
            (0x80, 0x01 | 0x02 | 0x08 | 0x10 | 0x20 | 0x80),
        ] {
            for other in BASE_BITS {
                assert_eq!(
                    named(own).covers(named(other)),
                    covered & other != 0,
                    "{own:#x} {other:#x}"
                );
            }
        }
    }
}
