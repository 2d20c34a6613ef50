//! What becomes of the search for frames where written pages find no place to go: it would come
//! to the same at each call, so that it waits for something to happen.

use crate::PageFileError;

/// Why pages could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// The page files are full, or the host has no room for more of them.
    Full,
    /// A disk failed.
    Broken,
}

impl From<&PageFileError> for Cause {
    fn from(error: &PageFileError) -> Self {
        match error {
            PageFileError::Full | PageFileError::Grow { .. } => Self::Full,
            _ => Self::Broken,
        }
    }
}

/// Whether pages can be written, as far as is known, and how far the search for frames waits for
/// that.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stall {
    /// Why the last write failed, if it did.
    cause: Option<Cause>,
    /// How many frames could be had when a search found too few because of that.
    found: Option<u64>,
}

impl Stall {
    /// Pages were written: the device does what it should.
    pub(crate) fn written(&mut self) {
        *self = Self::default();
    }

    /// A write failed.
    pub(crate) fn failed(&mut self, cause: Cause) {
        self.cause = self.cause.max(Some(cause));
    }

    /// There is room in a page file that there was not.
    pub(crate) fn room_was_made(&mut self) {
        if self.cause == Some(Cause::Full) {
            *self = Self::default();
        }
    }

    /// Writers try again: a second has passed.
    pub(super) fn is_over(&mut self) {
        *self = Self::default();
    }

    /// A search for frames has ended with too few.
    pub(super) fn searched(&mut self, available: u64) {
        self.found = self.cause.map(|_| available);
    }

    /// Whether a search is worth it that finds so many frames: half of those that the last one
    /// left were used since, among them perhaps some whose pages need not be written.
    pub(super) fn lets_search(&mut self, available: u64) -> bool {
        let Some(found) = &mut self.found else {
            return true;
        };
        *found = available.max(*found);
        available < *found && available <= *found / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalled(cause: Cause, available: u64) -> Stall {
        let mut stall = Stall::default();
        stall.failed(cause);
        stall.searched(available);
        stall
    }

    #[test]
    fn after_a_failed_write_the_search_waits_until_half_of_what_it_found_is_used() {
        let mut stall = stalled(Cause::Broken, 8);
        assert_eq!(
            [8, 7, 5, 4].map(|left| stall.lets_search(left)),
            [false, false, false, true]
        );
        // What came back since counts, too.
        let mut stall = stalled(Cause::Broken, 8);
        assert_eq!(
            [12, 7, 6].map(|left| stall.lets_search(left)),
            [false, false, true]
        );
        assert!(!stalled(Cause::Broken, 0).lets_search(0));
        assert!(Stall::default().lets_search(0));
    }

    #[test]
    fn it_is_over_when_there_is_room_or_a_write_succeeds_or_a_second_has_passed() {
        let searches_after = |end: fn(&mut Stall)| {
            [Cause::Full, Cause::Broken].map(|cause| {
                let mut stall = stalled(cause, 8);
                end(&mut stall);
                stall.lets_search(8)
            })
        };
        assert_eq!(searches_after(Stall::room_was_made), [true, false]);
        assert_eq!(searches_after(Stall::written), [true, true]);
        assert_eq!(searches_after(Stall::is_over), [true, true]);
    }

    #[test]
    fn a_search_that_fails_for_another_reason_is_made_again() {
        let mut stall = Stall::default();
        stall.searched(8);
        assert!(stall.lets_search(8));
    }
}
