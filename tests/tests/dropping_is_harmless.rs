//! A processor may drop whatever it has cached, at any time (SDM vol. 3, 4.10.2.3): software
//! that invalidates as 4.10.4.2 asks it to cannot tell.
//!
//! One program runs on MMUs of several kinds, each with a memory of its own. They must agree
//! on every access (address, size, key and G, or the fault: error code, CR2, cause and the
//! entry) and, after every instruction, on every entry but for this: once software has
//! cleared A or D of an entry and dropped nothing, that bit of the entry is open, until the
//! entry is stored again (4.8). What a cached translation remembers of rights may be less
//! than the tables grant by then, and is not compared.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use mmu_core::{
    AccessKind, AccessedOnFault, AlignmentCheck, CpuFeatures, Cr4, Entry, ErrorCode, Fault,
    FunctionalMmu, Invalidation, KeyRights, Mmu, Msr, NoObserver, Observer, PageSize, Pcid,
    PhysAddr, PrivilegeMode, Registers, Scope, TimedMmu, Translated, TranslationCache, VirtAddr,
    WalkCost,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use tests::{
    processor,
    software::{
        Content, FRAMES, Keep, LeadsTo, Method, Op, Place, SPACES, Software, Step, Which, all_pages,
    },
};
use tlb::Cacheable;

/// What all must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Reaches {
        address: PhysAddr,
        size: PageSize,
        key: u8,
        global: bool,
    },
    PageFault {
        address: VirtAddr,
        error_code: ErrorCode,
        entry_address: PhysAddr,
    },
    Other(Fault),
}

impl From<Result<Translated, Fault>> for Outcome {
    fn from(result: Result<Translated, Fault>) -> Self {
        match result {
            Ok(Translated {
                address,
                translation,
            }) => Self::Reaches {
                address,
                size: translation.size(),
                key: translation.key(),
                global: translation.is_global(),
            },
            Err(Fault::Page(fault)) => Self::PageFault {
                address: fault.address,
                error_code: fault.error_code,
                entry_address: fault.entry_address,
            },
            Err(fault) => Self::Other(fault),
        }
    }
}

/// Who drops what is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drops {
    Never,
    AtRandom,
    BeforeEveryAccess,
}

/// A processor and its memory.
trait World {
    fn run(&mut self, op: Op) -> Option<Outcome>;
    /// At a random moment.
    fn may_drop(&mut self, scope: Scope);
    fn memory(&self) -> &[AtomicU64];
}

struct Processor<T, C: WalkCost, O> {
    mmu: Mmu<T, C, O>,
    memory: Vec<AtomicU64>,
    drops: Drops,
}

impl<T: TranslationCache, C: WalkCost, O: Observer> Processor<T, C, O> {
    fn new(mmu: Mmu<T, C, O>, drops: Drops) -> Box<Self> {
        let words = (0..FRAMES << 9).map(|_| AtomicU64::new(0));
        let world = Self {
            mmu,
            memory: words.collect(),
            drops,
        };
        for (at, entry) in Software::first_stores() {
            world.word(at).store(entry, Ordering::Relaxed);
        }
        Box::new(world)
    }

    fn word(&self, at: u64) -> &AtomicU64 {
        &self.memory[usize::try_from(at / 8).unwrap()]
    }

    fn access(&mut self, address: VirtAddr, kind: AccessKind, mode: PrivilegeMode) -> Outcome {
        if self.drops == Drops::BeforeEveryAccess {
            let _ = self.mmu.drop_cached(Scope::All);
        }
        let result = self.mmu.translate(&self.memory[..], address, kind, mode);
        result.into()
    }
}

