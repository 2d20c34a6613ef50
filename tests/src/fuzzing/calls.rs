use std::{fmt::Write, io::Cursor};

use lookaside::{
    golden::GoldenFile,
    input::{Input, Source},
};

use super::supply::Supply;

/// No more calls: each may touch much memory.
const CALLS_MAX: u64 = 256;

/// Calls of Windows' virtual-memory API with operands of any kind, put to the memory manager as
/// a transcript, whose results are of no interest.
///
/// # Panics
/// If the transcript is refused.
pub fn calls(bytes: &[u8]) {
    let supply = &mut Supply::new(bytes);
    let mut text = String::from("# vmgold 1 seed=0 profile=any arena=200000 files=F0:2345,F1:0\n");
    let mut count = 0;
    while !supply.is_empty() && count < CALLS_MAX {
        let (call, result) = call(supply);
        let _ = writeln!(text, "{count} {call} => {result} ;S W0");
        count += 1;
    }
    let _ = writeln!(text, "# end ops={count}");
    let input = Input::new(Source::Embedded("calls"), Cursor::new(text.clone()));
    let file = GoldenFile::new(input.expect("it can be read"));
    let verdict = file.and_then(|file| file.check(|_| true));
    assert!(verdict.is_ok(), "{verdict:?}: {text}");
}

/// A call, and a result that it may have.
fn call(supply: &mut Supply<'_>) -> (String, &'static str) {
    let (at, size) = (place(supply), number(supply));
    let (protection, kind) = (protection(supply), kind(supply));
    let read = size & 0xff_ffff;
    let handle = supply.byte() % 3;
    match supply.byte() % 26 {
        0..5 => (
            format!("ALLOC a={at} n={size:x} t={kind:x} p={protection:x}"),
            "r=0 e=0",
        ),
        5..7 => {
            let kind = supply.choice(&[0x4000, 0x4000, 0x4000, 0x8000, 0x8000, 0, 0xc000, 2]);
            let size = supply.choice(&[0, size]);
            (format!("FREE a={at} n={size:x} t={kind:x}"), "r=1")
        }
        7..9 => (
            format!("PROTECT a={at} n={size:x} p={protection:x}"),
            "r=0 e=0",
        ),
        9 => (format!("QUERY a={at}"), "r=0 e=0"),
        10 => (format!("READ a={at} w=8"), "v=0"),
        11..14 => (format!("WRITE a={at} w=4 v=1"), "ok"),
        14 => (format!("EXEC a={at}"), "ok"),
        15 => {
            let (flags, limit) = (supply.byte() % 3, number(supply));
            let operands = format!("GETWW a={at} n={size:x} f={flags} c={limit:x}");
            (operands, "r=0 g=1000 c=0 []")
        }
        16 => (format!("RESETWW a={at} n={size:x}"), "r=0"),
        17..19 => {
            let file = supply.choice(&["P", "P", "F0", "F1"]);
            let flags = supply.choice(&[0, 0, 0, 0x400_0000, 0x400_0000, 0x800_0000, 0x1000_0000]);
            let operands =
                format!("MKSEC H{handle} {file} p={protection:x} s={flags:x} n={size:x}");
            (operands, "r=1")
        }
        19 => (format!("CLOSE H{handle}"), "r=1"),
        20..23 => {
            let acc = supply.choice(&[1, 2, 4, 0x21, 0x22, 0x24, 0, 0xf_001f]);
            let any = number(supply);
            let off = supply.choice(&[0, 0, 0, 0x1_0000, any]);
            let operands = format!("MAP H{handle} acc={acc:x} off={off:x} n={size:x} a={at}");
            (operands, "r=0 e=0")
        }
        23 => (format!("UNMAP a={at}"), "r=1"),
        24 => (format!("FLUSH a={at} n={size:x}"), "r=1"),
        _ if size % 3 == 0 => ("WALK".into(), "{0 1 F 1 - 0 -}"),
        _ if size % 3 == 1 => (format!("SUM a={at} n={read:x}"), "h=0000000000000000"),
        _ => {
            let (file, off) = (handle % 2, number(supply));
            let operands = format!("FREAD F{file} off={off:x} n={read:x}");
            (operands, "r=1 got=0 h=0000000000000000")
        }
    }
}

/// Mostly an address in the arena, where something may be.
fn place(supply: &mut Supply<'_>) -> String {
    let unit = u64::from(supply.byte());
    let granule = (unit % 4) << 16;
    match supply.byte() {
        0..32 => "0".into(),
        32..96 => format!("A+{granule:x}"),
        96..208 => format!("A+{:x}", granule + (unit << 7)),
        208..248 => format!("N{}+{:x}", unit % 3, unit << 6),
        _ => format!("X:{:x}", number(supply)),
    }
}

/// Mostly some pages; also what lies at the bounds of address spaces, or anything.
fn number(supply: &mut Supply<'_>) -> u64 {
    const BOUNDS: [u64; 12] = [
        0,
        1,
        0xfff,
        0x1_0000,
        0x20_0000,
        0x7ffe_0000,
        0x1_0000_0000,
        0x7fff_fffe_ffff,
        0x8000_0000_0000,
        u64::MAX >> 1,
        u64::MAX - 0xffff,
        u64::MAX,
    ];
    let unit = u64::from(supply.byte());
    match supply.byte() {
        0..232 => unit << 7,
        232..248 => supply.choice(&BOUNDS).wrapping_add(unit),
        _ => supply.word() >> (unit % 64),
    }
}

fn protection(supply: &mut Supply<'_>) -> u32 {
    let base = supply.choice(&[4, 4, 4, 0x40, 0x40, 2, 1, 0x20, 0x10, 8, 0x80]);
    match supply.byte() {
        0..224 => base,
        224..240 => base | 0x100,
        240..248 => base | 0x200,
        _ => u32::from(supply.byte()) << 3,
    }
}

/// `MEM_` flags.
fn kind(supply: &mut Supply<'_>) -> u64 {
    let base = supply.choice(&[0x3000, 0x3000, 0x2000, 0x1000, 0x8_0000, 0x20_2000]);
    match supply.byte() {
        0..240 => base,
        240..248 => base | 0x10_0000,
        _ => base ^ 1 << (supply.byte() % 32),
    }
}
