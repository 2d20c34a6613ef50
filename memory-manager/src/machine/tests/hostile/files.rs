//! Files that are read, written back and cut.

use super::*;

impl World {
    pub(super) fn use_files(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        let file = &self.image;
        let mut bytes = [0; 0x1800];
        for offset in [at.as_u64(), size] {
            let _ = machine.read_file(file, offset, &mut bytes);
            let _ = machine.read_file_into(target, file, offset, asked.range());
        }
        let length = machine.read_file(file, 0, &mut bytes).unwrap();
        let _ = machine.set_end_of_file(file, size);
        let backing = Backing::File(file.try_clone().unwrap(), FileAccess::all());
        let made = machine.create_section(backing, asked.protection(), asked.attributes(), 0);
        if let Ok(section) = made {
            for request in asked.views() {
                let _ = machine.map_view(target, section, &request);
            }
            let _ = machine.flush_file_buffers(section);
            machine.close_section(section).unwrap();
        }
        let _ = machine.set_end_of_file(file, length as u64);
        machine.flush_files().unwrap();
    }
}
