//! Sections of memory and of files, and views of them.

use std::{
    fs::{File, OpenOptions},
    io,
    ops::Range,
    path::Path,
};

use memory_manager::{
    AddressRequirements, AllocationType, Backing, FileAccess, Machine, PageProtection,
    SectionAttributes, SectionHandle, Status, UnmapFlags, ViewAccess, ViewRequest,
};
use mmu_core::VirtAddr;

use super::{
    Call,
    Parameter::{self, Last, Number},
    base, done, flags, hint,
};
use crate::vm::error::Failure;

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "CreateFileMapping",
        parameters: &[Parameter::File, Number("protection"), Number("size")],
        gives: "a handle; of a file in quotes, or of memory with NULL",
        example: "s = CreateFileMapping(NULL, PAGE_READWRITE | SEC_COMMIT, 64KiB)",
        run: |run, given| {
            let [protection, size] = given.numbers();
            let backing = given.file.map_or(Ok(Backing::PageFile), open);
            let backing = run.keep(backing)?;
            let (attributes, protection) = (flags(protection) & !0xffff, protection & 0xffff);
            let protection = PageProtection::from_bits_retain(flags(protection));
            let attributes = SectionAttributes::from_bits_retain(attributes);
            let made = run.win32(|win32| {
                win32.create_file_mapping(backing, protection, attributes, size, None)
            });
            Ok(run.sections.add(made?, run.place.clone()))
        },
    },
    Call {
        name: "MapViewOfFile",
        parameters: &[
            Number("section"),
            Number("access"),
            Number("offset"),
            Number("size"),
            Last("address"),
        ],
        gives: "the address, which may be asked for",
        example: "v = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0)",
        run: |run, given| {
            let [section, access, offset, size, address] = given.numbers();
            let access = ViewAccess::from_bits_retain(flags(access));
            let section = run.sections.handle(section);
            let section = run.keep(section)?;
            let mapped = run.win32(|win32| {
                win32.map_view_of_file_ex(section, access, offset, size, hint(address))
            });
            Ok(base(mapped?))
        },
    },
    Call {
        name: "MapViewOfFile3",
        parameters: &[
            Number("section"),
            Number("address"),
            Number("offset"),
            Number("size"),
            Number("type"),
            Number("protection"),
        ],
        gives: "the address, be it a placeholder's",
        example: "MapViewOfFile3(s, hole, 0, 64KiB, MEM_REPLACE_PLACEHOLDER, PAGE_READWRITE)",
        run: |run, given| {
            let [section, base_, offset, size, kind, protection] = given.numbers();
            let request = ViewRequest {
                base: Some(VirtAddr::new(base_)),
                offset,
                size,
                commit: 0,
                protection: PageProtection::from_bits_retain(flags(protection)),
            };
            let kind = AllocationType::from_bits_retain(flags(kind));
            let anywhere = AddressRequirements::default();
            let section = run.sections.handle(section);
            let section = run.keep(section)?;
            let process = given.process;
            let mapped = run.win32(|win32| {
                win32.map_view_of_file3(process, section, &request, kind, &anywhere)
            });
            Ok(base(mapped?))
        },
    },
    Call {
        name: "FlushViewOfFile",
        parameters: &[Number("address"), Number("size")],
        gives: "1",
        example: "FlushViewOfFile(v, 0)",
        run: |run, given| {
            let [address, size] = given.numbers();
            let address = VirtAddr::new(address);
            let flushed = run.win32(|win32| win32.flush_view_of_file(address, size));
            Ok(flushed.map(done)?)
        },
    },
    Call {
        name: "UnmapViewOfFile",
        parameters: &[Number("address")],
        gives: "the address of the view",
        example: "UnmapViewOfFile(v)",
        run: |run, given| {
            let [address] = given.numbers();
            let address = VirtAddr::new(address);
            Ok(base(run.win32(|win32| win32.unmap_view_of_file(address))?))
        },
    },
    Call {
        name: "UnmapViewOfFile2",
        parameters: &[Number("address"), Number("flags")],
        gives: "the address of the view",
        example: "UnmapViewOfFile2(hole, MEM_PRESERVE_PLACEHOLDER)",
        run: |run, given| {
            let [address, kind] = given.numbers();
            let kind = UnmapFlags::from_bits_retain(flags(kind));
            let (process, address) = (given.process, VirtAddr::new(address));
            let unmapped = run.win32(|win32| win32.unmap_view_of_file2(process, address, kind));
            Ok(base(unmapped?))
        },
    },
    Call {
        name: "CloseHandle",
        parameters: &[Number("handle")],
        gives: "1",
        example: "CloseHandle(s)",
        run: |run, given| {
            let [handle] = given.numbers();
            let closed = run.sections.close(&mut run.machine, handle);
            run.keep(closed).map(done)
        },
    },
];

/// A file for a section: for writing as well if that is allowed.
fn open(path: &str) -> Result<Backing, Failure> {
    let all = FileAccess::READ | FileAccess::WRITE | FileAccess::EXECUTE;
    if Path::new(path).is_dir() {
        return Err(Failure::File {
            path: path.into(),
            cause: io::ErrorKind::IsADirectory.into(),
        });
    }
    if let Ok(file) = OpenOptions::new().read(true).write(true).open(path) {
        return Ok(Backing::File(file, all));
    }
    let file = File::open(path).map_err(|cause| Failure::File {
        path: path.into(),
        cause,
    })?;
    Ok(Backing::File(file, all - FileAccess::WRITE))
}

/// The sections of a script. The n-th, from 0, has the handle 4n + 4.
#[derive(Debug, Default)]
pub(in crate::vm) struct Sections(Vec<Section>);

#[derive(Debug)]
struct Section {
    /// `None` once it is closed.
    handle: Option<SectionHandle>,
    /// The statement that made it.
    made: Range<usize>,
}

const HANDLE_STEP: u64 = 4;

impl Sections {
    fn add(&mut self, handle: SectionHandle, made: Range<usize>) -> u64 {
        self.0.push(Section {
            handle: Some(handle),
            made,
        });
        self.0.len() as u64 * HANDLE_STEP
    }

    fn place(&self, handle: u64) -> Result<usize, Status> {
        let place = (handle / HANDLE_STEP).checked_sub(1);
        let place = place.and_then(|place| usize::try_from(place).ok());
        place
            .filter(|&place| handle.is_multiple_of(HANDLE_STEP) && place < self.0.len())
            .ok_or(Status::InvalidHandle)
    }

    fn handle(&self, handle: u64) -> Result<SectionHandle, Status> {
        self.0[self.place(handle)?]
            .handle
            .ok_or(Status::InvalidHandle)
    }

    fn close(&mut self, machine: &mut Machine, handle: u64) -> Result<(), Status> {
        machine.close_section(self.handle(handle)?)?;
        let place = self.place(handle)?;
        self.0[place].handle = None;
        Ok(())
    }

    /// Closes all that are open; says what made the first that cannot be.
    pub(in crate::vm) fn close_all(
        self,
        machine: &mut Machine,
    ) -> Result<(), (Range<usize>, Status)> {
        let mut result = Ok(());
        for section in self.0 {
            if let Some(handle) = section.handle {
                let closed = machine.close_section(handle);
                result = result.and(closed.map_err(|status| (section.made, status)));
            }
        }
        result
    }
}
