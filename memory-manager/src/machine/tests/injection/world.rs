//! Programs that do the same each time, on devices that fail, and what each page should be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{images::file, *},
    Plan, Trouble,
    device::{Device, Devices, Operation},
};
use crate::{
    Backing, DiskFault, Exception, FileAccess, IoOwner, PageFileSize, SectionAttributes,
    SectionHandle, SystemTask, ViewRequest, pte::PteState,
};

const FRAMES: u64 = 96;
/// Of a new page file.
const SLOTS: u64 = 8;
/// Of each process, of the section, and of the file.
const OWN_PAGES: u64 = 20;
const SHARED_PAGES: u64 = 12;
const FILE_PAGES: u64 = 17;
/// To each process: more than memory and a new page file hold, so that it has to grow.
const PROMISED: u64 = 50;

const OWN: u64 = 0x1000_0000;
const SHARED: u64 = 0x1010_0000;
const MAPPED: u64 = 0x1018_0000;

/// Whose a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Process(usize),
    Section,
    File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Page {
    owner: Owner,
    number: u64,
}

impl Page {
    fn address(self) -> u64 {
        let base = match self.owner {
            Owner::Process(_) => OWN,
            Owner::Section => SHARED,
            Owner::File => MAPPED,
        };
        base + self.number * PAGE
    }
}

/// What a call or an access is, as far as devices go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A touch of a page.
    Touch(Page),
    /// More memory is promised.
    Promise,
    /// Something is asked of a device.
    Device,
    /// Nobody is told of devices.
    Quiet,
}

/// What had happened before a call.
#[derive(Clone, Copy, Debug)]
struct Before {
    operations: usize,
    /// Of the mapped page writer, which tells nobody.
    failures: u64,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Calls and accesses that failed.
    pub(super) told: u32,
    /// Pages that came to be something else, of which nobody could be told.
    pub(super) harmed: usize,
    /// Pages that nobody can have any more, and that is told at each access.
    pub(super) lost: usize,
}

pub(super) struct World {
    bench: Bench,
    devices: Devices,
    page_file: Device,
    file: Device,
    plan: Option<Plan>,
    processes: Vec<ProcessId>,
    sections: Vec<SectionHandle>,
    shadow: BTreeMap<Page, Vec<u8>>,
    draw: Draw,
    told: u32,
    harmed: BTreeSet<u64>,
    lost: BTreeSet<Page>,
}

impl World {
    pub(super) fn new(plan: Option<Plan>) -> Self {
        let devices = Devices::default();
        let content = (0..FILE_PAGES).flat_map(|page| vec![page.to_le_bytes()[0] + 1; 0x1000]);
        let file = file(&content.collect::<Vec<_>>());
        let file = Device::new(IoOwner::MappedFile, &devices, file);
        let scratch = tempfile::tempfile().unwrap();
        let page_file = Device::new(IoOwner::PageFile, &devices, scratch);
        if let Some(plan) = &plan {
            plan.give(&devices.faults);
        }
        let mut world = Self {
            bench: Bench::with_ram(FRAMES * PAGE),
            devices,
            page_file,
            file,
            plan,
            processes: Vec::new(),
            sections: Vec::new(),
            shadow: BTreeMap::new(),
            draw: Draw(5),
            told: 0,
            harmed: BTreeSet::new(),
            lost: BTreeSet::new(),
        };
        let own = world.bench.process;
        world.bench.machine.terminate_process(own).unwrap();
        let disk = world.page_file.clone();
        let size = PageFileSize {
            minimum: SLOTS * PAGE,
            maximum: 96 * PAGE,
        };
        world.call(Kind::Device, |machine| {
            let added = machine.add_page_file(Box::new(disk.clone()), size);
            added.map(|_| ()).map_err(|error| error.status())
        });
        world
    }

    pub(super) fn devices(&self) -> &Devices {
        &self.devices
    }

    /// All that the programs do from their start to their end. The memory comes back, and the
    /// file has what was written to it.
    pub(super) fn pass(&mut self) {
        self.start();
        self.touch_all();
        self.page_out();
        for step in 0..90 {
            self.step(step);
        }
        self.end_process();
        for step in 0..30 {
            self.step(step);
        }
        self.end();
    }

