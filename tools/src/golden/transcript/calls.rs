use memory_manager::{
    AddressRange, AllocationType, Backing, FileAccess, FreeType, MemoryInformation, PageProtection,
    SectionAttributes, Status, ViewAccess, WatchFlags,
};
use mmu_core::VirtAddr;

use super::{
    Answer, Call, Extent, FileName, Handle, Place, Reply, Walk, Width,
    fnv::Fnv1a,
    header::GRANULARITY,
    player::{NotDone, Player},
    reply::Alignment,
    walks::{PAGE_BYTES, pages},
};

/// How much is read at a time where much is.
const CHUNK_BYTES: usize = 0x1000;

impl Player {
    /// Makes a call, and looks at what is there then.
    pub(super) fn call(&mut self, call: &Call) -> Result<Reply, NotDone> {
        match *call {
            Call::Alloc {
                at,
                size,
                kind,
                protection,
            } => self.alloc(at, size, kind, protection),
            Call::Free { at, size, kind } => self.free(at, size, kind),
            Call::Protect {
                at,
                size,
                protection,
            } => self.protect(at, size, protection),
            Call::Query(at) => self.query(at),
            Call::Read { at, width } => self.read(at, width),
            Call::Write { at, width, value } => self.write(at, width, value),
            Call::Execute(at) => {
                let address = self.address(at)?;
                self.machine.execute(self.process, address)?;
                Ok(Answer::Reached.into())
            }
            Call::GetWriteWatch {
                at,
                size,
                flags,
                limit,
            } => self.get_write_watch(at, size, flags, limit),
            Call::ResetWriteWatch { at, size } => {
                let address = self.address(at)?;
                self.win32().reset_write_watch(address, size)?;
                Ok(Answer::WatchReset.into())
            }
            Call::CreateSection {
                handle,
                file,
                protection,
                attributes,
                size,
            } => self.create_section(handle, file, protection, attributes, size),
            Call::Close(handle) => self.close(handle),
            Call::Map {
                handle,
                access,
                offset,
                size,
                at,
            } => self.map(handle, access, offset, size, at),
            Call::Unmap(at) => self.unmap(at),
            Call::Flush { at, size } => {
                let address = self.address(at)?;
                self.win32().flush_view_of_file(address, size)?;
                Ok(Answer::Done.into())
            }
            Call::ReadFile { file, offset, size } => self.read_file(file, offset, size),
            Call::Walk => {
                let walk = self.walk(self.names.arena(), usize::MAX);
                let walk = walk.ok_or(Status::InvalidParameter)?;
                Ok(Answer::Regions(walk).into())
            }
            Call::Sum { at, size } => self.sum(at, size),
        }
    }

    fn alloc(
        &mut self,
        at: Place,
        size: u64,
        kind: AllocationType,
        protection: PageProtection,
    ) -> Result<Reply, NotDone> {
        let wanted = self.wanted(at)?;
        let range = self.win32().virtual_alloc(wanted, size, kind, protection)?;
        let reply = self.placed(wanted, range, 8);
        if let Answer::WithoutSlot(_) = reply.answer {
            self.win32()
                .virtual_free(range.base, 0, FreeType::RELEASE)?;
        }
        Ok(reply)
    }

    /// Names what the system placed, if a name is free.
    fn placed(&mut self, wanted: Option<VirtAddr>, range: AddressRange, limit: usize) -> Reply {
        let answer = if wanted.is_some() {
            Answer::At(self.names.place(range.base.as_u64()))
        } else if let Some(slot) = self.names.bind(range) {
            Answer::InSlot(slot, alignment(range))
        } else {
            return Answer::WithoutSlot(alignment(range)).into();
        };
        Reply {
            answer,
            walk: self.walk(range, limit),
        }
    }

