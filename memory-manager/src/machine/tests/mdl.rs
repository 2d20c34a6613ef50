//! Pages that are locked for a device.

use std::fs::File;

use super::{images::file, *};
use crate::{
    Backing, CacheType, Exception, FileAccess, FrameFault, FrameState, LockOperation, Mdl,
    PhysicalPage, SectionAttributes, SectionHandle,
};

mod mapping;

impl Bench {
    fn lock_pages(
        &mut self,
        base: u64,
        bytes: u64,
        operation: LockOperation,
    ) -> Result<Mdl, Exception> {
        let (process, base) = (self.process, VirtAddr::new(base));
        self.machine
            .probe_and_lock_pages(process, base, bytes, operation)
    }

    fn lock_for(&mut self, base: u64, bytes: u64, operation: LockOperation) -> Mdl {
        self.lock_pages(base, bytes, operation).unwrap()
    }

    fn unlocked(&mut self, mdl: Mdl) {
        self.machine.unlock_pages(mdl).unwrap();
        self.machine.verify_frames().unwrap();
    }

    /// Where the system sees locked pages.
    fn seen_at(&mut self, mdl: &Mdl) -> VirtAddr {
        let seen = self.machine.map_locked_pages(mdl, CacheType::Cached);
        seen.unwrap()
    }

    fn system_byte(&mut self, address: VirtAddr) -> Result<u8, (Status, u64, u64)> {
        let mut byte = [0];
        let read = self.machine.read_system(address, &mut byte);
        read.map(|()| byte[0]).map_err(raw)
    }

    fn frame_of(&self, address: u64) -> Option<PhysicalPage> {
        let (space, kernel) = self.machine.space_ref(self.process).unwrap();
        let pte = space.entry(&kernel.physical, address).unwrap();
        pte.frame().map(PhysicalPage::of)
    }

    fn state_of(&self, frame: PhysicalPage) -> FrameState {
        self.machine.kernel.physical.record(frame.frame()).state
    }

    fn first_frame(&self, mdl: &Mdl) -> PhysicalPage {
        self.machine.locked_frames(mdl).unwrap()[0]
    }

    /// A view of a file of so many pages of sevens; gives the file and the section.
    fn mapped_file(&mut self, pages: usize) -> (File, SectionHandle) {
        let file = file(&vec![7; pages << 12]);
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
        let commit = SectionAttributes::COMMIT;
        let made = self.machine.create_section(backing, READWRITE, commit, 0);
        let section = made.unwrap();
        self.map(section, BASE, READWRITE).unwrap();
        (file, section)
    }
}

fn byte_of(file: &File, offset: u64) -> u8 {
    let mut byte = [0];
    crate::section::mapped_file::read(file, offset, &mut byte).unwrap();
    byte[0]
}

/// Microsoft, `MmProbeAndLockPages`: the pages are made resident, and cannot be paged out nor
/// used for anything else.
#[test]
fn locked_pages_stay_in_their_frames_while_memory_is_short() {
    let (mut bench, _) = Bench::with_page_file(256, 1024);
    bench.numbered(BASE, 20);
    bench.page_out();
    bench.forget_standby();
    let mdl = bench.lock_for(BASE + 0x123, 16 * PAGE, LockOperation::Read);
    let frames = bench.machine.locked_frames(&mdl).unwrap();
    assert_eq!(frames.len(), 17);
    let first = bench.process;
    bench.process = bench.machine.create_process().unwrap();
    bench.alloc(BASE, 600 * PAGE, BOTH, READWRITE).unwrap();
    for page in 0..600 {
        bench.write(BASE + page * PAGE, 0xee).unwrap();
    }
    bench.process = first;
    bench.page_out();
    for _ in 0..9 {
        bench.machine.tick().unwrap();
    }
    for (page, &frame) in (0_u8..).zip(&frames) {
        assert_eq!(bench.frame_of(BASE + u64::from(page) * PAGE), Some(frame));
        assert_eq!(bench.state_of(frame), FrameState::Active);
        let mut byte = [0];
        let ram = bench.machine.kernel.physical.ram();
        ram.read(frame.frame(), &mut byte).unwrap();
        assert_eq!(byte, [page + 1]);
    }
    assert_ne!(bench.frame_of(BASE + 17 * PAGE), Some(frames[0]));
    bench.unlocked(mdl);
    bench.page_out();
    bench.forget_standby();
    assert!((0..20).all(|page| bench.frame_of(BASE + page * PAGE).is_none()));
}

