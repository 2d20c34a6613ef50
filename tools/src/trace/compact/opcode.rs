//! The one byte that each record has: its kind, its size if that is a usual one, and how
//! many bytes the delta of its address takes.

use crate::trace::{Record, RecordKind};

/// The size is none of the usual ones, and follows the delta.
const UNUSUAL_SIZE: u8 = 0;

/// How many bytes an unusual size takes.
pub(super) const SIZE_BYTES: usize = 4;

/// How many bytes a record's data has at most: a delta and a size.
pub(super) const DATA_BYTES_MAX: usize = 8 + SIZE_BYTES;

/// The usual sizes by the low five bits of an opcode: the class of the size, and the kind.
const SIZES: [u8; 32] = {
    let (fetches, others) = ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 4, 8, 16, 32, 64]);
    let mut sizes = [0; 32];
    let mut class = 0;
    while class < 8 {
        sizes[4 * class] = fetches[class];
        sizes[4 * class + 1] = others[class];
        sizes[4 * class + 2] = others[class];
        sizes[4 * class + 3] = others[class];
        class += 1;
    }
    sizes
};

/// How many bytes a delta takes, by the high three bits of an opcode.
const DELTA_BYTES: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 8];

const DELTA_MASKS: [u64; 8] = {
    let mut masks = [u64::MAX; 8];
    let mut class = 0;
    while class < 7 {
        masks[class] = (1 << (8 * DELTA_BYTES[class])) - 1;
        class += 1;
    }
    masks
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opcode(pub(super) u8);

impl Opcode {
    /// The opcode of a record whose delta is this.
    pub(super) fn new(record: &Record, delta: Delta) -> Self {
        let kind = record.kind as u8;
        let is_of = |class: &u8| u32::from(SIZES[usize::from(class << 2 | kind)]) == record.size;
        let size = (1..8).find(is_of).unwrap_or(UNUSUAL_SIZE);
        Self(delta.class() << 5 | size << 2 | kind)
    }

    #[inline]
    pub(super) fn kind(self) -> RecordKind {
        RecordKind::ALL[usize::from(self.0 & 3)]
    }

    /// The size, or 0 if it follows.
    #[inline]
    pub(super) fn size(self) -> u32 {
        SIZES[usize::from(self.0 & 31)].into()
    }

    /// How many bytes the delta takes.
    #[inline]
    pub(super) fn delta_bytes(self) -> usize {
        DELTA_BYTES[usize::from(self.0 >> 5)].into()
    }

    /// The delta at the start of these bytes, of which later ones may be something else's.
    #[inline]
    pub(super) fn delta(self, bytes: [u8; 8]) -> Delta {
        Delta(u64::from_le_bytes(bytes) & DELTA_MASKS[usize::from(self.0 >> 5)])
    }
}

/// How far an address is from the one it is told from, modulo 2^64: twice the distance
/// upwards, or twice the distance downwards less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delta(pub(super) u64);

impl Delta {
    pub(super) fn between(from: u64, to: u64) -> Self {
        let distance = to.wrapping_sub(from);
        let sign = 0u64.wrapping_sub(distance >> 63);
        Self(distance << 1 ^ sign)
    }

    #[inline]
    pub(super) fn from(self, base: u64) -> u64 {
        let sign = 0u64.wrapping_sub(self.0 & 1);
        base.wrapping_add(self.0 >> 1 ^ sign)
    }

    fn class(self) -> u8 {
        let fits = |class: &u8| self.0 <= DELTA_MASKS[usize::from(*class)];
        (0..7).find(fits).unwrap_or(7)
    }
}

/// What the addresses of a block are told from: of each kind, where the last access began;
/// of instructions, where the last one ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bases([u64; 4]);

impl Bases {
    #[inline]
    pub(super) fn of(&self, kind: RecordKind) -> u64 {
        self.0[kind.index()]
    }

    #[inline]
    pub(super) fn follow(&mut self, kind: RecordKind, address: u64, size: u32) {
        const ADDED: [u64; 4] = [u64::MAX, 0, 0, 0];
        let added = u64::from(size) & ADDED[kind.index()];
        self.0[kind.index()] = address.wrapping_add(added);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_opcode_has_one_meaning_and_every_usual_size_an_opcode() {
        for byte in 0..=u8::MAX {
            let opcode = Opcode(byte);
            let size = opcode.size();
            assert_eq!(size == 0, byte & 0b1_1100 == 0);
            let record = Record {
                address: units::VirtAddr::new(0),
                size: if size == 0 { 1000 } else { size },
                kind: opcode.kind(),
            };
            let largest = opcode.delta([0xff; 8]);
            assert_eq!(Opcode::new(&record, largest), opcode);
        }
    }

    proptest! {
        #[test]
        fn a_delta_leads_back(from: u64, to: u64, near in -300i64..300) {
            for to in [to, from.wrapping_add_signed(near)] {
                prop_assert_eq!(Delta::between(from, to).from(from), to);
            }
            prop_assert!(Delta::between(from, from.wrapping_add_signed(near)).0 < 600);
        }
    }
}
