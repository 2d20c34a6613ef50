use std::{fs, io::Cursor};

use mmu_core::{BusError, CpuFeatures, Cr4, Efer, GeneralProtection, PhysAddr, PhysMem, Registers};

use super::*;
use crate::input::{self, InputError, Source};

/// The parts of a 64-bit core, put together by [`Core::bytes`].
struct Core {
    ident: [u8; 6],
    kind: u16,
    machine: u16,
    notes: Vec<u8>,
    /// Offset, physical address, bytes in the file and in memory.
    segments: Vec<[u64; 4]>,
    content: Vec<u8>,
}

/// Where [`Core::content`] begins.
const CONTENT: u64 = 0x2003;

impl Core {
    fn new(segments: &[[u64; 4]]) -> Self {
        Self {
            ident: *b"\x7fELF\x02\x01",
            kind: 4,
            machine: 62,
            notes: qemu_note(&vcpu(0)),
            segments: segments.to_vec(),
            content: (0..0x3000u32)
                .map(|at| (at / 7).to_le_bytes()[0] | 1)
                .collect(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.with_count(u16::try_from(self.segments.len() + 1).unwrap(), 0)
    }

    /// With another number of program headers, and that of the first section.
    fn with_count(&self, count: u16, real: u32) -> Vec<u8> {
        let mut file = self.ident.to_vec();
        file.extend([1, 0]);
        file.resize(16, 0);
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        for word in [0u64, 128, 64] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0; 4]);
        for half in [64, 56, count, 64, 1, 0u16] {
            file.extend(half.to_le_bytes());
        }
        file.resize(64 + 44, 0);
        file.extend(real.to_le_bytes());
        file.resize(128, 0);
        let notes = 128 + 56 * (self.segments.len() as u64 + 1);
        let note = [notes, 0, self.notes.len() as u64, 0];
        for (kind, segment) in [(4u32, &note)]
            .into_iter()
            .chain(self.segments.iter().map(|segment| (1, segment)))
        {
            let [offset, paddr, file_bytes, memory_bytes] = *segment;
            file.extend(kind.to_le_bytes());
            file.extend([0; 4]);
            for word in [offset, 0x7000, paddr, file_bytes, memory_bytes, 0] {
                file.extend(word.to_le_bytes());
            }
        }
        file.extend(&self.notes);
        assert!(file.len() as u64 <= CONTENT);
        file.resize(usize::try_from(CONTENT).unwrap(), 0xee);
        file.extend(&self.content);
        file
    }
}

/// The descriptor of a processor's note, with numbers told from it.
pub(super) fn vcpu(number: u64) -> Vec<u8> {
    let mut note = [1u32.to_le_bytes(), 440u32.to_le_bytes()].concat();
    note.resize(440, 0);
    note[8 + 16 * 8..][..8].copy_from_slice(&(0x4000 + number).to_le_bytes());
    note[8 + 17 * 8..][..8].copy_from_slice(&0x4_0202u64.to_le_bytes());
    note[8 + 18 * 8..][..4].copy_from_slice(&0x33u32.to_le_bytes());
    note[8 + 18 * 8 + 8..][..4].copy_from_slice(&0x00a0_fb00u32.to_le_bytes());
    for (index, register) in [0x8005_0033, 0, 0xdead, 0x1000 * number, 0x15_06b0]
        .into_iter()
        .enumerate()
    {
        note[392 + 8 * index..][..8].copy_from_slice(&u64::to_le_bytes(register));
    }
    note
}

pub(super) fn note(name: [u8; 8], kind: u32, desc: &[u8]) -> Vec<u8> {
    let mut note = 5u32.to_le_bytes().to_vec();
    note.extend(u32::try_from(desc.len()).unwrap().to_le_bytes());
    note.extend(kind.to_le_bytes());
    note.extend(name);
    note.extend(desc);
    note
}