    fn free(&mut self, at: Place, size: u64, kind: FreeType) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let range = self.win32().virtual_free(address, size, kind)?;
        if kind == FreeType::RELEASE {
            return Ok(self.released(range, 4));
        }
        let range = match size {
            0 => self.allocation(address),
            _ => pages(address, size),
        };
        Ok(Reply {
            answer: Answer::Done,
            walk: self.walk(range, 6),
        })
    }

    /// Takes the region's name away. What the system may place something else in is not shown.
    fn released(&mut self, range: AddressRange, limit: usize) -> Reply {
        self.names.unbind(range.base);
        let is_shown = self.names.is_in_arena(range.base);
        Reply {
            answer: Answer::Done,
            walk: is_shown.then(|| self.walk(range, limit)).flatten(),
        }
    }

    /// The whole of what an address is in.
    fn allocation(&self, address: VirtAddr) -> AddressRange {
        let query = |address| self.machine.virtual_query(self.process, address).ok();
        let allocation = |address| query(address)?.allocation_base;
        let base = allocation(address).unwrap_or(address);
        let mut size = 0;
        while let Some(information) = query(base.wrapping_add(size))
            && information.allocation_base == Some(base)
        {
            size += information.size.max(PAGE_BYTES);
        }
        AddressRange { base, size }
    }

    fn protect(
        &mut self,
        at: Place,
        size: u64,
        protection: PageProtection,
    ) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let mut old = PageProtection::empty();
        self.win32()
            .virtual_protect(address, size, protection, Some(&mut old))?;
        Ok(Reply {
            answer: Answer::Protected(old),
            walk: self.walk(pages(address, size), 8),
        })
    }

    fn query(&mut self, at: Place) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let information = self
            .win32()
            .virtual_query(address, MemoryInformation::BYTES)?;
        let walk = Walk {
            regions: vec![self.region(&information)],
            extent: Extent::Whole,
        };
        Ok(Answer::Regions(walk).into())
    }

    fn read(&mut self, at: Place, width: Width) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let mut bytes = [0; 8];
        self.machine
            .read(self.process, address, &mut bytes[..width.bytes()])?;
        Ok(Answer::Loaded(Some(u64::from_le_bytes(bytes))).into())
    }

    fn write(&mut self, at: Place, width: Width, value: u64) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let range = pages(address, width.bytes() as u64);
        let copies = self.is_to_be_copied(range);
        let bytes = &value.to_le_bytes()[..width.bytes()];
        self.machine.write(self.process, address, bytes)?;
        Ok(Reply {
            answer: Answer::Reached,
            walk: copies.and_then(|()| self.walk(range, 3)),
        })
    }

    /// Whether a write to a page of a range makes a copy of it.
    fn is_to_be_copied(&self, range: AddressRange) -> Option<()> {
        let copied = PageProtection::WRITECOPY | PageProtection::EXECUTE_WRITECOPY;
        let walk = self.walk(range, usize::MAX)?;
        let mut regions = walk.regions.iter();
        regions
            .any(|region| region.protection.intersects(copied))
            .then_some(())
    }

    fn get_write_watch(
        &mut self,
        at: Place,
        size: u64,
        flags: WatchFlags,
        limit: u64,
    ) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let written = self.win32().get_write_watch(address, size, flags, limit)?;
        let places = written.iter().map(|page| self.names.place(page.as_u64()));
        Ok(Answer::Written(places.collect()).into())
    }

    fn create_section(
        &mut self,
        handle: Handle,
        file: Option<FileName>,
        protection: PageProtection,
        attributes: SectionAttributes,
        size: u64,
    ) -> Result<Reply, NotDone> {
        let backing = match file {
            None => Backing::PageFile,
            Some(name) => {
                let file = self.files.get(name).try_clone();
                Backing::File(file.map_err(NotDone::File)?, FileAccess::all())
            }
        };
        let section = self
            .win32()
            .create_file_mapping(backing, protection, attributes, size, None)?;
        self.sections[handle.index()] = Some(section);
        Ok(match file {
            None => Answer::Done.into(),
            Some(name) => {
                let metadata = self.files.get(name).metadata();
                Answer::FileSize(metadata.map_err(NotDone::File)?.len()).into()
            }
        })
    }

    fn close(&mut self, handle: Handle) -> Result<Reply, NotDone> {
        let section = self.sections[handle.index()].take();
        let section = section.ok_or(Status::InvalidHandle)?;
        self.win32().close_handle(section)?;
        Ok(Answer::Done.into())
    }

    fn map(
        &mut self,
        handle: Handle,
        access: ViewAccess,
        offset: u64,
        size: u64,
        at: Place,
    ) -> Result<Reply, NotDone> {
        let wanted = self.wanted(at)?;
        let section = self.sections[handle.index()].ok_or(Status::InvalidHandle)?;
        let range = self
            .win32()
            .map_view_of_file_ex(section, access, offset, size, wanted)?;
        let reply = self.placed(wanted, range, 6);
        if let Answer::WithoutSlot(_) = reply.answer {
            self.win32().unmap_view_of_file(range.base)?;
        }
        Ok(reply)
    }

    fn unmap(&mut self, at: Place) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let range = self.win32().unmap_view_of_file(address)?;
        Ok(self.released(range, 2))
    }

    fn read_file(&mut self, file: FileName, offset: u64, size: u64) -> Result<Reply, NotDone> {
        let mut hash = Fnv1a::new();
        let mut buffer = [0; CHUNK_BYTES];
        let mut done = 0;
        while done < size {
            let chunk = chunk(&mut buffer, size - done);
            let at = offset.checked_add(done).ok_or(Status::InvalidParameter)?;
            let count = self.machine.read_file(self.files.get(file), at, chunk)?;
            if count == 0 {
                break;
            }
            hash.add(&chunk[..count]);
            done += count as u64;
        }
        Ok(Answer::FileRead(done, hash.value()).into())
    }

    fn sum(&mut self, at: Place, size: u64) -> Result<Reply, NotDone> {
        let address = self.address(at)?;
        let mut hash = Fnv1a::new();
        let mut buffer = [0; CHUNK_BYTES];
        let mut done = 0;
        while done < size {
            let chunk = chunk(&mut buffer, size - done);
            let at = address.wrapping_add(done);
            self.machine.read(self.process, at, chunk)?;
            hash.add(chunk);
            done += chunk.len() as u64;
        }
        Ok(Answer::Hash(hash.value()).into())
    }
}

/// As much of a buffer as there is to read.
fn chunk(buffer: &mut [u8; CHUNK_BYTES], rest: u64) -> &mut [u8] {
    let count = usize::try_from(rest).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
    &mut buffer[..count]
}

fn alignment(range: AddressRange) -> Alignment {
    if range.base.as_u64().is_multiple_of(GRANULARITY) {
        Alignment::Aligned
    } else {
        Alignment::Unaligned
    }
}
