//! Memory descriptor lists: pages that stay where they are while a device, or the system, is busy
//! with them.

use std::collections::{BTreeMap, BTreeSet};

use mmu_core::{AccessKind, PhysAddr, VirtAddr};

use crate::{
    Exception, ExceptionAccess, Machine, PhysicalPage, ProcessId, Status, Target,
    kernel::Kernel,
    pfn::FrameFlags,
    section::SegmentId,
    vad::{PAGE, USER_LIMIT, Vad},
    working_set::pages,
};

mod mapping;

pub use mapping::CacheType;

/// What is to be done with pages that are locked (`LOCK_OPERATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockOperation {
    /// `IoReadAccess`: they are looked at, and may be those of others.
    Read,
    /// `IoWriteAccess`: they are written.
    Write,
    /// `IoModifyAccess`: the same as [`LockOperation::Write`].
    Modify,
}

impl LockOperation {
    fn access(self) -> (AccessKind, ExceptionAccess) {
        match self {
            Self::Read => (AccessKind::Read, ExceptionAccess::Read),
            Self::Write | Self::Modify => (AccessKind::Write, ExceptionAccess::Write),
        }
    }
}

/// Pages that are locked, until this is handed to [`Machine::unlock_pages`]. Who loses it leaves
/// them locked for good.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "its pages stay locked until they are unlocked"]
pub struct Mdl(u64);

/// What a machine knows of an [`Mdl`].
#[derive(Debug)]
pub(crate) struct LockedPages {
    process: ProcessId,
    base: VirtAddr,
    operation: LockOperation,
    pub(crate) frames: Vec<PhysAddr>,
    /// Whose pages are among them: they are not let go.
    segments: BTreeSet<SegmentId>,
    /// Where the system sees the first of them.
    pub(crate) mapped: Option<u64>,
}

/// All that are there.
#[derive(Debug, Default)]
pub(crate) struct Mdls {
    all: BTreeMap<u64, LockedPages>,
    next: u64,
}

impl Mdls {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &LockedPages> {
        self.all.values()
    }

    fn get(&self, mdl: &Mdl) -> Result<&LockedPages, Status> {
        self.all.get(&mdl.0).ok_or(Status::InvalidHandle)
    }

    fn get_mut(&mut self, mdl: &Mdl) -> Result<&mut LockedPages, Status> {
        self.all.get_mut(&mdl.0).ok_or(Status::InvalidHandle)
    }
}

impl Machine {
    /// Brings the pages of a buffer into memory, as an access of this kind would, and keeps them
    /// in the frames that they are in (`MmProbeAndLockPages`). Until they are unlocked they are
    /// not trimmed, and their frames are nobody else's, even if the memory is freed or its
    /// process ends. What several lock is locked until the last one unlocks it.
    ///
    /// ```
    /// use memory_manager::{
    ///     AllocationType, CacheType, FreeType, LockOperation, Machine, MachineConfig,
    ///     PageProtection,
    /// };
    ///
    /// let mut machine = Machine::new(&MachineConfig::default())?;
    /// let process = machine.create_process()?;
    /// let both = AllocationType::RESERVE | AllocationType::COMMIT;
    /// let memory = machine.virtual_alloc(process, None, 8, both, PageProtection::READWRITE)?;
    ///
    /// let mdl = machine.probe_and_lock_pages(process, memory.base, 8, LockOperation::Write)?;
    /// let system = machine.map_locked_pages(&mdl, CacheType::Cached)?;
    /// machine.write_system(system, b"from it")?;
    /// let mut bytes = [0; 7];
    /// machine.read(process, memory.base, &mut bytes)?;
    /// assert_eq!(&bytes, b"from it");
    ///
    /// machine.virtual_free(process, memory.base, 0, FreeType::RELEASE)?;
    /// machine.read_system(system, &mut bytes)?;
    /// assert_eq!(&bytes, b"from it");
    /// machine.unlock_pages(mdl)?;
    /// assert!(machine.read_system(system, &mut bytes).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The [`Exception`] of the first page that has one; nothing is locked then. Of a buffer that
    /// is empty [`Status::InvalidParameter`], of one that leaves user space
    /// [`Status::AccessViolation`], and of a page that is locked some 30,000 times
    /// [`Status::InsufficientResources`].
    pub fn probe_and_lock_pages(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        bytes: u64,
        operation: LockOperation,
    ) -> Result<Mdl, Exception> {
        let target = target.into();
        let (kind, access) = operation.access();
        let failed = Exception::at(base, access);
        self.space(target).map_err(&failed)?;
        let start = base.as_u64();
        let end = start.checked_add(bytes).filter(|&end| end <= USER_LIMIT);
        let end = end.ok_or(failed(Status::AccessViolation))?;
        if bytes == 0 {
            return Err(failed(Status::InvalidParameter));
        }
        let mdl = self.kernel.describe(target.process, base, operation);
        for page in pages(start & !(PAGE - 1), end) {
            let first = VirtAddr::new(page.max(start));
            let locked = self.probe(target, first, kind).and_then(|at| {
                let frame = PhysAddr::new(at.as_u64() & !(PAGE - 1));
                let locked = self.lock_page(&mdl, target.process, page, frame);
                locked.map_err(Exception::at(first, access))
            });
            if let Err(stopped) = locked {
                self.unlock_pages(mdl).map_err(failed)?;
                return Err(stopped);
            }
        }
        Ok(mdl)
    }

