use std::collections::BTreeSet;

use mmu_core::VirtAddr;

use crate::{
    Machine, Status, Target, WatchFlags,
    kernel::Kernel,
    page_tables::Pieces,
    private::is_dirty,
    pte::{Pte, PteState},
    user_range::WrongRange,
    user_space::UserSpace,
    vad::{PAGE, VadKind, WriteWatch},
};

const WRONG: WrongRange = WrongRange {
    base: Status::InvalidParameter3,
    size: Status::InvalidParameter4,
    empty: Some(Status::InvalidParameter4),
};

impl Machine {
    /// The pages of a watched region that were written since it was allocated or reset, by
    /// address, and `limit` of them at most (`NtGetWriteWatch`). With
    /// [`WatchFlags::RESET`], those that are returned start again as unwritten.
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidParameter2`]: unknown flags.
    /// - [`Status::InvalidParameter3`], [`Status::InvalidParameter4`]: base or size are not in
    ///   user space, or the size is 0.
    /// - [`Status::InvalidParameter5`]: the limit is 0.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter1`]: the range is not in one watched region.
    pub fn get_write_watch(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
        flags: WatchFlags,
        limit: usize,
    ) -> Result<Vec<VirtAddr>, Status> {
        if !WatchFlags::RESET.contains(flags) {
            return Err(Status::InvalidParameter2);
        }
        let (start, end) = WRONG.pages(base, size)?;
        if limit == 0 {
            return Err(Status::InvalidParameter5);
        }
        let (space, kernel) = self.space(target)?;
        let mut written: Vec<_> = space.written(kernel, start, end, limit)?;
        written.truncate(limit);
        if flags.contains(WatchFlags::RESET) {
            space.forget_writes(start, |page| written.binary_search(&page).is_ok());
            for &page in &written {
                space.clean(kernel, page, page + PAGE)?;
            }
            kernel.make_coherent()?;
        }
        Ok(written.into_iter().map(VirtAddr::new).collect())
    }

    /// Lets all pages of a range of a watched region start again as unwritten
    /// (`NtResetWriteWatch`).
    ///
    /// # Errors
    /// As [`Machine::get_write_watch`].
    pub fn reset_write_watch(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
    ) -> Result<(), Status> {
        let (start, end) = WRONG.pages(base, size)?;
        let (space, kernel) = self.space(target)?;
        space.watch(start, end)?;
        space.forget_writes(start, |page| (start..end).contains(&page));
        space.clean(kernel, start, end)?;
        kernel.make_coherent()
    }
}

impl UserSpace {
    /// The pages of the region that holds a range which are known to be written.
    fn watch(&self, start: u64, end: u64) -> Result<&BTreeSet<u64>, Status> {
        const WRONG: Status = Status::InvalidParameter1;
        match &self.region(start, end, WRONG, WRONG)?.kind {
            VadKind::Private(private) => match &private.watch {
                WriteWatch::On(written) => Ok(written),
                WriteWatch::Off => Err(WRONG),
            },
            VadKind::View(_) => Err(WRONG),
        }
    }

    /// At least the first `limit` written pages of a range.
    fn written(
        &self,
        kernel: &Kernel,
        start: u64,
        end: u64,
        limit: usize,
    ) -> Result<Vec<u64>, Status> {
        let noted = self.watch(start, end)?;
        let mut written: Vec<u64> = noted.range(start..end).copied().take(limit).collect();
        let mut dirty = 0;
        let mut pieces = Pieces::new(start, end);
        while dirty < limit
            && let Some(piece) = pieces.next(self, &kernel.physical)?
        {
            for (page, at) in piece.entries() {
                if is_dirty(kernel.physical.read_pte(at)?) {
                    written.push(page);
                    dirty += 1;
                }
            }
        }
        written.sort_unstable();
        written.dedup();
        Ok(written)
    }

    /// Keeps in mind that the pages of a part of a region were written, as far as they can be.
    pub(crate) fn note_writable(
        &mut self,
        kernel: &Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let mut writable = Vec::new();
        let mut pieces = Pieces::new(start, end);
        while let Some(piece) = pieces.next(self, &kernel.physical)? {
            for (page, at) in piece.entries() {
                if let PteState::Valid(valid) = kernel.physical.read_pte(at)?.state()
                    && valid.is_writable()
                {
                    writable.push(page);
                }
            }
        }
        self.note_writes(start, &writable);
        Ok(())
    }

    /// Takes pages of the region that holds an address from those that are known to be written.
    fn forget_writes(&mut self, start: u64, is_forgotten: impl Fn(u64) -> bool) {
        if let Some(vad) = self.vads.find_mut(start)
            && let VadKind::Private(private) = &mut vad.kind
            && let WriteWatch::On(written) = &mut private.watch
        {
            written.retain(|&page| !is_forgotten(page));
        }
    }

    /// Lets the next write of each page of a range fault; the kernel is to be made coherent then.
    fn clean(&mut self, kernel: &mut Kernel, start: u64, end: u64) -> Result<(), Status> {
        self.change_range(kernel, start, end, |_, _, pte| match pte.state() {
            PteState::Valid(valid) => Pte::from(valid.clean()),
            _ => pte,
        })
    }
}
