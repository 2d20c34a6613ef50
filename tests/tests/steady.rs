//! A whole machine's accesses with the physical address that an emulator found for each.

use std::io::{Cursor, Read};

use lookaside::{
    conform::{Got, Mismatch, Mode, Verdict, replay_trace},
    input::{Input, Source},
    trace::mmut::MmutReader,
};
use mmu_core::PhysAddr;
use tests::data;

const RECORDS: u64 = 3_622_473;
const HEADER_BYTES: usize = 16;
const RECORD_BYTES: usize = 32;

fn trace() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = data::decompressed("steady/trace.mmut.zst");
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn replay(trace: Vec<u8>) -> Verdict<Mismatch> {
    let memory = data::image("steady/start-pt-only.raw.zst").ram;
    let input = Input::new(Source::Stdin, Cursor::new(trace)).unwrap();
    let mut reader = MmutReader::new(input).unwrap();
    replay_trace(&mut reader, &memory, Mode::FourLevel, |_| true)
        .unwrap()
        .unwrap()
}

#[test]
fn every_record_reaches_the_recorded_address() {
    let verdict = replay(trace());
    assert_eq!((verdict.passed, verdict.failed), (RECORDS, 0));
}

#[test]
fn a_record_with_a_wrong_address_is_the_only_one_that_fails() {
    const FLAGS: usize = 31;
    let mut trace = trace();
    // A store to a page table would be missing afterwards.
    let plain = (1_234_567..2_000_000).find(|record| {
        let start = HEADER_BYTES + record * RECORD_BYTES;
        trace[start + FLAGS] == 0
    });
    let record = plain.unwrap();
    let start = HEADER_BYTES + record * RECORD_BYTES;
    let address = &mut trace[start + 8..start + 16];
    let right = u64::from_le_bytes(address.try_into().unwrap());
    let wrong = right ^ 0x1000;
    address.copy_from_slice(&wrong.to_le_bytes());

    let verdict = replay(trace);
    assert_eq!((verdict.passed, verdict.failed), (RECORDS - 1, 1));
    let [mismatch] = &*verdict.mismatches else {
        panic!("{:?}", verdict.mismatches);
    };
    assert_eq!(mismatch.record, record as u64 + 1);
    assert_eq!(mismatch.expected, PhysAddr::new(wrong));
    assert_eq!(mismatch.got, Got::Translated(PhysAddr::new(right)));
}

/// The guest changes its page tables as it runs: without their stores, records fail.
#[test]
fn the_stores_to_page_tables_are_needed() {
    const FLAGS: usize = 31;
    let mut trace = trace();
    let records = &mut trace[HEADER_BYTES..];
    for record in records.chunks_exact_mut(RECORD_BYTES) {
        record[FLAGS] = 0;
    }
    assert!(replay(trace).failed > 0);
}
