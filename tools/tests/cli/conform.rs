use crate::support::{Files, data, decompressed, fails, lookaside, run, stdout_of};

const MEMORY: &str = "steady/start-pt-only.raw.zst";
const TRACE: &str = "steady/trace.mmut.zst";
const HEADER_BYTES: usize = 16;
const RECORD_BYTES: usize = 32;

#[test]
fn a_recorded_machine_passes_to_the_last_record() {
    let (trace, memory) = (data(TRACE), data(MEMORY));
    let options = ["conform", &trace, "--memory", &memory, "--mode", "4-level"];
    let printed = stdout_of(lookaside(options));
    let expected = format!("{trace}: 3622473 passed, 0 failed\n3622473 passed, 0 failed\n");
    assert_eq!(printed, expected);
}

/// The first so many records of the trace.
fn start(records: usize) -> Vec<u8> {
    let mut bytes = decompressed(TRACE);
    bytes.truncate(HEADER_BYTES + records * RECORD_BYTES);
    bytes
}

#[test]
fn one_wrong_address_is_told_with_its_record_and_exits_with_1() {
    let mut bytes = start(5000);
    let flags = |record: usize| HEADER_BYTES + record * RECORD_BYTES + 31;
    let record = (2000..5000)
        .find(|&record| bytes[flags(record)] == 0)
        .unwrap();
    let paddr = HEADER_BYTES + record * RECORD_BYTES + 8;
    let right = u64::from_le_bytes(bytes[paddr..paddr + 8].try_into().unwrap());
    let wrong = right ^ 0x2000;
    bytes[paddr..paddr + 8].copy_from_slice(&wrong.to_le_bytes());

    let files = Files::new();
    let (trace, memory) = (files.write("wrong.mmut", bytes), data(MEMORY));
    let ended = run(lookaside(["conform", &trace, "--memory", &memory]));
    assert_eq!(ended.code, Some(1));
    let lines: Vec<_> = ended.stdout.lines().collect();
    let [file, mismatch, last] = *lines else {
        panic!("{lines:?}");
    };
    assert_eq!(file, format!("{trace}: 4999 passed, 1 failed"));
    assert!(
        mismatch.contains(&format!("record {}:", record + 1)),
        "{mismatch}"
    );
    assert!(
        mismatch.contains(&format!("expected {wrong:#x}, got {right:#x}")),
        "{mismatch}"
    );
    assert_eq!(last, "4999 passed, 1 failed");
}

#[test]
fn at_most_ten_mismatches_of_a_file_are_printed() {
    let mut bytes = start(3000);
    for record in bytes[HEADER_BYTES..]
        .chunks_exact_mut(RECORD_BYTES)
        .take(25)
    {
        record[9] ^= 0x10;
    }
    let files = Files::new();
    let (trace, memory) = (files.write("wrong.mmut", bytes), data(MEMORY));
    let ended = run(lookaside(["conform", &trace, "--memory", &memory]));
    assert_eq!(ended.code, Some(1));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 10 + 1, "{lines:?}");
    assert_eq!(lines[11], "2975 passed, 25 failed");
}

#[test]
fn several_files_have_a_line_each_and_a_sum() {
    let files = Files::new();
    let traces = [100, 250].map(|records| files.write(&records.to_string(), start(records)));
    let memory = data(MEMORY);
    let [one, two] = &traces;
    let printed = stdout_of(lookaside(["conform", one, two, "--memory", &memory]));
    let expected =
        format!("{one}: 100 passed, 0 failed\n{two}: 250 passed, 0 failed\n350 passed, 0 failed\n");
    assert_eq!(printed, expected);
}

#[test]
fn comparing_nothing_is_no_success() {
    let files = Files::new();
    let (trace, memory) = (files.write("empty.mmut", start(0)), data(MEMORY));
    let ended = run(lookaside(["conform", &trace, "--memory", &memory]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout.lines().last(), Some("0 passed, 0 failed"));
}

#[test]
fn a_trace_without_its_memory_asks_for_it() {
    let files = Files::new();
    let trace = files.write("trace.mmut", start(10));
    fails(
        lookaside(["conform", &trace]),
        2,
        &["trace.mmut", "--memory"],
    );
}

#[test]
fn a_record_cut_short_is_an_error_with_its_number_and_offset() {
    let mut bytes = start(10);
    bytes.truncate(bytes.len() - 7);
    let files = Files::new();
    let (trace, memory) = (files.write("short.mmut", bytes), data(MEMORY));
    let words = [
        "short.mmut",
        "record 10",
        "byte 304",
        "truncated after 25 of 32 bytes",
    ];
    fails(
        lookaside(["conform", &trace, "--memory", &memory]),
        2,
        &words,
    );
}

#[test]
fn what_is_no_golden_data_is_bad_input() {
    let files = Files::new();
    let (file, memory) = (files.write("text", "hello\n"), data(MEMORY));
    let words = ["text", "not golden data"];
    fails(
        lookaside(["conform", &file, "--memory", &memory]),
        2,
        &words,
    );
}

#[test]
fn the_json_has_the_same_counts() {
    let files = Files::new();
    let (trace, memory) = (files.write("trace.mmut", start(40)), data(MEMORY));
    let options = ["conform", &trace, "--memory", &memory, "--json", "-"];
    let json: serde_json::Value = serde_json::from_str(&stdout_of(lookaside(options))).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&40.into(), &0.into()));
    assert_eq!(json["files"][0]["file"], *trace);
    assert_eq!(json["files"][0]["passed"], 40);
}

#[test]
fn a_file_has_its_line_even_if_the_next_one_fails() {
    let files = Files::new();
    let (trace, memory) = (files.write("trace.mmut", start(40)), data(MEMORY));
    let missing = files.name("missing.mmut");
    let ended = run(lookaside([
        "conform", &trace, &missing, "--memory", &memory,
    ]));
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stdout, format!("{trace}: 40 passed, 0 failed\n"));
}

#[test]
fn standard_input_is_read_only_once() {
    let usages: [&[&str]; 3] = [
        &["-", "-", "--memory", "image"],
        &["-", "--memory", "-"],
        &["one", "two", "--memory", "-"],
    ];
    for usage in usages {
        let mut command = lookaside(["conform"]);
        command.args(usage);
        fails(command, 2, &["read only once"]);
    }
}
