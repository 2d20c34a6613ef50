//! Calls with arguments that nobody would give them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
};

use mmu_core::CpuFeatures;

use super::{pe::Pe, *};
use crate::{
    AddressLayout, AddressRequirements, AllocationRequest, Backing, Caller, DepPolicy, FileAccess,
    LARGE_PAGE_MINIMUM, SHARED_DATA, SectionAttributes, SectionHandle, StackRequest, Target,
    ThreadId, ViewRequest, WorkingSetSize, vad::USER_LIMIT,
};

mod files;
mod memory;
mod page_files;
mod physical;
mod processes;
mod sections;
mod win32;

/// Numbers that go wrong where anything does.
const NUMBERS: [u64; 18] = [
    0,
    1,
    0xfff,
    0x1000,
    0xffff,
    0x1_0000,
    LARGE_PAGE_MINIMUM,
    BASE - 1,
    BASE,
    BASE + 0x1_0001,
    USER_LIMIT - 0x1_0000,
    USER_LIMIT - 1,
    USER_LIMIT,
    1 << 47,
    SHARED_DATA,
    1 << 63,
    u64::MAX - 0xfff,
    u64::MAX,
];

/// Flags, of all kinds of calls.
const FLAGS: [u32; 18] = [
    0,
    1,
    2,
    4,
    8,
    0x1000,
    0x3000,
    0x4000,
    0x6000,
    0x8000,
    0x8001,
    0x8002,
    0x1_1000,
    0x4_2000,
    0x20_3000,
    0x40_2000,
    0x2000_3000,
    u32::MAX,
];

/// What a call is asked.
#[derive(Clone, Copy)]
struct Arguments {
    at: VirtAddr,
    size: u64,
    first: u32,
    second: u32,
    target: Target,
    section: SectionHandle,
}

impl Arguments {
    fn process(self) -> ProcessId {
        self.target.process
    }

    /// The size, taken for an address.
    fn other(self) -> VirtAddr {
        VirtAddr::new(self.size)
    }

    fn range(self) -> AddressRange {
        AddressRange {
            base: self.at,
            size: self.size,
        }
    }

    fn kind(self) -> AllocationType {
        AllocationType::from_bits_retain(self.first)
    }

    fn protection(self) -> PageProtection {
        PageProtection::from_bits_retain(self.second)
    }

    fn attributes(self) -> SectionAttributes {
        SectionAttributes::from_bits_retain(self.first << 15)
    }

    fn sizes(self) -> WorkingSetSize {
        WorkingSetSize {
            minimum: self.at.as_u64(),
            maximum: self.size,
        }
    }

    fn stack(self) -> StackRequest {
        StackRequest {
            reserve: self.at.as_u64(),
            commit: self.size,
        }
    }

    /// Where memory may be: somewhere odd, and anywhere.
    fn placements(self) -> [AddressRequirements; 2] {
        let odd = AddressRequirements {
            lowest: Some(self.at),
            highest: Some(self.other()),
            alignment: self.size,
        };
        [odd, AddressRequirements::default()]
    }

    fn allocations(self) -> [AllocationRequest; 2] {
        let (size, kind, protection) = (self.size, self.kind(), self.protection());
        [None, Some(self.at)].map(|base| AllocationRequest {
            base,
            size,
            kind,
            protection,
        })
    }

    fn views(self) -> [ViewRequest; 2] {
        [None, Some(self.at)].map(|base| ViewRequest {
            base,
            offset: self.size,
            size: self.at.as_u64(),
            commit: self.size,
            protection: self.protection(),
        })
    }
}

/// A machine, and all that a call can be about: what is there, what is another's and what is gone.
struct World {
    bench: Bench,
    targets: Vec<Target>,
    sections: Vec<SectionHandle>,
    image: File,
}

