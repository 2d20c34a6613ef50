use std::{
    fmt, mem, panic,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use super::{BATCH_RECORDS, Counts, Record, TraceError, TraceReader};
use crate::input::Progress;

/// How many batches are read ahead.
const AHEAD: usize = 4;

/// Reads a trace in a thread of its own, a few batches ahead: it is decompressed and parsed
/// on one core, while another simulates what came before.
///
/// The batches go round: none is allocated once all are there. Dropping the reader ends the
/// thread with its next batch, and does not wait for it, which may wait for a pipe.
pub struct ThreadedReader {
    full: Receiver<Read>,
    empty: SyncSender<Vec<Record>>,
    thread: Option<JoinHandle<()>>,
    counts: Counts,
    progress: Progress,
}

/// What one read of the trace gave.
struct Read {
    /// The records, none at the end, or the error.
    batch: Result<Vec<Record>, TraceError>,
    /// How far the reader had come by then.
    counts: Counts,
}

impl ThreadedReader {
    /// Starts to read.
    ///
    /// # Errors
    /// [`TraceError::NoThread`] if the system has no thread for it.
    pub fn new(reader: impl TraceReader + 'static) -> Result<Self, TraceError> {
        let (full_sender, full) = sync_channel(AHEAD);
        // And one for the batch that the caller has.
        let (empty, empty_receiver) = sync_channel(AHEAD + 1);
        for _ in 0..AHEAD {
            // There is room, and nobody has dropped the other end.
            let _ = empty.try_send(Vec::with_capacity(BATCH_RECORDS));
        }
        let progress = reader.progress();
        let thread = thread::Builder::new().name("trace".into());
        let thread = thread.spawn(move || read_all(reader, &full_sender, &empty_receiver));
        Ok(Self {
            full,
            empty,
            thread: Some(thread.map_err(TraceError::NoThread)?),
            counts: Counts::default(),
            progress,
        })
    }

    /// The thread has ended: passes on its panic, if that was why.
    fn thread_ended(&mut self) {
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panicked)) = ended {
            panic::resume_unwind(panicked);
        }
    }
}

/// Reads until the end, an error, or nobody wants more.
fn read_all(mut reader: impl TraceReader, full: &SyncSender<Read>, empty: &Receiver<Vec<Record>>) {
    while let Ok(mut batch) = empty.recv() {
        let read = reader.next_batch(&mut batch);
        let is_last = !matches!(read, Ok(1..));
        let read = Read {
            batch: read.map(|_| batch),
            counts: reader.counts(),
        };
        if full.send(read).is_err() || is_last {
            return;
        }
    }
}

