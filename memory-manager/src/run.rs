//! Runs: what is alike in a row.

use crate::{Status, kernel::Kernel, protection::Protection, user_space::UserSpace, vad::Vad};

/// What the first of something is, and where it ends that all are like it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<T>(Option<(T, u64)>);

impl<T: Copy + PartialEq> Run<T> {
    pub(crate) const EMPTY: Self = Self(None);

    /// Takes what follows up to an end, if it is like what there is.
    pub(crate) fn takes(&mut self, next: T, end: u64) -> bool {
        let is_alike = self.0.is_none_or(|(first, _)| first == next);
        if is_alike {
            self.0 = Some((next, end));
        }
        is_alike
    }

    pub(crate) fn found(self) -> Option<(T, u64)> {
        self.0
    }
}

impl UserSpace {
    /// The protections of the pages of a part of a region, those in a row that are alike once.
    ///
    /// # Errors
    /// [`Status::NotCommitted`] for pages that are not.
    pub(crate) fn protections(
        &self,
        kernel: &Kernel,
        vad: &Vad,
        (start, end): (u64, u64),
    ) -> impl Iterator<Item = Result<Protection, Status>> {
        let mut next = start;
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let run = self.run(kernel, vad, next);
            next = run.as_ref().map_or(end, |&(_, run_end)| run_end);
            Some(run.and_then(|(protection, _)| protection.ok_or(Status::NotCommitted)))
        })
    }
}
