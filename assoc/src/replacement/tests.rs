use alloc::string::ToString;

use super::*;

const CACHES: [(&str, Qlru); 3] = [
    ("qlru-h00-m1-r2-u1", qlru([0, 0, 1, 2, 1])),
    ("qlru-h11-m1-r0-u0", qlru([1, 1, 1, 0, 0])),
    ("qlru-h00-m1-r0-u1", qlru([0, 0, 1, 0, 1])),
];

const fn qlru([hit_at_3, hit_at_2, insert, replace, update]: [u8; 5]) -> Qlru {
    Qlru {
        hit_at_3,
        hit_at_2,
        insert,
        replace,
        update,
        update_on: QlruUpdate::EveryAccess,
    }
}

fn umo(qlru: Qlru) -> Replacement {
    Replacement::Qlru(Qlru {
        update_on: QlruUpdate::MissesOnly,
        ..qlru
    })
}

#[test]
fn every_policy_has_a_name_that_is_read_back() {
    let mut named = [
        ("true-lru", Replacement::TrueLru),
        ("fifo", Replacement::Fifo),
        ("random", Replacement::Random { seed: 0 }),
        (
            "random:18446744073709551615",
            Replacement::Random { seed: u64::MAX },
        ),
        ("tree-plru", Replacement::TreePlru),
        ("mru3-plru4", Replacement::Mru3Plru4),
        ("lru3-plru4", Replacement::Lru3Plru4),
        ("srrip-2", Replacement::Srrip { bits: 2 }),
        ("qlru-h21-m2-r0-u0-umo", umo(qlru([2, 1, 2, 0, 0]))),
    ]
    .to_vec();
    named.extend(CACHES.map(|(name, qlru)| (name, Replacement::Qlru(qlru))));
    for (name, replacement) in named {
        assert_eq!(name.parse(), Ok(replacement));
        assert_eq!(replacement.to_string(), name);
    }
}

#[test]
fn a_name_that_is_none_lists_those_that_are() {
    for name in [
        "",
        "lru",
        "random:",
        "random:-1",
        "srrip-",
        "srrip-10",
        "qlru",
        "qlru-h1-m1-r0-u0",
        "qlru-hé-m1-r0-u0",
        "qlru-h11-m1-r0-u0-um",
        "qlru-h11-m1-r0-u0-umo-umo",
        "TRUE-LRU",
    ] {
        let error = name.parse::<Replacement>().unwrap_err().to_string();
        assert!(
            error.contains("true-lru, fifo, random, random:SEED"),
            "{error}"
        );
        assert!(error.contains(name));
    }
}

#[test]
fn a_parameter_out_of_bounds_is_named() {
    for (name, message) in [
        ("qlru-h30-m1-r0-u0", "x of Hxy of QLRU is at most 2: got 3"),
        ("qlru-h02-m1-r0-u0", "y of Hxy of QLRU is at most 1: got 2"),
        ("qlru-h00-m4-r0-u0", "z of Mz of QLRU is at most 3: got 4"),
        ("qlru-h00-m1-r3-u0", "r of Rr of QLRU is at most 2: got 3"),
        ("qlru-h00-m1-r0-u4", "u of Uu of QLRU is at most 3: got 4"),
        (
            "qlru-h11-m1-r2-u3",
            "QLRU with R2 and U3 is undefined: a full set may have no entry of age 3",
        ),
        ("srrip-0", "an interval of SRRIP has 1 to 3 bits: got 0"),
        ("srrip-4", "an interval of SRRIP has 1 to 3 bits: got 4"),
    ] {
        let error = name.parse::<Replacement>().unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn trees_take_ways_that_fill_them_only() {
    let check = |policy: Replacement, ways| policy.check(Geometry::new(2, ways).unwrap());
    for ways in 1_u32..200 {
        for (policy, fits) in [
            (Replacement::TreePlru, ways.is_power_of_two()),
            (Replacement::Mru3Plru4, ways == 12),
            (Replacement::Lru3Plru4, ways == 12),
        ] {
            let expected = fits
                .then_some(())
                .ok_or(GeometryError::PolicyWays { policy, ways });
            assert_eq!(check(policy, ways), expected);
        }
    }
    assert_eq!(
        check(Replacement::TreePlru, 6).unwrap_err().to_string(),
        "tree-plru does not work with 6 ways: it needs a power of two"
    );
    assert_eq!(
        check(Replacement::Mru3Plru4, 8).unwrap_err().to_string(),
        "mru3-plru4 does not work with 8 ways: it needs 12"
    );
}

#[test]
fn only_some_qlrus_change_when_a_hit_is_repeated() {
    let idle = |policy: &str| policy.parse::<Replacement>().unwrap().is_idle_on_repeat();
    for policy in [
        "true-lru",
        "tree-plru",
        "fifo",
        "random",
        "mru3-plru4",
        "lru3-plru4",
    ] {
        assert!(idle(policy));
    }
    assert!(idle("srrip-2"));
    assert!(idle("qlru-h00-m1-r2-u1"));
    assert!(idle("qlru-h00-m2-r0-u0-umo"));
    assert!(!idle("qlru-h11-m1-r0-u0"));
    assert!(!idle("qlru-h00-m1-r0-u0"));
    assert!(!idle("qlru-h21-m2-r0-u0-umo"));
}
