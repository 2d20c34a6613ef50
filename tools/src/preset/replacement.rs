//! Replacement policies by name.

use assoc::{Qlru, QlruUpdate, Replacement};

/// What a policy may be called; the digits of QLRU and the seed are free.
pub(super) const NAMES: [&str; 9] = [
    "true-lru",
    "tree-plru",
    "fifo",
    "random",
    "random:SEED",
    "mru3-plru4",
    "lru3-plru4",
    "qlru-h11-m1-r0-u0",
    "srrip-2",
];

pub(super) fn parse(name: &str) -> Option<Replacement> {
    Some(match name {
        "true-lru" => Replacement::TrueLru,
        "tree-plru" => Replacement::TreePlru,
        "fifo" => Replacement::Fifo,
        "random" => Replacement::Random { seed: 0 },
        "mru3-plru4" => Replacement::Mru3Plru4,
        "lru3-plru4" => Replacement::Lru3Plru4,
        "srrip-2" => Replacement::Srrip { bits: 2 },
        other => match other.strip_prefix("random:") {
            Some(seed) => Replacement::Random {
                seed: seed.parse().ok()?,
            },
            None => qlru(other)?,
        },
    })
}

fn qlru(name: &str) -> Option<Replacement> {
    let (name, update_on) = match name.strip_suffix("-umo") {
        Some(name) => (name, QlruUpdate::MissesOnly),
        None => (name, QlruUpdate::EveryAccess),
    };
    let digits = name.strip_prefix("qlru-h")?.split(['-', 'm', 'r', 'u']);
    let digits: String = digits.collect();
    let [hit_at_3, hit_at_2, insert, replace, update] = *digits.as_bytes() else {
        return None;
    };
    let age = |digit: u8| digit.is_ascii_digit().then(|| digit - b'0');
    Some(Replacement::Qlru(Qlru {
        hit_at_3: age(hit_at_3)?,
        hit_at_2: age(hit_at_2)?,
        insert: age(insert)?,
        replace: age(replace)?,
        update: age(update)?,
        update_on,
    }))
}
