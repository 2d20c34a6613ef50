use units::VirtAddr;

/// The number of address bits that 4-level paging translates.
pub(crate) const FOUR_LEVEL_BITS: u32 = 48;

/// Whether every bit above the translated ones equals the highest of them (SDM vol. 1,
/// 3.3.7.1).
#[inline]
#[expect(clippy::cast_possible_wrap, reason = "the sign is what is asked for")]
pub(crate) const fn is_canonical(address: VirtAddr, bits: u32) -> bool {
    let unused = 64 - bits;
    let address = address.as_u64() as i64;
    address << unused >> unused == address
}

/// The first address of the upper canonical half.
pub(crate) const fn upper_half(bits: u32) -> VirtAddr {
    VirtAddr::new(u64::MAX << (bits - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_halves_end_where_the_manual_says() {
        let canonical = |address| is_canonical(VirtAddr::new(address), FOUR_LEVEL_BITS);
        assert!(canonical(0x0000_7fff_ffff_ffff));
        assert!(!canonical(0x0000_8000_0000_0000));
        assert!(!canonical(0xffff_7fff_ffff_ffff));
        assert!(canonical(0xffff_8000_0000_0000));
        assert_eq!(upper_half(FOUR_LEVEL_BITS).as_u64(), 0xffff_8000_0000_0000);
    }
}
