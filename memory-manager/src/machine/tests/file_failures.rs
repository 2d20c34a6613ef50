use std::{
    fs::File,
    io::{self, ErrorKind},
};

use super::*;
use crate::{
    Backing, Disk, DiskFault, DiskFaults, FaultyDisk, FileAccess, SectionAttributes, SectionHandle,
    SectionOpening, ViewRequest,
};

const COMMITTED: SectionAttributes = SectionAttributes::COMMIT;

/// A file on a file system that has none that are longer.
#[derive(Debug)]
struct Limited {
    file: File,
    most: u64,
}

impl Disk for Limited {
    fn length(&self) -> io::Result<u64> {
        Disk::length(&self.file)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        Disk::read_at(&self.file, offset, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        Disk::write_at(&self.file, offset, bytes)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        if length > self.most {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.file.set_length(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Bench {
    fn section_on(
        &mut self,
        disk: impl Disk + 'static,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<SectionHandle, Status> {
        let backing = Backing::Disk(Box::new(disk), FileAccess::all());
        self.machine
            .create_section(backing, READWRITE, attributes, size)
    }
}

/// A process that has ended and left a page that could not be written to a file: of the bytes,
/// the first is to be 9.
fn left_behind() -> (Bench, File, DiskFaults) {
    let mut bench = Bench::new();
    let (file, faults) = (files::file(0x1800), DiskFaults::default());
    let disk = FaultyDisk::new(file.try_clone().unwrap(), &faults);
    let section = bench.section_on(disk, COMMITTED, 0).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    bench.write(BASE, 9).unwrap();
    bench.machine.close_section(section).unwrap();
    faults.fail_from(faults.operations(), DiskFault::Fails);
    let process = bench.process;
    let ended = bench.machine.terminate_process(process);
    assert_eq!(ended, Err(Status::IoDeviceError));
    assert!(bench.machine.frames_in_use() > 0);
    (bench, file, faults)
}

fn first_byte(file: &File) -> u8 {
    let mut byte = [0];
    Disk::read_at(file, 0, &mut byte).unwrap();
    byte[0]
}

#[test]
fn what_an_ended_process_could_not_write_is_tried_again_each_second() {
    let (mut bench, file, faults) = left_behind();
    bench.machine.tick().unwrap();
    assert_eq!(first_byte(&file), 1);
    faults.heal();
    bench.machine.tick().unwrap();
    assert_eq!(first_byte(&file), 9);
    let machine = &bench.machine;
    assert_eq!((machine.frames_in_use(), machine.commit_charge()), (0, 0));
}

#[test]
fn all_files_are_written_or_it_is_told_that_they_are_not() {
    let (mut bench, file, faults) = left_behind();
    bench.process = bench.machine.create_process().unwrap();
    let other = files::file(0x1000);
    let section = bench.section_on(other.try_clone().unwrap(), COMMITTED, 0);
    bench.map(section.unwrap(), BASE, READWRITE).unwrap();
    bench.write(BASE, 8).unwrap();
    let flushed = bench.machine.flush_files();
    assert_eq!(flushed, Err(Status::IoDeviceError));
    assert_eq!((first_byte(&file), first_byte(&other)), (1, 8));
    faults.heal();
    let frames = bench.machine.frames_in_use();
    assert_eq!(bench.machine.flush_files(), Ok(()));
    assert_eq!(first_byte(&file), 9);
    assert!(bench.machine.frames_in_use() < frames);
    // The view notices the next write.
    bench.write(BASE, 7).unwrap();
    assert_eq!(bench.machine.flush_files(), Ok(()));
    assert_eq!(first_byte(&other), 7);
}

/// Microsoft, `CreateFileMapping`: `ERROR_DISK_FULL` if the file on disk cannot be increased.
#[test]
fn a_file_that_cannot_get_longer_is_told_as_a_full_disk() {
    let mut bench = Bench::new();
    let (charge, frames) = (bench.machine.commit_charge(), bench.machine.frames_in_use());
    let file = files::file(0x1000);
    let limited = Limited {
        file: file.try_clone().unwrap(),
        most: 0x2000,
    };
    let refused = bench.section_on(limited, COMMITTED, 0x2001);
    assert_eq!(refused, Err(Status::DiskFull));
    assert_eq!(Status::DiskFull.win32(), 112);
    let faults = DiskFaults::default();
    let full = FaultyDisk::new(file.try_clone().unwrap(), &faults);
    faults.fail(2, DiskFault::Full);
    let refused = bench.section_on(full, COMMITTED, 0x2000);
    assert_eq!(refused, Err(Status::DiskFull));
    assert_eq!(Disk::length(&file).unwrap(), 0x1000);
    let machine = &bench.machine;
    assert_eq!(
        (machine.commit_charge(), machine.frames_in_use()),
        (charge, frames)
    );
}

#[test]
fn a_file_stays_as_long_as_it_is_where_its_section_is_not_made() {
    let mut bench = Bench::new();
    let reserved = SectionAttributes::RESERVE | SectionAttributes::BASED;
    let most = (64 << 20) / 8 * 0x1000;
    while bench.section(READWRITE, reserved, most).is_ok() {}
    let file = files::file(0x1000);
    let backing = |file: &File| Backing::File(file.try_clone().unwrap(), FileAccess::all());
    let based = COMMITTED | SectionAttributes::BASED;
    let made = bench
        .machine
        .create_section(backing(&file), READWRITE, based, most);
    assert_eq!(made, Err(Status::NoMemory));
    assert_eq!(Disk::length(&file).unwrap(), 0x1000);
    // A section that is there already is as long as it was; the file gets longer (ReactOS's
    // `NtCreateSection`).
    let opening = SectionOpening {
        name: Some("Foo"),
        ..SectionOpening::default()
    };
    for size in [0, 0x3000] {
        let made =
            bench
                .machine
                .create_section_as(opening, backing(&file), READWRITE, COMMITTED, size);
        let (section, _) = made.unwrap();
        let request = ViewRequest {
            base: None,
            offset: 0,
            size: 0,
            commit: 0,
            protection: READWRITE,
        };
        let view = bench.machine.map_view(bench.process, section, &request);
        assert_eq!(view.unwrap().range.size, 0x1000);
    }
    assert_eq!(Disk::length(&file).unwrap(), 0x3000);
}
