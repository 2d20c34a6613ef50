//! How the entries of an address space are found and written. Where they lie is what a walk
//! says; only what follows in the same table is counted on from there.

use mmu_core::{Entry, Fault, Level, PageSize, PhysAddr, Step, VirtAddr, entry_address};

use crate::{
    Status,
    kernel::Kernel,
    physical::Physical,
    pte::{Pte, PteState},
    user_space::UserSpace,
    vad::Entries,
};

/// What one page table covers.
const TABLE: u64 = Level::Pde.covers();

/// A part of a range, as large as one table, one hole or one large page makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Where its first entry lies; none in a hole, where no page has an entry.
    first: Option<PhysAddr>,
    /// The size of its pages.
    pub(crate) size: PageSize,
}

impl Piece {
    fn hole(start: u64, end: u64) -> Self {
        Self {
            start,
            end,
            first: None,
            size: PageSize::Size4KiB,
        }
    }

    pub(crate) fn is_hole(&self) -> bool {
        self.first.is_none()
    }

    /// The pages and where their entries lie; none of a hole.
    pub(crate) fn entries(self) -> impl Iterator<Item = (u64, PhysAddr)> {
        let first = self.first.into_iter();
        first.flat_map(move |first| {
            let next = move |&page: &u64| Some(self.after(page)).filter(|&next| next < self.end);
            let pages = std::iter::successors(Some(self.start), next);
            pages.zip((first.as_u64()..).step_by(8).map(PhysAddr::new))
        })
    }

    /// Where what the piece has of a page ends.
    fn after(&self, page: u64) -> u64 {
        let end = (page | self.size.offset_mask()).saturating_add(1);
        end.min(self.end)
    }

    /// Takes the pages off the front whose entries say the same.
    fn take_alike(&mut self, physical: &Physical) -> Result<AlikePages, Status> {
        let (start, shift) = (self.start, self.size.shift());
        let (pte, end) = match self.first {
            None => (Pte::ZERO, self.end),
            Some(first) => {
                let entries = ((self.end - 1) >> shift) - (start >> shift) + 1;
                let (pte, alike) = physical.alike(first, entries)?;
                self.first = Some(first.wrapping_add(alike * 8));
                let last = (start & !self.size.offset_mask()) + ((alike - 1) << shift);
                (pte, self.after(last))
            }
        };
        self.start = end;
        Ok(AlikePages { start, end, pte })
    }
}

/// Pages whose entries say the same, in one table; or that have none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlikePages {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The entry of the first; zero where there is none.
    pub(crate) pte: Pte,
}

/// The rest of a range that is gone through by what its entries say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alikes {
    piece: Piece,
    pieces: Pieces,
}

impl Alikes {
    pub(crate) fn new(start: u64, end: u64) -> Self {
        Self {
            piece: Piece::hole(start, start),
            pieces: Pieces::new(start, end),
        }
    }

    pub(crate) fn next(
        &mut self,
        space: &UserSpace,
        physical: &Physical,
    ) -> Result<Option<AlikePages>, Status> {
        if self.piece.start >= self.piece.end {
            match self.pieces.next(space, physical)? {
                Some(piece) => self.piece = piece,
                None => return Ok(None),
            }
        }
        self.piece.take_alike(physical).map(Some)
    }
}

/// The rest of a range that is gone through piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    next: u64,
    end: u64,
}

impl Pieces {
    pub(crate) fn new(start: u64, end: u64) -> Self {
        Self { next: start, end }
    }

    pub(crate) fn next(
        &mut self,
        space: &UserSpace,
        physical: &Physical,
    ) -> Result<Option<Piece>, Status> {
        if self.next >= self.end {
            return Ok(None);
        }
        let start = self.next;
        let deepest = space.deepest_entry(physical, start)?;
        let extent = deepest.extent.max(TABLE);
        let reach = (start & !(extent - 1)).saturating_add(extent);
        let end = reach.min(self.end);
        self.next = end;
        Ok(Some(Piece {
            start,
            end,
            first: deepest.page.map(|_| deepest.place),
            size: deepest.page.unwrap_or(PageSize::Size4KiB),
        }))
    }
}

/// The entry of a page, as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageEntry {
    /// Where it lies.
    pub(crate) place: PhysAddr,
    pub(crate) pte: Pte,
}

impl PageEntry {
    pub(crate) fn read(physical: &Physical, place: PhysAddr) -> Result<Self, Status> {
        let pte = physical.read_pte(place)?;
        Ok(Self { place, pte })
    }
}

/// The last entry on the way to an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deepest {
    pub(crate) level: Level,
    /// Where it lies.
    pub(crate) place: PhysAddr,
    /// How many bytes it settles.
    extent: u64,
    /// The size of the page that it is the entry of; none where a table is missing.
    pub(crate) page: Option<PageSize>,
}

impl UserSpace {
    pub(crate) fn deepest_entry(
        &self,
        physical: &Physical,
        address: u64,
    ) -> Result<Deepest, Status> {
        match self.regime.inspect(physical.ram(), VirtAddr::new(address)) {
            Ok(leaf) => Ok(Deepest {
                level: leaf.level,
                place: leaf.entry_address,
                extent: leaf.level.covers(),
                page: leaf.level.page_size(),
            }),
            Err(Fault::Page(fault)) => Ok(Deepest {
                level: fault.level,
                place: fault.entry_address,
                extent: fault.extent,
                page: (fault.level == Level::Pte).then_some(PageSize::Size4KiB),
            }),
            Err(_) => Err(Status::InternalError),
        }
    }