    /// Describes memory of a process that never leaves memory: large pages, and what its windows
    /// show (`MmBuildMdlForNonPagedPool`; a machine has no pool). It is locked, too, so that its
    /// frames outlast it.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::InvalidParameter`]: the buffer is empty, or some of it can leave memory.
    /// - As [`Machine::probe_and_lock_pages`] to read it.
    pub fn describe_nonpaged(
        &mut self,
        target: impl Into<Target>,
        base: VirtAddr,
        bytes: u64,
    ) -> Result<Mdl, Status> {
        let target = target.into();
        let (space, _) = self.space(target)?;
        let mut next = base.as_u64();
        let end = next.checked_add(bytes).ok_or(Status::InvalidParameter)?;
        while next < end {
            let vad = space.vads.find(next).filter(|vad| vad.is_fixed());
            next = vad.ok_or(Status::InvalidParameter)?.end;
        }
        let read = LockOperation::Read;
        let described = self.probe_and_lock_pages(target, base, bytes, read);
        described.map_err(|stopped| stopped.code)
    }

    /// Lets pages go, and takes them out of the system's sight (`MmUnlockPages`). They count as
    /// written if they were locked for that.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: they are another machine's.
    /// - As writing to their file fails, if nobody else has it open any more; the pages are
    ///   unlocked nevertheless, and kept until the file is.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "who unlocks them has them no more"
    )]
    pub fn unlock_pages(&mut self, mdl: Mdl) -> Result<(), Status> {
        self.unmap_locked_pages(&mdl)?;
        let kernel = &mut self.kernel;
        let Some(locked) = kernel.mdls.all.remove(&mdl.0) else {
            return Err(Status::InvalidHandle);
        };
        for frame in locked.frames {
            if locked.operation != LockOperation::Read {
                kernel.physical.note_written(frame);
            }
            kernel.physical.release(frame);
        }
        let mut done = Ok(());
        for segment in locked.segments {
            kernel.segment_mut(segment)?.locks -= 1;
            done = done.and(kernel.retire(segment));
        }
        done
    }

    /// The frames of the pages, in order (`MmGetMdlPfnArray`).
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: they are another machine's.
    pub fn locked_frames(&self, mdl: &Mdl) -> Result<Vec<PhysicalPage>, Status> {
        let frames = &self.kernel.mdls.get(mdl)?.frames;
        Ok(frames.iter().copied().map(PhysicalPage::of).collect())
    }

    /// How many pages of a process are locked so, those that are locked twice counted twice. A
    /// process that ends with some leaves their frames to whoever is busy with them; Windows
    /// stops then (bug check `PROCESS_HAS_LOCKED_PAGES`), since a driver forgot them.
    pub fn pages_locked_of(&self, process: ProcessId) -> u64 {
        let all = self.kernel.mdls.iter();
        let own = all.filter(|locked| locked.process == process);
        own.map(|locked| locked.frames.len() as u64).sum()
    }

    /// Locks a page that was just reached.
    fn lock_page(
        &mut self,
        mdl: &Mdl,
        process: ProcessId,
        page: u64,
        frame: PhysAddr,
    ) -> Result<(), Status> {
        let kernel = &mut self.kernel;
        kernel.physical.lock(frame)?;
        let locked = kernel.mdls.get_mut(mdl)?;
        locked.frames.push(frame);
        if !kernel.physical.record(frame).is(FrameFlags::PROTOTYPE) {
            return Ok(());
        }
        let vad = self.spaces.get(&process);
        let vad = vad.and_then(|space| space.vads.find(page));
        let view = vad.and_then(|vad: &Vad| vad.view_index(page));
        let (segment, _) = view.ok_or(Status::InternalError)?;
        if locked.segments.insert(segment) {
            kernel.segment_mut(segment)?.locks += 1;
        }
        Ok(())
    }
}

impl Kernel {
    /// A list of no pages yet.
    fn describe(&mut self, process: ProcessId, base: VirtAddr, operation: LockOperation) -> Mdl {
        let mdl = self.mdls.next;
        self.mdls.next += 1;
        let locked = LockedPages {
            process,
            base,
            operation,
            frames: Vec::new(),
            segments: BTreeSet::new(),
            mapped: None,
        };
        self.mdls.all.insert(mdl, locked);
        Mdl(mdl)
    }
}
