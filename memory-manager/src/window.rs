//! Windows on physical pages (Address Windowing Extensions): a process has frames of its own,
//! and says itself which of them its reserved windows show.

use std::collections::{BTreeMap, BTreeSet};

use mmu_core::{PageSize, PhysAddr, VirtAddr};

use crate::{
    Machine, Privileges, Status, Target,
    kernel::Kernel,
    protection::Protection,
    pte::{FrameOwner, Pte, PteState},
    user_range::WrongRange,
    user_space::UserSpace,
    vad::{PAGE, PrivateMemory, VadKind},
};

/// A page of physical memory that a process has for its windows: its page-frame number, the
/// physical address in units of 4 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhysicalPage(pub u64);

impl PhysicalPage {
    pub(crate) fn of(frame: PhysAddr) -> Self {
        Self(frame.page_number(PageSize::Size4KiB))
    }

    pub(crate) fn frame(self) -> PhysAddr {
        PhysAddr::new(self.0 << PageSize::Size4KiB.shift())
    }
}

/// The physical pages of a process, and where in its windows they are to be seen.
pub(crate) type PhysicalPages = BTreeMap<PhysicalPage, Option<u64>>;

/// Why not all physical pages were freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{status}, after {freed} pages were freed")]
pub struct FreePagesError {
    /// How many were, from the first on.
    pub freed: u64,
    /// What is wrong with the next one.
    pub status: Status,
}

impl Machine {
    /// Gives a process physical pages of zeros that never leave memory, for its windows
    /// (`NtAllocateUserPhysicalPages`); fewer than it asks for if there are no more.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::PrivilegeNotHeld`]: it lacks [`Privileges::LOCK_MEMORY`].
    /// - [`Status::InsufficientResources`]: there is none.
    pub fn allocate_user_physical_pages(
        &mut self,
        target: impl Into<Target>,
        count: u64,
    ) -> Result<Vec<PhysicalPage>, Status> {
        let (space, kernel) = self.space(target)?;
        space.privileges.check(Privileges::LOCK_MEMORY)?;
        let mut pages = Vec::new();
        while (pages.len() as u64) < count
            && let Ok(frame) = kernel.physical.allocate()
        {
            kernel.physical.hold(frame);
            pages.push(PhysicalPage::of(frame));
        }
        if pages.is_empty() && count > 0 {
            return Err(Status::InsufficientResources);
        }
        space
            .physical_pages
            .extend(pages.iter().map(|&page| (page, None)));
        Ok(pages)
    }

