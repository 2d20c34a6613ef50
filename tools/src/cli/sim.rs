use clap::Args;

use super::{CliError, Outcome, interrupt::Interrupt, progress::ProgressWatch, results::Results};
use crate::{
    byte_size::ByteSize,
    input::{self, Input, Source},
    pages::Pages,
    preset::{self, Preset},
    sim::{self, EMBEDDED_TRACE, EMBEDDED_TRACE_NAME, MachineConfig, SimError},
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
    #[command(flatten)]
    results: Results,
}

impl Sim {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let inputs = self.trace.iter().cloned().map(Source::from);
        let mut inputs: Vec<_> = inputs.collect();
        inputs.push(Source::from(self.cpu.as_str()));
        self.results.check(&inputs)?;
        let preset = Preset::load(&self.cpu)?;
        let input = match self.trace {
            Some(name) => input::open(&Source::from(name))?,
            None => Input::from_bytes(EMBEDDED_TRACE_NAME, EMBEDDED_TRACE)?,
        };
        let source = input.source().clone();
        let mut reader = trace::open(input, self.format)?;
        let config = MachineConfig {
            pages: self.pages,
            ram: self.ram,
        };
        let mut watch = ProgressWatch::new(reader.progress(), interrupt.clone());
        let report = sim::run(&mut *reader, &source, &preset, config, &mut watch)?;
        watch.clear();
        let records = reader.counts().records;
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records })?;
        self.results.write_json(&report)?;
        interrupt.files_are_written();
        self.results.print(|writer| write!(writer, "{report}"))?;
        Ok(Outcome::Done)
    }
}
