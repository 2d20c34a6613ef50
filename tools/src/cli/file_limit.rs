//! The limit that a shell can set to the size of files.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

static WAS_MET: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Lets a write beyond the limit fail as others do. If nobody did, the system would end the process
/// there without a word, by SIGXFSZ.
pub(super) fn fail_at_it() {
    WAS_MET.get_or_init(|| {
        let was_met = Arc::default();
        #[cfg(unix)]
        {
            let flag = Arc::clone(&was_met);
            // Where it cannot be taken over, all is as ever.
            let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag);
        }
        was_met
    });
}

/// Whether a file was to be larger than that.
pub(super) fn was_met() -> bool {
    WAS_MET
        .get()
        .is_some_and(|was_met| was_met.load(Ordering::Relaxed))
}
