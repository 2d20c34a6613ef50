use mmu_core::{Owner, SoftwareCosts};

use super::*;
use crate::{
    AddressRequirements, Backing, Caller, Privileges, SectionAttributes, SectionHandle,
    StackRequest, Target, ThreadId, ViewRequest, WatchFlags, WorkingSetSize,
};

const VIEW: u64 = BASE + 0x10_0000;
const FREE: u64 = BASE + 0x20_0000;

/// A thread on the first processor; and a process on the second and one on the third, which
/// have memory and a view of a file.
struct Calls {
    machine: Machine,
    thread: ThreadId,
    others: [ProcessId; 2],
    section: SectionHandle,
}

fn processor(number: u32) -> ProcessorId {
    ProcessorId::new(number).unwrap()
}

impl Calls {
    fn new() -> Self {
        let mut machine = Machine::new(&MachineConfig {
            ram_bytes: 64 << 20,
            processors: 3,
            costs: SoftwareCosts {
                interrupt_wait: mmu_core::Cycles::new(1),
                ..SoftwareCosts::default()
            },
            ..MachineConfig::default()
        })
        .unwrap();
        let mine = machine.create_process().unwrap();
        let thread = machine.create_thread(mine, StackRequest::default());
        let others = [1, 2].map(|number| {
            let other = machine.create_process().unwrap();
            machine.run_on(other, processor(number)).unwrap();
            other
        });
        let file = Backing::File(files::file(0x8000), crate::FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let section = machine.create_section(file, READWRITE, commit, 0).unwrap();
        let mut calls = Self {
            machine,
            thread: thread.unwrap(),
            others,
            section,
        };
        for other in others {
            calls.fill(other);
        }
        calls
    }

    /// Gives a process memory that is watched, and a view, and lets it use them.
    fn fill(&mut self, process: ProcessId) {
        let kind = BOTH | AllocationType::WRITE_WATCH;
        let base = Some(VirtAddr::new(BASE));
        let machine = &mut self.machine;
        machine
            .virtual_alloc(process, base, 0x8000, kind, READWRITE)
            .unwrap();
        let request = view(VIEW);
        machine.map_view(process, self.section, &request).unwrap();
        for page in 0..8 {
            for base in [BASE, VIEW] {
                let address = VirtAddr::new(base + page * PAGE);
                machine.write(process, address, &[1]).unwrap();
            }
        }
    }

    /// The thread's calls for the first of the other processes.
    fn target(&self) -> Target {
        Caller::from(self.thread).on(self.others[0])
    }

    fn shootdowns_of(&self, number: u32) -> u64 {
        let spent = self.machine.cycles(processor(number)).unwrap();
        spent.of(Owner::Shootdown).as_u64()
    }
}

fn view(base: u64) -> ViewRequest {
    ViewRequest {
        base: Some(VirtAddr::new(base)),
        offset: 0,
        size: 0,
        commit: 0,
        protection: READWRITE,
    }
}

type Made = (
    &'static str,
    fn(&mut Machine, Target, SectionHandle) -> Result<(), Status>,
);
const MEMORY: VirtAddr = VirtAddr::new(BASE);
const SHOWN: VirtAddr = VirtAddr::new(VIEW);
const PLACE: VirtAddr = VirtAddr::new(FREE);

const CALLS: &[Made] = &[
    ("protect", |machine, target, _| {
        let done = machine.virtual_protect(target, MEMORY, PAGE, READONLY);
        done.and_then(|_| machine.virtual_protect(target, MEMORY, PAGE, READWRITE))
            .map(|_| ())
    }),
    ("lock", |machine, target, _| {
        machine.virtual_lock(target, MEMORY, PAGE).map(|_| ())
    }),
    ("unlock", |machine, target, _| {
        machine.virtual_unlock(target, MEMORY, PAGE).map(|_| ())
    }),
    ("watch", |machine, target, _| {
        let flags = WatchFlags::RESET;
        let written = machine.get_write_watch(target, MEMORY, PAGE, flags, 9);
        written.map(|_| ())
    }),
    ("reset watch", |machine, target, _| {
        machine.reset_write_watch(target, MEMORY, 8 * PAGE)
    }),
    ("discard", |machine, target, _| {
        machine.discard(target, MEMORY, PAGE)
    }),
    ("copy", |machine, target, _| {
        let target = target.caller.on(target.process);
        let copied = machine.copy_virtual_memory((target, MEMORY), (target, SHOWN), PAGE);
        let written = copied.and_then(|()| machine.write_virtual_memory(target, MEMORY, &[1]));
        let read = written.and_then(|()| machine.read_virtual_memory(target, MEMORY, &mut [0]));
        read.map_err(|stopped| stopped.code)
    }),
    ("flush", |machine, target, _| {
        machine.flush_view(target, SHOWN, 0).map(|_| ())
    }),
    ("prefetch", |machine, target, _| {
        let range = AddressRange {
            base: SHOWN,
            size: PAGE,
        };
        machine.prefetch_virtual_memory(target, &[range])
    }),
    ("size", |machine, target, _| {
        let size = WorkingSetSize {
            minimum: u64::MAX,
            maximum: u64::MAX,
        };
        machine.set_working_set_size(target, size)
    }),
    ("unmap", |machine, target, _| {
        machine.unmap_view(target, SHOWN).map(|_| ())
    }),
    ("map", |machine, target, section| {
        let mapped = machine.map_view(target, section, &view(VIEW));
        mapped.map(|_| ())
    }),
    ("map ex", |machine, target, section| {
        let (kind, anywhere) = (AllocationType::empty(), AddressRequirements::default());
        let mapped = machine.map_view_ex(target, section, &view(FREE), kind, &anywhere);
        mapped.map(|_| ())
    }),
    ("unmap ex", |machine, target, _| {
        let flags = crate::UnmapFlags::empty();
        machine.unmap_view_ex(target, PLACE, flags).map(|_| ())
    }),
    ("free", |machine, target, _| {
        machine.virtual_free(target, MEMORY, 0, RELEASE).map(|_| ())
    }),
    ("physical pages", |machine, target, _| {
        let window = RESERVE | AllocationType::PHYSICAL;
        machine.virtual_alloc(target, Some(PLACE), PAGE, window, READWRITE)?;
        let pages = machine.allocate_user_physical_pages(target, 1)?;
        machine.map_user_physical_pages(target, PLACE, &pages)?;
        machine.unmap_user_physical_pages(target, PLACE, 1)?;
        machine.map_user_physical_pages_scatter(target, &[(PLACE, Some(pages[0]))])?;
        let freed = machine.free_user_physical_pages(target, &pages);
        freed.map_err(|stopped| stopped.status)
    }),
    ("thread", |machine, target, _| {
        let made = machine.create_thread(target, StackRequest::default());
        made.map(|_| ())
    }),
];

#[test]
fn a_call_wakes_no_processor_but_its_callers() {
    let mut world = Calls::new();
    let (target, section) = (world.target(), world.section);
    let machine = &mut world.machine;
    let privileges = Privileges::LOCK_MEMORY;
    machine.set_privileges(target.process, privileges).unwrap();
    for number in [1, 2] {
        machine.idle(processor(number)).unwrap();
    }
    for (name, call) in CALLS {
        assert_eq!(call(machine, target, section), Ok(()), "{name}");
        for number in [1, 2] {
            let processors = &machine.kernel.processors;
            assert!(processors.is_idle(processor(number)), "{name}: {number}");
        }
    }
    machine.run_on(target.process, processor(2)).unwrap();
    let processors = &machine.kernel.processors;
    assert!(processors.is_idle(processor(1)) && processors.is_idle(processor(2)));
}

#[test]
fn what_a_call_makes_others_forget_is_its_callers_shootdown() {
    let mut world = Calls::new();
    let target = world.target();
    let counted = |world: &Calls| {
        let counters = world.machine.shootdown_counters();
        (counters.shootdowns, counters.targets)
    };
    let before = (counted(&world), world.shootdowns_of(0));
    assert_eq!((before, world.shootdowns_of(1)), (((0, 0), 0), 0));
    let freed = world
        .machine
        .virtual_free(target, VirtAddr::new(BASE), PAGE, DECOMMIT);
    assert_eq!(freed.map(plain), Ok((BASE, PAGE)));
    assert_eq!((counted(&world), world.shootdowns_of(0)), ((1, 1), 1));
    // Both have the view, and the one is told after the other.
    let flushed = world.machine.flush_view(target, VirtAddr::new(VIEW), PAGE);
    assert_eq!(flushed.map(plain), Ok((VIEW, PAGE)));
    assert_eq!((counted(&world), world.shootdowns_of(0)), ((3, 3), 3));
    assert_eq!((world.shootdowns_of(1), world.shootdowns_of(2)), (0, 0));
}

#[test]
fn a_process_and_a_thread_end_where_they_run() {
    let mut world = Calls::new();
    let [one, other] = world.others;
    let machine = &mut world.machine;
    let made = machine.create_thread(one, StackRequest::default()).unwrap();
    machine.run_on(made, processor(2)).unwrap();
    machine
        .write(
            world.thread,
            machine.stack(world.thread).unwrap().limit,
            &[1],
        )
        .unwrap();
    machine.terminate_thread(made).unwrap();
    machine.terminate_process(other).unwrap();
    machine.terminate_process(one).unwrap();
    // The thread's stack and its block were made on the second processor.
    let shootdowns = [0, 1, 2].map(|number| world.shootdowns_of(number));
    assert_eq!(shootdowns, [0, 0, 2]);
}

/// The other process's guard pages are no stack of the thread that calls.
#[test]
fn no_stack_grows_by_a_call_for_another_process() {
    let mut world = Calls::new();
    let target = world.target();
    let machine = &mut world.machine;
    let guard = VirtAddr::new(BASE);
    let done = machine.virtual_protect(target, guard, PAGE, READWRITE | GUARD);
    assert_eq!(done.map(|(_, old)| old), Ok(READWRITE));
    let stack = machine.stack(world.thread);
    let touched = machine.write_virtual_memory(target, guard, &[1]);
    assert_eq!(touched.unwrap_err().code, Status::PartialCopy);
    assert_eq!(machine.stack(world.thread), stack);
    let ended = Caller::from(world.thread).on(world.others[1]);
    machine.terminate_thread(world.thread).unwrap();
    let called = machine.virtual_free(ended, guard, 0, RELEASE);
    assert_eq!(called, Err(Status::InvalidHandle));
}
