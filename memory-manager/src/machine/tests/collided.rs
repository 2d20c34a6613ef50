//! Faults on pages that are being read: *Windows Internals*, 6th edition, "In-Paging I/O" and
//! "Collided Page Faults".

use mmu_core::{AccessKind, Fault, FunctionalMmu, PageFault, PhysAddr, PhysMem, PrivilegeMode};

use super::{images::file, *};
use crate::{
    Backing, DiskFault, DiskFaults, Exception, FaultOutcome, FaultProgress, FaultyDisk, FileAccess,
    IoOwner, PageFileSize, PageWait, PhysicalPage, SectionAttributes, SectionHandle, Target,
    ThreadId,
    pfn::{FrameFlags, FrameState},
};

mod meanwhile;

/// So many pages there are at [`BASE`].
const PAGES: u8 = 8;

/// Whose pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Private,
    Section,
    File,
}

const ALL: [Memory; 3] = [Memory::Private, Memory::Section, Memory::File];

/// A machine of so many frames with a page file, and memory at [`BASE`] whose pages each say their
/// number and one more; all of it is elsewhere.
struct World {
    bench: Bench,
    faults: DiskFaults,
    memory: Memory,
    section: Option<SectionHandle>,
}

impl World {
    fn new(memory: Memory) -> Self {
        Self::with_frames(memory, 512)
    }

    fn with_frames(memory: Memory, frames: u64) -> Self {
        let mut bench = Bench::with_config(&MachineConfig {
            ram_bytes: frames * PAGE,
            processors: 2,
            ..MachineConfig::default()
        });
        let faults = DiskFaults::default();
        let size = PageFileSize {
            minimum: 256 * PAGE,
            maximum: 256 * PAGE,
        };
        let disk = FaultyDisk::new(tempfile::tempfile().unwrap(), &faults);
        bench.machine.add_page_file(Box::new(disk), size).unwrap();
        let bytes = u64::from(PAGES) * PAGE;
        let mut world = Self {
            bench,
            faults,
            memory,
            section: None,
        };
        let (backing, size) = match memory {
            Memory::Private => {
                world.bench.alloc(BASE, bytes, BOTH, READWRITE).unwrap();
                world.fill();
                return world;
            }
            Memory::Section => (Backing::PageFile, bytes),
            Memory::File => {
                let file = file(&vec![0; usize::from(PAGES) * 0x1000]);
                let disk = FaultyDisk::new(file, &world.faults);
                (Backing::Disk(Box::new(disk), FileAccess::all()), 0)
            }
        };
        let commit = SectionAttributes::COMMIT;
        let machine = &mut world.bench.machine;
        let section = machine.create_section(backing, READWRITE, commit, size);
        world.section = Some(section.unwrap());
        world.bench.map(section.unwrap(), BASE, READWRITE).unwrap();
        world.fill();
        world
    }

    fn fill(&mut self) {
        for page in 0..PAGES {
            self.bench.write(at(page), page + 1).unwrap();
        }
        self.page_out();
    }

    fn page_out(&mut self) {
        self.bench.machine.page_out().unwrap();
        self.bench.machine.verify_frames().unwrap();
    }

    /// Two threads, each on a processor of its own.
    fn threads(&mut self) -> [ThreadId; 2] {
        [0, 1].map(|number| {
            let thread = self.bench.thread(0, 0);
            let processor = ProcessorId::new(number).unwrap();
            self.bench.machine.run_on(thread, processor).unwrap();
            thread
        })
    }

    fn mmu(&self) -> FunctionalMmu {
        let registers = self.bench.machine.registers(self.bench.process).unwrap();
        FunctionalMmu::functional(self.bench.machine.features, registers).unwrap()
    }

