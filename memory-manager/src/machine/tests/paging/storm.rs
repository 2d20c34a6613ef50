//! Random programs on several processors in little memory, with all that keeps pages in it or
//! drives them out, on page files that fail and recover.

use std::collections::{BTreeMap, VecDeque};

use mmu_core::{AccessKind, Fault, FunctionalMmu, PrivilegeMode, ProcessorId};
use proptest::prelude::*;

use super::*;
use crate::{FaultProgress, LockOperation, Mdl, MemoryPriority, PageWait, WorkingSetLimits};

const PROCESSORS: u32 = 4;
const PROCESSES: usize = 3;
/// Of each region.
const PAGES: u64 = 224;
/// Half of what the regions have together, and more than any limit leaves to others.
const FRAMES: u64 = 640;
/// As many as can be locked for devices at a time.
const LOCKED: usize = 4;
/// As many as wait for pages at a time.
const WAITS: usize = 24;

const OWN: u64 = 0x1000_0000;
const SHARED: u64 = 0x2000_0000;
const MAPPED: u64 = 0x3000_0000;

/// What is done, by one of the processes on one of the processors.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// So many pages are written from one on, or read.
    Write(u8),
    Read(u8),
    /// Pages are given back and committed anew.
    Renew(u8),
    Prefer(MemoryPriority),
    /// A minimum of so many pages, and a maximum of so many more.
    Limit(u8, u8, WorkingSetLimits),
    Empty,
    Lock(u8),
    Unlock(u8),
    LockForDevice(u8, LockOperation),
    UnlockForDevice,
    PageOut,
    Idle,
    /// A second passes.
    Tick,
    /// So many pages are read while others run.
    Begin(u8),
    /// Who has waited longest for a page goes on.
    GoOn,
    /// From now on one of the disks fails so, at each operation.
    Break(Disk, DiskFault),
    Heal,
}

#[derive(Clone, Copy, Debug)]
enum Disk {
    First,
    Second,
    OfTheFile,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    act: Act,
    who: usize,
    processor: u32,
    base: u64,
    page: u64,
}

/// What disks say; what they get wrong without a word is another test's.
const TOLD: [DiskFault; 5] = [
    DiskFault::Fails,
    DiskFault::Full,
    DiskFault::Short,
    DiskFault::Ends,
    DiskFault::Torn,
];

