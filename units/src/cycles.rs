use core::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Mul, Sub},
};

/// A number of processor clock cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Cycles(u64);

impl Cycles {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many cycles.
    #[inline]
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// The number of cycles.
    #[inline]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl Add for Cycles {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Cycles {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

/// No less than zero.
impl Sub for Cycles {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<u64> for Cycles {
    type Output = Self;

    #[inline]
    fn mul(self, times: u64) -> Self {
        Self(self.0 * times)
    }
}

impl Sum for Cycles {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
