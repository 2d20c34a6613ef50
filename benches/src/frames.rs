use mmu_core::{PageSize, PhysAddr, Ram};

use crate::FAULTS;

const FRAME: u64 = PageSize::Size4KiB.bytes();

/// Frames of emulated memory, as many as a round of faults takes, and as many others.
#[derive(Debug)]
pub struct FrameWorld {
    ram: Ram,
}

impl FrameWorld {
    /// Frames that were written.
    ///
    /// # Panics
    /// If they cannot be.
    pub fn new() -> Self {
        let ram = Ram::new(2 * FAULTS * FRAME).expect("a processor can address it");
        for number in 0..2 * FAULTS {
            let at = PhysAddr::new(number * FRAME);
            ram.write(at, &[1; 4096]).expect("it is there");
        }
        Self { ram }
    }

    /// Makes each frame of one half zeros.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn zero(&mut self) {
        for number in 0..FAULTS {
            let zeroed = self.ram.zero_frame(own(number));
            zeroed.expect("it is there");
        }
    }

    /// Copies each frame of the other half over one of those.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn copy(&mut self) {
        for number in 0..FAULTS {
            let copied = self.ram.copy_frame(other(number), own(number));
            copied.expect("they are there");
        }
    }

    /// Looks whether zeros are zeros and copies are copies.
    ///
    /// # Panics
    /// If they are not.
    pub fn audit(&mut self) {
        for (expected, round) in [(0, Self::zero as fn(&mut Self)), (1, Self::copy)] {
            round(self);
            for number in 0..FAULTS {
                let mut bytes = [2; 4096];
                let read = self.ram.read(own(number), &mut bytes);
                read.expect("it is there");
                assert!(bytes.iter().all(|&byte| byte == expected));
            }
        }
    }
}

impl Default for FrameWorld {
    fn default() -> Self {
        Self::new()
    }
}

fn own(number: u64) -> PhysAddr {
    PhysAddr::new(number * FRAME)
}

fn other(number: u64) -> PhysAddr {
    PhysAddr::new((FAULTS + number) * FRAME)
}
