//! The rules about whole accesses, a row for each: what refuses one, and what the error code
//! says of it.

use super::{Facts, When};

/// A rule of the manual.
#[derive(Debug)]
pub struct Rule {
    /// What it says.
    pub name: &'static str,
    /// Where: a section of SDM vol. 3, if nothing else is said.
    pub section: &'static str,
    /// When it applies.
    pub when: When,
}

const fn rule(name: &'static str, section: &'static str, when: When) -> Rule {
    Rule {
        name,
        section,
        when,
    }
}

macro_rules! facts {
    ($($name:ident)|*) => {
        Facts::empty()$(.union(Facts::$name))*
    };
}

/// An address that may not be used at all: #GP(0) or #SS(0).
pub const NON_CANONICAL: &Rule = &rule(
    "the address is not canonical",
    "vol. 1, 3.3.7.1",
    When::all(facts!(NON_CANONICAL)),
);

/// What linear-address space separation refuses, whatever the tables say: #GP(0) or #SS(0).
pub const LASS: &[Rule] = &[
    rule(
        "LASS: user mode does not use addresses with bit 63 set",
        "4.2.3",
        When::all(facts!(LASS | LMA | USER_MODE | BIT_63)),
    ),
    rule(
        "LASS: supervisor mode fetches only from addresses with bit 63 set",
        "4.2.3",
        When::all(facts!(LASS | LMA | FETCH)).but(facts!(USER_MODE | BIT_63)),
    ),
    rule(
        "LASS: explicit supervisor data accesses need bit 63, if SMAP is on and AC is 0",
        "4.2.3",
        When::all(facts!(LASS | LMA | SMAP | DATA)).but(facts!(USER_MODE | BIT_63 | AC)),
    ),
    rule(
        "LASS: implicit supervisor data accesses need bit 63, if SMAP is on",
        "4.2.3",
        When::all(facts!(LASS | LMA | SMAP | DATA | IMPLICIT)).but(facts!(USER_MODE | BIT_63)),
    ),
];

/// What the rights of a translation refuse.
pub const REFUSALS: &[Rule] = &[
    rule(
        "user mode does not use supervisor-mode addresses",
        "4.6.1",
        When::all(facts!(USER_MODE)).but(facts!(USER_ADDRESS)),
    ),
    rule(
        "SMEP: supervisor mode does not fetch from user-mode addresses",
        "4.6.1",
        When::all(facts!(SMEP | FETCH | USER_ADDRESS)).but(facts!(USER_MODE)),
    ),
    rule(
        "SMAP: explicit supervisor accesses do not use user-mode addresses while AC is 0",
        "4.6.1",
        When::all(facts!(SMAP | DATA | USER_ADDRESS)).but(facts!(USER_MODE | AC)),
    ),
    rule(
        "SMAP: implicit supervisor accesses never use user-mode addresses",
        "4.6.1",
        When::all(facts!(SMAP | DATA | IMPLICIT | USER_ADDRESS)).but(facts!(USER_MODE)),
    ),
    rule(
        "user mode writes only where R/W is 1 in every entry",
        "4.6.1",
        When::all(facts!(WRITE | USER_MODE)).but(facts!(SHADOW_STACK | WRITABLE)),
    ),
    rule(
        "with CR0.WP = 1 supervisor mode writes only where R/W is 1 in every entry",
        "4.6.1",
        When::all(facts!(WRITE | WP)).but(facts!(USER_MODE | SHADOW_STACK | WRITABLE)),
    ),
    rule(
        "nothing is fetched where XD is 1 in some entry",
        "4.6.1",
        When::all(facts!(FETCH | XD | NXE | PAE)),
    ),
    rule(
        "PKRU.AD refuses data accesses to user-mode addresses",
        "4.6.2",
        When::all(facts!(LMA | PKE | DATA | USER_ADDRESS | PKRU_AD)),
    ),
    rule(
        "PKRU.WD refuses user mode writes to user-mode addresses",
        "4.6.2",
        When::all(facts!(
            LMA | PKE | WRITE | USER_ADDRESS | PKRU_WD | USER_MODE
        )),
    ),
    rule(
        "PKRU.WD refuses supervisor writes to user-mode addresses with CR0.WP = 1",
        "4.6.2",
        When::all(facts!(LMA | PKE | WRITE | USER_ADDRESS | PKRU_WD | WP)),
    ),
    rule(
        "IA32_PKRS.AD refuses data accesses to supervisor-mode addresses",
        "4.6.2",
        When::all(facts!(LMA | PKS | DATA | PKRS_AD)).but(facts!(USER_ADDRESS)),
    ),
    rule(
        "IA32_PKRS.WD refuses writes to supervisor-mode addresses with CR0.WP = 1",
        "4.6.2",
        When::all(facts!(LMA | PKS | WRITE | PKRS_WD | WP)).but(facts!(USER_ADDRESS)),
    ),
    rule(
        "a shadow-stack page is read-only",
        "4.6",
        When::all(facts!(SHADOW_STACK | WRITABLE_PAGE)),
    ),
    rule(
        "a shadow-stack page is dirty",
        "4.6",
        When::all(facts!(SHADOW_STACK)).but(facts!(DIRTY_PAGE)),
    ),
    rule(
        "a shadow-stack page is read-only by its own entry alone",
        "4.6",
        When::all(facts!(SHADOW_STACK)).but(facts!(WRITABLE_ABOVE)),
    ),
    rule(
        "supervisor mode does not use the shadow stacks of user mode",
        "4.6.1",
        When::all(facts!(SHADOW_STACK | USER_ADDRESS)).but(facts!(USER_MODE)),
    ),
];

