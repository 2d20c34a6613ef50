//! Accesses, and what they should do.

use super::*;

/// What an access should do, going by what the query says.
pub(super) fn expected(
    found: &MemoryInformation,
    access: u64,
    address: u64,
    prevented: bool,
) -> Result<(), (Status, u64, u64)> {
    if found.state != MemoryState::Commit {
        return violation(access, address);
    }
    if found.protection.contains(GUARD) {
        return guard(access, address);
    }
    let allowed = match access {
        0 => 0xfe,
        1 => 0xcc,
        _ if prevented => 0xf0,
        _ => 0xfe,
    };
    if found.protection.bits() & allowed == 0 {
        return violation(access, address);
    }
    Ok(())
}

impl World {
    /// A thread writes to the page below its stack's limit: its guard, or what is left where
    /// there is none any more.
    pub(super) fn grow(&mut self, which: u64, processor: ProcessorId) {
        let Some(place) = some(&self.threads, which) else {
            return;
        };
        let thread = self.threads[place];
        self.bench.machine.run_on(thread, processor).unwrap();
        self.bench.process = thread.process();
        let stack = self.bench.machine.stack(thread).unwrap();
        let page = stack.limit.as_u64() - PAGE;
        let found = self.bench.query(page);
        let room = (page - stack.bottom.as_u64()) / PAGE;
        let done = self.bench.machine.write(thread, VirtAddr::new(page), &[1]);
        let (expected, limit) = if found.state == MemoryState::Reserve {
            (violation(1, page), page + PAGE)
        } else if !found.protection.contains(GUARD) {
            (Ok(()), page + PAGE)
        } else if room <= 2 {
            let bottom = stack.bottom.as_u64();
            (Err((Status::StackOverflow, 1, page)), bottom + PAGE)
        } else {
            (Ok(()), page)
        };
        let done = done.map_err(raw);
        if done != expected {
            // The stack has grown, or overflows: there is no memory for the next guard, or
            // none for the page itself.
            assert!(self.is_short(), "{done:x?}, not {expected:x?}");
            return;
        }
        let now = self.bench.machine.stack(thread).unwrap().limit.as_u64();
        assert!(now == limit || room <= 2 && now == page + PAGE);
        if done.is_ok() && limit == page {
            let below = self.bench.query(page - PAGE);
            assert_eq!(below.protection, READWRITE | GUARD);
        }
    }

    /// Whether an access failed because there was no memory, and there was none indeed.
    pub(super) fn lacks_memory(&self, done: Result<(), (Status, u64, u64)>) -> bool {
        let lacks = matches!(
            done,
            Err((Status::NoMemory | Status::CommitmentLimit, _, _))
        );
        assert!(!lacks || self.is_short());
        lacks
    }

    /// Whether there is next to no memory left.
    pub(super) fn is_short(&self) -> bool {
        let kernel = &self.bench.machine.kernel;
        let left = kernel.commit_left();
        // The most that an access needs: three tables, and a page with what it is a copy of,
        // which can be had again once the copy was not made.
        left < 4 || kernel.physical.available() < 5
    }

    pub(super) fn access(&mut self, step: Step) {
        let (address, process) = (step.base, self.bench.process);
        let found = self.bench.query(address);
        let prevented = self.bench.machine.spaces[&process].dep.prevents_execution();
        #[expect(clippy::cast_possible_truncation, reason = "any byte will do")]
        let byte = (step.size | 1) as u8;
        match step.call {
            Call::Write => {
                let done = self.bench.write(address, byte);
                if self.lacks_memory(done) {
                    return;
                }
                assert_eq!(done, expected(&found, 1, address, prevented), "{found:x?}");
                if done.is_ok() {
                    let contents = &mut self.contents;
                    contents.write(process, address, byte, found.protection);
                }
            }
            call => {
                let (done, access) = match call {
                    Call::Execute => (self.bench.execute(address), 8),
                    _ => (self.bench.read(address), 0),
                };
                if self.lacks_memory(done.map(|_| ())) {
                    return;
                }
                assert_eq!(
                    done.map(|_| ()),
                    expected(&found, access, address, prevented),
                    "{found:x?}"
                );
                if done.is_ok() {
                    self.check_page(address & !(PAGE - 1));
                }
            }
        }
    }
}
