//! Numbers as the command line has them.

/// The text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// It has something in it that is no digit.
    #[error("expected a decimal number, or a hexadecimal one after 0x")]
    Malformed,
    /// It has something in it that is no hexadecimal digit.
    #[error("expected a hexadecimal number, with or without 0x")]
    NotHexadecimal,
    /// It is 2^64 or more.
    #[error("the number has more than 64 bits")]
    TooLarge,
}

/// Reads a decimal number, or a hexadecimal one after `0x`.
///
/// # Errors
/// [`NumberError`] if it is not one, or larger than 64 bits hold.
pub fn parse(text: &str) -> Result<u64, NumberError> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(NumberError::Malformed);
    }
    u64::from_str_radix(digits, radix).map_err(|_| NumberError::TooLarge)
}

/// Reads a hexadecimal number, with or without `0x` before it: an address or a register.
///
/// # Errors
/// [`NumberError`] if it is none, or larger than 64 bits hold.
pub fn parse_hexadecimal(text: &str) -> Result<u64, NumberError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(NumberError::NotHexadecimal);
    }
    u64::from_str_radix(digits, 16).map_err(|_| NumberError::TooLarge)
}

/// A number with commas between its thousands.
pub fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_are_between_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(with_commas(number), text);
        }
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("0xFfff"), Ok(0xffff));
        for text in ["", "0x", "ff", "-1", "+1", "1_000", "４"] {
            assert_eq!(parse(text), Err(NumberError::Malformed), "{text}");
        }
        assert_eq!(parse("0x10000000000000000"), Err(NumberError::TooLarge));
    }

    #[test]
    fn addresses_and_registers_are_hexadecimal() {
        let address = 0xffff_8000_dead_beef;
        for text in ["ffff8000deadbeef", "0xffff8000DEADBEEF"] {
            assert_eq!(parse_hexadecimal(text), Ok(address));
        }
        assert_eq!(parse_hexadecimal("10"), Ok(16));
        for text in ["", "0x", "-1", "+1", "0x0x1", "1g"] {
            assert_eq!(parse_hexadecimal(text), Err(NumberError::NotHexadecimal));
        }
        assert_eq!(
            parse_hexadecimal("10000000000000000"),
            Err(NumberError::TooLarge)
        );
    }
}
