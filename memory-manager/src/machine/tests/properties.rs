use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::File,
    io::{Read, Seek},
};

use proptest::prelude::*;

mod accesses;
mod calls;
mod contents;
mod mdls;
mod page_walks;
mod placeholders;
mod processors;
mod sections;
mod translations;
mod windows;

use self::{
    accesses::expected,
    calls::{Call, Step, call, few, of_contents, protection, step},
    contents::Contents,
    translations::Granted,
};
use super::{invariants::check_translations, pe::Pe, *};
use crate::{
    AddressLayout, AddressRequirements, Backing, DepFlags, FileAccess, LARGE_PAGE_MINIMUM, Mdl,
    MemoryKind, MemoryPriority, Privileges, SectionAccess, SectionAttributes, SectionHandle,
    SectionOpening, StackRequest, ThreadId, ViewRequest, WatchFlags, WorkingSetLimits,
    WorkingSetSize,
};

/// Pages that the calls are about.
const PAGES: u64 = 0x60;

/// The image among the sections.
const IMAGE: usize = 3;
/// The section of a file.
const FILE: usize = 4;
const SECTION_PROTECTIONS: [PageProtection; 3] =
    [READWRITE, WRITECOPY, PageProtection::EXECUTE_READWRITE];

/// The stacks of threads: small enough to overflow.
const STACK: StackRequest = StackRequest {
    reserve: 0x1_0000,
    commit: 0xa000,
};

/// A place in a list, by a number.
fn some<T>(all: &[T], number: u64) -> Option<usize> {
    let place = number.checked_rem(all.len() as u64)?;
    usize::try_from(place).ok()
}

/// Where a call is made: many of those that meet large pages are for those as a whole.
fn aimed(step: Step, region: Option<(u64, u64)>) -> (VirtAddr, u64) {
    let is_large = region.is_some_and(|(_, size)| size >= LARGE_PAGE_MINIMUM);
    if is_large && step.size % 2 == 1 {
        (VirtAddr::new(BASE), LARGE_PAGE_MINIMUM)
    } else {
        (VirtAddr::new(step.base), step.size)
    }
}

struct World {
    bench: Bench,
    processes: [ProcessId; 2],
    sections: Vec<SectionHandle>,
    threads: Vec<ThreadId>,
    /// Pages that are locked for a device.
    locked: Vec<Mdl>,
    /// Handles of sections with names.
    named: VecDeque<SectionHandle>,
    contents: Contents,
    /// What one of the sections is made of.
    file: File,
}

impl World {
    fn new(ram_bytes: u64) -> Self {
        Self::with_config(&MachineConfig {
            ram_bytes,
            ..MachineConfig::default()
        })
    }

    fn with_config(config: &MachineConfig) -> Self {
        let mut bench = Bench::with_config(config);
        bench.machine.record_invalidations();
        // May execute what it can read, until it chooses not to.
        let second = bench
            .machine
            .create_process_with(AddressLayout::TwoGiB)
            .unwrap();
        let processes = [bench.process, second];
        for process in processes {
            let privileges = Privileges::LOCK_MEMORY;
            bench.machine.set_privileges(process, privileges).unwrap();
        }
        let attributes = [SectionAttributes::COMMIT, SectionAttributes::RESERVE];
        let sections = SECTION_PROTECTIONS
            .into_iter()
            .zip(attributes.into_iter().cycle())
            .map(|(protection, attributes)| {
                let machine = &mut bench.machine;
                let backing = Backing::PageFile;
                machine.create_section(backing, protection, attributes, 0x1_4000)
            })
            .collect::<Result<Vec<_>, _>>();
        let mut sections = sections.unwrap();
        let image = Pe::sample(BASE + 0x2_0000).bytes();
        sections.push(bench.image(&images::file(&image)).unwrap());
        let file = images::file(&[7; 0x321].repeat(0x62));
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let section = bench.machine.create_section(backing, READWRITE, commit, 0);
        sections.push(section.unwrap());
        let mut world = Self {
            bench,
            processes,
            sections,
            threads: Vec::new(),
            locked: Vec::new(),
            named: VecDeque::new(),
            contents: Contents::default(),
            file,
        };
        world.know_sections();
        world
    }

    /// A machine with a page file.
    fn with_page_file(config: &MachineConfig) -> Self {
        let mut world = Self::with_config(config);
        let size = crate::PageFileSize {
            minimum: PAGE,
            maximum: 64 << 20,
        };
        let disk = Box::new(tempfile::tempfile().unwrap());
        world.bench.machine.add_page_file(disk, size).unwrap();
        world
    }