    /// The fault of a processor that remembers nothing.
    fn fault(&self, address: u64, kind: AccessKind) -> PageFault {
        let (ram, address) = (self.bench.machine.ram(), VirtAddr::new(address));
        match self
            .mmu()
            .translate(ram, address, kind, PrivilegeMode::User)
        {
            Err(Fault::Page(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    /// What such a processor reads.
    fn seen(&self, page: u8) -> Option<u8> {
        let (ram, mode) = (self.bench.machine.ram(), PrivilegeMode::User);
        let address = VirtAddr::new(at(page));
        let found = self.mmu().translate(ram, address, AccessKind::Read, mode);
        let found = found.ok()?.address;
        let word = ram.read_u64(PhysAddr::new(found.as_u64() & !7)).unwrap();
        Some(word.to_le_bytes()[0])
    }

    fn begin(&mut self, target: impl Into<Target>, page: u8) -> Result<FaultProgress, Exception> {
        let fault = self.fault(at(page), AccessKind::Read);
        self.bench.machine.begin_service(target, &fault)
    }

    /// A fault that has to wait.
    fn wait(&mut self, target: impl Into<Target>, page: u8) -> PageWait {
        let begun = self.begin(target, page);
        self.bench.machine.verify_frames().unwrap();
        match begun {
            Ok(FaultProgress::Waits(wait)) => wait,
            other => panic!("{other:?}"),
        }
    }

    fn end(&mut self, wait: PageWait) -> Result<FaultOutcome, Exception> {
        let ended = self.bench.machine.end_service(wait);
        self.bench.machine.verify_frames().unwrap();
        ended
    }

    fn reads(&self) -> u64 {
        let owner = match self.memory {
            Memory::File => IoOwner::MappedFile,
            Memory::Private | Memory::Section => IoOwner::PageFile,
        };
        self.bench.machine.disk_counters(owner).reads
    }

    fn flying(&self) -> Vec<PhysicalPage> {
        let frames = self.bench.machine.kernel.physical.in_flight.frames();
        frames.map(PhysicalPage::of).collect()
    }

    fn break_disk(&self) {
        let next = self.faults.operations();
        self.faults.fail_from(next, DiskFault::Fails);
    }
}

fn at(page: u8) -> u64 {
    BASE + u64::from(page) * PAGE
}

/// The one reads, the other waits for that, and both see what was read.
#[test]
fn two_threads_on_one_page_wait_for_one_read() {
    for memory in ALL {
        let mut world = World::new(memory);
        let [first, second] = world.threads();
        let (reads, before) = (world.reads(), world.bench.machine.fault_counters());
        let one = world.wait(first, 3);
        let other = world.wait(second, 3);
        assert_eq!(one.read(), other.read());
        assert_eq!(world.reads(), reads + 1);
        assert_eq!(world.seen(3), None);

        assert_eq!(world.end(one), Ok(FaultOutcome::Resolved));
        assert_eq!(world.seen(3), Some(4));
        assert_eq!(world.end(other), Ok(FaultOutcome::AlreadyThere));
        assert_eq!(world.seen(3), Some(4));
        assert_eq!(world.reads(), reads + 1);

        let after = world.bench.machine.fault_counters();
        assert_eq!(after.faults, before.faults + 2);
        assert_eq!(
            (after.hard, after.collided),
            (before.hard + 1, before.collided + 1)
        );
        assert_eq!(
            (after.soft, after.already_there),
            (before.soft, before.already_there)
        );
    }
}

/// The first thread that goes on does what is to be done for all, whichever it is.
#[test]
fn whoever_goes_on_first_ends_the_read() {
    for memory in ALL {
        let mut world = World::new(memory);
        let [first, second] = world.threads();
        let one = world.wait(first, 3);
        let other = world.wait(second, 3);
        assert_eq!(world.end(other), Ok(FaultOutcome::Resolved));
        assert_eq!(world.bench.machine.pages_in_flight(), 0);
        assert_eq!(world.seen(3), Some(4));
        assert_eq!(world.end(one), Ok(FaultOutcome::AlreadyThere));
    }
}

/// Who shares the page by a view of another process waits for the same read.
#[test]
fn two_processes_on_one_shared_page_wait_for_one_read() {
    for memory in [Memory::Section, Memory::File] {
        let mut world = World::new(memory);
        let one = world.wait(world.bench.process, 3);
        let first = world.bench.switch();
        let section = world.section.unwrap();
        world.bench.map(section, BASE, READONLY).unwrap();
        let other = world.wait(world.bench.process, 3);
        assert_eq!(one.read(), other.read());
        assert_eq!(world.end(other), Ok(FaultOutcome::Resolved));
        assert_eq!(world.seen(3), Some(4));
        world.bench.process = first;
        assert_eq!(world.end(one), Ok(FaultOutcome::Resolved));
        assert_eq!(world.seen(3), Some(4));
    }
}

/// [MS-ERREF] 2.3.1, `STATUS_IN_PAGE_ERROR`: of all who waited for the page, and of no other one.
/// Nobody who waited reads it again.
#[test]
fn a_page_that_cannot_be_read_is_an_in_page_error_of_all_who_wait_for_it() {
    for memory in ALL {
        let mut world = World::new(memory);
        let [first, second] = world.threads();
        world.break_disk();
        let one = world.wait(first, 3);
        let other = world.wait(second, 3);
        assert_eq!(one.read(), other.read());
        world.faults.heal();
        let reads = world.reads();
        // Its neighbours are another read's.
        let near = world.wait(second, 5);
        assert_ne!(near.read(), one.read());
        assert_eq!(world.reads(), reads + 1);
        for wait in [one, other] {
            let raised = world.end(wait).unwrap_err();
            assert_eq!((raised.code, raised.address), (Status::InPageError, at(3)));
            assert_eq!(raised.reason, Some(Status::IoDeviceError));
        }
        assert_eq!(world.reads(), reads + 1);
        assert_eq!(world.end(near), Ok(FaultOutcome::Resolved));
        // The next one tries again.
        let again = world.wait(first, 3);
        assert_eq!(world.end(again), Ok(FaultOutcome::Resolved));
        for page in 0..PAGES {
            assert_eq!(world.bench.read(at(page)), Ok(page + 1));
        }
    }
}

/// A cluster that cannot be read is read page by page by those who want one.
#[test]
fn a_damaged_page_harms_nobody_who_waits_for_another_one() {
    for memory in ALL {
        let mut world = World::new(memory);
        let [first, second] = world.threads();
        // The first try of all fails, the second one, of one page, does not.
        world
            .faults
            .fail(world.faults.operations(), DiskFault::Fails);
        let one = world.wait(first, 3);
        assert_eq!(world.bench.machine.pages_in_flight(), 1);
        let other = world.wait(second, 4);
        assert_ne!(one.read(), other.read());
        assert_eq!(world.end(one), Ok(FaultOutcome::Resolved));
        assert_eq!(world.end(other), Ok(FaultOutcome::Resolved));
        assert_eq!((world.seen(3), world.seen(4)), (Some(4), Some(5)));
    }
}

/// All pages that are read at once are in flight; those that nobody waited for are soft faults
/// once they are there.
#[test]
fn a_neighbour_is_waited_for_too_and_is_a_soft_fault_once_the_read_is_over() {
    for memory in ALL {
        let mut world = World::new(memory);
        let [first, second] = world.threads();
        let reads = world.reads();
        let one = world.wait(first, 3);
        let other = world.wait(second, 4);
        assert_eq!(one.read(), other.read());
        assert_eq!(world.reads(), reads + 1);
        let flying = world.bench.machine.pages_in_flight();
        assert!(flying > 2, "{flying}");
        assert_eq!(world.end(other), Ok(FaultOutcome::Resolved));
        let before = world.bench.machine.fault_counters();
        let soft = world.begin(second, 5).unwrap();
        assert!(matches!(soft, FaultProgress::Done(FaultOutcome::Resolved)));
        let after = world.bench.machine.fault_counters();
        assert_eq!(
            (after.soft, after.collided),
            (before.soft + 1, before.collided)
        );
        assert_eq!(world.end(one), Ok(FaultOutcome::Resolved));
        let seen = [3, 4, 5].map(|page| world.seen(page));
        assert_eq!(seen, [Some(4), Some(5), Some(6)]);
        assert_eq!(world.reads(), reads + 1);
    }
}

/// Read-in-progress: the frame is in transition, in no list, and nobody else's.
#[test]
fn the_frame_of_a_page_that_is_read_is_in_no_list_and_nobody_elses() {
    for memory in ALL {
        let mut world = World::with_frames(memory, 256);
        let available = world.bench.machine.page_lists().available();
        let wait = world.wait(world.bench.process, 3);
        let flying = world.flying();
        let lists = world.bench.machine.page_lists();
        assert_eq!(lists.available() + flying.len() as u64, available);
        for &frame in &flying {
            let record = *world.bench.machine.kernel.physical.frames().record(frame);
            assert_eq!(record.state, FrameState::Transition);
            assert!(record.is(FrameFlags::READ_IN_PROGRESS));
            assert_eq!((record.shares, record.references), (0, 1));
            let bad = world.bench.machine.mark_page_bad(frame);
            assert_eq!(bad, Err(Status::ConflictingAddresses));
        }
        // All others are taken.
        let process = world.bench.switch();
        let more = BASE + 0x100_0000;
        world
            .bench
            .alloc(more, 180 * PAGE, BOTH, READWRITE)
            .unwrap();
        for page in 0..180 {
            world.bench.write(more + page * PAGE, 0xff).unwrap();
        }
        assert_eq!(world.flying(), flying);
        world.bench.process = process;
        assert_eq!(world.end(wait), Ok(FaultOutcome::Resolved));
        assert_eq!(world.seen(3), Some(4));
        let (space, kernel) = world.bench.machine.space_ref(process).unwrap();
        let shown = space.entry(&kernel.physical, at(3)).unwrap().frame();
        assert_eq!(shown.map(PhysicalPage::of), flying.last().copied());
    }
}

/// Windows waits for pages that can be had; which are those of a read that is over.
#[test]
fn where_no_frame_can_be_had_a_read_is_waited_for() {
    let mut world = World::new(Memory::Private);
    let wait = world.wait(world.bench.process, 3);
    let flying = world.bench.machine.pages_in_flight();
    assert!(flying > 1);
    world.bench.leave_available(0);
    let held = world.bench.machine.page_lists().available();
    assert_eq!(held, 0);
    // The tables of this are there already.
    world
        .bench
        .alloc(BASE + 0x1_0000, PAGE, BOTH, READWRITE)
        .unwrap();
    world.bench.write(BASE + 0x1_0000, 9).unwrap();
    assert_eq!(world.bench.machine.pages_in_flight(), 0);
    assert_eq!(world.bench.machine.page_lists().available(), flying - 1);
    assert_eq!(world.end(wait), Ok(FaultOutcome::Resolved));
    assert_eq!(world.seen(3), Some(4));
}

/// The same calls, the same reads and the same counts.
#[test]
fn the_same_faults_wait_for_the_same_reads() {
    let run = || {
        let mut world = World::new(Memory::File);
        let [first, second] = world.threads();
        let mut log = Vec::new();
        let mut waits = Vec::new();
        for page in [3, 0, 3, 7, 5] {
            let thread = [first, second][usize::from(page % 2)];
            match world.begin(thread, page) {
                Ok(FaultProgress::Waits(wait)) => waits.push(wait),
                done => log.push(format!("{done:?}")),
            }
        }
        log.extend(waits.iter().map(|wait| format!("{:?}", wait.read())));
        let ended = waits.into_iter().map(|wait| world.end(wait));
        log.extend(ended.map(|ended| format!("{ended:?}")).collect::<Vec<_>>());
        log.push(format!("{:?}", world.bench.machine.fault_counters()));
        log
    };
    assert_eq!(run(), run());
}
