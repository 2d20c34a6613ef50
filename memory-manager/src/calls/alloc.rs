use std::collections::BTreeSet;

use mmu_core::VirtAddr;

use crate::{
    AllocationType, Caller, Machine, PageProtection, Range, Status,
    kernel::Kernel,
    private::PrivateRules,
    protection::Protection,
    user_space::UserSpace,
    vad::{
        GRANULARITY, PAGE, Private, TOP_DOWN_LIMIT, USER_START, Untouched, VAD_LIMIT, Vad, VadKind,
        WriteWatch,
    },
    vad_tree::{Direction, GapRequest},
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
    /// - [`Status::InvalidParameter`]: placeholders are not for this call.
    /// - [`Status::InvalidParameter5`]: no such type, or one that does not go with another.
    /// - [`Status::InvalidPageProtection`]: no page can be protected so, or it is write-copy,
    ///   which is for sections; or the memory is a PEB or TEB.
    /// - [`Status::InvalidParameter2`], [`Status::InvalidParameter4`]: base or size are not
    ///   in user space.
    /// - [`Status::NotSupported`]: large pages and physical windows are not there yet.
    /// - [`Status::InvalidHandle`]: no such process or thread.
    /// - [`Status::ConflictingAddresses`]: what is to be reserved is not free, or what is to
    ///   be committed is not in one region.
    /// - [`Status::AlreadyCommitted`], [`Status::UserMappedFile`]: it is a view of a file.
    /// - [`Status::SectionProtection`]: it is a view, which does not permit the protection.
    /// - [`Status::CommitmentLimit`], [`Status::NoMemory`]: it is too much.
    pub fn virtual_alloc(
        &mut self,
        caller: impl Into<Caller>,
        base: Option<VirtAddr>,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<Range, Status> {
        let caller = caller.into();
        check_type(kind)?;
        let protection = Protection::new(protection)?;
        let base = base.map(VirtAddr::as_u64).filter(|&base| base != 0);
        let reserves = kind.contains(AllocationType::RESERVE)
            || base.is_none() && kind.contains(AllocationType::COMMIT);
        let start = base.unwrap_or(USER_START);
        if start >= VAD_LIMIT {
            return Err(Status::InvalidParameter2);
        }
        if size == 0 || size > VAD_LIMIT - start {
            return Err(Status::InvalidParameter4);
        }
        if kind.intersects(AllocationType::LARGE_PAGES | AllocationType::PHYSICAL) {
            return Err(Status::NotSupported);
        }
        let (space, kernel) = self.caller_space(caller)?;
        if reserves {
            return space.reserve(kernel, base, size, kind, protection);
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

pub(super) fn range(start: u64, end: u64) -> Range {
    Range {
        base: VirtAddr::new(start),
        size: end - start,
    }
}

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
    // These are for the extended call alone.
    let placeholders = Type::RESERVE_PLACEHOLDER | Type::REPLACE_PLACEHOLDER;
    if kind.intersects(placeholders) && (KNOWN | placeholders).contains(kind) {
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

impl UserSpace {
    pub(crate) fn reserve(
        &mut self,
        kernel: &mut Kernel,
        base: Option<u64>,
        size: u64,
        kind: AllocationType,
        protection: Protection,
    ) -> Result<Range, Status> {
        if protection.copies_on_write() {
            return Err(Status::InvalidPageProtection);
        }
        let direction = if kind.contains(AllocationType::TOP_DOWN) {
            Direction::TopDown
        } else {
            Direction::BottomUp
        };
        let (start, end) = if let Some(base) = base {
            let start = base & !(GRANULARITY - 1);
            let end = (base + size).next_multiple_of(PAGE);
            if start < USER_START {
                return Err(Status::InvalidParameter2);
            }
            if self.vads.is_taken(start, end) {
                return Err(Status::ConflictingAddresses);
            }
            (start, end)
        } else {
            let size = size.next_multiple_of(PAGE);
            let start = self.room(size, direction).ok_or(Status::NoMemory)?;
            (start, start + size)
        };
        let (untouched, charge) = if kind.contains(AllocationType::COMMIT) {
            (Untouched::Committed, (end - start) / PAGE)
        } else {
            (Untouched::Reserved, 0)
        };
        kernel.commit.charge(charge)?;
        let watch = if kind.contains(AllocationType::WRITE_WATCH) {
            WriteWatch::On(BTreeSet::new())
        } else {
            WriteWatch::Off
        };
        self.vads.insert(Vad {
            start,
            end,
            protection,
            charge,
            kind: VadKind::Private(Private {
                untouched,
                caching: protection.caching(),
                watch,
            }),
        });
        Ok(range(start, end))
    }

    /// Where a region of so many bytes may start.
    fn room(&self, size: u64, direction: Direction) -> Option<u64> {
        let anywhere = GapRequest::anywhere(size, direction);
        let usual = GapRequest {
            within: (USER_START, TOP_DOWN_LIMIT),
            ..anywhere
        };
        let found = match direction {
            Direction::TopDown => self.vads.gap(&usual),
            Direction::BottomUp => None,
        };
        found.or_else(|| self.vads.gap(&anywhere))
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
        let private = match &vad.kind {
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
        kernel.commit.charge(new)?;
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
            VadKind::Private(_) | VadKind::View(_) => Ok(()),
        }
    }
}
