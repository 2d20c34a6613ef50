//! Programs of a machine that pages, of which some wait for a disk while others run.
//!
//! What runs when depends on what accesses cost here: a trace that waits gives its processor to the
//! next one that does not, and is behind the others once the disk is done. The processor whose clock
//! is behind all others' makes the next step.

use std::collections::{BTreeMap, VecDeque};

use mmu_core::Cycles;

use super::{
    Machine, SimError, Watch,
    feed::Feed,
    machine::Paused,
    run::{Failed, Stopped},
};

/// The traces of a processor.
struct Queue {
    /// Those that can run; the first one does.
    ready: VecDeque<usize>,
    /// Those that wait for a disk, each with when it can go on.
    waiting: Vec<(Cycles, usize)>,
    /// The accesses that they go on with, of those whose access waits.
    paused: BTreeMap<usize, Paused>,
    /// The one that ran last.
    last: Option<usize>,
    quantum_left: u64,
}

impl Queue {
    fn is_done(&self) -> bool {
        self.ready.is_empty() && self.waiting.is_empty()
    }

    /// Those whose wait is over are behind the others, who waited longer.
    fn wake(&mut self, now: Cycles) {
        self.waiting.sort_unstable();
        let awake = self.waiting.partition_point(|&(until, _)| until <= now);
        let awake = self.waiting.drain(..awake);
        self.ready.extend(awake.map(|(_, trace)| trace));
    }

    /// When the next one can go on.
    fn next_wake(&self) -> Option<Cycles> {
        self.waiting.iter().map(|&(until, _)| until).min()
    }
}

/// Lets a machine make all records.
pub(super) fn dispatch(
    feed: &mut Feed<'_>,
    machine: &mut Machine,
    watch: &mut dyn Watch,
) -> Result<(), Failed> {
    let quantum = feed.schedule().quantum.get();
    let queue = |processor| {
        let ready: VecDeque<_> = feed.queue(processor).collect();
        Queue {
            last: ready.front().copied(),
            ready,
            waiting: Vec::new(),
            paused: BTreeMap::new(),
            quantum_left: quantum,
        }
    };
    let mut queues: Vec<_> = (0..machine.processors().len()).map(queue).collect();
    loop {
        let busy = (0..queues.len()).filter(|&processor| !queues[processor].is_done());
        let Some(processor) = busy.min_by_key(|&processor| machine.clock(processor)) else {
            return Ok(());
        };
        if let Err(stopped) = turn(feed, machine, (processor, &mut queues[processor])) {
            return Err(stopped.explain(0, machine, feed, watch));
        }
        watch.records_done(feed.records());
        if watch.is_interrupted() {
            let records = feed.records();
            return Err(SimError::Interrupted { records }.into());
        }
    }
}

/// One turn of a processor.
fn turn(
    feed: &mut Feed<'_>,
    machine: &mut Machine,
    (processor, queue): (usize, &mut Queue),
) -> Result<(), Stopped> {
    let now = machine.clock(processor);
    queue.wake(now);
    let Some(&trace) = queue.ready.front() else {
        if let Some(until) = queue.next_wake() {
            machine.idle(processor, until - now);
        }
        return Ok(());
    };
    let places = feed.look_ahead(trace, queue.quantum_left)?;
    if places.is_empty() {
        queue.ready.pop_front();
        queue.quantum_left = feed.schedule().quantum.get();
        return Ok(());
    }
    if queue.last != Some(trace) {
        machine.switch(processor, feed.process(trace))?;
        queue.last = Some(trace);
    }
    let mut made = 0;
    let mut waits_until = None;
    let mut before = queue.paused.remove(&trace);
    for record in &feed.batch(trace)[places.clone()] {
        let done = machine.access_or_pause(processor, record, before.take());
        let pause = done.map_err(|error| Stopped::at(trace, places.start + made, error))?;
        waits_until = machine.take_wait();
        if let Some(pause) = pause {
            queue.paused.insert(trace, pause);
            break;
        }
        made += 1;
        if waits_until.is_some() {
            break;
        }
    }
    let last = places.start + made.saturating_sub(1);
    let passed = machine.let_time_pass(processor);
    passed.map_err(|error| Stopped::at(trace, last, error))?;
    waits_until = machine.take_wait().max(waits_until);
    feed.made(trace, made);
    queue.quantum_left -= made as u64;
    if let Some(until) = waits_until {
        queue.ready.pop_front();
        queue.wake(machine.clock(processor));
        machine.waits(!queue.ready.is_empty());
        queue.waiting.push((until, trace));
    } else if queue.quantum_left == 0 {
        queue.ready.rotate_left(1);
    } else {
        return Ok(());
    }
    queue.quantum_left = feed.schedule().quantum.get();
    Ok(())
}
