use mmu_core::VirtAddr;

use crate::{
    AddressRequirements, AllocationRequest, AllocationType, Caller, Machine, PageProtection, Range,
    Status, ZeroBits,
    kernel::Kernel,
    large::{LARGE, LargeRequest},
    placement::Placement,
    private::PrivateRules,
    protection::Protection,
    user_space::UserSpace,
    vad::{
        Entries, GRANULARITY, PAGE, Placeholder, Private, PrivateMemory, USER_START, Untouched,
        VAD_LIMIT, Vad, VadKind, WriteWatch,
    },
    vad_tree::Direction,
};

impl Machine {
    /// Reserves or commits memory, or says that what it holds is not needed
    /// (`NtAllocateVirtualMemory`). Without a base, or with 0, it is reserved where there is
    /// room. Gives the pages that it did this to.
    ///
    /// Base and end are rounded to pages, the base of a reservation to 64 KiB. To commit what
    /// is committed changes its protection. A guard page inside the stack of the thread that
    /// calls makes the stack end above it.
    ///
    /// # Errors
    /// The first of these that is true; nothing has changed then.
    /// - [`Status::InvalidParameter`]: placeholders are for [`Machine::virtual_alloc_ex`].
    /// - [`Status::InvalidParameter5`]: no such type, or one that does not go with another.
    /// - [`Status::InvalidPageProtection`]: no page can be protected so, or it is write-copy,
    ///   which is for sections; or the memory is a PEB or TEB.
    /// - [`Status::InvalidParameter2`], [`Status::InvalidParameter4`]: base or size are not
    ///   in user space.
    /// - [`Status::InvalidParameter6`]: a window is to be read and written, and no more.
    /// - [`Status::InvalidHandle`]: no such process or thread.
    /// - [`Status::PrivilegeNotHeld`]: large pages need [`Privileges::LOCK_MEMORY`].
    /// - [`Status::InvalidPageProtection`]: no large page can be protected so.
    /// - [`Status::InvalidParameter4`], [`Status::InvalidParameter2`]: size or base of large
    ///   pages are not multiples of [`LARGE_PAGE_MINIMUM`].
    /// - [`Status::ConflictingAddresses`]: what is to be reserved is not free, or what is to
    ///   be committed or reset is not in one region, or in large pages or a
    ///   window.
    /// - [`Status::AlreadyCommitted`], [`Status::UserMappedFile`]: it is a view of a file.
    /// - [`Status::SectionProtection`]: it is a view, which does not permit the protection.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: it is too much.
    /// - [`Status::InsufficientResources`]: no free piece of memory is as large as a page.
    ///
    /// [`LARGE_PAGE_MINIMUM`]: crate::LARGE_PAGE_MINIMUM
    /// [`Privileges::LOCK_MEMORY`]: crate::Privileges::LOCK_MEMORY
    pub fn virtual_alloc(
        &mut self,
        caller: impl Into<Caller>,
        base: Option<VirtAddr>,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<Range, Status> {
        let request = AllocationRequest {
            base,
            size,
            kind,
            protection,
        };
        self.virtual_alloc_below(caller, &request, ZeroBits::default())
    }

    /// As [`Machine::virtual_alloc`], with so many zero bits at the top of the address.
    ///
    /// # Errors
    /// [`Status::InvalidParameter3`] if there cannot be so many, [`Status::NoMemory`] if there
    /// is no room below; else as [`Machine::virtual_alloc`].
    pub fn virtual_alloc_below(
        &mut self,
        caller: impl Into<Caller>,
        request: &AllocationRequest,
        zero_bits: ZeroBits,
    ) -> Result<Range, Status> {
        let placement = zero_bits.placement()?;
        check_type(request.kind)?;
        self.allocate(caller.into(), request, placement)
    }

    /// As [`Machine::virtual_alloc`], for placeholders as well, and with requirements on the
    /// address (`NtAllocateVirtualMemoryEx`).
    ///
    /// [`AllocationType::RESERVE_PLACEHOLDER`] reserves addresses that later calls replace,
    /// split and join; with [`AllocationType::REPLACE_PLACEHOLDER`], what is reserved takes the
    /// place of one, at any page.
    ///
    /// # Errors
    /// As [`Machine::virtual_alloc`], but no wrong argument is named:
    /// - [`Status::InvalidParameter`]: any of them, requirements that no address meets, and
    ///   those of an address that is given.
    /// - [`Status::ConflictingAddresses`]: the range is not all of a placeholder that is to be
    ///   replaced, or it is in one that is not.
    /// - [`Status::NoMemory`]: there is no room as required.
    pub fn virtual_alloc_ex(
        &mut self,
        caller: impl Into<Caller>,
        request: &AllocationRequest,
        requirements: &AddressRequirements,
    ) -> Result<Range, Status> {
        let placement = requirements.placement(request.base)?;
        check_extended_type(request.kind, request.protection)
            .and_then(|()| self.allocate(caller.into(), request, placement))
            .map_err(Status::unnumbered)
    }

    fn allocate(
        &mut self,
        caller: Caller,
        request: &AllocationRequest,
        placement: Placement,
    ) -> Result<Range, Status> {
        let AllocationRequest { size, kind, .. } = *request;
        let protection = Protection::new(request.protection)?;
        let base = request.base.map(VirtAddr::as_u64).filter(|&base| base != 0);
        let reserves = kind.contains(AllocationType::RESERVE)
            || base.is_none() && kind.contains(AllocationType::COMMIT);
        let start = base.unwrap_or(USER_START);
        check_user_range(start, size, VAD_LIMIT)?;
        if kind.contains(AllocationType::PHYSICAL) && protection != Protection::READ_WRITE {
            return Err(Status::InvalidParameter6);
        }
        let (space, kernel) = self.caller_space(caller)?;
        check_user_range(start, size, space.layout.region_limit())?;
        if kind.contains(AllocationType::LARGE_PAGES) {
            let request = LargeRequest {
                base,
                size,
                kind,
                protection,
                placement,
                page: LARGE,
            };
            return space.allocate_large(kernel, request);
        }
        if reserves {
            if protection.copies_on_write() {
                return Err(Status::InvalidPageProtection);
            }
            let (start, end) = space.place(base, size, kind, placement)?;
            space.reserve(kernel, (start, end), kind, protection)?;
            return Ok(range(start, end));
        }
        let start = start & !(PAGE - 1);
        let end = (base.unwrap_or(0) + size).next_multiple_of(PAGE);
        if base.is_none() {
            return Err(Status::ConflictingAddresses);
        }
        if kind.contains(AllocationType::COMMIT) {
            space.commit(kernel, start, end, protection)?;
            space.note_guard(kernel, caller, (start, end), protection)?;
        } else {
            space.reset(kernel, start, end)?;
        }
        Ok(range(start, end))
    }
}

/// That memory can be there.
pub(crate) fn check_user_range(start: u64, size: u64, limit: u64) -> Result<(), Status> {
    if start >= limit {
        Err(Status::InvalidParameter2)
    } else if size == 0 || size > limit - start {
        Err(Status::InvalidParameter4)
    } else {
        Ok(())
    }
}

pub(super) fn range(start: u64, end: u64) -> Range {
    Range {
        base: VirtAddr::new(start),
        size: end - start,
    }
}

/// These are for the extended call alone.
const PLACEHOLDERS: AllocationType =
    AllocationType::RESERVE_PLACEHOLDER.union(AllocationType::REPLACE_PLACEHOLDER);

/// Which types there are, and which go together (Microsoft, `VirtualAlloc`).
fn check_type(kind: AllocationType) -> Result<(), Status> {
    type Type = AllocationType;
    const KNOWN: Type = Type::COMMIT
        .union(Type::RESERVE)
        .union(Type::RESET)
        .union(Type::TOP_DOWN)
        .union(Type::WRITE_WATCH)
        .union(Type::PHYSICAL)
        .union(Type::RESET_UNDO)
        .union(Type::LARGE_PAGES);
    const ALONE: [Type; 2] = [Type::RESET, Type::RESET_UNDO];
    if kind.intersects(PLACEHOLDERS) && (KNOWN | PLACEHOLDERS).contains(kind) {
        return Err(Status::InvalidParameter);
    }
    let both = Type::COMMIT | Type::RESERVE;
    let has = |other| kind.contains(other);
    let goes = KNOWN.contains(kind)
        && (kind.intersects(both) || ALONE.contains(&kind))
        && (!kind.intersects(Type::RESET | Type::RESET_UNDO) || ALONE.contains(&kind))
        && (!has(Type::WRITE_WATCH) || has(Type::RESERVE))
        && (!has(Type::PHYSICAL) || (kind - Type::TOP_DOWN) == Type::RESERVE | Type::PHYSICAL)
        && (!has(Type::LARGE_PAGES) || has(both) && !has(Type::WRITE_WATCH));
    if goes {
        Ok(())
    } else {
        Err(Status::InvalidParameter5)
    }
}

/// The same of the extended call (Microsoft, `VirtualAlloc2`): a placeholder is reserved without
/// access, and replaced by private memory that is reserved at least.
fn check_extended_type(kind: AllocationType, protection: PageProtection) -> Result<(), Status> {
    type Type = AllocationType;
    let goes = match kind & PLACEHOLDERS {
        none if none.is_empty() => return check_type(kind),
        Type::RESERVE_PLACEHOLDER => {
            kind - PLACEHOLDERS - Type::TOP_DOWN == Type::RESERVE
                && protection == PageProtection::NOACCESS
        }
        Type::REPLACE_PLACEHOLDER => {
            let others = Type::COMMIT | Type::TOP_DOWN | Type::WRITE_WATCH;
            kind - PLACEHOLDERS - others == Type::RESERVE
        }
        _ => false,
    };
    if goes {
        Ok(())
    } else {
        Err(Status::InvalidParameter)
    }
}

impl UserSpace {
    /// The addresses of what is to be reserved.
    fn place(
        &self,
        base: Option<u64>,
        size: u64,
        kind: AllocationType,
        placement: Placement,
    ) -> Result<(u64, u64), Status> {
        let replaces = kind.contains(AllocationType::REPLACE_PLACEHOLDER);
        let Some(base) = base.or(replaces.then_some(0)) else {
            let size = size.next_multiple_of(PAGE);
            let direction = if kind.contains(AllocationType::TOP_DOWN) {
                Direction::TopDown
            } else {
                Direction::BottomUp
            };
            let start = self.room(size, placement, direction)?;
            return Ok((start, start + size));
        };
        let end = (base + size).next_multiple_of(PAGE);
        if replaces {
            let start = base & !(PAGE - 1);
            self.check_replaceable(start, end)?;
            return Ok((start, end));
        }
        let start = base & !(GRANULARITY - 1);
        if start < USER_START {
            return Err(Status::InvalidParameter2);
        }
        if self.vads.is_taken(start, end) {
            return Err(Status::ConflictingAddresses);
        }
        Ok((start, end))
    }

