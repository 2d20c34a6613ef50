use mmu_core::{AccessKind, Fault, PhysAddr, PrivilegeMode, Span, VirtAddr};

use crate::{
    Exception, ExceptionAccess, Machine, Status, Target, ThreadId,
    kernel::Kernel,
    paging::Patience,
    user_space::UserSpace,
    vad::{PAGE, PAGE_BYTES},
};

/// How often one access may fault: for each of its two pages, once because it is the guard of
/// a stack, once because it is not there and once because it cannot be written yet, and as
/// often again for what a processor may still remember.
const MAX_FAULTS: u32 = 12;

/// An address that is not canonical is reported as this one.
const NOT_CANONICAL: u64 = u64::MAX;

impl Machine {
    /// Loads bytes, as a program in user mode; a thread's stack grows by what it touches. Up
    /// to 4096 bytes are one access, which is made as a whole or not at all; more are one
    /// access for each page.
    ///
    /// # Errors
    /// [`Exception`] of the first page that has one. That of a process or thread that does
    /// not exist is [`Status::InvalidHandle`].
    pub fn read(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
        bytes: &mut [u8],
    ) -> Result<(), Exception> {
        let target = target.into();
        let mut rest = bytes;
        for (address, length) in accesses(address, rest.len()) {
            let (piece, after) = rest.split_at_mut(length);
            let ram_parts = self.reach(target, address, length, AccessKind::Read)?;
            let (first, second) = piece.split_at_mut(ram_parts.split(length));
            let ram = self.kernel.physical.ram();
            let read = ram.read(ram_parts.first, first);
            let done = read.and_then(|()| match ram_parts.second {
                Some(at) => ram.read(at, second),
                None => Ok(()),
            });
            done.map_err(|_| internal(ExceptionAccess::Read, address))?;
            rest = after;
        }
        Ok(())
    }

    /// Stores bytes, as a program in user mode; how is as with [`Machine::read`].
    ///
    /// # Errors
    /// As [`Machine::read`]. What was stored to earlier pages stays.
    pub fn write(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), Exception> {
        let target = target.into();
        let mut rest = bytes;
        for (start, length) in accesses(address, rest.len()) {
            let (piece, after) = rest.split_at(length);
            let failed = Exception::at(start, ExceptionAccess::Write);
            let (space, kernel) = self.space(target).map_err(failed)?;
            space.store(kernel, target.thread(), start, piece)?;
            rest = after;
        }
        Ok(())
    }

    /// Fetches an instruction of one byte, as a program in user mode.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn execute(
        &mut self,
        target: impl Into<Target>,
        address: VirtAddr,
    ) -> Result<u8, Exception> {
        let parts = self.reach(target.into(), address, 1, AccessKind::Fetch)?;
        let mut byte = [0];
        let read = self.kernel.physical.ram().read(parts.first, &mut byte);
        read.map_err(|_| internal(ExceptionAccess::Execute, address))?;
        Ok(byte[0])
    }

    /// Lets a byte be written, and does not write it: what the system does before it writes to a
    /// program's buffer.
    pub(crate) fn probe_write(
        &mut self,
        target: Target,
        address: VirtAddr,
    ) -> Result<(), Exception> {
        self.probe(target, address, AccessKind::Write).map(|_| ())
    }

    /// Lets a byte be accessed, and does not access it; gives where it lies.
    pub(crate) fn probe(
        &mut self,
        target: Target,
        address: VirtAddr,
        kind: AccessKind,
    ) -> Result<PhysAddr, Exception> {
        Ok(self.reach(target, address, 1, kind)?.first)
    }

    fn reach(
        &mut self,
        target: Target,
        address: VirtAddr,
        length: usize,
        kind: AccessKind,
    ) -> Result<Parts, Exception> {
        let failed = Exception::at(address, ExceptionAccess::of_kind(kind));
        let (space, kernel) = self.space(target).map_err(failed)?;
        space.reach(kernel, target.thread(), address, length, kind)
    }
}

