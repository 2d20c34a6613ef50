use std::path::PathBuf;

use clap::Args;

use super::{
    CliError, Outcome, interrupt::Interrupt, progress::ProgressWatch, results::Results,
};
use crate::{
    byte_size::ByteSize,
    input::Source,
    output::{check_place, write_whole},
    pages::Pages,
    pattern::{Pattern, PatternReader, Seed, Shape},
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
        let patterns = sizes.iter().map(|&size| self.pattern(size));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        let [first, ..] = &*patterns else {
            return Err(CliError::NoWorkingSet {
                from: self.from,
                to: self.to,
            });
        };
        let source = PatternReader::new(first, 1, self.seed).source().clone();
        let config = SweepConfig {
            preset: &preset,
            ram: self.ram,
            sizes: &sizes,
            pages: &self.pages,
        };
        let mut watch = ProgressWatch::new(Vec::new(), interrupt.clone());
        let workload = |size: ByteSize| Ok(self.workload(size, &patterns));
        let swept = sweep::sweep(&config, &source, workload, &mut watch)?;
        watch.clear();
        let over = interrupt.run_is_over();
        over.map_err(|_| SimError::Interrupted { records: 0 })?;
        if let Some(path) = &self.svg {
            let svg = swept.svg(&format!("Pointer chase, {}", preset.title))?;
            write_whole(path, |mut writer| std::io::Write::write_all(&mut writer, svg.as_bytes()))?;
        }
        if let Some(path) = &self.csv {
            let csv = swept.csv();
            write_whole(path, |mut writer| std::io::Write::write_all(&mut writer, csv.as_bytes()))?;
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

    fn pattern(&self, size: ByteSize) -> Result<Pattern, CliError> {
        let stride = self.stride;
        Ok(Pattern::new(size, Shape::Chase { stride })?)
    }

    /// Two laps to warm up, then laps enough.
    fn workload(&self, size: ByteSize, patterns: &[Pattern]) -> Workload {
        let lap = size.0 / self.stride.0;
        let warm_up = 2 * lap;
        let counted = self.accesses.get().div_ceil(lap) * lap;
        let pattern = patterns.iter().find(|pattern| pattern.size() == size);
        let reader = pattern.map(|pattern| PatternReader::new(pattern, warm_up + counted, self.seed));
        let reader: Box<dyn crate::trace::TraceReader> = match reader {
            Some(reader) => Box::new(reader),
            None => unreachable!("every size has its pattern"),
        };
        Workload { reader, warm_up }
    }
}
