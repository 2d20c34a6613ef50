//! What a result depends on.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::text::{excerpt, grouped};
use crate::{
    byte_size::ByteSize,
    input::Source,
    page_policy::{Description, PagePolicy},
    preset::Preset,
    sim::{MachineConfig, Paging, Pcids, Schedule, Waits},
};

/// Everything that a result depends on but the records of the traces: two runs are comparable
/// if all of this is the same, but for [`Setup::WHENCE`].
#[derive(Clone, Debug, Serialize)]
pub(in crate::sim) struct Setup {
    pub(in crate::sim) cpu: String,
    cpu_file: Option<String>,
    extends: Option<String>,
    /// What the file of the processor says otherwise than the preset that it extends.
    overrides: BTreeMap<String, String>,
    /// The CRC-32 of all the processor's values.
    cpu_checksum: String,
    pub(in crate::sim) title: String,
    /// How many of the preset's numbers are known how well.
    numbers: Numbers,
    pub(in crate::sim) pages: PagePolicy,
    pub(super) ram_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_file: Option<PageFile>,
    processors: u32,
    pcids: Pcids,
    /// How many accesses a processor has under way.
    window: u32,
    paging: Paging,
    /// After how many records a processor goes on with its next trace; none if each has one
    /// trace at most.
    quantum: Option<u64>,
    /// What a processor does while one of its traces waits for a disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
    programs: Vec<Program>,
}

#[derive(Clone, Debug, Serialize)]
struct Numbers {
    measured: u32,
    manual: u32,
    assumed: u32,
}

/// A page file, its disk, and how long a cycle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct PageFile {
    minimum_bytes: u64,
    maximum_bytes: u64,
    read_latency_ns: u64,
    write_latency_ns: u64,
    read_mb_per_s: u64,
    write_mb_per_s: u64,
    core_mhz: u64,
}

impl From<crate::sim::PageFile> for PageFile {
    fn from(crate::sim::PageFile { size, disk, .. }: crate::sim::PageFile) -> Self {
        Self {
            minimum_bytes: size.minimum,
            maximum_bytes: size.maximum,
            read_latency_ns: disk.read_latency_ns,
            write_latency_ns: disk.write_latency_ns,
            read_mb_per_s: disk.read_mb_per_s.get(),
            write_mb_per_s: disk.write_mb_per_s.get(),
            core_mhz: disk.core_mhz,
        }
    }
}

/// A trace, and where it runs.
#[derive(Clone, Debug, Serialize)]
struct Program {
    trace: String,
    pattern: Option<Pattern>,
    process: usize,
    processor: usize,
}

/// How a trace was made, if it was.
#[derive(Clone, Debug, Serialize)]
struct Pattern {
    text: String,
    accesses: u64,
    seed: u64,
}

impl Setup {
    /// Where things were found, which says nothing of what they are.
    pub(in crate::sim) const WHENCE: [&str; 2] = ["cpu_file", "trace"];

    pub(in crate::sim) fn new<'s>(
        preset: &Preset,
        config: MachineConfig,
        schedule: Schedule,
        sources: impl IntoIterator<Item = &'s Source>,
    ) -> Self {
        let processors = config.processors.get();
        let program = |(number, source): (usize, &Source)| Program {
            trace: source.to_string(),
            pattern: Pattern::of(source),
            process: schedule.process(number),
            processor: schedule.processor(number, processors as usize),
        };
        let programs: Vec<_> = sources.into_iter().enumerate().map(program).collect();
        let traces = programs.len();
        let take_turns = traces > processors as usize;
        let (identity, known) = (&preset.identity, preset.assumptions);
        Self {
            cpu: preset.name.clone(),
            cpu_file: identity.file.clone(),
            extends: identity.extends.clone(),
            overrides: match identity.file {
                Some(_) => identity.overrides.clone(),
                None => BTreeMap::new(),
            },
            cpu_checksum: format!("{:08x}", identity.checksum),
            title: preset.title.clone(),
            numbers: Numbers {
                measured: known.measured,
                manual: known.manual,
                assumed: known.assumed,
            },
            pages: config.pages,
            ram_bytes: config.ram.0,
            page_file: config.page_file.map(PageFile::from),
            processors,
            pcids: config.pcids,
            window: config.window.get(),
            paging: config.paging,
            quantum: take_turns.then(|| schedule.quantum.get()),
            waits: (traces > 1 && config.page_file.is_some()).then_some(schedule.waits),
            programs,
        }
    }

    /// The frequency of the processors, if anything depends on it.
    pub(super) fn core_mhz(&self) -> Option<u64> {
        self.page_file.as_ref().map(|file| file.core_mhz)
    }

    /// The process and the processor of each trace.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let programs = self.programs.iter();
        programs.map(|program| (program.process, program.processor))
    }

    fn overridden(&self) -> Option<String> {
        let base = self.extends.as_ref().filter(|_| self.cpu_file.is_some())?;
        let values: Vec<_> = self.overrides.iter().collect();
        let shown = values
            .iter()
            .take(SHOWN)
            .map(|(place, value)| format!("{place} = {value}"));
        let mut shown: Vec<_> = shown.collect();
        match values.len() {
            0 => return Some(format!("as {base}")),
            1..=SHOWN => {}
            all => shown.push(format!("{} more", all - SHOWN)),
        }
        Some(format!("{base} but for {}", shown.join(", ")))
    }
}