    /// Takes physical pages back, out of the windows that show them
    /// (`NtFreeUserPhysicalPages`).
    ///
    /// # Errors
    /// [`FreePagesError`] at the first page that cannot be freed:
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::ConflictingAddresses`]: it is none of the process's physical pages.
    pub fn free_user_physical_pages(
        &mut self,
        target: impl Into<Target>,
        pages: &[PhysicalPage],
    ) -> Result<(), FreePagesError> {
        let failed = |freed| move |status| FreePagesError { freed, status };
        let (space, kernel) = self.space(target).map_err(failed(0))?;
        for (freed, &page) in (0..).zip(pages) {
            let done = space.free_physical_page(kernel, page);
            done.map_err(failed(freed))?;
        }
        Ok(())
    }

    /// Shows physical pages in a window, from a page on, in the place of what was there
    /// (`NtMapUserPhysicalPages`). All are shown or none.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter1`]: the pages would not lie in one window.
    /// - [`Status::InvalidParameter3`]: one is none of the process's physical pages, or is
    ///   shown elsewhere.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: there is no memory for the page
    ///   tables.
    pub fn map_user_physical_pages(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        pages: &[PhysicalPage],
    ) -> Result<(), Status> {
        let (space, kernel) = self.space(target)?;
        let start = space.window_range(base, pages.len() as u64)?;
        let shown = (0..).zip(pages);
        let shown = shown.map(|(index, &page)| (start + index * PAGE, Some(page)));
        space.show(kernel, &shown.collect())
    }

    /// Clears so many pages of a window (`NtMapUserPhysicalPages` without any). The process
    /// keeps what they showed.
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter1`]: they do not lie in one window.
    pub fn unmap_user_physical_pages(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        count: u64,
    ) -> Result<(), Status> {
        let (space, kernel) = self.space(target)?;
        let start = space.window_range(base, count)?;
        space.clear_window(kernel, start, start + count * PAGE)
    }

    /// Shows a physical page, or none, at each of some pages of any windows
    /// (`NtMapUserPhysicalPagesScatter`); of a page that is named more than once, what is said
    /// last. All is done or nothing.
    ///
    /// # Errors
    /// As [`Machine::map_user_physical_pages`], but that pages may lie in several windows.
    pub fn map_user_physical_pages_scatter(
        &mut self,
        target: impl Into<Target>,
        pages: &[(VirtAddr, Option<PhysicalPage>)],
    ) -> Result<(), Status> {
        let (space, kernel) = self.space(target)?;
        let mut shown = BTreeMap::new();
        for &(address, page) in pages {
            shown.insert(space.window_range(address, 1)?, page);
        }
        space.show(kernel, &shown)
    }
}

impl UserSpace {
    /// Where so many pages start, which lie in one window.
    fn window_range(&self, base: VirtAddr, count: u64) -> Result<u64, Status> {
        const WRONG: Status = Status::InvalidParameter1;
        let size = count.checked_mul(PAGE).ok_or(WRONG)?;
        let start = VirtAddr::new(base.as_u64() & !(PAGE - 1));
        let (start, end) = WrongRange::just(WRONG).pages(start, size)?;
        let vad = self.region(start, end, WRONG, WRONG)?;
        match &vad.kind {
            VadKind::Private(private) if private.memory == PrivateMemory::Window => Ok(start),
            _ => Err(WRONG),
        }
    }

    fn free_physical_page(
        &mut self,
        kernel: &mut Kernel,
        page: PhysicalPage,
    ) -> Result<(), Status> {
        let seen = self.physical_pages.remove(&page);
        if let Some(address) = seen.ok_or(Status::ConflictingAddresses)? {
            self.rewrite_range(kernel, address, address + PAGE, |_, _, _| Pte::ZERO)?;
        }
        kernel.physical.free(page.frame());
        Ok(())
    }

    /// Shows other physical pages at some pages of windows.
    fn show(
        &mut self,
        kernel: &mut Kernel,
        shown: &BTreeMap<u64, Option<PhysicalPage>>,
    ) -> Result<(), Status> {
        let mut once = BTreeSet::new();
        for &page in shown.values().flatten() {
            let seen = self.physical_pages.get(&page);
            let seen = seen.ok_or(Status::InvalidParameter3)?;
            let is_elsewhere = seen.is_some_and(|address| !shown.contains_key(&address));
            if is_elsewhere || !once.insert(page) {
                return Err(Status::InvalidParameter3);
            }
        }
        let mut made: Vec<u64> = Vec::new();
        for (&address, _) in shown.iter().filter(|(_, page)| page.is_some()) {
            if let Err(status) = self.make_entry(kernel, address) {
                for address in made {
                    self.prune(kernel, address)?;
                }
                kernel.make_coherent()?;
                return Err(status);
            }
            made.push(address);
        }
        for &address in shown.keys() {
            let pte = self.entry(&kernel.physical, address)?;
            self.hide(shown_frame(pte));
        }
        for (&address, page) in shown {
            if let &Some(page) = page {
                self.physical_pages.insert(page, Some(address));
                let valid = Pte::valid(page.frame(), Protection::READ_WRITE, FrameOwner::Process);
                let new = self.enforced(valid).written().into();
                self.change_range(kernel, address, address + PAGE, |_, _, _| new)?;
            }
        }
        // Last, so that no table is given back that is needed.
        for (&address, _) in shown.iter().filter(|(_, page)| page.is_none()) {
            self.change_range(kernel, address, address + PAGE, |_, _, _| Pte::ZERO)?;
        }
        kernel.make_coherent()
    }

    /// Keeps in mind that a physical page is not to be seen any more.
    fn hide(&mut self, page: Option<PhysicalPage>) {
        if let Some(seen) = page.and_then(|page| self.physical_pages.get_mut(&page)) {
            *seen = None;
        }
    }

    /// Clears a part of a window.
    pub(crate) fn clear_window(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let mut hidden = Vec::new();
        self.rewrite_range(kernel, start, end, |_, _, pte| {
            hidden.extend(shown_frame(pte));
            Pte::ZERO
        })?;
        for page in hidden {
            self.hide(Some(page));
        }
        Ok(())
    }

    /// Gives all physical pages back, once there are no windows any more.
    pub(crate) fn free_physical_pages(&mut self, kernel: &mut Kernel) {
        for (page, _) in std::mem::take(&mut self.physical_pages) {
            kernel.physical.free(page.frame());
        }
    }
}

/// The physical page that an entry of a window shows.
fn shown_frame(pte: Pte) -> Option<PhysicalPage> {
    match pte.state() {
        PteState::Valid(valid) => Some(PhysicalPage::of(valid.frame())),
        _ => None,
    }
}
