use mmu_core::{KeyRights, VirtAddr};

use super::{
    Access, Category, Control, Entries, Keys, Malformed, Outcome,
    fields::{Fields, hex},
    layout::mask_bit,
    outcome::Cr2,
};
use crate::conform::Mode;

/// A single access with cold caches, and how it must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Its number in the set.
    pub id: u64,
    /// What is accessed how.
    pub access: Access,
    /// The control registers.
    pub control: Control,
    /// The protection-key registers.
    pub keys: Keys,
    /// The address.
    pub address: VirtAddr,
    /// The entries on the way at the beginning.
    pub before: Entries,
    /// How it ends.
    pub outcome: Outcome,
    /// The entries at the end, accessed bits set as late as they may be.
    pub after: Entries,
    /// Where an accessed bit may be set earlier: bit 0 for the PML5E, bit 4 for the PTE.
    pub early: u8,
    /// What is contentious about it.
    pub category: Option<Category>,
}

impl Vector {
    /// Parses a line of a file of vectors.
    pub(super) fn parse(mode: Mode, line: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(line);
        if !matches!(fields.count(), 13 | 14 | 16) {
            return Err(fields.miscounted("13, 14 or 16"));
        }
        let id = fields.decimal("id")?;
        fields.decimal("set")?;
        let access = Access::parse(fields.text())?;
        let control = Control::parse(&mut fields)?;
        let keys = Keys {
            user: KeyRights::from_bits(fields.hex32("pkru")?),
            supervisor: KeyRights::from_bits(fields.hex32("pkrs")?),
        };
        let address = VirtAddr::new(fields.hex("va", mode.address_bits())?);
        let before = initial(mode, fields.text())?;
        let outcome = Outcome::parse(&mut fields, Cr2::Field)?;
        if outcome == Outcome::PdpteLoad && mode != Mode::Pae {
            return Err(Malformed::Field {
                field: "kind",
                expected: "no gp3 in this mode",
            });
        }
        let after = last(mode, fields.text(), before)?;
        let early = if fields.count() > 13 {
            amask(mode, &mut fields, before.len())?
        } else {
            0
        };
        let category = match fields.count() {
            16 => Some(Category::parse(&mut fields)?),
            _ => None,
        };
        Ok(Self {
            id,
            access,
            control,
            keys,
            address,
            before,
            outcome,
            after,
            early,
            category,
        })
    }
}

fn initial(mode: Mode, text: &[u8]) -> Result<Entries, Malformed> {
    let wrong = Malformed::Field {
        field: "ent",
        expected: mode.path_lengths_in_words(),
    };
    let mut entries = Entries::default();
    for entry in text.split(|&byte| byte == b',') {
        let entry = hex(entry, "ent", mode.entry_bits())?;
        entries.push(entry).ok_or(wrong)?;
    }
    if mode.path_lengths().contains(&entries.len()) {
        Ok(entries)
    } else {
        Err(wrong)
    }
}

fn last(mode: Mode, text: &[u8], before: Entries) -> Result<Entries, Malformed> {
    let wrong = Malformed::Field {
        field: "fin",
        expected: "as many entries as in ent, = for one that is the same",
    };
    let mut after = before;
    let mut texts = text.split(|&byte| byte == b',');
    for entry in after.iter_mut() {
        match texts.next().ok_or(wrong)? {
            b"=" => {}
            changed => *entry = hex(changed, "fin", mode.entry_bits())?,
        }
    }
    match texts.next() {
        None => Ok(after),
        Some(_) => Err(wrong),
    }
}

fn amask(mode: Mode, fields: &mut Fields<'_>, levels: usize) -> Result<u8, Malformed> {
    let mask = fields.hex("amask", 5)?;
    let path = mode.levels()[..levels].iter();
    let allowed = path.fold(0, |bits, &level| bits | 1u8 << mask_bit(level));
    match u8::try_from(mask) {
        Ok(mask) if mask & !allowed == 0 => Ok(mask),
        _ => Err(Malformed::Field {
            field: "amask",
            expected: "bits of levels that are in ent",
        }),
    }
}
