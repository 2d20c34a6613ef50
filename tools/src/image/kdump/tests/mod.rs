mod rearranged;

use mmu_core::{BusError, PhysMem};

use super::*;
use crate::image::{
    Machine, NoteError,
    tests::{load, note, qemu_note, ranges, vcpu},
};

const BLOCK: usize = 4096;

/// A dump to be written, with headers as a machine with words of 64 or 32 bits has them.
struct Dump {
    version: u32,
    words: u32,
    machine: &'static [u8],
    frames: u64,
    notes: Vec<u8>,
    /// By frame; how each is packed, and the byte it is full of, but for a pattern.
    pages: Vec<(u64, Packing, u8)>,
}

const BITMAPS: usize = 2 * BLOCK;
const DESCRIPTORS: usize = BITMAPS + 2 * BLOCK;

impl Dump {
    fn new() -> Self {
        Self {
            version: 6,
            words: 64,
            machine: b"Unknown",
            frames: 0x120,
            notes: [
                note(*b"CORE\0\0\0\0", 1, &[7; 336]),
                qemu_note(&vcpu(1)),
                qemu_note(&vcpu(2)),
            ]
            .concat(),
            pages: vec![
                (0, Packing::Zlib, 0),
                (1, Packing::Plain, 1),
                (2, Packing::Zlib, 2),
                (3, Packing::Zlib, 0),
                (0x10, Packing::Lzo, 3),
                (0x11, Packing::Snappy, 4),
                (0x11f, Packing::Zstd, 5),
            ],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0; DESCRIPTORS];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"KDUMP   ");
        put(8, &self.version.to_le_bytes());
        put(272, self.machine);
        let old_frames = if self.version < 6 { self.frames } else { 0 };
        let old_frames = u32::try_from(old_frames).unwrap();
        let sizes = [4096, 1, 2, old_frames].map(u32::to_le_bytes).concat();
        let notes_length = self.notes.len() as u64;
        if self.words == 64 {
            put(428, &sizes);
            let notes = [BLOCK as u64 + 104, notes_length];
            put(BLOCK + 48, &notes.map(u64::to_le_bytes).concat());
            put(BLOCK + 96, &self.frames.to_le_bytes());
            put(BLOCK + 104, &self.notes);
        } else {
            put(416, &sizes);
            put(BLOCK + 32, &(BLOCK as u64 + 80).to_le_bytes());
            put(
                BLOCK + 40,
                &u32::try_from(notes_length).unwrap().to_le_bytes(),
            );
            put(BLOCK + 72, &self.frames.to_le_bytes());
            put(BLOCK + 80, &self.notes);
        }
        for (frame, ..) in &self.pages {
            let frame = usize::try_from(*frame).unwrap();
            for bitmap in [BITMAPS, BITMAPS + BLOCK] {
                file[bitmap + frame / 8] |= 1 << (frame % 8);
            }
        }
        let mut content = Vec::new();
        let start = DESCRIPTORS + self.pages.len() * DESCRIPTOR_BYTES;
        for (_, packing, fill) in &self.pages {
            let (flags, packed) = pack(*packing, &page_of(*fill));
            // All pages of zeros share one place, the first.
            let is_zero = *fill == 0 && !content.is_empty();
            let offset = if is_zero {
                start
            } else {
                start + content.len()
            };
            file.extend((offset as u64).to_le_bytes());
            file.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
            file.extend(flags.to_le_bytes());
            file.extend([0; 8]);
            if !is_zero {
                content.extend(packed);
            }
        }
        file.extend(content);
        file
    }

    /// Where the descriptor of a page is in the file.
    fn descriptor(index: usize) -> usize {
        DESCRIPTORS + index * DESCRIPTOR_BYTES
    }
}

fn page_of(fill: u8) -> [u8; PAGE_BYTES] {
    let mut page = [fill; PAGE_BYTES];
    if fill != 0 {
        for (at, byte) in page.iter_mut().enumerate().step_by(64) {
            *byte = (at / 64).to_le_bytes()[0];
        }
    }
    page
}

fn pack(packing: Packing, page: &[u8]) -> (u32, Vec<u8>) {
    use std::io::Write;

    match packing {
        Packing::Plain => (0, page.to_vec()),
        Packing::Zlib => {
            let level = flate2::Compression::fast();
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(page).unwrap();
            (1, encoder.finish().unwrap())
        }
        Packing::Lzo => (2, lzokay::compress::compress(page).unwrap()),
        Packing::Snappy => {
            let packed = snap::raw::Encoder::new().compress_vec(page);
            (4, packed.unwrap())
        }
        Packing::Zstd => (0x20, zstd::bulk::compress(page, 1).unwrap()),
    }
}

fn kdump_error(bytes: Vec<u8>) -> (u64, KdumpError) {
    match load(bytes) {
        Err(ImageError::Kdump { offset, error, .. }) => (offset, error),
        other => panic!("{other:?}"),
    }
}