    /// As [`World::new`], but another process has all frames except so many, which are not
    /// charged: frames run out before commit does.
    fn with_few_frames(config: &MachineConfig, few: u64) -> Self {
        let mut world = Self::with_config(config);
        let machine = &mut world.bench.machine;
        let hog = machine.create_process().unwrap();
        machine
            .set_privileges(hog, Privileges::LOCK_MEMORY)
            .unwrap();
        let taken = config.ram_bytes / PAGE - machine.frames_in_use() - few;
        machine.allocate_user_physical_pages(hog, taken).unwrap();
        world
    }

    fn make(&mut self, step: Step) {
        let base = step.base;
        let process = self.processes[step.process];
        self.bench.process = process;
        let machine = &mut self.bench.machine;
        let processor = ProcessorId::new(step.processor % machine.processors()).unwrap();
        machine.run_on(process, processor).unwrap();
        let whole = self.bench.query(base).allocation_base.map(|start| {
            let space = &self.bench.machine.spaces[&process];
            let vad = space.vads.find(start.as_u64()).unwrap();
            (vad.start, vad.end - vad.start)
        });
        match step.call {
            Call::Idle => return self.bench.machine.idle(processor).unwrap(),
            Call::PageOut => return self.bench.machine.page_out().unwrap(),
            Call::Share => return self.share(step),
            Call::Grow => return self.grow(step.size, processor),
            Call::EndProcess => return self.end_process(step.process),
            Call::Read | Call::Write | Call::Execute => return self.access(step),
            Call::Lock => return self.lock(step),
            Call::Unlock => return self.unlock(step),
            Call::LockForDevice => return self.lock_for_device(step),
            Call::UnlockForDevice => return self.unlock_for_device(step.size),
            Call::WriteMemory => return self.write_memory(step),
            Call::ReadMemory => return self.read_memory(step),
            Call::Physical(what) => return self.physical(what, base),
            _ => {}
        }
        let (at, size) = aimed(step, whole);
        let before = self.seen();
        let machine = &mut self.bench.machine;
        let held = (machine.commit_charge(), machine.frames_in_use());
        let done = match step.call {
            Call::Alloc(kind, protection) => {
                let done = machine.virtual_alloc(process, Some(at), size, kind, protection);
                done.map(|range| self.contents.note_reset(process, kind, plain(range)))
            }
            Call::Large(protection) => {
                let kind = BOTH | AllocationType::LARGE_PAGES;
                let base = Some(VirtAddr::new(BASE));
                machine
                    .virtual_alloc(process, base, LARGE_PAGE_MINIMUM, kind, protection)
                    .map(|_| ())
            }
            Call::Free(kind) => machine.virtual_free(process, at, size, kind).map(|_| ()),
            Call::Protect(protection) => machine
                .virtual_protect(process, at, size, protection)
                .map(|_| ()),
            Call::Map(section, protection) => {
                let place = (section, size.min(0x8000));
                self.map_section(step, place, AllocationType::empty(), protection)
            }
            Call::Reserve(protection) => self.map_section(step, (FILE, size), RESERVE, protection),
            Call::Extend => machine
                .extend_section(self.sections[FILE], 0x1_0000 + size)
                .map(|_| ()),
            Call::Placeholder(call) => self.ask_of_placeholder(call, step),
            Call::Flush => {
                let flushed = machine.flush_view(process, at, size).map(plain);
                flushed.map(|range| self.check_flushed(range))
            }
            Call::Watch(flags) => machine
                .get_write_watch(process, at, size, flags, 3)
                .map(|_| ()),
            Call::Name(attributes) => self.name_section(base, size, attributes),
            Call::Close => match self.named.pop_front() {
                Some(section) => machine.close_section(section),
                None => Ok(()),
            },
            Call::Prevent(flags) => machine.set_process_dep(process, flags),
            Call::CreateThread => {
                let made = machine.create_thread(process, STACK);
                made.map(|thread| self.threads.push(thread))
            }
            Call::EndThread => self.end_thread(size),
            Call::Discard => {
                let (start, size) = (base & !0xfff, size & !0xfff);
                let done = machine.discard(process, VirtAddr::new(start), size);
                done.map(|()| self.forget_discarded(start, start + size))
            }
            Call::Prefetch => {
                machine.prefetch_virtual_memory(process, &[AddressRange { base: at, size }])
            }
            Call::Empty => machine.set_working_set_size(process, EMPTY),
            Call::Tick => machine.tick(),
            Call::Rest => (0..20).try_for_each(|_| machine.tick()),
            Call::Prefer(priority) => machine.set_memory_priority(process, priority),
            Call::Limit(flags) => machine.set_working_set_size_ex(process, few(size), flags),
            Call::ResetWatch => machine.reset_write_watch(process, at, size),
            _ => machine.unmap_view(process, at).map(|_| ()),
        };
        if done.is_err() {
            assert_eq!(
                self.seen(),
                before,
                "{step:x?} failed and changed something"
            );
            assert!(self.holds_no_more(held), "{step:x?} failed and took memory");
        }
    }

