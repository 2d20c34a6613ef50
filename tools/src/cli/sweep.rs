use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, Outcome, interrupt::Interrupt, progress::ProgressWatch, results::Results};
use crate::{
    byte_size::ByteSize,
    input::Source,
    output::{check_place, write_whole},
    pages::Pages,
    pattern::{Pattern, PatternError, PatternReader, Seed, Shape},
    preset::{self, Preset},
    sim::{
        SimError,
        sweep::{self, SweepConfig, Workload},
    },
};

/// Measure what a load costs as the working set grows
///
/// A pointer chase visits every line of the working set in one random cycle, each load
/// depending on the one before. One run for each power of two of bytes and each size of page;
/// laps that warm the caches up are not counted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside sweep --cpu sapphire-rapids --svg chase.svg
  lookaside sweep --cpu zen4 --to 64MiB --pages 4k,2m,1g --csv chase.csv")]
pub(super) struct Sweep {
    /// The processor: a preset (see `lookaside cpus`), or a TOML file of your own
    #[arg(long, value_name = "NAME|FILE.toml", default_value = preset::DEFAULT)]
    cpu: String,
    /// The smallest working set
    #[arg(long, value_name = "SIZE", default_value = "16KiB")]
    from: ByteSize,
    /// The largest working set
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    to: ByteSize,
    /// The bytes from one place to the next
    #[arg(long, value_name = "SIZE", default_value = "64")]
    stride: ByteSize,
    /// The sizes of pages
    #[arg(long, value_enum, value_delimiter = ',', default_value = "4k,2m")]
    pages: Vec<Pages>,
    /// How many accesses are counted at least for each point
    #[arg(long, value_name = "N", default_value = "1000000")]
    accesses: std::num::NonZeroU64,
    /// What the random numbers begin with
    #[arg(long, value_name = "N", default_value_t)]
    seed: Seed,
    /// The size of the machine's memory
    #[arg(long, value_name = "SIZE", default_value = "16GiB")]
    ram: ByteSize,
    /// Draw the curves into this file
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Write the points as comma-separated values to this file
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    results: Results,
}

impl Sweep {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        self.results.check(&[Source::from(self.cpu.as_str())])?;
        for path in self.svg.iter().chain(&self.csv) {
            check_place(path)?;
        }
        let preset = Preset::load(&self.cpu)?;
        let sizes = self.sizes();
        let mut first = None;
        for &size in &sizes {
            first = first.or(Some(self.pattern(size)?));
        }
        let first = first.ok_or(CliError::NoWorkingSet {
            from: self.from,
            to: self.to,
        })?;
        let source = PatternReader::new(&first, 1, self.seed).source().clone();
        let config = SweepConfig {
            preset: &preset,
            ram: self.ram,
            sizes: &sizes,
            pages: &self.pages,
        };
        let mut watch = ProgressWatch::new(Vec::new(), interrupt.clone());
        let workload = |size: ByteSize| self.workload(size);
        let swept = sweep::sweep(&config, &source, workload, &mut watch)?;
        watch.clear();
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records: 0 })?;
        if let Some(path) = &self.svg {
            let svg = swept.svg(&format!("Pointer chase, {}", preset.title))?;
            write_text(path, &svg)?;
        }
        if let Some(path) = &self.csv {
            let csv = swept.csv();
            write_text(path, &csv)?;
        }
        self.results.write_json(&swept)?;
        interrupt.files_are_written();
        self.results.print(|writer| write!(writer, "{swept}"))?;
        Ok(Outcome::Done)
    }

    /// The working sets, each twice the one before.
    fn sizes(&self) -> Vec<ByteSize> {
        let doubled = |size: &u64| size.checked_mul(2);
        let sizes = std::iter::successors(Some(self.from.0.max(1)), doubled);
        sizes
            .take_while(|&size| size <= self.to.0)
            .map(ByteSize)
            .collect()
    }

    fn pattern(&self, size: ByteSize) -> Result<Pattern, PatternError> {
        let stride = self.stride.0;
        Pattern::new(size, Shape::Chase { stride })
    }

    /// Two laps to warm up, then as many as are wanted.
    fn workload(&self, size: ByteSize) -> Result<Workload, SimError> {
        let pattern = self.pattern(size)?;
        let lap = (size.0 / self.stride.0).max(1);
        let warm_up = 2 * lap;
        let counted = self.accesses.get().div_ceil(lap) * lap;
        let reader = PatternReader::new(&pattern, warm_up + counted, self.seed);
        Ok(Workload {
            reader: Box::new(reader),
            warm_up,
        })
    }
}

fn write_text(path: &Path, text: &str) -> Result<(), CliError> {
    Ok(write_whole(path, |writer| {
        writer.write_all(text.as_bytes())
    })?)
}