/// The bits of the error code (4.7); each is 1 if one of its rules applies.
pub const ERROR_CODE: &[(u32, Rule)] = &[
    (
        1 << 0,
        rule("P", "4.7", When::ALWAYS.but(facts!(NOT_PRESENT))),
    ),
    (1 << 1, rule("W/R", "4.7", When::all(facts!(WRITE)))),
    (1 << 2, rule("U/S", "4.7", When::all(facts!(USER_MODE)))),
    (1 << 3, rule("RSVD", "4.7", When::all(facts!(RESERVED)))),
    (
        1 << 4,
        rule("I/D with SMEP", "4.7", When::all(facts!(FETCH | SMEP))),
    ),
    (
        1 << 4,
        rule("I/D with NXE", "4.7", When::all(facts!(FETCH | NXE | PAE))),
    ),
    (
        1 << 5,
        rule(
            "PK of PKRU.AD",
            "4.7",
            When::all(facts!(
                TRANSLATED | LMA | PKE | DATA | USER_ADDRESS | PKRU_AD
            )),
        ),
    ),
    (
        1 << 5,
        rule(
            "PK of PKRU.WD, in user mode",
            "4.7",
            When::all(facts!(
                TRANSLATED | LMA | PKE | WRITE | USER_ADDRESS | PKRU_WD | USER_MODE
            )),
        ),
    ),
    (
        1 << 5,
        rule(
            "PK of PKRU.WD, with CR0.WP",
            "4.7",
            When::all(facts!(
                TRANSLATED | LMA | PKE | WRITE | USER_ADDRESS | PKRU_WD | WP
            )),
        ),
    ),
    // A user-mode access to a supervisor-mode address is not for IA32_PKRS to refuse.
    (
        1 << 5,
        rule(
            "PK of IA32_PKRS.AD",
            "4.7",
            When::all(facts!(TRANSLATED | LMA | PKS | DATA | PKRS_AD))
                .but(facts!(USER_ADDRESS | USER_MODE)),
        ),
    ),
    (
        1 << 5,
        rule(
            "PK of IA32_PKRS.WD, with CR0.WP",
            "4.7",
            When::all(facts!(TRANSLATED | LMA | PKS | WRITE | PKRS_WD | WP))
                .but(facts!(USER_ADDRESS | USER_MODE)),
        ),
    ),
    (1 << 6, rule("SS", "4.7", When::all(facts!(SHADOW_STACK)))),
];

/// Whether a translation is global (4.10.2.4).
pub const GLOBAL: &Rule = &rule(
    "a translation is global if G is 1 in the entry that maps the page and CR4.PGE = 1",
    "4.10.2.4",
    When::all(facts!(PGE | GLOBAL_PAGE)),
);