fn check(dump: &Dump, image: &MemoryImage) {
    assert_eq!(
        ranges(image),
        [(0, 0x4000), (0x1_0000, 0x2000), (0x11_f000, 0x1000)]
    );
    for (frame, packing, fill) in &dump.pages {
        let mut content = [0xee; PAGE_BYTES];
        image.ram.read(page(*frame), &mut content).unwrap();
        assert!(content == page_of(*fill), "{packing}");
    }
    for hole in [4, 0xf, 0x11e, 0x120].map(page) {
        assert_eq!(image.ram.read_u64(hole), Err(BusError(hole)));
    }
    let cr3s: Vec<_> = image.vcpus.iter().map(|vcpu| vcpu.cr3).collect();
    assert_eq!(cr3s, [0x1000, 0x2000]);
}

#[test]
fn pages_of_every_packing_are_memory_and_others_are_not() {
    let dump = Dump::new();
    let image = load(dump.bytes()).unwrap();
    check(&dump, &image);
    assert_eq!(image.format, ImageFormat::Kdump);
    assert_eq!(image.machine, Some(Machine::X86_64));
    // What is all zeros costs nothing.
    assert_eq!(image.ram.resident_bytes(), 5 * PAGE_BYTES as u64);
}

#[test]
fn headers_of_all_versions_and_words_are_read() {
    for version in 4..=6 {
        for words in [64, 32] {
            let dump = Dump {
                version,
                words,
                ..Dump::new()
            };
            check(&dump, &load(dump.bytes()).unwrap());
        }
    }
    // There was nothing about notes in the earlier ones.
    for version in 1..4 {
        let dump = Dump {
            version,
            ..Dump::new()
        };
        assert!(load(dump.bytes()).unwrap().vcpus.is_empty());
    }
}

#[test]
fn the_machine_is_what_its_processors_say_else_what_the_header_says() {
    let machine = |machine: &'static [u8], status: usize| {
        let notes = note(*b"CORE\0\0\0\0", 1, &vec![7; status]);
        let dump = Dump {
            machine,
            notes,
            ..Dump::new()
        };
        load(dump.bytes()).unwrap().machine
    };
    let [long, short] = [Machine::X86_64, Machine::I386].map(Some);
    assert_eq!(machine(b"Unknown", 336), long);
    assert_eq!(machine(b"Unknown", 144), short);
    assert_eq!(machine(b"x86_64", 144), short);
    assert_eq!(machine(b"x86_64", 8), long);
    assert_eq!(machine(b"i686", 8), short);
    assert_eq!(machine(b"", 8), None);
}

#[test]
fn headers_that_could_have_words_of_both_sizes_go_by_the_machine() {
    let mut dump = Dump {
        words: 32,
        machine: b"i686",
        ..Dump::new()
    };
    // 16 MiB: where the other layout has its block size stands 4096.
    dump.version = 5;
    dump.frames = 0x1000;
    check(&dump, &load(dump.bytes()).unwrap());
}

#[test]
fn a_dump_cut_anywhere_is_an_error() {
    let whole = Dump::new().bytes();
    for length in (8..whole.len()).step_by(11).chain([whole.len() - 1]) {
        let (offset, error) = kdump_error(whole[..length].to_vec());
        assert!(matches!(error, KdumpError::Truncated { .. }), "{error}");
        assert_eq!(offset, length as u64);
    }
}

