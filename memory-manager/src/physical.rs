use mmu_core::{PageSize, PhysAddr, PhysMem, Ram, RamTooLarge};

use crate::{FrameAllocator, Status, pte::Pte};

const SIZE: PageSize = PageSize::Size4KiB;

/// Frames whose use as tables is counted together: those of a GiB.
const CHUNK: usize = 1 << 18;

/// The frames that a page of any size lies in.
pub(crate) fn frames_of(page: PhysAddr, size: PageSize) -> impl Iterator<Item = PhysAddr> {
    let frames = 0..size.bytes() / SIZE.bytes();
    frames.map(move |index| page.wrapping_add(index * SIZE.bytes()))
}

/// The machine's memory, who has which of its frames, and how full its page tables are.
#[derive(Debug)]
pub(crate) struct Physical {
    ram: Ram,
    free: FrameAllocator,
    in_use: u64,
    /// By frame number: how many entries of a page table are not zero.
    used: Vec<Option<Box<[u16]>>>,
}

/// An entry that was written over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaced<T> {
    pub(crate) old: T,
    /// How many of its table's entries are not zero now.
    pub(crate) used: u16,
}

impl Physical {
    pub(crate) fn new(bytes: u64) -> Result<Self, RamTooLarge> {
        let ram = Ram::new(bytes)?;
        let chunks = (bytes >> SIZE.shift()).div_ceil(CHUNK as u64);
        Ok(Self {
            ram,
            free: FrameAllocator::new(bytes),
            in_use: 0,
            used: (0..chunks).map(|_| None).collect(),
        })
    }

    pub(crate) fn ram(&self) -> &Ram {
        &self.ram
    }

    /// Frames that are in use.
    pub(crate) fn in_use(&self) -> u64 {
        self.in_use
    }

    /// A frame that holds what its last owner left there: it must be filled.
    pub(crate) fn allocate_to_fill(&mut self) -> Result<PhysAddr, Status> {
        let frame = self.free.allocate(SIZE).ok_or(Status::NoMemory)?;
        self.in_use += 1;
        Ok(frame)
    }

    /// A frame of zeros.
    pub(crate) fn allocate(&mut self) -> Result<PhysAddr, Status> {
        let frame = self.allocate_to_fill()?;
        let zeroed = self.ram.zero_frame(frame);
        zeroed.map_err(|_| Status::InternalError)?;
        Ok(frame)
    }

    /// A frame that holds what is read from a file.
    ///
    /// # Errors
    /// [`Status::InPageError`] if that fails.
    pub(crate) fn allocate_filled(
        &mut self,
        fill: impl FnOnce(&Ram, PhysAddr) -> Result<(), Status>,
    ) -> Result<PhysAddr, Status> {
        let frame = self.allocate_to_fill()?;
        if fill(&self.ram, frame).is_err() {
            self.free(frame);
            return Err(Status::InPageError);
        }
        Ok(frame)
    }

    /// A frame that holds what another one holds.
    pub(crate) fn allocate_copy(&mut self, of: PhysAddr) -> Result<PhysAddr, Status> {
        let frame = self.allocate_to_fill()?;
        let copied = self.ram.copy_frame(of, frame);
        copied.map_err(|_| Status::InternalError)?;
        Ok(frame)
    }

    /// Memory for a page of any size, zeros, in one piece.
    ///
    /// # Errors
    /// [`Status::InsufficientResources`] if no free piece is so large.
    pub(crate) fn allocate_page(&mut self, size: PageSize) -> Result<PhysAddr, Status> {
        let page = self.free.allocate(size).or_else(|| {
            self.free.coalesce();
            self.free.allocate(size)
        });
        let page = page.ok_or(Status::InsufficientResources)?;
        self.in_use += size.bytes() / SIZE.bytes();
        for frame in frames_of(page, size) {
            let zeroed = self.ram.zero_frame(frame);
            zeroed.map_err(|_| Status::InternalError)?;
        }
        Ok(page)
    }

    /// Gives a frame back.
    pub(crate) fn free(&mut self, frame: PhysAddr) {
        self.free_page(frame, SIZE);
    }

    /// Gives the memory of a page of any size back.
    pub(crate) fn free_page(&mut self, page: PhysAddr, size: PageSize) {
        self.free.free(page, size);
        self.in_use -= size.bytes() / SIZE.bytes();
    }

    /// Gives the frame of a table back, whatever entries there are.
    pub(crate) fn free_table(&mut self, table: PhysAddr) {
        *self.used_entries(table) = 0;
        self.free(table);
    }

    pub(crate) fn read_entry(&self, at: PhysAddr) -> Result<u64, Status> {
        self.ram.read_u64(at).map_err(|_| Status::InternalError)
    }

    /// Writes an entry of a table.
    pub(crate) fn write_entry(&mut self, at: PhysAddr, new: u64) -> Result<Replaced<u64>, Status> {
        let old = self.read_entry(at)?;
        let written = self.ram.write_u64(at, new);
        written.map_err(|_| Status::InternalError)?;
        let used = self.used_entries(at);
        *used = *used + u16::from(new != 0) - u16::from(old != 0);
        Ok(Replaced { old, used: *used })
    }

    pub(crate) fn read_pte(&self, at: PhysAddr) -> Result<Pte, Status> {
        self.read_entry(at).map(Pte::from_bits)
    }

    /// An entry, and how many say the same from it on, of as many as `most` and in its table.
    pub(crate) fn alike(&self, at: PhysAddr, most: u64) -> Result<(Pte, u64), Status> {
        let pte = self.read_pte(at)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let alike = self
            .ram
            .count_alike(at, most, pte.bits(), pte.telling_bits());
        let alike = alike.map_err(|_| Status::InternalError)?;
        Ok((pte, alike as u64))
    }

    pub(crate) fn write_pte(&mut self, at: PhysAddr, new: Pte) -> Result<Replaced<Pte>, Status> {
        let Replaced { old, used } = self.write_entry(at, new.bits())?;
        Ok(Replaced {
            old: Pte::from_bits(old),
            used,
        })
    }

    /// How many entries of the table are not zero.
    pub(crate) fn entries_used(&mut self, table: PhysAddr) -> u16 {
        *self.used_entries(table)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "there is host memory for it"
    )]
    fn used_entries(&mut self, at: PhysAddr) -> &mut u16 {
        let number = at.page_number(SIZE) as usize;
        let chunk = self.used[number / CHUNK].get_or_insert_with(|| vec![0; CHUNK].into());
        &mut chunk[number % CHUNK]
    }
}