/// Microsoft, `MmProbeAndLockPages`: what does not permit the operation raises
/// `STATUS_ACCESS_VIOLATION` or another exception.
#[test]
fn pages_that_may_not_be_accessed_so_are_not_locked() {
    let mut bench = Bench::new();
    bench.alloc(BASE, 8 * PAGE, RESERVE, READWRITE).unwrap();
    bench.alloc(BASE, 4 * PAGE, COMMIT, READWRITE).unwrap();
    bench.protect(BASE + PAGE, PAGE, READONLY).unwrap();
    bench.protect(BASE + 2 * PAGE, PAGE, NOACCESS).unwrap();
    bench
        .protect(BASE + 3 * PAGE, PAGE, READWRITE | GUARD)
        .unwrap();
    let (read, write) = (LockOperation::Read, LockOperation::Write);
    for (operation, access, page, code) in [
        (read, 0, 2, Status::AccessViolation),
        (write, 1, 1, Status::AccessViolation),
        (LockOperation::Modify, 1, 1, Status::AccessViolation),
    ] {
        let refused = bench.lock_pages(BASE, 4 * PAGE, operation).unwrap_err();
        assert_eq!(raw(refused), (code, access, BASE + page * PAGE));
        bench.machine.verify_frames().unwrap();
    }
    let guarded = BASE + 3 * PAGE + 5;
    let refused = bench.lock_pages(guarded, 1, read).unwrap_err();
    assert_eq!(Err::<(), _>(raw(refused)), guard(0, guarded));
    // It is none any more.
    let mdl = bench.lock_for(guarded, 1, read);
    bench.unlocked(mdl);
    let refused = bench.lock_pages(BASE + 3 * PAGE, 2 * PAGE, write);
    let refused = refused.unwrap_err();
    assert_eq!(Err::<(), _>(raw(refused)), violation(1, BASE + 4 * PAGE));
    let kernel = 0xffff_8000_0000_0000;
    let refused = bench.lock_pages(kernel, 1, read).unwrap_err();
    assert_eq!(refused.code, Status::AccessViolation);
    let refused = bench.lock_pages(BASE, 0, read).unwrap_err();
    assert_eq!(refused.code, Status::InvalidParameter);
    assert_eq!(bench.machine.pages_locked_of(bench.process), 0);
    bench.machine.verify_frames().unwrap();
}

/// Windows Internals: a page that copies itself is copied before it is locked to be written.
/// Literature only.
#[test]
fn a_page_is_copied_before_it_is_locked_to_be_written() {
    let mut bench = Bench::new();
    let file = file(&[7; 0x2000]);
    let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
    let commit = SectionAttributes::COMMIT;
    let made = bench.machine.create_section(backing, READWRITE, commit, 0);
    let section = made.unwrap();
    bench.map(section, BASE, WRITECOPY).unwrap();
    bench.map(section, BASE + 0x10_0000, READONLY).unwrap();
    assert_eq!(bench.read(BASE + 0x10_0000), Ok(7));
    let read = bench.lock_for(BASE, 1, LockOperation::Read);
    let shared = bench.frame_of(BASE + 0x10_0000).unwrap();
    assert_eq!(bench.first_frame(&read), shared);
    let write = bench.lock_for(BASE, 1, LockOperation::Write);
    let own = bench.first_frame(&write);
    assert_ne!(own, shared);
    let at = bench.seen_at(&write);
    bench.machine.write_system(at, &[9]).unwrap();
    assert_eq!(bench.read(BASE), Ok(9));
    assert_eq!(bench.read(BASE + 0x10_0000), Ok(7));
    let at = bench.seen_at(&read);
    assert_eq!(bench.system_byte(at), Ok(7));
    bench.unlocked(read);
    bench.unlocked(write);
    assert_eq!(byte_of(&file, 0), 7);
}

/// Microsoft, `MmProbeAndLockPages`: a page that several lock is locked until the last unlocks it.
#[test]
fn what_several_lock_is_locked_until_the_last_unlocks_it() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    bench.numbered(BASE, 2);
    let first = bench.lock_for(BASE, PAGE, LockOperation::Read);
    let second = bench.lock_for(BASE + 10, 2 * PAGE - 10, LockOperation::Modify);
    assert_eq!(bench.machine.pages_locked_of(bench.process), 3);
    let frame = bench.first_frame(&first);
    bench.unlocked(first);
    bench.page_out();
    assert_eq!(bench.frame_of(BASE), Some(frame));
    assert_eq!(bench.state_of(frame), FrameState::Active);
    bench.unlocked(second);
    bench.page_out();
    assert_eq!(bench.state_of(frame), FrameState::Standby);
}

