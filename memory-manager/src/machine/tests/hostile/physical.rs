//! Physical pages: those of windows, those of devices, and bad ones.

use super::*;
use crate::{CacheType, IoOwner, LockOperation, PhysicalPage};

impl World {
    pub(super) fn use_physical_pages(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        let pages = machine.allocate_user_physical_pages(target, size % 3);
        let mut pages = pages.unwrap_or_default();
        pages.push(PhysicalPage(at.as_u64()));
        let _ = machine.map_user_physical_pages(target, at, &pages[1..]);
        let _ = machine.map_user_physical_pages(target, at, &pages[..1]);
        let scattered = [(asked.other(), None), (at, pages.first().copied())];
        let _ = machine.map_user_physical_pages_scatter(target, &scattered);
        let _ = machine.unmap_user_physical_pages(target, at, size);
        let _ = machine.free_user_physical_pages(target, &pages);
        let _ = machine.write_shared_data(at.as_u64(), &[0; 8]);
        let _ = machine.write_shared_data(size, &[]);
    }

    pub(super) fn lock_for_devices(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        let operation = [
            LockOperation::Read,
            LockOperation::Write,
            LockOperation::Modify,
        ][asked.first as usize % 3];
        let caching = [
            CacheType::Cached,
            CacheType::NonCached,
            CacheType::WriteCombined,
        ][asked.second as usize % 3];
        let locked = machine.probe_and_lock_pages(target, at, size, operation);
        let described = machine.describe_nonpaged(target, at, size);
        let mut another = Bench::with_ram(1 << 20);
        another.alloc(BASE, 8, BOTH, READWRITE).unwrap();
        let base = VirtAddr::new(BASE);
        let theirs = another
            .machine
            .probe_and_lock_pages(another.process, base, 8, operation);
        // Another machine's, whose number may be that of one of this machine.
        let locked = locked.ok().into_iter().chain(described.ok());
        for mdl in locked.chain(theirs.ok()) {
            let _ = machine.locked_frames(&mdl);
            for _ in 0..2 {
                let mapped = machine.map_locked_pages(&mdl, caching);
                let seen = mapped.unwrap_or(at);
                let mut bytes = [0; 0x1800];
                for at in [seen, at, asked.other(), seen.wrapping_add(size)] {
                    let _ = machine.read_system(at, &mut bytes);
                    let _ = machine.write_system(at, &bytes);
                }
            }
            let _ = machine.unmap_locked_pages(&mdl);
            let _ = machine.unlock_pages(mdl);
        }
        let _ = machine.pages_locked_of(asked.process());
    }

    /// What there is not enough of afterwards.
    pub(super) fn use_up(&mut self, base: u64, size: u64) {
        let (machine, process) = (&mut self.bench.machine, self.bench.process);
        for page in [base, size, base >> 12, 0x800] {
            let _ = machine.mark_page_bad(PhysicalPage(page));
        }
        let _ = machine.zero_free_pages(size);
        let _ = machine.allocate_user_physical_pages(process, size);
        for owner in [IoOwner::PageFile, IoOwner::MappedFile] {
            let _ = machine.disk_counters(owner);
        }
        let _ = (machine.page_lists(), machine.fault_counters());
        let _ = (machine.commit_limit(), machine.commit_charge());
        let _ = (machine.frames_in_use(), machine.shootdown_counters());
        let _ = (machine.working_set_counters(), machine.ram());
        machine.verify_frames().unwrap();
        machine.page_out().unwrap();
    }
}