impl TraceReader for ThreadedReader {
    fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
        batch.clear();
        let Ok(Read {
            batch: read,
            counts,
        }) = self.full.recv()
        else {
            self.thread_ended();
            return Ok(0);
        };
        self.counts = counts;
        let used = mem::replace(batch, read?);
        // At its end the thread takes no more.
        let _ = self.empty.try_send(used);
        Ok(batch.len())
    }

    /// Up to the batch that was returned last.
    fn counts(&self) -> Counts {
        self.counts
    }

    fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl fmt::Debug for ThreadedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadedReader")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Read as _, Write as _},
        sync::mpsc,
    };

    use super::*;
    use crate::{
        input::{Input, Source},
        trace::{LackeyReader, Records},
    };

    fn input(raw: impl io::Read + Send + 'static) -> Input {
        Input::new(Source::Embedded("test"), raw).unwrap()
    }

    fn lackey(text: String) -> LackeyReader {
        LackeyReader::new(input(io::Cursor::new(text)))
    }

    fn text(records: u32) -> String {
        let lines: Vec<_> = (0..records).map(|n| format!(" L {n:08x},8")).collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn the_records_and_counts_are_those_of_the_reader_inside() {
        let records = 10 * u32::try_from(BATCH_RECORDS).unwrap() + 7;
        let expected: Result<Vec<_>, _> = Records::new(lackey(text(records))).collect();
        let mut reader = ThreadedReader::new(lackey(text(records))).unwrap();
        let (mut all, mut batch) = (Vec::new(), Vec::new());
        while reader.next_batch(&mut batch).unwrap() > 0 {
            all.extend_from_slice(&batch);
            assert_eq!(reader.counts().records, all.len() as u64);
        }
        assert!(all == expected.unwrap());
        assert_eq!(reader.counts().records, u64::from(records));
        assert_eq!(reader.next_batch(&mut batch).unwrap(), 0);
    }

    #[test]
    fn an_error_comes_after_the_records_before_it() {
        let reader = ThreadedReader::new(lackey(text(10_000) + "nonsense\n")).unwrap();
        let mut records = Records::new(reader);
        assert_eq!(records.by_ref().take_while(Result::is_ok).count(), 10_000);
        assert!(records.next().is_none());
        let reader = ThreadedReader::new(lackey(text(10_000) + "nonsense\n")).unwrap();
        let Some(Err(TraceError::Line { line, .. })) = Records::new(reader).last() else {
            panic!("no error");
        };
        assert_eq!(line, 10_001);
    }

    /// The vectors go round: four are read ahead, and one is with the caller.
    #[test]
    fn no_batch_is_allocated_for_another() {
        let mut reader = ThreadedReader::new(lackey(text(200_000))).unwrap();
        let (mut batch, mut places) = (Vec::new(), std::collections::BTreeSet::new());
        while reader.next_batch(&mut batch).unwrap() > 0 {
            places.insert(batch.as_ptr());
        }
        assert!(places.len() <= AHEAD + 1, "{}", places.len());
    }

    /// A reader that says when it is dropped.
    struct Told(LackeyReader, mpsc::Sender<()>);

    impl TraceReader for Told {
        fn next_batch(&mut self, batch: &mut Vec<Record>) -> Result<usize, TraceError> {
            self.0.next_batch(batch)
        }

        fn counts(&self) -> Counts {
            self.0.counts()
        }

        fn progress(&self) -> Progress {
            self.0.progress()
        }
    }

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.1.send(());
        }
    }

    #[test]
    fn dropping_it_early_ends_the_thread() {
        for batches in [0, 1, 3] {
            let (sender, dropped) = mpsc::channel();
            let endless = io::repeat(b'\n').take(1 << 40);
            let endless = io::Cursor::new(text(100_000)).chain(endless);
            let told = Told(LackeyReader::new(input(endless)), sender);
            let mut reader = ThreadedReader::new(told).unwrap();
            let mut batch = Vec::new();
            for _ in 0..batches {
                assert!(reader.next_batch(&mut batch).unwrap() > 0);
            }
            drop(reader);
            dropped.recv().unwrap();
        }
    }

    #[test]
    fn dropping_it_does_not_wait_for_a_pipe() {
        let (pipe, mut writer) = io::pipe().unwrap();
        writer.write_all(b" L 1000,8\n").unwrap();
        let (sender, dropped) = mpsc::channel();
        let told = Told(LackeyReader::new(input(pipe)), sender);
        let reader = ThreadedReader::new(told).unwrap();
        drop(reader);
        drop(writer);
        dropped.recv().unwrap();
    }

    #[test]
    fn a_panic_of_the_thread_is_passed_on() {
        struct Panics;
        impl TraceReader for Panics {
            fn next_batch(&mut self, _: &mut Vec<Record>) -> Result<usize, TraceError> {
                panic!("on purpose");
            }

            fn counts(&self) -> Counts {
                Counts::default()
            }

            fn progress(&self) -> Progress {
                Progress::new(None)
            }
        }
        let mut reader = ThreadedReader::new(Panics).unwrap();
        let read = panic::AssertUnwindSafe(|| reader.next_batch(&mut Vec::new()));
        assert!(panic::catch_unwind(read).is_err());
    }
}
