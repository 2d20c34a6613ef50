use crate::input::Source;

/// How many mismatches are kept of a file.
const MISMATCHES_KEPT: usize = 10;

/// What came out of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<M> {
    /// Records that agree.
    pub passed: u64,
    /// Records that do not.
    pub failed: u64,
    /// The first of those.
    pub mismatches: Vec<M>,
}

impl<M> Default for Verdict<M> {
    fn default() -> Self {
        Self {
            passed: 0,
            failed: 0,
            mismatches: Vec::new(),
        }
    }
}

impl<M> Verdict<M> {
    /// Counts a record.
    pub(crate) fn record(&mut self, outcome: Result<(), M>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(mismatch) => {
                self.failed += 1;
                if self.mismatches.len() < MISMATCHES_KEPT {
                    self.mismatches.push(mismatch);
                }
            }
        }
    }

    /// The same with mismatches of another kind.
    #[must_use]
    pub fn map<N>(self, kind: impl FnMut(M) -> N) -> Verdict<N> {
        Verdict {
            passed: self.passed,
            failed: self.failed,
            mismatches: self.mismatches.into_iter().map(kind).collect(),
        }
    }
}

/// The line of a file: `FILE: N passed, M failed`.
pub fn file_line<M>(source: &Source, verdict: &Verdict<M>) -> String {
    format!(
        "{source}: {} passed, {} failed",
        verdict.passed, verdict.failed
    )
}
