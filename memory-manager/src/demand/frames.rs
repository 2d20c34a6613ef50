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