impl<T: TranslationCache, C: WalkCost, O: Observer> World for Processor<T, C, O> {
    fn run(&mut self, op: Op) -> Option<Outcome> {
        let (mmu, memory) = (&mut self.mmu, &self.memory[..]);
        let _ = match op {
            Op::Access(address, kind, mode) => return Some(self.access(address, kind, mode)),
            Op::Store(at, value) => {
                self.word(at).store(value, Ordering::Relaxed);
                return None;
            }
            Op::Change { at, set, clear } => {
                self.word(at).fetch_or(set, Ordering::Relaxed);
                self.word(at).fetch_and(!clear, Ordering::Relaxed);
                return None;
            }
            Op::AlignmentCheck => {
                mmu.set_alignment_check(match mmu.registers().alignment_check {
                    AlignmentCheck::Clear => AlignmentCheck::Set,
                    AlignmentCheck::Set => AlignmentCheck::Clear,
                });
                return None;
            }
            Op::Pkru(value) => {
                mmu.write_pkru(KeyRights::from_bits(value));
                return None;
            }
            Op::Invlpg(address) => mmu.invalidate(Invalidation::Invlpg(address)),
            Op::Invpcid(operation, descriptor) => mmu.invalidate(Invalidation::Invpcid {
                operation,
                descriptor,
            }),
            Op::Cr0(value) => mmu.write_cr0(memory, value),
            Op::Cr3(value) => mmu.write_cr3(memory, value),
            Op::Cr4(value) => mmu.write_cr4(memory, value),
            Op::Pkrs(value) => mmu.write_msr(Msr::Pkrs, value.into()),
        }
        .expect("no #GP");
        None
    }

    fn may_drop(&mut self, scope: Scope) {
        if self.drops == Drops::AtRandom {
            let _ = self.mmu.drop_cached(scope);
        }
    }

    fn memory(&self) -> &[AtomicU64] {
        &self.memory
    }
}

#[derive(Clone, Copy, Debug)]
struct Start {
    pcids: Cr4,
    accessed: AccessedOnFault,
}

/// The first one has nothing cached, ever: what it says is what the tables say.
fn worlds(registers: Registers, features: CpuFeatures) -> Vec<Box<dyn World>> {
    let functional = |drops| {
        let mmu = FunctionalMmu::functional(features, registers).unwrap();
        Processor::new(mmu, drops) as Box<dyn World>
    };
    let timed = |drops| {
        let config = processor::small();
        let mmu = TimedMmu::timed(features, registers, &config, NoObserver).unwrap();
        Processor::new(mmu, drops) as Box<dyn World>
    };
    vec![
        functional(Drops::BeforeEveryAccess),
        functional(Drops::Never),
        functional(Drops::AtRandom),
        timed(Drops::Never),
        timed(Drops::AtRandom),
        timed(Drops::BeforeEveryAccess),
    ]
}

/// A step, and what is dropped before it where things are dropped at random.
type Moment = (Step, Option<Scope>);

/// Runs a program everywhere. The error says where two differ.
fn run(start: Start, program: &[Moment], skips: fn(Op) -> bool) -> Result<Counts, String> {
    let mut registers = Registers::four_level(PhysAddr::new(Software::first_cr3()));
    registers.cr4 |= start.pcids;
    let features = CpuFeatures::default().with_accessed_on_fault(start.accessed);
    let mut worlds = worlds(registers, features);
    let mut software = Software::new(registers.cr0, registers.cr4);
    let mut open = Open::default();
    let mut counts = Counts::default();
    for (number, &(step, scope)) in program.iter().enumerate() {
        if let Some(scope) = scope {
            for world in &mut worlds {
                world.may_drop(scope);
            }
        }
        for op in software.run(step).into_iter().filter(|op| !skips(*op)) {
            open.note(op);
            let outcomes: Vec<_> = worlds.iter_mut().map(|world| world.run(op)).collect();
            if outcomes.iter().any(|outcome| *outcome != outcomes[0]) {
                return Err(format!("step {number}, {op:x?}: {outcomes:#x?}"));
            }
            counts.note(outcomes[0]);
        }
        if let Some(differs) = open.differing(&worlds) {
            return Err(format!("step {number}, {step:x?}: {differs}"));
        }
    }
    Ok(counts)
}

