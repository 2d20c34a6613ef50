use core::sync::atomic::{AtomicU64, Ordering};

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

    /// Reads words as [`PhysMem::read_u64`] does, for nobody who depends on what they say: one
    /// where no memory answers may be anything. A memory that is larger than the host's caches
    /// answers sooner if it reads them side by side.
    fn glance(&self, at: &[PhysAddr], words: &mut [u64]) {
        for (word, &at) in words.iter_mut().zip(at) {
            *word = self.read_u64(at).unwrap_or(0);
        }
    }

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

    /// Reads the four bytes at an address that is a multiple of four, for 32-bit paging.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers there.
    #[inline]
    fn read_u32(&self, at: PhysAddr) -> Result<u32, BusError> {
        Ok(Half::of(at).get(self.read_u64(Half::word(at))?))
    }

    /// As [`PhysMem::compare_exchange_u64`], for four bytes at a multiple of four. The four
    /// beside them are not changed; that they changed meanwhile may be a reason to fail, with
    /// `current` as the inner error.
    ///
    /// # Errors
    /// [`BusError`] if no memory answers there.
    fn compare_exchange_u32(
        &self,
        at: PhysAddr,
        current: u32,
        new: u32,
    ) -> Result<Result<(), u32>, BusError> {
        let (half, word_at) = (Half::of(at), Half::word(at));
        let word = self.read_u64(word_at)?;
        if half.get(word) != current {
            return Ok(Err(half.get(word)));
        }
        let exchanged = self.compare_exchange_u64(word_at, word, half.replaced(word, new))?;
        Ok(exchanged.map_err(|found| half.get(found)))
    }
}

/// One of the two words of 32 bits in one of 64.
#[derive(Clone, Copy)]
struct Half {
    shift: u32,
}

impl Half {
    #[inline]
    const fn of(at: PhysAddr) -> Self {
        Self {
            shift: if at.as_u64() & 4 == 0 { 0 } else { 32 },
        }
    }

    #[inline]
    const fn word(at: PhysAddr) -> PhysAddr {
        PhysAddr::new(at.as_u64() & !7)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "half of it is wanted")]
    const fn get(self, word: u64) -> u32 {
        (word >> self.shift) as u32
    }

    #[inline]
    const fn replaced(self, word: u64, half: u32) -> u64 {
        word & !(0xffff_ffff << self.shift) | (half as u64) << self.shift
    }
}

/// Flat memory: the words from physical address 0 on. Several threads may share it.
impl PhysMem for [AtomicU64] {
    #[inline]
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        match self.get(word_index(at)) {
            Some(word) => Ok(word.load(Ordering::Acquire)),
            None => Err(BusError(at)),
        }
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        let word = self.get(word_index(at)).ok_or(BusError(at))?;
        let exchanged = word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
        Ok(exchanged.map(|_| ()))
    }
}

#[inline]
fn word_index(at: PhysAddr) -> usize {
    usize::try_from(at.as_u64() / 8).unwrap_or(usize::MAX)
}

impl<M: PhysMem + ?Sized> PhysMem for &M {
    #[inline]
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        (**self).read_u64(at)
    }

    #[inline]
    fn glance(&self, at: &[PhysAddr], words: &mut [u64]) {
        (**self).glance(at, words);
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

    #[inline]
    fn read_u32(&self, at: PhysAddr) -> Result<u32, BusError> {
        (**self).read_u32(at)
    }

    #[inline]
    fn compare_exchange_u32(
        &self,
        at: PhysAddr,
        current: u32,
        new: u32,
    ) -> Result<Result<(), u32>, BusError> {
        (**self).compare_exchange_u32(at, current, new)
    }
}

/// No memory answers at a physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no memory at physical address {0:#x}")]
pub struct BusError(pub PhysAddr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_word_is_exchanged_and_the_other_half_kept() {
        let memory = [AtomicU64::new(0), AtomicU64::new(0x1111_1111_2222_2222)];
        let (low, high) = (PhysAddr::new(8), PhysAddr::new(12));
        assert_eq!(memory.read_u32(low), Ok(0x2222_2222));
        assert_eq!(memory.read_u32(high), Ok(0x1111_1111));
        let exchange = |at, current, new| memory.compare_exchange_u32(at, current, new);
        assert_eq!(exchange(high, 0, 5), Ok(Err(0x1111_1111)));
        assert_eq!(exchange(high, 0x1111_1111, 5), Ok(Ok(())));
        assert_eq!(memory.read_u64(low), Ok(0x0000_0005_2222_2222));
        let beyond = PhysAddr::new(16);
        assert_eq!(memory.read_u32(beyond), Err(BusError(beyond)));
        assert_eq!(
            memory.compare_exchange_u64(beyond, 0, 1),
            Err(BusError(beyond))
        );
    }
}
