use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

mod mdls;
mod page_walks;
mod placeholders;
mod processors;
mod translations;
mod windows;

use self::translations::Granted;
use super::{invariants::check_translations, pe::Pe, *};
use crate::{
    AddressLayout, AddressRequirements, Backing, DepFlags, FileAccess, LARGE_PAGE_MINIMUM, Mdl,
    MemoryPriority, Privileges, SectionAttributes, SectionHandle, SectionOpening, StackRequest,
    ThreadId, ViewRequest, WatchFlags, WorkingSetLimits, WorkingSetSize,
};

/// Pages that the calls are about.
const PAGES: u64 = 0x60;

const PROTECTIONS: [u32; 14] = [
    1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x104, 0x120, 0x204, 0x402, 0x140, 3,
];
/// The image among the sections.
const IMAGE: usize = 3;
/// The section of a file.
const FILE: usize = 4;
const SECTION_PROTECTIONS: [PageProtection; 3] =
    [READWRITE, WRITECOPY, PageProtection::EXECUTE_READWRITE];

/// A call, of one of two processes.
#[derive(Clone, Copy, Debug)]
enum Call {
    Alloc(AllocationType, PageProtection),
    /// A large page, of which there is one place.
    Large(PageProtection),
    /// A physical page that is made or freed, or shown in a window.
    Physical(windows::Step),
    Free(FreeType),
    Protect(PageProtection),
    Map(usize, PageProtection),
    /// Of the file, perhaps beyond its end.
    Reserve(PageProtection),
    /// The section of the file.
    Extend,
    Unmap,
    Flush,
    Placeholder(placeholders::Call),
    Watch(WatchFlags),
    ResetWatch,
    Discard,
    Prefetch,
    Lock,
    Unlock,
    /// Pages are locked for a device, or let go by it.
    LockForDevice,
    UnlockForDevice,
    Empty,
    /// A second passes.
    Tick,
    /// So many seconds pass that processes which do nothing leave memory.
    Rest,
    /// Which pages leave first, and are lost first.
    Prefer(MemoryPriority),
    /// The working set is to have so many pages.
    Limit(WorkingSetLimits),
    /// All pages that can be elsewhere are.
    PageOut,
    WriteMemory,
    ReadMemory,
    Prevent(DepFlags),
    CreateThread,
    EndThread,
    /// The process ends, and another one takes its part.
    EndProcess,
    /// A thread writes below what its stack has grown to.
    Grow,
    Name(SectionAttributes),
    /// The processor has nothing to do.
    Idle,
    /// A read on each processor in turn.
    Share,
    Close,
    Read,
    Write,
    Execute,
}

/// Takes all that can be spared out of the working set.
const EMPTY: WorkingSetSize = WorkingSetSize {
    minimum: u64::MAX,
    maximum: u64::MAX,
};

