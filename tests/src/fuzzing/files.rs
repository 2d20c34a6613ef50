use std::io::Cursor;

use lookaside::{
    golden::GoldenFile,
    image::MemoryImage,
    input::{Input, Source},
    preset::Preset,
    trace::{self, TraceFormat, TraceReader, mmut::MmutReader},
};

fn input(bytes: &[u8]) -> Option<Input> {
    let source = Source::from("fuzzed".as_ref() as &std::path::Path);
    Input::new(source, Cursor::new(bytes.to_vec())).ok()
}

/// A memory image of any format.
pub fn images(bytes: &[u8]) {
    if let Some(input) = input(bytes) {
        // What is wrong with it has to be said, too.
        let _ = MemoryImage::load(input).map_err(|error| error.to_string());
    }
}

/// A trace of any format.
pub fn traces(bytes: &[u8]) {
    if let Some(input) = input(bytes)
        && let Ok(mut reader) = trace::open(input, TraceFormat::Auto)
    {
        let mut batch = Vec::new();
        while matches!(reader.next_batch(&mut batch), Ok(1..)) {}
    }
    if let Some(input) = input(bytes)
        && let Ok(mut reader) = MmutReader::new(input)
    {
        let mut batch = Vec::new();
        while matches!(reader.next_batch(&mut batch), Ok(1..)) {}
    }
}

/// Golden vectors, sequences or transcripts.
pub fn golden(bytes: &[u8]) {
    if let Some(input) = input(bytes)
        && let Ok(file) = GoldenFile::new(input)
    {
        let _ = file.check(|_| true).map_err(|error| error.to_string());
    }
}

/// A processor's file.
pub fn presets(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Preset::parse("fuzzed.toml", text).map_err(|error| error.to_string());
    }
}