pub(super) fn qemu_note(desc: &[u8]) -> Vec<u8> {
    note(*b"QEMU\0\0\0\0", 0, desc)
}

pub(super) fn load(bytes: impl Into<Vec<u8>>) -> Result<MemoryImage, ImageError> {
    let bytes = Cursor::new(bytes.into());
    MemoryImage::load(Input::new(Source::Embedded("test"), bytes).unwrap())
}

fn elf_error(bytes: Vec<u8>) -> (u64, ElfError) {
    match load(bytes) {
        Err(ImageError::Elf { offset, error, .. }) => (offset, error),
        other => panic!("{other:?}"),
    }
}

pub(super) fn ranges(image: &MemoryImage) -> Vec<(u64, u64)> {
    let ranges = image.ram.ranges();
    ranges.map(|(at, length)| (at.as_u64(), length)).collect()
}

#[test]
fn memory_and_registers_of_a_core_are_read() {
    let mut core = Core::new(&[
        [CONTENT + 0x2000, 0xfffc_0000, 0x1000, 0x1000],
        [CONTENT, 0x1000, 0x2000, 0x2000],
    ]);
    core.notes = [
        note(*b"CORE\0\0\0\0", 1, &[7; 336]),
        qemu_note(&vcpu(1)),
        qemu_note(&vcpu(2)),
        note(*b"VMCOREIN", 0, b"KEY=value\n\0\0"),
    ]
    .concat();
    let image = load(core.bytes()).unwrap();
    assert_eq!(image.format, ImageFormat::ElfCore);
    assert_eq!(image.machine, Some(Machine::X86_64));
    assert_eq!(ranges(&image), [(0x1000, 0x2000), (0xfffc_0000, 0x1000)]);
    let mut memory = vec![0; 0x2000];
    image.ram.read(PhysAddr::new(0x1000), &mut memory).unwrap();
    assert!(memory == core.content[..0x2000]);
    image
        .ram
        .read(PhysAddr::new(0xfffc_0000), &mut memory[..0x1000])
        .unwrap();
    assert!(memory[..0x1000] == core.content[0x2000..]);
    let hole = PhysAddr::new(0);
    assert_eq!(image.ram.read_u64(hole), Err(BusError(hole)));
    let second = VcpuRegisters {
        cr0: 0x8005_0033,
        cr2: 0xdead,
        cr3: 0x2000,
        cr4: 0x15_06b0,
        cs_selector: 0x33,
        cs_flags: 0xa0_fb00,
        rip: 0x4002,
        rflags: 0x4_0202,
    };
    assert_eq!(image.vcpus.len(), 2);
    assert_eq!(image.vcpus[1], second);
}

