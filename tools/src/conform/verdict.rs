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
    /// Records of which it is not known what they must come to: done, but not compared.
    pub soft: u64,
    /// The first of those.
    pub mismatches: Vec<M>,
}

impl<M> Default for Verdict<M> {
    fn default() -> Self {
        Self {
            passed: 0,
            failed: 0,
            soft: 0,
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

    /// Counts a record that cannot agree or disagree.
    pub(crate) fn record_soft(&mut self) {
        self.soft += 1;
    }

    /// The same with mismatches of another kind.
    #[must_use]
    pub fn map<N>(self, kind: impl FnMut(M) -> N) -> Verdict<N> {
        Verdict {
            passed: self.passed,
            failed: self.failed,
            soft: self.soft,
            mismatches: self.mismatches.into_iter().map(kind).collect(),
        }
    }
}

/// The line of a file: `FILE: N passed, M failed`.
pub fn file_line<M>(source: &Source, verdict: &Verdict<M>) -> String {
    let counted = counts_line(verdict.passed, verdict.failed, verdict.soft);
    format!("{source}: {counted}")
}

/// `N passed, M failed`, and `, K soft` if there are any.
pub fn counts_line(passed: u64, failed: u64, soft: u64) -> String {
    match soft {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {soft} soft"),
    }
}
