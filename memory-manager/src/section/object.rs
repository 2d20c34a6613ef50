//! Sections as objects: their handles, names and fixed addresses.

use std::collections::BTreeMap;

use bitflags::bitflags;

use super::{Section, SectionHandle};
use crate::{
    Privileges, Status,
    protection::Protection,
    vad::{GRANULARITY, USER_LIMIT, USER_START},
};

/// Sections with an address of their own end below this (ReactOS's `MmHighSectionBase`: 8 MiB
/// below the end of user space).
const BASED_LIMIT: u64 = USER_LIMIT - 0x80_0000;

bitflags! {
    /// What a section's handle is good for (Microsoft, "Section Object Access Rights"). Any
    /// bits can be passed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct SectionAccess: u32 {
        /// `SECTION_QUERY`.
        const QUERY = 0x1;
        /// `SECTION_MAP_WRITE`.
        const MAP_WRITE = 0x2;
        /// `SECTION_MAP_READ`.
        const MAP_READ = 0x4;
        /// `SECTION_MAP_EXECUTE`.
        const MAP_EXECUTE = 0x8;
        /// `SECTION_EXTEND_SIZE`.
        const EXTEND_SIZE = 0x10;
        /// `SECTION_ALL_ACCESS`.
        const ALL = 0xf_001f;

        const _ = !0;
    }
}

impl SectionAccess {
    /// What the handle must permit for such a view (ReactOS's `MmMakeSectionAccess`; Wine's
    /// tests, kernel32 `test_MapViewOfFile`): a view to write needs no right to read.
    pub(crate) fn of_view(protection: Protection) -> Self {
        let in_place = protection.is_writable() && !protection.copies_on_write();
        let mut access = if in_place {
            Self::MAP_WRITE
        } else {
            Self::MAP_READ
        };
        access.set(Self::MAP_EXECUTE, protection.is_executable());
        access
    }
}

/// How a section is known to others, and what its handle is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionOpening<'a> {
    /// Its name, of which case matters; none if nobody can open it.
    pub name: Option<&'a str>,
    /// What the handle is good for.
    pub access: SectionAccess,
    /// What whoever makes it may do beyond others.
    pub privileges: Privileges,
}

impl Default for SectionOpening<'_> {
    /// Without a name, good for anything, and nobody's.
    fn default() -> Self {
        Self {
            name: None,
            access: SectionAccess::ALL,
            privileges: Privileges::empty(),
        }
    }
}

/// Whether a section was made or was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectionCreation {
    /// It was made.
    New,
    /// One of this name was there, and is what was opened: `STATUS_OBJECT_NAME_EXISTS`.
    Existing,
}

/// A section, whoever opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SectionId(u64);

#[derive(Debug)]
struct SectionObject {
    section: Section,
    name: Option<String>,
    handles: u64,
}

#[derive(Clone, Copy, Debug)]
struct OpenSection {
    object: SectionId,
    access: SectionAccess,
}

/// The sections that are open.
#[derive(Debug, Default)]
pub(crate) struct SectionObjects {
    objects: BTreeMap<SectionId, SectionObject>,
    handles: BTreeMap<SectionHandle, OpenSection>,
    names: BTreeMap<String, SectionId>,
    /// The addresses of those that have some, by start.
    based: BTreeMap<u64, u64>,
    next: u64,
}

impl SectionObjects {
    pub(crate) fn named(&self, name: &str) -> Option<SectionId> {
        self.names.get(name).copied()
    }

    /// Takes a new section in.
    pub(crate) fn insert(
        &mut self,
        section: Section,
        opening: SectionOpening<'_>,
    ) -> SectionHandle {
        let id = SectionId(self.number());
        if let Some(name) = opening.name {
            self.names.insert(name.into(), id);
        }
        if let Some(base) = section.base {
            self.based
                .insert(base, base + section.size.next_multiple_of(GRANULARITY));
        }
        let object = SectionObject {
            section,
            name: opening.name.map(Into::into),
            handles: 0,
        };
        self.objects.insert(id, object);
        self.open(id, opening.access)
    }

    /// One more handle of a section.
    pub(crate) fn open(&mut self, id: SectionId, access: SectionAccess) -> SectionHandle {
        let handle = SectionHandle(self.number());
        if let Some(object) = self.objects.get_mut(&id) {
            object.handles += 1;
        }
        let open = OpenSection { object: id, access };
        self.handles.insert(handle, open);
        handle
    }

    /// What a handle stands for, if it is good for this.
    pub(crate) fn section(
        &self,
        handle: SectionHandle,
        needed: SectionAccess,
    ) -> Result<Section, Status> {
        let open = self.handles.get(&handle).ok_or(Status::InvalidHandle)?;
        if !open.access.contains(needed) {
            return Err(Status::AccessDenied);
        }
        let object = self.objects.get(&open.object);
        object
            .map(|object| object.section)
            .ok_or(Status::InternalError)
    }

    /// Gives what a handle stands for another size.
    pub(crate) fn resize(&mut self, handle: SectionHandle, size: u64) {
        let open = self.handles.get(&handle);
        if let Some(object) = open.and_then(|open| self.objects.get_mut(&open.object)) {
            object.section.size = size;
        }
    }

    /// The section that goes with a handle, if no other is open.
    pub(crate) fn goes_with(&self, handle: SectionHandle) -> Result<Option<Section>, Status> {
        let open = self.handles.get(&handle).ok_or(Status::InvalidHandle)?;
        let object = self.objects.get(&open.object);
        let last = object.filter(|object| object.handles == 1);
        Ok(last.map(|object| object.section))
    }

    /// Closes a handle; the last one takes the section's name and address along.
    pub(crate) fn close(&mut self, handle: SectionHandle) {
        let Some(open) = self.handles.remove(&handle) else {
            return;
        };
        let Some(object) = self.objects.get_mut(&open.object) else {
            return;
        };
        object.handles -= 1;
        if object.handles > 0 {
            return;
        }
        if let Some(name) = &object.name {
            self.names.remove(name);
        }
        if let Some(base) = object.section.base {
            self.based.remove(&base);
        }
        self.objects.remove(&open.object);
    }

    /// The highest address that a section of this size can have for its own.
    pub(crate) fn free_base(&self, size: u64) -> Option<u64> {
        let size = size.checked_next_multiple_of(GRANULARITY)?;
        let mut end = BASED_LIMIT;
        for (&start, &taken) in self.based.iter().rev() {
            if end - taken >= size {
                break;
            }
            end = start;
        }
        end.checked_sub(size).filter(|&base| base >= USER_START)
    }

    /// What is open; whoever opened it, and how often, is one section.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Section> {
        self.objects.values().map(|object| &object.section)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
