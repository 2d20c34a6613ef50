//! What memory and files hold, going by what was written: nothing here is asked of page tables,
//! prototype entries or frames.

use super::{windows::Windows, *};
use crate::section::SegmentId;

pub(super) const PAGE_SIZE: usize = 0x1000;

/// Where a view is in what it is a view of.
#[derive(Clone, Copy, Debug)]
struct Placed {
    object: SegmentId,
    first: u64,
    size: u64,
}

/// What views are views of.
#[derive(Clone, Debug)]
struct Object {
    bytes: Vec<u8>,
    /// How many of them are anybody's: what is written behind the end of a file may be lost.
    lasting: u64,
    /// Pages that were reset, or in which a file ended once: they may hold something else.
    unsure: BTreeSet<u64>,
}

/// How well it is known what a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Surely,
    /// Once that is undone.
    UnlessReset,
    Not,
}

/// A page that is a process's own.
#[derive(Clone, Debug)]
struct Own {
    bytes: Vec<u8>,
    known: Known,
}

/// The bytes of everything that programs can write to.
#[derive(Debug, Default)]
pub(super) struct Contents {
    objects: BTreeMap<SegmentId, Object>,
    views: BTreeMap<(ProcessId, u64), Placed>,
    /// Pages that are the process's own: private ones that were written, and copies.
    own: BTreeMap<(ProcessId, u64), Own>,
    pub(super) windows: Windows,
}

fn page_of(address: u64) -> u64 {
    address & !(PAGE - 1)
}

fn offset(address: u64) -> usize {
    usize::try_from(address % PAGE).unwrap()
}

fn is_copying(protection: PageProtection) -> bool {
    protection.intersects(WRITECOPY | PageProtection::EXECUTE_WRITECOPY)
}

impl Contents {
    /// Sections of these bytes can be mapped from now on.
    pub(super) fn add(&mut self, object: SegmentId, mut bytes: Vec<u8>) {
        let lasting = bytes.len() as u64;
        bytes.resize(bytes.len().next_multiple_of(PAGE_SIZE), 0);
        let object_of = || Object {
            bytes,
            lasting,
            unsure: BTreeSet::new(),
        };
        self.objects.entry(object).or_insert_with(object_of);
    }

    /// A view was mapped, from so many bytes on.
    pub(super) fn map(
        &mut self,
        process: ProcessId,
        (start, size): (u64, u64),
        (object, first): (SegmentId, u64),
    ) {
        let view = Placed {
            object,
            first,
            size,
        };
        self.views.insert((process, start), view);
    }

    /// Which byte of what is at an address, if it is in a view.
    fn place(&self, process: ProcessId, address: u64) -> Option<(SegmentId, u64)> {
        let before = self.views.range(..=(process, address));
        let (&(owner, start), view) = before.last()?;
        let is_inside = owner == process && address - start < view.size;
        is_inside.then(|| (view.object, view.first + (address - start)))
    }

    pub(super) fn is_view(&self, process: ProcessId, address: u64) -> bool {
        self.place(process, address).is_some()
    }

    /// What a page holds.
    fn page(&self, process: ProcessId, page: u64) -> Own {
        if let Some(bytes) = self.windows.bytes(process, page) {
            return Own {
                bytes: bytes.clone(),
                known: Known::Surely,
            };
        }
        if let Some(own) = self.own.get(&(process, page)) {
            return own.clone();
        }
        let Some((object, first)) = self.place(process, page) else {
            return Own {
                bytes: vec![0; PAGE_SIZE],
                known: Known::Surely,
            };
        };
        let (object, at) = (&self.objects[&object], usize::try_from(first).unwrap());
        let is_unsure = object.unsure.contains(&(first / PAGE));
        Own {
            bytes: object.bytes[at..][..PAGE_SIZE].to_vec(),
            known: if is_unsure { Known::Not } else { Known::Surely },
        }
    }