    fn start(&mut self) {
        for who in 0..2 {
            let process = self.call(Kind::Promise, Machine::create_process);
            self.processes.push(process);
            let (base, size) = (Some(VirtAddr::new(OWN)), PROMISED * PAGE);
            self.call(Kind::Promise, |machine| {
                machine.virtual_alloc(process, base, size, BOTH, READWRITE)
            });
            for number in 0..OWN_PAGES {
                let owner = Owner::Process(who);
                self.shadow.insert(Page { owner, number }, vec![0; 0x1000]);
            }
        }
        let commit = SectionAttributes::COMMIT;
        let section = self.call(Kind::Promise, |machine| {
            machine.create_section(Backing::PageFile, READWRITE, commit, SHARED_PAGES * PAGE)
        });
        let file = self.file.clone();
        let mapped = self.call(Kind::Device, |machine| {
            let disk = Backing::Disk(Box::new(file.clone()), FileAccess::all());
            machine.create_section(disk, READWRITE, commit, 0)
        });
        self.sections = vec![section, mapped];
        for who in 0..2 {
            for (section, base) in [(section, SHARED), (mapped, MAPPED)] {
                let process = self.processes[who];
                let request = ViewRequest {
                    base: Some(VirtAddr::new(base)),
                    offset: 0,
                    size: 0,
                    commit: 0,
                    protection: READWRITE,
                };
                self.call(Kind::Promise, |machine| {
                    machine.map_view(process, section, &request)
                });
            }
        }
        for number in 0..SHARED_PAGES {
            let owner = Owner::Section;
            self.shadow.insert(Page { owner, number }, vec![0; 0x1000]);
        }
        let bytes = self.file.bytes();
        for (number, page) in (0..).zip(bytes.chunks_exact(0x1000)) {
            let owner = Owner::File;
            self.shadow.insert(Page { owner, number }, page.to_vec());
        }
    }

    /// Of the first pages every other one is written at the end, so that not all that are
    /// neighbours in memory are so in the page file.
    fn touch_all(&mut self) {
        let pages: Vec<_> = self.shadow.keys().copied().collect();
        let is_late = |page: &&Page| page.number < 8 && page.number % 2 == 1;
        for &page in pages.iter().filter(|page| !is_late(page)) {
            self.write(page, 1);
        }
        self.tick();
        for &page in pages.iter().filter(is_late) {
            self.write(page, 2);
        }
        self.page_out();
        // What is read in order is read with what follows it.
        for page in pages {
            self.read(page, 0);
        }
    }

    fn step(&mut self, step: u64) {
        let pages = self.shadow.len() as u64;
        let number = usize::try_from(self.draw.below(pages)).unwrap();
        let page = *self.shadow.keys().nth(number).unwrap();
        let who = usize::try_from(self.draw.below(2)).unwrap();
        match self.draw.below(20) {
            0 => self.flush(),
            1 => self.page_out(),
            2 => self.tick(),
            3..11 => self.write(page, step),
            _ => self.read(page, who),
        }
    }

    /// Who does something with a page: a process that is still there.
    fn who(&self, page: Page, who: usize) -> ProcessId {
        let who = match page.owner {
            Owner::Process(owner) => owner,
            Owner::Section | Owner::File => who.min(self.processes.len() - 1),
        };
        self.processes[who]
    }

    fn write(&mut self, page: Page, value: u64) {
        let offset = self.draw.below(0x1000 / 8) * 8;
        let process = self.who(page, usize::from(value.is_multiple_of(2)));
        let bytes = (value << 32 | offset).to_le_bytes();
        let at = VirtAddr::new(page.address() + offset);
        let done = self.touch(page, process, |machine| machine.write(process, at, &bytes));
        if done.is_some() {
            let offset = usize::try_from(offset).unwrap();
            let shadow = self.shadow.get_mut(&page).unwrap();
            shadow[offset..offset + 8].copy_from_slice(&bytes);
        }
    }

    fn read(&mut self, page: Page, who: usize) {
        let process = self.who(page, who);
        let at = VirtAddr::new(page.address());
        let mut found = vec![0; 0x1000];
        let done = self.touch(page, process, |machine| {
            machine.read(process, at, &mut found)
        });
        if done.is_some() {
            self.compare(page, found);
        }
    }

    /// What nobody can be told of is what the disk says from then on.
    fn compare(&mut self, page: Page, found: Vec<u8>) {
        if found != self.shadow[&page] {
            let harmed = self.harmed_pages();
            assert!(
                page.owner == Owner::File && harmed.contains(&page.number),
                "{page:?} is something else: {:?}",
                self.plan
            );
            self.harmed.insert(page.number);
            self.shadow.insert(page, found);
        }
    }