/// A dump with some bytes changed.
fn with(changes: &[(usize, &[u8])]) -> (u64, KdumpError) {
    let mut file = Dump::new().bytes();
    for (at, bytes) in changes {
        file[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    kdump_error(file)
}

#[test]
fn every_field_of_the_headers_is_checked() {
    assert_eq!(with(&[(8, &[0])]), (8, KdumpError::Version(0)));
    assert_eq!(with(&[(8, &[7])]), (8, KdumpError::Version(7)));
    let arm = KdumpError::NotX86("aarch64".into());
    assert_eq!(with(&[(272, b"aarch64\0")]), (272, arm));
    let strange = KdumpError::NotX86(r"\x1b[2J".into());
    assert_eq!(with(&[(272, b"\x1b[2J\0\0\0")]), (272, strange));
    let large = 65536u32.to_le_bytes();
    assert_eq!(with(&[(428, &large)]), (428, KdumpError::BlockSize(65536)));
    assert_eq!(with(&[(BLOCK + 12, &[1])]), (4108, KdumpError::Split));

    let frames = |frames: u64| with(&[(BLOCK + 96, &frames.to_le_bytes())]);
    let too_many = (1 << 40) + 1;
    assert_eq!(
        frames(too_many),
        (4192, KdumpError::TooManyFrames(too_many))
    );
    assert_eq!(frames(0), (0x3000, KdumpError::NoMemory));
    let too_small = |frames| KdumpError::BitmapTooSmall {
        bytes: 4096,
        frames,
    };
    assert_eq!(frames(32769), (436, too_small(32769)));
    assert_eq!(frames(1 << 40), (436, too_small(1 << 40)));

    // The bitmaps are where the number of blocks says, or nowhere.
    for (at, count) in [(432, u32::MAX), (436, u32::MAX), (436, 1 << 20)] {
        let (_, error) = with(&[(at, &count.to_le_bytes())]);
        assert!(matches!(error, KdumpError::Truncated { .. }), "{error}");
    }
    // As many frames as there may be: of their bitmap nothing is there.
    let (_, error) = with(&[
        (BLOCK + 96, &(1u64 << 40).to_le_bytes()),
        (436, &(1u32 << 27).to_le_bytes()),
    ]);
    let truncated = KdumpError::Truncated {
        expected: "a bitmap",
        end: BITMAPS as u64 + (1 << 38) + (1 << 37),
    };
    assert_eq!(error, truncated);
}

#[test]
fn bad_notes_are_errors_with_their_place() {
    let place = |offset: u64, length: u64| {
        let fields = [offset, length].map(u64::to_le_bytes).concat();
        with(&[(BLOCK + 48, &fields)])
    };
    let outside = |length| KdumpError::NotesOutside {
        length,
        bitmaps: BITMAPS as u64,
        limit: 64 << 20,
    };
    let in_header = KdumpError::OutOfPlace {
        what: "the notes",
        reached: 4200,
    };
    assert_eq!(place(4199, 0x100), (4199, in_header));
    assert_eq!(place(4200, 0x1000), (4200, outside(0x1000)));
    assert_eq!(place(u64::MAX, 2), (u64::MAX, outside(2)));
    assert_eq!(place(4200, u64::MAX), (4200, outside(u64::MAX)));
    let (_, error) = place(4200, 30);
    assert!(
        matches!(error, KdumpError::Note(NoteError::Invalid(_))),
        "{error}"
    );
    // The version of the first QEMU note.
    let desc = 4200 + 20 + 336 + 20;
    let version = NoteError::Version { vcpu: 0, found: 9 };
    assert_eq!(with(&[(desc, &[9])]), (desc as u64, version.into()));
}

#[test]
fn every_field_of_a_descriptor_is_checked() {
    let start = (DESCRIPTORS + 7 * DESCRIPTOR_BYTES) as u64;
    let at = Dump::descriptor(0);
    let offset = |offset: u64| with(&[(at, &offset.to_le_bytes())]);
    let behind = |reached| KdumpError::OutOfPlace {
        what: "a page",
        reached,
    };
    assert_eq!(offset(0), (0, behind(start)));
    assert_eq!(offset(start - 1), (start - 1, behind(start)));
    let (_, error) = offset(u64::MAX);
    assert!(matches!(error, KdumpError::Truncated { .. }), "{error}");
    // Two pages may share a place, but not overlap.
    let mut second = Dump::new().bytes()[Dump::descriptor(1)..][..8].to_vec();
    second[0] += 1;
    let (_, error) = with(&[(at, &second)]);
    assert!(matches!(error, KdumpError::OutOfPlace { .. }), "{error}");

    let length = |length: u32| with(&[(at + 8, &length.to_le_bytes())]);
    let of_page = |length| KdumpError::PageLength {
        page: page(0),
        length,
    };
    assert_eq!(length(4097), (start, of_page(4097)));
    assert_eq!(length(u32::MAX), (start, of_page(u32::MAX)));
    for flags in [3, 8, 0x10, 0x40, u32::MAX] {
        let error = KdumpError::UnknownPacking {
            page: page(0),
            flags,
        };
        assert_eq!(with(&[(at + 12, &flags.to_le_bytes())]), (start, error));
    }
}

#[test]
fn a_page_that_does_not_unpack_to_a_page_is_an_error() {
    let packings = [Packing::Zlib, Packing::Lzo, Packing::Snappy, Packing::Zstd];
    for packing in packings {
        let dump = |length: usize| {
            let (_, packed) = pack(packing, &vec![0x5a; length]);
            let mut dump = Dump::new();
            dump.pages = vec![(0, packing, 0x5a)];
            let mut file = dump.bytes();
            file.truncate(DESCRIPTORS + DESCRIPTOR_BYTES);
            let length = u32::try_from(packed.len()).unwrap();
            file[DESCRIPTORS + 8..][..4].copy_from_slice(&length.to_le_bytes());
            file.extend(packed);
            file
        };
        assert!(load(dump(4096)).is_ok());
        let mut cut = dump(4096);
        cut[DESCRIPTORS + 8] -= 1;
        for file in [dump(4095), dump(4097), dump(60_000), cut] {
            let (offset, error) = kdump_error(file);
            assert_eq!(offset, (DESCRIPTORS + DESCRIPTOR_BYTES) as u64);
            let is_damaged =
                matches!(error, KdumpError::Damaged { packing: found, .. } if found == packing);
            assert!(is_damaged, "{error}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn a_damaged_dump_does_not_make_it_panic(
        place in 0..5usize,
        within in 0..600usize,
        bytes: [u8; 4],
        length in 0..0x8000usize,
    ) {
        let mut damaged = Dump::new().bytes();
        let at = [0, BLOCK, BITMAPS + BLOCK, DESCRIPTORS, damaged.len() - 700][place] + within;
        damaged[at..at + 4].copy_from_slice(&bytes);
        damaged.truncate(length.max(DESCRIPTORS));
        let _ = load(rearranged::flatten(&[(0, &damaged)]));
        let _ = load(damaged);
    }
}
