use std::fs::File;

use crate::{
    AddressRange, Machine, Status, Target, user_range::WrongRange, vad::PAGE_BYTES,
    working_set::pages,
};

impl Machine {
    /// Reads a file from an offset on into a program's buffer (`NtReadFile`), as it is through
    /// the views of it; gives how many bytes there were before its end. All pages of the buffer
    /// count as written, however many bytes there are.
    ///
    /// # Errors
    /// - [`Status::InvalidHandle`]: no such process or thread.
    /// - As a write to the first page of the buffer fails that cannot be written; nothing is
    ///   read then.
    /// - What the host says of the file.
    pub fn read_file_into(
        &mut self,
        target: impl Into<Target>,
        file: &File,
        offset: u64,
        buffer: AddressRange,
    ) -> Result<u64, Status> {
        let target = target.into();
        self.space(target)?;
        if buffer.size == 0 {
            return Ok(0);
        }
        let wrong = WrongRange::just(Status::AccessViolation);
        let (start, end) = wrong.pages(buffer.base, buffer.size)?;
        for page in pages(start, end) {
            let before = page.saturating_sub(buffer.base.as_u64());
            let first = buffer.base.wrapping_add(before);
            self.probe_write(target, first)
                .map_err(|stopped| stopped.code)?;
        }
        let (mut bytes, mut done) = ([0; PAGE_BYTES], 0);
        while done < buffer.size {
            let most =
                usize::try_from(buffer.size - done).map_or(PAGE_BYTES, |rest| rest.min(PAGE_BYTES));
            let count = self.read_file(file, offset.saturating_add(done), &mut bytes[..most])?;
            self.write(target, buffer.base.wrapping_add(done), &bytes[..count])
                .map_err(|stopped| stopped.code)?;
            done += count as u64;
            if count < most {
                break;
            }
        }
        Ok(done)
    }
}