    /// A byte was written to a page that a query told to have this protection.
    pub(super) fn write(
        &mut self,
        process: ProcessId,
        address: u64,
        byte: u8,
        protection: PageProtection,
    ) {
        let page = page_of(address);
        if let Some(bytes) = self.windows.bytes_mut(process, page) {
            bytes[offset(address)] = byte;
            return;
        }
        self.write_to_page(process, page, protection);
        if let Some(own) = self.own.get_mut(&(process, page)) {
            own.bytes[offset(address)] = byte;
        } else if let Some((object, at)) = self.place(process, address) {
            let object = self.objects.get_mut(&object).unwrap();
            object.bytes[usize::try_from(at).unwrap()] = byte;
        }
    }

    /// A page that had this protection is one to write to: from now on it is the process's own,
    /// unless all who map it are to see it.
    pub(super) fn write_to_page(
        &mut self,
        process: ProcessId,
        page: u64,
        protection: PageProtection,
    ) {
        if !self.is_view(process, page) || is_copying(protection) {
            let held = self.page(process, page);
            self.own.entry((process, page)).or_insert(held);
        }
    }

    /// What the own pages of a range held is gone.
    pub(super) fn drop_pages(&mut self, process: ProcessId, start: u64, end: u64) {
        self.own
            .retain(|&(owner, page), _| owner != process || !(start..end).contains(&page));
    }

    /// What is not mapped or committed any more holds nothing.
    pub(super) fn follow(&mut self, machine: &Machine) {
        let query = |process, address| {
            let found = machine.virtual_query(process, VirtAddr::new(address));
            found.ok()
        };
        self.views.retain(|&(process, start), _| {
            query(process, start).is_some_and(|found| {
                let is_view = found.kind.is_some_and(|kind| kind != MemoryKind::Private);
                is_view && found.allocation_base == Some(VirtAddr::new(start))
            })
        });
        self.own.retain(|&(process, page), _| {
            query(process, page).is_some_and(|found| found.state == MemoryState::Commit)
        });
        self.windows.follow(machine);
    }

    /// Compares bytes that were read, all of them in one page.
    pub(super) fn check(&self, process: ProcessId, address: u64, read: &[u8]) {
        let held = self.page(process, page_of(address));
        if held.known != Known::Surely {
            return;
        }
        let held = &held.bytes[offset(address)..][..read.len()];
        let told = self
            .place(process, address)
            .map_or(read.len(), |(object, at)| {
                let left = self.objects[&object].lasting.saturating_sub(at);
                usize::try_from(left).unwrap().min(read.len())
            });
        let differs = held
            .iter()
            .zip(&read[..told])
            .position(|(held, read)| held != read);
        if let Some(at) = differs {
            let (held, read) = (held[at], read[at]);
            let at = address + at as u64;
            panic!("{process:?} reads {read:#x} at {at:#x}, and not {held:#x}");
        }
    }

    /// Pages were reset, or that was undone.
    pub(super) fn note_reset(
        &mut self,
        process: ProcessId,
        kind: AllocationType,
        (start, size): (u64, u64),
    ) {
        let (from, to) = match kind {
            AllocationType::RESET => (Known::Surely, Known::UnlessReset),
            AllocationType::RESET_UNDO => (Known::UnlessReset, Known::Surely),
            _ => return,
        };
        for page in (start..start + size).step_by(PAGE_SIZE) {
            if let Some(own) = self.own.get_mut(&(process, page)) {
                if own.known == from {
                    own.known = to;
                }
            } else if let Some((object, at)) = self.place(process, page) {
                self.objects
                    .get_mut(&object)
                    .unwrap()
                    .unsure
                    .insert(at / PAGE);
            }
        }
    }

    /// A file has so many bytes now: it is never shorter than it was. What was written behind its
    /// former end may be there.
    pub(super) fn grow(&mut self, object: SegmentId, length: u64) {
        let object = self.objects.get_mut(&object).unwrap();
        if length > object.lasting {
            object.unsure.insert(object.lasting / PAGE);
            object.lasting = length;
            let pages = usize::try_from(length).unwrap().next_multiple_of(PAGE_SIZE);
            object.bytes.resize(pages, 0);
        }
    }

