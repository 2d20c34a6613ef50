use std::io::{self, Write};

use clap::{
    Args,
    builder::{NonEmptyStringValueParser, TypedValueParser},
};

use super::{
    CliError, Outcome,
    comparisons::{Comparisons, outcome},
    curve::{Curve, Runs},
    interrupt::Interrupt,
    machine_options::MachineOptions,
    outputs::{self, Output, Text},
    paging_options::{PagingOptions, Ram},
    progress::ProgressWatch,
    results::Results,
    saved_trace::MaybeSaved,
    trace_input::{self, Generated},
};
use crate::{
    input::Source,
    preset::{self, Preset},
    sim::{
        self, Program, SimError,
        compare::{self, Variant},
    },
    trace::{ThreadedReader, TraceFormat, TraceReader},
};

/// Run a memory trace through a modelled machine and report what it cost
///
/// The program's memory appears on demand, in pages of the chosen size; every access goes
/// through the TLBs, the paging-structure caches, the page walker and the data caches of the
/// chosen processor, one after the other. With --ram, what does not fit goes to a page file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside sim
  lookaside sim --cpu zen4 --pages 2m --json report.json
  lookaside sim first.lackey second.lackey --quantum 100000 --pcids on
  lookaside sim a.lackey b.lackey --threads --processors 2
  lookaside sim --ram 2MiB --svg pressure.svg
  lookaside sim --ram 64MiB --processes a.lackey,b.lackey --quantum 100000
  lookaside sim --pattern chase:64MiB --compare ram=80MiB,48MiB,32MiB --disk hdd
  lookaside sim --pattern chase:1GiB --accesses 20000000
  lookaside sim --pattern chase:16KiB..1GiB --compare pages=4k,2m --svg chase.svg
  lookaside sim --compare cpu=golden-cove,zen4 --compare pages=4k,2m
  lookaside sim --baseline report.json --fail-if 'translation_cycles > +1%'
  valgrind --tool=lackey --trace-mem=yes --log-file=/dev/stdout true | lookaside sim -")]
pub(super) struct Sim {
    /// Traces, plain or compressed (.zst, .xz, .gz); - is standard input. Without any, a
    /// built-in recording of a real program
    #[arg(value_name = "TRACE")]
    traces: Vec<std::ffi::OsString>,
    /// The same, as one list: each trace is a process with an address space of its own, and
    /// those of a processor take turns (--quantum), or when one waits for the disk (--ram)
    #[arg(
        long,
        value_name = "TRACE,TRACE",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new().map(std::ffi::OsString::from),
        conflicts_with_all = ["traces", "threads", "pattern"]
    )]
    processes: Vec<std::ffi::OsString>,
    /// The processor: a preset (see `lookaside cpus`), or a TOML file of your own
    #[arg(long, value_name = "NAME|FILE.toml", default_value = preset::DEFAULT)]
    cpu: String,
    #[command(flatten)]
    machine: MachineOptions,
    #[command(flatten)]
    paging: PagingOptions,
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
    #[command(flatten)]
    curve: Curve,
    /// Write what is read to this file as well, as a compact trace (.lkt)
    #[arg(long, value_name = "FILE.lkt")]
    save_trace: Option<std::path::PathBuf>,
    #[command(flatten)]
    results: Results,
}