    pub(crate) fn reserve(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        kind: AllocationType,
        protection: Protection,
    ) -> Result<(), Status> {
        if kind.contains(AllocationType::RESERVE_PLACEHOLDER) {
            self.vads.insert(Vad::placeholder(start, end));
            return Ok(());
        }
        let (untouched, charge) = if kind.contains(AllocationType::COMMIT) {
            (Untouched::Committed, (end - start) / PAGE)
        } else {
            (Untouched::Reserved, 0)
        };
        kernel.charge(charge)?;
        let memory = if kind.contains(AllocationType::PHYSICAL) {
            PrivateMemory::Window
        } else {
            PrivateMemory::Pages
        };
        let watch = if kind.contains(AllocationType::WRITE_WATCH) {
            WriteWatch::On(Box::default())
        } else {
            WriteWatch::Off
        };
        let placeholder = if kind.contains(AllocationType::REPLACE_PLACEHOLDER) {
            self.vads.remove(start);
            Placeholder::Replaced
        } else {
            Placeholder::No
        };
        self.vads.insert(Vad {
            start,
            end,
            protection,
            charge,
            placeholder,
            entries: Entries::None,
            kind: VadKind::Private(Private {
                untouched,
                caching: protection.caching(),
                memory,
                watch,
            }),
        });
        Ok(())
    }

