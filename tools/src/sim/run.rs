use std::ops::Range;

use memory_manager::{AccessError, ServiceError};

use super::{
    Machine, MachineConfig, MachineError, Report, SimError, TraceCounts, error::describe,
    ram_needed::PagesTouched,
};
use crate::{
    input::Source,
    preset::Preset,
    trace::{Record, TraceReader},
};

/// Looks on while a long run goes on, and may end it.
pub trait Watch {
    /// So many records are done. Called every few thousand of them.
    fn records_done(&mut self, records: u64);

    /// Whether the run is to end now.
    fn is_interrupted(&self) -> bool;
}

/// Runs a trace through a machine.
///
/// # Errors
/// [`SimError`] if the machine cannot be built, the trace cannot be read to its end, an
/// access cannot be made, or the watch ends the run.
pub fn run(
    reader: &mut dyn TraceReader,
    source_name: &Source,
    preset: &Preset,
    config: MachineConfig,
    watch: &mut dyn Watch,
) -> Result<Report, SimError> {
    let mut run = Run::new(source_name, preset, config)?;
    let mut batch = Vec::new();
    loop {
        let read = reader.next_batch(&mut batch)?;
        if read == 0 {
            return Ok(run.report());
        }
        run.make(&batch, reader, watch)?;
        let records = run.counts.records();
        watch.records_done(records);
        if watch.is_interrupted() {
            return Err(SimError::Interrupted { records });
        }
    }
}

/// A machine on its way through a trace.
#[derive(Debug)]
pub(super) struct Run<'a> {
    source_name: &'a Source,
    preset: &'a Preset,
    config: MachineConfig,
    pub(super) machine: Machine,
    counts: TraceCounts,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        source_name: &'a Source,
        preset: &'a Preset,
        config: MachineConfig,
    ) -> Result<Self, SimError> {
        Ok(Self {
            source_name,
            preset,
            config,
            machine: Machine::new(preset, config, 1)?,
            counts: TraceCounts::default(),
        })
    }

    /// Makes the next accesses. If one cannot be made for lack of memory, the rest of the
    /// trace is read to tell how much it needs.
    pub(super) fn make(
        &mut self,
        batch: &[Record],
        reader: &mut dyn TraceReader,
        watch: &mut dyn Watch,
    ) -> Result<(), SimError> {
        self.make_part(batch, 0..batch.len(), reader, watch)
    }

    /// Makes some of the next accesses.
    pub(super) fn make_part(
        &mut self,
        batch: &[Record],
        part: Range<usize>,
        reader: &mut dyn TraceReader,
        watch: &mut dyn Watch,
    ) -> Result<(), SimError> {
        for (place, record) in batch.iter().enumerate().take(part.end).skip(part.start) {
            if let Err(error) = self.machine.access(0, record) {
                let failed = Failed {
                    source_name: self.source_name,
                    number: self.counts.records() + 1,
                    record,
                    rest: &batch[place..],
                };
                return Err(failed.explain(error, &self.machine, self.config, reader, watch));
            }
            self.counts.count(record.kind);
        }
        Ok(())
    }

    pub(super) fn report(self) -> Report {
        let Self {
            source_name,
            preset,
            config,
            machine,
            counts,
        } = self;
        Report::new(
            std::slice::from_ref(source_name),
            counts,
            preset,
            config,
            &machine,
        )
    }
}

/// A record whose access could not be made.
struct Failed<'a> {
    source_name: &'a Source,
    number: u64,
    record: &'a Record,
    /// The records from this one on that were read already.
    rest: &'a [Record],
}

impl Failed<'_> {
    fn explain(
        &self,
        error: MachineError,
        machine: &Machine,
        config: MachineConfig,
        reader: &mut dyn TraceReader,
        watch: &mut dyn Watch,
    ) -> SimError {
        let source_name = self.source_name.clone();
        let (record, description) = (self.number, describe(self.record));
        let error = match error {
            MachineError::Machine(error) => return error,
            MachineError::Access(error) => error,
        };
        let AccessError::Service(ServiceError::OutOfMemory(out)) = error else {
            return SimError::Access {
                source_name,
                record,
                description,
                error,
            };
        };
        match self.pages_of_the_whole_trace(machine, config, reader, watch) {
            Ok(pages) => SimError::OutOfMemory {
                source_name,
                ram: config.ram,
                record,
                description,
                page_size: out.size,
                needed: pages.bytes(),
            },
            Err(error) => error,
        }
    }

    /// The pages touched so far, and those that the rest of the trace will touch.
    fn pages_of_the_whole_trace(
        &self,
        machine: &Machine,
        config: MachineConfig,
        reader: &mut dyn TraceReader,
        watch: &mut dyn Watch,
    ) -> Result<PagesTouched, SimError> {
        let mut pages = PagesTouched::of(machine, config.pages.first_size());
        pages.touch_all(0, self.rest);
        let mut records = self.number + self.rest.len() as u64;
        let mut batch = Vec::new();
        loop {
            let read = reader.next_batch(&mut batch)?;
            if read == 0 {
                return Ok(pages);
            }
            pages.touch_all(0, &batch);
            records += read as u64;
            watch.records_done(records);
            if watch.is_interrupted() {
                return Err(SimError::Interrupted {
                    records: self.number,
                });
            }
        }
    }
}
