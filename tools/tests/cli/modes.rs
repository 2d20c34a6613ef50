//! `conform` on traces of machines in every paging mode.

use crate::support::{Files, lookaside, run, stdout_of};

const ROOT: u64 = 0x1000;
const PAGE: u64 = 0xa000;
const OTHER_PAGE: u64 = 0xb000;
const ADDRESS: u64 = 0x40_2010;
/// Where the lowest table is mapped, and the highest.
const LOWEST_TABLE: u64 = 0x40_3000;
const HIGHEST_TABLE: u64 = 0x40_4000;
const TABLE_STORE: u8 = 2;

/// A machine: the start of its memory, and what it did.
struct Machine {
    memory: Vec<u8>,
    trace: Vec<u8>,
    entry_bytes: usize,
}

impl Machine {
    /// Tables of so many levels, the first of them at [`ROOT`], each in the next frame.
    fn new(indices: &[u64], entry_bytes: usize) -> Self {
        let mut machine = Self {
            memory: vec![0; 0x10000],
            trace: b"MMUTRC01 \0\0\0\0\0\0\0".to_vec(),
            entry_bytes,
        };
        let mut table = ROOT;
        for index in indices {
            machine.set(table, *index, (table + 0x1000) | 0x7);
            table += 0x1000;
        }
        for (index, frame) in [(2, PAGE), (3, table), (4, ROOT)] {
            machine.set(table, index, frame | 0x7);
        }
        machine
    }

    fn set(&mut self, table: u64, index: u64, entry: u64) {
        let at =
            usize::try_from(table).unwrap() + usize::try_from(index).unwrap() * self.entry_bytes;
        let bytes = &entry.to_le_bytes()[..self.entry_bytes];
        self.memory[at..at + self.entry_bytes].copy_from_slice(bytes);
    }

    fn record(&mut self, vaddr: u64, paddr: u64, store: Option<u64>) {
        for word in [vaddr, paddr, store.unwrap_or(0)] {
            self.trace.extend(word.to_le_bytes());
        }
        let cr3 = u32::try_from(ROOT >> 12).unwrap();
        self.trace.extend(cr3.to_le_bytes());
        let size = u8::try_from(self.entry_bytes.ilog2()).unwrap();
        let (kind, flags) = store.map_or((0, 0), |_| (1, TABLE_STORE));
        self.trace.extend([kind, size, 0, flags]);
    }

    /// Reads a page, maps another in its place, and reads that.
    fn remap(&mut self, lowest: u64) {
        let entry = 2 * self.entry_bytes as u64;
        self.record(ADDRESS, PAGE + 0x10, None);
        self.record(LOWEST_TABLE + entry, lowest + entry, Some(OTHER_PAGE | 0x7));
        self.record(ADDRESS, OTHER_PAGE + 0x10, None);
    }

    fn write(&self, files: &Files) -> [String; 2] {
        [
            files.write("trace.mmut", &self.trace),
            files.write("start.raw", &self.memory),
        ]
    }

    fn passes(&self, mode: &str, count: usize) {
        let files = Files::new();
        let [trace, memory] = self.write(&files);
        let options = ["conform", &trace, "--memory", &memory, "--mode", mode];
        let printed = stdout_of(lookaside(options));
        assert_eq!(
            printed.lines().last(),
            Some(&*format!("{count} passed, 0 failed"))
        );
    }

    /// Every record fails, for the same reason.
    fn fails(&self, mode: &str, reason: &str) {
        let files = Files::new();
        let [trace, memory] = self.write(&files);
        let options = ["conform", &trace, "--memory", &memory, "--mode", mode];
        let ended = run(lookaside(options));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let lines: Vec<_> = ended.stdout.lines().collect();
        let mismatches = &lines[1..lines.len() - 1];
        assert!(!mismatches.is_empty());
        for mismatch in mismatches {
            assert!(mismatch.contains(reason), "{mismatch}");
        }
        assert!(lines[0].contains(": 0 passed"), "{}", lines[0]);
    }
}

#[test]
fn five_level_paging() {
    let mut machine = Machine::new(&[0, 0, 0, 2], 8);
    machine.remap(0x5000);
    machine.passes("5-level", 3);
    machine.fails("4-level", "");
}

#[test]
fn four_level_paging() {
    let mut machine = Machine::new(&[0, 0, 2], 8);
    machine.remap(0x4000);
    machine.passes("4-level", 3);
    machine.fails("5-level", "");
}

/// The registers are loaded again when a PDPTE is stored, and the accessed bits that the
/// emulator leaves in PDPTEs do no harm.
#[test]
fn pae_paging() {
    let mut machine = Machine::new(&[0, 2], 8);
    machine.set(ROOT, 0, 0x2021);
    machine.remap(0x3000);
    machine.record(HIGHEST_TABLE + 24, ROOT + 24, Some(0x2001));
    machine.record(0xc000_0000 + ADDRESS, OTHER_PAGE + 0x10, None);
    machine.passes("pae", 5);
    machine.set(ROOT, 1, 0x2003);
    machine.fails(
        "pae",
        "#GP(0) of MOV to CR3: PDPTE1 0x2003 has reserved bits set: 0x2",
    );
}

#[test]
fn paging_with_32_bit_entries() {
    let mut machine = Machine::new(&[1], 4);
    machine.remap(0x2000);
    machine.set(ROOT, 2, 0x00c0_0087);
    machine.record(0x00ab_cdef, 0x00eb_cdef, None);
    machine.passes("32-bit", 4);
    machine.fails("pae", "");
}
