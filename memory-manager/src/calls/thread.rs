use mmu_core::VirtAddr;

use crate::{
    FreeType, Machine, ProcessId, StackRequest, Status, Target, ThreadId, environment::TebField,
    kernel::Kernel, stack::ThreadStack, user_space::UserSpace,
};

impl Machine {
    /// A new thread of a process, with its stack and its environment block, its TEB
    /// (`NtCreateThreadEx`, with what `RtlCreateUserStack` makes); the process's first thread
    /// makes the PEB, too.
    ///
    /// # Errors
    /// Nothing has changed then.
    /// - [`Status::InvalidHandle`]: no such process.
    /// - [`Status::NoMemory`]: there is no room for such a stack, or no memory.
    /// - [`Status::CommitmentLimit`]: it is too much.
    pub fn create_thread(
        &mut self,
        target: impl Into<Target>,
        stack: StackRequest,
    ) -> Result<ThreadId, Status> {
        let (reserve, commit) = stack.rounded()?;
        let number = self.next_thread;
        let target = target.into();
        let (space, kernel) = self.space(target)?;
        let had_peb = space.peb;
        let peb = space.make_peb(kernel)?;
        match space.make_thread(kernel, peb, (reserve, commit)) {
            Ok(teb) => {
                let thread = ThreadId {
                    process: target.process,
                    number,
                };
                space.threads.insert(thread, teb);
                self.next_thread += 1;
                Ok(thread)
            }
            Err(status) => {
                if had_peb.is_none() {
                    space.peb = None;
                    space.release_region(kernel, peb)?;
                }
                Err(status)
            }
        }
    }

    /// Ends a thread, as it does itself: on its processor. Its TEB is given back, and its stack if
    /// the TEB tells of one. The process stays, even without threads.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such thread.
    pub fn terminate_thread(&mut self, thread: ThreadId) -> Result<(), Status> {
        let teb = self.thread_environment(thread)?;
        if let Ok(stack) = self.stack(thread) {
            // The thread may have written anything there; what cannot be freed stays.
            let _ = self.virtual_free(thread, stack.bottom, 0, FreeType::RELEASE);
        }
        let (space, kernel) = self.space(thread)?;
        space.threads.remove(&thread);
        space.processors.remove(&thread);
        space.release_region(kernel, teb.as_u64())
    }

    /// The threads of a process, the first one first.
    ///
    /// # Errors
    /// [`Status::InvalidHandle`]: no such process.
    pub fn threads(
        &self,
        process: ProcessId,
    ) -> Result<impl Iterator<Item = ThreadId> + use<'_>, Status> {
        let (space, _) = self.space_ref(process)?;
        Ok(space.threads.keys().copied())
    }
}

impl UserSpace {
    /// A stack and a TEB; gives where the TEB is.
    fn make_thread(
        &mut self,
        kernel: &mut Kernel,
        peb: u64,
        (reserve, commit): (u64, u64),
    ) -> Result<u64, Status> {
        let stack = self.make_stack(kernel, reserve, commit)?;
        let made = self.make_teb(kernel).and_then(|teb| {
            let filled = self.fill_teb(kernel, teb, peb, stack);
            if filled.is_err() {
                self.release_region(kernel, teb)?;
            }
            filled.map(|()| teb)
        });
        if made.is_err() {
            self.release_region(kernel, stack.bottom.as_u64())?;
        }
        made
    }

    fn fill_teb(
        &mut self,
        kernel: &mut Kernel,
        teb: u64,
        peb: u64,
        stack: ThreadStack,
    ) -> Result<(), Status> {
        for (field, value) in [
            (TebField::StackBase, stack.base),
            (TebField::StackLimit, stack.limit),
            (TebField::Itself, VirtAddr::new(teb)),
            (TebField::ProcessEnvironmentBlock, VirtAddr::new(peb)),
            (TebField::DeallocationStack, stack.bottom),
        ] {
            let set = self.set_teb_field(kernel, teb, field, value.as_u64());
            set.map_err(|exception| exception.code)?;
        }
        Ok(())
    }

    /// Gives the region that starts at an address back.
    fn release_region(&mut self, kernel: &mut Kernel, start: u64) -> Result<(), Status> {
        match self.vads.find(start).map(|vad| (vad.start, vad.end)) {
            Some((start, end)) => self.release(kernel, start, end),
            None => Ok(()),
        }
    }
}
