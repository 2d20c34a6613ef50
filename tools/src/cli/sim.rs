use std::io::Write;

use clap::Args;

use super::{
    CliError, Outcome,
    comparisons::{Comparisons, outcome},
    interrupt::Interrupt,
    progress::ProgressWatch,
    results::Results,
};
use crate::{
    byte_size::ByteSize,
    input::{self, Input, Source},
    pages::Pages,
    preset::{self, Preset},
    sim::{self, EMBEDDED_TRACE, EMBEDDED_TRACE_NAME, MachineConfig, SimError, compare},
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
  lookaside sim --compare cpu=golden-cove,zen4 --compare pages=4k,2m
  lookaside sim --baseline report.json --fail-if 'translation_cycles > +1%'
  valgrind --tool=lackey --trace-mem=yes --log-file=/dev/stdout true | lookaside sim -")]
pub(super) struct Sim {
    /// A trace, plain or compressed (.zst, .xz, .gz); - is standard input. Without it, a
    /// built-in recording of a real program
    trace: Option<std::ffi::OsString>,
    /// The processor: a preset (see `lookaside cpus`), or a TOML file of your own
    #[arg(long, value_name = "NAME|FILE.toml", default_value = preset::DEFAULT)]
    cpu: String,
    /// The size of the program's pages
    #[arg(long, value_enum, default_value_t = Pages::Size4KiB)]
    pages: Pages,
    /// The size of the machine's memory
    #[arg(long, value_name = "SIZE", default_value = "16GiB")]
    ram: ByteSize,
    /// The format of the trace: auto or lackey
    #[arg(long, default_value_t = TraceFormat::Auto)]
    format: TraceFormat,
    /// How many of the pages, regions and instructions to show that walks cost most for
    #[arg(long, value_name = "COUNT", default_value_t = sim::DEFAULT_TOP)]
    top: usize,
    #[command(flatten)]
    comparisons: Comparisons,
    #[command(flatten)]
    results: Results,
}

impl Sim {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let inputs = self.trace.iter().cloned().map(Source::from);
        let mut inputs: Vec<_> = inputs.collect();
        inputs.push(Source::from(self.cpu.as_str()));
        inputs.extend(self.comparisons.inputs());
        self.results.check(&inputs)?;
        let variants = self.comparisons.variants(&self.cpu, self.pages, self.ram)?;
        let preset = Preset::load(&self.cpu)?;
        let config = MachineConfig {
            pages: self.pages,
            ram: self.ram,
        };
        let baseline = self.comparisons.baseline(&preset, config)?;
        let input = match self.trace {
            Some(name) => input::open(&Source::from(name))?,
            None => Input::from_bytes(EMBEDDED_TRACE_NAME, EMBEDDED_TRACE)?,
        };
        let source = input.source().clone();
        let mut reader = trace::open(input, self.format)?;
        let mut watch = ProgressWatch::new(reader.progress(), interrupt.clone());
        if let Some(variants) = variants {
            let mut comparison = compare::compare(&mut *reader, &source, &variants, &mut watch)?;
            comparison.keep_top(self.top);
            watch.clear();
            let records = reader.counts().records;
            let over = interrupt.run_is_over();
            over.map_err(|_| SimError::Interrupted { records })?;
            self.results.write_json(&comparison)?;
            interrupt.files_are_written();
            let print = |writer: &mut dyn Write| write!(writer, "{comparison}");
            self.results.print(print)?;
            return Ok(Outcome::Done);
        }
        let mut report = sim::run(&mut *reader, &source, &preset, config, &mut watch)?;
        report.keep_top(self.top);
        watch.clear();
        let verdict = self.comparisons.judge(baseline.as_ref(), &report)?;
        let records = reader.counts().records;
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records })?;
        self.results.write_json(&report)?;
        interrupt.files_are_written();
        self.results.print(|writer| {
            write!(writer, "{report}")?;
            verdict
                .iter()
                .try_for_each(|verdict| write!(writer, "{verdict}"))
        })?;
        Ok(outcome(verdict.as_ref()))
    }
}