    pub(crate) fn commit(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
        protection: Protection,
    ) -> Result<(), Status> {
        const CONFLICT: Status = Status::ConflictingAddresses;
        let vad = self.region(start, end, CONFLICT, CONFLICT)?;
        if vad.placeholder == Placeholder::Waiting {
            return Err(CONFLICT);
        }
        let private = match &vad.kind {
            VadKind::Private(_) if vad.is_fixed() => return Err(CONFLICT),
            VadKind::Private(private) => private,
            VadKind::View(_) => return self.commit_view(kernel, start, end, protection),
        };
        self.check_unsecured(start)?;
        if protection.copies_on_write() {
            return Err(Status::InvalidPageProtection);
        }
        let rules = PrivateRules::of(vad, private);
        let committed = self.committed_pages(kernel, rules, start, end)?;
        let new = (end - start) / PAGE - committed;
        kernel.charge(new)?;
        let done = self.commit_or_protect(kernel, rules, (start, end), protection);
        if done.is_err() {
            kernel.commit.release(new);
            return done;
        }
        if let Some(vad) = self.vads.find_mut(start) {
            vad.charge += new;
        }
        Ok(())
    }

    /// Resetting leaves the pages what they are: what they hold may be lost, and is not as
    /// long as there is memory.
    fn reset(&mut self, kernel: &Kernel, start: u64, end: u64) -> Result<(), Status> {
        const CONFLICT: Status = Status::ConflictingAddresses;
        let vad = self.region(start, end, CONFLICT, CONFLICT)?;
        match &vad.kind {
            VadKind::View(view) if kernel.segments.is_file(view.segment) => {
                Err(Status::UserMappedFile)
            }
            VadKind::Private(_) if vad.is_fixed() => Err(CONFLICT),
            VadKind::Private(_) | VadKind::View(_) => Ok(()),
        }
    }
}
