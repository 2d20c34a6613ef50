use super::Malformed;

/// The fields of a line, separated by one space each.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self {
            rest: Some(line),
            count: memchr::memchr_iter(b' ', line).count() + 1,
        }
    }

    /// How many there are in the line.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The line has another number of fields than it may have.
    pub(super) fn miscounted(&self, expected: &'static str) -> Malformed {
        Malformed::FieldCount {
            found: self.count,
            expected,
        }
    }

    /// The next field; nothing after the last, which no field may be.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let rest = self.rest.unwrap_or_default();
        let (field, rest) = match memchr::memchr(b' ', rest) {
            Some(space) => (&rest[..space], Some(&rest[space + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        field
    }

    /// The next field, which must be this word.
    pub(super) fn word(
        &mut self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<(), Malformed> {
        if self.text() == expected.as_bytes() {
            Ok(())
        } else {
            Err(Malformed::Field { field, expected })
        }
    }

    /// The next field, a hexadecimal number of at most so many bits.
    pub(super) fn hex(&mut self, field: &'static str, bits: u32) -> Result<u64, Malformed> {
        hex(self.text(), field, bits)
    }

    /// The next field, a hexadecimal number of at most 32 bits.
    pub(super) fn hex32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        u32::try_from(self.hex(field, 32)?).map_err(|_| Malformed::TooLarge { field, bits: 32 })
    }

    /// The next field, a decimal number.
    pub(super) fn decimal(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let text = self.text();
        if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
            let expected = "decimal digits";
            return Err(Malformed::Field { field, expected });
        }
        let value = text.iter().try_fold(0u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        value.ok_or(Malformed::TooLarge { field, bits: 64 })
    }
}

/// A number in lower-case hexadecimal digits, of at most so many bits.
pub(super) fn hex(text: &[u8], field: &'static str, bits: u32) -> Result<u64, Malformed> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.is_empty() || !text.iter().all(|&byte| digit(byte).is_some()) {
        let expected = "lower-case hexadecimal digits, without 0x";
        return Err(Malformed::Field { field, expected });
    }
    let value = text.iter().try_fold(0u64, |sum, &byte| {
        let nibble = digit(byte).map_or(0, u64::from);
        (sum >> 60 == 0).then_some(sum << 4 | nibble)
    });
    value
        .filter(|value| bits >= 64 || value >> bits == 0)
        .ok_or(Malformed::TooLarge { field, bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_format_writes_them() {
        assert_eq!(hex(b"0", "n", 64), Ok(0));
        assert_eq!(hex(b"00ffffffffffffffff", "n", 64), Ok(u64::MAX));
        let large = Malformed::TooLarge {
            field: "n",
            bits: 64,
        };
        assert_eq!(hex(b"10000000000000000", "n", 64), Err(large));
        assert_eq!(hex(b"ff", "n", 8), Ok(0xff));
        assert!(matches!(
            hex(b"100", "n", 8),
            Err(Malformed::TooLarge { bits: 8, .. })
        ));
        for bad in [&b""[..], b"0x1", b"F", b"-", b"+1", b"1_0", b"\xff"] {
            assert!(matches!(
                hex(bad, "n", 64),
                Err(Malformed::Field { field: "n", .. })
            ));
        }
    }

    #[test]
    fn ids_are_decimal() {
        let mut fields = Fields::new(b"18446744073709551615 18446744073709551616 1f");
        assert_eq!(fields.count(), 3);
        assert_eq!(fields.decimal("id"), Ok(u64::MAX));
        assert!(matches!(
            fields.decimal("id"),
            Err(Malformed::TooLarge { .. })
        ));
        assert!(matches!(fields.decimal("id"), Err(Malformed::Field { .. })));
        assert!(matches!(fields.decimal("id"), Err(Malformed::Field { .. })));
    }

    #[test]
    fn two_spaces_have_an_empty_field_between_them() {
        let mut fields = Fields::new(b"a  b");
        assert_eq!(fields.count(), 3);
        assert_eq!(
            [fields.text(), fields.text(), fields.text()],
            [&b"a"[..], b"", b"b"]
        );
    }
}