#[test]
fn a_32_bit_core_is_read() {
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    for half in [4u16, 3, 1, 0, 0, 0, 52, 0, 0, 0, 0, 0, 52, 32, 2, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let note = qemu_note(&vcpu(5));
    let notes = 52 + 2 * 32;
    let length = u32::try_from(note.len()).unwrap();
    for header in [
        [4, notes, 0, 0, length, length, 0, 0],
        [1, notes + length, 0, 0x3000, 4, 4, 0, 0],
    ] {
        file.extend(header.into_iter().flat_map(u32::to_le_bytes));
    }
    file.extend(note);
    file.extend(b"data");
    let image = load(file).unwrap();
    assert_eq!(image.machine, Some(Machine::I386));
    assert_eq!(image.vcpus[0].cr3, 0x5000);
    assert_eq!(ranges(&image), [(0x3000, 4)]);
    let word = image.ram.read_u64(PhysAddr::new(0x3000));
    assert_eq!(word, Ok(u64::from(u32::from_le_bytes(*b"data"))));
}

#[test]
fn segments_that_share_pages_are_one_memory() {
    let core = Core::new(&[
        [CONTENT + 0x1000, 0x2000, 0x1000, 0x1000],
        [CONTENT, 0x1000, 0x1000, 0x1000],
        [CONTENT + 0x800, 0x1800, 0x1000, 0x1000],
        [CONTENT + 0x1000, 0x2000, 0x1000, 0x1000],
        [u64::MAX, 0xfee0_0000, 0, 0x1000],
    ]);
    let image = load(core.bytes()).unwrap();
    assert_eq!(ranges(&image), [(0x1000, 0x2000)]);
    let mut memory = vec![0; 0x2000];
    image.ram.read(PhysAddr::new(0x1000), &mut memory).unwrap();
    assert!(memory == core.content[..0x2000]);
}

#[test]
fn more_segments_than_the_header_can_count_are_read() {
    let core = Core::new(&[[CONTENT, 0x1000, 0x1000, 0x1000]]);
    assert_eq!(
        ranges(&load(core.with_count(0xffff, 2)).unwrap()),
        [(0x1000, 0x1000)]
    );
    let (_, error) = elf_error(core.with_count(0xffff, u32::MAX));
    assert!(matches!(error, ElfError::HeadersTooLarge { .. }));
}

#[test]
fn other_elf_files_are_refused() {
    let core = || Core::new(&[[CONTENT, 0x1000, 0x1000, 0x1000]]);
    let with = |change: fn(&mut Core)| {
        let mut core = core();
        change(&mut core);
        elf_error(core.bytes())
    };
    assert_eq!(with(|core| core.kind = 2), (16, ElfError::NotCore(2)));
    assert_eq!(with(|core| core.machine = 183), (18, ElfError::NotX86(183)));
    assert_eq!(with(|core| core.ident[5] = 2), (5, ElfError::BigEndian));
    assert_eq!(with(|core| core.ident[5] = 3), (5, ElfError::UnknownIdent));
    assert_eq!(with(|core| core.ident[4] = 9), (4, ElfError::UnknownIdent));
    assert_eq!(with(|core| core.segments.clear()), (0, ElfError::NoMemory));
}

#[test]
fn a_core_cut_anywhere_is_an_error() {
    let whole = Core::new(&[[CONTENT, 0x1000, 0x3000, 0x3000]]).bytes();
    for length in (4..whole.len()).step_by(13).chain([whole.len() - 1]) {
        let (offset, error) = elf_error(whole[..length].to_vec());
        assert!(matches!(error, ElfError::Truncated { .. }), "{error}");
        assert_eq!(offset, length as u64);
    }
    // Where the length of the file is known, nothing is read before it is found out.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = MemoryImage::load(input::open(&Source::from(&*path)).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}, byte 0x5002: truncated: the file ends here, but a segment reaches to 0x5003",
            path.display()
        )
    );
}

#[test]
fn absurd_segments_are_refused() {
    let header_at = 128 + 56;
    let huge = 1u64 << 60;
    for (segment, length) in [
        ([CONTENT, 0x1000, 0x1000, huge], huge),
        ([CONTENT, 0x1000, u64::MAX, 0x1000], u64::MAX),
        ([CONTENT, u64::MAX, 0x1000, 0x1000], 0x1000),
    ] {
        let error = ElfError::SegmentTooLarge {
            index: 1,
            paddr: PhysAddr::new(segment[1]),
            length,
        };
        assert_eq!(elf_error(Core::new(&[segment]).bytes()), (header_at, error));
    }
    let outside = ElfError::SegmentOutsideFile {
        index: 1,
        offset: u64::MAX,
        length: 0x1000,
    };
    let segment = [u64::MAX, 0x1000, 0x1000, 0x1000];
    assert_eq!(
        elf_error(Core::new(&[segment]).bytes()),
        (header_at, outside)
    );
    // So large a memory could be; the file just does not hold it.
    let large = Core::new(&[[CONTENT, 0, 1 << 51, 1 << 51]]).bytes();
    assert!(matches!(
        elf_error(large),
        (0x5003, ElfError::Truncated { .. })
    ));
}

