//! Pages that are locked for a device, in the midst of everything else.

use super::*;
use crate::{CacheType, LockOperation};

impl World {
    /// Locks the pages of a buffer, and lets the system see every other of them.
    pub(super) fn lock_for_device(&mut self, step: Step) {
        let (process, base) = (self.bench.process, step.base);
        let bytes = step.size % 0x3000 + 1;
        let (operation, access) = match step.size % 3 {
            0 => (LockOperation::Read, 0),
            1 => (LockOperation::Write, 1),
            _ => (LockOperation::Modify, 1),
        };
        let pages = (base & !(PAGE - 1)..base + bytes).step_by(0x1000);
        let refused = pages.map(|page| page.max(base)).find_map(|at| {
            let found = self.bench.query(at);
            expected(&found, access, at, false).err()
        });
        let before = self.protections(base, bytes);
        let at = VirtAddr::new(base);
        let machine = &mut self.bench.machine;
        let done = machine.probe_and_lock_pages(process, at, bytes, operation);
        let done = done.map_err(raw);
        self.know_copies(&before);
        if self.lacks_memory(done.as_ref().map(|_| ()).map_err(|&stopped| stopped)) {
            return;
        }
        assert_eq!(done.as_ref().err().copied(), refused);
        let Ok(mdl) = done else { return };
        if step.size.is_multiple_of(2) {
            let machine = &mut self.bench.machine;
            let mapped = machine.map_locked_pages(&mdl, CacheType::Cached);
            self.lacks_memory(mapped.map(|_| ()).map_err(|status| (status, 0, base)));
        }
        self.locked.push(mdl);
    }

    pub(super) fn unlock_for_device(&mut self, which: u64) {
        if let Some(place) = some(&self.locked, which) {
            let mdl = self.locked.swap_remove(place);
            self.bench.machine.unlock_pages(mdl).unwrap();
        }
    }

    /// The frames of locked pages hold nothing else: what was in them is there, or what programs
    /// that still see them wrote since.
    pub(super) fn check_locked(&mut self) {
        for mdl in &self.locked {
            let frames = self.bench.machine.locked_frames(mdl).unwrap();
            let record = |frame: crate::PhysicalPage| {
                let record = self.bench.machine.kernel.physical.record(frame.frame());
                (record.state, record.references)
            };
            for frame in frames {
                let (state, references) = record(frame);
                let stays = [crate::FrameState::Active, crate::FrameState::Transition];
                assert!(
                    stays.contains(&state) && references > 0,
                    "{frame:?}: {state:?}"
                );
            }
        }
    }
}
