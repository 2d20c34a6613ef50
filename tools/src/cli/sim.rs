use clap::Args;

use super::{
    CliError, Outcome, interrupt::Interrupt, machine_options::MachineOptions,
    progress::ProgressWatch, results::Results,
};
use crate::{
    input::{self, Input, Source},
    preset::{self, Preset},
    sim::{self, EMBEDDED_TRACE, EMBEDDED_TRACE_NAME, Program, SimError},
    trace::{self, TraceFormat},
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
    /// The format of the trace: auto or lackey
    #[arg(long, default_value_t = TraceFormat::Auto)]
    format: TraceFormat,
    #[command(flatten)]
    results: Results,
}

impl Sim {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let traces = self.traces.iter().cloned().map(Source::from);
        let mut inputs: Vec<_> = traces.clone().collect();
        inputs.push(Source::from(self.cpu.as_str()));
        self.results.check(&inputs)?;
        let preset = Preset::load(&self.cpu)?;
        let mut opened = traces
            .map(|trace| input::open(&trace))
            .collect::<Result<Vec<_>, _>>()?;
        if opened.is_empty() {
            opened.push(Input::from_bytes(EMBEDDED_TRACE_NAME, EMBEDDED_TRACE)?);
        }
        let mut readers = Vec::new();
        for input in opened {
            let source = input.source().clone();
            readers.push((trace::open(input, self.format)?, source));
        }
        let progress = readers.iter().map(|(reader, _)| reader.progress());
        let mut watch = ProgressWatch::new(progress.collect(), interrupt.clone());
        let programs = readers.iter_mut().map(|(reader, source)| Program {
            reader: &mut **reader,
            source: source.clone(),
        });
        let programs = programs.collect();
        let (schedule, config) = (self.machine.schedule(), self.machine.config());
        let report = sim::run_programs(programs, schedule, &preset, config, &mut watch)?;
        watch.clear();
        let counts = readers.iter().map(|(reader, _)| reader.counts().records);
        let records = counts.sum();
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records })?;
        self.results.write_json(&report)?;
        interrupt.files_are_written();
        self.results.print(|writer| write!(writer, "{report}"))?;
        Ok(Outcome::Done)
    }
}
