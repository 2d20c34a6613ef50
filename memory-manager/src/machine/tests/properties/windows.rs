//! Physical pages, and the windows that show them.

use super::*;
use crate::PhysicalPage;

/// What is done to one of a process's physical pages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Make,
    Free(usize),
    Show(usize),
    Hide,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Make),
        (0..4_usize).prop_map(Step::Free),
        (0..4_usize).prop_map(Step::Show),
        (0..4_usize).prop_map(Step::Show),
        Just(Step::Hide),
    ]
}

impl World {
    pub(super) fn physical(&mut self, step: Step, address: u64) {
        let process = self.bench.process;
        let machine = &mut self.bench.machine;
        let pages: Vec<PhysicalPage> = machine.spaces[&process]
            .physical_pages
            .keys()
            .copied()
            .collect();
        let page = |index: usize| pages.get(index % pages.len().max(1)).copied();
        let at = VirtAddr::new(address);
        match step {
            Step::Make if pages.len() < 4 => {
                let is_full = machine.frames_in_use() == machine.kernel.commit.limit();
                let made = machine.allocate_user_physical_pages(process, 1);
                assert_eq!(made.is_err(), is_full);
            }
            Step::Make => {}
            Step::Free(index) => {
                let page: Vec<_> = page(index).into_iter().collect();
                machine.free_user_physical_pages(process, &page).unwrap();
            }
            Step::Show(index) => {
                let Some(page) = page(index) else { return };
                let place = address & !(PAGE - 1);
                let space = &machine.spaces[&process];
                let is_window = space
                    .vads
                    .find(address)
                    .is_some_and(crate::vad::Vad::is_window);
                let is_elsewhere = space.physical_pages[&page].is_some_and(|seen| seen != place);
                let done = machine.map_user_physical_pages(process, at, &[page]);
                if !self.lacks_memory(done.map_err(|status| (status, 0, address))) {
                    let expected = match (is_window, is_elsewhere) {
                        (false, _) => Err(Status::InvalidParameter1),
                        (true, true) => Err(Status::InvalidParameter3),
                        (true, false) => Ok(()),
                    };
                    assert_eq!(done, expected);
                    assert!(done.is_err() || self.bench.read(address).is_ok());
                }
            }
            Step::Hide => {
                let done = machine.unmap_user_physical_pages(process, at, 1);
                assert!(done.is_err() || self.bench.read(address).is_err());
            }
        }
    }
}
