//! Products of entry bits, control bits and accesses, in every paging mode: what the MMU makes
//! of each is what the manual's rules, as tables, say of it.
//!
//! What is left out, and why:
//! - Accesses to shadow stacks without CR4.CET: no instruction makes them.
//! - Most bits of a table's address: where no table is, one bit is as good as another.
//! - In 5-level paging the rights of the three levels in the middle change only together; that
//!   each counts by itself is seen in 4-level paging, and PML5E and PTE are on their own.
//! - Rights and reserved bits at once: reserved bits come first, and of rights only the error
//!   code's bits can matter then, so three accesses stand for all.
//! - Protection keys in every way with the rights of every level: only the folded rights of a
//!   path meet a key.

use std::{
    collections::{BTreeSet, HashSet},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use mmu_core::{AccessKind, Entry, PrivilegeMode};
use tests::{
    oracle::{Facts, Mode, Path},
    product::{Access, Setting, Subject},
    settings::{
        ACCESSED, DIRTY, EXECUTE_DISABLE, GLOBAL, PAGE_SIZE, PRESENT, Switch, USER, WRITABLE,
        address, all_accesses, few_accesses, levels, open_path, page_levels, pairs, plain, product,
        states, switched, widths,
    },
};

const THREADS: usize = 2;
const AT_LEAST: u64 = 20_000_000;

const PAGED: [Mode; 4] = [
    Mode::ThirtyTwoBit,
    Mode::Pae,
    Mode::FourLevel,
    Mode::FiveLevel,
];

/// Each of the settings with each of the paths, addresses and accesses.
struct Family {
    name: String,
    settings: Vec<Setting>,
    paths: Vec<Path>,
    addresses: Vec<u64>,
    accesses: fn(&Setting) -> Vec<Access>,
}

impl Family {
    fn new(
        name: impl Into<String>,
        settings: Vec<Setting>,
        paths: Vec<Path>,
        accesses: fn(&Setting) -> Vec<Access>,
    ) -> Self {
        let addresses = vec![address(settings[0].mode)];
        Self {
            name: name.into(),
            settings,
            paths,
            addresses,
            accesses,
        }
    }

    /// Every product is of distinct things.
    fn assert_distinct(&self) {
        let settings: HashSet<_> = self.settings.iter().collect();
        let paths: HashSet<_> = self.paths.iter().collect();
        assert_eq!(settings.len(), self.settings.len(), "{}", self.name);
        assert_eq!(paths.len(), self.paths.len(), "{}", self.name);
    }

    fn compare(&self, setting: &Setting) -> u64 {
        let mut subject = Subject::new(*setting);
        let accesses = (self.accesses)(setting);
        for path in &self.paths {
            for &address in &self.addresses {
                for &access in &accesses {
                    subject.compare(address, path, access);
                }
            }
        }
        subject.compared()
    }
}

/// The flags that only other modes know, all at once: they must not matter.
const FOREIGN: Facts = Facts::PKE.union(Facts::PKS).union(Facts::LASS);

fn is_ia32e(mode: Mode) -> bool {
    matches!(mode, Mode::FourLevel | Mode::FiveLevel)
}

fn one(level: usize, bits: u64) -> Switch {
    vec![(level, bits)]
}

/// R/W, U/S and XD of every level.
fn rights_switches(mode: Mode, page: usize) -> Vec<Switch> {
    let mut groups: Vec<Vec<usize>> = levels(mode, page).iter().map(|&at| vec![at]).collect();
    if mode == Mode::FiveLevel && groups.len() > 3 {
        let middle: Vec<usize> = groups[1..groups.len() - 1].concat();
        let ends = (groups[0].clone(), groups[groups.len() - 1].clone());
        groups = vec![ends.0, middle, ends.1];
    }
    let mut bits = vec![WRITABLE, USER];
    if mode != Mode::ThirtyTwoBit {
        bits.push(EXECUTE_DISABLE);
    }
    let switch = |group: &Vec<usize>, bit: u64| group.iter().map(|&level| (level, bit)).collect();
    let groups = groups.iter();
    groups
        .flat_map(|group| bits.iter().map(move |&bit| switch(group, bit)))
        .collect()
}

/// The rights of every level, under every register that decides about rights.
fn rights(mode: Mode, page: usize) -> Family {
    let mut facts = vec![
        Facts::WP,
        Facts::SMEP,
        Facts::SMAP,
        Facts::AC,
        Facts::CET,
        Facts::NXE,
        Facts::EAGER,
    ];
    let mut setting = plain(mode);
    if mode == Mode::ThirtyTwoBit {
        setting.facts |= Facts::PSE;
    }
    if !is_ia32e(mode) {
        facts.push(FOREIGN);
        (setting.pkru, setting.pkrs) = (u32::MAX, u32::MAX);
    }
    let mut path = open_path(mode, page);
    for level in levels(mode, page + 1) {
        path[level - 1] |= ACCESSED;
    }
    let mut switches = rights_switches(mode, page);
    switches.push(one(page, DIRTY));
    let name = format!("rights of a level-{page} page in {mode:?}");
    let paths = switched(&path, &switches);
    Family::new(name, product(setting, &facts), paths, all_accesses)
}

/// Protection keys, with what else decides once they are on. All other keys say the opposite
/// of the one in use.
fn keys(mode: Mode, page: usize, key: u32) -> Family {
    let register = |rights: u32| {
        let others = (0..16).fold(0, |all, other| all | (rights ^ 0b11) << (2 * other));
        others & !(0b11 << (2 * key)) | rights << (2 * key)
    };
    let facts = [
        Facts::PKE,
        Facts::PKS,
        Facts::WP,
        Facts::CET,
        Facts::SMAP,
        Facts::AC,
    ];
    let mut settings = Vec::new();
    for user in 0..4 {
        for supervisor in 0..4 {
            let mut setting = plain(mode);
            setting.facts |= Facts::NXE | Facts::PGE;
            setting.pkru = register(user);
            setting.pkrs = register(supervisor);
            settings.extend(product(setting, &facts));
        }
    }
    let mut path = open_path(mode, page);
    path[page - 1] |= u64::from(key) << 59;
    // The keys of other entries do not count.
    path[mode.top() - 1] |= u64::from(!key & 0xf) << 59;
    let switches = [
        one(page, USER),
        one(mode.top(), USER),
        one(page, WRITABLE),
        one(mode.top(), WRITABLE),
        one(page, DIRTY),
        one(page, EXECUTE_DISABLE),
    ];
    let name = format!("key {key} of a level-{page} page in {mode:?}");
    Family::new(name, settings, switched(&path, &switches), all_accesses)
}

/// Processors and registers that differ in what they reserve.
fn reserving(mode: Mode) -> Vec<Setting> {
    let mut facts = vec![Facts::AMD, Facts::NXE, Facts::EAGER];
    let mut sizes = vec![36, 46, 52];
    match mode {
        Mode::ThirtyTwoBit => {
            facts.extend([Facts::PSE, Facts::HAS_PSE_36, Facts::HAS_PAT, Facts::SMEP]);
            sizes = vec![32, 36, 39, 40, 52];
        }
        Mode::Pae => facts.extend([Facts::PSE, Facts::HAS_PAT, Facts::SMEP]),
        _ => facts.extend([Facts::HAS_1_GBYTE, Facts::SMEP]),
    }
    widths(&product(plain(mode), &facts), &sizes)
}

/// An entry at every level that is good, or not present, or has reserved or ignored bits set.
fn bad_entries(mode: Mode, page: usize) -> Family {
    let of_level = |level: usize| {
        let all = if mode == Mode::ThirtyTwoBit {
            0xffff_ffff
        } else {
            u64::MAX
        };
        // Not present; the same with all other bits set; each kind of reserved bit; ignored.
        let mut states = vec![0, PRESENT, all & !PRESENT | PRESENT, PAGE_SIZE, GLOBAL];
        if mode == Mode::ThirtyTwoBit {
            states.extend([1 << 12, 1 << 13, 1 << 20, 1 << 21, 1 << 9]);
            states.retain(|bits| level == page || bits >> 12 == 0 || *bits == all);
        } else if (mode, level) == (Mode::Pae, 3) {
            // Registers with reserved bits are not let in.
            states = vec![0, PRESENT, all, 1 << 3, 1 << 4, 1 << 9];
        } else {
            states.extend([1 << 51, EXECUTE_DISABLE, 1 << 52]);
            if level == page {
                states.extend([1 << 12, 1 << 13, 1 << 20, 1 << 29, 1 << 36]);
            }
        }
        // 5-level paging has the most levels, and the same entries.
        if mode == Mode::FiveLevel && level != 5 {
            states.retain(|bits| ![GLOBAL, 1 << 52, 1 << 29].contains(bits));
        }
        states
    };
    let levels: Vec<usize> = (page..=mode.top()).collect();
    let paths = states(&open_path(mode, page), &levels, of_level);
    let settings = reserving(mode);
    let name = format!("bad entries on the way to a level-{page} page in {mode:?}");
    Family::new(name, settings, paths, few_accesses)
}

/// Every one and every two bits of all entries the other way round; but of the bits of a
/// table's address that the processor has only the first and the last.
fn flipped(mode: Mode, page: usize, width: u32) -> Family {
    let bits = if mode == Mode::ThirtyTwoBit { 32 } else { 64 };
    let mut switches = Vec::new();
    for level in page..=mode.top() {
        for bit in 0..bits {
            let has_address = (13..width - 1).contains(&bit);
            // PDPTE registers with a reserved bit set are not let in.
            let refused = [1, 2, 5, 6, 7, 8].contains(&bit) || bit >= width;
            let skipped = match (mode, level) {
                (Mode::Pae, 3) => has_address || refused,
                _ => level != page && has_address,
            };
            if !skipped {
                switches.push(one(level, 1 << bit));
            }
        }
    }
    let of_width = |setting: &Setting| setting.width == width;
    let mut settings: Vec<Setting> = reserving(mode).into_iter().filter(of_width).collect();
    if mode == Mode::FiveLevel {
        settings.retain(|setting| setting.facts.contains(Facts::SMEP));
    }
    let name = format!("flipped bits on the way to a level-{page} page in {mode:?}, {width} bits");
    let paths = pairs(&open_path(mode, page), &switches);
    Family::new(name, settings, paths, few_accesses)
}

/// Accessed and dirty flags in every state, with what may keep them from being set.
fn accessed_dirty(mode: Mode, page: usize) -> Family {
    let mut setting = plain(mode);
    if mode == Mode::ThirtyTwoBit {
        setting.facts |= Facts::PSE;
    }
    let facts = [Facts::WP, Facts::CET, Facts::PGE, Facts::EAGER];
    let mut switches: Vec<Switch> = Vec::new();
    for level in levels(mode, page) {
        switches.push(one(level, ACCESSED));
    }
    switches.push(
        levels(mode, page + 1)
            .iter()
            .map(|&at| (at, DIRTY))
            .collect(),
    );
    switches.push(
        levels(mode, page + 1)
            .iter()
            .map(|&at| (at, GLOBAL))
            .collect(),
    );
    for bits in [DIRTY, GLOBAL, WRITABLE, USER, PRESENT] {
        switches.push(one(page, bits));
    }
    switches.retain(|switch| !switch.is_empty());
    let name = format!("accessed and dirty of a level-{page} page in {mode:?}");
    let paths = switched(&open_path(mode, page), &switches);
    Family::new(name, product(setting, &facts), paths, all_accesses)
}

/// Addresses at the ends of what is canonical, and LASS.
fn halves(mode: Mode) -> Family {
    let facts = [
        Facts::LASS,
        Facts::SMAP,
        Facts::AC,
        Facts::SMEP,
        Facts::WP,
        Facts::CET,
    ];
    let mut addresses = vec![0, 0x9a35_e4d8, u64::MAX - 7];
    for bit in [31, 32, 46, 47, 48, 55, 56, 57, 62, 63] {
        addresses.extend([1 << bit, (1 << bit) - 8, u64::MAX << bit, !(1 << bit)]);
    }
    addresses.sort_unstable();
    addresses.dedup();
    let switches = [one(1, USER), one(1, WRITABLE), one(1, DIRTY)];
    let mut family = Family::new(
        format!("halves of the address space in {mode:?}"),
        product(plain(mode), &facts),
        switched(&open_path(mode, 1), &switches),
        all_accesses,
    );
    family.addresses = addresses;
    family
}

/// No paging: every register may say what it likes.
fn no_paging() -> Family {
    let facts = [
        Facts::WP,
        Facts::PSE,
        Facts::PAE,
        Facts::PGE,
        Facts::NXE,
        Facts::SMEP,
        Facts::SMAP,
        Facts::AC,
        Facts::CET,
        FOREIGN,
    ];
    let mut setting = plain(Mode::Off);
    (setting.pkru, setting.pkrs) = (u32::MAX, u32::MAX);
    let paths = vec![[0; 5]];
    let mut family = Family::new("no paging", product(setting, &facts), paths, all_accesses);
    family.addresses = (0..32).map(|bit| 1 << bit).collect();
    family.addresses.extend([0, 0xffff_ffff, 0x1_2345_6789]);
    family
}

fn families() -> Vec<Family> {
    let mut families = vec![no_paging()];
    for mode in PAGED {
        families.push(halves(mode));
        for &page in page_levels(mode) {
            families.push(rights(mode, page));
            families.push(bad_entries(mode, page));
            families.push(accessed_dirty(mode, page));
            let sizes: BTreeSet<u32> = reserving(mode).iter().map(|at| at.width).collect();
            families.extend(sizes.into_iter().map(|width| flipped(mode, page, width)));
            if is_ia32e(mode) {
                families.extend([0, 5, 15].map(|key| keys(mode, page, key)));
            }
        }
    }
    families
}

/// The four PDPTEs of PAE paging are loaded if no present one has a reserved bit set; else the
/// load is refused and nothing changes (4.4.1).
#[test]
fn pdpte_registers_are_loaded_as_the_rules_say() {
    let settings = widths(&product(plain(Mode::Pae), &[Facts::NXE]), &[36, 46, 52]);
    let (mut loads, mut refusals) = (0, 0);
    for setting in settings {
        let case = setting.case(0, &[0; 5], (AccessKind::Read, PrivilegeMode::User));
        let switches: Vec<Switch> = (0..64).map(|bit| one(1, 1 << bit)).collect();
        for path in pairs(&[PRESENT, 0, 0, 0, 0], &switches) {
            for at in 0..4 {
                let mut pdptes = [PRESENT, 0x1000, u64::MAX - 1, 0x5000 | PRESENT];
                pdptes[at] = path[0];
                let before = setting.registers(0, PRESENT);
                let mut registers = before;
                registers.cr3 = 0x20;
                let [a, b, c, d] = pdptes;
                let memory = [0, 0, 0, 0, a, b, c, d].map(AtomicU64::new);
                let loaded = registers.load_pdptes(&memory[..], setting.features());
                assert_eq!(loaded.is_ok(), case.would_load(pdptes), "{pdptes:x?}");
                let expected = if loaded.is_ok() {
                    loads += 1;
                    pdptes.map(Entry::from_bits_retain)
                } else {
                    refusals += 1;
                    before.pdptes
                };
                assert_eq!(registers.pdptes, expected);
            }
        }
    }
    assert!(loads > 1000 && refusals > 1000, "{loads}, {refusals}");
}

#[test]
fn every_access_is_as_the_rules_say() {
    let start = Instant::now();
    let families = families();
    families.iter().for_each(Family::assert_distinct);
    let jobs: Vec<(usize, &Setting)> = families
        .iter()
        .enumerate()
        .flat_map(|(at, family)| family.settings.iter().map(move |setting| (at, setting)))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut compared = vec![0; families.len()];
        while let Some(&(at, setting)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            compared[at] += families[at].compare(setting);
        }
        compared
    };
    let compared: Vec<Vec<u64>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no case differs"))
            .collect()
    });
    for (at, family) in families.iter().enumerate() {
        let compared: u64 = compared.iter().map(|counts| counts[at]).sum();
        println!("{compared:>10} {}", family.name);
    }
    let compared: u64 = compared.iter().flatten().sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("{compared:>10} combinations in {seconds:.1} s");
    assert!(compared >= AT_LEAST);
}
