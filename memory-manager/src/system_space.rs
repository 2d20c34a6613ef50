//! The system's own address space, where it sees pages of processes that are locked. It is there
//! as long as something is mapped.
//!
//! On Windows every address space has these addresses; a program can reach them in none. Here
//! they are in one.

use std::collections::BTreeMap;

use mmu_core::{
    AccessKind, Entry, Level, PageSize, PhysAddr, PrivilegeMode, ProcessorId, VirtAddr,
    entry_address,
};

use crate::{
    Exception, ExceptionAccess, Machine, Status,
    access::accesses,
    kernel::Kernel,
    processor::SpaceRoot,
    protection::Caching,
    pte::Pte,
    vad::{PAGE, PAGE_BYTES},
};

/// Where Windows 7 maps what drivers ask for: 128 GB of system page-table entries (literature).
pub(crate) const SYSTEM_START: u64 = 0xffff_f880_0000_0000;
pub(crate) const SYSTEM_END: u64 = SYSTEM_START + (128 << 30);

/// The address space, and its tables: those of all levels are held.
#[derive(Debug)]
pub(crate) struct SystemSpace {
    pub(crate) root: SpaceRoot,
    /// Every table but the root, and where the entry lies that leads to it; those that lead to
    /// others come first.
    tables: Vec<(PhysAddr, PhysAddr)>,
    /// What is mapped: where it ends, by where it starts.
    mapped: BTreeMap<u64, u64>,
}

impl SystemSpace {
    pub(crate) fn new(kernel: &mut Kernel) -> Result<Self, Status> {
        let root = take_table(kernel)?;
        Ok(Self {
            root: kernel.processors.add_space(root),
            tables: Vec::new(),
            mapped: BTreeMap::new(),
        })
    }

    /// The frames of its tables.
    pub(crate) fn tables(&self) -> impl Iterator<Item = PhysAddr> {
        let others = self.tables.iter().map(|&(table, _)| table);
        others.chain([self.root.table])
    }

    /// Maps frames one behind the other; gives where.
    pub(crate) fn map(
        &mut self,
        kernel: &mut Kernel,
        frames: &[(PhysAddr, Caching)],
    ) -> Result<u64, Status> {
        let start = self.room(frames.len() as u64 * PAGE)?;
        let before = self.tables.len();
        let mut entries = Vec::with_capacity(frames.len());
        for page in (start..).step_by(PAGE_BYTES).take(frames.len()) {
            match self.make_entry(kernel, page) {
                Ok(at) => entries.push(at),
                Err(status) => {
                    self.drop_tables(kernel, before)?;
                    return Err(status);
                }
            }
        }
        for (at, &(frame, caching)) in entries.into_iter().zip(frames) {
            kernel.physical.write_raw(at, entry(frame, caching))?;
        }
        self.mapped
            .insert(start, start + frames.len() as u64 * PAGE);
        Ok(start)
    }

    /// Takes away what is mapped from an address on. No processor sees it any more.
    pub(crate) fn unmap(&mut self, kernel: &mut Kernel, start: u64) -> Result<(), Status> {
        let end = self.mapped.remove(&start).ok_or(Status::InternalError)?;
        for page in (start..end).step_by(PAGE_BYTES) {
            let at = self.make_entry(kernel, page)?;
            kernel.physical.write_raw(at, Pte::ZERO)?;
            kernel.forget(&self.root, page)?;
        }
        kernel.make_coherent()
    }

    /// Stays if something is mapped; else all its memory is given back.
    pub(crate) fn keep_or_close(mut self, kernel: &mut Kernel) -> Result<(), Status> {
        if !self.mapped.is_empty() {
            kernel.system = Some(self);
            return Ok(());
        }
        self.drop_tables(kernel, 0)?;
        kernel.leave(&self.root);
        kernel.physical.free(self.root.table);
        kernel.commit.release(1);
        Ok(())
    }

    /// The lowest addresses where there is room for so many bytes.
    fn room(&self, bytes: u64) -> Result<u64, Status> {
        let mut start = SYSTEM_START;
        for (&taken, &end) in &self.mapped {
            if taken - start >= bytes {
                break;
            }
            start = end;
        }
        if SYSTEM_END - start >= bytes {
            Ok(start)
        } else {
            Err(Status::InsufficientResources)
        }
    }

    /// Where the entry of a page lies; tables on the way are made.
    fn make_entry(&mut self, kernel: &mut Kernel, page: u64) -> Result<PhysAddr, Status> {
        let address = VirtAddr::new(page);
        let mut table = self.root.table;
        for level in [Level::Pml4e, Level::Pdpte, Level::Pde] {
            let at = entry_address(table, level, address);
            let known = kernel.physical.read_pte(at)?;
            if let Some(next) = known.frame() {
                table = next;
                continue;
            }
            table = take_table(kernel)?;
            let entry = (Entry::table(table) | Entry::ACCESSED) - Entry::USER;
            kernel
                .physical
                .write_raw(at, Pte::from_bits(entry.bits()))?;
            self.tables.push((table, at));
        }
        Ok(entry_address(table, Level::Pte, address))
    }

    /// Gives tables back, up to as many as there were before.
    fn drop_tables(&mut self, kernel: &mut Kernel, before: usize) -> Result<(), Status> {
        for (table, at) in self.tables.drain(before..).rev() {
            kernel.physical.write_raw(at, Pte::ZERO)?;
            kernel.physical.free(table);
            kernel.commit.release(1);
        }
        Ok(())
    }
}

/// What the system may read and write, and nobody execute.
fn entry(frame: PhysAddr, caching: Caching) -> Pte {
    let mut flags = Entry::PRESENT | Entry::WRITABLE | Entry::NO_EXECUTE;
    flags.set(Entry::CACHE_DISABLE, caching == Caching::None);
    flags.set(Entry::WRITE_THROUGH, caching == Caching::WriteCombining);
    Pte::from_bits(Entry::page(frame, PageSize::Size4KiB, flags).bits())
}

fn take_table(kernel: &mut Kernel) -> Result<PhysAddr, Status> {
    kernel.charge(1)?;
    let table = kernel.physical.allocate();
    let table = table.inspect_err(|_| kernel.commit.release(1))?;
    kernel.physical.hold(table);
    Ok(table)
}

impl Machine {
    /// Where the bytes of an access of the system lie, page by page. It is made on the first
    /// processor.
    pub(crate) fn system_parts(
        &mut self,
        address: VirtAddr,
        length: usize,
        kind: AccessKind,
    ) -> Result<Vec<(PhysAddr, usize)>, Exception> {
        let access = ExceptionAccess::of_kind(kind);
        let kernel = &mut self.kernel;
        let mut parts = Vec::new();
        for (start, bytes) in accesses(address, length) {
            let failed = Exception::at(start, access);
            let system = kernel.system.as_ref();
            let system = system.ok_or(failed(Status::AccessViolation))?;
            let arrived = kernel.processors.arrive(ProcessorId::FIRST);
            arrived.map_err(&failed)?;
            let ram = kernel.physical.ram();
            let processor = kernel.processors.running(ram, &system.root);
            let processor = processor.map_err(&failed)?;
            #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
            let span =
                processor.translate(ram, start, bytes as u32, (kind, PrivilegeMode::Supervisor));
            let span = span.map_err(|_| failed(Status::AccessViolation))?;
            #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
            let room = (PAGE - start.as_u64() % PAGE) as usize;
            parts.push((span.first.address, bytes.min(room)));
            parts.extend(
                span.second
                    .map(|second| (second.address, bytes - bytes.min(room))),
            );
        }
        Ok(parts)
    }
}
