//! Sections and views of them.

use super::*;
use crate::{SectionAccess, SectionOpening};

impl World {
    pub(super) fn map(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            size,
            target,
            section,
            ..
        } = asked;
        for request in asked.views() {
            let _ = machine.map_view(target, section, &request);
            for placement in asked.placements() {
                let _ = machine.map_view_ex(target, section, &request, asked.kind(), &placement);
            }
        }
        let _ = machine.extend_section(section, size);
        for length in [0, 0x20, usize::MAX] {
            let _ = machine.query_section(section, length);
            let _ = machine.query_image(section, length);
        }
        let (protection, attributes) = (asked.protection(), asked.attributes());
        let access = SectionAccess::from_bits_retain(asked.first);
        let opening = SectionOpening {
            name: Some(["", "a", "\\", "a\\b"][asked.second as usize % 4]),
            access,
            privileges: crate::Privileges::LOCK_MEMORY,
        };
        let memory = Backing::PageFile;
        let made = machine.create_section_as(opening, memory, protection, attributes, size);
        let opened = machine.open_section(opening.name.unwrap_or_default(), access);
        for section in [made.map(|(section, _)| section), opened] {
            let _ = section.map(|section| machine.close_section(section).unwrap());
        }
        for attributes in [attributes, attributes | SectionAttributes::IMAGE] {
            let file = self.image.try_clone().unwrap();
            let access = FileAccess::from_bits_retain(asked.first & FileAccess::all().bits());
            let backing = Backing::File(file, access);
            let made = machine.create_section(backing, protection, attributes, size);
            if let Ok(made) = made {
                let _ = machine.query_image(made, usize::MAX);
                machine.close_section(made).unwrap();
                let _ = machine.close_section(made);
            }
        }
    }
}
