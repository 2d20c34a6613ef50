//! What a script prints.

use std::io::Write;

use mmu_core::VirtAddr;

use super::{PAGE, Run};
use crate::vm::{error::Failure, script::Item, words::in_words};

/// The bytes of a line that are kept until it is whole: it appears so, or not at all.
const LINE_MOST: usize = 64 << 10;

impl Run<'_> {
    pub(super) fn print(&mut self, items: &[Item]) -> Result<(), Failure> {
        let mut line = Vec::new();
        for item in items {
            match item {
                Item::Text(text) => line.extend(text.as_bytes()),
                Item::Memory { address, length } => {
                    let address = VirtAddr::new(self.number(address)?);
                    let length = self.number(length)?;
                    self.print_memory(&mut line, address, length)?;
                }
                Item::InWords(words, value) => {
                    line.extend(in_words(*words, self.number(value)?).as_bytes());
                }
                Item::Number(value) => write!(line, "{:#x}", self.number(value)?)?,
            }
        }
        line.push(b'\n');
        self.out.write_all(&line)?;
        Ok(())
    }

    /// Reads memory page by page. A line that grows long is printed as far as it goes.
    fn print_memory(
        &mut self,
        line: &mut Vec<u8>,
        address: VirtAddr,
        length: u64,
    ) -> Result<(), Failure> {
        let mut page = [0; 0x1000];
        let mut offset = 0;
        while offset < length {
            self.go_on()?;
            let at = address.wrapping_add(offset);
            let size = (PAGE - at.as_u64() % PAGE).min(length - offset);
            let most = page.len();
            let bytes = &mut page[..usize::try_from(size).unwrap_or(most)];
            self.read(at, bytes)?;
            line.extend_from_slice(bytes);
            if line.len() >= LINE_MOST {
                self.out.write_all(line)?;
                line.clear();
            }
            offset += size;
        }
        Ok(())
    }
}
