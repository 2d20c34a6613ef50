//! What headers of images may say.

use proptest::prelude::*;

use super::{
    images::{WANTED, file},
    pe::{HEADERS_AT, Pe, PeSection, READ, content},
    *,
};
use crate::{Backing, FileAccess, SectionAttributes};

type Change = fn(&mut Pe);

/// Wine's tests, kernel32 `test_Loader`: what is in the file behind the headers is not mapped
/// with them, and what is in the last sector of a section is.
#[test]
fn headers_end_at_their_size_and_sections_at_a_sector() {
    let mut bench = Bench::new();
    let mut pe = Pe::single(READ);
    pe.headers = 0x321;
    pe.sections[0].offset = 0x456;
    pe.sections[0].raw = 0x10;
    let mut bytes = pe.bytes();
    bytes.extend((0x466..0x1000).map(content));
    let base = bench.load_file(&bytes).unwrap();
    assert_eq!(bench.read(base + 0x320), Ok(content(0x320)));
    for address in (0x321..0x1000).step_by(7) {
        assert_eq!(bench.read(base + address), Ok(0));
    }
    let section = base + 0x1000;
    assert_eq!(bench.read(section), Ok(content(0x400)));
    assert_eq!(bench.read(section + 0x1ff), Ok(content(0x5ff)));
    assert_eq!(bench.read(section + 0x200), Ok(0));
    assert_eq!(bench.read(section + 0xfff), Ok(0));
}

/// Wine's tests, kernel32 `test_Loader` and `sec_flag_tests`; empty files, Wine's source only.
#[test]
fn a_file_that_is_no_image_is_refused_by_what_it_is_not() {
    let pe = Pe::sample(WANTED).bytes();
    let with = |at: usize, new: &[u8]| {
        let mut bytes = pe.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    let of_system = |target: u8| {
        let mut bytes = with(HEADERS_AT, b"NE\0\0");
        bytes[HEADERS_AT + 0x36] = target;
        bytes
    };
    let (machine, optional, magic) = (HEADERS_AT + 4, HEADERS_AT + 20, HEADERS_AT + 24);
    for (bytes, status) in [
        (pe[..0x3f].to_vec(), Status::InvalidImageNotMz),
        (with(0, b"ZM"), Status::InvalidImageNotMz),
        (
            with(0x3c, &0x9876_0000_u32.to_le_bytes()),
            Status::InvalidImageProtect,
        ),
        (with(0x3c, &[0; 4]), Status::InvalidImageProtect),
        (pe[..HEADERS_AT + 23].to_vec(), Status::InvalidImageProtect),
        (
            with(HEADERS_AT, &0xdead_beef_u32.to_le_bytes()),
            Status::InvalidImageProtect,
        ),
        (of_system(1), Status::InvalidImageNeFormat),
        (of_system(2), Status::InvalidImageWin16),
        (of_system(5), Status::InvalidImageProtect),
        (of_system(6), Status::InvalidImageNeFormat),
        (
            with(magic, &0xdead_u16.to_le_bytes()),
            Status::InvalidImageFormat,
        ),
        (
            with(machine, &0xdead_u16.to_le_bytes()),
            Status::InvalidImageFormat,
        ),
        (with(machine, &[0; 2]), Status::InvalidImageFormat),
        (
            with(machine, &0x14c_u16.to_le_bytes()),
            Status::InvalidImageFormat,
        ),
        (with(optional, &[0; 2]), Status::InvalidImageFormat),
    ] {
        let mut bench = Bench::new();
        assert_eq!(bench.image(&file(&bytes)), Err(status));
        assert_eq!(status.win32(), 193);
    }
    let mut bench = Bench::new();
    let empty = tempfile::tempfile().unwrap();
    for backing in [Backing::PageFile, Backing::File(empty, FileAccess::READ)] {
        let image = SectionAttributes::IMAGE;
        let refused = bench
            .machine
            .create_section(backing, READONLY, image, 0x1000);
        assert_eq!(refused.map_err(Status::win32), Err(193));
    }
}

/// Microsoft, "PE Format" and `IMAGE_FILE_HEADER`; Wine's tests, kernel32 `test_Loader`;
/// ReactOS's `PeFmtCreateSection` only.
#[test]
fn headers_that_contradict_each_other_are_refused() {
    let changes: [(&str, Change); 15] = [
        ("no size", |pe| {
            pe.size = 0;
        }),
        ("too small for its last section", |pe| {
            pe.size = 0x7000;
        }),
        ("a base within 64 KiB", |pe| {
            pe.base += 0x1000;
        }),
        ("an alignment that is no power of two", |pe| {
            pe.alignment = 0x3000;
        }),
        ("a file alignment that is no power of two", |pe| {
            pe.file_alignment = 0x300;
        }),
        ("no file alignment", |pe| {
            pe.file_alignment = 0;
        }),
        ("files aligned more than memory", |pe| {
            pe.file_alignment = 0x2000;
        }),
        ("no headers", |pe| {
            pe.headers = 0;
        }),
        ("headers larger than the image", |pe| {
            pe.headers = 0x8001;
        }),
        ("headers that overlap a section", |pe| {
            pe.headers = 0x1001;
        }),
        ("a gap", |pe| {
            pe.sections[2].address += 0x1000;
        }),
        ("sections that overlap", |pe| {
            pe.sections[1].address -= 0x1000;
        }),
        ("a section within a page", |pe| {
            pe.sections[3].address += 0x10;
        }),
        ("sections of small pages of two sizes", |pe| {
            pe.alignment = 0x400;
        }),
        ("a section of no size", |pe| {
            pe.sections.push(PeSection {
                address: 0x8000,
                ..PeSection::default()
            });
            pe.size = 0x9000;
        }),
    ];
    for (what, change) in changes {
        let mut pe = Pe::sample(WANTED);
        change(&mut pe);
        let mut bench = Bench::new();
        let refused = bench.image(&file(&pe.bytes()));
        assert_eq!(refused, Err(Status::InvalidImageFormat), "{what}");
    }
    let mut pe = Pe::sample(WANTED);
    pe.sections = vec![
        PeSection {
            address: 0x1000,
            size: 1,
            ..PeSection::default()
        };
        97
    ];
    pe.headers = 0x2000;
    for (section, address) in pe.sections.iter_mut().zip((0x2000..).step_by(0x1000)) {
        section.address = address;
    }
    pe.size = 99 * 0x1000;
    let mut bench = Bench::new();
    assert_eq!(
        bench.image(&file(&pe.bytes())),
        Err(Status::InvalidImageFormat)
    );
    pe.sections.pop();
    assert!(bench.image(&file(&pe.bytes())).is_ok());
}

/// Literature only: the raw data of a section has to be in the file.
#[test]
fn a_section_that_reaches_past_the_end_of_the_file_is_refused() {
    let bytes = Pe::sample(WANTED).bytes();
    let mut bench = Bench::new();
    let cut = file(&bytes[..bytes.len() - 1]);
    assert_eq!(bench.image(&cut), Err(Status::InvalidImageFormat));
    let mut pe = Pe::sample(WANTED);
    pe.sections[3].offset = u32::MAX - 0x1ff;
    let mut bytes = Pe::sample(WANTED).bytes();
    let at = HEADERS_AT + 24 + 240 + 3 * 40 + 20;
    bytes[at..at + 4].copy_from_slice(&pe.sections[3].offset.to_le_bytes());
    assert_eq!(bench.image(&file(&bytes)), Err(Status::InvalidImageFormat));
}

/// The sample is the file that other tests map.
#[test]
fn the_sample_is_the_image_of_the_test_data() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/data/images/sample.dll"
    );
    let stored = std::fs::read(path).unwrap();
    assert!(stored == Pe::sample(0x1_8000_0000).bytes());
}

