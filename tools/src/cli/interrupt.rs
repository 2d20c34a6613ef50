use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

use super::message::tell;

/// How long a run may take to notice Ctrl-C by itself. It cannot while it waits for input.
const GRACE: Duration = Duration::from_millis(300);

const RUNNING: u8 = 0;
const INTERRUPTED: u8 = 1;
/// A file is being written: one Ctrl-C waits for that, so that nothing is left behind.
const WRITING: u8 = 2;
/// Only standard output is left.
const PRINTING: u8 = 3;

/// Ctrl-C, as a run sees it.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    /// Files that are not to outlive the process.
    unfinished: Mutex<Vec<PathBuf>>,
    /// What a run leaves that does not notice, unless it is nothing.
    leaves: OnceLock<&'static str>,
}

impl Interrupt {
    /// Takes Ctrl-C over from the system.
    pub(super) fn install() -> Self {
        static INSTALLED: OnceLock<Interrupt> = OnceLock::new();
        let install = || {
            let interrupt = Self(Arc::new(Shared {
                state: AtomicU8::new(RUNNING),
                unfinished: Mutex::default(),
                leaves: OnceLock::new(),
            }));
            let handler = interrupt.clone();
            // Where it cannot be taken over, the system ends the process at once, as ever.
            let _ = ctrlc::set_handler(move || handler.raise());
            interrupt
        };
        INSTALLED.get_or_init(install).clone()
    }

    /// Whether Ctrl-C was pressed.
    pub(super) fn is_raised(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == INTERRUPTED
    }

    /// As [`Interrupt::is_raised`]; if it was, the run has all the time it needs to end in good
    /// order.
    pub(super) fn is_heeded(&self) -> bool {
        self.advance(INTERRUPTED, WRITING)
    }

    /// What the run leaves from now on if Ctrl-C has to end it, in words.
    pub(super) fn would_leave(&self, what: &'static str) {
        let _ = self.0.leaves.set(what);
    }

    /// Ctrl-C is to remove this file, which has not got its place yet.
    pub(super) fn take_away(&self, temporary: &Path) {
        let mut unfinished = self.unfinished();
        unfinished.push(temporary.to_owned());
    }

    fn unfinished(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        let locked = self.0.unfinished.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    /// The run is over, and its results are about to be written.
    ///
    /// # Errors
    /// [`Interrupted`] if Ctrl-C came before.
    pub(super) fn run_is_over(&self) -> Result<(), Interrupted> {
        self.advance(RUNNING, WRITING)
            .then_some(())
            .ok_or(Interrupted)
    }

    /// Every file is written.
    pub(super) fn files_are_written(&self) {
        self.advance(WRITING, PRINTING);
    }

    fn advance(&self, from: u8, to: u8) -> bool {
        self.0
            .state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn raise(&self) {
        if self.advance(RUNNING, INTERRUPTED) {
            thread::sleep(GRACE);
            // The run waits for input, or does something that takes long.
            if self.is_raised() {
                let leaves = self.0.leaves.get().unwrap_or(&"nothing was written");
                self.exit(format_args!("error: interrupted; {leaves}"));
            }
        } else if !self.advance(WRITING, PRINTING) {
            self.exit(format_args!("error: interrupted"));
        }
    }

    fn exit(&self, message: fmt::Arguments<'_>) -> ! {
        for file in self.unfinished().iter() {
            // It may have its place by now, or be gone.
            let _ = fs::remove_file(file);
        }
        tell(message);
        process::exit(1);
    }
}

/// Ctrl-C came first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interrupted;
