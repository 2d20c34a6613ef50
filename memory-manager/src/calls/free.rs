use mmu_core::VirtAddr;

use super::alloc::range;
use crate::{
    AddressRange, FreeType, Machine, Status, Target,
    kernel::Kernel,
    private::PrivateRules,
    pte::Pte,
    user_range::WrongRange,
    user_space::UserSpace,
    vad::{Untouched, VadKind},
};

const WRONG: WrongRange = WrongRange {
    base: Status::InvalidParameter2,
    size: Status::InvalidParameter3,
    empty: None,
};

/// Releases that leave a placeholder.
const PRESERVE: FreeType = FreeType::RELEASE.union(FreeType::PRESERVE_PLACEHOLDER);
const COALESCE: FreeType = FreeType::RELEASE.union(FreeType::COALESCE_PLACEHOLDERS);

impl Machine {
    /// Decommits or releases private memory (`NtFreeVirtualMemory`), and gives the pages that
    /// it did this to. A size of 0 is the whole region, which must start at the base's page;
    /// a part of a region that is released leaves the rest as regions of their own.
    ///
    /// A release that preserves the placeholder cuts one out of another, or of memory that took
    /// the place of one; one that coalesces makes one of all those in the range.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidParameter4`]: not exactly one type, but for those two releases.
    /// - [`Status::InvalidParameter2`], [`Status::InvalidParameter3`]: base or size are not
    ///   in user space.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::MemoryNotAllocated`]: no region is there.
    /// - [`Status::UnableToFreeVm`]: the range reaches out of the region.
    /// - [`Status::UnableToDeleteSection`]: it is a view.
    /// - [`Status::InvalidPageProtection`]: it is a PEB or TEB.
    /// - [`Status::InvalidParameter3`]: placeholders of no size.
    /// - [`Status::ConflictingAddresses`]: there is no placeholder, or all of it is to be cut
    ///   out, or the range does not consist of two at least.
    /// - [`Status::FreeVmNotAtBase`]: the whole region is meant, but not its first page; or a
    ///   part of one that is in large pages or a window.
    /// - [`Status::MemoryNotAllocated`]: large pages and windows are not decommitted.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: there is no memory for the page
    ///   tables that keep account of what is decommitted.
    pub fn virtual_free(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        size: u64,
        kind: FreeType,
    ) -> Result<AddressRange, Status> {
        if ![FreeType::RELEASE, FreeType::DECOMMIT, PRESERVE, COALESCE].contains(&kind) {
            return Err(Status::InvalidParameter4);
        }
        let (start, end) = WRONG.pages(base, size)?;
        let (space, kernel) = self.space(target)?;
        let vad = space.vads.find(start).ok_or(Status::MemoryNotAllocated)?;
        if end > vad.end && kind != COALESCE {
            return Err(Status::UnableToFreeVm);
        }
        space.check_unsecured(start)?;
        if matches!(vad.kind, VadKind::View(_)) {
            return Err(Status::UnableToDeleteSection);
        }
        let (whole, is_fixed) = ((vad.start, vad.end), vad.is_fixed());
        if kind == PRESERVE || kind == COALESCE {
            if size == 0 {
                return Err(Status::InvalidParameter3);
            }
            if kind == PRESERVE {
                space.preserve_placeholder(kernel, start, end)?;
            } else {
                space.coalesce_placeholders(start, end)?;
            }
            return Ok(range(start, end));
        }
        if size == 0 && start != vad.start {
            return Err(Status::FreeVmNotAtBase);
        }
        let (start, end) = if size == 0 { whole } else { (start, end) };
        if is_fixed && kind == FreeType::DECOMMIT {
            return Err(Status::MemoryNotAllocated);
        }
        if is_fixed && (start, end) != whole {
            return Err(Status::FreeVmNotAtBase);
        }
        if kind == FreeType::RELEASE {
            space.release(kernel, start, end)?;
            return Ok(range(start, end));
        }
        space.decommit_region(kernel, start, end)?;
        // Windows 10 from version 1803 on says 0 bytes of a whole region.
        Ok(AddressRange {
            base: VirtAddr::new(start),
            size: if size == 0 { 0 } else { end - start },
        })
    }
}

impl UserSpace {
    fn decommit_region(&mut self, kernel: &mut Kernel, start: u64, end: u64) -> Result<(), Status> {
        let Some(vad) = self.vads.find_mut(start) else {
            return Err(Status::MemoryNotAllocated);
        };
        let is_whole = (start, end) == (vad.start, vad.end);
        let VadKind::Private(private) = &mut vad.kind else {
            return Ok(());
        };
        if is_whole {
            // Nothing has to be written down page by page.
            private.untouched = Untouched::Reserved;
            let pages = std::mem::take(&mut vad.charge);
            self.clear(kernel, start, end, Pte::ZERO)?;
            kernel.commit.release(pages);
            return Ok(());
        }
        let rules = match self.vads.find(start) {
            Some(vad) => match &vad.kind {
                VadKind::Private(private) => PrivateRules::of(vad, private),
                VadKind::View(_) => return Ok(()),
            },
            None => return Ok(()),
        };
        let pages = self.committed_pages(kernel, rules, start, end)?;
        self.decommit(kernel, rules, start, end)?;
        self.uncharge(kernel, start, pages);
        Ok(())
    }

    /// Gives a part of a region back, with all that is in it.
    pub(crate) fn release(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let vad = self.vads.find(start).ok_or(Status::MemoryNotAllocated)?;
        if vad.is_window() {
            self.clear_window(kernel, start, end)?;
        }
        let vad = self.vads.find(start).ok_or(Status::MemoryNotAllocated)?;
        let pages = match &vad.kind {
            _ if (start, end) == (vad.start, vad.end) => vad.charge,
            VadKind::Private(private) => {
                let rules = PrivateRules::of(vad, private);
                self.committed_pages(kernel, rules, start, end)?
            }
            VadKind::View(_) => 0,
        };
        let after = match &vad.kind {
            VadKind::Private(private) if end < vad.end => {
                let rules = PrivateRules::of(vad, private);
                self.committed_pages(kernel, rules, end, vad.end)?
            }
            _ => 0,
        };
        self.clear(kernel, start, end, Pte::ZERO)?;
        self.uncharge(kernel, start, pages);
        let Some(mut head) = self.vads.remove(start) else {
            return Ok(());
        };
        if end < head.end {
            let mut tail = head.split_off(end);
            tail.charge = after;
            head.charge -= after;
            self.vads.insert(tail);
        }
        if head.start < start {
            let _ = head.split_off(start);
            self.vads.insert(head);
        }
        Ok(())
    }

    /// Takes a region's charge for so many pages back.
    fn uncharge(&mut self, kernel: &mut Kernel, region: u64, pages: u64) {
        if let Some(vad) = self.vads.find_mut(region) {
            vad.charge -= pages;
            kernel.commit.release(pages);
        }
    }
}