#[test]
fn segments_that_contradict_each_other_are_refused() {
    let two_contents = Core::new(&[
        [CONTENT, 0x1000, 0x1000, 0x1000],
        [CONTENT + 0x1000, 0x1800, 0x1000, 0x1000],
    ]);
    let (_, error) = elf_error(two_contents.bytes());
    let expected = ElfError::TwoContents {
        paddr: PhysAddr::new(0x1800),
        first: CONTENT + 0x800,
        second: CONTENT + 0x1000,
    };
    assert_eq!(error, expected);
    let two_addresses = Core::new(&[
        [CONTENT, 0x1000, 0x1000, 0x1000],
        [CONTENT, 0x8000, 0x1000, 0x1000],
    ]);
    let (_, error) = elf_error(two_addresses.bytes());
    let expected = ElfError::TwoAddresses {
        offset: CONTENT,
        first: PhysAddr::new(0x1000),
        second: PhysAddr::new(0x8000),
    };
    assert_eq!(error, expected);
}

#[test]
fn a_bad_note_is_an_error_with_its_place() {
    let with = |notes: Vec<u8>| {
        let mut core = Core::new(&[[CONTENT, 0x1000, 0x1000, 0x1000]]);
        core.notes = notes;
        elf_error(core.bytes())
    };
    let desc_at = 128 + 2 * 56 + 12 + 8;
    let too_short = |vcpu, found| NoteError::TooShort {
        vcpu,
        found,
        expected: 432,
    };
    let cut = qemu_note(&vcpu(0)[..428]);
    assert_eq!(with(cut), (desc_at, too_short(0, 428).into()));
    let mut says_less = vcpu(0);
    says_less[4..8].copy_from_slice(&100u32.to_le_bytes());
    let second = [qemu_note(&vcpu(0)), qemu_note(&says_less)].concat();
    let (offset, error) = with(second);
    assert_eq!(
        (offset, error),
        (desc_at + 440 + 20, too_short(1, 100).into())
    );
    let mut version = vcpu(0);
    version[0] = 2;
    let expected = NoteError::Version { vcpu: 0, found: 2 };
    assert_eq!(with(qemu_note(&version)), (desc_at, expected.into()));
    let mut beyond = qemu_note(&vcpu(0));
    beyond[4..8].copy_from_slice(&5000u32.to_le_bytes());
    assert!(matches!(
        with(beyond),
        (_, ElfError::Note(NoteError::Invalid(_)))
    ));
}

#[test]
fn a_raw_image_is_memory_from_zero_on() {
    let mut bytes = vec![0; 0x20_0005];
    bytes[0x10_0008] = 7;
    bytes[0x20_0004] = 9;
    let image = load(bytes).unwrap();
    assert_eq!(image.format, ImageFormat::Raw);
    assert_eq!((image.machine, image.vcpus.len()), (None, 0));
    assert_eq!(ranges(&image), [(0, 0x20_0005)]);
    assert_eq!(image.ram.resident_bytes(), 0x2000);
    assert_eq!(image.ram.read_u64(PhysAddr::new(0x10_0008)), Ok(7));
    assert_eq!(image.ram.read_u64(PhysAddr::new(0x20_0000)), Ok(9 << 32));
    assert!(matches!(load([]), Err(ImageError::Empty { .. })));
}

