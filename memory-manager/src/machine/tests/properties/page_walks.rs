//! Calls that touch the pages of a range one after the other, and where they stop.

use super::*;
use crate::{CopyError, working_set::pages};

/// So many pages of the minimum working set cannot be locked.
const OVERHEAD: u64 = 20;

fn page_of(address: u64) -> u64 {
    address & !(PAGE - 1)
}

impl World {
    /// The first page that cannot be touched, and why, going by what the query says.
    fn stop(&self, start: u64, end: u64, access: u64) -> Option<(u64, Status)> {
        let mut touched = pages(page_of(start), end).filter(|_| start < end);
        touched.find_map(|page| {
            let done = expected(&self.bench.query(page), access, page, false);
            done.err().map(|(status, ..)| (page, status))
        })
    }

    /// Asserts that a guard that was met is gone.
    fn check_guard(&self, stopped: Option<(u64, Status)>) {
        if let Some((page, _)) = stopped {
            assert!(!self.bench.query(page).protection.contains(GUARD));
        }
    }

    fn is_locked(&self, page: u64) -> bool {
        let (machine, process) = (&self.bench.machine, self.bench.process);
        machine.is_locked(process, VirtAddr::new(page)).unwrap()
    }

    /// Whether a page never leaves memory, locked or not.
    fn is_fixed(&self, page: u64) -> bool {
        let space = &self.bench.machine.spaces[&self.bench.process];
        space.vads.find(page).is_some_and(crate::vad::Vad::is_fixed)
    }

    /// What discarded pages held is gone, but for the locked ones.
    pub(super) fn forget_discarded(&mut self, start: u64, end: u64) {
        for page in pages(start, end) {
            if !self.is_locked(page) {
                let process = self.bench.process;
                self.contents.drop_pages(process, page, page + PAGE);
            }
        }
    }

    pub(super) fn lock(&mut self, Step { base, size, .. }: Step) {
        let process = self.bench.process;
        let range = || pages(page_of(base), base + size);
        let is_kept = |page| self.is_locked(page) || self.is_fixed(page);
        let new = range().filter(|&page| !is_kept(page)).count();
        let set = &self.bench.machine.spaces[&process].working_set;
        let kept = OVERHEAD + set.list.locked().len() as u64;
        let lockable = (set.size.minimum / PAGE).saturating_sub(kept);
        let is_free = |page| self.bench.query(page).state == MemoryState::Free;
        let stop = self.stop(base, base + size, 0);
        let (expected, stopped) = match stop {
            _ if size == 0 => (Err(Status::InvalidParameter), None),
            _ if range().any(is_free) => (Err(Status::AccessViolation), None),
            _ if new as u64 > lockable => (Err(Status::WorkingSetQuota), None),
            Some((_, status)) => (Err(status), stop),
            None => (Ok(()), None),
        };
        let machine = &mut self.bench.machine;
        let done = machine.virtual_lock(process, VirtAddr::new(base), size);
        let done = done.map(|_| ());
        if self.lacks_memory(done.map_err(|status| (status, 0, base))) {
            return;
        }
        assert_eq!(done, expected);
        self.check_guard(stopped);
        let is_kept = |page| self.is_locked(page) || self.is_fixed(page);
        assert!(done.is_err() || range().all(is_kept));
    }

    pub(super) fn unlock(&mut self, Step { base, size, .. }: Step) {
        let range = || pages(page_of(base), base + size);
        let is_kept = |page| self.is_locked(page) || self.is_fixed(page);
        let expected = match size {
            0 => Err(Status::InvalidParameter),
            _ if range().all(is_kept) => Ok(()),
            _ => Err(Status::NotLocked),
        };
        let (machine, process) = (&mut self.bench.machine, self.bench.process);
        let done = machine.virtual_unlock(process, VirtAddr::new(base), size);
        assert_eq!(done.map(|_| ()), expected);
        let is_left = |page| self.is_locked(page) && !self.is_fixed(page);
        assert!(done.is_err() || !range().any(is_left));
    }

    /// What a copy comes to that stops so; none if there was no memory for it.
    fn check_copy(
        &self,
        done: Result<(), CopyError>,
        stop: Option<(u64, Status)>,
        copied: u64,
    ) -> Option<()> {
        let code = done.map_err(|error| error.code);
        if self.lacks_memory(code.map_err(|status| (status, 0, 0))) {
            return None;
        }
        let expected = match stop {
            Some(_) => Err(CopyError {
                code: Status::PartialCopy,
                copied: Some(copied),
            }),
            None => Ok(()),
        };
        assert_eq!(done, expected);
        self.check_guard(stop);
        Some(())
    }

    pub(super) fn write_memory(&mut self, Step { base, size, .. }: Step) {
        let size = size & 0x1fff;
        let stop = self.stop(base, base + size, 1);
        let copied = stop.map_or(size, |(page, _)| page.max(base) - base);
        let process = self.bench.process;
        #[expect(clippy::cast_possible_truncation, reason = "any byte will do")]
        let bytes: Vec<u8> = (0..size)
            .map(|offset| {
                if offset % 0x7ff == 0 {
                    (base >> 4) as u8 | 1
                } else {
                    0
                }
            })
            .collect();
        let before = self.protections(base, size);
        let at = VirtAddr::new(base);
        let done = self.bench.machine.write_virtual_memory(process, at, &bytes);
        let lacked = self.check_copy(done, stop, copied).is_none();
        let copied = match done {
            Err(error) if lacked => error.copied.unwrap(),
            _ => copied,
        };
        self.know_copies(&before);
        for (address, byte) in (base..base + copied).zip(bytes) {
            let protection = before[&page_of(address)];
            self.contents.write(process, address, byte, protection);
        }
    }

    pub(super) fn read_memory(&mut self, Step { base, size, .. }: Step) {
        let size = size & 0x1fff;
        let stop = self.stop(base, base + size, 0);
        let process = self.bench.process;
        let mut bytes: Vec<u8> = (0..size).map(|_| 0xa5).collect();
        let at = VirtAddr::new(base);
        let done = self
            .bench
            .machine
            .read_virtual_memory(process, at, &mut bytes);
        if self.check_copy(done, stop, 0).is_none() || done.is_err() {
            return;
        }
        for page in pages(page_of(base), base + size) {
            let (first, end) = (page.max(base), (page + PAGE).min(base + size));
            let [from, to] = [first, end].map(|at| usize::try_from(at - base).unwrap());
            self.contents.check(process, first, &bytes[from..to]);
        }
    }
}
