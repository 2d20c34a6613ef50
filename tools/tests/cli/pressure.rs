//! Less memory than a program needs.

use serde_json::Value;

use crate::support::{Files, fails, lookaside, stdout_of};

mod waiting;

/// A loop over so many pages in random order, one load from each, so many times.
const PAGES: u64 = 1024;
const LAPS: u64 = 12;

fn chase(options: &[&str]) -> assert_cmd::Command {
    let pattern = format!("chase:{}KiB:4096", 4 * PAGES);
    let accesses = (LAPS * PAGES).to_string();
    let mut command = lookaside(["sim", "--pattern", &pattern, "--accesses", &accesses]);
    command.args(options);
    command
}

fn json(mut command: assert_cmd::Command) -> Value {
    command.args(["--json", "-"]);
    serde_json::from_str(&stdout_of(command)).unwrap()
}

fn number(report: &Value, place: &str) -> u64 {
    let number = report.pointer(place).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("no number at {place}"))
}

/// Whatever page is given for another one: of a loop over N pages, at most as many as there are
/// frames are in memory when a lap begins, and all are touched in it. Nobody writes to them, so
/// that each is stored once, and so is the page that the system has in each process.
#[test]
fn a_loop_reads_in_each_lap_what_does_not_fit() {
    let mut hard_faults = 0;
    for quarters in [3, 2, 1] {
        let frames = PAGES * quarters / 4;
        let ram = format!("{}KiB", 4 * frames);
        let report = json(chase(&["--ram", &ram]));
        let of = |what: &str| number(&report, &format!("/paging/{what}"));
        let later = LAPS - 1;
        assert_eq!(of("demand_zero"), PAGES);
        assert!(of("pages_read") >= later * (PAGES - frames), "{ram}");
        assert!(of("hard") <= later * PAGES, "{ram}");
        assert!(of("hard") + of("soft") <= later * PAGES, "{ram}");
        assert!(of("reads") >= of("hard"), "{ram}");
        assert!(
            (PAGES - frames..=PAGES + 1).contains(&of("pages_written")),
            "{ram}"
        );
        let came = of("demand_zero") + of("soft") + of("hard");
        assert!((1..=frames).contains(&(came - of("trimmed"))), "{ram}");
        assert!(
            of("hard") > hard_faults,
            "less memory, more hard faults: {ram}"
        );
        hard_faults = of("hard");
    }
    let report = json(chase(&["--ram", "8MiB"]));
    let of = |what: &str| number(&report, &format!("/paging/{what}"));
    assert_eq!(
        [of("demand_zero"), of("hard"), of("trimmed")],
        [PAGES, 0, 0]
    );
    assert!(report.pointer("/cycles/by_owner/disk").is_none());
}

/// At 1 GHz and 4096 MB/s, a page takes 1000 cycles.
#[test]
fn the_disk_costs_its_latency_and_its_pages_and_every_cycle_has_one_owner() {
    let report = json(chase(&[
        "--ram",
        "2MiB",
        "--disk-latency",
        "100:50",
        "--disk-rate",
        "4096",
        "--core-mhz",
        "1000",
    ]));
    let of = |what: &str| number(&report, &format!("/paging/{what}"));
    let cost = 100_000 * of("reads") + 50_000 * of("writes");
    let pages = of("pages_read") + of("pages_written");
    assert_eq!(
        number(&report, "/cycles/by_owner/disk"),
        cost + 1000 * pages
    );
    adds_up(&report);
    let total = number(&report, "/cycles/total");
    let seconds = report["paging"]["seconds"].as_f64().unwrap();
    assert!((seconds - total as f64 / 1e9).abs() < 1e-9);
}

#[test]
fn the_parts_of_a_run_add_up_to_it() {
    let report = json(chase(&["--ram", "2MiB"]));
    let parts = report["paging"]["over_time"].as_array().unwrap();
    assert!((16..=32).contains(&parts.len()), "{}", parts.len());
    let sum = |what: &str| -> u64 { parts.iter().map(|part| part[what].as_u64().unwrap()).sum() };
    assert_eq!(sum("records"), LAPS * PAGES);
    for (what, place) in [
        ("cycles", "/cycles/total"),
        ("disk_cycles", "/cycles/by_owner/disk"),
        ("fault_cycles", "/cycles/by_owner/fault"),
        ("invalidation_cycles", "/cycles/by_owner/invalidation"),
    ] {
        assert_eq!(sum(what), number(&report, place), "{what}");
    }
    for what in [
        "soft",
        "hard",
        "collided",
        "trimmed",
        "pages_read",
        "pages_written",
        "shootdowns",
    ] {
        assert_eq!(
            sum(what),
            number(&report, &format!("/paging/{what}")),
            "{what}"
        );
    }
}

