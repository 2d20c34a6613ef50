//! What was read and written, for whom, and what it took.

use mmu_core::Cycles;

use super::DiskModel;

/// For whom a disk works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoOwner {
    /// Pages that have no file of their own.
    PageFile,
    /// Pages of mapped files, images among them.
    MappedFile,
}

/// What one owner's operations came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IoCounters {
    /// Reads, each of pages that lie together.
    pub reads: u64,
    /// Writes, each of pages that lie together.
    pub writes: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// What it took.
    pub cycles: Cycles,
}

/// What the disks did, by whom it was for. Operations that failed took their time as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskLedger {
    model: DiskModel,
    page_files: IoCounters,
    mapped_files: IoCounters,
}

impl DiskLedger {
    /// Nothing was done yet, and what is will cost as `model` says.
    pub fn new(model: DiskModel) -> Self {
        Self {
            model,
            ..Self::default()
        }
    }

    /// What was done for an owner.
    pub fn counters(&self, owner: IoOwner) -> IoCounters {
        match owner {
            IoOwner::PageFile => self.page_files,
            IoOwner::MappedFile => self.mapped_files,
        }
    }

    /// Notes a read of bytes that lie together.
    pub fn read(&mut self, owner: IoOwner, bytes: u64) {
        let cycles = self.model.read(bytes);
        let counters = self.counters_mut(owner);
        counters.reads += 1;
        counters.bytes_read += bytes;
        counters.cycles += cycles;
    }

    /// Notes a write of bytes that lie together.
    pub fn write(&mut self, owner: IoOwner, bytes: u64) {
        let cycles = self.model.write(bytes);
        let counters = self.counters_mut(owner);
        counters.writes += 1;
        counters.bytes_written += bytes;
        counters.cycles += cycles;
    }

    /// Notes that an operation failed.
    pub fn fail(&mut self, owner: IoOwner) {
        self.counters_mut(owner).failures += 1;
    }

    fn counters_mut(&mut self, owner: IoOwner) -> &mut IoCounters {
        match owner {
            IoOwner::PageFile => &mut self.page_files,
            IoOwner::MappedFile => &mut self.mapped_files,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_one_owner() {
        let mut ledger = DiskLedger::new(DiskModel::HARD_DISK);
        ledger.read(IoOwner::PageFile, 0x8000);
        ledger.read(IoOwner::PageFile, 0x1000);
        ledger.write(IoOwner::MappedFile, 0x2000);
        let model = DiskModel::HARD_DISK;
        let read = IoCounters {
            reads: 2,
            bytes_read: 0x9000,
            cycles: model.read(0x8000) + model.read(0x1000),
            ..IoCounters::default()
        };
        let written = IoCounters {
            writes: 1,
            bytes_written: 0x2000,
            cycles: model.write(0x2000),
            ..IoCounters::default()
        };
        assert_eq!(ledger.counters(IoOwner::PageFile), read);
        assert_eq!(ledger.counters(IoOwner::MappedFile), written);
    }
}
