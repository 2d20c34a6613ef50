use super::*;
use crate::{Caller, Exception, StackRequest, ThreadId, ThreadStack};

impl Bench {
    /// A thread with so many pages of stack, of which so many are committed.
    pub(super) fn thread(&mut self, reserve: u64, commit: u64) -> ThreadId {
        let request = StackRequest {
            reserve: reserve * PAGE,
            commit: commit * PAGE,
        };
        self.machine.create_thread(self.process, request).unwrap()
    }

    pub(super) fn stack(&self, thread: ThreadId) -> ThreadStack {
        self.machine.stack(thread).unwrap()
    }

    /// How many pages of a thread's stack its TEB says to be committed.
    pub(super) fn pages(&self, thread: ThreadId) -> u64 {
        let stack = self.stack(thread);
        (stack.base.as_u64() - stack.limit.as_u64()) / PAGE
    }

    /// A thread touches its stack so many pages below the base.
    pub(super) fn touch(&mut self, thread: ThreadId, below: u64) -> Result<(), Status> {
        let at = self.stack(thread).base.as_u64() - below * PAGE;
        let done = self.machine.write(thread, VirtAddr::new(at), &[1]);
        done.map_err(|exception| exception.code)
    }

    pub(super) fn field(&mut self, thread: ThreadId, offset: u64) -> u64 {
        let teb = self.machine.thread_environment(thread).unwrap();
        let mut bytes = [0; 8];
        let at = teb.wrapping_add(offset);
        self.machine.read(thread, at, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    fn set_field(&mut self, thread: ThreadId, offset: u64, value: u64) {
        let teb = self.machine.thread_environment(thread).unwrap();
        let at = teb.wrapping_add(offset);
        let bytes = value.to_le_bytes();
        self.machine.write(thread, at, &bytes).unwrap();
    }
}

/// What leads to the page below.
const PAGE_DOWN: u64 = PAGE.wrapping_neg();

const STACK_BASE: u64 = 0x08;
const STACK_LIMIT: u64 = 0x10;
const DEALLOCATION_STACK: u64 = 0x1478;

/// Wine's tests, ntdll `test_RtlCreateUserStack`, with the default sizes of the linker.
#[test]
fn stacks_are_rounded_as_they_are_made() {
    let mut bench = Bench::new();
    for (commit, reserve, committed, reserved) in [
        (0, 0, 0x1000, 0x10_0000),
        (0x2000, 0, 0x2000, 0x10_0000),
        (0x3f00, 0, 0x4000, 0x10_0000),
        (0, 0x20_0000, 0x1000, 0x20_0000),
        (0, 0x3f_f000, 0x1000, 0x40_0000),
        (0x4000, 0x20_0000, 0x4000, 0x20_0000),
        (0x10_0000, 0x10_0000, 0x10_0000, 0x10_0000),
        (0x2_0000, 0x2_0000, 0x2_0000, 0x10_0000),
        (0x1_1000, 0x11_0000, 0x1_1000, 0x11_0000),
        (0x11_0000, 0, 0x11_0000, 0x20_0000),
    ] {
        let request = StackRequest { reserve, commit };
        let process = bench.process;
        let thread = bench.machine.create_thread(process, request).unwrap();
        let stack = bench.stack(thread);
        let (base, limit) = (stack.base.as_u64(), stack.limit.as_u64());
        assert_eq!(
            (base - limit, base - stack.bottom.as_u64()),
            (committed, reserved)
        );
    }
    for reserve in [u64::MAX, 1 << 47, u64::MAX - 0xffff] {
        for commit in [0, u64::MAX] {
            let request = StackRequest { reserve, commit };
            let refused = bench.machine.create_thread(bench.process, request);
            assert_eq!(refused, Err(Status::NoMemory));
        }
    }
    let request = StackRequest {
        reserve: 0,
        commit: 1 << 40,
    };
    let refused = bench.machine.create_thread(bench.process, request);
    assert_eq!(refused, Err(Status::CommitmentLimit));
}

/// Wine's tests, ntdll `test_stack_size_thread`, with one guard page of the one to three that
/// Windows has.
#[test]
fn a_stack_is_committed_at_its_top_with_a_guard_below() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 4);
    let ThreadStack {
        base,
        limit,
        bottom,
    } = bench.stack(thread);
    let [base, limit, bottom] = [base, limit, bottom].map(VirtAddr::as_u64);
    let found = bench.query(bottom);
    assert_eq!(found.allocation_base, Some(VirtAddr::new(bottom)));
    assert_eq!(found.allocation_protection, READWRITE);
    let reserved = (
        MemoryState::Reserve,
        PageProtection::empty(),
        limit - PAGE - bottom,
    );
    assert_eq!(bench.run(bottom), reserved);
    assert_eq!(
        bench.run(limit - PAGE),
        (MemoryState::Commit, READWRITE | GUARD, PAGE)
    );
    assert_eq!(
        bench.run(limit),
        (MemoryState::Commit, READWRITE, base - limit)
    );
}

