//! The Win32 API.

use super::*;
use crate::{DepFlags, RegionInformation, UnmapFlags, ViewAccess, WatchFlags, WorkingSetLimits};

impl World {
    pub(super) fn use_win32(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let file = self.image.try_clone().unwrap();
        let mut win32 = Win32::new(machine, asked.target.caller);
        use_memory(&mut win32, asked);
        use_others_memory(&mut win32, asked);
        use_working_sets(&mut win32, asked);
        use_mappings(&mut win32, asked);
        use_files(&mut win32, asked, &file);
        win32.set_last_error(asked.second);
        let _ = win32.last_error();
        let _ = win32.get_system_info();
        let _ = win32.get_native_system_info();
        let _ = win32.get_large_page_minimum();
        let _ = win32.get_system_dep_policy();
        let _ = win32.get_process_dep_policy(asked.process());
        let _ = win32.set_process_dep_policy(DepFlags::from_bits_retain(asked.first));
    }
}

fn use_memory(win32: &mut Win32<'_>, asked: Arguments) {
    let Arguments { at, size, .. } = asked;
    let process = asked.process();
    let (kind, mut protection) = (asked.kind(), asked.protection());
    let wanted = protection;
    let _ = win32.virtual_alloc(Some(at), size, kind, wanted);
    let _ = win32.virtual_alloc_ex(process, None, size, kind, wanted);
    for request in asked.allocations() {
        for placement in asked.placements() {
            let _ = win32.virtual_alloc2(process, &request, &placement);
        }
    }
    let _ = win32.virtual_protect(at, size, wanted, Some(&mut protection));
    let _ = win32.virtual_protect_ex(process, at, size, wanted, None);
    for length in [0, MemoryInformation::BYTES, usize::MAX] {
        let _ = win32.virtual_query(at, length);
        let _ = win32.virtual_query_ex(process, at, length);
        let _ = win32.query_virtual_memory_information(process, at, length);
    }
    let length = RegionInformation::BYTES - 1;
    let _ = win32.query_virtual_memory_information(process, at, length);
    let watch = WatchFlags::from_bits_retain(asked.first);
    let _ = win32.get_write_watch(at, size, watch, usize::MAX);
    let _ = win32.reset_write_watch(at, size);
    let _ = win32.discard_virtual_memory(at, size);
    let kind = FreeType::from_bits_retain(asked.first);
    let _ = win32.virtual_free(at, size, kind);
    let _ = win32.virtual_free_ex(process, at, size, kind);
}

fn use_others_memory(win32: &mut Win32<'_>, asked: Arguments) {
    let (at, process) = (asked.at, asked.process());
    let mut bytes = [0; 0x1800];
    let _ = win32.read_process_memory(process, at, &mut bytes);
    let _ = win32.write_process_memory(process, at, &bytes);
    let other = asked.other();
    let _ = win32.read_process_memory_into(process, other, asked.range());
    let _ = win32.write_process_memory_from(process, other, asked.range());
}

fn use_working_sets(win32: &mut Win32<'_>, asked: Arguments) {
    let Arguments { at, size, .. } = asked;
    let process = asked.process();
    let _ = win32.virtual_lock(at, size);
    let _ = win32.virtual_unlock(at, size);
    let _ = win32.get_process_working_set_size(process);
    let _ = win32.get_process_working_set_size_ex(process);
    let _ = win32.set_process_working_set_size(process, asked.sizes());
    let limits = WorkingSetLimits::from_bits_retain(asked.second);
    let _ = win32.set_process_working_set_size_ex(process, asked.sizes(), limits);
    let _ = win32.empty_working_set(process);
    let _ = win32.query_working_set_ex(process, at);
    let _ = win32.prefetch_virtual_memory(process, &[asked.range(); 3]);
    let _ = win32.prefetch_virtual_memory(process, &[]);
}

fn use_mappings(win32: &mut Win32<'_>, asked: Arguments) {
    let Arguments {
        at, size, section, ..
    } = asked;
    let process = asked.process();
    let access = ViewAccess::from_bits_retain(asked.second);
    let _ = win32.map_view_of_file(section, access, size, size);
    let _ = win32.map_view_of_file_ex(section, access, 0, size, Some(at));
    for request in asked.views() {
        let _ = win32.map_view_of_file2(process, section, &request);
        for placement in asked.placements() {
            let kind = asked.kind();
            let _ = win32.map_view_of_file3(process, section, &request, kind, &placement);
        }
    }
    let _ = win32.flush_view_of_file(at, size);
    let _ = win32.unmap_view_of_file(at);
    let flags = UnmapFlags::from_bits_retain(asked.first);
    let _ = win32.unmap_view_of_file2(process, at, flags);
    for name in [
        None,
        Some(""),
        Some("name"),
        Some("\\"),
        Some("Local\\name"),
    ] {
        let (protection, attributes) = (asked.protection(), asked.attributes());
        let memory = Backing::PageFile;
        let made = win32.create_file_mapping(memory, protection, attributes, size, name);
        let opened = win32.open_file_mapping(access, name);
        for section in [made, opened].into_iter().flatten() {
            win32.close_handle(section).unwrap();
            let _ = win32.map_view_of_file(section, access, 0, size);
        }
    }
}

fn use_files(win32: &mut Win32<'_>, asked: Arguments, file: &File) {
    let length = file.metadata().unwrap().len();
    for offset in [asked.at.as_u64(), asked.size] {
        let _ = win32.read_file(file, offset, asked.range());
        let _ = win32.set_end_of_file(file, offset);
    }
    let _ = win32.set_end_of_file(file, length);
}
