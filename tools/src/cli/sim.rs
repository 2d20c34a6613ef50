use clap::Args;

use super::{
    CliError, Outcome,
    interrupt::Interrupt,
    machine_options::MachineOptions,
    progress::ProgressWatch,
    results::Results,
    saved_trace::{self, MaybeSaved},
    trace_input::{self, Generated},
};
use crate::{
    input::Source,
    preset::{self, Preset},
    sim::{self, Program, SimError},
    trace::{TraceFormat, TraceReader},
};

/// Run a memory trace through a modelled machine and report what it cost
///
/// The program's memory appears on demand, in pages of the chosen size; every access goes
/// through the TLBs, the paging-structure caches, the page walker and the data caches of the
/// chosen processor, one after the other.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside sim
  lookaside sim --cpu zen4 --pages 2m --json report.json
  lookaside sim first.lackey second.lackey --quantum 100000 --pcids on
  lookaside sim a.lackey b.lackey --threads --processors 2
  lookaside sim --pattern chase:1GiB --accesses 20000000
  valgrind --tool=lackey --trace-mem=yes --log-file=/dev/stdout true | lookaside sim -")]
pub(super) struct Sim {
    /// Traces, plain or compressed (.zst, .xz, .gz); - is standard input. Without any, a
    /// built-in recording of a real program
    #[arg(value_name = "TRACE")]
    traces: Vec<std::ffi::OsString>,
    /// The processor: a preset (see `lookaside cpus`), or a TOML file of your own
    #[arg(long, value_name = "NAME|FILE.toml", default_value = preset::DEFAULT)]
    cpu: String,
    #[command(flatten)]
    machine: MachineOptions,
    /// The format of the trace: auto, lackey or compact
    #[arg(long, default_value_t = TraceFormat::Auto)]
    format: TraceFormat,
    #[command(flatten)]
    generated: Generated,
    /// Write what is read to this file as well, as a compact trace (.lkt)
    #[arg(long, value_name = "FILE.lkt")]
    save_trace: Option<std::path::PathBuf>,
    #[command(flatten)]
    results: Results,
}

impl Sim {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let traces = self.traces.iter().cloned().map(Source::from);
        let mut inputs: Vec<_> = traces.clone().collect();
        inputs.push(Source::from(self.cpu.as_str()));
        self.results.check(&inputs)?;
        if let Some(path) = &self.save_trace {
            saved_trace::check(path, &inputs)?;
        }
        let preset = Preset::load(&self.cpu)?;
        let opened = trace_input::open(&self.traces, self.format, &self.generated)?;
        let progress = opened.iter().map(|(_, reader)| reader.progress());
        let mut watch = ProgressWatch::new(progress.collect(), interrupt.clone());
        let mut readers = Vec::new();
        for (source, reader) in opened {
            let saved = MaybeSaved::new(reader, self.save_trace.as_ref(), interrupt)?;
            readers.push((source, saved));
        }
        let programs = readers.iter_mut().map(|(source, reader)| Program {
            reader: reader.reader(),
            source: source.clone(),
        });
        let programs = programs.collect();
        let (schedule, config) = (self.machine.schedule(), self.machine.config());
        let report = sim::run_programs(programs, schedule, &preset, config, &mut watch)?;
        watch.clear();
        let counts = readers.iter_mut();
        let records = counts.map(|(_, reader)| reader.reader().counts().records);
        let records = records.sum();
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records })?;
        for (_, reader) in readers {
            reader.commit()?;
        }
        self.results.write_json(&report)?;
        interrupt.files_are_written();
        self.results.print(|writer| write!(writer, "{report}"))?;
        Ok(Outcome::Done)
    }
}
