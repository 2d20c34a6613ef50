//! QLRU by hand, in four ways, by the definitions of nanoBench (Abel and Reineke, ISPASS
//! 2020). The ages after each access stand beside it, way 0 first.

use super::{Found, access, set};

use Found::{Evicted, Filled, Hit};

fn follows(name: &str, sequence: &[(u64, Found)]) {
    let mut array = set(4, name.parse().unwrap());
    for (step, &(number, found)) in sequence.iter().enumerate() {
        assert_eq!(access(&mut array, number), found, "{name}, step {step}");
    }
}

#[test]
fn last_level_of_coffee_lake() {
    follows(
        "qlru-h11-m1-r0-u0",
        &[
            (1, Filled),     // 1333
            (2, Filled),     // 1133
            (3, Filled),     // 1113
            (4, Filled),     // 1111, then 3333
            (5, Evicted(1)), // 1333
            (2, Hit),        // 1133
            (6, Evicted(3)), // 1113
            (4, Hit),        // 1111, then 3333
            (7, Evicted(5)), // 1333
            (7, Hit),        // 0333
            (2, Hit),        // 0133
            (6, Hit),        // 0113
            (8, Evicted(4)), // 0111, then 2333
            (9, Evicted(2)), // 2133
            (7, Hit),        // 1133
        ],
    );
}

#[test]
fn second_level_of_coffee_lake() {
    follows(
        "qlru-h00-m1-r2-u1",
        &[
            (1, Filled),     // 3331
            (2, Filled),     // 3311
            (3, Filled),     // 3111
            (4, Filled),     // 1111, then 1333
            (5, Evicted(3)), // 1133
            (4, Hit),        // 0133
            (6, Evicted(2)), // 0113
            (1, Hit),        // 0110, then 2330
            (7, Evicted(5)), // 2130
            (8, Evicted(6)), // 2110, then 3211
            (9, Evicted(4)), // 1211, then 1322
            (2, Evicted(7)), // 1122, then 2133
        ],
    );
}

#[test]
fn second_level_of_cannon_lake() {
    follows(
        "qlru-h00-m1-r0-u1",
        &[
            (1, Filled),     // 1333
            (2, Filled),     // 1133
            (3, Filled),     // 1113
            (4, Filled),     // 1111, then 3331
            (5, Evicted(1)), // 1331
            (4, Hit),        // 1330
            (6, Evicted(2)), // 1130
            (7, Evicted(3)), // 1110, then 3312
            (8, Evicted(5)), // 1312
            (9, Evicted(6)), // 1112, then 2123
            (1, Evicted(4)), // 2121, then 3231
        ],
    );
}

/// Ivy Bridge's last level: all age by one, and way 0 goes if none is old enough.
#[test]
fn last_level_of_ivy_bridge() {
    follows(
        "qlru-h11-m1-r1-u2",
        &[
            (1, Filled),     // 1333
            (2, Filled),     // 1133
            (3, Filled),     // 1113
            (4, Filled),     // 1111, then 2222
            (5, Evicted(1)), // 1222, then 2333
            (6, Evicted(2)), // 2133
            (3, Hit),        // 2113
            (4, Hit),        // 2111, then 3222
            (5, Hit),        // 1222, then 2333
        ],
    );
}

/// The ages grow before a new entry is put in, and a hit leaves them as they are.
#[test]
fn aging_on_misses_only() {
    follows(
        "qlru-h00-m2-r0-u0-umo",
        &[
            (1, Filled),     // 2333
            (2, Filled),     // 2233
            (3, Filled),     // 2223
            (4, Filled),     // 2222
            (2, Hit),        // 2022
            (5, Evicted(1)), // 3133, then 2133
            (3, Hit),        // 2103
            (6, Evicted(4)), // 2102
            (7, Evicted(5)), // 3213, then 2213
            (8, Evicted(6)), // 2212
        ],
    );
}
