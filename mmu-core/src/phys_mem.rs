use units::PhysAddr;

/// Physical memory as the walker needs it, implemented by whoever owns the guest's memory.
///
/// The methods take `&self`, so that the processors of one machine can share a memory; an
/// implementation that is shared between threads makes the words atomic. Words are
/// little-endian and naturally aligned: the walker never asks for any other.
pub trait PhysMem {
    /// Reads the eight bytes at an address that is a multiple of eight.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers there.
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError>;

    /// Writes `new` in place of `current` at an address that is a multiple of eight, as one
    /// atomic step, if `current` is what stands there; else changes nothing and returns
    /// what does stand there as the inner error.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers there.
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError>;
}

impl<M: PhysMem + ?Sized> PhysMem for &M {
    #[inline]
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        (**self).read_u64(at)
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        (**self).compare_exchange_u64(at, current, new)
    }
}

/// No memory answers at a physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no memory at physical address {0:#x}")]
pub struct BusError(pub PhysAddr);
