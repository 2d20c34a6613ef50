use std::{
    ffi::{OsStr, OsString},
    io::{self, PipeReader},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    cli::{CliError, interrupt::Interrupt},
    input::{Input, Source},
};

/// How often it is looked whether valgrind has ended, or is to end.
const PERIOD: Duration = Duration::from_millis(20);

/// A program under valgrind, and a thread that waits for its end and sees to it on Ctrl-C.
pub(super) struct Valgrind {
    waiter: JoinHandle<io::Result<ExitStatus>>,
    stop: Arc<AtomicBool>,
}

impl Valgrind {
    /// Starts the program, and gives its trace too.
    pub(super) fn start(
        program: &OsStr,
        arguments: &[OsString],
        interrupt: &Interrupt,
    ) -> Result<(Self, Input), CliError> {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=lackey", "--trace-mem=yes"]);
        // What a forked child prints would come in between.
        command.args(["--trace-children=no", "--child-silent-after-fork=yes"]);
        let (child, trace) = spawn(&mut command, program, arguments)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, interrupt) = (Arc::clone(&stop), interrupt.clone());
        let waiter = thread::Builder::new().spawn(move || {
            let is_to_end = || stopped.load(Ordering::Relaxed) || interrupt.is_raised();
            wait(child, is_to_end)
        });
        let waiter = waiter.map_err(CliError::Valgrind)?;
        // The first bytes, which this waits for, come when the program starts.
        let trace = Input::new(Source::Embedded("what valgrind prints"), trace)?;
        Ok((Self { waiter, stop }, trace))
    }

    /// Ends it, for nobody reads what it prints.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for its end.
    pub(super) fn wait(self) -> Result<ExitStatus, CliError> {
        match self.waiter.join() {
            Ok(status) => status.map_err(CliError::Valgrind),
            Err(panicked) => std::panic::resume_unwind(panicked),
        }
    }
}

fn wait(mut child: Child, is_to_end: impl Fn() -> bool) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if is_to_end() {
            child.kill()?;
            return child.wait();
        }
        thread::sleep(PERIOD);
    }
}

/// Starts valgrind with a pipe of its own for the trace, so that the program's output stays
/// what it is.
#[cfg(unix)]
fn spawn(
    command: &mut Command,
    program: &OsStr,
    arguments: &[OsString],
) -> Result<(Child, PipeReader), CliError> {
    use std::os::fd::AsRawFd;

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};

    let (trace, pipe) = io::pipe().map_err(CliError::Valgrind)?;
    let inherited = fcntl(&pipe, FcntlArg::F_SETFD(FdFlag::empty()));
    inherited.map_err(|error| CliError::Valgrind(error.into()))?;
    command.arg(format!("--log-fd={}", pipe.as_raw_fd()));
    command.arg("--").arg(program).args(arguments);
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CliError::NoValgrind,
        _ => CliError::Valgrind(error),
    })?;
    Ok((child, trace))
}

/// There is no valgrind here.
#[cfg(not(unix))]
fn spawn(_: &mut Command, _: &OsStr, _: &[OsString]) -> Result<(Child, PipeReader), CliError> {
    Err(CliError::NoValgrind)
}
