//! What is done when memory runs short: pages leave working sets, and written ones are stored.

use crate::{
    Machine, ProcessId, Status,
    kernel::Kernel,
    page_tables::{Piece, Pieces},
    physical::Physical,
    pte::PteState,
    user_space::UserSpace,
    vad::{PAGE, Vad},
};
use mmu_core::PageSize;

/// How many pages leave a working set at a time, at most. Assumed.
const TRIMMED: usize = 64;

/// Whose pages leave next, and from which address on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand {
    process: ProcessId,
    from: u64,
}

impl Hand {
    pub(crate) const START: Self = Self {
        process: ProcessId(0),
        from: 0,
    };
}

impl Physical {
    /// The least number of frames that are to be had: a 32nd of all, but 32 to 1024. Assumed; the
    /// numbers of Windows are for machines with more memory than there was in all then.
    fn low(&self) -> u64 {
        (self.frames().frames() / 32).clamp(32, 1024)
    }

    /// Whether frames have to be had before a call.
    pub(crate) fn is_short(&self) -> bool {
        self.page_files.pages() > 0 && self.available() < self.low()
    }
}

impl Kernel {
    /// Stores some pages that were written, those without a file first. Gives how many.
    pub(super) fn write_out(&mut self) -> Result<u64, Status> {
        match self.physical.write_modified()? {
            0 => self.write_mapped(),
            written => Ok(written),
        }
    }
}

impl Machine {
    /// Lets frames be had before somebody needs them, as far as pages can go elsewhere. Of a
    /// machine without page files pages stay where they are.
    pub(crate) fn balance(&mut self) -> Result<(), Status> {
        if !self.kernel.physical.is_short() {
            return Ok(());
        }
        let enough = 2 * self.kernel.physical.low();
        while self.kernel.physical.available() < enough {
            if self.kernel.write_out()? == 0 && !self.trim_some()? {
                break;
            }
        }
        Ok(())
    }

    /// Takes some pages out of the working set whose turn it is; none can be if it says so.
    fn trim_some(&mut self) -> Result<bool, Status> {
        // Twice the first one: from the hand on, and up to it.
        for _ in 0..self.spaces.len() + 2 {
            let Some((&process, space)) = self.spaces.range_mut(self.hand.process..).next() else {
                self.hand = Hand::START;
                continue;
            };
            let is_same = process == self.hand.process;
            let from = if is_same { self.hand.from } else { 0 };
            if let Some(from) = space.trim_next(&mut self.kernel, from)? {
                self.hand = Hand { process, from };
                return Ok(true);
            }
            self.hand = Hand {
                process: ProcessId(process.0 + 1),
                from: 0,
            };
        }
        Ok(false)
    }
}

impl UserSpace {
    /// Takes the next pages from an address on out of the working set; gives where they end.
    fn trim_next(&mut self, kernel: &mut Kernel, from: u64) -> Result<Option<u64>, Status> {
        let regions = self.vads.iter().filter(|vad| vad.end > from);
        let regions = regions.map(|vad| (vad.start.max(from), vad.end));
        let regions: Vec<_> = regions.collect();
        for (start, end) in regions {
            let mut pieces = Pieces::new(start, end);
            while let Some(piece) = pieces.next(self, &kernel.physical)? {
                if let Some((first, end)) = self.spare(kernel, start, piece)? {
                    self.trim(kernel, first, end)?;
                    kernel.settle()?;
                    return Ok(Some(end));
                }
            }
        }
        Ok(None)
    }

    /// The first pages of a piece that can leave the working set, and where they end.
    fn spare(
        &self,
        kernel: &Kernel,
        region: u64,
        piece: Piece,
    ) -> Result<Option<(u64, u64)>, Status> {
        let is_fixed = self.vads.find(region).is_none_or(Vad::is_fixed);
        if is_fixed || piece.size != PageSize::Size4KiB || self.check_unsecured(region).is_err() {
            return Ok(None);
        }
        let (mut first, mut end, mut count) = (None, 0, 0);
        for (page, at) in piece.entries() {
            let is_valid = matches!(kernel.physical.read_pte(at)?.state(), PteState::Valid(_));
            let is_locked = || self.working_set.list.is_locked(page);
            if is_valid && !is_locked() && self.can_leave(kernel, page) {
                first.get_or_insert(page);
                end = page + PAGE;
                count += 1;
                if count == TRIMMED {
                    break;
                }
            }
        }
        Ok(first.map(|first| (first, end)))
    }
}