impl Pattern {
    fn of(source: &Source) -> Option<Self> {
        let Source::Generated {
            pattern,
            accesses,
            seed,
        } = source
        else {
            return None;
        };
        Some(Self {
            text: pattern.clone(),
            accesses: *accesses,
            seed: *seed,
        })
    }
}

/// How many values that a file changes are shown in its place; JSON has all.
const SHOWN: usize = 3;

/// How many columns are left to a text behind its heading.
const HEAD: usize = 68;

/// The head of a report, behind the traces.
impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = format!("{}: {}", self.cpu, self.title);
        writeln!(f, "Processor  {}", excerpt(&cpu, HEAD))?;
        for line in self.about_the_cpu() {
            writeln!(f, "           {}", excerpt(&line, HEAD))?;
        }
        self.write_machine(f)?;
        self.write_memory(f)?;
        self.write_disk(f)?;
        let pages = Description(self.pages);
        match self.paging {
            Paging::FourLevel => writeln!(f, "Pages      {pages}"),
            Paging::FiveLevel => writeln!(f, "Pages      {pages}, 5-level paging"),
        }
    }
}

impl Setup {
    /// Where its numbers come from.
    fn about_the_cpu(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(file) = &self.cpu_file {
            lines.push(format!("of {file}, checksum {}", self.cpu_checksum));
        }
        lines.extend(self.overridden());
        let Numbers {
            measured,
            manual,
            assumed,
        } = self.numbers;
        lines.push(format!(
            "by {measured} measured numbers, {manual} from manuals, {assumed} assumed"
        ));
        lines
    }

    /// What machines that are compared have in common.
    fn write_machine(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (processors, window) = (self.processors, self.window);
        let plural = if processors == 1 { "" } else { "s" };
        let pcids = match self.pcids {
            Pcids::On => "on",
            Pcids::Off => "off",
        };
        writeln!(
            f,
            "Machine    {processors} processor{plural}, window {window}, PCIDs {pcids}"
        )?;
        if let Some(quantum) = self.quantum {
            let waits = match self.waits {
                None => "",
                Some(Waits::GiveWay) => "; who waits for a disk gives way",
                Some(Waits::Stay) => "; a processor waits for disks",
            };
            writeln!(f, "Quantum    {} records{waits}", grouped(quantum))?;
        }
        Ok(())
    }

    fn write_memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory     {}", ByteSize(self.ram_bytes))?;
        let Some(file) = &self.page_file else {
            return writeln!(f);
        };
        let (minimum, maximum) = (ByteSize(file.minimum_bytes), ByteSize(file.maximum_bytes));
        writeln!(f, ", and a page file of {minimum} to {maximum}")
    }

    fn write_disk(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(file) = &self.page_file else {
            return Ok(());
        };
        let micros = |nanos| nanos as f64 / 1000.0;
        let (read, write) = (micros(file.read_latency_ns), micros(file.write_latency_ns));
        writeln!(
            f,
            "Disk       reads in {read} us and at {} MB/s, writes in {write} us and at {} MB/s",
            file.read_mb_per_s, file.write_mb_per_s
        )?;
        writeln!(f, "           for processors of {} MHz", file.core_mhz)
    }
}

/// What machines that are compared have in common, and then each by its name.
pub(in crate::sim) fn write_machines<'s>(
    f: &mut fmt::Formatter<'_>,
    names: &[String],
    setups: impl Iterator<Item = &'s Setup> + Clone,
) -> fmt::Result {
    let is_like = |one: &Setup, other: &Setup| {
        (one.ram_bytes, &one.page_file) == (other.ram_bytes, &other.page_file)
    };
    let have_one_memory = setups
        .clone()
        .zip(setups.clone().skip(1))
        .all(|(one, next)| is_like(one, next));
    for (place, (name, setup)) in names.iter().zip(setups).enumerate() {
        if place == 0 {
            setup.write_machine(f)?;
            if have_one_memory {
                setup.write_memory(f)?;
            }
            setup.write_disk(f)?;
            writeln!(f)?;
        }
        let heading = if place == 0 { "Machines" } else { "" };
        writeln!(
            f,
            "{heading:<8} {:>2}  {}",
            place + 1,
            excerpt(name, HEAD - 3)
        )?;
        for line in setup.about_the_cpu() {
            writeln!(f, "             {}", excerpt(&line, HEAD - 2))?;
        }
    }
    Ok(())
}
