//! The hierarchy once more, with lists and nothing clever.

use alloc::{vec, vec::Vec};

use units::MemoryType;

use crate::{Request, ServedBy, WalkPort};

use super::{BUFFERS, Shape};

#[derive(Clone, Copy, PartialEq)]
struct Held {
    line: u64,
    dirty: bool,
}

/// A cache: of each set its copies, the least recently used first.
pub(super) struct List {
    sets: Vec<Vec<Held>>,
    ways: usize,
    pub(super) evictions: u64,
    pub(super) write_backs: u64,
    pub(super) drops: u64,
}

impl List {
    fn new((sets, ways): (u32, u32)) -> Self {
        Self {
            sets: vec![Vec::new(); sets as usize],
            ways: ways as usize,
            evictions: 0,
            write_backs: 0,
            drops: 0,
        }
    }

    fn set_of(&mut self, line: u64) -> &mut Vec<Held> {
        let sets = self.sets.len() as u64;
        &mut self.sets[usize::try_from(line % sets).unwrap()]
    }

    /// Whether the line is there; if so it becomes the most recent, and dirty if it says so.
    fn used(&mut self, line: u64, makes_dirty: bool) -> bool {
        let set = self.set_of(line);
        for place in 0..set.len() {
            if set[place].line == line {
                let mut copy = set.remove(place);
                copy.dirty = copy.dirty || makes_dirty;
                set.push(copy);
                return true;
            }
        }
        false
    }

    /// Adds the line; returns the number of the line this pushes out, if that is dirty.
    fn add(&mut self, line: u64, dirty: bool) -> Option<u64> {
        let ways = self.ways;
        let set = self.set_of(line);
        assert!(set.iter().all(|copy| copy.line != line), "held twice");
        set.push(Held { line, dirty });
        if set.len() <= ways {
            return None;
        }
        let oldest = set.remove(0);
        self.evictions += 1;
        if !oldest.dirty {
            return None;
        }
        self.write_backs += 1;
        Some(oldest.line)
    }

    /// Takes the line out; returns whether it was there and dirty.
    fn drop_line(&mut self, line: u64) -> bool {
        let set = self.set_of(line);
        let Some(place) = set.iter().position(|copy| copy.line == line) else {
            return false;
        };
        let dirty = set.remove(place).dirty;
        self.drops += 1;
        dirty
    }

    pub(super) fn held(&self) -> Vec<(u64, bool)> {
        let copies = self.sets.iter().flatten();
        let mut held: Vec<_> = copies.map(|copy| (copy.line, copy.dirty)).collect();
        held.sort_unstable();
        held
    }
}

pub(super) struct Reference {
    pub(super) l1i: List,
    pub(super) l1d: List,
    pub(super) l2: List,
    pub(super) llc: List,
    walks_enter: WalkPort,
    /// The lines written to memory, in order.
    pub(super) to_memory: Vec<u64>,
    /// The lines in the write-combining buffers, the oldest first.
    combining: Vec<u64>,
    pub(super) typed: Typed,
}

/// What accesses to memory that is not write-back did.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Typed {
    pub(super) uncached_reads: u64,
    pub(super) uncached_writes: u64,
    pub(super) combined_writes: u64,
    pub(super) opened_buffers: u64,
    pub(super) flushed_buffers: u64,
    pub(super) write_throughs: u64,
    pub(super) snoop_write_backs: u64,
}

impl Reference {
    pub(super) fn new([l1i, l1d, l2, llc]: Shape, walks_enter: WalkPort) -> Self {
        Self {
            l1i: List::new(l1i),
            l1d: List::new(l1d),
            l2: List::new(l2),
            llc: List::new(llc),
            walks_enter,
            to_memory: Vec::new(),
            combining: Vec::new(),
            typed: Typed::default(),
        }
    }