/// Microsoft, `MmProbeAndLockPages`: pages cannot be freed and allocated anew while a device is
/// busy with them.
#[test]
fn the_frame_of_locked_memory_that_is_freed_is_nobodys_until_it_is_unlocked() {
    let mut bench = Bench::new();
    bench.numbered(BASE, 3);
    let mdl = bench.lock_for(BASE, 2 * PAGE, LockOperation::Write);
    let frames = bench.machine.locked_frames(&mdl).unwrap();
    let at = bench.seen_at(&mdl);
    bench.free(BASE, PAGE, DECOMMIT).unwrap();
    bench.machine.verify_frames().unwrap();
    bench.free(BASE, 0, RELEASE).unwrap();
    bench.numbered(BASE, 40);
    assert_eq!(bench.system_byte(at), Ok(1));
    assert_eq!(bench.system_byte(at.wrapping_add(PAGE)), Ok(2));
    for &frame in &frames {
        assert_eq!(bench.state_of(frame), FrameState::Transition);
    }
    bench.unlocked(mdl);
    for frame in frames {
        assert_eq!(bench.state_of(frame), FrameState::Free);
    }
}

/// Windows stops (bug check 0x76, `PROCESS_HAS_LOCKED_PAGES`). Here the frames outlast the
/// process, as a device could still write to them.
#[test]
fn a_process_that_ends_leaves_its_locked_pages_to_who_is_busy_with_them() {
    let mut bench = Bench::new();
    let (file, section) = bench.mapped_file(2);
    bench.numbered(BASE + 0x10_0000, 2);
    let own = bench.lock_for(BASE + 0x10_0000, 2 * PAGE, LockOperation::Read);
    let shared = bench.lock_for(BASE + 0x800, PAGE, LockOperation::Write);
    let at = bench.seen_at(&shared);
    bench.machine.close_section(section).unwrap();
    bench.machine.terminate_process(bench.process).unwrap();
    assert_eq!(bench.machine.pages_locked_of(bench.process), 4);
    bench.machine.verify_frames().unwrap();
    bench.machine.write_system(at, &[5; 0x1000]).unwrap();
    bench.unlocked(own);
    bench.unlocked(shared);
    assert_eq!(bench.machine.frames_in_use(), 0);
    assert_eq!(bench.machine.commit_charge(), 0);
    // What a device wrote is in the file, though nobody had that open any more.
    assert_eq!(byte_of(&file, 0x7ff), 7);
    assert_eq!(byte_of(&file, 0x800), 5);
    assert_eq!(byte_of(&file, 0x17ff), 5);
    bench.process = bench.machine.create_process().unwrap();
}

/// Windows Internals: pages that were locked to be written count as written when they are
/// unlocked. Literature only.
#[test]
fn what_a_device_wrote_is_kept() {
    let (mut bench, _) = Bench::with_page_file(128, 64);
    let (file, _) = bench.mapped_file(1);
    bench.numbered(BASE + 0x10_0000, 1);
    let own = bench.lock_for(BASE + 0x10_0000, 1, LockOperation::Write);
    let shared = bench.lock_for(BASE, 1, LockOperation::Modify);
    let base = VirtAddr::new(BASE);
    bench.machine.flush_view(bench.process, base, 0).unwrap();
    for (mdl, byte) in [(own, 88), (shared, 99)] {
        let at = bench.seen_at(&mdl);
        bench.machine.write_system(at, &[byte]).unwrap();
        bench.unlocked(mdl);
    }
    bench.page_out();
    while bench.machine.kernel.write_mapped().unwrap() > 0 {}
    bench.forget_standby();
    assert_eq!(bench.frame_of(BASE + 0x10_0000), None);
    assert_eq!(bench.read(BASE + 0x10_0000), Ok(88));
    assert_eq!(byte_of(&file, 0), 99);
    assert_eq!(bench.read(BASE), Ok(99));
}

/// Microsoft, `MmCanFileBeTruncated`; that locked pages count, ours.
#[test]
fn a_file_with_locked_pages_is_not_made_shorter() {
    let mut bench = Bench::new();
    let (file, section) = bench.mapped_file(2);
    let mdl = bench.lock_for(BASE, 1, LockOperation::Read);
    bench.unmap(BASE).unwrap();
    bench.machine.close_section(section).unwrap();
    let refused = bench.machine.set_end_of_file(&file, 0);
    assert_eq!(refused, Err(Status::UserMappedFile));
    bench.unlocked(mdl);
    bench.machine.set_end_of_file(&file, 0).unwrap();
}

