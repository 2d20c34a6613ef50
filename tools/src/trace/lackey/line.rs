//! One line of a lackey trace, parsed twice over: quickly if it is as valgrind prints it,
//! and carefully for everything else.

use units::VirtAddr;

use super::hex;
use crate::trace::{Record, RecordKind};

/// How many bytes [`quick`] looks at: the longest line it knows, and some.
pub(super) const QUICK_BYTES: usize = 32;

/// What is wrong with a line of a lackey trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It does not begin as a record does.
    #[error("expected `I  `, ` L `, ` S `, ` M ` or a message that starts with `==`")]
    Start,
    /// There is no hexadecimal address.
    #[error("expected an address in hexadecimal digits, without 0x, then a comma")]
    Address,
    /// The address does not fit in 64 bits.
    #[error("the address has more than 16 digits")]
    LongAddress,
    /// There is no decimal size.
    #[error("expected a size in decimal digits after the comma, and nothing more")]
    Size,
    /// An access of no bytes.
    #[error("an access of size 0")]
    ZeroSize,
    /// The size does not fit in 32 bits.
    #[error("the size is more than {}", u32::MAX)]
    LargeSize,
    /// The access reaches past the end of the address space.
    #[error("the access reaches past the last address, 0xffffffffffffffff")]
    Wraps,
    /// The line has no end in sight.
    #[error("the line is longer than {} bytes", super::LINE_BYTES_MAX)]
    Long,
}

const KINDS: [(RecordKind, [u8; 3]); 4] = [
    (RecordKind::Fetch, *b"I  "),
    (RecordKind::Load, *b" L "),
    (RecordKind::Store, *b" S "),
    (RecordKind::Modify, *b" M "),
];

/// The place in [`KINDS`] by the low five bits of the letter, which differ for all four.
const KIND_OF_LETTER: [u8; 32] = {
    let mut kinds = [0; 32];
    kinds[(b'L' & 31) as usize] = 1;
    kinds[(b'S' & 31) as usize] = 2;
    kinds[(b'M' & 31) as usize] = 3;
    kinds
};

/// Parses a line as valgrind prints almost all of them, with 8 to 16 digits of address and
/// one or two of size, and returns also its length. `None` says nothing about the line.
///
/// Which kind of access and how many digits come next is past guessing for a processor, so
/// there is no branch on either.
#[inline]
pub(super) fn quick(text: &[u8; QUICK_BYTES]) -> Option<(Record, usize)> {
    let letter = if text[0] == b' ' { text[1] } else { text[0] };
    let (kind, start) = KINDS[KIND_OF_LETTER[usize::from(letter & 31)] as usize % KINDS.len()];
    let matches = [text[0], text[1], text[2]] == start;

    let high = u64::from_be_bytes(*text[3..].first_chunk()?);
    let low = u64::from_be_bytes(*text[11..].first_chunk()?);
    let digits = hex::before_comma(low);
    let address = u64::from(hex::eight(high)?) << (4 * digits)
        | u64::from(hex::eight(hex::first(low, digits))?);

    let comma = 11 + digits as usize;
    let [before, ones, third, fourth, fifth] = *text[comma..].first_chunk()?;
    let (size, end) = match third {
        b'\n' => (digit(ones)?, comma + 2),
        b'\r' if fourth == b'\n' => (digit(ones)?, comma + 3),
        _ => {
            let size = 10 * digit(ones)? + digit(third)?;
            match (fourth, fifth) {
                (b'\n', _) => (size, comma + 3),
                (b'\r', b'\n') => (size, comma + 4),
                _ => return None,
            }
        }
    };
    let address = VirtAddr::new(address);
    let valid = matches && before == b',' && size > 0 && fits(address, size);
    let record = Record {
        address,
        size,
        kind,
    };
    valid.then_some((record, end + 1))
}

/// Parses any line that is not blank and not a message, without its line end.
pub(super) fn careful(line: &[u8]) -> Result<Record, Malformed> {
    let kinds = KINDS.iter();
    let mut starts = kinds.filter_map(|(kind, start)| Some((*kind, line.strip_prefix(start)?)));
    let (kind, rest) = starts.next().ok_or(Malformed::Start)?;
    let count = rest
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let (digits, rest) = rest.split_at(count);
    let size = rest.strip_prefix(b",");
    let size = size
        .filter(|_| !digits.is_empty())
        .ok_or(Malformed::Address)?;
    if digits.len() > 16 {
        return Err(Malformed::LongAddress);
    }
    let address = digits.iter().fold(0, |sum, &byte| {
        let nibble = char::from(byte).to_digit(16).unwrap_or(0);
        sum << 4 | u64::from(nibble)
    });
    if size.is_empty() || !size.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::Size);
    }
    let size = size.iter().try_fold(0u32, |sum, &byte| {
        let tens = sum.checked_mul(10)?;
        tens.checked_add(u32::from(byte - b'0'))
    });
    let size = size.ok_or(Malformed::LargeSize)?;
    let address = VirtAddr::new(address);
    if size == 0 {
        return Err(Malformed::ZeroSize);
    }
    if !fits(address, size) {
        return Err(Malformed::Wraps);
    }
    Ok(Record {
        address,
        size,
        kind,
    })
}

/// Whether a line is blank or one of valgrind's own messages: `==PID==`, or `--PID--` and
/// `**PID**` for its warnings and what the program asked it to say.
pub(in crate::trace) fn says_nothing(line: &[u8]) -> bool {
    match line {
        [b'=', b'=', ..] => true,
        [b'-', b'-', digit, ..] | [b'*', b'*', digit, ..] => digit.is_ascii_digit(),
        _ => line.trim_ascii().is_empty(),
    }
}

/// Whether a line begins as a record does.
pub(in crate::trace) fn looks_like_a_record(line: &[u8]) -> bool {
    KINDS.iter().any(|(_, start)| line.starts_with(start))
}

#[inline]
fn fits(address: VirtAddr, size: u32) -> bool {
    address.checked_add(u64::from(size) - 1).is_some()
}

#[inline]
fn digit(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u32::from(digit))
}
