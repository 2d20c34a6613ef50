use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, Write},
};

use clap::Args;

use super::{
    CliError, Outcome,
    interrupt::Interrupt,
    outputs::{self, Text},
    results::Results,
};
use crate::{
    byte_size::ByteSize,
    input::{self, Source},
    vm::{self, Failure, RunOptions, Setting},
};

/// Run a script of calls to the memory manager
///
/// Processes allocate, protect, free and share memory by the calls of Windows, and touch it
/// through the emulated MMU. The script says what must come of it; if something else does, the
/// exit status is 1.
#[derive(Debug, Args)]
#[command(after_help = short_help(), after_long_help = long_help())]
pub(super) struct Vm {
    /// The script; - is standard input
    #[arg(value_name = "SCRIPT")]
    script: OsString,
    /// Values for names that the script gives a default
    #[arg(value_name = "NAME=VALUE")]
    settings: Vec<Setting>,
    /// The size of the machine's memory, whatever the script says; 1GiB if neither does
    #[arg(long, value_name = "SIZE")]
    ram: Option<ByteSize>,
    #[command(flatten)]
    results: Results,
}

impl Vm {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        let source = Source::from(self.script.clone());
        let sink = outputs::check(self.results.output(), std::slice::from_ref(&source))?;
        let text = read(&source)?;
        let script = vm::parse(&source.to_string(), &text)?;
        let unknown = |setting: &&Setting| script.defaults().all(|name| name != setting.name);
        if let Some(setting) = self.settings.iter().find(unknown) {
            return Err(CliError::UnknownSetting {
                name: setting.name.clone(),
                script: source,
            });
        }
        let mut names = HashSet::new();
        let twice = |setting: &&Setting| !names.insert(setting.name.clone());
        if let Some(setting) = self.settings.iter().find(twice) {
            return Err(CliError::SettingTwice(setting.name.clone()));
        }
        // Each line goes out at once, so that it is there however the run ends.
        let mut out: Box<dyn Write> = match sink {
            Text::Stdout => Box::new(io::stdout().lock()),
            Text::Nowhere => Box::new(io::sink()),
        };
        interrupt.would_leave(UNSAVED);
        let options = RunOptions {
            settings: &self.settings,
            ram_bytes: self.ram.map(|ByteSize(bytes)| bytes),
            is_over: &|| interrupt.is_heeded(),
        };
        let ran = vm::run(&script, &options, &mut out);
        let flushed = out.flush().map_err(CliError::Stdout);
        let pictures = ran.map_err(|failed| match failed.failure {
            Failure::Output(error) => CliError::Stdout(error),
            _ => CliError::Statement(failed),
        })?;
        flushed?;
        let over = interrupt.run_is_over();
        over.map_err(|_| CliError::InterruptedBehindScript)?;
        self.results.write_json(&pictures)?;
        interrupt.files_are_written();
        Ok(Outcome::Done)
    }
}

/// What a run may leave that cannot be ended in good order.
const UNSAVED: &str = "mapped files may lack what the script wrote to them";

/// What a script is, and how the run of one ends.
fn short_help() -> String {
    format!("{EXAMPLES}\n\n{}\n\n{EXIT_STATUS}", vm::language())
}

/// The same, and every name that there is.
fn long_help() -> String {
    let reference = vm::reference();
    format!(
        "{EXAMPLES}\n\n{}\n\n{reference}\n{EXIT_STATUS}",
        vm::language()
    )
}

const EXAMPLES: &str = "\
Examples:
  lookaside vm tools/scripts/write.vm
  lookaside vm tools/scripts/choice.vm state=MEM_RESERVE protection=PAGE_READONLY";

const EXIT_STATUS: &str = "\
Exit status: 0 everything came out as the script says, 1 something did not, or the run was
interrupted, 2 the script or the command line is wrong. What was printed is there in any case, so
is what was written to mapped files, unless a message says otherwise.";

/// The most bytes of a script.
const LONGEST: usize = 1 << 20;

fn read(source: &Source) -> Result<String, CliError> {
    let mut bytes = vec![0; LONGEST + 1];
    let length = input::open(source)?.read_full(&mut bytes)?;
    if length > LONGEST {
        return Err(CliError::ScriptTooLong(source.clone()));
    }
    bytes.truncate(length);
    match str::from_utf8(&bytes) {
        // Some editors begin a text with a mark of its byte order.
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).into()),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let last = before.rsplit('\n').next().unwrap_or_default();
            Err(CliError::ScriptNotText {
                script: source.clone(),
                line: before.matches('\n').count() + 1,
                column: last.chars().count() + 1,
            })
        }
    }
}
