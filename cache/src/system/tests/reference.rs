//! The caches of a machine once more, with lists and nothing clever.

mod lists;

use alloc::vec::Vec;

use units::MemoryType;

use self::lists::{Had, Held};
pub(super) use self::lists::{List, Tally};
use crate::{
    CacheId, HierarchyConfig, Inclusion, NextLine, Prefetcher, Request, ServedBy, Stride, WalkPort,
};

const L1I: usize = 0;
const L1D: usize = 1;
const L2: usize = 2;
const LLC: usize = 3;

pub(super) struct Own {
    /// L1I, L1D, L2.
    pub(super) caches: [List; 3],
    /// The lines in the write-combining buffers, the oldest first.
    combining: Vec<u64>,
    /// The pages watched, the one that missed longest ago first: page, last line, stride.
    strides: Vec<(u64, u64, i64)>,
    pub(super) tally: Tally,
}

pub(super) struct Reference {
    config: HierarchyConfig,
    pub(super) processors: Vec<Own>,
    pub(super) llc: List,
    /// The lines written back to memory, in order.
    pub(super) to_memory: Vec<u64>,
}

impl Reference {
    pub(super) fn new(config: &HierarchyConfig) -> Self {
        let own = |_| Own {
            caches: [&config.l1i, &config.l1d, &config.l2].map(List::new),
            combining: Vec::new(),
            strides: Vec::new(),
            tally: Tally::default(),
        };
        Self {
            config: *config,
            processors: (0..config.processors).map(own).collect(),
            llc: List::new(&config.llc),
            to_memory: Vec::new(),
        }
    }

    /// Who serves the request, and after how many cycles.
    pub(super) fn access(
        &mut self,
        by: usize,
        line: u64,
        request: Request,
        memory_type: MemoryType,
    ) -> (ServedBy, u64) {
        use MemoryType::{Uncacheable, WriteBack, WriteCombining, WriteThrough};
        let memory = (ServedBy::Memory, self.config.memory_latency.as_u64());

        if memory_type == WriteBack {
            return self.cached(by, line, request, request.writes());
        }
        let reads = request != Request::Write;
        let read = reads.then(|| match memory_type {
            Uncacheable | WriteCombining => {
                self.drop_everywhere(by, line);
                self.flush(by);
                self.processors[by].tally.uncached_reads += 1;
                memory
            }
            _ => self.cached(by, line, request, false),
        });
        let write = request.writes().then(|| match memory_type {
            Uncacheable => {
                self.drop_everywhere(by, line);
                self.flush(by);
                self.processors[by].tally.uncached_writes += 1;
                memory
            }
            WriteCombining => {
                self.drop_everywhere(by, line);
                self.combine(by, line)
            }
            WriteThrough => {
                self.others_lose(by, line);
                let first = self.first(request);
                for cache in &mut self.processors[by].caches[first..] {
                    cache.used(line);
                }
                self.llc.used(line);
                self.processors[by].tally.write_throughs += 1;
                memory
            }
            _ => {
                self.drop_everywhere(by, line);
                self.processors[by].tally.write_throughs += 1;
                memory
            }
        });
        let (read_by, read_cycles) = read.unwrap_or((ServedBy::L1, 0));
        let (write_by, write_cycles) = write.unwrap_or((ServedBy::L1, 0));
        (read_by.max(write_by), read_cycles + write_cycles)
    }

    /// The first cache that a request looks in.
    fn first(&self, request: Request) -> usize {
        match (request, self.config.walks_enter) {
            (Request::Fetch, _) => L1I,
            (Request::WalkRead | Request::WalkUpdate, WalkPort::L2) => L2,
            _ => L1D,
        }
    }

    fn write_to_memory(&mut self, by: usize, line: u64) {
        self.to_memory.push(line);
        self.processors[by].tally.memory_write_backs += 1;
    }

    fn drop_everywhere(&mut self, by: usize, line: u64) {
        let mut dirty = false;
        for own in &mut self.processors {
            for id in [L1I, L1D, L2] {
                if let Some(copy) = own.caches[id].without(line) {
                    own.tally.drops[id] += 1;
                    own.tally.lost(id, copy);
                    dirty |= copy.dirty;
                }
            }
        }
        if let Some(copy) = self.llc.without(line) {
            self.processors[by].tally.drops[LLC] += 1;
            dirty |= copy.dirty;
        }
        if dirty {
            self.write_to_memory(by, line);
            self.processors[by].tally.snoop_write_backs += 1;
        }
    }

    fn flush(&mut self, by: usize) {
        let own = &mut self.processors[by];
        own.tally.flushed_buffers += own.combining.len() as u64;
        own.combining.clear();
    }

