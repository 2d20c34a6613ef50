use std::ffi::OsString;

use clap::Args;
use serde::Serialize;

use super::{CliError, Outcome, interrupt::Interrupt, progress::ProgressWatch, results::Results};
use crate::{
    conform::{Mode, Verdict, counts_line, file_line, replay_trace},
    golden::{self, GoldenFile, transcript::Between},
    image::MemoryImage,
    input::{self, Input, InputError, Source},
    sim::Watch,
    trace::mmut::{MAGIC, MmutReader},
};

/// Replay recorded accesses and compare every translation with the truth
///
/// What a file holds is seen from its content. A trace with physical addresses (MMUTRC01) is
/// replayed in the memory that the recorded machine started with; its stores to page tables
/// are made there as they come. Files of MMU vectors and of TLB sequences need nothing beside
/// them: they say what is in memory. Transcripts of the virtual-memory API of Windows (vmgold)
/// are repeated, call by call, by the memory manager.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside conform 64bit-4level.txt.xz tlbseq-64bit.txt.xz
  lookaside conform seed00-private.gold.xz
  lookaside conform seed00-private.gold.xz --page-out
  lookaside conform trace.mmut.zst --memory start.raw.zst --mode 4-level")]
pub(super) struct Conform {
    /// Golden data; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<OsString>,
    /// The memory that traces start with: an image
    #[arg(long, value_name = "START-IMAGE")]
    memory: Option<OsString>,
    /// The paging mode of the machine that was traced
    #[arg(long, value_enum, default_value_t = Mode::FourLevel)]
    mode: Mode,
    /// Take all pages of a transcript's process out of memory before each call: every result has
    /// to stay the same
    #[arg(long)]
    page_out: bool,
    #[command(flatten)]
    results: Results,
}

impl Conform {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let files = self.files.iter().cloned().map(Source::from);
        let mut inputs: Vec<_> = files.collect();
        inputs.extend(self.memory.clone().map(Source::from));
        // The memory is read anew for each file.
        let reads_memory_again =
            self.files.len() > 1 && self.memory.as_deref() == Some("-".as_ref());
        let stdins = inputs.iter().filter(|input| **input == Source::Stdin);
        if stdins.count() > 1 || reads_memory_again {
            return Err(CliError::StdinTwice);
        }
        self.results.check(&inputs)?;
        let mut verdicts = Vec::new();
        for file in &self.files {
            let source = Source::from(file.clone());
            let verdict = self.check(&source, interrupt)?;
            self.results.print(|writer| {
                writeln!(writer, "{}", file_line(&source, &verdict))?;
                let mut mismatches = verdict.mismatches.iter();
                mismatches.try_for_each(|mismatch| writeln!(writer, "  {mismatch}"))
            })?;
            verdicts.push((source, verdict));
        }
        interrupt.run_is_over().map_err(|_| CliError::Interrupted)?;
        let result = ConformResult::new(&verdicts);
        self.results.write_json(&result)?;
        interrupt.files_are_written();
        self.results.print(|writer| {
            let ConformResult {
                passed,
                failed,
                soft,
                ..
            } = result;
            writeln!(writer, "{}", counts_line(passed, failed, soft))
        })?;
        if result.failed == 0 && result.passed > 0 {
            Ok(Outcome::Done)
        } else {
            Ok(Outcome::CheckFailed)
        }
    }

    fn check(&self, source: &Source, interrupt: &Interrupt) -> Result<Verdict<String>, CliError> {
        let mut input = input::open(source)?;
        if is_golden(&mut input)? {
            let between = if self.page_out {
                Between::PageOut
            } else {
                Between::Nothing
            };
            let file = GoldenFile::new(input)?.between_calls(between);
            let mut watch = ProgressWatch::new(vec![file.progress()], interrupt.clone());
            let verdict = file.check(|lines| {
                watch.records_done(lines);
                !watch.is_interrupted()
            })?;
            return Ok(verdict
                .ok_or(CliError::Interrupted)?
                .map(|mismatch| mismatch.to_string()));
        }
        if input.peek(MAGIC.len())? != MAGIC {
            return Err(CliError::UnknownGolden(source.clone()));
        }
        self.replay(source, input, interrupt)
    }

    fn replay(
        &self,
        source: &Source,
        input: Input,
        interrupt: &Interrupt,
    ) -> Result<Verdict<String>, CliError> {
        let memory = self
            .memory
            .clone()
            .ok_or_else(|| CliError::MissingMemory(source.clone()))?;
        let memory = MemoryImage::load(input::open(&Source::from(memory))?)?;
        let mut reader = MmutReader::new(input)?;
        let mut watch = ProgressWatch::new(vec![reader.progress()], interrupt.clone());
        let verdict = replay_trace(&mut reader, &memory.ram, self.mode, |records| {
            watch.records_done(records);
            !watch.is_interrupted()
        })?;
        Ok(verdict
            .ok_or(CliError::Interrupted)?
            .map(|mismatch| mismatch.to_string()))
    }
}

fn is_golden(input: &mut Input) -> Result<bool, InputError> {
    for magic in golden::MAGICS {
        if input.peek(magic.len())? == magic {
            return Ok(true);
        }
    }
    Ok(false)
}

#[derive(Serialize)]
struct ConformResult {
    files: Vec<FileResult>,
    passed: u64,
    failed: u64,
    soft: u64,
}

#[derive(Serialize)]
struct FileResult {
    file: String,
    passed: u64,
    failed: u64,
    soft: u64,
    mismatches: Vec<String>,
}

impl ConformResult {
    fn new(verdicts: &[(Source, Verdict<String>)]) -> Self {
        let files = verdicts.iter().map(|(source, verdict)| FileResult {
            file: source.to_string(),
            passed: verdict.passed,
            failed: verdict.failed,
            soft: verdict.soft,
            mismatches: verdict.mismatches.clone(),
        });
        Self {
            files: files.collect(),
            passed: verdicts.iter().map(|(_, verdict)| verdict.passed).sum(),
            failed: verdicts.iter().map(|(_, verdict)| verdict.failed).sum(),
            soft: verdicts.iter().map(|(_, verdict)| verdict.soft).sum(),
        }
    }
}
