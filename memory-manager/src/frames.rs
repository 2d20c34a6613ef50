use mmu_core::{PageSize, PhysAddr};

/// Hands out the frames of physical memory, each naturally aligned, those given back last
/// first, then the lowest.
///
/// What is left of a larger frame that had to be broken is used up before another one is.
#[derive(Clone, Debug)]
pub struct FrameAllocator {
    /// For each size, the runs of free frames, the next to be used last.
    free: [Vec<Run>; PageSize::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Run {
    next: u64,
    end: u64,
}

impl FrameAllocator {
    /// All frames in so many bytes of memory from physical address 0 on; what does not fill a
    /// 4-KiB frame is left out.
    pub fn new(bytes: u64) -> Self {
        let mut free = PageSize::ALL.map(|_| Vec::new());
        let mut start = 0;
        for size in PageSize::IA32E.into_iter().rev() {
            let end = bytes & !size.offset_mask();
            if start < end {
                free[size.index()].push(Run { next: start, end });
                start = end;
            }
        }
        Self { free }
    }

    /// A free frame of this size.
    pub fn allocate(&mut self, size: PageSize) -> Option<PhysAddr> {
        while let Some(run) = self.free[size.index()].last_mut() {
            if run.next < run.end {
                let frame = PhysAddr::new(run.next);
                run.next += size.bytes();
                return Some(frame);
            }
            self.free[size.index()].pop();
        }
        let larger = PageSize::IA32E.into_iter().find(|&other| other > size)?;
        let broken = self.allocate(larger)?.as_u64();
        self.free[size.index()].push(Run {
            next: broken,
            end: broken + larger.bytes(),
        });
        self.allocate(size)
    }
}

impl FrameAllocator {
    /// Takes back a frame that was handed out.
    pub fn free(&mut self, frame: PhysAddr, size: PageSize) {
        self.free[size.index()].push(Run {
            next: frame.as_u64(),
            end: frame.as_u64() + size.bytes(),
        });
    }

    /// Makes larger frames of free ones that are neighbours, as many as there are; the lowest
    /// of each size are handed out first then.
    pub(crate) fn coalesce(&mut self) {
        let mut runs: Vec<Run> = self.free.iter_mut().flat_map(std::mem::take).collect();
        runs.retain(|run| run.next < run.end);
        runs.sort_unstable_by_key(|run| run.next);
        let mut joined: Vec<Run> = Vec::new();
        for run in runs {
            match joined.last_mut() {
                Some(last) if last.end == run.next => last.end = run.end,
                _ => joined.push(run),
            }
        }
        for run in joined.into_iter().rev() {
            self.add(run, PageSize::Size1GiB);
        }
    }

    /// Adds free memory, as frames of this size and, around those, of smaller ones.
    fn add(&mut self, run: Run, size: PageSize) {
        let smaller = PageSize::IA32E
            .into_iter()
            .rev()
            .find(|&other| other < size);
        let next = run.next.next_multiple_of(size.bytes()).min(run.end);
        let end = (run.end & !size.offset_mask()).max(next);
        if let Some(smaller) = smaller {
            let (below, above) = (Run { end: next, ..run }, Run { next: end, ..run });
            // What is added last is handed out first.
            for part in [above, below] {
                if part.next < part.end {
                    self.add(part, smaller);
                }
            }
        }
        if next < end {
            self.free[size.index()].push(Run { next, end });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_frame_is_handed_out_once_and_whole() {
        let bytes = (1 << 30) + (5 << 21) + (7 << 12) + 0x800;
        let mut frames = FrameAllocator::new(bytes);
        let mut taken = HashSet::new();
        for size in [PageSize::Size4KiB, PageSize::Size2MiB].into_iter().cycle() {
            let Some(frame) = frames.allocate(size) else {
                break;
            };
            assert_eq!(frame.offset_in(size), 0);
            assert!(frame.as_u64() + size.bytes() <= bytes);
            for part in 0..size.bytes() >> 12 {
                assert!(taken.insert(frame.page_number(PageSize::Size4KiB) + part));
            }
        }
        while let Some(frame) = frames.allocate(PageSize::Size4KiB) {
            assert!(taken.insert(frame.page_number(PageSize::Size4KiB)));
        }
        assert_eq!(taken.len() as u64, bytes >> 12);
    }

    #[test]
    fn frames_that_were_broken_are_whole_again_once_all_their_parts_are_free() {
        let bytes = 4 << 21;
        let mut frames = FrameAllocator::new(bytes + (3 << 12));
        let small = std::iter::from_fn(|| frames.allocate(PageSize::Size4KiB));
        let mut small: Vec<_> = small.collect();
        small.sort_unstable();
        let (kept, given_back) = small.split_at(1);
        for &frame in given_back {
            frames.free(frame, PageSize::Size4KiB);
        }
        frames.coalesce();
        let whole = |frames: &mut FrameAllocator| {
            let large = std::iter::from_fn(|| frames.allocate(PageSize::Size2MiB));
            large.collect::<Vec<_>>()
        };
        let parts = kept[0].align_down(PageSize::Size2MiB);
        let large = whole(&mut frames);
        assert_eq!(large.len(), 3);
        assert!(large.is_sorted() && !large.contains(&parts));
        for frame in large {
            frames.free(frame, PageSize::Size2MiB);
        }
        frames.free(kept[0], PageSize::Size4KiB);
        frames.coalesce();
        assert_eq!(whole(&mut frames).len(), 4);
        assert_eq!(frames.allocate(PageSize::Size4KiB).unwrap().as_u64(), bytes);
    }

    #[test]
    fn a_frame_that_does_not_fit_is_not_there() {
        let mut frames = FrameAllocator::new((1 << 21) - 1);
        assert_eq!(frames.allocate(PageSize::Size2MiB), None);
        assert_eq!(frames.allocate(PageSize::Size1GiB), None);
        assert_eq!(frames.allocate(PageSize::Size4KiB), Some(PhysAddr::new(0)));
        assert_eq!(
            FrameAllocator::new(0xfff).allocate(PageSize::Size4KiB),
            None
        );
    }
}
