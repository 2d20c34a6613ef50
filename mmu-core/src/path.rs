use units::{Level, PhysAddr, VirtAddr};

use crate::{Entry, Fault, Leaf, TableEntry, walker::WalkEvents};

/// One entry that a walk read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Its level.
    pub level: Level,
    /// Where it lies.
    pub entry_address: PhysAddr,
    /// The entry.
    pub entry: Entry,
}

/// A walk with every entry on its way, the first one read first. The PDPTE registers of PAE
/// paging are no entries that a walk reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkPath {
    steps: [Step; Level::COUNT],
    count: usize,
    /// Where it led.
    pub outcome: Result<Leaf, Fault>,
}

impl WalkPath {
    /// The entries, the first one read first.
    pub fn steps(&self) -> &[Step] {
        &self.steps[..self.count]
    }
}

/// Keeps the entries of a walk.
#[derive(Default)]
pub(crate) struct Recorder {
    steps: [Option<Step>; Level::COUNT],
    count: usize,
}

impl Recorder {
    pub(crate) fn finish(self, outcome: Result<Leaf, Fault>) -> WalkPath {
        let nothing = Step {
            level: Level::Pte,
            entry_address: PhysAddr::default(),
            entry: Entry::empty(),
        };
        WalkPath {
            steps: self.steps.map(|step| step.unwrap_or(nothing)),
            count: self.count,
            outcome,
        }
    }
}

impl WalkEvents for Recorder {
    const UPDATES: bool = false;

    fn entry(&mut self, level: Level, entry_address: PhysAddr, entry: Entry) {
        if let Some(slot) = self.steps.get_mut(self.count) {
            *slot = Some(Step {
                level,
                entry_address,
                entry,
            });
            self.count += 1;
        }
    }

    fn read(&mut self, _: Level, _: PhysAddr, _: TableEntry) {}

    fn update(&mut self, _: Level, _: PhysAddr, _: Entry, _: TableEntry) {}

    fn table(&mut self, _: Level, _: VirtAddr, _: TableEntry) {}
}
