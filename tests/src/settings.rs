//! Products of bits: of registers and features, and of entries.

use mmu_core::{AccessKind, PrivilegeMode};

use crate::{
    oracle::{Facts, Mode, Path},
    product::{Access, Setting, table},
};

/// P, R/W and U/S of an entry, and its A and D flags.
pub const PRESENT: u64 = 1 << 0;
/// R/W.
pub const WRITABLE: u64 = 1 << 1;
/// U/S.
pub const USER: u64 = 1 << 2;
/// A.
pub const ACCESSED: u64 = 1 << 5;
/// D.
pub const DIRTY: u64 = 1 << 6;
/// PS.
pub const PAGE_SIZE: u64 = 1 << 7;
/// G.
pub const GLOBAL: u64 = 1 << 8;
/// XD.
pub const EXECUTE_DISABLE: u64 = 1 << 63;

/// A processor that has everything, in a mode, with all that can be off being off.
pub fn plain(mode: Mode) -> Setting {
    let mut facts = Facts::HAS_1_GBYTE | Facts::HAS_PSE_36 | Facts::HAS_PAT;
    match mode {
        Mode::Off | Mode::ThirtyTwoBit => {}
        Mode::Pae => facts |= Facts::PAE,
        Mode::FourLevel | Mode::FiveLevel => facts |= Facts::PAE | Facts::LMA,
    }
    Setting {
        mode,
        facts,
        width: 46,
        pkru: 0,
        pkrs: 0,
    }
}

/// The setting with each subset of these facts the other way round, as far as there can be
/// such a processor: CR4.CET needs CR0.WP, and AMD's have neither PKS nor LASS.
pub fn product(setting: Setting, facts: &[Facts]) -> Vec<Setting> {
    let subsets = 0..1_u64 << facts.len();
    let settings = subsets.map(|subset| {
        let chosen = (0..facts.len()).filter(|at| subset >> at & 1 != 0);
        Setting {
            facts: chosen.fold(setting.facts, |all, at| all ^ facts[at]),
            ..setting
        }
    });
    settings.filter(can_be).collect()
}

fn can_be(setting: &Setting) -> bool {
    let has = |facts| setting.facts.contains(facts);
    let shadow_stacks = !has(Facts::CET) || has(Facts::WP);
    let vendor = !has(Facts::AMD) || !setting.facts.intersects(Facts::PKS | Facts::LASS);
    shadow_stacks && vendor
}

/// Each of the settings with each of these widths.
pub fn widths(settings: &[Setting], widths: &[u32]) -> Vec<Setting> {
    let with = |width| {
        settings
            .iter()
            .map(move |setting| Setting { width, ..*setting })
    };
    widths.iter().copied().flat_map(with).collect()
}

/// Every kind of access in every mode; to shadow stacks only where there are any, since no
/// instruction makes one elsewhere.
pub fn all_accesses(setting: &Setting) -> Vec<Access> {
    let shadow_stacks = setting.facts.contains(Facts::CET) && setting.mode != Mode::Off;
    let kinds = AccessKind::ALL.into_iter().filter(|kind| match kind {
        AccessKind::Read | AccessKind::Write | AccessKind::ReadModifyWrite | AccessKind::Fetch => {
            true
        }
        AccessKind::ShadowStackRead | AccessKind::ShadowStackWrite => shadow_stacks,
    });
    kinds
        .flat_map(|kind| PrivilegeMode::ALL.map(|mode| (kind, mode)))
        .collect()
}

/// One of each kind of error code, where rights are not at stake.
pub fn few_accesses(_: &Setting) -> Vec<Access> {
    vec![
        (AccessKind::Read, PrivilegeMode::User),
        (AccessKind::Write, PrivilegeMode::Supervisor),
        (AccessKind::Fetch, PrivilegeMode::User),
    ]
}

/// The levels at which a page can be mapped.
pub fn page_levels(mode: Mode) -> &'static [usize] {
    match mode {
        Mode::Off => &[],
        Mode::ThirtyTwoBit | Mode::Pae => &[1, 2],
        Mode::FourLevel | Mode::FiveLevel => &[1, 2, 3],
    }
}

/// The levels whose entries have rights and flags, for a page of a level.
pub fn levels(mode: Mode, page: usize) -> Vec<usize> {
    let top = if mode == Mode::Pae { 2 } else { mode.top() };
    (page..=top).collect()
}

/// A path that permits everything: to a page of this level, through tables that are there.
pub fn open_path(mode: Mode, page: usize) -> Path {
    const ALL: u64 = PRESENT | WRITABLE | USER;
    let mut path = [0; 5];
    for level in page + 1..=mode.top() {
        path[level - 1] = table(level - 1) | ALL;
    }
    if mode == Mode::Pae {
        path[2] = table(2) | PRESENT;
    }
    // A frame whose number has a bit at every size of page; 32-bit paging has no more bits.
    path[page - 1] = match page {
        1 => 0x4c2f_7000 | ALL,
        2 => 0x4c40_0000 | ALL | PAGE_SIZE,
        _ => 0x2_4000_0000 | ALL | PAGE_SIZE,
    };
    path
}

/// An address whose indices differ at every level, and are not those of the page's frame.
pub const fn address(mode: Mode) -> u64 {
    match mode {
        Mode::Off | Mode::ThirtyTwoBit | Mode::Pae => 0x9a35_e4d8,
        Mode::FourLevel => 0x0000_25b1_9a35_e4d8,
        Mode::FiveLevel => 0x0069_25b1_9a35_e4d8,
    }
}

/// A bit of an entry to turn round: or several, in several entries, at once.
pub type Switch = Vec<(usize, u64)>;

/// The path with every subset of these bits the other way round.
pub fn switched(path: &Path, switches: &[Switch]) -> Vec<Path> {
    let subsets = 0..1_u64 << switches.len();
    let paths = subsets.map(|subset| {
        let mut path = *path;
        for (at, switch) in switches.iter().enumerate() {
            if subset >> at & 1 != 0 {
                turn(&mut path, switch);
            }
        }
        path
    });
    paths.collect()
}

/// The path with every one, and every two, of these bits the other way round.
pub fn pairs(path: &Path, switches: &[Switch]) -> Vec<Path> {
    let mut paths = vec![*path];
    for (at, first) in switches.iter().enumerate() {
        let mut one = *path;
        turn(&mut one, first);
        paths.push(one);
        for second in &switches[at + 1..] {
            let mut two = one;
            turn(&mut two, second);
            paths.push(two);
        }
    }
    paths
}

/// The path with the entry of each level in each of its states: some bits the other way round.
pub fn states(path: &Path, levels: &[usize], states: impl Fn(usize) -> Vec<u64>) -> Vec<Path> {
    let mut paths = vec![*path];
    for &level in levels {
        let states = states(level);
        let with = |path: &Path| {
            let path = *path;
            let each = states.clone().into_iter();
            each.map(move |bits| {
                let mut path = path;
                path[level - 1] ^= bits;
                path
            })
        };
        paths = paths.iter().flat_map(with).collect();
    }
    paths
}

fn turn(path: &mut Path, switch: &Switch) {
    for (level, bits) in switch {
        path[level - 1] ^= bits;
    }
}