    /// Where the entry of a page lies, be it a large one; the tables on the way are made, of
    /// a small page if it has none yet.
    pub(crate) fn make_entry(
        &mut self,
        kernel: &mut Kernel,
        address: u64,
    ) -> Result<PhysAddr, Status> {
        self.make_entry_at(kernel, address, Level::Pte)
    }

    /// As [`UserSpace::make_entry`], of a page that an entry of this level maps.
    pub(crate) fn make_entry_at(
        &mut self,
        kernel: &mut Kernel,
        address: u64,
        lowest: Level,
    ) -> Result<PhysAddr, Status> {
        self.note_entries(address);
        let deepest = self.deepest_entry(&kernel.physical, address)?;
        let (mut level, mut place) = (deepest.level, deepest.place);
        if deepest.page.is_some() {
            return Ok(place);
        }
        while level > lowest
            && let Some(below) = level.below()
        {
            let table = match self.make_table(kernel) {
                Ok(table) => table,
                Err(status) => {
                    self.prune(kernel, address)?;
                    return Err(status);
                }
            };
            let entry = Entry::table(table) | Entry::ACCESSED;
            kernel
                .physical
                .write_pte(place, Pte::from_bits(entry.bits()))?;
            place = entry_address(table, below, VirtAddr::new(address));
            level = below;
        }
        Ok(place)
    }

    /// Keeps in mind that a region may have entries from now on.
    fn note_entries(&mut self, address: u64) {
        if let Some(vad) = self.vads.find_mut(address) {
            vad.entries = Entries::Some;
        }
    }

    fn make_table(&mut self, kernel: &mut Kernel) -> Result<PhysAddr, Status> {
        kernel.charge_table();
        let table = kernel.physical.allocate();
        match table {
            Ok(_) => self.tables += 1,
            Err(_) => kernel.commit.release(1),
        }
        table
    }

    /// Makes the tables for all entries of a range, or none of them.
    pub(crate) fn make_entries(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let mut next = start;
        while next < end {
            if let Err(status) = self.make_entry(kernel, next) {
                self.prune_range(kernel, start, next)?;
                return Err(status);
            }
            next = (next & !(TABLE - 1)) + TABLE;
        }
        Ok(())
    }

    /// The entry of a page; zero where there is no table for it.
    pub(crate) fn entry(&self, physical: &Physical, address: u64) -> Result<Pte, Status> {
        let deepest = self.deepest_entry(physical, address)?;
        match deepest.page {
            Some(_) => physical.read_pte(deepest.place),
            None => Ok(Pte::ZERO),
        }
    }

    /// Writes the entry of a page, and issues that processors forget the old one if they have to.
    /// The working set has the pages whose entries are valid, and that can leave memory. Returns
    /// how many entries of the table are in use.
    pub(crate) fn put(
        &mut self,
        kernel: &mut Kernel,
        address: u64,
        entry: PageEntry,
        new: Pte,
    ) -> Result<u16, Status> {
        let PageEntry { place, pte: old } = entry;
        let used = kernel.physical.replace_pte(place, old, new)?;
        match (old.is_valid(), new.is_valid()) {
            (false, true) if kernel.physical.prefer(new, self.working_set.priority) => {
                self.working_set.list.add(address, kernel.pages_added);
                kernel.pages_added += 1;
            }
            (true, false) => self.working_set.list.remove(address),
            _ => {}
        }
        match (old.state(), new.state()) {
            (PteState::Valid(old), PteState::Valid(new)) if !old.outlives(new) => {
                kernel.processors.counters.avoided += u64::from(old != new);
            }
            (PteState::Valid(_), _) => {
                kernel.forget(&self.root, address)?;
                if old.is_large() {
                    let level = self.deepest_entry(&kernel.physical, address)?.level;
                    kernel.forget_views(&self.root, address, level);
                }
            }
            _ => {}
        }
        Ok(used)
    }

    /// Gives back the tables on the way to an address that are empty; the kernel is to be made
    /// coherent then.
    pub(crate) fn prune(&mut self, kernel: &mut Kernel, address: u64) -> Result<(), Status> {
        let path = self
            .regime
            .path(kernel.physical.ram(), VirtAddr::new(address));
        let pointers = path
            .steps()
            .iter()
            .rev()
            .filter(|step| points_to_table(step));
        let mut pruned = 0;
        for step in pointers {
            let table = step.entry.table_address();
            if kernel.physical.entries_used(table) != 0 {
                break;
            }
            // The last entry that shows it takes the table along.
            kernel.physical.write_pte(step.entry_address, Pte::ZERO)?;
            kernel.forget_views(&self.root, address, step.level);
            pruned += 1;
        }
        if pruned > 0 {
            kernel.forget(&self.root, address)?;
            kernel.commit.release(pruned);
            self.tables -= pruned;
        }
        Ok(())
    }

    /// As [`UserSpace::prune`], for all addresses of a range.
    pub(crate) fn prune_range(
        &mut self,
        kernel: &mut Kernel,
        start: u64,
        end: u64,
    ) -> Result<(), Status> {
        let mut pieces = Pieces::new(start, end);
        while let Some(piece) = pieces.next(self, &kernel.physical)? {
            if !piece.is_hole() {
                self.prune(kernel, piece.start)?;
            }
        }
        kernel.make_coherent()
    }
}

/// Whether an entry on the way to an address leads to another table.
pub(crate) fn points_to_table(step: &Step) -> bool {
    let flags = step.entry & (Entry::PRESENT | Entry::LARGE);
    step.level > Level::Pte && flags == Entry::PRESENT
}
