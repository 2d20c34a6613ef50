//! What a line of a transcript may say.

use std::io::Cursor as Bytes;

use memory_manager::PageProtection;

use super::*;
use crate::{
    golden::{GoldenError, GoldenFile, Malformed},
    input::{Input, Source},
};

mod malformed;

const HEADER: &str = "# vmgold 1 seed=0 profile=private arena=200000 files=F0:2a345,F1:40000\n";

fn file(parts: &[&str]) -> Result<GoldenFile, GoldenError> {
    let input = Input::new(Source::Embedded("test"), Bytes::new(parts.concat()));
    GoldenFile::new(input.unwrap())
}

fn done(line: &str) -> Done {
    match Line::parse(line.as_bytes()) {
        Ok(Line::Done(done)) => *done,
        other => panic!("{line}: {other:?}"),
    }
}

/// A line for each call and each result.
const LINES: &[&str] = &[
    "0 ALLOC a=A+bc000 n=4000 t=2000 p=1 => r=A+b0000 | {A+b0000 10000 R 0 A+b0000 1 P} ;E",
    "15 ALLOC a=A+8b1 n=e t=3000 p=8 => r=0 e=87 | {A+0 b0000 F 1 - 0 -} ;E",
    "16 ALLOC a=0 n=1b000 t=1000 p=10 => r=N0 al=1 | {N0+0 1b000 C 10 N0+0 10 P} ;E",
    "469 ALLOC a=0 n=30000 t=101000 p=4 => r=T al=1 released ;E",
    "7 ALLOC a=N3+12000 n=1000 t=1000 p=2 => r=N3+12000 | {N3+12000 1000 C 2 N3+0 1 P} ;E",
    "144 ALLOC a=X:ffff800000008000 n=1001 t=2000 p=10 => r=0 e=87 ;E",
    "10 FREE a=A+b2868 n=1 t=4000 => r=1 | {A+b2000 e000 R 0 A+b0000 1 P} ;O W10",
    "271 FREE a=N1+0 n=0 t=8000 => r=1 ;E",
    "3 PROTECT a=N0+0 n=1001 p=4 => r=1 old=10 | {N0+0 1000 C 4 N0+0 10 P} {N0+1000 1000 C 104 \
     N0+0 10 P} ... ;E",
    "23 PROTECT a=A+1d4000 n=8000 p=4 => r=0 e=487 | {A+1d4000 1c000 F 1 - 0 -} ;O W2 wine:e=87",
    "26 QUERY a=A+187000 => {A+187000 9000 R 0 A+180000 40 P} ;E",
    "27 QUERY a=A-10000 => {A-10000 10000 R 0 A-10000 1 P} ;E",
    "266 QUERY a=X:8000000050ba => r=0 e=87 ;E",
    "6 READ a=A+b2000 w=8 => v=ffffffffffffffff ;E",
    "7 READ a=A+302b2 w=4 => v=? ;S W12",
    "534 READ a=X:900000000000 w=8 => x=c0000005 k=0 a=-1 ;E",
    "5 WRITE a=A+b24bd w=8 v=5638a674aa677f4d => ok ;E",
    "148 WRITE a=A+5e3ac w=4 v=efd3e85d => ok | {A+5e000 1000 C 4 A+50000 8 M} ;O W9",
    "417 WRITE a=A+e0ffd w=1 v=ff => x=80000001 k=1 a=A+e1000 | {A+e1000 1000 C 40 A+e0000 140 P} \
     ;S W18",
    "165 EXEC a=A+78800 => ok ;E",
    "94 EXEC a=A+f7800 => x=c0000005 k=8 a=A+f7800 ;O W20 wine:x=80000001",
    "76 GETWW a=A+110000 n=a000 f=1 c=2 => r=0 g=1000 c=2 [A+112000 A+113000] ;E",
    "50 GETWW a=A+64000 n=20000 f=0 c=1 => r=0 g=1000 c=0 [] ;E",
    "204 GETWW a=A+170000 n=0 f=1 c=200 => r=ffffffff e=87 ;E",
    "66 RESETWW a=A+32000 n=5000 => r=0 ;E",
    "501 RESETWW a=A+165000 n=0 => r=ffffffff e=87 ;D W23",
    "162 MKSEC H2 P p=4 s=4000000 n=1a481 => r=1 ;E",
    "90 MKSEC H5 F0 p=40 s=0 n=31c4 => r=1 fsz=2a345 ;E",
    "2 MKSEC H0 P p=20 s=0 n=0 => r=0 e=87 ;E",
    "431 CLOSE H2 => r=1 ;E",
    "177 MAP H2 acc=4 off=0 n=0 a=A+0 => r=A+0 | {A+0 2000 C 2 A+0 2 M} ;E",
    "146 MAP H5 acc=f001f off=0 n=218e a=0 => r=N0 al=1 | {N0+0 3000 C 4 N0+0 4 M} ;E",
    "282 MAP H4 acc=1 off=20000 n=0 a=A+1c0000 => r=0 e=5 | {A+1c0000 12000 C 2 A+1c0000 2 M} \
     ;S W22 wine:e=87",
    "49 UNMAP a=A+70000 => r=1 | {A+70000 50000 F 1 - 0 -} ;E",
    "0 FLUSH a=A+1ee000 n=10000 => r=0 e=487 ;O W8 wine:e=87",
    "296 FREAD F0 off=29b0d n=f0b => r=1 got=838 h=04f76db6220cbccd ;E",
    "600 WALK => {A+0 6000 C 2 A+0 2 M} {A+6000 1fa000 F 1 - 0 -} ;O W9,W10",
    "612 SUM a=A+1b8000 n=1000 => h=b93a0c83ce3b6325 ;E",
];