impl World {
    fn new() -> Self {
        let mut bench = Bench::with_config(&MachineConfig {
            ram_bytes: 16 << 20,
            features: CpuFeatures::default(),
            dep_policy: DepPolicy::OptOut,
            processors: 2,
            ..MachineConfig::default()
        });
        bench.privilege();
        let (process, machine) = (bench.process, &mut bench.machine);
        let other = machine.create_process_with(AddressLayout::TwoGiB).unwrap();
        let thread = |machine: &mut Machine, process| {
            let stack = StackRequest::default();
            machine.create_thread(process, stack).unwrap()
        };
        let (own, theirs) = (thread(machine, process), thread(machine, other));
        let ended: ThreadId = thread(machine, process);
        machine.terminate_thread(ended).unwrap();
        let gone = machine.create_process().unwrap();
        machine.terminate_process(gone).unwrap();
        let targets = vec![
            process.into(),
            own.into(),
            Caller::from(own).on(other),
            Caller::from(theirs).on(process),
            other.into(),
            ended.into(),
            gone.into(),
            Caller::from(gone).on(process),
            Caller::from(process).on(gone),
        ];
        let mut section = |backing, attributes| {
            let size = 0x2_0000;
            let made = machine.create_section(backing, READWRITE, attributes, size);
            made.unwrap()
        };
        let memory = section(Backing::PageFile, SectionAttributes::COMMIT);
        let reserved = section(Backing::PageFile, SectionAttributes::RESERVE);
        let closed = section(Backing::PageFile, SectionAttributes::COMMIT);
        let file = Backing::File(images::file(&[7; 0x321]), FileAccess::all());
        let file = section(file, SectionAttributes::COMMIT);
        machine.close_section(closed).unwrap();
        let image = images::file(&Pe::sample(BASE).bytes());
        let loaded = bench.image(&image).unwrap();
        Self {
            bench,
            targets,
            sections: vec![memory, loaded, file, reserved, closed],
            image,
        }
    }

    /// Ends all, and looks whether all memory came back.
    fn end(mut self) {
        invariants::check(&self.bench.machine);
        let machine = &mut self.bench.machine;
        for process in machine.spaces.keys().copied().collect::<Vec<_>>() {
            machine.terminate_process(process).unwrap();
        }
        for section in self.sections {
            let _ = machine.close_section(section);
        }
        let bad = machine.page_lists().bad;
        assert_eq!((machine.frames_in_use(), machine.commit_charge()), (bad, 0));
    }
}

/// All that can be asked about two numbers and two flags, by anybody of anybody, is answered, and
/// nothing breaks.
#[test]
fn no_argument_breaks_a_call() {
    for (row, base) in NUMBERS.into_iter().enumerate() {
        for (column, size) in NUMBERS.into_iter().enumerate() {
            let mut world = World::new();
            let turn = row * NUMBERS.len() + column;
            for (index, first) in FLAGS.into_iter().enumerate() {
                // All pairs meet, though not at all numbers.
                let (targets, sections) = (&world.targets, &world.sections);
                let arguments = Arguments {
                    at: VirtAddr::new(base),
                    size,
                    first,
                    second: FLAGS[(index + turn) % FLAGS.len()],
                    target: targets[(index + turn) % targets.len()],
                    section: sections[(index + turn) % sections.len()],
                };
                // The first ones find memory of their own.
                world.allocate(arguments);
                world.look(arguments);
                world.map(arguments);
                world.use_physical_pages(arguments);
                world.lock_for_devices(arguments);
                world.use_files(arguments);
                world.use_processes(arguments);
                world.use_win32(arguments);
                world.free(arguments);
            }
            world.use_up(base, size);
            world.end();
        }
    }
}

/// The public methods of a type, by what its blocks of methods begin with.
fn public_methods(folder: &Path, block: &str, methods: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap();
        if path.is_dir() && stem != "tests" {
            public_methods(&path, block, methods);
        } else if path.is_file() && stem != "tests" {
            let source = fs::read_to_string(&path).unwrap();
            let mut is_inside = false;
            for line in source.lines() {
                is_inside = line.starts_with(block) || is_inside && line != "}";
                let method = line.strip_prefix("    pub fn ").filter(|_| is_inside);
                let name = method.and_then(|method| method.split(['(', '<']).next());
                methods.extend(name.map(String::from));
            }
        }
    }
}

#[test]
fn every_public_call_is_made_with_such_arguments() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let own = source.join("machine/tests/hostile");
    let made = fs::read_dir(own).unwrap().map(|entry| {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        text.split_whitespace().collect::<String>()
    });
    let made: String = made.collect();
    for (block, object) in [
        ("impl Machine {", "machine"),
        ("impl Win32<'_> {", "win32"),
        ("impl<'m> Win32<'m> {", "win32"),
    ] {
        let mut methods = BTreeSet::new();
        public_methods(&source, block, &mut methods);
        assert!(methods.len() > 2, "{block} has methods");
        methods.remove("new");
        let missing = methods
            .iter()
            .filter(|method| !made.contains(&format!("{object}.{method}(")));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "{block} {missing:?}");
    }
}
