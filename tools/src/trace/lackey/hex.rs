//! Hexadecimal digits eight at a time, as bytes of one word.

const ONES: u64 = 0x0101_0101_0101_0101;
const ASCII_ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);
const COMMAS: u64 = u64::from_ne_bytes([b','; 8]);

/// The number that eight digits mean, given as the bytes of a big-endian word, or `None` if
/// one of them is no digit.
#[inline]
pub(super) fn eight(digits: u64) -> Option<u32> {
    // Bit 6 tells letters from digits; a letter's low bits count from 1.
    let letters = digits >> 6 & ONES;
    let nibbles = (digits & (0x0f * ONES)) + 9 * letters;
    // Printing the number again shows whether these were digits at all.
    let tens = (nibbles + 0x76 * ONES) >> 7 & ONES;
    let printed = nibbles + ASCII_ZEROS + u64::from(b'a' - b'0' - 10) * tens;
    if nibbles & (0xf0 * ONES) != 0 || printed != digits | letters << 5 {
        return None;
    }
    let pairs = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    #[expect(clippy::cast_possible_truncation, reason = "the half that is wanted")]
    Some((fours | fours >> 16) as u32)
}

/// Keeps the first `count` of eight digits, at most eight, and puts zeros before them.
#[inline]
pub(super) fn first(digits: u64, count: u32) -> u64 {
    let kept = digits.checked_shr(64 - 8 * count).unwrap_or(0);
    kept | ASCII_ZEROS.checked_shl(8 * count).unwrap_or(0)
}

/// How many bytes stand before the first comma of eight, given as a big-endian word.
#[inline]
pub(super) fn before_comma(bytes: u64) -> u32 {
    let others = bytes ^ COMMAS;
    // A byte's top bit ends up set just where the byte is zero. Unlike the shorter trick
    // with a subtraction, no borrow runs into the bytes above.
    let low = 0x7f * ONES;
    let commas = !(((others & low) + low) | others | low);
    commas.leading_zeros() / 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_at_every_place_is_judged_as_the_standard_library_does() {
        for place in 0..8 {
            for byte in 0..=255 {
                let mut digits = *b"09afAF5d";
                digits[place] = byte;
                let expected = std::str::from_utf8(&digits)
                    .ok()
                    .filter(|_| byte.is_ascii_hexdigit())
                    .map(|text| u32::from_str_radix(text, 16).unwrap());
                assert_eq!(eight(u64::from_be_bytes(digits)), expected, "{digits:x?}");
            }
        }
    }

    #[test]
    fn digits_before_the_comma_are_kept() {
        let text = u64::from_be_bytes(*b"12ab,3\n ");
        assert_eq!(before_comma(text), 4);
        assert_eq!(eight(first(text, 4)), Some(0x12ab));
        assert_eq!(eight(first(text, 0)), Some(0));
        assert_eq!(before_comma(u64::from_be_bytes(*b"12345678")), 8);
        assert_eq!(first(text, 8), text);
    }

    proptest! {
        #[test]
        fn the_comma_is_where_a_search_finds_it(bytes: [u8; 8]) {
            let bytes = bytes.map(|byte| if byte & 0xf0 == 0 { b',' } else { byte });
            let expected = bytes.iter().position(|&byte| byte == b',').unwrap_or(8);
            prop_assert_eq!(before_comma(u64::from_be_bytes(bytes)) as usize, expected);
        }
    }
}