/// The offsets of Microsoft's public symbols (`_NT_TIB`, `_TEB`).
#[test]
fn a_threads_environment_block_says_where_its_stack_is() {
    let mut bench = Bench::new();
    let (one, other) = (bench.thread(0, 0), bench.thread(0, 0));
    for thread in [one, other] {
        let ThreadStack {
            base,
            limit,
            bottom,
        } = bench.stack(thread);
        assert_eq!(bench.field(thread, STACK_BASE), base.as_u64());
        assert_eq!(bench.field(thread, STACK_LIMIT), limit.as_u64());
        assert_eq!(bench.field(thread, DEALLOCATION_STACK), bottom.as_u64());
        let teb = bench.machine.thread_environment(thread).unwrap();
        assert_eq!(bench.field(thread, 0x30), teb.as_u64());
        assert_eq!(
            bench.run(teb.as_u64()),
            (MemoryState::Commit, READWRITE, 2 * PAGE)
        );
        let peb = bench.machine.process_environment(bench.process).unwrap();
        assert_eq!(bench.field(thread, 0x60), peb.unwrap().as_u64());
    }
    assert_ne!(bench.stack(one), bench.stack(other));
}

/// Wine's tests, ntdll `test_stack_size_thread`; Microsoft, "Thread Stack Size".
#[test]
fn a_stack_grows_by_its_guard_without_an_exception() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 2);
    for pages in 3..20 {
        assert_eq!(bench.touch(thread, pages), Ok(()));
        assert_eq!(bench.pages(thread), pages);
        let limit = bench.stack(thread).limit.as_u64();
        assert_eq!(
            bench.run(limit - PAGE),
            (MemoryState::Commit, READWRITE | GUARD, PAGE)
        );
        assert_eq!(bench.run(limit - 2 * PAGE).0, MemoryState::Reserve);
    }
    // Below the guard there is nothing yet.
    assert_eq!(bench.touch(thread, 22), Err(Status::AccessViolation));
}

/// The guard comes first, and then what the page does not permit.
#[test]
fn any_access_makes_a_stack_grow() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 1);
    let guard = bench.stack(thread).limit.wrapping_add(PAGE_DOWN);
    assert_eq!(bench.machine.read(thread, guard, &mut [0]), Ok(()));
    assert_eq!(bench.pages(thread), 2);
    let guard = guard.wrapping_add(PAGE_DOWN);
    let refused = bench.machine.execute(thread, guard).unwrap_err();
    assert_eq!(refused.code, Status::AccessViolation);
    assert_eq!(bench.pages(thread), 3);
    // A store that reaches from the guard into the stack.
    let across = guard.wrapping_add(4_u64.wrapping_neg());
    assert_eq!(bench.machine.write(thread, across, &[1; 8]), Ok(()));
    assert_eq!(bench.pages(thread), 4);
}

/// Microsoft, [MS-ERREF] 2.3.1, `STATUS_STACK_OVERFLOW`; where it is, ReactOS's source only
/// (`MiCheckForUserStackOverflow`): one page is left for the handler, and the last one is never
/// used.
#[test]
fn a_stack_without_room_for_a_guard_overflows() {
    let mut bench = Bench::new();
    let thread = bench.thread(16, 1);
    for pages in 2..14 {
        assert_eq!(bench.touch(thread, pages), Ok(()), "{pages}");
    }
    let bottom = bench.stack(thread).bottom.as_u64();
    assert_eq!(bench.touch(thread, 14), Err(Status::StackOverflow));
    assert_eq!(bench.pages(thread), 15);
    assert_eq!(
        bench.run(bottom),
        (MemoryState::Reserve, PageProtection::empty(), PAGE)
    );
    assert_eq!(
        bench.run(bottom + PAGE),
        (MemoryState::Commit, READWRITE, 15 * PAGE)
    );
    assert_eq!(bench.touch(thread, 15), Ok(()));
    assert_eq!(bench.touch(thread, 16), Err(Status::AccessViolation));
}

