//! The recorded data in `tests/data`.

use std::{fs::File, io::Read, path::PathBuf};

use lookaside::{
    image::MemoryImage,
    input::{self, Source},
};

/// How long a window a file may ask for, as a power of two.
const WINDOW_LOG: u32 = 27;

/// Where a file of the data lies.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name)
}

/// The content of a compressed file, as a stream that none of the project's own code reads.
///
/// # Panics
/// If it cannot be opened.
pub fn decompressed(name: &str) -> impl Read {
    let file = File::open(path(name)).expect("the file is there");
    let mut decoder = zstd::Decoder::new(file).expect("the file is compressed");
    decoder.window_log_max(WINDOW_LOG).expect("a window");
    decoder
}

/// The whole content of a compressed text.
///
/// # Panics
/// If it cannot be read.
pub fn text(name: &str) -> String {
    let mut text = String::new();
    decompressed(name)
        .read_to_string(&mut text)
        .expect("it is text");
    text
}

/// The first bytes of a file, decompressed.
///
/// # Panics
/// If it cannot be read.
pub fn start(name: &str, length: usize) -> Vec<u8> {
    let mut input = input::open(&Source::from(&*path(name))).expect("the file opens");
    let mut bytes = vec![0; length];
    let count = input.read_full(&mut bytes).expect("the file is whole");
    bytes.truncate(count);
    bytes
}

/// A memory image.
///
/// # Panics
/// If it cannot be loaded.
pub fn image(name: &str) -> MemoryImage {
    let source = Source::from(&*path(name));
    let input = input::open(&source).expect("the image opens");
    MemoryImage::load(input).expect("the image loads")
}
