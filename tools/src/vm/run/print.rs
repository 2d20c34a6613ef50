//! What a script prints.

use std::io::Write;

use mmu_core::VirtAddr;

use super::Run;
use crate::vm::{error::Failure, script::Item, words::in_words};

impl Run<'_> {
    pub(super) fn print(&mut self, items: &[Item]) -> Result<(), Failure> {
        let mut line = Vec::new();
        for item in items {
            match item {
                Item::Text(text) => line.extend(text.as_bytes()),
                Item::Memory { address, length } => {
                    let address = VirtAddr::new(self.number(address)?);
                    let length = self.number(length)?;
                    for offset in 0..length {
                        let mut byte = [0];
                        let at = address.wrapping_add(offset);
                        self.read(at, &mut byte)?;
                        line.extend(byte);
                    }
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
}
