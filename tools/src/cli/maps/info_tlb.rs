use std::io::{self, Write};

use mmu_core::{Entry, Leaf, PageSize, PagingMode, Regime};

/// `%016x: %016x XGPDACTUW`, a dash for a bit that is 0. Under PAE paging QEMU does not take
/// NX out of the physical address.
pub(super) fn line(regime: &Regime, leaf: &Leaf, writer: &mut dyn Write) -> io::Result<()> {
    let entry = leaf.entry;
    let flags = [
        ('X', entry.contains(Entry::NO_EXECUTE)),
        ('G', entry.contains(Entry::GLOBAL)),
        ('P', leaf.translation.size() != PageSize::Size4KiB),
        ('D', entry.contains(Entry::DIRTY)),
        ('A', entry.contains(Entry::ACCESSED)),
        ('C', entry.contains(Entry::CACHE_DISABLE)),
        ('T', entry.contains(Entry::WRITE_THROUGH)),
        ('U', entry.contains(Entry::USER)),
        ('W', entry.contains(Entry::WRITABLE)),
    ];
    let flags = flags.map(|(letter, set)| if set { letter } else { '-' });
    let beside = match regime.mode() {
        PagingMode::Pae => (entry & Entry::NO_EXECUTE).bits(),
        _ => 0,
    };
    writeln!(
        writer,
        "{:016x}: {:016x} {}",
        leaf.address,
        leaf.translation.page().as_u64() | beside,
        String::from_iter(flags),
    )
}