#[test]
fn what_is_read_of_a_result_is_written_as_it_was() {
    for line in LINES {
        let (_, rest) = line.split_once(" => ").unwrap();
        let (reply, _) = rest.split_once(" ;").unwrap();
        assert_eq!(done(line).reply.to_string(), reply, "{line}");
    }
}

#[test]
fn a_call_is_read_with_all_its_operands() {
    let alloc = done(LINES[0]);
    assert_eq!((alloc.index, alloc.tag), (0, Tag::Executed));
    let Call::Alloc {
        at,
        size,
        kind,
        protection,
    } = alloc.call
    else {
        panic!("{alloc:?}");
    };
    assert_eq!((at, size), (Place::Arena(0xbc000), 0x4000));
    assert_eq!(kind, memory_manager::AllocationType::RESERVE);
    assert_eq!(protection, PageProtection::NOACCESS);

    let map = done("146 MAP H5 acc=f001f off=10000 n=218e a=N2+1 => r=0 e=5 ;E");
    let Call::Map {
        handle,
        access,
        offset,
        size,
        at,
    } = map.call
    else {
        panic!("{map:?}");
    };
    assert_eq!((handle.index(), access.bits()), (5, 0xf001f));
    assert_eq!((offset, size), (0x10000, 0x218e));
    assert_eq!(at.to_string(), "N2+1");
}

#[test]
fn each_class_of_tag_is_known() {
    for (tag, meant) in [
        ("E", Tag::Executed),
        ("O W9,W10", Tag::Overridden),
        ("O W17,W10 wine:e=487", Tag::Overridden),
        ("D W3", Tag::Derived),
        ("S W22 wine:e=87 or so", Tag::Soft),
    ] {
        assert_eq!(done(&format!("1 CLOSE H0 => r=1 ;{tag}")).tag, meant);
    }
}

#[test]
fn comments_and_the_end_are_no_calls() {
    assert_eq!(Line::parse(b"# whatever"), Ok(Line::Comment));
    assert_eq!(Line::parse(b"# end ops=615"), Ok(Line::End(615)));
}

#[test]
fn the_header_says_how_large_arena_and_files_are() {
    let header = Header {
        arena_bytes: 0x20_0000,
        file_bytes: [0x2_a345, 0x4_0000],
    };
    assert_eq!(Header::parse(HEADER.trim_end().as_bytes()), Ok(header));
}
