use core::fmt;

use crate::PageSize;

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The address with this value; no bit of it is checked.
            #[inline]
            pub const fn new(address: u64) -> Self {
                Self(address)
            }

            /// The value of the address.
            #[inline]
            pub const fn as_u64(self) -> u64 {
                self.0
            }

            /// The address of the page of this size that holds this address.
            #[inline]
            #[must_use]
            pub const fn align_down(self, size: PageSize) -> Self {
                Self(self.0 & !size.offset_mask())
            }

            /// How far into its page of this size the address lies, in bytes.
            #[inline]
            pub const fn offset_in(self, size: PageSize) -> u64 {
                self.0 & size.offset_mask()
            }

            /// The number of its page of this size: the address divided by the size.
            #[inline]
            pub const fn page_number(self, size: PageSize) -> u64 {
                self.0 >> size.shift()
            }

            /// The address so many bytes further on, if the address space reaches so far.
            #[inline]
            pub const fn checked_add(self, bytes: u64) -> Option<Self> {
                match self.0.checked_add(bytes) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// The address so many bytes further on, modulo 2^64.
            #[inline]
            #[must_use]
            pub const fn wrapping_add(self, bytes: u64) -> Self {
                Self(self.0.wrapping_add(bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
    };
}

address! {
    /// A linear address, as a program uses it after segmentation.
    VirtAddr
}

address! {
    /// A physical address: where a byte lies in the machine's memory.
    PhysAddr
}

impl VirtAddr {
    /// Whether the address is the sign extension of its low `bits` bits: whether it is
    /// canonical where so many are translated (SDM vol. 1, 3.3.7.1).
    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "the sign is what is asked for")]
    pub const fn is_canonical(self, bits: u32) -> bool {
        let unused = 64 - bits;
        let address = self.0 as i64;
        address << unused >> unused == address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_page_and_its_offset() {
        let address = VirtAddr::new(0xffff_8000_1234_5678);
        for size in PageSize::ALL {
            assert_eq!(
                address.align_down(size).as_u64() + address.offset_in(size),
                address.as_u64()
            );
            assert_eq!(
                address.page_number(size) << size.shift(),
                address.align_down(size).as_u64()
            );
        }
    }

    #[test]
    fn the_canonical_halves_end_where_the_manual_says() {
        let canonical = |address| VirtAddr::new(address).is_canonical(48);
        assert!(canonical(0x0000_7fff_ffff_ffff));
        assert!(!canonical(0x0000_8000_0000_0000));
        assert!(!canonical(0xffff_7fff_ffff_ffff));
        assert!(canonical(0xffff_8000_0000_0000));
    }

    #[test]
    fn adding_past_the_end_is_seen() {
        assert_eq!(PhysAddr::new(u64::MAX).checked_add(1), None);
        assert_eq!(PhysAddr::new(u64::MAX).wrapping_add(1), PhysAddr::new(0));
    }
}
