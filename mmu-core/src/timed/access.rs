//! A whole access: its translation, and its lines.

use cache::{LINE_BYTES, Request};
use tlb::Stream;
use units::{AccessKind, Cycles, MemoryType, PageSize, PhysAddr, PrivilegeMode, VirtAddr};

use super::{Caches, TimedMmu, notes::Note};
use crate::{Fault, Ledger, Observer, Owner, PhysMem, Span, Translated, mmu::State};

impl<O: Observer, D: Caches> TimedMmu<O, D> {
    /// Makes an access of `length` bytes, at most 4096: translates it as
    /// [`Mmu::translate_span`](crate::Mmu::translate_span) does, and passes every cache line of it
    /// through the data caches, as the memory type of its page demands.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be translated; no line of it was touched then, but what the
    /// attempt cost is spent.
    #[inline]
    pub fn access<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Span, Fault> {
        match self.repeat(address, length, kind, mode) {
            Some(first) => Ok(Span {
                first,
                second: None,
            }),
            None => self.access_anew(memory, address, length, kind, mode),
        }
    }

    /// An access to the same line as the last one of its kind, which goes as that would again.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "most accesses are nothing else")]
    fn repeat(
        &mut self,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Option<Translated> {
        let note = self.state.cost.notes.of(kind, mode)?;
        let found = note.leads_to(address, length)?;
        let line = note.latency;
        self.count_page_again(kind);
        self.count_line_again(kind, line);
        Some(found)
    }

    /// An access that does not repeat the last one of its kind.
    #[inline(never)]
    fn access_anew<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Span, Fault> {
        if address.as_u64() % LINE_BYTES + u64::from(length) > LINE_BYTES {
            return self.access_several_lines(memory, address, length, kind, mode);
        }
        let first = if let Some(found) = self.page_again(address, kind, mode) {
            self.count_page_again(kind);
            self.touch_and_note(address, found, kind, mode);
            found
        } else {
            let found = self.translate_anew(memory, address, kind, mode)?;
            self.touch_line(found.address, found.translation.memory_type(), kind);
            found
        };
        Ok(Span {
            first,
            second: None,
        })
    }

    /// What a look-up would find that changes nothing but a count, if it permits the access.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is called in one place")]
    fn page_again(
        &self,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Option<Translated> {
        let State { regime, cache, .. } = &*self.state;
        let stream = Stream::of(kind);
        let translation = cache.tlbs().again(address, regime.pcid, stream)?;
        let permits = regime.rights.permits(translation.rights(), kind, mode);
        permits.then(|| Translated::new(address, translation))
    }

    /// As [`Mmu::translate`](crate::Mmu::translate), of a page that is not found again.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is called in one place")]
    fn translate_anew<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Translated, Fault> {
        let State { regime, cache, .. } = &mut *self.state;
        let found = cache.lookup_anew(address, regime.pcid, kind, &mut self.spent);
        self.judge(memory, address, kind, mode, found)
    }

    /// All that comes of finding the page [again](Self::page_again).
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is to count, and no more")]
    fn count_page_again(&mut self, kind: AccessKind) {
        let tlbs = &mut self.state.aside().cache.tlbs;
        tlbs.found_again(Stream::of(kind));
        self.spent.charge(Owner::L1Tlb, tlbs.first_penalty());
    }

    /// All that comes of finding the line where the uses before had left it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is to count, and no more")]
    fn count_line_again(&mut self, kind: AccessKind, latency: Cycles) {
        let (request, owner) = asks(kind);
        self.state.aside().cost.found_again(request);
        self.spent.charge(owner, latency);
    }

    /// Touches a line of a page that was found again, and notes whether the access would now go the
    /// same way each time.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is called in one place")]
    fn touch_and_note(
        &mut self,
        address: VirtAddr,
        found: Translated,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) {
        let memory_type = found.translation.memory_type();
        if memory_type != MemoryType::WriteBack {
            return self.touch_line(found.address, memory_type, kind);
        }
        let (request, _) = asks(kind);
        let latency = self.state.cost.caches().repeats(found.address, request);
        let latency = if let Some(latency) = latency {
            self.count_line_again(kind, latency);
            Some(latency)
        } else {
            self.touch_line_anew(found.address, kind);
            self.state.cost.caches().repeats(found.address, request)
        };
        if let Some(latency) = latency {
            let note = Note::new(address, found, latency);
            self.state.aside().cost.notes.note(kind, mode, note);
        }
    }

    /// A line of write-back memory that is not as the uses before had left it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is called in one place")]
    fn touch_line_anew(&mut self, at: PhysAddr, kind: AccessKind) {
        let (request, owner) = asks(kind);
        let caches = self.state.cost.caches_mut();
        let response = caches.access_anew(at, request, MemoryType::WriteBack);
        self.spent.charge(owner, response.latency);
    }

    /// An access that crosses into another line, or into another page.
    #[inline(never)]
    fn access_several_lines<M: PhysMem + ?Sized>(
        &mut self,
        memory: &M,
        address: VirtAddr,
        length: u32,
        kind: AccessKind,
        mode: PrivilegeMode,
    ) -> Result<Span, Fault> {
        let span = self.translate_span(memory, address, length, kind, mode)?;
        let length = u64::from(length);
        match span.second {
            None => self.touch_lines(span.first, length, kind),
            Some(second) => {
                let page = PageSize::Size4KiB;
                let first = page.bytes() - address.offset_in(page);
                self.touch_lines(span.first, first, kind);
                self.touch_lines(second, length - first, kind);
            }
        }
        Ok(span)
    }

    fn touch_lines(&mut self, start: Translated, length: u64, kind: AccessKind) {
        let memory_type = start.translation.memory_type();
        let first = start.address.as_u64() / LINE_BYTES;
        let last = (start.address.as_u64() + length.max(1) - 1) / LINE_BYTES;
        for line in first..=last {
            self.touch_line(PhysAddr::new(line * LINE_BYTES), memory_type, kind);
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the kind of an access is mostly known where it is made"
    )]
    fn touch_line(&mut self, at: PhysAddr, memory_type: MemoryType, kind: AccessKind) {
        let (request, owner) = asks(kind);
        let caches = self.state.cost.caches_mut();
        let response = caches.access(at, request, memory_type);
        self.spent.charge(owner, response.latency);
    }
}

/// What an access asks the caches for, and who owns what that costs.
#[inline]
fn asks(kind: AccessKind) -> (Request, Owner) {
    match kind {
        AccessKind::Fetch => (Request::Fetch, Owner::Fetch),
        AccessKind::Read | AccessKind::ShadowStackRead => (Request::Read, Owner::Data),
        AccessKind::Write | AccessKind::ShadowStackWrite => (Request::Write, Owner::Data),
        AccessKind::ReadModifyWrite => (Request::ReadModifyWrite, Owner::Data),
    }
}
