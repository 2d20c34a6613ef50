//! The protocol of `shootdown` in every order that the threads of processors can have, as far as
//! the memory model of atomics lets there be any (loom); the two largest models with two preemptions
//! at most. Built only with `--cfg loom`:
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p memory-manager --test shootdown_model`
//!
//! A frame is a cell that is read through a translation without any lock. If a processor could
//! do that while the frame is used for something else, it is a data race, and if it could do so
//! later, the frame says so: either way the model fails. So it does if threads wait for each
//! other for ever.
#![cfg(loom)]

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use memory_manager::shootdown::{Batch, Entered, Inbox, Presence, Shootdowns, Ticket};
use mmu_core::{Invalidation, Pcid, ProcessorId, VirtAddr};

/// An entry of the page table that leads nowhere.
const NONE: usize = usize::MAX;

/// Some processors, a page table with an entry a page, and a frame for each.
struct Machine<const PAGES: usize> {
    shootdowns: Shootdowns,
    space: Presence,
    table: [AtomicUsize; PAGES],
    frames: [Frame; PAGES],
}

#[derive(Default)]
struct Frame {
    cell: UnsafeCell<()>,
    is_reused: AtomicBool,
}

impl Frame {
    fn read(&self) {
        self.cell.with(|_| ());
        assert!(!self.is_reused.load(Ordering::Relaxed));
    }

    fn reuse(&self) {
        self.cell.with_mut(|_| ());
        self.is_reused.store(true, Ordering::Relaxed);
    }
}

impl<const PAGES: usize> Machine<PAGES> {
    fn new(processors: u32) -> Arc<Self> {
        Arc::new(Self {
            shootdowns: Shootdowns::new(processors),
            space: Presence::new(Pcid::new(1).unwrap()),
            table: std::array::from_fn(AtomicUsize::new),
            frames: std::array::from_fn(|_| Frame::default()),
        })
    }

    fn inbox(&self, processor: u32) -> &Inbox {
        let processor = ProcessorId::new(processor).unwrap();
        self.shootdowns.inbox(processor).unwrap()
    }

    /// Takes a page away, as yet without waiting for anybody.
    fn take_away(&self, page: usize, by: Option<&mut Processor<PAGES>>) -> Ticket<usize> {
        let frame = self.table[page].swap(NONE, Ordering::AcqRel);
        let stale = Invalidation::Invlpg(VirtAddr::new(page as u64));
        let mut batch = Batch::default();
        let id = by.map(|own| {
            own.forget(stale);
            own.id()
        });
        batch.issue(&self.space, stale, id);
        batch.keep(frame);
        self.shootdowns.dispatch(&mut batch)
    }

    /// Uses the frames of what was taken away for something else, as soon as that can be done.
    fn reuse(&self, ticket: Ticket<usize>, mut by: Option<&mut Processor<PAGES>>) {
        let id = by.as_ref().map(|own| own.id());
        let forget = |stale| by.iter_mut().for_each(|own| own.forget(stale));
        for frame in self.shootdowns.sync(ticket, id, forget).into_kept() {
            self.frames[frame].reuse();
        }
    }

    fn unmap(&self, page: usize) {
        let ticket = self.take_away(page, None);
        self.reuse(ticket, None);
    }
}

/// A processor whose TLB never evicts.
struct Processor<const PAGES: usize> {
    machine: Arc<Machine<PAGES>>,
    number: u32,
    cached: [Option<usize>; PAGES],
}

impl<const PAGES: usize> Processor<PAGES> {
    fn new(machine: &Arc<Machine<PAGES>>, number: u32) -> Self {
        Self {
            machine: Arc::clone(machine),
            number,
            cached: [None; PAGES],
        }
    }

    fn id(&self) -> ProcessorId {
        ProcessorId::new(self.number).unwrap()
    }

    fn enter(&mut self) {
        let machine = Arc::clone(&self.machine);
        match machine.space.enter(machine.inbox(self.number)) {
            Entered::Keeping => {}
            Entered::Dropping => self.cached = [None; PAGES],
        }
    }

    fn leave(&self) {
        self.machine.space.leave(self.machine.inbox(self.number));
    }

    fn forget(&mut self, stale: Invalidation) {
        let Invalidation::Invlpg(address) = stale else {
            unreachable!("no more than the ceiling");
        };
        self.cached[address.as_u64() as usize] = None;
    }

    fn handle_if_pending(&mut self) {
        let machine = Arc::clone(&self.machine);
        let inbox = machine.inbox(self.number);
        if inbox.is_pending() {
            inbox.handle(|stale| self.forget(stale));
        }
    }

    fn wake(&mut self) {
        let machine = Arc::clone(&self.machine);
        let inbox = machine.inbox(self.number);
        inbox.wake(|stale| self.forget(stale));
    }

    /// One access, after a look into the inbox.
    fn access(&mut self, page: usize) {
        self.handle_if_pending();
        let walked = || self.machine.table[page].load(Ordering::Acquire);
        let frame = self.cached[page].unwrap_or_else(walked);
        if frame != NONE {
            self.cached[page] = Some(frame);
            self.machine.frames[frame].read();
        }
    }

    /// Runs nothing any more.
    fn rest(&self) {
        self.machine.inbox(self.number).rest();
    }
}

/// Orders with more switches of threads that could go on are left out, where there are too many.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.max_branches = 10_000;
    model.check(check);
}

#[test]
fn after_the_sync_no_processor_uses_the_translation() {
    model(|| {
        let machine = Machine::<1>::new(2);
        let running = [0, 1].map(|number| {
            let mut processor = Processor::new(&machine, number);
            processor.enter();
            thread::spawn(move || {
                processor.access(0);
                processor.access(0);
                processor.rest();
            })
        });
        machine.unmap(0);
        for processor in running {
            processor.join().unwrap();
        }
    });
}

#[test]
fn two_that_initiate_at_once_both_go_on() {
    loom::model(|| {
        let machine = Machine::<2>::new(2);
        let mut processors = [0, 1].map(|number| Processor::new(&machine, number));
        for processor in &mut processors {
            processor.enter();
            processor.cached = [Some(0), Some(1)];
        }
        let [mut one, mut other] = processors;
        let initiate = |processor: &mut Processor<2>, page: usize| {
            let machine = Arc::clone(&processor.machine);
            let ticket = machine.take_away(page, Some(processor));
            machine.reuse(ticket, Some(processor));
            processor.access(1 - page);
            processor.rest();
        };
        let first = thread::spawn(move || initiate(&mut one, 0));
        initiate(&mut other, 1);
        first.join().unwrap();
    });
}

#[test]
fn no_request_of_two_initiators_is_lost() {
    model(|| {
        let machine = Machine::<2>::new(1);
        let mut processor = Processor::new(&machine, 0);
        processor.enter();
        processor.cached = [Some(0), Some(1)];
        let unmapping = thread::spawn({
            let machine = Arc::clone(&machine);
            move || machine.unmap(0)
        });
        // Only one of them waits: the checker follows two that do nothing but that for ever.
        let taking = thread::spawn({
            let machine = Arc::clone(&machine);
            move || machine.take_away(1, None)
        });
        processor.access(0);
        processor.access(1);
        processor.rest();
        unmapping.join().unwrap();
        machine.reuse(taking.join().unwrap(), None);
        processor.wake();
        assert_eq!(processor.cached, [None; 2]);
    });
}

#[test]
fn an_idle_processor_forgets_before_it_accesses_and_nobody_waits_for_it() {
    loom::model(|| {
        let machine = Machine::<1>::new(1);
        let mut processor = Processor::new(&machine, 0);
        processor.enter();
        processor.access(0);
        let running = thread::spawn(move || {
            processor.rest();
            processor.wake();
            processor.access(0);
            processor.rest();
        });
        machine.unmap(0);
        running.join().unwrap();
    });
}

#[test]
fn who_comes_back_to_a_space_has_kept_nothing_that_is_gone() {
    loom::model(|| {
        let machine = Machine::<1>::new(1);
        let mut processor = Processor::new(&machine, 0);
        processor.enter();
        processor.access(0);
        let running = thread::spawn(move || {
            processor.leave();
            processor.enter();
            processor.access(0);
            processor.leave();
            // It runs other spaces, and looks into its inbox once in a while.
            processor.handle_if_pending();
            processor.rest();
            processor.wake();
            processor.enter();
            processor.access(0);
            processor.rest();
        });
        machine.unmap(0);
        running.join().unwrap();
    });
}
