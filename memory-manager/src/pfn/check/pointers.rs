//! Whether entries of views name the prototype entries of their pages.

use mmu_core::PhysAddr;

use super::{FrameFault, Survey};
use crate::{
    page_tables::Pieces,
    pte::{Pte, PteState},
    section::Segments,
    user_space::UserSpace,
    vad::VadKind,
};

impl Survey<'_> {
    /// Notes the prototype entry that an entry names, if it does.
    pub(super) fn note_pointer(&mut self, at: PhysAddr, entry: Pte) {
        if let PteState::Prototype(..) = entry.state() {
            self.pointers.insert(at);
        }
    }

    /// Compares the entries of a process that name prototype entries with what its regions say.
    pub(super) fn compare_pointers(
        &mut self,
        space: &UserSpace,
        segments: &Segments,
    ) -> Result<(), FrameFault> {
        for vad in space.vads.iter() {
            let VadKind::View(view) = &vad.kind else {
                continue;
            };
            let Some(segment) = segments.get(view.segment) else {
                continue;
            };
            let mut pieces = Pieces::new(vad.start, vad.end);
            while let Some(piece) = pieces.next(space, self.physical)? {
                for (page, at) in piece.entries() {
                    let pte = self.physical.read_pte(at)?;
                    let place = vad
                        .view_index(page)
                        .and_then(|(_, index)| segment.place(index));
                    if let PteState::Prototype(named, _) = pte.state()
                        && place == Some(named)
                    {
                        self.pointers.remove(&at);
                    }
                }
            }
        }
        match self.pointers.first() {
            Some(&wrong) => Err(FrameFault::Pointer(wrong)),
            None => Ok(()),
        }
    }
}
