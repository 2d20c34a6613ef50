//! Physical pages, and the windows that show them.

use super::{contents::PAGE_SIZE, *};
use crate::PhysicalPage;

/// What is done with windows and a process's physical pages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Reserve,
    Make,
    Free(usize),
    Show(usize),
    /// Two at once, side by side, perhaps in the places of each other; or one, and none beside it.
    Scatter(usize, Option<usize>),
    Hide,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Reserve),
        2 => Just(Step::Make),
        2 => (0..4_usize).prop_map(Step::Free),
        4 => (0..4_usize).prop_map(Step::Show),
        3 => (0..4_usize, prop::option::of(0..4_usize))
            .prop_map(|(one, next)| Step::Scatter(one, next)),
        2 => Just(Step::Hide),
    ]
}

/// What physical pages hold, and where they are to be seen.
#[derive(Debug, Default)]
pub(super) struct Windows {
    pages: BTreeMap<(ProcessId, PhysicalPage), Vec<u8>>,
    shown: BTreeMap<(ProcessId, u64), PhysicalPage>,
}

impl Windows {
    fn pages(&self, process: ProcessId) -> Vec<PhysicalPage> {
        let own = self.pages.keys().filter(|&&(owner, _)| owner == process);
        own.map(|&(_, page)| page).collect()
    }

    fn place(&self, process: ProcessId, page: PhysicalPage) -> Option<u64> {
        let mut own = self
            .shown
            .iter()
            .filter(|&(&(owner, _), _)| owner == process);
        own.find(|&(_, &shown)| shown == page)
            .map(|(&(_, place), _)| place)
    }

    fn free(&mut self, process: ProcessId, page: PhysicalPage) {
        self.pages.remove(&(process, page)).unwrap();
        if let Some(place) = self.place(process, page) {
            self.shown.remove(&(process, place));
        }
    }

    fn show(&mut self, process: ProcessId, shown: &[(u64, Option<PhysicalPage>)]) {
        for &(place, _) in shown {
            self.shown.remove(&(process, place));
        }
        let pages = shown
            .iter()
            .filter_map(|&(place, page)| Some((place, page?)));
        self.shown
            .extend(pages.map(|(place, page)| ((process, place), page)));
    }

    /// What a page shows, if it is one of a window.
    pub(super) fn bytes(&self, process: ProcessId, page: u64) -> Option<&Vec<u8>> {
        let shown = *self.shown.get(&(process, page))?;
        self.pages.get(&(process, shown))
    }

    pub(super) fn bytes_mut(&mut self, process: ProcessId, page: u64) -> Option<&mut Vec<u8>> {
        let shown = *self.shown.get(&(process, page))?;
        self.pages.get_mut(&(process, shown))
    }

    /// A window that is released shows nothing, and a process that ends has no pages.
    pub(super) fn follow(&mut self, machine: &Machine) {
        self.shown.retain(|&(process, page), _| {
            let found = machine.virtual_query(process, VirtAddr::new(page));
            found.is_ok_and(|found| found.state != MemoryState::Free)
        });
        self.pages
            .retain(|&(process, _), _| machine.privileges(process).is_ok());
    }
}

impl World {
    fn is_window(&self, address: u64) -> bool {
        let space = &self.bench.machine.spaces[&self.bench.process];
        let region = space.vads.find(address);
        region.is_some_and(crate::vad::Vad::is_window)
    }