/// As in a stack that is committed whole.
#[test]
fn a_stack_without_a_guard_does_not_grow() {
    let mut bench = Bench::new();
    let thread = bench.thread(256, 256);
    let bottom = bench.stack(thread).bottom.as_u64();
    assert_eq!(
        bench.run(bottom),
        (MemoryState::Commit, READWRITE, 256 * PAGE)
    );
    assert_eq!(bench.touch(thread, 256), Ok(()));
}

/// Microsoft, "Creating Guard Pages": the guard of another stack is one like any.
#[test]
fn the_guard_of_another_threads_stack_is_an_exception() {
    let mut bench = Bench::new();
    let (one, other) = (bench.thread(0, 1), bench.thread(0, 1));
    let guarded = bench.stack(other).limit.wrapping_add(PAGE_DOWN);
    let raised = Exception {
        code: Status::GuardPageViolation,
        access: crate::ExceptionAccess::Write,
        address: guarded.as_u64(),
        reason: None,
    };
    assert_eq!(bench.machine.write(one, guarded, &[1]), Err(raised));
    assert_eq!(bench.pages(other), 1);
    // It is gone now, so that the stack does not grow any more.
    assert_eq!(bench.touch(other, 2), Ok(()));
    assert_eq!(bench.pages(other), 1);
    assert_eq!(bench.touch(other, 3), Err(Status::AccessViolation));
    // An access that no thread makes sees any guard so.
    let own = bench.stack(one).limit.wrapping_add(PAGE_DOWN).as_u64();
    assert_eq!(bench.read(own), guard(0, own));
}

/// Wine's tests, ntdll `test_stack_growth_thread`, as Windows passes them.
#[test]
fn a_guard_that_is_set_inside_a_stack_makes_it_end_above() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 9);
    let limit = bench.stack(thread).limit;
    let guard = READWRITE | GUARD;
    let at = limit.wrapping_add(2 * PAGE);
    let machine = &mut bench.machine;
    machine
        .virtual_alloc(thread, Some(at), PAGE, COMMIT, guard)
        .unwrap();
    assert_eq!(bench.pages(thread), 6);
    assert_eq!(
        bench.run(limit.as_u64()),
        (MemoryState::Commit, READWRITE, 2 * PAGE)
    );
    assert_eq!(bench.run(at.as_u64()), (MemoryState::Commit, guard, PAGE));

    // Guard pages come back as the stack grows back.
    let at = bench.stack(thread).limit.wrapping_add(4 * PAGE);
    let machine = &mut bench.machine;
    machine
        .virtual_alloc(thread, Some(at), PAGE, COMMIT, guard)
        .unwrap();
    assert_eq!(bench.pages(thread), 1);
    assert_eq!(bench.touch(thread, 2), Ok(()));
    assert_eq!(bench.pages(thread), 2);
    assert_eq!(
        bench.run(at.as_u64() - PAGE),
        (MemoryState::Commit, guard, PAGE)
    );

    // Whatever the TEB says meanwhile.
    bench
        .machine
        .virtual_protect(thread, at, PAGE, guard)
        .unwrap();
    assert_eq!(bench.pages(thread), 1);
    bench.set_field(thread, STACK_LIMIT, at.as_u64() - 2 * PAGE);
    assert_eq!(bench.touch(thread, 2), Ok(()));
    assert_eq!(bench.pages(thread), 2);
}

