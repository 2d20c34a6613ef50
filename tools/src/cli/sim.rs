use std::io::Write;

use clap::Args;

use super::{
    CliError, Outcome,
    comparisons::{Comparisons, outcome},
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
    sim::{self, Program, Report, SimError, compare},
    trace::{ThreadedReader, TraceFormat, TraceReader},
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
  lookaside sim --compare cpu=golden-cove,zen4 --compare pages=4k,2m
  lookaside sim --baseline report.json --fail-if 'translation_cycles > +1%'
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
    /// How many of the pages, regions and instructions to show that walks cost most for
    #[arg(long, value_name = "COUNT", default_value_t = sim::DEFAULT_TOP)]
    top: usize,
    #[command(flatten)]
    comparisons: Comparisons,
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
        inputs.extend(self.comparisons.inputs());
        self.results.check(&inputs)?;
        if let Some(path) = &self.save_trace {
            saved_trace::check(path, &inputs)?;
        }
        let config = self.machine.config();
        let variants = self.comparisons.variants(&self.cpu, config)?;
        let preset = Preset::load(&self.cpu)?;
        let baseline = self.comparisons.baseline(&preset, config)?;
        if traces.len() > 1 {
            self.check_several()?;
        }
        let opened = trace_input::open(&self.traces, self.format, &self.generated)?;
        let progress = opened.iter().map(|(_, reader)| reader.progress());
        let mut watch = ProgressWatch::new(progress.collect(), interrupt.clone());
        let mut readers = Vec::new();
        for (source, reader) in opened {
            let saved = MaybeSaved::new(reader, self.save_trace.as_ref(), interrupt)?;
            readers.push((source, saved));
        }
        if let (Some(variants), [(source, reader)]) = (variants, &mut *readers) {
            let mut comparison = compare::compare(reader.reader(), source, &variants, &mut watch)?;
            comparison.keep_top(self.top);
            watch.clear();
            finish(readers, interrupt)?;
            self.results.write_json(&comparison)?;
            interrupt.files_are_written();
            let print = |writer: &mut dyn Write| write!(writer, "{comparison}");
            self.results.print(print)?;
            return Ok(Outcome::Done);
        }
        let mut report = self.simulate(&mut readers, &preset, &mut watch)?;
        report.keep_top(self.top);
        watch.clear();
        let verdict = self.comparisons.judge(baseline.as_ref(), &report)?;
        finish(readers, interrupt)?;
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

    /// What is only for one trace.
    fn check_several(&self) -> Result<(), CliError> {
        if self.save_trace.is_some() {
            return Err(CliError::OneTraceOnly("--save-trace"));
        }
        if self.comparisons.compares() {
            return Err(CliError::OneTraceOnly("--compare"));
        }
        Ok(())
    }

    fn simulate(
        &self,
        readers: &mut [(Source, MaybeSaved<ThreadedReader>)],
        preset: &Preset,
        watch: &mut ProgressWatch,
    ) -> Result<Report, SimError> {
        let config = self.machine.config();
        if let [(source, reader)] = readers {
            return sim::run(reader.reader(), source, preset, config, watch);
        }
        let programs = readers.iter_mut().map(|(source, reader)| Program {
            reader: reader.reader(),
            source: source.clone(),
        });
        sim::run_programs(
            programs.collect(),
            self.machine.schedule(),
            preset,
            config,
            watch,
        )
    }
}

/// From here on Ctrl-C comes too late; what was saved appears.
fn finish(
    mut readers: Vec<(Source, MaybeSaved<ThreadedReader>)>,
    interrupt: &Interrupt,
) -> Result<(), CliError> {
    let counts = readers.iter_mut();
    let records = counts.map(|(_, reader)| reader.reader().counts().records);
    let records = records.sum();
    let over = interrupt.run_is_over();
    over.map_err(|_| SimError::Interrupted { records })?;
    for (_, reader) in readers {
        reader.commit()?;
    }
    Ok(())
}
