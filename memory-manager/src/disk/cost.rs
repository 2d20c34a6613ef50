//! What a disk costs in time.

use std::num::NonZeroU64;

use mmu_core::Cycles;

/// A disk that takes a fixed time for each operation, and then so long a byte. One operation is
/// done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskModel {
    /// Nanoseconds before the first byte is read.
    pub read_latency_ns: u64,
    /// Nanoseconds before the first byte is written.
    pub write_latency_ns: u64,
    /// How fast it reads, in 10^6 bytes a second.
    pub read_mb_per_s: NonZeroU64,
    /// How fast it writes, in 10^6 bytes a second.
    pub write_mb_per_s: NonZeroU64,
    /// The frequency of the core that waits, in MHz.
    pub core_mhz: u64,
}

impl DiskModel {
    /// A solid-state disk: Intel's P4500 of 2 TB, random accesses of 4 KiB and
    /// sequential rates as the maker states them (Lenovo's product guide for that disk). That
    /// no two operations overlap, and the core's 3 GHz, are assumed.
    pub const SSD: Self = Self {
        read_latency_ns: 85_000,
        write_latency_ns: 20_000,
        read_mb_per_s: rate(3200),
        write_mb_per_s: rate(1050),
        core_mhz: 3000,
    };

    /// A hard disk of 7200 revolutions a minute: half a revolution (4.17 ms) and a seek of
    /// 8.5 ms, 150 MB/s. All assumed but the revolution.
    pub const HARD_DISK: Self = Self {
        read_latency_ns: 12_670_000,
        write_latency_ns: 12_670_000,
        read_mb_per_s: rate(150),
        write_mb_per_s: rate(150),
        core_mhz: 3000,
    };

    /// What it takes to read so many bytes that lie together.
    pub fn read(&self, bytes: u64) -> Cycles {
        self.cycles(self.read_latency_ns, bytes, self.read_mb_per_s)
    }

    /// What it takes to write so many bytes that lie together.
    pub fn write(&self, bytes: u64) -> Cycles {
        self.cycles(self.write_latency_ns, bytes, self.write_mb_per_s)
    }

    fn cycles(&self, latency_ns: u64, bytes: u64, mb_per_s: NonZeroU64) -> Cycles {
        // In picoseconds times MB/s nothing is rounded before the end.
        let rate = u128::from(mb_per_s.get());
        let scaled = u128::from(latency_ns) * rate + u128::from(bytes) * 1000;
        let cycles = (scaled * u128::from(self.core_mhz)).div_ceil(rate * 1000);
        Cycles::new(u64::try_from(cycles).unwrap_or(u64::MAX))
    }
}

impl Default for DiskModel {
    fn default() -> Self {
        Self::SSD
    }
}

const fn rate(mb_per_s: u64) -> NonZeroU64 {
    match NonZeroU64::new(mb_per_s) {
        Some(rate) => rate,
        None => NonZeroU64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_costs_its_latency_and_its_bytes() {
        let disk = DiskModel {
            read_latency_ns: 10,
            write_latency_ns: 20,
            read_mb_per_s: rate(1000),
            write_mb_per_s: rate(500),
            core_mhz: 2000,
        };
        // One nanosecond a byte, and two cycles a nanosecond.
        assert_eq!(disk.read(100), Cycles::new(220));
        assert_eq!(disk.write(100), Cycles::new(440));
        assert_eq!(disk.read(0), Cycles::new(20));
        // What is begun is waited for.
        let slow = DiskModel {
            core_mhz: 1,
            ..disk
        };
        assert_eq!(slow.read(1), Cycles::new(1));
        assert_eq!(slow.read(u64::MAX).as_u64(), u64::MAX / 1000 + 1);
    }

    #[test]
    fn a_cluster_is_cheaper_than_its_pages() {
        for disk in [DiskModel::SSD, DiskModel::HARD_DISK] {
            let pages = disk.read(4096).as_u64() * 16;
            assert!(disk.read(16 * 4096).as_u64() < pages / 4);
        }
    }
}
