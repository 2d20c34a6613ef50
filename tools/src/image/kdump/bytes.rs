use super::{
    super::{ImageError, pages::CHUNK_BYTES},
    Arrangement, KdumpError,
    rearranged::Rearranged,
};
use crate::input::{Input, Source};

/// The bytes of a dump, read from the front to the back: what was passed is gone.
pub(super) enum Bytes {
    Stream(Input),
    Rearranged(Rearranged),
}

impl Bytes {
    /// Fills the buffer from an offset on.
    pub(super) fn read(
        &mut self,
        offset: u64,
        bytes: &mut [u8],
        what: &'static str,
    ) -> Result<(), ImageError> {
        let end = offset.saturating_add(bytes.len() as u64);
        self.read_part(offset, bytes, (what, end))
    }

    /// Fills the buffer with a piece of a part that has an end.
    fn read_part(
        &mut self,
        offset: u64,
        bytes: &mut [u8],
        (what, end): (&'static str, u64),
    ) -> Result<(), ImageError> {
        let reached = self.reached();
        if offset < reached {
            return Err(self.error(offset, KdumpError::OutOfPlace { what, reached }));
        }
        let count = match self {
            Self::Stream(input) => {
                input.skip(offset - reached)?;
                input.read_full(bytes)?
            }
            Self::Rearranged(content) => content.read(offset, bytes),
        };
        if count == bytes.len() {
            return Ok(());
        }
        let at = match self {
            Self::Stream(input) => input.offset(),
            Self::Rearranged(_) => offset + count as u64,
        };
        let expected = what;
        Err(self.error(at, KdumpError::Truncated { expected, end }))
    }

    /// So many bytes from an offset on. However many they are said to be, memory is taken
    /// only for those that come.
    pub(super) fn take(
        &mut self,
        mut offset: u64,
        length: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut left = length;
        let end = offset.saturating_add(length);
        while left > 0 {
            let count = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            self.read_part(offset, &mut chunk[..count], (what, end))?;
            bytes.extend_from_slice(&chunk[..count]);
            offset += count as u64;
            left -= count as u64;
        }
        Ok(bytes)
    }

    pub(super) fn arrangement(&self) -> Arrangement {
        match self {
            Self::Stream(_) => Arrangement::File,
            Self::Rearranged(_) => Arrangement::Rearranged,
        }
    }

    pub(super) fn source(&self) -> &Source {
        match self {
            Self::Stream(input) => input.source(),
            Self::Rearranged(content) => content.source(),
        }
    }

    /// An error with its place in the dump.
    pub(super) fn error(&self, offset: u64, error: impl Into<KdumpError>) -> ImageError {
        ImageError::Kdump {
            source_name: self.source().clone(),
            offset,
            of: self.arrangement(),
            error: error.into(),
        }
    }

    /// Up to where the dump was read.
    fn reached(&self) -> u64 {
        match self {
            Self::Stream(input) => input.offset(),
            Self::Rearranged(content) => content.reached(),
        }
    }
}
