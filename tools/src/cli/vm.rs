use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, BufWriter, Write},
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
    vm::{self, Failure, Setting},
};

/// Run a script of calls to the memory manager
///
/// Processes allocate, protect, free and share memory by the calls of Windows, and touch it
/// through the emulated MMU. The script says what must come of it; if something else does, the
/// exit status is 1.
#[derive(Debug, Args)]
#[command(after_help = LANGUAGE, after_long_help = long_help())]
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
        let ram = self.ram.map(|ByteSize(bytes)| bytes);
        let out: Box<dyn Write> = match sink {
            Text::Stdout => Box::new(io::stdout().lock()),
            Text::Nowhere => Box::new(io::sink()),
        };
        let mut printed = BufWriter::new(out);
        let ran = vm::run(&script, &self.settings, ram, &mut printed);
        let flushed = printed.flush().map_err(CliError::Stdout);
        let pictures = ran.map_err(|failed| match failed.failure {
            Failure::Output(error) => CliError::Stdout(error),
            _ => CliError::Statement(failed),
        })?;
        flushed?;
        interrupt.run_is_over().map_err(|_| CliError::Interrupted)?;
        self.results.write_json(&pictures)?;
        interrupt.files_are_written();
        Ok(Outcome::Done)
    }
}

/// The language of scripts.
const LANGUAGE: &str = "\
Examples:
  lookaside vm tools/scripts/write.vm
  lookaside vm tools/scripts/choice.vm state=MEM_RESERVE protection=PAGE_READONLY

A script is a statement a line; # begins a comment. What the machine is stands first:
  ram 64MiB                         its memory, else 1GiB
  processors 4                      else one
  dep OptOut                        its policy of execution prevention: AlwaysOff, AlwaysOn,
                                    OptIn (if nothing is said) or OptOut

Then processes and threads act:
  process NAME                      a new process, which does what follows; `process NAME 2GiB`,
                                    3GiB or 4GiB is one of 32 bits
  thread NAME RESERVE COMMIT        a new thread of it, which does what follows, with so much
                                    stack (1MiB and 4KiB, if nothing is said); its name is the
                                    address of its TEB
  in NAME                           go on in another process or thread
  on 2                              run on this processor from now on; the first one is 0
  tick 10                           let 10 seconds pass for the system: pages grow older, and
                                    are trimmed if memory is short
  grant SeLockMemoryPrivilege       let the process have large and physical pages
  default X = VALUE                 a name that the command line may set
  X = VALUE                         a number, a constant such as PAGE_READWRITE, a question
                                    such as state(X), and these with | & + - between them, which
                                    are done from the left to the right
  X = VirtualAlloc(NULL, 8, MEM_COMMIT, PAGE_READWRITE)
                                    a call and its result; --help lists all calls
  VirtualFree(X, 1, MEM_RELEASE) fails 87
                                    how it must fail: with a Win32 error, or a status such as
                                    STATUS_NO_MEMORY
  write X \"text\"                    or u8, u16, u32, u64 and a number; in a text, \\n, \\t, \\0,
                                    \\\" and \\\\ are a line end, a tab, a zero, a quote and a
                                    backslash
  read X u32, execute X             these may be followed by `fails STATUS_ACCESS_VIOLATION`
  touch X 64KiB                     so may this; it reads a byte of each page
  expect u8(X) == 0x31              or !=, <, <=, > and >=; also u16, u32, u64, state, protection,
                                    type, base, size, allocation_base, allocation_protection
  expect counter(faults) < 9        what the machine counts; --help lists all counters
  print \"it says \", text(X, 4)      also state_name(..), protection_name(..), page_name(..), and
                                    numbers
  map                               the picture of the process's memory";

/// The language, and the calls.
fn long_help() -> String {
    format!(
        "{LANGUAGE}\n\nThe counters:\n{}\nThe calls, what they give, and an example of each:\n{}",
        vm::counters(),
        vm::help()
    )
}

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