    /// The pages of the file that what went wrong without a word was of.
    fn harmed_pages(&self) -> BTreeSet<u64> {
        let Some(plan) = &self.plan else {
            return BTreeSet::new();
        };
        let Some((IoOwner::MappedFile, operation)) = self.devices.operation(plan.operation) else {
            return BTreeSet::new();
        };
        let (Operation::Read(bytes) | Operation::Write(bytes)) = operation else {
            return BTreeSet::new();
        };
        let middle = bytes.start.midpoint(bytes.end);
        let harmed = match plan.trouble {
            Trouble::Once(DiskFault::FlippedBit) => middle..middle + 1,
            Trouble::Once(DiskFault::TornSilently) => middle..bytes.end,
            _ => 0..0,
        };
        (harmed.start / PAGE..harmed.end.div_ceil(PAGE)).collect()
    }

    /// Whether a page is in a slot of the page file that does not hold what was written to it.
    fn is_lost(&self, page: Page, process: ProcessId) -> bool {
        let (space, kernel) = self.bench.machine.space_ref(process).unwrap();
        let address = page.address();
        let pte = match page.owner {
            Owner::Process(_) => space.entry(&kernel.physical, address).unwrap(),
            Owner::Section | Owner::File => {
                let vad = space.vads.find(address).unwrap();
                let (segment, index) = vad.view_index(address).unwrap();
                let segment = kernel.segment(segment).unwrap();
                segment.prototype(&kernel.physical, index).unwrap()
            }
        };
        match pte.state() {
            PteState::PageFile(slot, _) => {
                self.page_file.is_damaged(u64::from(slot.slot.get()) - 1)
            }
            _ => false,
        }
    }

    /// An access to a page that there is; nothing if it can never be had again.
    fn touch(
        &mut self,
        page: Page,
        process: ProcessId,
        mut access: impl FnMut(&mut Machine) -> Result<(), Exception>,
    ) -> Option<()> {
        let was_lost = self.is_lost(page, process);
        let mut told = |machine: &mut Machine| {
            access(machine).map_err(|raised| {
                assert_eq!(raised.address & !0xfff, page.address());
                match (raised.code, raised.reason) {
                    (Status::InPageError, Some(reason)) => reason,
                    (code, None) => code,
                    other => panic!("{other:?}"),
                }
            })
        };
        if !was_lost {
            let before = self.before();
            match told(&mut self.bench.machine) {
                Err(Status::CrcError) if self.is_lost(page, process) => {}
                done => {
                    self.settle(Kind::Touch(page), before, done, told);
                    return Some(());
                }
            }
        }
        // It is not what was written, and that is told each time.
        for _ in 0..2 {
            assert_eq!(told(&mut self.bench.machine), Err(Status::CrcError));
        }
        self.give_up(page);
        None
    }

    /// A process can have its page anew.
    fn give_up(&mut self, page: Page) {
        self.lost.insert(page);
        if let Owner::Process(owner) = page.owner {
            self.bench.process = self.processes[owner];
            self.bench.free(page.address(), PAGE, DECOMMIT).unwrap();
            self.bench
                .alloc(page.address(), PAGE, COMMIT, READWRITE)
                .unwrap();
            self.shadow.insert(page, vec![0; 0x1000]);
            self.read(page, owner);
        }
    }

    fn tick(&mut self) {
        self.call(Kind::Quiet, Machine::tick);
    }

    fn page_out(&mut self) {
        self.call(Kind::Quiet, Machine::page_out);
    }

    fn flush(&mut self) {
        let (process, base) = (self.processes[0], VirtAddr::new(MAPPED));
        self.call(Kind::Device, |machine| {
            machine.flush_view(process, base, 0).map(|_| ())
        });
    }

    /// A process ends, whether or not all could be stored.
    fn end_process(&mut self) {
        let process = self.processes.pop().unwrap();
        let gone = Owner::Process(self.processes.len());
        self.shadow.retain(|page, _| page.owner != gone);
        let mut is_there = true;
        self.call(Kind::Device, |machine| {
            if std::mem::take(&mut is_there) {
                machine.terminate_process(process)
            } else {
                machine.flush_files()
            }
        });
    }