#[test]
fn a_run_under_pressure_is_drawn_over_time() {
    let files = Files::new();
    let svg = files.name("run.svg");
    let draw = || {
        stdout_of(chase(&["--ram", "2MiB", "--svg", &svg]));
        std::fs::read_to_string(&svg).unwrap()
    };
    let picture = draw();
    for words in [
        "2 MiB of memory",
        "accesses made",
        "soft faults",
        "hard faults",
        "collided faults",
        "pages trimmed",
        "pages written",
        "TLB shootdowns",
        "cycles an access",
        "waiting for disks",
    ] {
        assert!(picture.contains(words), "{words}");
    }
    assert!(picture.matches("<polyline").count() >= 9);
    assert_eq!(draw(), picture);
    for (options, words) in [
        (
            &["--ram", "2MiB", "--pages", "2m"][..],
            "a run under memory pressure",
        ),
        (&["--compare", "ram=2MiB,1MiB"], "run each alone"),
        (
            &["--ram", "2MiB", "--csv", "-"],
            "--csv draws a range of sizes",
        ),
    ] {
        let mut command = chase(options);
        command.args(["--svg", &files.name("none.svg")]);
        fails(command, 2, &[words]);
    }
}

#[test]
fn a_run_that_pages_repeats_to_the_byte() {
    let run = || stdout_of(chase(&["--ram", "2MiB", "--json", "-"]));
    assert_eq!(run(), run());
    let text = stdout_of(chase(&["--ram", "2MiB"]));
    for words in [
        "and a page file of 256 KiB to 4 GiB",
        "waiting for disks",
        "hard faults",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

/// Stores to each page of a range, again and again.
fn stores(first_page: u64, pages: u64, laps: u64) -> String {
    let addresses = (0..laps).flat_map(|_| (first_page..first_page + pages).map(|page| page << 12));
    let lines: Vec<_> = addresses.map(|at| format!(" S {at:08x},8\n")).collect();
    lines.concat()
}

/// Each fits the memory alone. What is written has to be stored each time that it leaves.
#[test]
fn processes_push_each_other_out_of_memory() {
    let files = Files::new();
    let trace = files.write("trace", stores(0x1000, 400, 10));
    let both = format!("{trace},{trace}");
    let quantum = ["--quantum", "300", "--ram", "2MiB"];
    let with = |traces: &[&str]| {
        let mut command = lookaside(["sim"]);
        command.args(quantum).args(traces);
        json(command)
    };
    let alone = with(&[&trace]);
    assert_eq!(number(&alone, "/paging/hard"), 0);
    let report = with(&["--processes", &both]);
    assert_eq!(number(&report, "/paging/demand_zero"), 800);
    assert!(number(&report, "/paging/hard") > 0);
    assert!(number(&report, "/paging/pages_written") > 800);
    assert_eq!(report, with(&[&trace, &trace]));
}

/// Owners of cycles, which add up to all of them.
fn adds_up(report: &Value) {
    let owners = report["cycles"]["by_owner"].as_object().unwrap();
    let sum: u64 = owners.values().map(|cycles| cycles.as_u64().unwrap()).sum();
    assert_eq!(sum, number(report, "/cycles/total"));
}

#[test]
fn processors_are_interrupted_when_pages_leave_that_they_may_remember() {
    let files = Files::new();
    let trace = files.write("trace", stores(0x1000, 600, 4));
    let with = |more: &[&str]| {
        let mut command = lookaside(["sim", "--ram", "2MiB", "--processors", "2"]);
        command.args([&trace, &trace]).args(more);
        json(command)
    };
    let threads = with(&["--threads"]);
    let of = |what: &str| [0, 1].map(|cpu| number(&threads, &format!("/processors/{cpu}/{what}")));
    let interrupts = number(&threads, "/paging/interrupts");
    assert!(interrupts > 0);
    assert_eq!(of("shootdowns_sent").iter().sum::<u64>(), interrupts);
    assert_eq!(of("shootdowns_received").iter().sum::<u64>(), interrupts);
    assert!(number(&threads, "/cycles/by_owner/shootdown") > 0);
    // A process on each: the pages of one leave for the other.
    assert!(number(&with(&[]), "/paging/interrupts") > 0);
}

#[test]
fn machines_with_more_and_less_memory_are_compared() {
    let mut command = chase(&["--compare", "ram=8MiB,2MiB"]);
    let text = stdout_of(chase(&["--compare", "ram=8MiB,2MiB"]));
    for words in [
        "1  golden-cove, 4 KiB, 8 MiB of memory",
        "2  golden-cove, 4 KiB, 2 MiB of memory",
        "hard faults",
        "Disk       reads in 85 us",
        "Memory   seconds  soft",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    command.args(["--json", "-"]);
    let comparison: Value = serde_json::from_str(&stdout_of(command)).unwrap();
    for (variant, ram) in [(0, "8MiB"), (1, "2MiB")] {
        let variant = &comparison["variants"][variant];
        assert_eq!(*variant, json(chase(&["--ram", ram])));
    }
}

#[test]
fn what_cannot_page_is_refused_with_the_reason() {
    let small = "only 4 KiB pages";
    for (options, code, words) in [
        (&["--page-file", "64MiB", "--pages", "2m"][..], 2, small),
        (&["--page-file", "64MiB", "--pages", "thp"], 2, small),
        (
            &[
                "--page-file",
                "64MiB",
                "--cpu",
                "sapphire-rapids",
                "--paging",
                "5-level",
            ],
            2,
            small,
        ),
        (&["--compare", "ram=1GiB,2GiB", "--pages", "2m"], 2, small),
        (
            &["--compare", "ram=1GiB,2GiB", "--ram", "1GiB"],
            2,
            "name them all",
        ),
        (
            &["--disk", "hdd"],
            2,
            "--disk is about the disk of a page file",
        ),
        (
            &["--core-mhz", "1", "--ram", "1GiB", "--page-file", "none"],
            2,
            "--core-mhz is about",
        ),
        (
            &["--page-file", "2MiB-1MiB"],
            2,
            "no minimum above the maximum",
        ),
        (&["--page-file", "some"], 2, "\"some\" is not a size"),
        (
            &["--disk-latency", "fast", "--ram", "1GiB"],
            2,
            "two with a colon",
        ),
        (
            &["--ram", "2MiB", "--page-file", "1MiB"],
            1,
            "allow a larger one with --page-file",
        ),
        (&["--ram", "24KiB"], 1, "more --ram"),
    ] {
        fails(chase(options), code, &[words]);
    }
    // A page of Windows' that programs cannot write to, and what is no program's at all.
    let files = Files::new();
    for (line, words) in [
        (" S 7ffe0000,8\n", "--page-file none"),
        (" L 7ffffffff000,8\n", "--page-file none"),
        (" L 1000,8\n", "--page-file none"),
    ] {
        let trace = files.write("trace", line);
        fails(
            lookaside(["sim", &trace, "--ram", "2MiB"]),
            2,
            &["record 1, ", words],
        );
    }
}

/// It is there for as long as the run lasts, replaces nothing, and what is wrong is told with what
/// to do.
#[test]
fn a_page_file_can_be_anywhere_that_nothing_is() {
    let files = Files::new();
    let path = files.name("pagefile.sys");
    let small = ["--ram", "2MiB", "--page-file-path"];
    let with = |path: &str, more: &[&str]| {
        let mut command = chase(&small);
        command.arg(path).args(more);
        command
    };
    assert_eq!(json(with(&path, &[])), json(chase(&["--ram", "2MiB"])));
    assert_eq!(files.names(), Vec::<String>::new());
    let file = files.write("file", "of mine");
    fails(
        with(&file, &[]),
        2,
        &[&file, "a page file replaces nothing"],
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "of mine");
    let inside = format!("{}/x/pagefile.sys", files.name("none"));
    fails(with(&inside, &[]), 1, &[&inside, "no such directory"]);
    let directory = std::path::Path::new(&path).parent().unwrap();
    let directory = directory.to_str().unwrap();
    fails(with(directory, &[]), 1, &[directory, "directory"]);
    for (more, words) in [
        (&["--json", &path][..], "--json and --page-file-path"),
        (&["--page-file", "none"], "--page-file-path is about"),
        (
            &["--page-file", "2MiB-1MiB"],
            "no minimum above the maximum",
        ),
        (&["--compare", "cpu=golden-cove,zen4"], "each has its own"),
    ] {
        let mut command = with(&path, &[]);
        command.args(more);
        fails(command, 2, &[words]);
    }
    fails(with("-", &[]), 2, &["a file with a name"]);
    assert_eq!(files.names(), ["file"]);
}

/// Large pages stay in memory, and machines that are compared all page or none does.
#[test]
fn machines_with_pages_that_stay_in_memory_do_not_page() {
    let plain = |options: &[&str]| {
        let report = json(chase(options));
        assert!(report.get("paging").is_none());
        assert!(report["machine"].get("page_file").is_none());
    };
    plain(&["--ram", "1GiB", "--pages", "2m"]);
    plain(&["--ram", "1GiB", "--page-file", "none"]);
    let comparison = json(chase(&["--ram", "1GiB", "--compare", "pages=4k,2m"]));
    for variant in comparison["variants"].as_array().unwrap() {
        assert!(variant.get("paging").is_none());
    }
}

#[test]
fn a_curve_over_sizes_beyond_memory_shows_the_disk() {
    let files = Files::new();
    let csv = files.name("curve.csv");
    stdout_of(lookaside([
        "sim",
        "--pattern",
        "chase:1MiB..4MiB:4096",
        "--accesses",
        "1000",
        "--ram",
        "3MiB",
        "--csv",
        &csv,
    ]));
    let text = std::fs::read_to_string(csv).unwrap();
    let mut lines = text.lines().map(|line| line.split(','));
    let column = lines
        .next()
        .unwrap()
        .position(|name| name == "disk")
        .unwrap();
    let disk: Vec<f64> = lines
        .map(|mut line| line.nth(column).unwrap().parse().unwrap())
        .collect();
    assert_eq!(disk[..2], [0.0, 0.0]);
    // A quarter of the pages does not fit, and a read of 85 microseconds brings 8 at most.
    assert!(disk[2] > 85.0 * 3000.0 / 4.0 / 8.0, "{disk:?}");
}
