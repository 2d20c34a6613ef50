use clap::Args;

use super::{
    CliError, Outcome,
    interrupt::Interrupt,
    progress::ProgressWatch,
    results::Results,
    saved_trace::{self, MaybeSaved},
    trace_input::{self, Generated},
};
use crate::{
    byte_size::ByteSize,
    input::Source,
    pages::Pages,
    preset::{self, Preset},
    sim::{self, MachineConfig, SimError},
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
  lookaside sim --pattern chase:1GiB --accesses 20000000
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
        let inputs = self.trace.iter().cloned().map(Source::from);
        let mut inputs: Vec<_> = inputs.collect();
        inputs.push(Source::from(self.cpu.as_str()));
        self.results.check(&inputs)?;
        if let Some(path) = &self.save_trace {
            saved_trace::check(path, &inputs)?;
        }
        let preset = Preset::load(&self.cpu)?;
        let (source, reader) = trace_input::open(self.trace, self.format, &self.generated)?;
        let config = MachineConfig {
            pages: self.pages,
            ram: self.ram,
        };
        let mut watch = ProgressWatch::new(reader.progress(), interrupt.clone());
        let mut reader = MaybeSaved::new(reader, self.save_trace.as_ref(), interrupt)?;
        let report = sim::run(reader.reader(), &source, &preset, config, &mut watch)?;
        watch.clear();
        let records = reader.reader().counts().records;
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records })?;
        reader.commit()?;
        self.results.write_json(&report)?;
        interrupt.files_are_written();
        self.results.print(|writer| write!(writer, "{report}"))?;
        Ok(Outcome::Done)
    }
}
