//! What is done to pages while they are read.

use std::io::{Seek, SeekFrom, Write};

use super::*;
use crate::LockOperation;

/// What a fault comes to whose page is being read while something is done.
fn after(
    memory: Memory,
    act: impl FnOnce(&mut World),
) -> (World, Result<FaultOutcome, (Status, u64, u64)>) {
    let mut world = World::new(memory);
    let wait = world.wait(world.bench.process, 3);
    act(&mut world);
    world.bench.machine.verify_frames().unwrap();
    let ended = world.end(wait).map_err(raw);
    assert_eq!(world.bench.machine.pages_in_flight(), 0);
    (world, ended)
}

/// "The page could have been deleted (and remapped)": its frame is free when the read is over, and
/// the fault is one of what is there then.
#[test]
fn memory_that_is_freed_amid_a_read_is_an_access_violation_and_its_frame_is_free_then() {
    let gone = violation(0, at(3));
    for memory in ALL {
        let (mut world, ended) = after(memory, |world| {
            let flying = world.flying();
            match memory {
                Memory::Private => {
                    world.bench.free(BASE, 0, RELEASE).unwrap();
                }
                Memory::Section | Memory::File => {
                    let (process, base) = (world.bench.process, VirtAddr::new(BASE));
                    world.bench.machine.unmap_view(process, base).unwrap();
                    let section = world.section.take().unwrap();
                    world.bench.machine.close_section(section).unwrap();
                }
            }
            // Nobody else has them before the disk is done.
            assert_eq!(world.flying(), flying);
            // That of the page that all processes have.
            assert_eq!(world.bench.slots_used(), 1);
        });
        assert_eq!(ended, gone);
        let process = world.bench.process;
        world.bench.machine.terminate_process(process).unwrap();
        assert_eq!(world.bench.machine.frames_in_use(), 0);
        world.bench.process = world.bench.machine.create_process().unwrap();
    }
}

#[test]
fn a_page_that_is_decommitted_or_discarded_amid_a_read_is_not_what_was_read() {
    let (_, ended) = after(Memory::Private, |world| {
        world.bench.free(at(3), PAGE, DECOMMIT).unwrap();
    });
    assert_eq!(ended, violation(0, at(3)));
    let (world, ended) = after(Memory::Private, |world| {
        world.bench.free(at(3), PAGE, DECOMMIT).unwrap();
        world.bench.alloc(at(3), PAGE, COMMIT, READWRITE).unwrap();
        world.bench.write(at(3), 77).unwrap();
    });
    assert_eq!(ended, Ok(FaultOutcome::AlreadyThere));
    assert_eq!(world.seen(3), Some(77));
    let (world, ended) = after(Memory::Private, |world| {
        let (process, page) = (world.bench.process, VirtAddr::new(at(3)));
        world.bench.machine.discard(process, page, PAGE).unwrap();
    });
    assert_eq!(ended, Ok(FaultOutcome::Resolved));
    assert_eq!(world.seen(3), Some(0));
}

/// What could not be read is no error of what is there instead.
#[test]
fn a_page_that_takes_the_place_of_one_that_cannot_be_read_is_no_in_page_error() {
    let mut world = World::new(Memory::Private);
    let [first, second] = world.threads();
    world.break_disk();
    let (one, other) = (world.wait(first, 3), world.wait(second, 3));
    world.bench.free(at(3), PAGE, DECOMMIT).unwrap();
    world.bench.alloc(at(3), PAGE, COMMIT, READWRITE).unwrap();
    assert_eq!(world.end(one), Ok(FaultOutcome::Resolved));
    assert_eq!(world.end(other), Ok(FaultOutcome::AlreadyThere));
    assert_eq!(world.seen(3), Some(0));
}

/// "The protection on the page could have changed."
#[test]
fn a_page_that_is_protected_amid_a_read_is_accessed_by_its_new_protection() {
    for memory in ALL {
        for (protection, ends) in [
            (NOACCESS, violation(0, at(3))),
            (READONLY, Ok(FaultOutcome::Resolved)),
            (READWRITE | GUARD, guard(0, at(3))),
        ] {
            let (mut world, ended) = after(memory, |world| {
                world.bench.protect(BASE, 8 * PAGE, protection).unwrap();
            });
            assert_eq!(ended, ends, "{memory:?} {protection:?}");
            world.bench.protect(BASE, 8 * PAGE, READWRITE).unwrap();
            assert_eq!(world.bench.read(at(3)), Ok(4));
        }
    }
}

