use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use super::FileName;

/// The files that sections are made of: real ones, of which nothing stays.
#[derive(Debug)]
pub(super) struct Files([File; 2]);

impl Files {
    /// Files with so many bytes each.
    pub(super) fn new([first, second]: [u64; 2]) -> io::Result<Self> {
        Ok(Self([made(0, first)?, made(1, second)?]))
    }

    pub(super) fn get(&self, name: FileName) -> &File {
        let Self([first, second]) = self;
        match name {
            FileName::F0 => first,
            FileName::F1 => second,
        }
    }
}

fn made(number: u64, length: u64) -> io::Result<File> {
    let mut writer = BufWriter::new(tempfile::tempfile()?);
    for place in 0..length {
        writer.write_all(&[content(number, place)])?;
    }
    Ok(writer.into_inner()?)
}

/// What the format says a byte of a file is: in the middle of each page an instruction that
/// returns and one that writes, else what tells the places apart.
fn content(number: u64, place: u64) -> u8 {
    match place % 0x1000 {
        0x800 => 0xc3,
        0x801 => 0,
        _ => {
            let sum = place * 7 + (place >> 8) * 13 + (place >> 16) * 5 + number * 29 + 1;
            sum.to_le_bytes()[0]
        }
    }
}
