//! Calls to Windows' virtual-memory API, put to the NT memory manager: each must come to what
//! it comes to on Windows.

use std::io::Read;

use lookaside::{
    golden::transcript::Line,
    input::{self, Source},
};
use tests::data;

const FILES: [&str; 12] = [
    "seed00-private",
    "seed01-guard",
    "seed02-writewatch",
    "seed03-pagefile",
    "seed04-file",
    "seed05-mixed",
    "seed24-private",
    "seed25-guard",
    "seed26-writewatch",
    "seed27-pagefile",
    "seed28-file",
    "seed29-mixed",
];

fn text(name: &str) -> String {
    let path = data::path(&format!("winapi/{name}.gold.xz"));
    let mut text = String::new();
    let mut input = input::open(&Source::from(&*path)).unwrap();
    input.read_to_string(&mut text).unwrap();
    text
}

/// Results are compared as text: what is read of one must be written as it was.
#[test]
fn every_result_is_written_as_it_was_read() {
    let mut results = 0;
    for name in FILES {
        for line in text(name).lines().skip(1) {
            let Line::Done(done) = Line::parse(line.as_bytes()).unwrap() else {
                continue;
            };
            let (_, rest) = line.split_once(" => ").unwrap();
            let (result, _) = rest.rsplit_once(" ;").unwrap();
            assert_eq!(done.reply.to_string(), result, "{name}: {line}");
            results += 1;
        }
    }
    assert_eq!(results, 7562);
}