/// All or nothing: the block says where the stack ends.
#[test]
fn no_guard_is_set_where_the_stack_cannot_be_made_to_end_above() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 9);
    let stack = bench.stack(thread);
    let teb = bench.machine.thread_environment(thread).unwrap();
    let machine = &mut bench.machine;
    let (space, kernel) = machine.space(thread).unwrap();
    let teb = teb.as_u64();
    let readonly = crate::protection::Protection::new(READONLY).unwrap();
    space.commit(kernel, teb, teb + PAGE, readonly).unwrap_err();
    let region = space.vads.find(teb).unwrap();
    let crate::vad::VadKind::Private(private) = &region.kind else {
        panic!("a block is private");
    };
    let rules = crate::private::PrivateRules::of(region, private);
    let range = (teb, teb + PAGE);
    space
        .commit_or_protect(kernel, rules, range, readonly)
        .unwrap();
    let at = stack.limit.wrapping_add(2 * PAGE);
    let guard = READWRITE | GUARD;
    let committed = machine.virtual_alloc(thread, Some(at), PAGE, COMMIT, guard);
    assert_eq!(committed, Err(Status::AccessViolation));
    let protected = machine.virtual_protect(thread, at, PAGE, guard);
    assert_eq!(protected, Err(Status::AccessViolation));
    assert_eq!(bench.query(at.as_u64()).protection, READWRITE);
    assert_eq!(bench.stack(thread), stack);
}

/// Nor does the stack end elsewhere where the guard cannot be set.
#[test]
fn a_stack_ends_where_it_did_if_no_guard_can_be_set() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 9);
    let stack = bench.stack(thread);
    let at = stack.limit.wrapping_add(2 * PAGE);
    let (size, guard) = (0x10_0000, READWRITE | GUARD);
    let machine = &mut bench.machine;
    let refused = machine.virtual_alloc(thread, Some(at), size, COMMIT, guard);
    assert_eq!(refused, Err(Status::ConflictingAddresses));
    let refused = machine.virtual_protect(thread, at, size, guard);
    assert_eq!(refused.map(|_| ()), Err(Status::ConflictingAddresses));
    assert_eq!(bench.stack(thread), stack);
}

/// Wine's tests, ntdll `test_stack_growth_thread`, as Windows passes them.
#[test]
fn a_guard_that_is_cleared_does_not_bring_the_stack_back() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 9);
    let at = bench.stack(thread).limit.wrapping_add(2 * PAGE);
    let guard = READWRITE | GUARD;
    let (_, old) = bench
        .machine
        .virtual_protect(thread, at, PAGE, guard)
        .unwrap();
    assert_eq!((old, bench.pages(thread)), (READWRITE, 6));
    let (_, old) = bench
        .machine
        .virtual_protect(thread, at, PAGE, READWRITE)
        .unwrap();
    assert_eq!((old, bench.pages(thread)), (guard, 6));
    for below in 7..=9 {
        assert_eq!(bench.touch(thread, below), Ok(()));
    }
    assert_eq!(bench.pages(thread), 6);
}

/// Only a thread has a stack, and only its own.
#[test]
fn a_guard_that_others_set_leaves_the_stack_as_it_is() {
    let mut bench = Bench::new();
    let (thread, other) = (bench.thread(0, 9), bench.thread(0, 9));
    let at = bench.stack(thread).limit.wrapping_add(2 * PAGE);
    for caller in [Caller::from(bench.process), Caller::from(other)] {
        let guard = READWRITE | GUARD;
        bench
            .machine
            .virtual_protect(caller, at, PAGE, guard)
            .unwrap();
        assert_eq!(bench.pages(thread), 9);
    }
}

/// Wine's tests, kernel32 `test_stack_commit`.
#[test]
fn a_stack_can_be_made_by_hand() {
    let mut bench = Bench::new();
    let thread = bench.thread(0, 0);
    let size = 0x40_0000;
    bench.alloc(BASE, size, RESERVE, READWRITE).unwrap();
    let top = BASE + size - PAGE;
    bench.alloc(top, PAGE, COMMIT, READWRITE | GUARD).unwrap();
    bench.set_field(thread, DEALLOCATION_STACK, BASE);
    bench.set_field(thread, STACK_BASE, BASE + size);
    bench.set_field(thread, STACK_LIMIT, top + PAGE);
    for pages in 1..size / PAGE - 2 {
        assert_eq!(bench.touch(thread, pages), Ok(()), "{pages}");
        assert_eq!(bench.pages(thread), pages);
    }
    assert_eq!(
        bench.touch(thread, size / PAGE - 2),
        Err(Status::StackOverflow)
    );
}

