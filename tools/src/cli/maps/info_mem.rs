use std::io::{self, Write};

use mmu_core::{Leaf, PagingMode, Regime, Rights};

/// A run of pages next to each other with the same rights.
struct Run {
    start: u64,
    end: u64,
    rights: Rights,
}

/// `%016x-%016x %016x urw` for each run of pages that the same rights of the whole path are
/// granted on, NX not among them: start, end, and length.
///
/// What QEMU calls next to each other are the bits that are translated: the last page of the
/// lower half and the first of the upper one are, and an end is extended by its sign like
/// every other number on the line.
pub(super) fn print(
    regime: &Regime,
    pages: impl Iterator<Item = Leaf>,
    writer: &mut dyn Write,
) -> io::Result<()> {
    let width = regime.mode().linear_address_width();
    let mut last: Option<Run> = None;
    for leaf in pages {
        let start = leaf.address.as_u64() & ((1 << width) - 1);
        let end = start + leaf.translation.size().bytes();
        let rights = leaf.translation.rights() & (Rights::USER | Rights::WRITE);
        match &mut last {
            Some(run) if run.end == start && run.rights == rights => run.end = end,
            _ => {
                let done = last.replace(Run { start, end, rights });
                line(done.as_ref(), regime, writer)?;
            }
        }
    }
    line(last.as_ref(), regime, writer)
}

fn line(run: Option<&Run>, regime: &Regime, writer: &mut dyn Write) -> io::Result<()> {
    let Some(run) = run else {
        return Ok(());
    };
    let letter = |right, letter| {
        if run.rights.contains(right) {
            letter
        } else {
            '-'
        }
    };
    let [start, end, length] =
        [run.start, run.end, run.end - run.start].map(|number| extended(number, regime.mode()));
    let [user, write] = [letter(Rights::USER, 'u'), letter(Rights::WRITE, 'w')];
    writeln!(
        writer,
        "{start:016x}-{end:016x} {length:016x} {user}r{write}"
    )
}

/// A number with the sign bit of its addresses in all bits above.
fn extended(number: u64, mode: PagingMode) -> u64 {
    let sign = 1 << (mode.linear_address_width() - 1);
    if mode.is_ia32e() && number & sign != 0 {
        number | !(2 * sign - 1)
    } else {
        number
    }
}
