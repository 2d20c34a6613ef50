use std::io::{self, Write};

use super::{
    HEADER_BYTES, MAGIC, VERSION,
    block::{BlockHeader, Encoder, checksum},
};
use crate::trace::Record;

/// How hard zstd tries. Higher levels make a trace hardly smaller, and slower to write.
const ZSTD_LEVEL: i32 = 7;

/// Writes a compact trace, in constant memory. Without [`CompactWriter::finish`] it has no
/// end, and a reader says that it is truncated.
pub struct CompactWriter<W: Write> {
    frame: zstd::stream::write::Encoder<'static, W>,
    block: Encoder,
    records: u64,
}

impl<W: Write> CompactWriter<W> {
    /// Begins a trace.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(mut writer: W) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        writer.write_all(&header)?;
        Ok(Self {
            frame: zstd::stream::write::Encoder::new(writer, ZSTD_LEVEL)?,
            block: Encoder::new(),
            records: 0,
        })
    }

    /// Adds records.
    ///
    /// # Errors
    /// What the writer says; [`io::ErrorKind::InvalidInput`] for a record of no bytes, or
    /// that reaches past the end of the address space.
    pub fn write(&mut self, records: &[Record]) -> io::Result<()> {
        for record in records {
            let last = u64::from(record.size).checked_sub(1);
            if last
                .and_then(|last| record.address.checked_add(last))
                .is_none()
            {
                let message = "an access of no bytes, or past the last address";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            self.block.push(record);
            self.records += 1;
            if self.block.is_full() {
                self.write_block()?;
            }
        }
        Ok(())
    }

    /// How many records were added.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Ends the trace, and returns the writer.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        let total = self.records.to_le_bytes();
        let end = BlockHeader {
            records: 0,
            data_bytes: 8,
            checksum: checksum(0, 8, &[&total]),
        };
        self.frame.write_all(&end.to_bytes())?;
        self.frame.write_all(&total)?;
        self.frame.finish()
    }

    fn write_block(&mut self) -> io::Result<()> {
        let (header, opcodes, data) = self.block.parts();
        self.frame.write_all(&header)?;
        self.frame.write_all(opcodes)?;
        self.frame.write_all(data)?;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> std::fmt::Debug for CompactWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompactWriter")
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}