impl UserSpace {
    /// Stores at most 4096 bytes, as a program in user mode.
    pub(crate) fn store(
        &mut self,
        kernel: &mut Kernel,
        thread: Option<ThreadId>,
        address: VirtAddr,
        bytes: &[u8],
    ) -> Result<(), Exception> {
        let parts = self.reach(kernel, thread, address, bytes.len(), AccessKind::Write)?;
        let (first, second) = bytes.split_at(parts.split(bytes.len()));
        let ram = kernel.physical.ram();
        let written = ram.write(parts.first, first);
        let done = written.and_then(|()| match parts.second {
            Some(at) => ram.write(at, second),
            None => Ok(()),
        });
        done.map_err(|_| internal(ExceptionAccess::Write, address))
    }

    /// Where the bytes of one access lie: tries it, lets its faults be resolved, and tries
    /// again.
    fn reach(
        &mut self,
        kernel: &mut Kernel,
        thread: Option<ThreadId>,
        address: VirtAddr,
        length: usize,
        kind: AccessKind,
    ) -> Result<Parts, Exception> {
        let access = ExceptionAccess::of_kind(kind);
        #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
        let length = length as u32;
        for _ in 0..MAX_FAULTS {
            let ram = kernel.physical.ram();
            let processor = kernel.processors.running(ram, &self.root);
            let processor = processor.map_err(Exception::at(address, access))?;
            match processor.translate(ram, address, length, (kind, PrivilegeMode::User)) {
                Ok(span) => return Ok(Parts::new(span, address)),
                Err(fault) => resolve(self, kernel, thread, &fault, access)?,
            }
        }
        Err(internal(access, address))
    }
}

fn resolve(
    space: &mut UserSpace,
    kernel: &mut Kernel,
    thread: Option<ThreadId>,
    fault: &Fault,
    access: ExceptionAccess,
) -> Result<(), Exception> {
    match fault {
        Fault::Page(fault) => space.resolve(kernel, thread, fault, access, &Patience::Stays),
        Fault::NonCanonical(_) => Err(Exception {
            code: Status::AccessViolation,
            access: ExceptionAccess::Read,
            address: NOT_CANONICAL,
            reason: None,
        }),
        Fault::AddressSpace(address)
        | Fault::TooLong { address, .. }
        | Fault::NoMemory { address, .. }
        | Fault::Contended { address, .. } => Err(internal(access, *address)),
    }
}

fn internal(access: ExceptionAccess, address: VirtAddr) -> Exception {
    Exception::at(address, access)(Status::InternalError)
}

impl ExceptionAccess {
    pub(crate) fn of_kind(kind: AccessKind) -> Self {
        if kind.fetches() {
            Self::Execute
        } else if kind.writes() {
            Self::Write
        } else {
            Self::Read
        }
    }
}

/// Where the bytes of an access lie.
struct Parts {
    first: PhysAddr,
    /// How many bytes there are on the first page.
    room: usize,
    second: Option<PhysAddr>,
}

impl Parts {
    fn new(span: Span, address: VirtAddr) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
        let room = (PAGE - address.as_u64() % PAGE) as usize;
        Self {
            first: span.first.address,
            room,
            second: span.second.map(|second| second.address),
        }
    }

    fn split(&self, length: usize) -> usize {
        length.min(self.room)
    }
}

/// The accesses that so many bytes take.
pub(crate) fn accesses(
    address: VirtAddr,
    length: usize,
) -> impl Iterator<Item = (VirtAddr, usize)> {
    const MOST: usize = PAGE_BYTES;
    let mut done = 0;
    std::iter::from_fn(move || {
        let start = address.wrapping_add(done as u64);
        #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
        let room = (PAGE - start.as_u64() % PAGE) as usize;
        let piece = if length <= MOST { length } else { room };
        let piece = piece.min(length - done);
        done += piece;
        (piece > 0).then_some((start, piece))
    })
}
