use super::*;

/// The stream of a flattened file, from the pieces of a dump.
pub(super) fn flatten(pieces: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = b"makedumpfile\0\0\0\0".to_vec();
    file.extend([1u64, 1].map(u64::to_be_bytes).concat());
    file.resize(BLOCK, 0);
    for (offset, bytes) in pieces {
        let record = [*offset as u64, bytes.len() as u64];
        file.extend(record.map(u64::to_be_bytes).concat());
        file.extend(*bytes);
    }
    file.extend([0xff; 16]);
    file
}

fn flattened_error(bytes: Vec<u8>) -> (u64, FlattenedError) {
    match load(bytes) {
        Err(ImageError::Flattened { offset, error, .. }) => (offset, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flattened_dump_is_rearranged() {
    let dump = Dump::new();
    let file = dump.bytes();
    let piece = |from: usize, to: usize| (from, &file[from..to]);
    let end = file.len();
    let junk = [0xaa; 3 * BLOCK];
    let orders: [&[(usize, &[u8])]; 4] = [
        &[piece(0, end)],
        &[
            piece(DESCRIPTORS + 50, end),
            piece(BITMAPS, DESCRIPTORS + 50),
            piece(0, BITMAPS),
        ],
        // What comes later counts, wherever it overlaps what came before.
        &[
            (100, &junk[..1]),
            (0, &junk),
            (end - 10, &junk[..10]),
            (200, &junk),
            piece(BITMAPS, end),
            (100, &junk[..BLOCK]),
            piece(0, 5000),
            piece(4000, BITMAPS + 1),
        ],
        &[
            piece(0, 1000),
            piece(2000, 3000),
            piece(500, 2500),
            piece(BLOCK, BITMAPS),
            piece(BITMAPS + BLOCK, end),
        ],
    ];
    for (index, order) in orders.into_iter().enumerate() {
        let image = load(flatten(order));
        let image = image.unwrap_or_else(|error| panic!("order {index}: {error}"));
        assert_eq!(image.format, ImageFormat::KdumpFlattened);
        check(&dump, &image);
    }
}

#[test]
fn what_a_flattened_dump_lacks_is_not_zeros() {
    let file = Dump::new().bytes();
    let end = file.len();
    for hole in [
        100,
        BLOCK + 60,
        BITMAPS + BLOCK + 3,
        DESCRIPTORS + 30,
        end - 1,
    ] {
        let pieces = [(0, &file[..hole]), (hole + 1, &file[hole + 1..])];
        let pieces = if hole == end - 1 {
            &pieces[..1]
        } else {
            &pieces
        };
        let error = load(flatten(pieces)).unwrap_err();
        let text = format!("byte {hole:#x} when rearranged: truncated");
        assert!(error.to_string().contains(&text), "{error}");
    }
    // Nor does a far end make it one.
    let far = (1usize << 62, &file[..1]);
    assert!(load(flatten(&[(0, &file[..BITMAPS]), far])).is_err());
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    let whole = Dump::new().bytes();
    let whole = flatten(&[(0, &whole[..5000]), (5000, &whole[5000..])]);
    for length in (13..whole.len()).step_by(11).chain([whole.len() - 1]) {
        let (offset, error) = flattened_error(whole[..length].to_vec());
        assert!(matches!(error, FlattenedError::Truncated { .. }), "{error}");
        assert_eq!(offset, length as u64);
    }
}

#[test]
fn every_record_of_a_flattened_dump_is_checked() {
    let whole = flatten(&[(0, &Dump::new().bytes())]);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = whole.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let unknown = |kind, version| FlattenedError::Unknown { kind, version };
    assert_eq!(flattened_error(with(23, &[2])), (16, unknown(2, 1)));
    assert_eq!(flattened_error(with(31, &[9])), (16, unknown(1, 9)));
    let length = i64::try_from(Dump::new().bytes().len()).unwrap();
    for [offset, length] in [
        [-1, length],
        [i64::MAX, length],
        [0, -1],
        [0, 0],
        [i64::MIN, 1],
    ] {
        let record = [offset, length].map(i64::to_be_bytes).concat();
        let error = FlattenedError::Record { offset, length };
        assert_eq!(flattened_error(with(BLOCK, &record)), (4096, error));
    }
    let huge = with(BLOCK + 8, &i64::MAX.to_be_bytes());
    let (offset, error) = flattened_error(huge);
    assert!(matches!(error, FlattenedError::Truncated { .. }), "{error}");
    assert_eq!(offset, whole.len() as u64);
    let other = flatten(&[(0, b"\x7fELF"), (4, &[0; 1000])]);
    assert_eq!(kdump_error(other), (0, KdumpError::NoSignature));
    let nothing = flatten(&[]);
    assert!(matches!(
        kdump_error(nothing),
        (0, KdumpError::Truncated { .. })
    ));
}

proptest::proptest! {
    #[test]
    fn a_damaged_stream_does_not_make_it_panic(
        at in 0..5000usize,
        bytes: [u8; 8],
    ) {
        let file = Dump::new().bytes();
        let mut damaged = flatten(&[(0, &file[..800]), (800, &file[800..])]);
        damaged[at..at + 8].copy_from_slice(&bytes);
        let _ = load(damaged);
    }

    /// However pieces lie over each other, what comes later counts.
    #[test]
    fn pieces_are_laid_over_each_other(
        pieces in proptest::collection::vec((0..300usize, 1..60usize), 1..30),
    ) {
        let mut expected = vec![None; 400];
        let mut content = Vec::new();
        for (number, (offset, length)) in (1..).zip(&pieces) {
            expected[*offset..offset + length].fill(Some(number));
            content.push((*offset, vec![number; *length]));
        }
        let pieces: Vec<_> = content.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        let bytes = std::io::Cursor::new(flatten(&pieces));
        let mut input = Input::new(crate::input::Source::Embedded("test"), bytes).unwrap();
        let mut found = Rearranged::load(&mut input).unwrap();
        let mut at = 0;
        while at < expected.len() {
            let mut bytes = [0; 7];
            let count = found.read(at as u64, &mut bytes);
            let known = expected[at..].iter().map_while(|byte| *byte).take(7);
            proptest::prop_assert_eq!(&bytes[..count], &known.collect::<Vec<u8>>()[..]);
            at += count.max(1);
        }
    }
}