    fn combine(&mut self, by: usize, line: u64) -> (ServedBy, u64) {
        let quick = (ServedBy::L1, self.config.l1d.latency.as_u64());
        let own = &mut self.processors[by];
        if own.combining.contains(&line) {
            own.tally.combined_writes += 1;
            return quick;
        }
        own.tally.opened_buffers += 1;
        own.combining.push(line);
        if own.combining.len() <= self.config.combining_buffers as usize {
            return quick;
        }
        own.combining.remove(0);
        own.tally.flushed_buffers += 1;
        (ServedBy::Memory, self.config.memory_latency.as_u64())
    }

    /// A request of which the caches are asked, and what the prefetchers make of it.
    fn cached(&mut self, by: usize, line: u64, request: Request, writes: bool) -> (ServedBy, u64) {
        let first = self.first(request);
        let (served_by, cycles) = self.look_in(by, first, line, writes, true);
        if writes {
            let copy = self.processors[by].caches[first].copy_mut(line).unwrap();
            copy.dirty = true;
        }
        self.processors[by].tally.served[request.index()][served_by.index()] += 1;
        let data = matches!(
            request,
            Request::Read | Request::Write | Request::ReadModifyWrite
        );
        if data && served_by != ServedBy::L1 {
            self.prefetch(by, line);
        }
        (served_by, cycles)
    }

    /// Looks for a line in a cache, then below, and leaves it there. Prefetchers are no
    /// demand.
    fn look_in(
        &mut self,
        by: usize,
        id: usize,
        line: u64,
        writes: bool,
        demand: bool,
    ) -> (ServedBy, u64) {
        let latency = [&self.config.l1i, &self.config.l1d, &self.config.l2][id]
            .latency
            .as_u64();
        let own = &mut self.processors[by];
        if let Some(copy) = own.caches[id].used(line) {
            let was = *copy;
            if writes {
                copy.shared = false;
            }
            if demand {
                copy.fresh = false;
                if was.fresh {
                    own.tally.useful[usize::from(id == L2)] += 1;
                }
            }
            let served_by = if id == L2 { ServedBy::L2 } else { ServedBy::L1 };
            if writes && was.shared {
                own.tally.upgrades += 1;
                if self.others_lose(by, line) != Had::Nothing {
                    return (served_by, self.config.peer_latency.as_u64());
                }
            }
            return (served_by, latency);
        }
        if id == L2 {
            let (answer, copy) = self.beyond(by, line, writes);
            self.add(by, L2, copy);
            return answer;
        }
        let answer = self.look_in(by, L2, line, writes, demand);
        let shared = self.processors[by].caches[L2].copy(line).unwrap().shared;
        self.add(
            by,
            id,
            Held {
                shared,
                ..Held::clean(line)
            },
        );
        answer
    }

    /// What the LLC, the other processors and memory answer to an L2, and the copy it gets.
    fn beyond(&mut self, by: usize, line: u64, writes: bool) -> ((ServedBy, u64), Held) {
        let had = if writes {
            self.others_lose(by, line)
        } else {
            self.others_share(by, line)
        };
        let mut copy = Held::clean(line);
        copy.shared = had != Had::Nothing && !writes;
        let exclusive = self.config.inclusion == Inclusion::Exclusive;
        let in_llc = if exclusive {
            self.llc.without(line)
        } else if had == Had::Dirty {
            // It was just written there.
            None
        } else {
            self.llc.used(line).copied()
        };
        let served_by = match (had, in_llc) {
            (Had::Dirty, _) | (Had::Clean, None) => ServedBy::Peer,
            (_, Some(_)) => ServedBy::Llc,
            (Had::Nothing, None) => ServedBy::Memory,
        };
        if exclusive {
            if let Some(Held { dirty: true, .. }) = in_llc
                && had != Had::Dirty
            {
                if copy.shared {
                    self.write_to_memory(by, line);
                    self.processors[by].tally.peer_write_backs += 1;
                } else {
                    copy.dirty = true;
                }
            }
        } else if served_by == ServedBy::Memory || (had == Had::Clean && in_llc.is_none()) {
            self.add_to_llc(by, Held::clean(line));
        }
        let config = &self.config;
        let cycles = match served_by {
            ServedBy::Memory => config.memory_latency,
            ServedBy::Llc if had == Had::Nothing || !writes => config.llc.latency,
            _ => config.peer_latency,
        };
        ((served_by, cycles.as_u64()), copy)
    }

    fn others_lose(&mut self, by: usize, line: u64) -> Had {
        let mut had = Had::Nothing;
        for other in 0..self.processors.len() {
            let own = &mut self.processors[other];
            for id in [L1I, L1D, L2] {
                if other != by
                    && let Some(copy) = own.caches[id].without(line)
                {
                    own.tally.invalidations[id] += 1;
                    own.tally.lost(id, copy);
                    had = had.max(Had::of(copy));
                }
            }
        }
        self.save_what_others_had(by, line, had);
        had
    }

