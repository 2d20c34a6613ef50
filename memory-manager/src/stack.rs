//! A thread's stack: how it is made, and how it grows page by page.

use mmu_core::VirtAddr;

use crate::{
    AllocationType, Machine, Status, Target, ThreadId,
    environment::TebField,
    kernel::Kernel,
    placement::Placement,
    protection::Protection,
    user_space::UserSpace,
    vad::{GRANULARITY, PAGE},
    vad_tree::Direction,
};

/// What a stack has if nothing is said of it: the numbers that Microsoft's linker writes into
/// an image (`/STACK`).
const DEFAULT_RESERVE: u64 = 1 << 20;
const DEFAULT_COMMIT: u64 = PAGE;

/// To what a stack is reserved in which as much is to be committed as is reserved.
const ALL_COMMITTED: u64 = 1 << 20;

/// How large a thread's stack is to be, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StackRequest {
    /// How much is reserved, rounded up to 64 KiB; 0 is 1 MiB.
    pub reserve: u64,
    /// How much is committed from the beginning, rounded up to pages; 0 is 4 KiB. If it is no
    /// less than what is reserved, that is rounded up to MiB.
    pub commit: u64,
}

impl StackRequest {
    /// What is to be reserved, and what to be committed of it.
    pub(crate) fn rounded(self) -> Result<(u64, u64), Status> {
        let or_default = |asked, default| if asked == 0 { default } else { asked };
        let commit = or_default(self.commit, DEFAULT_COMMIT);
        let mut reserve = or_default(self.reserve, DEFAULT_RESERVE);
        let round = |size: u64, to| size.checked_next_multiple_of(to).ok_or(Status::NoMemory);
        if commit >= reserve {
            reserve = round(commit, ALL_COMMITTED)?;
        }
        Ok((round(reserve, GRANULARITY)?, round(commit, PAGE)?))
    }
}

/// A thread's stack, as its TEB has it: what the system goes by, and what the thread may
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadStack {
    /// `StackBase`: the first address above it.
    pub base: VirtAddr,
    /// `StackLimit`: how far down it has grown.
    pub limit: VirtAddr,
    /// `DeallocationStack`: how far down it may grow.
    pub bottom: VirtAddr,
}

impl Machine {
    /// A thread's stack.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such thread.
    /// - [`Status::AccessViolation`]: its TEB cannot be read.
    pub fn stack(&self, thread: ThreadId) -> Result<ThreadStack, Status> {
        let (space, kernel) = self.space_ref(thread.process)?;
        let teb = *space.threads.get(&thread).ok_or(Status::InvalidHandle)?;
        space.stack(kernel, teb).ok_or(Status::AccessViolation)
    }
}

impl UserSpace {
    pub(crate) fn stack(&self, kernel: &Kernel, teb: u64) -> Option<ThreadStack> {
        let field = |field| Some(VirtAddr::new(self.teb_field(kernel, teb, field)?));
        Some(ThreadStack {
            base: field(TebField::StackBase)?,
            limit: field(TebField::StackLimit)?,
            bottom: field(TebField::DeallocationStack)?,
        })
    }

    /// A new stack: its top is committed, below that is a guard page, if there is room for
    /// one, and the rest is reserved.
    pub(crate) fn make_stack(
        &mut self,
        kernel: &mut Kernel,
        reserve: u64,
        commit: u64,
    ) -> Result<ThreadStack, Status> {
        let kind = AllocationType::RESERVE;
        let bottom = self.room(reserve, Placement::ANYWHERE, Direction::BottomUp)?;
        let base = bottom + reserve;
        self.reserve(kernel, (bottom, base), kind, Protection::READ_WRITE)?;
        let limit = base - commit;
        let mut committed = self.commit(kernel, limit, base, Protection::READ_WRITE);
        if limit > bottom {
            let guard = Protection::READ_WRITE.guarded();
            committed = committed.and_then(|()| self.commit(kernel, limit - PAGE, limit, guard));
        }
        if let Err(status) = committed {
            self.release(kernel, bottom, base)?;
            return Err(status);
        }
        Ok(ThreadStack {
            base: VirtAddr::new(base),
            limit: VirtAddr::new(limit),
            bottom: VirtAddr::new(bottom),
        })
    }

    /// A thread has touched a guard page, which is none any more. If it is of its own stack,
    /// the next page below becomes one; of the last pages, one is left for who handles the
    /// overflow (ReactOS, `MiCheckForUserStackOverflow`).
    pub(crate) fn guard_touched(
        &mut self,
        kernel: &mut Kernel,
        thread: ThreadId,
        address: u64,
    ) -> Result<(), Status> {
        let teb = *self.threads.get(&thread).ok_or(Status::InvalidHandle)?;
        let stack = self.stack(kernel, teb);
        let own =
            stack.filter(|stack| (stack.bottom..stack.base).contains(&VirtAddr::new(address)));
        let own = own.ok_or(Status::GuardPageViolation)?;
        let bottom = own.bottom.as_u64() & !(PAGE - 1);
        let page = address & !(PAGE - 1);
        if page - bottom <= 2 * PAGE {
            let last = bottom + PAGE;
            if self
                .commit(kernel, last, last + PAGE, Protection::READ_WRITE)
                .is_ok()
            {
                self.move_limit(kernel, teb, last)?;
            }
            return Err(Status::StackOverflow);
        }
        self.move_limit(kernel, teb, page)?;
        let guard = Protection::READ_WRITE.guarded();
        match self.commit(kernel, page - PAGE, page, guard) {
            Ok(()) | Err(Status::AlreadyCommitted) => Ok(()),
            Err(_) => Err(Status::StackOverflow),
        }
    }

    /// Lets a call protect pages: a new guard inside the calling thread's stack makes that end
    /// above it. All is done or nothing.
    pub(crate) fn protecting<T>(
        &mut self,
        kernel: &mut Kernel,
        target: Target,
        ((start, end), protection): ((u64, u64), Protection),
        protect: impl FnOnce(&mut Self, &mut Kernel) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let own = target.thread().filter(|_| protection.is_guard());
        let teb = own.and_then(|thread| self.threads.get(&thread).copied());
        let stack = teb.and_then(|teb| Some((teb, self.stack(kernel, teb)?)));
        let met =
            stack.filter(|(_, stack)| (stack.limit..stack.base).contains(&VirtAddr::new(start)));
        let Some((teb, stack)) = met else {
            return protect(self, kernel);
        };
        // First, since it can be taken back.
        self.move_limit(kernel, teb, end.min(stack.base.as_u64()))?;
        let done = protect(self, kernel);
        if done.is_err() {
            self.move_limit(kernel, teb, stack.limit.as_u64())?;
        }
        done
    }

    fn move_limit(&mut self, kernel: &mut Kernel, teb: u64, limit: u64) -> Result<(), Status> {
        let moved = self.set_teb_field(kernel, teb, TebField::StackLimit, limit);
        moved.map_err(|exception| exception.code)
    }
}