/// The bits of entries that the architecture leaves open by now.
#[derive(Default)]
struct Open(HashMap<u64, u64>);

impl Open {
    fn note(&mut self, op: Op) {
        match op {
            Op::Store(at, _) => {
                self.0.remove(&at);
            }
            Op::Change { at, clear, .. } => {
                let flags = Entry::ACCESSED | Entry::DIRTY;
                *self.0.entry(at).or_default() |= clear & flags.bits();
            }
            _ => {}
        }
    }

    fn differing(&self, worlds: &[Box<dyn World>]) -> Option<String> {
        Place::all().into_iter().find_map(|place| {
            let at = place.at();
            let index = usize::try_from(at / 8).unwrap();
            let open = self.0.get(&at).copied().unwrap_or(0);
            let entry = |world: &dyn World| world.memory()[index].load(Ordering::Relaxed);
            let entries: Vec<_> = worlds.iter().map(|world| entry(&**world)).collect();
            let differs = entries
                .iter()
                .any(|entry| (entry ^ entries[0]) & !open != 0);
            differs.then(|| format!("{place:?} at {at:#x}: {entries:#x?}"))
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    reached: u32,
    large: u32,
    global: u32,
    faults: u32,
}

impl Counts {
    fn note(&mut self, outcome: Option<Outcome>) {
        match outcome {
            Some(Outcome::Reaches { size, global, .. }) => {
                self.reached += 1;
                self.large += u32::from(size != PageSize::Size4KiB);
                self.global += u32::from(global);
            }
            Some(_) => self.faults += 1,
            None => {}
        }
    }
}

fn page() -> impl Strategy<Value = VirtAddr> {
    let offset = prop::sample::select(&[0_u64, 8, 0xff8][..]);
    (prop::sample::select(all_pages()), offset).prop_map(|(page, offset)| page.wrapping_add(offset))
}

fn content() -> impl Strategy<Value = Content> {
    let leads_to = prop_oneof![
        6 => Just(LeadsTo::Next),
        2 => Just(LeadsTo::LargePage),
        1 => Just(LeadsTo::Nothing),
    ];
    // Most entries permit most.
    let flag = |flag: Entry, weight| {
        prop::bool::weighted(weight).prop_map(move |set| if set { flag } else { Entry::empty() })
    };
    let flags = [
        flag(Entry::WRITABLE, 0.7),
        flag(Entry::USER, 0.7),
        flag(Entry::NO_EXECUTE, 0.2),
        flag(Entry::ACCESSED, 0.4),
        flag(Entry::DIRTY, 0.3),
        flag(Entry::GLOBAL, 0.5),
    ];
    let flags =
        flags.prop_map(|flags| flags.into_iter().fold(Entry::empty(), |all, one| all | one));
    let key = prop_oneof![3 => Just(0), 1 => 0..4_u64];
    (leads_to, flags, 0..0x10_0000_u64, key).prop_map(|(leads_to, flags, target, key)| Content {
        leads_to,
        flags,
        target,
        key,
    })
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(
        &[
            Method::EveryPage,
            Method::EveryPage,
            Method::EveryPage,
            Method::IfNeeded,
            Method::IfNeeded,
            Method::Pcid,
            Method::NonGlobal,
            Method::All,
            Method::PageGlobalEnable,
            Method::Later,
            Method::Later,
        ][..],
    )
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(
        &[
            AccessKind::Read,
            AccessKind::Write,
            AccessKind::ReadModifyWrite,
            AccessKind::Fetch,
        ][..],
    );
    let mode = prop::sample::select(&PrivilegeMode::ALL[..]);
    let places = || 0..Place::all().len();
    // Half of them far from the page: there what is cached reaches far.
    let is_above = |place: &usize| !matches!(Place::all()[*place].entry, Which::Pte(..));
    let above: Vec<usize> = places().filter(is_above).collect();
    let place = || prop_oneof![places(), prop::sample::select(above.clone())];
    let one = prop::sample::select(&[Entry::WRITABLE, Entry::NO_EXECUTE][..]);
    let flag = prop::sample::select(&[Entry::ACCESSED, Entry::DIRTY][..]);
    let keep = prop::sample::select(&[Keep::IfItCan, Keep::IfItCan, Keep::No][..]);
    let cr4 = [
        Cr4::PAGE_GLOBAL_ENABLE,
        Cr4::SMEP,
        Cr4::SMAP,
        Cr4::PROTECTION_KEYS,
        Cr4::SUPERVISOR_PROTECTION_KEYS,
    ];
    let space = || 0..SPACES;
    prop_oneof![
        30 => (page(), kind, mode).prop_map(|(page, kind, mode)| Step::Access(page, kind, mode)),
        12 => (place(), content(), method())
            .prop_map(|(place, content, method)| Step::Store(place, content, method)),
        4 => (place(), one).prop_map(|(place, flag)| Step::Grant(place, flag)),
        1 => (place(), flag).prop_map(|(place, flag)| Step::ClearFlag(place, flag)),
        5 => (space(), keep).prop_map(|(space, keep)| Step::Switch(space, keep)),
        1 => (space(), space()).prop_map(|(one, other)| Step::ExchangePcids(one, other)),
        1 => prop::sample::select(cr4.to_vec()).prop_map(Step::Cr4),
        1 => Just(Step::WriteProtect),
        1 => Just(Step::AlignmentCheck),
        1 => any::<u8>().prop_map(|value| Step::Pkru(value.into())),
        1 => any::<u8>().prop_map(|value| Step::Pkrs(value.into())),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    let pcid = || {
        let pcids = prop::sample::select(&[0_u16, 7, 0xfff][..]);
        pcids.prop_map(|pcid| Pcid::new(pcid).unwrap())
    };
    prop_oneof![
        (page(), pcid()).prop_map(|(address, pcid)| Scope::Page { address, pcid }),
        (page(), pcid()).prop_map(|(address, pcid)| Scope::PageOfPcid { address, pcid }),
        pcid().prop_map(Scope::Pcid),
        pcid().prop_map(Scope::PcidAndGlobal),
        Just(Scope::NonGlobal),
        Just(Scope::All),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    let pcids = prop::sample::select(vec![Cr4::PCID_ENABLE, Cr4::PCID_ENABLE, Cr4::empty()]);
    let accessed = [AccessedOnFault::TablesUsed, AccessedOnFault::Never];
    (pcids, prop::sample::select(accessed.to_vec()))
        .prop_map(|(pcids, accessed)| Start { pcids, accessed })
}

fn program() -> impl Strategy<Value = Vec<Moment>> {
    let moment = (step(), prop::option::weighted(0.3, scope()));
    prop::collection::vec(moment, 1..500)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn software_that_invalidates_cannot_tell_what_is_cached(
        start in start(),
        program in program(),
    ) {
        if let Err(differs) = run(start, &program, |_| false) {
            prop_assert!(false, "{}", differs);
        }
    }
}

/// The programs do something, and one that forgets to invalidate is found out.
#[test]
fn the_programs_would_notice_a_stale_translation() {
    let forgets = |op| matches!(op, Op::Invlpg(_) | Op::Invpcid(..));
    let mut runner = TestRunner::deterministic();
    let strategy = (start(), program());
    let (mut noticed, mut sum) = (0, Counts::default());
    for _ in 0..100 {
        let (start, program) = strategy.new_tree(&mut runner).unwrap().current();
        noticed += u32::from(run(start, &program, forgets).is_err());
        let counts = run(start, &program, |_| false).unwrap();
        sum.reached += counts.reached;
        sum.large += counts.large;
        sum.global += counts.global;
        sum.faults += counts.faults;
    }
    assert!(noticed > 50, "{noticed} of 100");
    let sums = [sum.reached, sum.large, sum.global, sum.faults];
    assert!(sums.iter().all(|&sum| sum > 200), "{sum:?}");
}