#[test]
fn a_thread_that_ends_gives_its_stack_and_its_block_back() {
    let mut bench = Bench::new();
    let first = bench.thread(0, 0);
    let (frames, charge) = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    let second = bench.thread(0, 8);
    bench.touch(second, 9).unwrap();
    let ThreadStack { bottom, .. } = bench.stack(second);
    let teb = bench.machine.thread_environment(second).unwrap();
    bench.machine.terminate_thread(second).unwrap();
    let now = (bench.machine.frames_in_use(), bench.machine.commit_charge());
    assert_eq!(now, (frames, charge));
    for place in [bottom, teb] {
        assert_eq!(bench.query(place.as_u64()).state, MemoryState::Free);
    }
    assert_eq!(
        bench.machine.terminate_thread(second),
        Err(Status::InvalidHandle)
    );
    assert_eq!(bench.machine.stack(second), Err(Status::InvalidHandle));
    let gone = bench.machine.read(second, teb, &mut [0]).unwrap_err();
    assert_eq!(gone.code, Status::InvalidHandle);
    let threads: Vec<_> = bench.machine.threads(bench.process).unwrap().collect();
    assert_eq!(threads, [first]);
}

/// What a process does to its own blocks is no reason for the system to lose them.
#[test]
fn environment_blocks_are_neither_freed_nor_protected() {
    const REFUSED: Status = Status::InvalidPageProtection;
    let mut bench = Bench::new();
    let thread = bench.thread(0, 0);
    let teb = bench.machine.thread_environment(thread).unwrap();
    let peb = bench.machine.process_environment(bench.process).unwrap();
    for block in [teb.as_u64(), peb.unwrap().as_u64()] {
        assert_eq!(bench.free(block, 0, RELEASE), Err(REFUSED));
        assert_eq!(bench.free(block, PAGE, DECOMMIT), Err(REFUSED));
        assert_eq!(bench.protect(block, PAGE, NOACCESS), Err(REFUSED));
        assert_eq!(bench.alloc(block, PAGE, COMMIT, NOACCESS), Err(REFUSED));
    }
}

/// A thread may write anything into its block.
#[test]
fn no_environment_block_breaks_the_system() {
    let numbers = [
        0,
        1,
        PAGE,
        BASE,
        BASE + 3 * PAGE,
        1 << 47,
        u64::MAX - PAGE,
        u64::MAX,
    ];
    let mut bench = Bench::new();
    bench.alloc(BASE, 4 * PAGE, RESERVE, READWRITE).unwrap();
    for base in numbers {
        for bottom in numbers {
            let thread = bench.thread(0, 0);
            bench
                .alloc(BASE, 4 * PAGE, COMMIT, READWRITE | GUARD)
                .unwrap();
            bench.set_field(thread, STACK_BASE, base);
            bench.set_field(thread, STACK_LIMIT, bottom);
            bench.set_field(thread, DEALLOCATION_STACK, bottom);
            for page in 0..4 {
                let at = VirtAddr::new(BASE + page * PAGE);
                let _ = bench.machine.write(thread, at, &[1]);
                let _ = bench
                    .machine
                    .virtual_protect(thread, at, PAGE, READWRITE | GUARD);
            }
            bench.machine.terminate_thread(thread).unwrap();
            invariants::check(&bench.machine);
            let _ = bench.alloc(BASE, 4 * PAGE, RESERVE, READWRITE);
        }
    }
}

#[test]
fn a_thread_for_which_there_is_no_memory_leaves_nothing() {
    // A process takes three.
    for pages in 3..40 {
        let mut bench = Bench::with_ram(pages * PAGE);
        let before = (bench.machine.frames_in_use(), bench.machine.commit_charge());
        let made = bench
            .machine
            .create_thread(bench.process, StackRequest::default());
        match made {
            Ok(thread) => bench.machine.terminate_thread(thread).unwrap(),
            Err(status) => {
                assert!(matches!(status, Status::NoMemory | Status::CommitmentLimit));
                let after = (bench.machine.frames_in_use(), bench.machine.commit_charge());
                assert_eq!(before, after);
            }
        }
        invariants::check(&bench.machine);
        bench.machine.terminate_process(bench.process).unwrap();
        assert_eq!(
            (bench.machine.frames_in_use(), bench.machine.commit_charge()),
            (0, 0)
        );
    }
}
