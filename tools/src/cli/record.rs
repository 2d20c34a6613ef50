mod valgrind;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use clap::Args;

use super::{
    CliError, Outcome,
    interrupt::Interrupt,
    outputs::{self, Output},
    progress::ProgressWatch,
    saved_trace::create,
};
use crate::{
    input::{self, Source},
    sim::Watch,
    trace::{
        LackeyReader, SavingReader, ThreadedReader, TraceError, TraceFormat, TraceReader, open,
    },
};
use valgrind::Valgrind;

/// Record a program's memory accesses as a compact trace, or make one from another trace
///
/// The program runs under valgrind's lackey, some hundred times slower than by itself, with
/// its input, output and exit status its own. Processes that it starts are not recorded.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside record -- ls -l
  lookaside record -o sort.lkt -- sort -n numbers.txt
  lookaside record -o ls.lkt --from ls.lackey.zst

Exit status: that of the program (128 and the signal's number, if one ended it); 1 or 2 if it
cannot be recorded.")]
pub(super) struct Record {
    /// The trace to write; without it, PROGRAM.lkt in this directory
    #[arg(
        short,
        long,
        value_name = "FILE.lkt",
        required_unless_present = "program"
    )]
    output: Option<PathBuf>,
    /// Read an existing trace instead of running a program; - is standard input
    #[arg(long, value_name = "TRACE", conflicts_with = "program")]
    from: Option<OsString>,
    /// The format of the existing trace: auto, lackey or compact
    #[arg(long, default_value_t = TraceFormat::Auto, requires = "from")]
    format: TraceFormat,
    /// The program, and its arguments
    #[arg(last = true, value_name = "PROGRAM", required_unless_present = "from")]
    program: Vec<OsString>,
}

impl Record {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        match (&self.from, self.program.split_first()) {
            (Some(from), _) => self.convert(from, interrupt),
            (None, Some((program, arguments))) => self.record(program, arguments, interrupt),
            // The command line has one or the other.
            (None, None) => Ok(Outcome::Done),
        }
    }

    fn output(&self, program: &Path) -> PathBuf {
        let name = || {
            let mut name = program
                .file_name()
                .unwrap_or(program.as_os_str())
                .to_owned();
            name.push(".lkt");
            name.into()
        };
        self.output.clone().unwrap_or_else(name)
    }

    fn convert(&self, from: &OsString, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let source = Source::from(from.clone());
        let output = self.output(Path::new("trace"));
        check(&output, std::slice::from_ref(&source))?;
        let reader = ThreadedReader::new(open(input::open(&source)?, self.format)?)?;
        let mut reader = SavingReader::new(reader, create(&output, interrupt)?)?;
        let mut watch = ProgressWatch::new(vec![reader.progress()], interrupt.clone());
        drain(&mut reader, &mut watch)?;
        watch.clear();
        commit(reader, interrupt)?;
        Ok(Outcome::Done)
    }

    fn record(
        &self,
        program: &OsString,
        arguments: &[OsString],
        interrupt: &Interrupt,
    ) -> Result<Outcome, CliError> {
        let output = self.output(Path::new(program));
        if is_an_output_stream(&output) {
            return Err(CliError::RecordToOutput { path: output });
        }
        check(&output, &[])?;
        let file = create(&output, interrupt)?;
        let (valgrind, trace) = Valgrind::start(program, arguments, interrupt)?;
        let reader = ThreadedReader::new(LackeyReader::new(trace))?;
        let mut reader = SavingReader::new(reader, file)?;
        let mut watch = Quiet(interrupt.clone());
        let drained = drain(&mut reader, &mut watch);
        if drained.is_err() {
            valgrind.stop();
        }
        let status = valgrind.wait()?;
        if interrupt.is_raised() {
            return Err(CliError::Interrupted);
        }
        match drained {
            Err(CliError::Trace(TraceError::Empty { .. })) => {
                let program = Path::new(program).display().to_string();
                return Err(CliError::NothingRecorded { program, status });
            }
            other => other?,
        }
        commit(reader, interrupt)?;
        Ok(outcome(status))
    }
}

/// Whether the output is one of the streams that the program has too.
fn is_an_output_stream(output: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/stderr"]
        .iter()
        .any(|stream| output == Path::new(stream))
}

fn check(path: &Path, inputs: &[Source]) -> Result<(), CliError> {
    let option = "--output";
    outputs::check([Output { option, path }], inputs).map(|_| ())
}

/// Reads all there is; the reader saves it.
fn drain(reader: &mut impl TraceReader, watch: &mut dyn Watch) -> Result<(), CliError> {
    let mut batch = Vec::new();
    while reader.next_batch(&mut batch)? > 0 {
        watch.records_done(reader.counts().records);
        if watch.is_interrupted() {
            return Err(CliError::Interrupted);
        }
    }
    Ok(())
}

/// Lets the trace appear, unless Ctrl-C came first.
fn commit<R: TraceReader>(reader: SavingReader<R>, interrupt: &Interrupt) -> Result<(), CliError> {
    interrupt.run_is_over().map_err(|_| CliError::Interrupted)?;
    reader.commit()?;
    interrupt.files_are_written();
    Ok(())
}

/// The program's exit status, as a shell would have it.
fn outcome(status: ExitStatus) -> Outcome {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or(signal.map(|signal| 128 + signal));
    match code.map(u8::try_from) {
        Some(Ok(0)) => Outcome::Done,
        Some(Ok(code)) => Outcome::Exited(code),
        _ => Outcome::CheckFailed,
    }
}

/// The terminal is the program's.
struct Quiet(Interrupt);

impl Watch for Quiet {
    fn records_done(&mut self, _: u64) {}

    fn is_interrupted(&self) -> bool {
        self.0.is_raised()
    }
}