    /// Whether there is no more in use than the charge and the frames that were: what was had
    /// from others stays had.
    fn holds_no_more(&self, (charge, frames): (u64, u64)) -> bool {
        let machine = &self.bench.machine;
        machine.commit_charge() == charge && machine.frames_in_use() <= frames
    }

    fn end_thread(&mut self, which: u64) -> Result<(), Status> {
        match some(&self.threads, which) {
            Some(place) => {
                let thread = self.threads.swap_remove(place);
                self.bench.machine.terminate_thread(thread)
            }
            None => Ok(()),
        }
    }

    /// Another one comes for a process that ends. If the other's page tables are charged beyond
    /// the limit, there is no room for it as long as they are.
    fn end_process(&mut self, which: usize) {
        self.terminate(which);
        if self.create(which) == Err(Status::CommitmentLimit) {
            let other = 1 - which;
            self.terminate(other);
            self.create(other).unwrap();
            self.create(which).unwrap();
        }
    }

    fn terminate(&mut self, which: usize) {
        let process = self.processes[which];
        self.threads.retain(|thread| thread.process() != process);
        self.bench.machine.terminate_process(process).unwrap();
    }

    fn create(&mut self, which: usize) -> Result<(), Status> {
        let layout = [AddressLayout::default(), AddressLayout::TwoGiB][which];
        let machine = &mut self.bench.machine;
        let next = machine.create_process_with(layout)?;
        machine
            .set_privileges(next, Privileges::LOCK_MEMORY)
            .unwrap();
        self.bench.process = next;
        self.processes[which] = next;
        Ok(())
    }

    /// What is at the addresses that the calls are about.
    fn seen(&self) -> Vec<MemoryInformation> {
        let mut seen = Vec::new();
        let mut next = BASE;
        while next < BASE + PAGES * PAGE + 0x2_0000 {
            let found = self.bench.query(next);
            next += found.size;
            seen.push(found);
        }
        seen
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// After any calls the books are in order; an access does what the query said; nothing
    /// cached outlives its page; and all memory comes back in the end.
    #[test]
    fn any_calls_leave_the_books_in_order(steps in prop::collection::vec(step(call()), 1..80)) {
        run(World::new(64 << 20), steps);
    }

    /// The same where pages go to a page file and come back.
    #[test]
    fn pages_that_are_elsewhere_are_as_any(steps in prop::collection::vec(step(call()), 1..80)) {
        let config = MachineConfig {
            ram_bytes: 64 << 20,
            ..MachineConfig::default()
        };
        run(World::with_page_file(&config), steps);
    }

    /// The same where memory runs out again and again.
    #[test]
    fn calls_that_lack_memory_change_nothing(steps in prop::collection::vec(step(call()), 1..80)) {
        run(World::new(PAGES * PAGE), steps);
    }

    /// The same where frames run out though there is commit.
    #[test]
    fn calls_that_lack_frames_change_nothing(
        steps in prop::collection::vec(step(call()), 1..80),
        few in 0..PAGES,
    ) {
        let config = MachineConfig {
            ram_bytes: 16 << 20,
            ..MachineConfig::default()
        };
        run(World::with_few_frames(&config, few), steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    /// What memory and files hold is what was written, where there is next to no memory but in
    /// the page file.
    #[test]
    fn pages_that_come_and_go_hold_what_was_written(
        steps in prop::collection::vec(step(of_contents()), 1..400),
    ) {
        let config = MachineConfig {
            ram_bytes: 2 * PAGES * PAGE,
            ..MachineConfig::default()
        };
        run(World::with_page_file(&config), steps);
    }
}

fn run(mut world: World, steps: Vec<Step>) {
    let end = BASE + PAGES * PAGE + 0x2_0000;
    let mut granted = Granted::default();
    for step in steps {
        world.make(step);
        world.contents.follow(&world.bench.machine);
        world.follow_file();
        invariants::check(&world.bench.machine);
        world.check_locked();
        for process in world.processes {
            check_translations(&world.bench.machine, process, BASE, end);
        }
        granted.check(&mut world.bench.machine, BASE, end);
    }
    for mdl in std::mem::take(&mut world.locked) {
        world.bench.machine.unlock_pages(mdl).unwrap();
    }
    world.check_contents();
    let machine = &mut world.bench.machine;
    let processes: Vec<_> = machine.spaces.keys().copied().collect();
    for process in processes {
        machine.terminate_process(process).unwrap();
    }
    let file = world.object(world.sections[FILE]);
    let machine = &mut world.bench.machine;
    for &section in world.sections.iter().chain(&world.named) {
        machine.close_section(section).unwrap();
    }
    assert_eq!((machine.frames_in_use(), machine.commit_charge()), (0, 0));
    assert_eq!(world.bench.slots_used(), 0);
    world.contents.compare(file, 0, &world.on_disk());
}