impl Sim {
    pub(super) fn run(mut self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        self.traces.append(&mut self.processes);
        let mut inputs: Vec<_> = self.traces.iter().cloned().map(Source::from).collect();
        if inputs
            .iter()
            .filter(|input| **input == Source::Stdin)
            .count()
            > 1
        {
            return Err(CliError::StdinTwice);
        }
        self.generated.check()?;
        inputs.push(Source::from(self.cpu.as_str()));
        inputs.extend(self.comparisons.inputs());
        let text = outputs::check(self.outputs(), &inputs)?;
        let mut config = self.machine.config();
        let mut variants = self.comparisons.variants(&self.cpu, config)?;
        let compared = variants.iter_mut().flatten();
        let compared = compared.map(|variant| &mut variant.config);
        self.paging
            .equip(compared.chain([&mut config]), self.ram()?)?;
        if let (Some(file), Some(_)) = (self.paging.output(), &variants) {
            return Err(CliError::OneMachineOnly(file.option));
        }
        let preset = Preset::load(&self.cpu)?;
        if let Some(range) = self.generated.range() {
            self.check_range()?;
            let variants = variants.unwrap_or_else(|| vec![Variant { preset, config }]);
            let results = (&self.results, text);
            let generated = &self.generated;
            return self
                .curve
                .draw(range, generated, &variants, results, interrupt);
        }
        let runs = match variants {
            Some(_) => Runs::Compared,
            None => Runs::One(config),
        };
        self.curve.check_one_size(&runs)?;
        if self.traces.len() > 1 && self.save_trace.is_some() {
            return Err(CliError::SaveSeveral(self.traces.len()));
        }
        let opened = trace_input::open(&self.traces, self.format, &self.generated)?;
        let sources: Vec<_> = opened.iter().map(|(source, _)| source.clone()).collect();
        let schedule = self.machine.schedule();
        let baseline = self
            .comparisons
            .baseline(&preset, config, schedule, &sources)?;
        let progress = opened.iter().map(|(_, reader)| reader.progress());
        let mut watch = ProgressWatch::new(progress.collect(), interrupt.clone());
        let mut readers = Vec::new();
        for (_, reader) in opened {
            let path = self.save_trace.as_ref();
            readers.push(MaybeSaved::new(reader, path, interrupt)?);
        }
        let programs = sources.into_iter().zip(&mut readers);
        let programs = programs.map(|(source, reader)| Program {
            reader: reader.reader(),
            source,
        });
        let programs = programs.collect();
        if let Some(variants) = variants {
            let mut comparison = compare::compare(programs, schedule, &variants, &mut watch)?;
            comparison.keep_top(self.top);
            watch.clear();
            finish(readers, interrupt)?;
            self.results.write_json(&comparison)?;
            interrupt.files_are_written();
            self.print(text, |writer| write!(writer, "{comparison}"))?;
            return Ok(Outcome::Done);
        }
        let mut report = sim::run_programs(programs, schedule, &preset, config, &mut watch)?;
        report.keep_top(self.top);
        watch.clear();
        let verdict = self.comparisons.judge(baseline.as_ref(), &report)?;
        finish(readers, interrupt)?;
        self.curve.draw_run(&report)?;
        self.results.write_json(&report)?;
        interrupt.files_are_written();
        self.print(text, |writer| {
            write!(writer, "{report}")?;
            verdict
                .iter()
                .try_for_each(|verdict| write!(writer, "{verdict}"))
        })?;
        Ok(outcome(verdict.as_ref()))
    }

    fn outputs(&self) -> impl Iterator<Item = Output<'_>> {
        let saved = Output::of("--save-trace", self.save_trace.as_ref());
        let all = self.results.output().into_iter().chain(saved);
        all.chain(self.curve.outputs()).chain(self.paging.output())
    }

    fn ram(&self) -> Result<Ram, CliError> {
        match (self.machine.ram, self.comparisons.compares_ram()) {
            (None, false) => Ok(Ram::Default),
            (Some(_), false) => Ok(Ram::Said),
            (None, true) => Ok(Ram::Compared),
            (Some(_), true) => Err(CliError::TwoRams),
        }
    }

    /// Refuses what a range of sizes has no use for.
    fn check_range(&self) -> Result<(), CliError> {
        if self.save_trace.is_some() {
            return Err(CliError::OneSizeOnly("--save-trace"));
        }
        if self.comparisons.has_baseline() {
            return Err(CliError::OneSizeOnly("--baseline"));
        }
        if let Some(file) = self.paging.output() {
            return Err(CliError::OneSizeOnly(file.option));
        }
        Ok(())
    }

    fn print(
        &self,
        text: Text,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        match text {
            Text::Stdout => self.results.print(write),
            Text::Nowhere => Ok(()),
        }
    }
}

/// From here on Ctrl-C comes too late; what was saved appears.
fn finish(
    mut readers: Vec<MaybeSaved<ThreadedReader>>,
    interrupt: &Interrupt,
) -> Result<(), CliError> {
    let counts = readers.iter_mut();
    let records = counts.map(|reader| reader.reader().counts().records);
    let records = records.sum();
    let over = interrupt.run_is_over();
    over.map_err(|_| SimError::Interrupted { records })?;
    for reader in readers {
        reader.commit()?;
    }
    Ok(())
}
