use memory_manager::{AccessError, ServiceError};

use super::{
    Machine, MachineConfig, Report, SimError, TraceCounts, error::describe,
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
    let mut machine = Machine::new(preset, config)?;
    let mut counts = TraceCounts::default();
    let mut batch = Vec::new();
    loop {
        let read = reader.next_batch(&mut batch)?;
        if read == 0 {
            break;
        }
        for (place, record) in batch.iter().enumerate() {
            if let Err(error) = machine.access(record) {
                let failed = Failed {
                    source_name,
                    number: counts.records() + 1,
                    record,
                    rest: &batch[place..],
                };
                return Err(failed.explain(&error, &machine, config, reader, watch));
            }
            counts.count(record.kind);
        }
        watch.records_done(counts.records());
        if watch.is_interrupted() {
            return Err(SimError::Interrupted {
                records: counts.records(),
            });
        }
    }
    Ok(Report::new(source_name, counts, preset, config, &machine))
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
        error: &AccessError,
        machine: &Machine,
        config: MachineConfig,
        reader: &mut dyn TraceReader,
        watch: &mut dyn Watch,
    ) -> SimError {
        let source_name = self.source_name.clone();
        let (record, description) = (self.number, describe(self.record));
        let AccessError::Service(ServiceError::OutOfMemory(out)) = *error else {
            return SimError::Access {
                source_name,
                record,
                description,
                error: *error,
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
        let mut pages = PagesTouched::of(machine, config.pages.into());
        pages.touch_all(self.rest);
        let mut records = self.number + self.rest.len() as u64;
        let mut batch = Vec::new();
        loop {
            let read = reader.next_batch(&mut batch)?;
            if read == 0 {
                return Ok(pages);
            }
            pages.touch_all(&batch);
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