/// A process ends when its threads do, and these when what they wait for is read.
#[test]
fn a_process_that_ends_amid_a_read_ends_it() {
    for memory in ALL {
        let mut world = World::new(memory);
        let wait = world.wait(world.bench.process, 3);
        let process = world.bench.switch();
        world.bench.machine.terminate_process(process).unwrap();
        assert_eq!(world.bench.machine.pages_in_flight(), 0);
        let ended = world.end(wait).unwrap_err();
        assert_eq!(ended.code, Status::InvalidHandle);
        if let Some(section) = world.section.take() {
            world.bench.machine.close_section(section).unwrap();
        }
        let left = world.bench.process;
        world.bench.machine.terminate_process(left).unwrap();
        assert_eq!(world.bench.machine.frames_in_use(), 0);
        world.bench.process = world.bench.machine.create_process().unwrap();
    }
}

/// Working sets have no pages that are being read.
#[test]
fn trimming_and_paging_out_leave_pages_that_are_read_alone() {
    for memory in ALL {
        let acts: [fn(&mut World); 3] = [
            |world| world.bench.empty_working_set(),
            |world| world.bench.machine.page_out().unwrap(),
            |world| (0..20).for_each(|_| world.bench.machine.tick().unwrap()),
        ];
        for act in acts {
            let (world, ended) = after(memory, |world| {
                let flying = world.flying();
                act(world);
                assert_eq!(world.flying(), flying);
            });
            assert_eq!(ended, Ok(FaultOutcome::Resolved));
            assert_eq!(world.seen(3), Some(4));
        }
    }
}

/// Calls stay until what they need is read: they collide, too.
#[test]
fn calls_that_need_the_page_stay_until_it_is_read() {
    type Call = fn(&mut Machine, Target, VirtAddr);
    let calls: [Call; 5] = [
        |machine, target, page| machine.read(target, page, &mut [0]).unwrap(),
        |machine, target, page| machine.write(target, page, &[4]).unwrap(),
        |machine, target, page| {
            let locked = machine.virtual_lock(target, page, PAGE).unwrap();
            machine.virtual_unlock(target, locked.base, PAGE).unwrap();
        },
        |machine, target, page| {
            let read = LockOperation::Read;
            let mdl = machine.probe_and_lock_pages(target, page, PAGE, read);
            machine.unlock_pages(mdl.unwrap()).unwrap();
        },
        |machine, target, page| {
            let other = machine.create_process().unwrap();
            let theirs = Target {
                caller: other.into(),
                process: target.process,
            };
            machine.read_virtual_memory(theirs, page, &mut [0]).unwrap();
            machine.terminate_process(other).unwrap();
        },
    ];
    for memory in ALL {
        for call in calls {
            let mut reads = 0;
            let (world, ended) = after(memory, |world| {
                reads = world.reads();
                let process = world.bench.process;
                call(
                    &mut world.bench.machine,
                    process.into(),
                    VirtAddr::new(at(3)),
                );
                let machine = &world.bench.machine;
                assert_eq!(machine.fault_counters().collided, 1);
                assert_eq!(machine.pages_in_flight(), 0);
            });
            assert_eq!(ended, Ok(FaultOutcome::AlreadyThere));
            assert_eq!((world.reads(), world.seen(3)), (reads, Some(4)));
        }
    }
}

/// The call gets what the disk said.
#[test]
fn a_call_that_stays_for_a_page_that_cannot_be_read_fails_and_so_does_who_waits() {
    for memory in ALL {
        let mut world = World::new(memory);
        world.break_disk();
        let wait = world.wait(world.bench.process, 3);
        world.faults.heal();
        let reads = world.reads();
        let failed = Err((Status::InPageError, 0, at(3)));
        assert_eq!(world.bench.read(at(3)), failed);
        assert_eq!(
            world.end(wait).map_err(raw),
            failed.map(|_: u8| FaultOutcome::Resolved)
        );
        assert_eq!(world.reads(), reads);
        assert_eq!(world.bench.read(at(3)), Ok(4));
    }
}