fn changes() -> impl Strategy<Value = Vec<(usize, u32)>> {
    // Fields of four bytes each, of the headers.
    let places = (0..0x210_usize / 4).prop_map(|field| field * 4);
    let values = prop_oneof![
        any::<u32>(),
        (0..32_u32).prop_map(|bit| 1 << bit),
        (0..0x10_u32).prop_map(|page| page << 12),
        Just(u32::MAX),
        Just(0),
    ];
    prop::collection::vec((places, values), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    /// Whatever the headers say, they are refused, or the image can be used and goes again.
    #[test]
    fn no_headers_break_anything(changes in changes(), cut in 0..0x4000_usize) {
        let mut bytes = Pe::sample(WANTED).bytes();
        for (at, value) in changes {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes.truncate(cut.max(0x40));
        let mut bench = Bench::new();
        if let Ok(section) = bench.image(&file(&bytes)) {
            if let Ok((base, _)) = bench.load(section) {
                let end = base + bench.machine.spaces[&bench.process].vads.find(base).unwrap().pages() * PAGE;
                for page in (base..end).step_by(0x1000).take(16) {
                    let _ = (bench.read(page), bench.write(page, 1), bench.execute(page));
                    let _ = bench.protect(page, 0x2000, READWRITE);
                }
                invariants::check(&bench.machine);
                bench.unmap(end - 1).unwrap();
            }
            bench.machine.close_section(section).unwrap();
        }
        bench.machine.terminate_process(bench.process).unwrap();
        prop_assert_eq!((bench.machine.frames_in_use(), bench.machine.commit_charge()), (0, 0));
    }
}
