use std::io::{self, Read, Write};

use super::*;

fn text() -> Vec<u8> {
    (0..200_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Encoder = fn(&[u8]) -> Vec<u8>;

const ENCODERS: [(Compression, Encoder); 3] = [
    (Compression::Zstd, zstd),
    (Compression::Xz, xz),
    (Compression::Gzip, gzip),
];

fn input(bytes: Vec<u8>) -> Input {
    Input::new(Source::Embedded("test"), io::Cursor::new(bytes)).unwrap()
}

/// What can be read of an input, and how it ended.
fn drain(mut input: Input) -> (Vec<u8>, Option<InputError>) {
    let mut all = Vec::new();
    let mut buffer = [0; 5000];
    loop {
        match input.read_some(&mut buffer) {
            Ok(0) => return (all, None),
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) => return (all, Some(error)),
        }
    }
}

#[test]
fn compressions_are_told_apart_by_content_and_all_frames_are_read() {
    let text = text();
    for (compression, encode) in ENCODERS {
        let (first, second) = text.split_at(1234);
        let input = input([encode(first), encode(&[]), encode(second)].concat());
        assert_eq!(input.compression(), compression);
        let (read, error) = drain(input);
        assert!(error.is_none(), "{error:?}");
        assert!(read == text);
    }
    let (read, error) = drain(input(text.clone()));
    assert!(error.is_none() && read == text);
    let (read, error) = drain(input(Vec::new()));
    assert!(error.is_none() && read.is_empty());
}

#[test]
fn a_truncated_archive_is_an_error_with_the_offset() {
    let text = text();
    for (expected, encode) in ENCODERS {
        let whole = encode(&text);
        for length in [7, 9, 12, 15, whole.len() / 2, whole.len() - 1] {
            let (read, error) = drain(input(whole[..length].to_vec()));
            let Some(InputError::Truncated {
                compression,
                offset,
                ..
            }) = error
            else {
                panic!("{expected} of {length} bytes: {error:?}");
            };
            assert_eq!((compression, offset), (expected, read.len() as u64));
            assert!(text.starts_with(&read));
        }
    }
}

#[test]
fn a_corrupt_archive_is_an_error_with_the_offset() {
    for (expected, encode) in ENCODERS {
        let mut whole = encode(&text());
        let middle = whole.len() / 2;
        whole[middle..middle + 64].fill(0xaa);
        let (read, error) = drain(input(whole));
        let Some(InputError::Corrupt {
            compression,
            offset,
            ..
        }) = error
        else {
            panic!("{expected}: {error:?}");
        };
        assert_eq!((compression, offset), (expected, read.len() as u64));
    }
}

#[test]
fn a_long_zstd_window_is_accepted_and_a_longer_one_refused() {
    let with_window = |log| {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.long_distance_matching(true).unwrap();
        encoder.write_all(&text()).unwrap();
        drain(input(encoder.finish().unwrap()))
    };
    let (read, error) = with_window(27);
    assert!(error.is_none(), "{error:?}");
    assert!(read == text());
    let (read, error) = with_window(28);
    assert!(error.is_some() && read.is_empty());
}

#[test]
fn what_was_peeked_is_still_read() {
    let text = text();
    let mut input = input(zstd(&text));
    assert_eq!(input.peek(10).unwrap(), &text[..10]);
    let mut start = [0; 4];
    assert_eq!(input.read_full(&mut start).unwrap(), 4);
    assert_eq!(input.offset(), 4);
    assert_eq!(input.peek(5000).unwrap(), &text[4..5004]);
    assert_eq!(input.offset(), 4);
    let (rest, error) = drain(input);
    assert!(error.is_none() && rest == text[4..]);
}

#[test]
fn progress_counts_the_bytes_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("misnamed.txt");
    let packed = gzip(&text());
    std::fs::write(&path, &packed).unwrap();
    let input = open(&Source::from(&*path)).unwrap();
    let progress = input.progress();
    assert_eq!(progress.total(), Some(packed.len() as u64));
    assert_eq!(input.length(), None);
    let (read, error) = drain(input);
    assert!(error.is_none() && read == text());
    assert_eq!(progress.consumed(), packed.len() as u64);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Source::from(&*directory.path().join("missing"));
    let error = open(&missing).unwrap_err();
    assert!(matches!(error, InputError::NotFound { .. }));
    assert_eq!(error.to_string(), format!("{missing}: no such file"));
    let error = open(&Source::from(directory.path())).unwrap_err();
    assert!(matches!(error, InputError::IsDirectory { .. }));
    let denied = InputError::opening(&missing, io::ErrorKind::PermissionDenied.into());
    assert!(matches!(denied, InputError::PermissionDenied { .. }));
    assert_eq!(Source::from("-").to_string(), "standard input");
}

#[test]
fn a_failing_medium_is_not_called_a_corrupt_archive() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            if self.0 {
                return Err(io::Error::from_raw_os_error(5));
            }
            self.0 = true;
            let start = zstd(&text());
            bytes[..6].copy_from_slice(&start[..6]);
            Ok(6)
        }
    }
    let input = Input::new(Source::Stdin, Failing(false)).unwrap();
    let (_, error) = drain(input);
    assert!(matches!(error, Some(InputError::Read { offset: 0, .. })));
}