#[test]
fn a_lock_that_nobody_has_is_found() {
    let mut bench = Bench::new();
    bench.numbered(BASE, 1);
    let frame = bench.frame_of(BASE).unwrap();
    bench.machine.kernel.physical.lock(frame.frame()).unwrap();
    let references = 2;
    let wrong = FrameFault::References { frame, references };
    assert_eq!(bench.machine.verify_frames(), Err(wrong));
    bench.machine.kernel.physical.release(frame.frame());
}

/// Buffers are locked, used by a device and unlocked in no order, while processes use more memory
/// than there is: the device and the programs always see the same bytes.
#[test]
fn a_device_and_programs_see_the_same_bytes_while_memory_is_short() {
    const PAGES: u64 = 300;
    let (mut bench, _) = Bench::with_page_file(192, 1024);
    bench.alloc(BASE, PAGES * PAGE, BOTH, READWRITE).unwrap();
    let mut draw = Draw(5);
    let mut shadow = vec![0_u8; usize::try_from(PAGES).unwrap()];
    let mut locked: Vec<(Mdl, u64, u64, VirtAddr)> = Vec::new();
    let mut done = 0;
    for step in 0..6000_u64 {
        let page = draw.below(PAGES);
        let byte = u8::try_from(step % 251).unwrap() + 1;
        let index = usize::try_from(page).unwrap();
        match draw.below(8) {
            0 if locked.len() < 8 => {
                let count = 1 + draw.below(6).min(PAGES - 1 - page);
                let mdl = bench.lock_for(BASE + page * PAGE, count * PAGE, LockOperation::Write);
                let at = bench.seen_at(&mdl);
                locked.push((mdl, page, count, at));
            }
            1 if !locked.is_empty() => {
                let place = usize::try_from(draw.below(locked.len() as u64)).unwrap();
                let (mdl, ..) = locked.swap_remove(place);
                bench.machine.unlock_pages(mdl).unwrap();
                done += 1;
            }
            2..4 if !locked.is_empty() => {
                let place = usize::try_from(draw.below(locked.len() as u64)).unwrap();
                let (_, first, count, at) = &locked[place];
                let inside = draw.below(*count);
                let index = usize::try_from(first + inside).unwrap();
                let at = at.wrapping_add(inside * PAGE);
                assert_eq!(bench.system_byte(at), Ok(shadow[index]));
                bench.machine.write_system(at, &[byte]).unwrap();
                shadow[index] = byte;
            }
            4..6 => {
                bench.write(BASE + page * PAGE, byte).unwrap();
                shadow[index] = byte;
            }
            6 if step % 64 == 0 => bench.page_out(),
            _ => assert_eq!(bench.read(BASE + page * PAGE), Ok(shadow[index])),
        }
        if step % 100 == 0 {
            bench.machine.verify_frames().unwrap();
        }
    }
    assert!(done > 300, "{done}");
    for (mdl, ..) in locked {
        bench.unlocked(mdl);
    }
    for (page, &byte) in (0..).zip(&shadow) {
        assert_eq!(bench.read(BASE + page * PAGE), Ok(byte));
    }
}

/// Locking for a device has no quota here: it ends where no frame can be had for the next page.
#[test]
fn locked_pages_can_fill_memory_and_all_goes_on_once_they_are_unlocked() {
    let (mut bench, _) = Bench::with_page_file(128, 256);
    bench.numbered(BASE, 200);
    let process = bench.process;
    let mut locked = Vec::new();
    let refused = loop {
        let at = VirtAddr::new(BASE + PAGE * locked.len() as u64);
        let machine = &mut bench.machine;
        match machine.probe_and_lock_pages(process, at, PAGE, LockOperation::Modify) {
            Ok(mdl) => locked.push(mdl),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code, Status::NoMemory);
    assert!((100..128).contains(&locked.len()), "{}", locked.len());
    let last = bench.read(BASE + 199 * PAGE);
    assert_eq!(last.unwrap_err().0, Status::NoMemory);
    for mdl in locked {
        bench.machine.unlock_pages(mdl).unwrap();
    }
    for page in 0..200 {
        assert_eq!(bench.read(BASE + u64::from(page) * PAGE), Ok(page + 1));
    }
}