    /// Who serves the request, and after how many cycles.
    pub(super) fn access(
        &mut self,
        line: u64,
        request: Request,
        memory_type: MemoryType,
    ) -> (ServedBy, u64) {
        use MemoryType::{Uncacheable, WriteBack, WriteCombining, WriteProtected, WriteThrough};
        const MEMORY: (ServedBy, u64) = (ServedBy::Memory, 200);

        // What reads, and whether something writes after it.
        let (reads, writes) = match request {
            Request::Fetch => (Some(Request::Fetch), false),
            Request::Read => (Some(Request::Read), false),
            Request::Write => (None, true),
            Request::ReadModifyWrite => (Some(Request::Read), true),
            Request::WalkRead => (Some(Request::WalkRead), false),
            Request::WalkUpdate => (Some(Request::WalkRead), true),
        };
        let read = reads.map(|reads| match memory_type {
            Uncacheable | WriteCombining => {
                self.drop_everywhere(line);
                self.flush();
                self.typed.uncached_reads += 1;
                MEMORY
            }
            WriteThrough | WriteProtected => self.cached(line, reads),
            WriteBack => self.cached(line, request),
        });
        let write = writes.then(|| match memory_type {
            Uncacheable => {
                self.drop_everywhere(line);
                self.flush();
                self.typed.uncached_writes += 1;
                MEMORY
            }
            WriteCombining => {
                self.drop_everywhere(line);
                self.combine(line)
            }
            WriteThrough => {
                if !matches!(
                    (request, self.walks_enter),
                    (Request::WalkUpdate, WalkPort::L2)
                ) {
                    self.l1d.used(line, false);
                }
                self.l2.used(line, false);
                self.llc.used(line, false);
                self.typed.write_throughs += 1;
                MEMORY
            }
            WriteProtected => {
                self.drop_everywhere(line);
                self.typed.write_throughs += 1;
                MEMORY
            }
            WriteBack => match read {
                // One access, made above.
                Some(_) => (ServedBy::L1, 0),
                None => self.cached(line, request),
            },
        });
        let (read_by, read_cycles) = read.unwrap_or((ServedBy::L1, 0));
        let (write_by, write_cycles) = write.unwrap_or((ServedBy::L1, 0));
        (read_by.max(write_by), read_cycles + write_cycles)
    }

    fn drop_everywhere(&mut self, line: u64) {
        let lists = [&mut self.l1i, &mut self.l1d, &mut self.l2, &mut self.llc];
        let dirty: Vec<_> = lists.into_iter().map(|list| list.drop_line(line)).collect();
        if dirty.contains(&true) {
            self.to_memory.push(line);
            self.typed.snoop_write_backs += 1;
        }
    }

    fn flush(&mut self) {
        self.typed.flushed_buffers += self.combining.len() as u64;
        self.combining.clear();
    }

    fn combine(&mut self, line: u64) -> (ServedBy, u64) {
        if self.combining.contains(&line) {
            self.typed.combined_writes += 1;
            return (ServedBy::L1, 4);
        }
        self.typed.opened_buffers += 1;
        self.combining.push(line);
        if self.combining.len() <= BUFFERS as usize {
            return (ServedBy::L1, 4);
        }
        self.combining.remove(0);
        self.typed.flushed_buffers += 1;
        (ServedBy::Memory, 200)
    }

    fn cached(&mut self, line: u64, request: Request) -> (ServedBy, u64) {
        let served_by = self.access_write_back(line, request);
        let cycles = match (served_by, request) {
            (ServedBy::L1, Request::Fetch) => 3,
            (ServedBy::L1, _) => 4,
            (ServedBy::L2, _) => 14,
            (ServedBy::Llc, _) => 50,
            (ServedBy::Peer, _) => 80,
            (ServedBy::Memory, _) => 200,
        };
        (served_by, cycles)
    }

    fn access_write_back(&mut self, line: u64, request: Request) -> ServedBy {
        match (request, self.walks_enter) {
            (Request::Fetch, _) => {
                if self.l1i.used(line, false) {
                    return ServedBy::L1;
                }
                let served_by = self.enter_l2(line, false);
                assert_eq!(self.l1i.add(line, false), None, "nobody writes to the L1I");
                served_by
            }
            (Request::WalkRead, WalkPort::L2) => self.enter_l2(line, false),
            (Request::WalkUpdate, WalkPort::L2) => self.enter_l2(line, true),
            (Request::Read | Request::WalkRead, _) => self.enter_l1d(line, false),
            (Request::Write | Request::ReadModifyWrite | Request::WalkUpdate, _) => {
                self.enter_l1d(line, true)
            }
        }
    }

    fn enter_l1d(&mut self, line: u64, write: bool) -> ServedBy {
        if self.l1d.used(line, write) {
            return ServedBy::L1;
        }
        let served_by = self.enter_l2(line, false);
        if let Some(dirty) = self.l1d.add(line, write)
            && !self.l2.used(dirty, true)
            && let Some(next) = self.l2.add(dirty, true)
        {
            self.write_back_to_llc(next);
        }
        served_by
    }

    fn enter_l2(&mut self, line: u64, write: bool) -> ServedBy {
        if self.l2.used(line, write) {
            return ServedBy::L2;
        }
        let served_by = if self.llc.used(line, false) {
            ServedBy::Llc
        } else {
            let dirty = self.llc.add(line, false);
            self.to_memory.extend(dirty);
            ServedBy::Memory
        };
        if let Some(dirty) = self.l2.add(line, write) {
            self.write_back_to_llc(dirty);
        }
        served_by
    }

    fn write_back_to_llc(&mut self, line: u64) {
        if !self.llc.used(line, true) {
            let dirty = self.llc.add(line, true);
            self.to_memory.extend(dirty);
        }
    }
}