fn act() -> impl Strategy<Value = Act> {
    let priorities = vec![
        MemoryPriority::VeryLow,
        MemoryPriority::Medium,
        MemoryPriority::Normal,
    ];
    let locks = vec![
        LockOperation::Read,
        LockOperation::Write,
        LockOperation::Modify,
    ];
    let disks = vec![Disk::First, Disk::Second, Disk::OfTheFile];
    let fault = (
        proptest::sample::select(disks),
        proptest::sample::select(&TOLD[..]),
    );
    let limits = (20..60_u8, 0..40_u8, 0..16_u32);
    prop_oneof![
        16 => (1..48_u8).prop_map(Act::Write),
        8 => (1..48_u8).prop_map(Act::Read),
        1 => (1..16_u8).prop_map(Act::Renew),
        2 => proptest::sample::select(priorities).prop_map(Act::Prefer),
        3 => limits.prop_map(|(least, more, bits)| {
            Act::Limit(least, more, WorkingSetLimits::from_bits_retain(bits))
        }),
        1 => Just(Act::Empty),
        2 => (1..12_u8).prop_map(Act::Lock),
        1 => (1..12_u8).prop_map(Act::Unlock),
        2 => (1..12_u8, proptest::sample::select(locks))
            .prop_map(|(pages, operation)| Act::LockForDevice(pages, operation)),
        1 => Just(Act::UnlockForDevice),
        1 => Just(Act::PageOut),
        3 => (1..12_u8).prop_map(Act::Begin),
        3 => Just(Act::GoOn),
        1 => Just(Act::Idle),
        3 => Just(Act::Tick),
        1 => fault.prop_map(|(disk, fault)| Act::Break(disk, fault)),
        1 => Just(Act::Heal),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let base = proptest::sample::select(vec![OWN, OWN, SHARED, MAPPED]);
    let place = (0..PROCESSES, 0..PROCESSORS, base, 0..PAGES);
    (act(), place).prop_map(|(act, (who, processor, base, page))| Step {
        act,
        who,
        processor,
        base,
        page,
    })
}

struct Storm {
    bench: Bench,
    processes: Vec<ProcessId>,
    sections: [SectionHandle; 2],
    file: File,
    /// Of both page files, and of the mapped file.
    faults: [DiskFaults; 3],
    is_broken: bool,
    locked: Vec<Mdl>,
    /// Who waits for pages, and whether their disk may fail.
    waits: VecDeque<(PageWait, bool)>,
    /// The number that each page was written with last.
    shadow: BTreeMap<(usize, u64), u64>,
    written: u64,
}

impl Storm {
    fn new() -> Self {
        let mut bench = Bench::with_config(&MachineConfig {
            ram_bytes: FRAMES * PAGE,
            processors: PROCESSORS,
            ..MachineConfig::default()
        });
        let faults = [(); 3].map(|()| DiskFaults::default());
        for faults in &faults[..2] {
            let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), faults);
            let added = bench
                .machine
                .add_page_file(Box::new(disk), pages(2 * FRAMES));
            added.unwrap();
        }
        let file = file(&vec![0; usize::try_from(PAGES * PAGE).unwrap()]);
        let disk = FaultyDisk::new(file.try_clone().unwrap(), &faults[2]);
        let disk = Backing::Disk(Box::new(disk), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let mut create = |backing, size| {
            let machine = &mut bench.machine;
            machine
                .create_section(backing, READWRITE, commit, size)
                .unwrap()
        };
        let sections = [create(Backing::PageFile, PAGES * PAGE), create(disk, 0)];
        let mut processes = vec![bench.process];
        while processes.len() < PROCESSES {
            processes.push(bench.machine.create_process().unwrap());
        }
        for &process in &processes {
            bench.process = process;
            bench.alloc(OWN, PAGES * PAGE, BOTH, READWRITE).unwrap();
            bench.map(sections[0], SHARED, READWRITE).unwrap();
            bench.map(sections[1], MAPPED, READWRITE).unwrap();
        }
        Self {
            bench,
            processes,
            sections,
            file,
            faults,
            is_broken: false,
            locked: Vec::new(),
            waits: VecDeque::new(),
            shadow: BTreeMap::new(),
            written: 0,
        }
    }

    /// Whose page it is: a process's, the section's, or the file's.
    fn owner(who: usize, base: u64) -> usize {
        match base {
            SHARED => PROCESSES,
            MAPPED => PROCESSES + 1,
            _ => who,
        }
    }

    /// What went wrong is what disks are at, or were when a page began to be read, or what they
    /// keep from being written.
    fn expect<T>(&self, done: Result<T, Exception>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(raised) => {
                let told = [Status::InPageError, Status::NoMemory];
                let is_told = self.is_broken || self.waits.iter().any(|wait| wait.1);
                assert!(is_told && told.contains(&raised.code), "{raised:?}");
                None
            }
        }
    }

    fn make(&mut self, step: Step) {
        let Step { act, who, base, .. } = step;
        let process = self.processes[who];
        self.bench.process = process;
        let processor = ProcessorId::new(step.processor).unwrap();
        self.bench.machine.run_on(process, processor).unwrap();
        let range = |count: u8| step.page..PAGES.min(step.page + u64::from(count));
        let bytes = |count: u8| (range(count).end - step.page) * PAGE;
        let start = VirtAddr::new(base + step.page * PAGE);
        let machine = &mut self.bench.machine;
        match act {
            Act::Write(count) => range(count).for_each(|page| self.write(who, base, page)),
            Act::Read(count) => range(count).for_each(|page| self.read(who, base, page)),
            Act::Renew(count) => self.renew(who, range(count)),
            Act::Prefer(priority) => machine.set_memory_priority(process, priority).unwrap(),
            Act::Limit(least, more, limits) => {
                let size = WorkingSetSize {
                    minimum: u64::from(least) * PAGE,
                    maximum: (u64::from(least) + u64::from(more)) * PAGE,
                };
                // Refused if memory is too short for it.
                let _ = machine.set_working_set_size_ex(process, size, limits);
            }
            Act::Empty => machine.set_working_set_size(process, EMPTY).unwrap(),
            Act::Lock(count) => {
                // As many as the minimum lets.
                let _ = machine.virtual_lock(process, start, bytes(count));
            }
            Act::Unlock(count) => {
                let _ = machine.virtual_unlock(process, start, bytes(count));
            }
            Act::LockForDevice(count, operation) => {
                let locked = machine.probe_and_lock_pages(process, start, bytes(count), operation);
                self.locked.extend(self.expect(locked));
                if self.locked.len() > LOCKED {
                    self.unlock_for_device();
                }
            }
            Act::UnlockForDevice => self.unlock_for_device(),
            Act::PageOut => machine.page_out().unwrap(),
            Act::Begin(count) => range(count).for_each(|page| self.begin(process, base, page)),
            Act::GoOn => self.go_on(),
            Act::Idle => machine.idle(processor).unwrap(),
            Act::Tick => self.tick(),
            Act::Break(disk, fault) => {
                let faults = &self.faults[disk as usize];
                faults.fail_from(faults.operations(), fault);
                self.is_broken = true;
            }
            Act::Heal => self.heal(),
        }
    }

    fn write(&mut self, who: usize, base: u64, page: u64) {
        self.written += 1;
        let number = self.written;
        let mut bytes = [0; 0x1000];
        bytes
            .chunks_exact_mut(8)
            .for_each(|word| word.copy_from_slice(&number.to_le_bytes()));
        let at = VirtAddr::new(base + page * PAGE);
        let done = self.bench.machine.write(self.processes[who], at, &bytes);
        if self.expect(done).is_some() {
            self.shadow.insert((Self::owner(who, base), page), number);
        }
    }

    fn read(&mut self, who: usize, base: u64, page: u64) {
        let mut bytes = [0; 0x1000];
        let at = VirtAddr::new(base + page * PAGE);
        let done = self.bench.machine.read(self.processes[who], at, &mut bytes);
        if self.expect(done).is_some() {
            let number = self.shadow.get(&(Self::owner(who, base), page));
            let number = number.copied().unwrap_or(0).to_le_bytes();
            let is_such = bytes.chunks_exact(8).all(|word| word == number);
            assert!(is_such, "process {who} reads something else at {at}");
        }
    }

    /// Locked pages stay: their owners and devices see them.
    fn renew(&mut self, who: usize, range: std::ops::Range<u64>) {
        for page in range {
            let at = OWN + page * PAGE;
            if self.bench.free(at, PAGE, DECOMMIT).is_ok() {
                self.shadow.remove(&(who, page));
                self.bench.alloc(at, PAGE, COMMIT, READWRITE).unwrap();
            }
        }
    }

    fn unlock_for_device(&mut self) {
        if !self.locked.is_empty() {
            let mdl = self.locked.remove(0);
            self.bench.machine.unlock_pages(mdl).unwrap();
        }
    }

    /// A processor that remembers nothing faults on a page, and does not wait for the disk.
    fn begin(&mut self, process: ProcessId, base: u64, page: u64) {
        let machine = &mut self.bench.machine;
        let registers = machine.registers(process).unwrap();
        let mut mmu = FunctionalMmu::functional(machine.features, registers).unwrap();
        let at = VirtAddr::new(base + page * PAGE);
        let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
        let Err(Fault::Page(fault)) = mmu.translate(machine.ram(), at, kind, mode) else {
            return;
        };
        let begun = machine.begin_service(process, &fault);
        if let Some(FaultProgress::Waits(wait)) = self.expect(begun) {
            self.waits.push_back((wait, self.is_broken));
        }
        if self.waits.len() > WAITS {
            self.go_on();
        }
    }

    fn go_on(&mut self) {
        if let Some((wait, was_broken)) = self.waits.pop_front() {
            let ended = self.bench.machine.end_service(wait);
            let is_broken = self.is_broken;
            self.is_broken |= was_broken;
            self.expect(ended);
            self.is_broken = is_broken;
        }
    }

    fn heal(&mut self) {
        self.faults.iter().for_each(DiskFaults::heal);
        self.is_broken = false;
    }

    /// A second passes; then everything is looked at.
    fn tick(&mut self) {
        self.bench.machine.tick().unwrap();
        invariants::check(&self.bench.machine);
        for &process in &self.processes {
            for base in [OWN, SHARED, MAPPED] {
                let end = base + PAGES * PAGE;
                invariants::check_translations(&self.bench.machine, process, base, end);
            }
        }
        for who in 0..PROCESSES {
            for base in [OWN, SHARED, MAPPED] {
                (0..PAGES).for_each(|page| self.read(who, base, page));
            }
        }
        invariants::check(&self.bench.machine);
    }

    /// Everything ends, and the file holds what was written to it.
    fn end(mut self) {
        self.heal();
        while !self.waits.is_empty() {
            self.go_on();
        }
        assert_eq!(self.bench.machine.pages_in_flight(), 0);
        while !self.locked.is_empty() {
            self.unlock_for_device();
        }
        self.tick();
        for &process in &self.processes {
            self.bench.machine.terminate_process(process).unwrap();
        }
        for section in self.sections {
            self.bench.machine.close_section(section).unwrap();
        }
        assert_eq!(
            (self.bench.slots_used(), self.bench.machine.frames_in_use()),
            (0, 0)
        );
        for page in 0..PAGES {
            let mut found = [0; 0x1000];
            crate::section::mapped_file::read(&self.file, page * PAGE, &mut found).unwrap();
            let number = self
                .shadow
                .get(&(PROCESSES + 1, page))
                .copied()
                .unwrap_or(0);
            let number = number.to_le_bytes();
            assert!(
                found.chunks_exact(8).all(|word| word == number),
                "page {page} of the file"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    /// Whatever keeps pages in memory, drives them out and breaks: each page holds what was
    /// written to it, and the books are in order each second.
    #[test]
    fn whatever_keeps_and_drives_out_pages_they_hold_what_was_written(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut storm = Storm::new();
        for step in steps {
            storm.make(step);
        }
        storm.end();
    }
}