    fn others_share(&mut self, by: usize, line: u64) -> Had {
        let mut had = Had::Nothing;
        for other in 0..self.processors.len() {
            let own = &mut self.processors[other];
            for id in [L1I, L1D, L2] {
                let there = own.caches[id].copy(line).copied();
                if other != by
                    && let Some(copy) = there
                {
                    had = had.max(Had::of(copy));
                    if !copy.shared {
                        let copy = own.caches[id].used(line).unwrap();
                        copy.shared = true;
                        copy.dirty = false;
                    }
                }
            }
        }
        self.save_what_others_had(by, line, had);
        had
    }

    fn save_what_others_had(&mut self, by: usize, line: u64, had: Had) {
        if had == Had::Dirty {
            self.processors[by].tally.peer_write_backs += 1;
            if self.config.inclusion == Inclusion::Exclusive {
                self.write_to_memory(by, line);
            } else {
                self.write_back_to_llc(by, line);
            }
        }
    }

    fn write_back_to_llc(&mut self, by: usize, line: u64) {
        match self.llc.used(line) {
            Some(copy) => copy.dirty = true,
            None => self.add_to_llc(by, Held::dirty(line)),
        }
    }

    fn add_to_llc(&mut self, by: usize, copy: Held) {
        let Some(mut out) = self.llc.add(copy) else {
            return;
        };
        if self.config.inclusion == Inclusion::Inclusive {
            for own in &mut self.processors {
                for id in [L1I, L1D, L2] {
                    if let Some(copy) = own.caches[id].without(out.line) {
                        own.tally.back_invalidations[id] += 1;
                        own.tally.lost(id, copy);
                        out.dirty |= copy.dirty;
                    }
                }
            }
        }
        self.processors[by].tally.evictions[LLC] += 1;
        if out.dirty {
            self.processors[by].tally.write_backs[LLC] += 1;
            self.write_to_memory(by, out.line);
        }
    }

    /// Adds a line to a private cache, and finds a place for what that pushes out.
    fn add(&mut self, by: usize, id: usize, copy: Held) {
        let own = &mut self.processors[by];
        let Some(out) = own.caches[id].add(copy) else {
            return;
        };
        own.tally.evictions[id] += 1;
        own.tally.lost(id, out);
        if out.dirty {
            own.tally.write_backs[id] += 1;
        }
        let exclusive = self.config.inclusion == Inclusion::Exclusive;
        if id == L2 && exclusive {
            let others = (0..self.processors.len()).filter(|&other| other != by);
            let elsewhere = others
                .into_iter()
                .any(|other| self.processors[other].caches[L2].copy(out.line).is_some());
            if !elsewhere {
                let dirty = out.dirty;
                self.add_to_llc(
                    by,
                    Held {
                        dirty,
                        ..Held::clean(out.line)
                    },
                );
            }
        } else if id == L2 && out.dirty {
            self.write_back_to_llc(by, out.line);
        } else if out.dirty {
            if let Some(copy) = own.caches[L2].used(out.line) {
                copy.dirty = true;
                copy.shared = false;
            } else {
                if exclusive {
                    self.llc.without(out.line);
                }
                self.add(by, L2, Held::dirty(out.line));
            }
        }
    }

    fn prefetch(&mut self, by: usize, line: u64) {
        if self.config.prefetch.next_line == NextLine::On && line % 64 != 63 {
            self.prefetch_into(by, L1D, line + 1, Prefetcher::NextLine);
        }
        let Stride::Ahead { lines, pages } = self.config.prefetch.stride else {
            return;
        };
        let strides = &mut self.processors[by].strides;
        let seen = strides.iter().position(|&(page, ..)| page == line / 64);
        let Some(place) = seen else {
            strides.push((line / 64, line, 0));
            if strides.len() > pages as usize {
                strides.remove(0);
            }
            return;
        };
        let (page, last, before) = strides.remove(place);
        let stride = line.cast_signed() - last.cast_signed();
        let kept = if stride == 0 { before } else { stride };
        strides.push((page, line, kept));
        if stride == 0 || stride != before {
            return;
        }
        for step in 1..=i64::from(lines) {
            let there = (line % 64).cast_signed() + step * stride;
            if (0..64).contains(&there) {
                let there = page * 64 + there.cast_unsigned();
                self.prefetch_into(by, L2, there, Prefetcher::Stride);
            }
        }
    }

    fn prefetch_into(&mut self, by: usize, id: usize, line: u64, prefetcher: Prefetcher) {
        if self.processors[by].caches[id].copy(line).is_some() {
            return;
        }
        let (served_by, _) = self.look_in(by, id, line, false, false);
        let own = &mut self.processors[by];
        own.tally.prefetched[prefetcher.index()][served_by.index()] += 1;
        own.caches[id].copy_mut(line).unwrap().fresh = true;
    }

    /// The list of a cache that a processor's requests meet.
    pub(super) fn list(&self, by: usize, id: CacheId) -> &List {
        let own = &self.processors[by];
        own.caches.get(id.index()).unwrap_or(&self.llc)
    }
}
