use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// The paging-structure entries of a path, that of the root first.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Entries {
    values: [u64; 5],
    count: usize,
}

impl Entries {
    /// Adds the entry of the next level, if there can be one more.
    pub(super) fn push(&mut self, entry: u64) -> Option<()> {
        *self.values.get_mut(self.count)? = entry;
        self.count += 1;
        Some(())
    }

    /// The same entries with these bits cleared.
    pub(super) fn without(mut self, bits: u64) -> Self {
        self.iter_mut().for_each(|entry| *entry &= !bits);
        self
    }
}

impl Deref for Entries {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.values[..self.count]
    }
}

impl DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.values[..self.count]
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({self})")
    }
}

/// As the files write them.
impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, entry) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{entry:x}")?;
        }
        Ok(())
    }
}
