use std::io::{self, Write};

use mmu_core::{AccessKind, Fault, Leaf, PagingMode, PrivilegeMode, Regime};
use tlb::Cacheable;

use super::{
    super::rights::rights_text,
    answer::{Access, Answer, PatBits},
    flags::flags,
};
use crate::byte_size::ByteSize;

pub(super) fn print(regime: &Regime, answers: &[Answer], writer: &mut dyn Write) -> io::Result<()> {
    match regime.mode() {
        PagingMode::Off => writeln!(writer, "{}", regime.mode())?,
        mode => writeln!(writer, "{mode} from {:#x} on", regime.root())?,
    }
    answers
        .iter()
        .try_for_each(|answer| block(regime.mode(), answer, writer))
}

fn block(mode: PagingMode, answer: &Answer, writer: &mut dyn Write) -> io::Result<()> {
    let access = answer.access.map(access_text).unwrap_or_default();
    writeln!(writer, "\n{:#018x}{access}", answer.address)?;
    let digits = match mode {
        PagingMode::ThirtyTwoBit => 10,
        _ => 18,
    };
    for step in &answer.steps {
        let flags = flags(step, mode, answer.page.as_ref());
        let flags = if flags.is_empty() {
            "not present".into()
        } else {
            flags.join(" ")
        };
        writeln!(
            writer,
            "  {:<9}{:#014x}  {:#0digits$x}  {flags}",
            step.level,
            step.entry_address,
            step.entry.bits(),
        )?;
    }
    if let Some(leaf) = &answer.page {
        page(mode, leaf, writer)?;
    }
    if let Some(physical) = answer.physical() {
        writeln!(writer, "  {:<9}{physical:#014x}", "physical")?;
    }
    if let Some(fault) = &answer.fault {
        writeln!(writer, "  {:<9}{}", "fault", fault_text(fault))?;
    }
    if let Some(hole) = answer.hole() {
        let last = hole.first.as_u64() + (hole.bytes - 1);
        writeln!(
            writer,
            "  {:<9}{:#x} to {last:#x}, {}",
            "hole",
            hole.first,
            ByteSize(hole.bytes)
        )?;
    }
    Ok(())
}

fn access_text(access: Access) -> String {
    let kind = match access.kind {
        AccessKind::Write => "written",
        AccessKind::Fetch => "fetched",
        _ => "read",
    };
    let mode = match access.mode {
        PrivilegeMode::User => "the user",
        _ => "the supervisor",
    };
    format!(", {kind} by {mode}")
}

fn page(mode: PagingMode, leaf: &Leaf, writer: &mut dyn Write) -> io::Result<()> {
    let translation = leaf.translation;
    let rights = rights_text(translation.rights());
    let global = if translation.is_global() {
        ", global"
    } else {
        ""
    };
    write!(
        writer,
        "  {:<9}{:#014x}  {}, {rights}{global}",
        "page",
        translation.page(),
        translation.size(),
    )?;
    if translation.key() != 0 {
        write!(writer, ", key {}", translation.key())?;
    }
    if mode != PagingMode::Off {
        let PatBits { pat, pcd, pwt } = PatBits::of(leaf);
        write!(writer, ", PAT {pat} PCD {pcd} PWT {pwt}")?;
    }
    writeln!(writer)
}

fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::NonCanonical(_) | Fault::AddressSpace(_) => {
            format!("general protection: {fault}")
        }
        _ => fault.to_string(),
    }
}
