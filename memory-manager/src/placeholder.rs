//! Placeholders: addresses that are set aside until something takes their place.

use crate::{
    Status,
    kernel::Kernel,
    user_space::UserSpace,
    vad::{Placeholder, Vad},
};

const CONFLICT: Status = Status::ConflictingAddresses;

impl UserSpace {
    /// A range can be replaced if it is all of a placeholder.
    pub(crate) fn check_replaceable(&self, start: u64, end: u64) -> Result<(), Status> {
        let vad = self.vads.find(start).ok_or(CONFLICT)?;
        let is_all = (vad.start, vad.end) == (start, end);
        if is_all && vad.placeholder == Placeholder::Waiting {
            Ok(())
        } else {
            Err(CONFLICT)
        }
    }

    /// Adds a region, in the place of the placeholder that it replaces, if it does.
    pub(crate) fn add(&mut self, vad: Vad) {
        if vad.placeholder == Placeholder::Replaced {
            self.vads.remove(vad.start);
        }
        self.vads.insert(vad);
    }

    /// Makes a placeholder of a part of one, or of what took the place of one; the rest of the
    /// region stays what it is.
    pub(crate) fn preserve_placeholder(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let vad = self.vads.find(start).ok_or(CONFLICT)?;
        let is_all = (vad.start, vad.end) == (start, end);
        match vad.placeholder {
            Placeholder::No => return Err(CONFLICT),
            Placeholder::Waiting if is_all => return Err(CONFLICT),
            Placeholder::Waiting | Placeholder::Replaced => {}
        }
        self.release(kernel, start, end)?;
        self.vads.insert(Vad::placeholder(start, end));
        Ok(())
    }

    /// Makes one placeholder of all those that make up a range, which are two at least.
    pub(crate) fn coalesce_placeholders(&mut self, start: u64, end: u64) -> Result<(), Status> {
        let (mut next, mut count) = (start, 0);
        while next < end {
            let vad = self.vads.find(next).filter(|vad| vad.start == next);
            let vad = vad.filter(|vad| vad.placeholder == Placeholder::Waiting);
            next = vad.ok_or(CONFLICT)?.end;
            count += 1;
        }
        if count < 2 || next != end {
            return Err(CONFLICT);
        }
        let mut next = start;
        while let Some(vad) = self.vads.remove(next).filter(|vad| vad.end < end) {
            next = vad.end;
        }
        self.vads.insert(Vad::placeholder(start, end));
        Ok(())
    }
}
