//! What a machine counts, by the names that scripts call it.

use memory_manager::{IoOwner, Machine};

/// Something that a machine counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Faults,
    SoftFaults,
    PageReads,
    PageWrites,
    TrimmedPages,
    AvailablePages,
    CommitCharge,
    CommitLimit,
    Shootdowns,
    Interrupts,
}

impl Counter {
    pub(super) const ALL: [(&'static str, Self); 10] = [
        ("faults", Self::Faults),
        ("soft_faults", Self::SoftFaults),
        ("page_reads", Self::PageReads),
        ("page_writes", Self::PageWrites),
        ("trimmed_pages", Self::TrimmedPages),
        ("available_pages", Self::AvailablePages),
        ("commit_charge", Self::CommitCharge),
        ("commit_limit", Self::CommitLimit),
        ("shootdowns", Self::Shootdowns),
        ("interrupts", Self::Interrupts),
    ];

    /// What it counts, in words.
    fn counts(self) -> &'static str {
        match self {
            Self::Faults => "page faults, those that were exceptions included",
            Self::SoftFaults => "pages that were touched again before they left memory",
            Self::PageReads => "reads from page files",
            Self::PageWrites => "writes to page files",
            Self::TrimmedPages => "pages that left working sets since memory was short",
            Self::AvailablePages => "pages that can be had now",
            Self::CommitCharge => "pages that were promised",
            Self::CommitLimit => "pages that can be",
            Self::Shootdowns => "times that processors had to forget what others changed",
            Self::Interrupts => "processors that were interrupted for that",
        }
    }

    /// What it stands at.
    pub(super) fn read(self, machine: &Machine) -> u64 {
        match self {
            Self::Faults => machine.fault_counters().faults,
            Self::SoftFaults => machine.fault_counters().soft,
            Self::PageReads => machine.disk_counters(IoOwner::PageFile).reads,
            Self::PageWrites => machine.disk_counters(IoOwner::PageFile).writes,
            Self::TrimmedPages => machine.working_set_counters().trimmed,
            Self::AvailablePages => machine.page_lists().available(),
            Self::CommitCharge => machine.commit_charge(),
            Self::CommitLimit => machine.commit_limit(),
            Self::Shootdowns => machine.shootdown_counters().shootdowns,
            Self::Interrupts => machine.shootdown_counters().targets,
        }
    }
}

/// Every counter, and what it counts.
pub(super) fn help() -> String {
    let lines = Counter::ALL.map(|(name, counter)| format!("  {name}: {}\n", counter.counts()));
    lines.concat()
}