    pub(super) fn physical(&mut self, step: Step, address: u64) {
        const WINDOW: AllocationType = RESERVE.union(AllocationType::PHYSICAL);
        let process = self.bench.process;
        let pages = self.contents.windows.pages(process);
        let page = |index: usize| pages.get(index % pages.len().max(1)).copied();
        let place = address & !(PAGE - 1);
        let at = VirtAddr::new(address);
        match step {
            Step::Reserve => {
                let _ = self
                    .bench
                    .alloc(address & !0xffff, 0x1_0000, WINDOW, READWRITE);
            }
            Step::Make if pages.len() < 4 => {
                let machine = &mut self.bench.machine;
                let is_full = machine.frames_in_use() == machine.commit_limit();
                let made = machine.allocate_user_physical_pages(process, 1);
                assert!(made.is_err() == is_full || self.bench.slots_used() > 0);
                for page in made.into_iter().flatten() {
                    let zeros = vec![0; PAGE_SIZE];
                    self.contents.windows.pages.insert((process, page), zeros);
                }
            }
            Step::Make => {}
            Step::Free(index) => {
                let page: Vec<_> = page(index).into_iter().collect();
                let machine = &mut self.bench.machine;
                machine.free_user_physical_pages(process, &page).unwrap();
                for page in page {
                    self.contents.windows.free(process, page);
                }
            }
            Step::Show(index) => {
                let Some(page) = page(index) else { return };
                let machine = &mut self.bench.machine;
                let done = machine.map_user_physical_pages(process, at, &[page]);
                self.check_shown(done, &[(place, Some(page))]);
            }
            Step::Scatter(one, next) => {
                let Some(one) = page(one) else { return };
                let shown = [(place, Some(one)), (place + PAGE, next.and_then(page))];
                let asked = shown.map(|(place, page)| (VirtAddr::new(place), page));
                let machine = &mut self.bench.machine;
                let done = machine.map_user_physical_pages_scatter(process, &asked);
                self.check_shown(done, &shown);
            }
            Step::Hide => {
                let machine = &mut self.bench.machine;
                let done = machine.unmap_user_physical_pages(process, at, 1);
                assert_eq!(done.is_ok(), self.is_window(address));
                if done.is_ok() {
                    self.contents.windows.shown.remove(&(process, place));
                    assert!(self.bench.read(address).is_err());
                }
            }
        }
    }

    /// Pages are shown if all places are in windows and no page is anywhere else, and hold what
    /// they held.
    fn check_shown(&mut self, done: Result<(), Status>, shown: &[(u64, Option<PhysicalPage>)]) {
        let (process, first) = (self.bench.process, shown[0].0);
        if self.lacks_memory(done.map_err(|status| (status, 0, first))) {
            return;
        }
        let windows = &mut self.contents.windows;
        let asked: Vec<_> = shown.iter().filter_map(|&(_, page)| page).collect();
        let pages: BTreeSet<_> = asked.iter().copied().collect();
        let places: Vec<_> = shown.iter().map(|&(place, _)| place).collect();
        let mut known = pages
            .iter()
            .filter_map(|&page| windows.place(process, page));
        let is_elsewhere = known.any(|place| !places.contains(&place));
        let expected = if !places.iter().all(|&place| self.is_window(place)) {
            Err(Status::InvalidParameter1)
        } else if is_elsewhere || pages.len() < asked.len() {
            Err(Status::InvalidParameter3)
        } else {
            Ok(())
        };
        assert_eq!(done, expected);
        if done.is_ok() {
            self.contents.windows.show(process, shown);
            for &(place, page) in shown {
                assert_eq!(self.bench.read(place).is_ok(), page.is_some());
                self.check_page(place);
            }
        }
    }
}

/// Calls that are about windows, all of them at a few pages.
fn of_windows() -> impl Strategy<Value = calls::Step> {
    let call = prop_oneof![
        10 => step().prop_map(Call::Physical),
        1 => Just(Call::Free(RELEASE)),
        1 => Just(Call::EndProcess),
        1 => Just(Call::LockForDevice),
        1 => Just(Call::UnlockForDevice),
        1 => Just(Call::PageOut),
        1 => Just(Call::Idle),
        2 => Just(Call::Share),
        2 => Just(Call::WriteMemory),
        1 => Just(Call::ReadMemory),
        2 => Just(Call::Read),
        8 => Just(Call::Write),
    ];
    calls::step(call).prop_map(|step| calls::Step {
        base: BASE + step.base % (8 * PAGE),
        ..step
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// A window shows what was written to the page that it shows, through whichever window, and
    /// a page that is new zeros.
    #[test]
    fn windows_show_what_was_written_to_their_pages(
        steps in prop::collection::vec(of_windows(), 1..120),
    ) {
        let mut world = World::with_page_file(&MachineConfig {
            ram_bytes: 2 * PAGES * PAGE,
            processors: 2,
            ..MachineConfig::default()
        });
        for process in world.processes {
            world.bench.process = process;
            world.physical(Step::Reserve, BASE);
        }
        run(world, steps);
    }
}
