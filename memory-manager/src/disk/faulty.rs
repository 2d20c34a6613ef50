//! A disk that fails when it is told to.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Disk;

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskFault {
    /// Nothing is done, and the device says so.
    Fails,
    /// Nothing is written, because the disk is full; what is there is read.
    Full,
    /// Half of the bytes are read or written, and that is what is said. Other operations are
    /// done.
    Short,
    /// A read meets the end, and a write fails as [`DiskFault::Fails`] does.
    Ends,
    /// Half of the bytes are written before the device fails; other operations just fail.
    Torn,
    /// Half of the bytes are written, and nobody is told; other operations are done.
    TornSilently,
    /// One bit of what is read or written is another one, and nobody is told; other operations
    /// are done.
    FlippedBit,
}

impl DiskFault {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Fails,
        Self::Full,
        Self::Short,
        Self::Ends,
        Self::Torn,
        Self::TornSilently,
        Self::FlippedBit,
    ];

    fn error(self) -> io::Error {
        match self {
            Self::Full => ErrorKind::StorageFull.into(),
            _ => io::Error::other("the device failed, as it was told to"),
        }
    }

    /// What becomes of an operation without bytes.
    fn plain(self) -> io::Result<()> {
        match self {
            Self::Short | Self::TornSilently | Self::FlippedBit => Ok(()),
            Self::Fails | Self::Full | Self::Ends | Self::Torn => Err(self.error()),
        }
    }
}

#[derive(Debug, Default)]
struct Plan {
    operations: u64,
    once: BTreeMap<u64, DiskFault>,
    from: Option<(u64, DiskFault)>,
}

/// Which operations of the disks that share it fail, and how. They are counted from 0 on, those
/// of all these disks together.
#[derive(Clone, Debug, Default)]
pub struct DiskFaults(Arc<Mutex<Plan>>);

impl DiskFaults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.plan().operations
    }

    /// One operation goes wrong.
    pub fn fail(&self, operation: u64, fault: DiskFault) {
        self.plan().once.insert(operation, fault);
    }

    /// All operations from this one on go wrong.
    pub fn fail_from(&self, operation: u64, fault: DiskFault) {
        self.plan().from = Some((operation, fault));
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.once.clear();
        plan.from = None;
    }

    fn next(&self) -> Option<DiskFault> {
        let mut plan = self.plan();
        let operation = plan.operations;
        plan.operations += 1;
        let always = plan.from.filter(|&(from, _)| operation >= from);
        let once = plan.once.remove(&operation);
        once.or(always.map(|(_, fault)| fault))
    }
}

/// A disk that fails when it is told to, and else is the disk in it.
///
/// ```
/// use memory_manager::{Disk, DiskFault, DiskFaults, FaultyDisk};
///
/// let faults = DiskFaults::default();
/// let disk = FaultyDisk::new(tempfile::tempfile()?, &faults);
/// faults.fail(1, DiskFault::TornSilently);
/// assert_eq!(disk.write_at(0, b"1111")?, 4);
/// assert_eq!(disk.write_at(0, b"2222")?, 4);
/// let mut bytes = [0; 4];
/// disk.read_at(0, &mut bytes)?;
/// assert_eq!(&bytes, b"2211");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FaultyDisk<D> {
    disk: D,
    faults: DiskFaults,
}

impl<D: Disk> FaultyDisk<D> {
    /// A disk on another one.
    pub fn new(disk: D, faults: &DiskFaults) -> Self {
        let faults = faults.clone();
        Self { disk, faults }
    }
}

impl<D: Disk> Disk for FaultyDisk<D> {
    fn length(&self) -> io::Result<u64> {
        match self.faults.next() {
            None | Some(DiskFault::Full) => {}
            Some(fault) => fault.plain()?,
        }
        self.disk.length()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let half = half(bytes.len());
        match self.faults.next() {
            None | Some(DiskFault::Full | DiskFault::TornSilently) => {
                self.disk.read_at(offset, bytes)
            }
            Some(DiskFault::Short) => self.disk.read_at(offset, &mut bytes[..half]),
            Some(DiskFault::Ends) => Ok(0),
            Some(DiskFault::FlippedBit) => {
                let count = self.disk.read_at(offset, bytes)?;
                flip(&mut bytes[..count]);
                Ok(count)
            }
            Some(fault) => Err(fault.error()),
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let half = &bytes[..half(bytes.len())];
        match self.faults.next() {
            None => self.disk.write_at(offset, bytes),
            Some(DiskFault::Short) => self.disk.write_at(offset, half),
            Some(DiskFault::FlippedBit) => {
                let mut bytes = bytes.to_vec();
                flip(&mut bytes);
                self.disk.write_at(offset, &bytes)
            }
            Some(DiskFault::TornSilently) => {
                self.disk.write_at(offset, half)?;
                Ok(bytes.len())
            }
            Some(fault @ DiskFault::Torn) => {
                self.disk.write_at(offset, half)?;
                Err(fault.error())
            }
            Some(fault) => Err(fault.error()),
        }
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.faults.next().map_or(Ok(()), DiskFault::plain)?;
        self.disk.set_length(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.next().map_or(Ok(()), DiskFault::plain)?;
        self.disk.sync()
    }
}

/// One byte is not halved: a system that does nothing has met the end.
fn half(length: usize) -> usize {
    length.div_ceil(2)
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
}