    /// Compares what is on the disk from a place on, as far as that is known.
    pub(super) fn compare(&self, object: SegmentId, first: u64, on_disk: &[u8]) {
        let object = &self.objects[&object];
        let known = &object.bytes[..usize::try_from(object.lasting).unwrap()];
        let first = usize::try_from(first).unwrap().min(known.len());
        assert!(first + on_disk.len() <= known.len(), "the file is longer");
        let known = &known[first..][..on_disk.len()];
        let pages = known.chunks(PAGE_SIZE).zip(on_disk.chunks(PAGE_SIZE));
        for (page, (known, on_disk)) in (first as u64 / PAGE..).zip(pages) {
            let is_known = !object.unsure.contains(&page);
            assert!(!is_known || known == on_disk, "page {page} of the file");
        }
    }
}

impl World {
    /// Compares all of a page that can be read; none if it cannot.
    pub(super) fn check_page(&mut self, page: u64) {
        let process = self.bench.process;
        let mut read = [0; PAGE_SIZE];
        let at = VirtAddr::new(page);
        let done = self.bench.machine.read(process, at, &mut read);
        if done.is_ok() {
            self.contents.check(process, page, &read);
        }
    }

    /// Compares all that can be read.
    pub(super) fn check_contents(&mut self) {
        for process in self.processes {
            self.bench.process = process;
            let mut next = BASE;
            while next < BASE + PAGES * PAGE + 0x2_0000 {
                let found = self.bench.query(next);
                let is_readable = expected(&found, 0, next, false).is_ok();
                // Large regions are much alike.
                let pages = (found.size / PAGE).min(0x80);
                for page in (0..pages).filter(|_| is_readable) {
                    self.check_page(next + page * PAGE);
                }
                next += found.size;
            }
        }
    }

    /// The protections of the pages that a range touches.
    pub(super) fn protections(&self, base: u64, size: u64) -> BTreeMap<u64, PageProtection> {
        let pages = (page_of(base)..base + size).step_by(PAGE_SIZE);
        let told = pages.map(|page| (page, self.bench.query(page).protection));
        told.collect()
    }

    /// Pages that were to be written are copies, if a write to them would make none any more:
    /// even if there was no memory for others.
    pub(super) fn know_copies(&mut self, before: &BTreeMap<u64, PageProtection>) {
        for (&page, &protection) in before {
            if is_copying(protection) && !is_copying(self.bench.query(page).protection) {
                let process = self.bench.process;
                self.contents.write_to_page(process, page, protection);
            }
        }
    }

    /// What is in the file where a view was flushed is what is in memory.
    pub(super) fn check_flushed(&self, (start, size): (u64, u64)) {
        let file = self.object(self.sections[FILE]);
        let place = self.contents.place(self.bench.process, start);
        if let Some((object, first)) = place
            && object == file
        {
            let on_disk = self.on_disk();
            let ends = [first, first + size].map(|at| usize::try_from(at).unwrap());
            let [from, to] = ends.map(|at| at.min(on_disk.len()));
            self.contents.compare(file, first, &on_disk[from..to]);
        }
    }

    /// The file may be longer than before.
    pub(super) fn follow_file(&mut self) {
        let file = self.object(self.sections[FILE]);
        let length = self.file.metadata().unwrap().len();
        self.contents.grow(file, length);
    }

    /// What is in the file.
    pub(super) fn on_disk(&self) -> Vec<u8> {
        let mut file = &self.file;
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// What a section is made of.
    pub(super) fn object(&self, section: SectionHandle) -> SegmentId {
        let sections = &self.bench.machine.kernel.sections;
        let section = sections.section(section, SectionAccess::empty());
        section.unwrap().segment
    }
}
