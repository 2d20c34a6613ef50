use mmu_core::{BusError, PhysMem};

use super::*;
use crate::image::tests::{load, ranges};

fn range(first: u64, last: u64, content: &[u8]) -> Vec<u8> {
    let mut range = [MAGIC, 1].map(u32::to_le_bytes).concat();
    range.extend([first, last, 0].map(u64::to_le_bytes).concat());
    range.extend(content);
    range
}

fn lime_error(bytes: Vec<u8>) -> (u64, LimeError) {
    match load(bytes) {
        Err(ImageError::Lime { offset, error, .. }) => (offset, error),
        other => panic!("{other:?}"),
    }
}

fn two_ranges() -> Vec<u8> {
    let high = range(0x2_0000_0000, 0x2_0000_1fff, &[2; 0x2000]);
    [high, range(0x1000, 0x1fef, &[1; 0xff0])].concat()
}

#[test]
fn ranges_are_memory_and_what_is_between_them_is_not() {
    let image = load(two_ranges()).unwrap();
    assert_eq!(image.format, ImageFormat::Lime);
    assert_eq!((image.machine, image.vcpus.len()), (None, 0));
    assert_eq!(ranges(&image), [(0x1000, 0xff0), (0x2_0000_0000, 0x2000)]);
    for (at, byte) in [(0x1000, 1), (0x1fe8, 1), (0x2_0000_1ff8, 2)] {
        let word = image.ram.read_u64(PhysAddr::new(at));
        assert_eq!(word, Ok(u64::from_le_bytes([byte; 8])));
    }
    for hole in [0, 0x1ff0, 0x2_0000_2000].map(PhysAddr::new) {
        assert_eq!(image.ram.read_u64(hole), Err(BusError(hole)));
    }
}

#[test]
fn an_image_cut_anywhere_but_between_ranges_is_an_error() {
    let whole = two_ranges();
    let first = HEADER_BYTES + 0x2000;
    for length in (4..whole.len()).step_by(7).chain([whole.len() - 1]) {
        if length == first {
            continue;
        }
        let (offset, error) = lime_error(whole[..length].to_vec());
        assert!(matches!(error, LimeError::Truncated { .. }), "{error}");
        assert_eq!(offset, length as u64);
    }
    assert!(load(&whole[..first]).is_ok());
}

#[test]
fn every_field_of_a_header_is_checked() {
    let second = (HEADER_BYTES + 0x2000) as u64;
    let with = |at: u64, bytes: &[u8]| {
        let mut image = two_ranges();
        let at = usize::try_from(second + at).unwrap();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        lime_error(image)
    };
    assert_eq!(with(0, b"AVML"), (second, LimeError::NoHeader(0x4c4d_5641)));
    assert_eq!(with(4, &[2]), (second + 4, LimeError::Version(2)));
    for [first, last] in [
        [0x2000, 0x1fff],
        [0x1000, 1 << 52],
        [u64::MAX, u64::MAX],
        [0, u64::MAX],
    ] {
        let bytes = [first, last].map(u64::to_le_bytes).concat();
        let [first, last] = [first, last].map(PhysAddr::new);
        assert_eq!(
            with(8, &bytes),
            (second + 8, LimeError::Range { first, last })
        );
    }
    // A range may be as large as the address space; the file just does not hold it.
    let bytes = [0, (1u64 << 52) - 1].map(u64::to_le_bytes).concat();
    let (offset, error) = with(8, &bytes);
    assert!(matches!(error, LimeError::Truncated { .. }));
    assert_eq!(offset, two_ranges().len() as u64);
    assert!(load(range(u64::MAX, u64::MAX, &[])).is_err());
}

#[test]
fn memory_that_is_there_twice_is_refused() {
    let low = || range(0x1000, 0x1fff, &[1; 0x1000]);
    let other = range(0x1800, 0x27ff, &[2; 0x1000]);
    let at = (HEADER_BYTES + 0x1000) as u64;
    let twice = LimeError::Twice(PhysAddr::new(0x1800));
    assert_eq!(lime_error([low(), other.clone()].concat()), (at, twice));
    assert_eq!(lime_error([other, low()].concat()), (at, twice));
    let next = range(0x2000, 0x2fff, &[2; 0x1000]);
    assert_eq!(
        ranges(&load([low(), next].concat()).unwrap()),
        [(0x1000, 0x2000)]
    );
}

proptest::proptest! {
    #[test]
    fn a_damaged_image_does_not_make_it_panic(
        at in 0..0x3000usize,
        bytes: [u8; 4],
        length in 0..0x4000usize,
    ) {
        let mut damaged = two_ranges();
        damaged[at..at + 4].copy_from_slice(&bytes);
        damaged.truncate(length);
        let _ = load(damaged);
    }
}
