//! Memory that is allocated, looked at, accessed, copied and freed.

use super::*;
use crate::{RegionInformation, UnmapFlags, WatchFlags, ZeroBits};

impl World {
    pub(super) fn allocate(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        let (kind, protection) = (asked.kind(), asked.protection());
        let _ = machine.virtual_alloc(target, Some(at), size, kind, protection);
        let _ = machine.virtual_alloc(target, None, size, kind, protection);
        let _ = machine.virtual_alloc_huge(target, Some(at), size, protection);
        for request in asked.allocations() {
            let _ = machine.virtual_alloc_below(target, &request, ZeroBits(at.as_u64()));
            for placement in asked.placements() {
                let _ = machine.virtual_alloc_ex(target, &request, &placement);
            }
        }
        let _ = machine.virtual_protect(target, at, size, protection);
        let _ = machine.discard(target, at, size);
        let _ = machine.prefetch_virtual_memory(target, &[asked.range(); 2]);
        let _ = machine.virtual_lock(target, at, size);
    }

    pub(super) fn look(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        let (process, length) = (asked.process(), RegionInformation::BYTES);
        let _ = machine.virtual_query(process, at);
        let _ = machine.query_region(process, at, length);
        let _ = machine.query_region(process, at, usize::MAX);
        let _ = machine.query_working_set_ex(process, at);
        let _ = machine.query_working_set(process);
        let _ = machine.working_set(process);
        let _ = machine.is_locked(process, at);
        let _ = machine.is_in_mapped_file(process, at);
        let watch = WatchFlags::from_bits_retain(asked.first);
        let _ = machine.get_write_watch(target, at, size, watch, usize::MAX);
        let _ = machine.reset_write_watch(target, at, size);
        let mut bytes = [1; 0x1800];
        let _ = machine.read(target, at, &mut bytes);
        let _ = machine.write(target, at, &bytes);
        let _ = machine.execute(target, at);
        let _ = machine.read_virtual_memory(target, at, &mut bytes);
        let _ = machine.write_virtual_memory(target, at, &bytes);
        for other in &self.targets {
            let _ = machine.copy_virtual_memory((target, at), (*other, asked.other()), size);
        }
    }

    pub(super) fn free(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        let _ = machine.flush_view(target, at, size);
        let _ = machine.virtual_unlock(target, at, size);
        let kind = FreeType::from_bits_retain(asked.first);
        let _ = machine.virtual_free(target, at, size, kind);
        let _ = machine.unmap_view_ex(target, at, UnmapFlags::from_bits_retain(asked.first));
        let _ = machine.unmap_view(target, at);
    }
}