    fn end(&mut self) {
        self.end_process();
        for section in std::mem::take(&mut self.sections) {
            self.call(Kind::Device, |machine| machine.close_section(section));
        }
        // Page files become shorter each minute.
        (0..60).for_each(|_| self.tick());
        let slots = self.bench.slots_used();
        let machine = &self.bench.machine;
        let left = (machine.frames_in_use(), machine.commit_charge(), slots);
        assert_eq!(left, (0, 0, 0), "{:?}", self.plan);
        assert!(self.plan.is_some() || machine.commit_limit() == FRAMES + SLOTS);
        let bytes = self.file.bytes();
        for (number, found) in (0..).zip(bytes.chunks_exact(0x1000)) {
            let owner = Owner::File;
            self.compare(Page { owner, number }, found.to_vec());
        }
        self.shadow.clear();
    }

    /// The devices do what they should again, and so does the manager.
    pub(super) fn recover(mut self) -> Outcome {
        let outcome = Outcome {
            told: self.told,
            harmed: self.harmed.len(),
            lost: self.lost.len(),
        };
        self.devices.faults.heal();
        self.plan = None;
        self.pass();
        assert_eq!(self.told, outcome.told);
        outcome
    }

    fn before(&self) -> Before {
        let writer = SystemTask::MappedPageWriter;
        Before {
            operations: self.devices.operations(),
            failures: self.bench.machine.task_counters(writer).failures,
        }
    }

    fn call<T>(
        &mut self,
        kind: Kind,
        mut call: impl FnMut(&mut Machine) -> Result<T, Status>,
    ) -> T {
        let before = self.before();
        let done = call(&mut self.bench.machine);
        self.settle(kind, before, done, call)
    }

    /// A call fails if, and as, it is documented to for what went wrong in it. Made again on
    /// devices that do what they should, it succeeds.
    fn settle<T>(
        &mut self,
        kind: Kind,
        before: Before,
        done: Result<T, Status>,
        mut again: impl FnMut(&mut Machine) -> Result<T, Status>,
    ) -> T {
        let Some(plan) = self.plan else {
            return done.unwrap();
        };
        let made = before.operations..self.devices.operations();
        let is_now = made.contains(&plan.operation);
        if is_now {
            self.bench.machine.verify_frames().unwrap();
        }
        let expected = self.expected(kind, plan, before).filter(|_| is_now);
        match done {
            Ok(done) => {
                assert!(plan.lasts() || expected.is_none(), "{plan:?}: {expected:?}");
                return done;
            }
            Err(status) if plan.lasts() => {
                let is_such = kind.lasting().contains(&status);
                assert!(is_such && made.end > plan.operation, "{plan:?}: {status}");
                self.bench.machine.verify_frames().unwrap();
                self.devices.faults.heal();
                self.plan = None;
            }
            Err(status) => assert_eq!(Some(status), expected, "{plan:?} {kind:?}"),
        }
        self.told += 1;
        again(&mut self.bench.machine).unwrap()
    }

    /// What is told of the operation that went wrong.
    fn expected(&self, kind: Kind, plan: Plan, before: Before) -> Option<Status> {
        let (owner, operation) = self.devices.operation(plan.operation)?;
        match (kind, operation) {
            (Kind::Touch(page), Operation::Read(bytes)) => {
                let last = (page.number + 1) * PAGE;
                plan.trouble.of_read(owner, &bytes, last)
            }
            (Kind::Promise, Operation::SetLength) => {
                plan.trouble.of_others().and(Some(Status::CommitmentLimit))
            }
            (Kind::Device, Operation::SetLength | Operation::Length) => plan.trouble.of_others(),
            (Kind::Device, Operation::Write(_)) if owner == IoOwner::MappedFile => {
                let after = self.before();
                let is_told = after.failures == before.failures;
                plan.trouble.of_write().filter(|_| is_told)
            }
            _ => None,
        }
    }
}

impl Kind {
    /// What can be told as long as devices fail.
    fn lasting(self) -> &'static [Status] {
        match self {
            Self::Touch(_) => &[
                Status::IoDeviceError,
                Status::EndOfFile,
                Status::FileInvalid,
                Status::NoMemory,
            ],
            Self::Promise => &[Status::CommitmentLimit, Status::NoMemory],
            Self::Device => &[Status::IoDeviceError, Status::DiskFull, Status::NoMemory],
            Self::Quiet => &[],
        }
    }
}
