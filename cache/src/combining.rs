use assoc::{Geometry, IndexFunction, Replacement, SetAssociative};

use crate::{ConfigError, line::Line};

/// The write-combining buffers: which lines of write-combining memory are on their way to
/// memory, and gather writes until they go (SDM vol. 3, 12.3.1).
#[derive(Clone, Debug)]
pub(crate) struct CombiningBuffers {
    /// Nothing but an insertion counts as a use, so that the oldest makes room.
    open: SetAssociative<()>,
}

/// What a write found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// A buffer with other writes to the line.
    Combined,
    /// An empty buffer.
    Opened,
    /// None, so that the oldest was flushed to make room.
    Flushed,
}

impl CombiningBuffers {
    pub(crate) fn new(count: u32) -> Result<Self, ConfigError> {
        let open = Geometry::fully_associative(count).and_then(|geometry| {
            SetAssociative::new(geometry, IndexFunction::Linear, Replacement::TrueLru)
        });
        match open {
            Ok(open) => Ok(Self { open }),
            Err(source) => Err(ConfigError::CombiningBuffers { count, source }),
        }
    }

    /// Takes a write to a line.
    pub(crate) fn gather(&mut self, line: Line) -> Gathered {
        let (number, tag) = (line.number(), line.tag());
        if self.open.peek(number, tag).is_some() {
            return Gathered::Combined;
        }
        match self.open.insert_new(number, tag, ()) {
            None => Gathered::Opened,
            Some(_) => Gathered::Flushed,
        }
    }

    /// Flushes every buffer, and says how many were open.
    pub(crate) fn flush(&mut self) -> u64 {
        self.open.retain(|_, ()| false) as u64
    }
}
