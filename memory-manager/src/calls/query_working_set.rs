use std::collections::BTreeSet;

use mmu_core::{PageSize, VirtAddr};

use crate::{
    Machine, PageProtection, ProcessId, Status,
    private::owned_frame,
    pte::{FrameOwner, Pte, PteState},
    vad::{PAGE, USER_LIMIT, Vad, VadKind},
};

/// The most processes that a page is said to be shared by.
const MOST_SHARERS: usize = 7;

/// What is said of a page (Microsoft, `PSAPI_WORKING_SET_EX_BLOCK`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WorkingSetPage {
    /// `Shared`: it is a section's, and no copy.
    pub is_shared: bool,
    /// What else is said if it can be read without a fault.
    pub valid: Option<ValidPage>,
}

/// What is said of a page that can be read without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValidPage {
    /// `ShareCount`: the processes that share it and can all read it without a fault, seven at
    /// most; 0 if it is not shared.
    pub share_count: u8,
    /// `Win32Protection`.
    pub protection: PageProtection,
    /// `Locked`: it stays in memory, because it was locked or is of a kind that does.
    pub is_locked: bool,
    /// `LargePage`.
    pub is_large: bool,
}

impl WorkingSetPage {
    /// The value of the block. There is one NUMA node, 0, and no page is bad.
    pub fn bits(&self) -> u64 {
        let shared = u64::from(self.is_shared) << 15;
        self.valid.map_or(shared, |valid| {
            1 | u64::from(valid.share_count) << 1
                | u64::from(valid.protection.bits()) << 4
                | shared
                | u64::from(valid.is_locked) << 22
                | u64::from(valid.is_large) << 23
        })
    }
}

impl Machine {
    /// How a page is used, be it in the working set or not (`QueryWorkingSetEx`). An address
    /// where nothing is, or that is not in user space, is a page that is not there.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn query_working_set_ex(
        &self,
        process: ProcessId,
        address: VirtAddr,
    ) -> Result<WorkingSetPage, Status> {
        let (space, kernel) = self.space_ref(process)?;
        let page = address.as_u64() & !(PAGE - 1);
        let Some(vad) = space.vads.find(page).filter(|_| page < USER_LIMIT) else {
            return Ok(WorkingSetPage::default());
        };
        let pte = space.entry(&kernel.physical, page)?;
        let is_view = matches!(vad.kind, VadKind::View(_));
        let is_shared = is_view && owned_frame(pte).is_none();
        let PteState::Valid(valid) = pte.state() else {
            return Ok(WorkingSetPage {
                is_shared,
                valid: None,
            });
        };
        let share_count = if is_shared {
            self.sharers(vad, page)?
        } else {
            0
        };
        Ok(WorkingSetPage {
            is_shared,
            valid: Some(ValidPage {
                share_count,
                protection: valid.protection().flags(),
                is_locked: vad.is_fixed() || space.working_set.list.is_locked(page),
                is_large: vad.page() != PageSize::Size4KiB,
            }),
        })
    }

    /// How many bytes a process can read without a fault (`GetProcessMemoryInfo`,
    /// `WorkingSetSize`). Large pages and windows on physical pages are no part of that.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn working_set(&self, process: ProcessId) -> Result<u64, Status> {
        Ok(self.space_ref(process)?.0.working_set.bytes())
    }

    /// The pages that a process can read without a fault, by address, and how each is used
    /// (`QueryWorkingSet`). Large pages and windows on physical pages are no part of that.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn query_working_set(
        &self,
        process: ProcessId,
    ) -> Result<Vec<(VirtAddr, WorkingSetPage)>, Status> {
        let (space, _) = self.space_ref(process)?;
        let mut pages: Vec<_> = space.working_set.list.pages().collect();
        pages.sort_unstable();
        let pages = pages.into_iter().map(VirtAddr::new);
        let told = |page| Ok((page, self.query_working_set_ex(process, page)?));
        pages.map(told).collect()
    }

    /// How many processes have a page of a view in use.
    fn sharers(&self, vad: &Vad, page: u64) -> Result<u8, Status> {
        let (segment, index) = vad.view_index(page).ok_or(Status::InternalError)?;
        let mut processes = BTreeSet::new();
        for &(process, start) in &self.kernel.segment(segment)?.views {
            let (space, kernel) = self.space_ref(process)?;
            let other = space.vads.find(start).ok_or(Status::InternalError)?;
            let (_, first) = other.view_index(start).ok_or(Status::InternalError)?;
            let offset = index.checked_sub(first).map(|pages| pages * PAGE);
            if let Some(offset) = offset.filter(|&offset| offset < other.end - start)
                && is_shared(space.entry(&kernel.physical, start + offset)?)
            {
                processes.insert(process);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "seven at most")]
        Ok(processes.len().min(MOST_SHARERS) as u8)
    }
}

/// Whether an entry shows a section's page.
fn is_shared(pte: Pte) -> bool {
    matches!(pte.state(), PteState::Valid(valid) if valid.owner() == FrameOwner::Prototype)
}
