//! The sections that are mapped.

use super::*;

impl World {
    /// What the sections hold at first; of the image, what a process sees that maps it.
    pub(super) fn know_sections(&mut self) {
        for section in [0, 1, 2] {
            let object = self.object(self.sections[section]);
            self.contents.add(object, vec![0; 0x1_4000]);
        }
        let file = self.object(self.sections[FILE]);
        self.contents.add(file, self.on_disk());
        let image = self.sections[IMAGE];
        let process = self.bench.process;
        self.bench.process = self.bench.machine.create_process().unwrap();
        let (base, _) = self.bench.load(image).unwrap();
        let mut bytes = vec![0; 0x8000];
        let (machine, first) = (&mut self.bench.machine, self.bench.process);
        machine
            .read(first, VirtAddr::new(base), &mut bytes)
            .unwrap();
        machine.terminate_process(first).unwrap();
        self.bench.process = process;
        self.contents.add(self.object(image), bytes);
    }

    /// Maps a part of a section where the step is, or an image anywhere.
    pub(super) fn map_section(
        &mut self,
        step: Step,
        (section, size): (usize, u64),
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<(), Status> {
        let hint = Some(VirtAddr::new(step.base & !0xffff));
        let request = ViewRequest {
            base: hint.filter(|_| section != IMAGE || step.size.is_multiple_of(2)),
            offset: step.base & 0x1_0000,
            size,
            commit: 0,
            protection,
        };
        let (machine, process) = (&mut self.bench.machine, self.bench.process);
        let (handle, anywhere) = (self.sections[section], AddressRequirements::default());
        let view = machine.map_view_ex(process, handle, &request, kind, &anywhere)?;
        let object = self.object(handle);
        let range = plain(view.range);
        self.contents.map(process, range, (object, request.offset));
        Ok(())
    }

    /// Makes or opens one of two sections with names, and maps it if there is room.
    pub(super) fn name_section(
        &mut self,
        base: u64,
        size: u64,
        attributes: SectionAttributes,
    ) -> Result<(), Status> {
        let (machine, process) = (&mut self.bench.machine, self.bench.process);
        let opening = SectionOpening {
            name: Some(["a", "b"][usize::from(base & 0x1_0000 == 0)]),
            ..SectionOpening::default()
        };
        let backing = Backing::PageFile;
        let made = machine.create_section_as(opening, backing, READWRITE, attributes, 0x1_4000);
        made.map(|(section, _)| {
            self.named.push_back(section);
            let object = machine
                .kernel
                .sections
                .section(section, SectionAccess::empty());
            let object = object.unwrap().segment;
            self.contents.add(object, vec![0; 0x1_4000]);
            let request = ViewRequest {
                base: size
                    .is_multiple_of(2)
                    .then_some(VirtAddr::new(base & !0xffff)),
                offset: 0,
                size: 0,
                commit: 0,
                protection: READWRITE,
            };
            if let Ok(view) = machine.map_view(process, section, &request) {
                self.contents.map(process, plain(view.range), (object, 0));
            }
        })
    }
}