/// Microsoft, `MEM_RESET_UNDO`: all is there again, or the call says that it is not. A page that
/// could not be read is not there.
#[test]
fn memory_that_is_reset_amid_a_read_is_lost_if_it_could_not_be_read() {
    let reset = |world: &mut World| {
        let kind = AllocationType::RESET;
        world.bench.alloc(at(3), PAGE, kind, READWRITE).unwrap();
    };
    let undo = |world: &mut World| {
        let kind = AllocationType::RESET_UNDO;
        world.bench.alloc(at(3), PAGE, kind, READWRITE)
    };
    for is_broken in [false, true] {
        let mut world = World::new(Memory::Private);
        if is_broken {
            world.break_disk();
        }
        let wait = world.wait(world.bench.process, 3);
        world.faults.heal();
        reset(&mut world);
        let undone = undo(&mut world).map(|_| ());
        let ended = world.end(wait);
        assert_eq!(ended, Ok(FaultOutcome::Resolved));
        let expected = if is_broken {
            (Err(Status::DeviceBusy), Some(0))
        } else {
            (Ok(()), Some(4))
        };
        assert_eq!((undone, world.seen(3)), expected);
    }
}

/// The same, of a page that was written and left memory since the reset.
#[test]
fn what_was_reset_before_a_read_is_there_when_that_is_undone() {
    let mut world = World::new(Memory::Private);
    assert_eq!(world.bench.read(at(3)), Ok(4));
    let kinds = [AllocationType::RESET, AllocationType::RESET_UNDO];
    let [reset, undo] =
        kinds.map(|kind| move |world: &mut World| world.bench.alloc(at(3), PAGE, kind, READWRITE));
    reset(&mut world).unwrap();
    world.bench.write(at(3), 9).unwrap();
    world.page_out();
    world.break_disk();
    let wait = world.wait(world.bench.process, 3);
    world.faults.heal();
    undo(&mut world).unwrap();
    let failed = Err((Status::InPageError, 0, at(3)));
    assert_eq!(world.end(wait).map_err(raw), failed);
    assert_eq!(world.bench.read(at(3)), Ok(9));
}

/// Microsoft, `ReadFile`: what is in the file, not in a frame that nothing was read into.
#[test]
fn a_file_is_read_past_a_page_that_could_not_be() {
    let mut bench = Bench::new();
    let host = file(&[7; 0x4000]);
    let section = bench.file_section(&host, FileAccess::all(), READWRITE, 0);
    bench.map(section.unwrap(), BASE, READWRITE).unwrap();
    let mut world = World {
        bench,
        faults: DiskFaults::default(),
        memory: Memory::File,
        section: None,
    };
    host.set_len(0).unwrap();
    let wait = world.wait(world.bench.process, 1);
    host.set_len(0x4000).unwrap();
    (&host).seek(SeekFrom::Start(0)).unwrap();
    (&host).write_all(&[8; 0x4000]).unwrap();
    let mut seen = [0; 0x4000];
    let read = world.bench.machine.read_file(&host, 0, &mut seen);
    assert_eq!((read, seen), (Ok(0x4000), [8; 0x4000]));
    let failed = Err((Status::InPageError, 0, at(1)));
    assert_eq!(world.end(wait).map_err(raw), failed);
    assert_eq!(world.bench.read(at(1)), Ok(8));
}

/// A page that has left memory again since the read was over is read at once.
#[test]
fn a_page_that_has_left_memory_again_is_read_again() {
    for memory in ALL {
        let mut world = World::new(memory);
        let [first, second] = world.threads();
        let (one, other) = (world.wait(first, 3), world.wait(second, 3));
        assert_eq!(world.end(one), Ok(FaultOutcome::Resolved));
        let reads = world.reads();
        world.page_out();
        assert_eq!(world.end(other), Ok(FaultOutcome::Resolved));
        assert_eq!((world.reads(), world.seen(3)), (reads + 1, Some(4)));
    }
}