#[test]
fn long_mode_is_deduced_from_the_machine_its_code_and_cr4() {
    let mut image = load([1]).unwrap();
    let pae = Cr4::PHYSICAL_ADDRESS_EXTENSION;
    let long = Efer::from_bits_retain(0xd00);
    let short = Efer::from_bits_retain(0x800);
    let in_64_bit_code = VcpuRegisters::from_qemu_note(&vcpu(0)).unwrap();
    let in_32_bit_code = VcpuRegisters {
        cs_flags: 0xcf_fa00,
        ..in_64_bit_code
    };
    for (machine, vcpu, cr4, efer) in [
        (None, None, pae, long),
        (None, None, Cr4::empty(), short),
        (Some(Machine::X86_64), None, pae, long),
        // A processor that was not started yet.
        (
            Some(Machine::X86_64),
            Some(in_32_bit_code),
            Cr4::empty(),
            short,
        ),
        // A compatibility-mode program.
        (Some(Machine::X86_64), Some(in_32_bit_code), pae, long),
        (Some(Machine::I386), Some(in_32_bit_code), pae, short),
        (Some(Machine::I386), Some(in_64_bit_code), pae, long),
        (Some(Machine::I386), None, pae, short),
    ] {
        image.machine = machine;
        let found = image.deduced_efer(cr4, vcpu.as_ref());
        assert_eq!(found, efer, "{machine:?} {cr4:?}");
    }
}

#[test]
fn an_accessed_bit_in_pdptes_is_left_out_and_no_other_reserved_one() {
    let features = CpuFeatures::default();
    let loaded = |entry: u64| {
        let image = load(
            [
                [0; 0x20].as_slice(),
                &[entry; 4].map(u64::to_le_bytes).concat(),
            ]
            .concat(),
        );
        let mut registers = Registers {
            cr3: 0x20,
            ..Registers::default()
        };
        let loaded = image.unwrap().load_pdptes(&mut registers, features);
        loaded.map(|how| (how, registers.pdptes[3].bits()))
    };
    assert_eq!(loaded(0x5001), Ok((Pdptes::AsTheyAre, 0x5001)));
    assert_eq!(loaded(0x5021), Ok((Pdptes::WithoutAccessed, 0x5001)));
    for reserved in [0x2, 0x40, 1 << 63] {
        let error = GeneralProtection::PdpteReserved {
            index: 0,
            entry: 0x5021 | reserved,
            reserved: 0x20 | reserved,
        };
        assert_eq!(loaded(0x5021 | reserved), Err(error));
    }
    let nowhere = load([0; 0x18]).unwrap();
    let mut registers = Registers::default();
    assert_eq!(
        nowhere.load_pdptes(&mut registers, features),
        Err(GeneralProtection::PdpteUnreadable(BusError(PhysAddr::new(
            0x18
        ))))
    );
}

#[test]
fn known_formats_are_not_taken_for_raw_memory() {
    let cases: [(&[u8], UnsupportedImage); 3] = [
        (b"AVML\x02\0\0\0", UnsupportedImage::Avml),
        (b"PAGEDU64", UnsupportedImage::WindowsDump),
        (b"PAGEDUMP", UnsupportedImage::WindowsDump),
    ];
    for (start, expected) in cases {
        let error = load(start).unwrap_err();
        assert!(error.to_string().contains("not supported yet"));
        let ImageError::Unsupported { format, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(format, expected);
    }
}

#[test]
fn a_truncated_archive_is_not_a_smaller_memory() {
    let packed = zstd::encode_all(vec![1; 100_000].as_slice(), 1).unwrap();
    let error = load(&packed[..packed.len() - 1]).unwrap_err();
    let truncated = matches!(error, ImageError::Input(InputError::Truncated { .. }));
    assert!(truncated, "{error}");
}

proptest::proptest! {
    #[test]
    fn a_damaged_core_does_not_make_it_panic(
        at in 0..0x300usize,
        bytes: [u8; 4],
        length in 0..0x5003usize,
    ) {
        let core = Core::new(&[
            [CONTENT, 0x1000, 0x1000, 0x1000],
            [CONTENT + 0x1000, 0x8000, 0x1000, 0x1000],
        ]);
        let mut damaged = core.bytes();
        damaged[at..at + 4].copy_from_slice(&bytes);
        damaged.truncate(length.max(0x304));
        let _ = load(damaged);
    }
}
