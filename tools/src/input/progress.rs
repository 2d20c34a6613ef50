use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much of an input has been read, in bytes of the file itself (compressed ones, if it
/// is compressed); of a generated trace, in records. Clones watch the same input, from any thread.
#[derive(Clone, Debug)]
pub struct Progress {
    consumed: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    pub(crate) fn new(total: Option<u64>) -> Self {
        Self {
            consumed: Arc::default(),
            total,
        }
    }

    /// So much more has been read.
    pub(crate) fn advance(&self, by: u64) {
        self.consumed.fetch_add(by, Ordering::Relaxed);
    }

    /// The bytes read so far.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// The bytes there are, where that is known: not for a pipe.
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// A reader that keeps a [`Progress`] up to date.
pub(super) struct Counted<R> {
    inner: R,
    progress: Progress,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}
