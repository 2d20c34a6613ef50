use mmu_core::VirtAddr;

use crate::{
    Machine, MemoryInformation, MemoryKind, MemoryState, PageProtection, ProcessId, Status,
    kernel::Kernel,
    page_tables::Alikes,
    private::PrivateRules,
    protection::Protection,
    pte::Pte,
    run::Run,
    section::PageOrigin,
    user_space::UserSpace,
    vad::{Entries, PAGE, Vad, VadKind},
};

impl Machine {
    /// What an address is, and how far the same goes on (`NtQueryVirtualMemory`). What is left
    /// of the last 64 KiB of a region is free, though nothing can be reserved there. The last
    /// 64 KiB of user space, where nothing can be either, are told as reserved without access.
    ///
    /// # Errors
    /// - [`Status::InvalidParameter`]: the address is not in user space.
    /// - [`Status::InvalidHandle`]: no such process.
    pub fn virtual_query(
        &self,
        process: ProcessId,
        address: VirtAddr,
    ) -> Result<MemoryInformation, Status> {
        let (space, kernel) = self.space_ref(process)?;
        let page = address.as_u64() & !(PAGE - 1);
        let (limit, end) = (space.layout.limit(), space.layout.region_limit());
        if page >= limit {
            return Err(Status::InvalidParameter);
        }
        let Some(vad) = space.vads.find(page) else {
            if page >= end {
                return Ok(MemoryInformation {
                    base: VirtAddr::new(page),
                    allocation_base: Some(VirtAddr::new(end)),
                    allocation_protection: PageProtection::READONLY,
                    size: limit - page,
                    state: MemoryState::Reserve,
                    protection: PageProtection::NOACCESS,
                    kind: Some(MemoryKind::Private),
                });
            }
            let end = space.vads.next_start(page).unwrap_or(end);
            return Ok(MemoryInformation {
                base: VirtAddr::new(page),
                allocation_base: None,
                allocation_protection: PageProtection::empty(),
                size: end - page,
                state: MemoryState::Free,
                protection: PageProtection::NOACCESS,
                kind: None,
            });
        };
        let (state, end) = space.run(kernel, vad, page)?;
        Ok(MemoryInformation {
            base: VirtAddr::new(page),
            allocation_base: Some(VirtAddr::new(vad.start)),
            allocation_protection: vad.allocation_protection(),
            size: end - page,
            state: match state {
                Some(_) => MemoryState::Commit,
                None => MemoryState::Reserve,
            },
            protection: state.map_or(PageProtection::empty(), Protection::flags),
            kind: Some(memory_kind(kernel, vad)?),
        })
    }

    /// Whether an address lies in a view of a file, and not of the page file.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn is_in_mapped_file(&self, process: ProcessId, address: VirtAddr) -> Result<bool, Status> {
        let (space, kernel) = self.space_ref(process)?;
        let vad = space.vads.find(address.as_u64() & !(PAGE - 1));
        Ok(vad.is_some_and(|vad| match &vad.kind {
            VadKind::View(view) => kernel.segments.is_file(view.segment),
            VadKind::Private(_) => false,
        }))
    }
}

impl UserSpace {
    /// The protection of a page, if it is committed, and where the pages end that are like it.
    pub(crate) fn run(
        &self,
        kernel: &Kernel,
        vad: &Vad,
        start: u64,
    ) -> Result<(Option<Protection>, u64), Status> {
        if let (Entries::None, VadKind::Private(private)) = (vad.entries, &vad.kind) {
            let protection = PrivateRules::of(vad, private).committed(Pte::ZERO);
            return Ok((protection, vad.end));
        }
        let mut run = Run::EMPTY;
        let empty = (None, start);
        let mut alikes = Alikes::new(start, vad.end);
        while let Some(mut pages) = alikes.next(self, &kernel.physical)? {
            while pages.start < pages.end {
                let (state, end) = match &vad.kind {
                    VadKind::Private(private) => {
                        let rules = PrivateRules::of(vad, private);
                        (rules.committed(pages.pte), pages.end)
                    }
                    VadKind::View(_) => kernel.view_run(vad, pages)?,
                };
                if !run.takes(state, end) {
                    return Ok(run.found().unwrap_or(empty));
                }
                pages.start = end;
            }
        }
        Ok(run.found().unwrap_or(empty))
    }
}

fn memory_kind(kernel: &Kernel, vad: &Vad) -> Result<MemoryKind, Status> {
    let view = match &vad.kind {
        VadKind::View(view) if !vad.is_shared_data() => view,
        _ => return Ok(MemoryKind::Private),
    };
    Ok(match kernel.segment(view.segment)?.origin {
        PageOrigin::Image(_) => MemoryKind::Image,
        _ => MemoryKind::Mapped,
    })
}
