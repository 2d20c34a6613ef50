/// Reads a number as the command line has them: decimal, or hexadecimal after `0x`.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err("expected a decimal number, or a hexadecimal one after 0x".into());
    }
    u64::from_str_radix(digits, radix).map_err(|_| "the number has more than 64 bits".into())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("0xFfff"), Ok(0xffff));
        for text in ["", "0x", "ff", "-1", "+1", "1_000", "0x10000000000000000"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