/// Of few pages.
fn few(size: u64) -> WorkingSetSize {
    WorkingSetSize {
        minimum: 20 * PAGE,
        maximum: (20 + size % 8) * PAGE,
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    process: usize,
    /// Where the call is made, if there is such a processor.
    processor: u32,
    call: Call,
    base: u64,
    size: u64,
}

fn protection() -> impl Strategy<Value = PageProtection> {
    proptest::sample::select(&PROTECTIONS[..]).prop_map(PageProtection::from_bits_retain)
}

fn call() -> impl Strategy<Value = Call> {
    let kinds = [
        0x1000, 0x1000, 0x40_2000, 0x2000, 0x3000, 0x20_2000, 0x20_3000, 0x8_0000, 0x100_0000,
    ];
    let kind = proptest::sample::select(kinds.to_vec()).prop_map(AllocationType::from_bits_retain);
    let kinds = [0x400_0000, 0x420_0000, 0x800_0000, 0x820_0000];
    let kinds =
        proptest::sample::select(kinds.to_vec()).prop_map(SectionAttributes::from_bits_retain);
    let free = proptest::sample::select(vec![DECOMMIT, DECOMMIT, RELEASE]);
    let priorities = vec![MemoryPriority::VeryLow, MemoryPriority::Normal];
    let priority = proptest::sample::select(priorities);
    prop_oneof![
        5 => (kind, protection()).prop_map(|(kind, with)| Call::Alloc(kind, with)),
        1 => protection().prop_map(Call::Large),
        2 => windows::step().prop_map(Call::Physical),
        3 => free.prop_map(Call::Free),
        3 => protection().prop_map(Call::Protect),
        3 => (0..=FILE, protection()).prop_map(|(section, with)| Call::Map(section, with)),
        1 => protection().prop_map(Call::Reserve),
        1 => Just(Call::Extend),
        1 => Just(Call::Unmap),
        1 => Just(Call::Flush),
        7 => placeholders::call().prop_map(Call::Placeholder),
        1 => (0..2_u32).prop_map(|flags| Call::Watch(WatchFlags::from_bits_retain(flags))),
        1 => Just(Call::ResetWatch),
        1 => Just(Call::CreateThread),
        1 => Just(Call::EndThread),
        1 => Just(Call::EndProcess),
        4 => Just(Call::Grow),
        1 => Just(Call::Discard),
        1 => Just(Call::Prefetch),
        3 => Just(Call::Lock),
        1 => Just(Call::Unlock),
        2 => Just(Call::LockForDevice),
        1 => Just(Call::UnlockForDevice),
        1 => Just(Call::Empty),
        2 => Just(Call::Tick),
        1 => Just(Call::Rest),
        1 => priority.prop_map(Call::Prefer),
        1 => (0..17_u32).prop_map(|bits| Call::Limit(WorkingSetLimits::from_bits_retain(bits))),
        3 => Just(Call::PageOut),
        1 => Just(Call::WriteMemory),
        1 => Just(Call::ReadMemory),
        1 => (0..8_u32).prop_map(|bits| Call::Prevent(DepFlags::from_bits_retain(bits / 7))),
        1 => kinds.prop_map(Call::Name),
        1 => Just(Call::Close),
        4 => Just(Call::Read),
        6 => Just(Call::Write),
        2 => Just(Call::Execute),
    ]
}

fn step(call: impl Strategy<Value = Call>) -> impl Strategy<Value = Step> {
    let size = prop_oneof![1 => Just(0), 8 => 1..0x5000_u64, 2 => 0..0x2_0000_u64];
    // Granules are met often, since regions start there.
    let base = prop_oneof![
        0..PAGES * PAGE,
        (0..PAGES / 16).prop_map(|granule| granule << 16)
    ];
    let place = (0..2_usize, 0..4_u32);
    (place, call, base, size).prop_map(|((process, processor), call, base, size)| Step {
        process,
        processor,
        call,
        base: BASE + base,
        size,
    })
}

/// What an access should do, going by what the query says.
fn expected(
    found: &MemoryInformation,
    access: u64,
    address: u64,
    prevented: bool,
) -> Result<(), (Status, u64, u64)> {
    if found.state != MemoryState::Commit {
        return violation(access, address);
    }
    if found.protection.contains(GUARD) {
        return guard(access, address);
    }
    let allowed = match access {
        0 => 0xfe,
        1 => 0xcc,
        _ if prevented => 0xf0,
        _ => 0xfe,
    };
    if found.protection.bits() & allowed == 0 {
        return violation(access, address);
    }
    Ok(())
}

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
    /// The bytes that were written to private memory.
    written: BTreeMap<(ProcessId, u64), u8>,
    /// Those of them that were reset since: they are that, or zeros.
    reset: BTreeMap<(ProcessId, u64), u8>,
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
        let backing = Backing::File(images::file(&[7; 0x321].repeat(0x62)), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let file = bench.machine.create_section(backing, READWRITE, commit, 0);
        sections.push(file.unwrap());
        Self {
            bench,
            processes,
            sections,
            threads: Vec::new(),
            locked: Vec::new(),
            named: VecDeque::new(),
            written: BTreeMap::new(),
            reset: BTreeMap::new(),
        }
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

    fn is_private(&self, address: u64) -> bool {
        let space = &self.bench.machine.spaces[&self.bench.process];
        let is_window = space
            .vads
            .find(address)
            .is_some_and(crate::vad::Vad::is_window);
        !is_window && self.bench.query(address).kind == Some(crate::MemoryKind::Private)
    }

    /// What was written is gone.
    fn forget(&mut self, (start, size): (u64, u64)) {
        let process = self.bench.process;
        for bytes in [&mut self.written, &mut self.reset] {
            bytes.retain(|&(owner, address), _| {
                owner != process || !(start..start + size).contains(&address)
            });
        }
    }

    /// What pages hold that are reset is known again once that is undone.
    fn note_reset(&mut self, kind: AllocationType, (start, size): (u64, u64)) {
        let process = self.bench.process;
        let within = (process, start)..(process, start + size);
        let taken = |bytes: &mut BTreeMap<_, _>| -> Vec<_> {
            let keys: Vec<_> = bytes.range(within.clone()).map(|(&key, _)| key).collect();
            keys.into_iter()
                .filter_map(|key| bytes.remove_entry(&key))
                .collect()
        };
        match kind {
            AllocationType::RESET => self.reset.extend(taken(&mut self.written)),
            AllocationType::RESET_UNDO => {
                for (place, byte) in taken(&mut self.reset) {
                    self.written.entry(place).or_insert(byte);
                }
            }
            _ => {}
        }
    }

    /// Whether a byte of private memory can be this one.
    fn can_be(&self, address: u64, byte: u8) -> bool {
        let place = (self.bench.process, address);
        match self.written.get(&place) {
            Some(&known) => byte == known,
            None => byte == 0 || self.reset.get(&place) == Some(&byte),
        }
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
            Call::PageOut => return self.page_out(),
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
                done.map(|range| self.note_reset(kind, plain(range)))
            }
            Call::Large(protection) => {
                let kind = BOTH | AllocationType::LARGE_PAGES;
                let base = Some(VirtAddr::new(BASE));
                machine
                    .virtual_alloc(process, base, LARGE_PAGE_MINIMUM, kind, protection)
                    .map(|_| ())
            }
            Call::Free(kind) => {
                let freed = machine.virtual_free(process, at, size, kind).map(plain);
                freed.map(|range| self.forget(if size == 0 { whole.unwrap() } else { range }))
            }
            Call::Protect(protection) => machine
                .virtual_protect(process, at, size, protection)
                .map(|_| ()),
            Call::Map(section, protection) => {
                let place = (section, size.min(0x8000));
                self.map_view(step, place, AllocationType::empty(), protection)
            }
            Call::Reserve(protection) => self.map_view(step, (FILE, size), RESERVE, protection),
            Call::Extend => machine
                .extend_section(self.sections[FILE], 0x1_0000 + size)
                .map(|_| ()),
            Call::Placeholder(call) => self.ask_of_placeholder(call, step),
            Call::Flush => machine.flush_view(process, at, size).map(|_| ()),
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
            Call::Prefetch => machine.prefetch_virtual_memory(process, &[Range { base: at, size }]),
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
            let machine = &self.bench.machine;
            let kept = (machine.commit_charge(), machine.frames_in_use());
            assert_eq!(kept, held, "{step:x?} failed and took memory");
        }
    }

    fn map_view(
        &mut self,
        step: Step,
        (section, size): (usize, u64),
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<(), Status> {
        let hint = Some(VirtAddr::new(step.base & !0xffff));
        let request = ViewRequest {
            base: hint.filter(|_| section != IMAGE || step.size.is_multiple_of(2)),
            offset: step.base & 0x1_0000,
            size,
            commit: 0,
            protection,
        };
        let (machine, process) = (&mut self.bench.machine, self.bench.process);
        let (section, anywhere) = (self.sections[section], AddressRequirements::default());
        let mapped = machine.map_view_ex(process, section, &request, kind, &anywhere);
        mapped.map(|_| ())
    }

    /// Makes or opens one of two sections with names, and maps it if there is room.
    fn name_section(
        &mut self,
        base: u64,
        size: u64,
        attributes: SectionAttributes,
    ) -> Result<(), Status> {
        let (machine, process) = (&mut self.bench.machine, self.bench.process);
        let opening = SectionOpening {
            name: Some(["a", "b"][usize::from(base & 0x1_0000 == 0)]),
            ..SectionOpening::default()
        };
        let backing = Backing::PageFile;
        let made = machine.create_section_as(opening, backing, READWRITE, attributes, 0x1_4000);
        made.map(|(section, _)| {
            self.named.push_back(section);
            let request = ViewRequest {
                base: size
                    .is_multiple_of(2)
                    .then_some(VirtAddr::new(base & !0xffff)),
                offset: 0,
                size: 0,
                commit: 0,
                protection: READWRITE,
            };
            let _ = machine.map_view(process, section, &request);
        })
    }

    fn page_out(&mut self) {
        self.bench.page_out();
        while self.bench.machine.kernel.write_mapped().unwrap() > 0 {}
        self.bench.page_out();
        self.bench.forget_standby();
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

    fn end_process(&mut self, which: usize) {
        let process = self.processes[which];
        self.forget((0, u64::MAX));
        self.threads.retain(|thread| thread.process() != process);
        let machine = &mut self.bench.machine;
        machine.terminate_process(process).unwrap();
        let layout = [AddressLayout::default(), AddressLayout::TwoGiB][which];
        let next = machine.create_process_with(layout).unwrap();
        machine
            .set_privileges(next, Privileges::LOCK_MEMORY)
            .unwrap();
        self.bench.process = next;
        self.processes[which] = next;
    }

    /// A thread writes to the page below its stack's limit: its guard, or what is left where
    /// there is none any more.
    fn grow(&mut self, which: u64, processor: ProcessorId) {
        let Some(place) = some(&self.threads, which) else {
            return;
        };
        let thread = self.threads[place];
        self.bench.machine.run_on(thread, processor).unwrap();
        self.bench.process = thread.process();
        let stack = self.bench.machine.stack(thread).unwrap();
        let page = stack.limit.as_u64() - PAGE;
        let found = self.bench.query(page);
        let room = (page - stack.bottom.as_u64()) / PAGE;
        let done = self.bench.machine.write(thread, VirtAddr::new(page), &[1]);
        let (expected, limit) = if found.state == MemoryState::Reserve {
            (violation(1, page), page + PAGE)
        } else if !found.protection.contains(GUARD) {
            (Ok(()), page + PAGE)
        } else if room <= 2 {
            let bottom = stack.bottom.as_u64();
            (Err((Status::StackOverflow, 1, page)), bottom + PAGE)
        } else {
            (Ok(()), page)
        };
        let done = done.map_err(raw);
        if done != expected {
            // The stack has grown, or overflows: there is no memory for the next guard, or
            // none for the page itself.
            assert!(self.is_short(), "{done:x?}, not {expected:x?}");
            return;
        }
        let now = self.bench.machine.stack(thread).unwrap().limit.as_u64();
        assert!(now == limit || room <= 2 && now == page + PAGE);
        if done.is_ok() && limit == page {
            let below = self.bench.query(page - PAGE);
            assert_eq!(below.protection, READWRITE | GUARD);
        }
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

    /// Whether an access failed because there was no memory, and there was none indeed.
    fn lacks_memory(&self, done: Result<(), (Status, u64, u64)>) -> bool {
        let lacks = matches!(
            done,
            Err((Status::NoMemory | Status::CommitmentLimit, _, _))
        );
        assert!(!lacks || self.is_short());
        lacks
    }

    /// Whether there is next to no memory left.
    fn is_short(&self) -> bool {
        let kernel = &self.bench.machine.kernel;
        let left = kernel.commit.limit() - kernel.commit.charged();
        // The most that an access needs: three tables, and a page with what it is a copy of,
        // which can be had again once the copy was not made.
        left < 4 || kernel.physical.available() < 5
    }

    fn access(&mut self, step: Step) {
        let (address, process) = (step.base, self.bench.process);
        let found = self.bench.query(address);
        let is_private = self.is_private(address);
        let prevented = self.bench.machine.spaces[&process].dep.prevents_execution();
        #[expect(clippy::cast_possible_truncation, reason = "any byte will do")]
        let byte = (step.size | 1) as u8;
        match step.call {
            Call::Write => {
                let done = self.bench.write(address, byte);
                if self.lacks_memory(done) {
                    return;
                }
                assert_eq!(done, expected(&found, 1, address, prevented), "{found:x?}");
                if done.is_ok() && is_private {
                    self.written.insert((process, address), byte);
                }
            }
            call => {
                let (done, access) = match call {
                    Call::Execute => (self.bench.execute(address), 8),
                    _ => (self.bench.read(address), 0),
                };
                if self.lacks_memory(done.map(|_| ())) {
                    return;
                }
                assert_eq!(
                    done.map(|_| ()),
                    expected(&found, access, address, prevented),
                    "{found:x?}"
                );
                if let Ok(byte) = done
                    && is_private
                {
                    assert!(self.can_be(address, byte), "{address:#x}");
                }
            }
        }
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

fn run(mut world: World, steps: Vec<Step>) {
    let end = BASE + PAGES * PAGE + 0x2_0000;
    let mut granted = Granted::default();
    for step in steps {
        world.make(step);
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
    let machine = &mut world.bench.machine;
    let processes: Vec<_> = machine.spaces.keys().copied().collect();
    for process in processes {
        machine.terminate_process(process).unwrap();
    }
    for section in world.sections.into_iter().chain(world.named) {
        machine.close_section(section).unwrap();
    }
    assert_eq!((machine.frames_in_use(), machine.commit_charge()), (0, 0));
    assert_eq!(world.bench.slots_used(), 0);
}
