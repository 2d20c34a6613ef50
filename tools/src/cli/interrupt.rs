use std::{
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

/// How long a run may take to notice Ctrl-C by itself. It cannot while it waits for input.
const GRACE: Duration = Duration::from_millis(300);

const RUNNING: u8 = 0;
const INTERRUPTED: u8 = 1;
const FINISHING: u8 = 2;

/// Ctrl-C, as a run sees it.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// Takes Ctrl-C over from the system.
    pub(super) fn install() -> Self {
        static INSTALLED: OnceLock<Interrupt> = OnceLock::new();
        let install = || {
            let interrupt = Self(Arc::new(AtomicU8::new(RUNNING)));
            let handler = interrupt.clone();
            // Where it cannot be taken over, the system ends the process at once, as ever.
            let _ = ctrlc::set_handler(move || handler.raise());
            interrupt
        };
        INSTALLED.get_or_init(install).clone()
    }

    /// Whether Ctrl-C was pressed.
    pub(super) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed) == INTERRUPTED
    }

    /// The run is over, and only its results are still to be written: that is not
    /// interrupted any more. Says whether it comes before Ctrl-C.
    pub(super) fn finish(&self) -> bool {
        let exchanged =
            self.0
                .compare_exchange(RUNNING, FINISHING, Ordering::AcqRel, Ordering::Acquire);
        exchanged.is_ok()
    }

    fn raise(&self) {
        let exchanged =
            self.0
                .compare_exchange(RUNNING, INTERRUPTED, Ordering::AcqRel, Ordering::Acquire);
        if exchanged.is_ok() {
            thread::sleep(GRACE);
            // Still here: the run waits for input. It has nothing open for writing.
            eprintln!("error: interrupted while waiting for input; nothing was written");
            process::exit(1);
        }
    }
}
