use std::{
    fs::{self, File},
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    checked_disk::{CheckedDisk, Operation},
    *,
};
use crate::{
    Backing, Disk, DiskFault, DiskFaults, FaultyDisk, FileAccess, SectionAttributes, SectionHandle,
    SectionOpening, ViewRequest,
};

const COMMITTED: SectionAttributes = SectionAttributes::COMMIT;

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
    let limited = CheckedDisk::new(&file, |operation| match operation {
        Operation::SetLength(length) if length > 0x2000 => Err(ErrorKind::FileTooLarge.into()),
        _ => Ok(()),
    });
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

/// What is written is in its view, and in the file as soon as that can be.
#[test]
fn a_full_or_protected_disk_takes_nothing_from_a_view() {
    for (kind, status) in [
        (ErrorKind::StorageFull, Status::DiskFull),
        (ErrorKind::ReadOnlyFilesystem, Status::MediaWriteProtected),
    ] {
        let mut bench = Bench::new();
        let file = files::file(0x2800);
        let refuses = Arc::new(AtomicBool::new(false));
        let refusing = Arc::clone(&refuses);
        let disk = CheckedDisk::new(&file, move |operation| match operation {
            Operation::Write if refusing.load(Ordering::Relaxed) => Err(kind.into()),
            _ => Ok(()),
        });
        let section = bench.section_on(disk, COMMITTED, 0).unwrap();
        bench.map(section, BASE, READWRITE).unwrap();
        let (process, base) = (bench.process, VirtAddr::new(BASE));
        refuses.store(true, Ordering::Relaxed);
        bench.write(BASE, 9).unwrap();
        bench.write(BASE + 0x2000, 8).unwrap();
        for _ in 0..2 {
            let machine = &mut bench.machine;
            assert_eq!(machine.flush_view(process, base, 0), Err(status));
            assert_eq!(machine.unmap_view(process, base), Err(status));
            bench.empty_working_set();
            bench.machine.tick().unwrap();
            bench.forget_standby();
            assert_eq!(bench.read(BASE), Ok(9));
            assert_eq!(bench.read(BASE + 0x2000), Ok(8));
            // What was not written is read as ever.
            assert_eq!(
                bench.read(BASE + 0x1000),
                Ok(files::content(0x1001)[0x1000])
            );
        }
        assert_eq!(first_byte(&file), 1);
        refuses.store(false, Ordering::Relaxed);
        bench.machine.unmap_view(process, base).unwrap();
        let mut expected = files::content(0x2800);
        (expected[0], expected[0x2000]) = (9, 8);
        assert_eq!(files::bytes(&file), expected);
    }
}

/// The host keeps a file that was deleted as long as it is open, and the view has it open.
#[test]
fn a_file_that_is_deleted_lives_on_in_its_view() {
    let mut bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapped");
    fs::write(&path, files::content(0x1800)).unwrap();
    let file = || File::options().read(true).write(true).open(&path).unwrap();
    let (other, opened) = (file(), file());
    let access = FileAccess::all();
    let section = bench.file_section(&opened, access, READWRITE, 0).unwrap();
    drop(opened);
    bench.map(section, BASE, READWRITE).unwrap();
    bench.machine.close_section(section).unwrap();
    bench.write(BASE, 9).unwrap();
    fs::remove_file(&path).unwrap();
    bench.write(BASE + 0x1000, 8).unwrap();
    let base = VirtAddr::new(BASE);
    bench.machine.flush_view(bench.process, base, 0).unwrap();
    bench.empty_working_set();
    bench.forget_standby();
    assert_eq!(bench.read(BASE), Ok(9));
    assert_eq!(
        bench.read(BASE + 0x17ff),
        Ok(files::content(0x1800)[0x17ff])
    );
    // Who is called the same now is somebody else.
    fs::write(&path, [3; 0x1000]).unwrap();
    let next = bench.file_section(&file(), access, READWRITE, 0).unwrap();
    bench.map(next, BASE + 0x1_0000, READWRITE).unwrap();
    assert_eq!(bench.read(BASE + 0x1_0000), Ok(3));
    bench.write(BASE, 7).unwrap();
    bench.machine.unmap_view(bench.process, base).unwrap();
    let mut expected = files::content(0x1800);
    (expected[0], expected[0x1000]) = (7, 8);
    assert_eq!(files::bytes(&other), expected);
    assert_eq!(fs::read(&path).unwrap(), [3; 0x1000]);
}

/// What a file was opened for is settled when it is opened (Microsoft, "File Security and Access
/// Rights").
#[test]
fn a_file_that_is_made_read_only_is_written_by_the_view_that_it_has() {
    let mut bench = Bench::new();
    let named = tempfile::NamedTempFile::new().unwrap();
    fs::write(named.path(), files::content(0x1000)).unwrap();
    let access = FileAccess::all();
    let opened = named.reopen().unwrap();
    let section = bench.file_section(&opened, access, READWRITE, 0).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
    let mut permissions = opened.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(named.path(), permissions).unwrap();
    bench.write(BASE, 9).unwrap();
    let base = VirtAddr::new(BASE);
    bench.machine.flush_view(bench.process, base, 0).unwrap();
    assert_eq!(first_byte(&opened), 9);
    // Who opens it now may read it.
    let read = File::open(named.path()).unwrap();
    let refused = bench.file_section(&read, FileAccess::READ, READWRITE, 0);
    assert_eq!(refused, Err(Status::AccessDenied));
    assert!(
        bench
            .file_section(&read, FileAccess::READ, READONLY, 0)
            .is_ok()
    );
}
