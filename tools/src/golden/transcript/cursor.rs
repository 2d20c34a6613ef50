use crate::golden::Malformed;

/// A place in a line, from where it is read on.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// What is wrong here.
    pub(super) fn expected(&self, expected: &'static str) -> Malformed {
        let column = self.at + 1;
        Malformed::Column { column, expected }
    }

    fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    /// Goes on behind a text if that is what comes next.
    pub(super) fn eat(&mut self, text: &str) -> Option<()> {
        self.rest().strip_prefix(text.as_bytes())?;
        self.at += text.len();
        Some(())
    }

    /// Goes on behind a text, which must come next.
    pub(super) fn literal(&mut self, text: &'static str) -> Result<(), Malformed> {
        let expected = match text.trim_start() {
            "" => "a space",
            text => text,
        };
        self.eat(text).ok_or_else(|| self.expected(expected))
    }

    /// Nothing may come any more.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.expected("the end of the line"))
        }
    }

    /// What comes before the next space.
    pub(super) fn word(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte != b' ')
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().take_while(|byte| belongs(**byte)).count();
        self.at += count;
        &rest[..count]
    }

    /// The letter that comes next, if it is one of the known.
    pub(super) fn letter<T: Copy>(
        &mut self,
        known: &[(u8, T)],
        expected: &'static str,
    ) -> Result<T, Malformed> {
        let next = self.rest().first();
        let found = known.iter().find(|(letter, _)| Some(letter) == next);
        let (_, meant) = found.ok_or_else(|| self.expected(expected))?;
        self.at += 1;
        Ok(*meant)
    }

    /// A digit below a number.
    pub(super) fn digit_below(
        &mut self,
        bound: u8,
        expected: &'static str,
    ) -> Result<u8, Malformed> {
        let next = self.rest().first();
        let digit = next.and_then(|byte| digit(*byte, bound));
        let digit = digit.ok_or_else(|| self.expected(expected))?;
        self.at += 1;
        Ok(digit)
    }

    /// Goes to the end of the line.
    pub(super) fn skip_rest(&mut self) {
        self.at = self.line.len();
    }

    /// A hexadecimal number as the format writes it: in lower case, without zeros before it.
    pub(super) fn hex(&mut self) -> Result<u64, Malformed> {
        self.number(16, "a hexadecimal number of at most 64 bits")
    }

    /// A hexadecimal number of at most 32 bits.
    pub(super) fn hex32(&mut self) -> Result<u32, Malformed> {
        const EXPECTED: &str = "a hexadecimal number of at most 32 bits";
        let wrong = self.expected(EXPECTED);
        u32::try_from(self.number(16, EXPECTED)?).map_err(|_| wrong)
    }

    /// A decimal number, without zeros before it.
    pub(super) fn decimal(&mut self) -> Result<u64, Malformed> {
        self.number(10, "a decimal number of at most 64 bits")
    }

    /// A decimal number of at most 32 bits.
    pub(super) fn decimal32(&mut self) -> Result<u32, Malformed> {
        const EXPECTED: &str = "a decimal number of at most 32 bits";
        let wrong = self.expected(EXPECTED);
        u32::try_from(self.number(10, EXPECTED)?).map_err(|_| wrong)
    }

    /// A hash: 16 hexadecimal digits.
    pub(super) fn hash(&mut self) -> Result<u64, Malformed> {
        let wrong = self.expected("16 lower-case hexadecimal digits");
        let digits = self.take_while(|byte| digit(byte, 16).is_some());
        match value(digits, 16) {
            Some(hash) if digits.len() == 16 => Ok(hash),
            _ => Err(wrong),
        }
    }

    fn number(&mut self, base: u8, expected: &'static str) -> Result<u64, Malformed> {
        let wrong = self.expected(expected);
        let digits = self.take_while(|byte| digit(byte, base).is_some());
        match digits {
            [] | [b'0', _, ..] => Err(wrong),
            _ => value(digits, base).ok_or(wrong),
        }
    }
}

fn digit(byte: u8, base: u8) -> Option<u8> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => return None,
    };
    (digit < base).then_some(digit)
}

fn value(digits: &[u8], base: u8) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, &byte| {
        let digit = digit(byte, base)?;
        sum.checked_mul(base.into())?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_format_writes_them() {
        assert_eq!(Cursor::new(b"0 ").hex(), Ok(0));
        assert_eq!(Cursor::new(b"ffffffffffffffff").hex(), Ok(u64::MAX));
        assert_eq!(Cursor::new(b"18446744073709551615").decimal(), Ok(u64::MAX));
        assert_eq!(Cursor::new(b"ffffffff").hex32(), Ok(u32::MAX));
        assert_eq!(Cursor::new(b"000000000000000a").hash(), Ok(10));
        for bad in [&b""[..], b"00", b"0a", b"F", b"-1", b"10000000000000000"] {
            let wrong = Cursor::new(bad).hex().unwrap_err();
            assert!(matches!(wrong, Malformed::Column { column: 1, .. }));
        }
        for bad in [&b"a"[..], b"01", b"18446744073709551616"] {
            assert!(Cursor::new(bad).decimal().is_err());
        }
        assert!(Cursor::new(b"100000000").hex32().is_err());
        assert!(Cursor::new(b"4294967296").decimal32().is_err());
        for bad in [&b"a"[..], b"0000000000000000a", b"000000000000000A"] {
            assert!(Cursor::new(bad).hash().is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_column() {
        let mut cursor = Cursor::new(b"a=1 b=x");
        cursor.literal("a=").unwrap();
        assert_eq!(cursor.hex(), Ok(1));
        cursor.literal(" b=").unwrap();
        let Err(Malformed::Column { column, .. }) = cursor.hex() else {
            panic!("x is no number");
        };
        assert_eq!(column, 7);
    }
}
