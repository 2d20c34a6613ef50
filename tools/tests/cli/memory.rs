//! A machine whose memory is too small says how much the program needs, to the frame.

use std::collections::HashSet;

use crate::support::{data, decompressed, fails, lookaside, stdout_of};

const TRACE: &str = "lackey/ls.lackey.zst";
const PAGE_SHIFT: u32 = 12;
const TABLE_SHIFTS: [u32; 3] = [39, 30, 21];

/// The frames that a trace takes, one after the other, reckoned from its text.
struct Frames {
    pages: HashSet<u64>,
    tables: HashSet<(u32, u64)>,
}

impl Frames {
    fn touch(&mut self, page: u64) {
        if self.pages.insert(page) {
            let address = page << PAGE_SHIFT;
            self.tables
                .extend(TABLE_SHIFTS.map(|shift| (shift, address >> shift)));
        }
    }

    /// With the root.
    fn count(&self) -> usize {
        1 + self.tables.len() + self.pages.len()
    }
}

/// The record that needs one frame more than there are, from 1, and what it says; and how
/// many frames all records need.
fn reckon(frames_there: usize) -> (usize, String, usize) {
    let text = String::from_utf8(decompressed(TRACE)).unwrap();
    let mut frames = Frames {
        pages: HashSet::new(),
        tables: HashSet::new(),
    };
    let mut first_without = None;
    let records = text.lines().filter(|line| !line.starts_with("=="));
    for (number, line) in (1..).zip(records) {
        let (address, size) = line[3..].split_once(',').unwrap();
        let first = u64::from_str_radix(address, 16).unwrap();
        let last = first + size.parse::<u64>().unwrap() - 1;
        for page in first >> PAGE_SHIFT..=last >> PAGE_SHIFT {
            frames.touch(page);
        }
        if first_without.is_none() && frames.count() > frames_there {
            first_without = Some((number, format!("{size} bytes at {first:#x}")));
        }
    }
    let (record, description) = first_without.unwrap();
    (record, description, frames.count())
}

#[test]
fn too_little_memory_is_told_with_the_record_and_what_would_do() {
    let trace = data(TRACE);
    let (record, description, frames) = reckon(16);
    let words = [
        format!("record {record},"),
        description,
        "64 KiB of memory is too small".into(),
        format!("--ram {}KiB", 4 * frames),
    ];
    let words = words.each_ref().map(String::as_str);
    let with = |ram: &str| {
        let command = ["sim", &trace, "--page-file", "none", "--ram", ram];
        lookaside(command)
    };
    fails(with("64KiB"), 1, &words);

    let advised = format!("{}KiB", 4 * frames);
    stdout_of(with(&advised));
    let less = format!("{}KiB", 4 * (frames - 1));
    let words = format!("--ram {advised}");
    fails(with(&less), 1, &[&words]);
}

#[test]
fn memory_that_does_not_hold_a_page_table_is_refused() {
    for ram in ["0", "4095"] {
        for more in [&[][..], &["--page-file", "none"]] {
            let mut command = lookaside(["sim", "--ram", ram]);
            command.args(more);
            fails(command, 1, &["does not hold the first page table"]);
        }
    }
}

#[test]
fn memory_beyond_the_processors_reach_is_refused() {
    // Golden Cove has 46 physical-address bits: 64 TiB.
    let command = lookaside(["sim", "--ram", "65TiB"]);
    fails(command, 2, &["65 TiB", "46 physical-address bits"]);
}
