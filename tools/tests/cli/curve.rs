//! `sim` over a range of sizes: what an access costs as its memory grows, as text, JSON, CSV and
//! a picture.

use serde_json::Value;

use crate::support::{Files, fails, lookaside, stdout_of};

#[test]
fn a_range_has_a_point_for_each_power_of_two_on_each_machine() {
    let files = Files::new();
    let (svg, csv, json) = (
        files.name("c.svg"),
        files.name("c.csv"),
        files.name("c.json"),
    );
    let text = stdout_of(lookaside([
        "sim",
        "--pattern",
        "chase:16KiB..96KiB",
        "--compare",
        "cpu=golden-cove,zen4",
        "--compare",
        "pages=4k,2m",
        "--accesses",
        "1000",
        "--seed",
        "7",
        "--svg",
        &svg,
        "--csv",
        &csv,
        "--json",
        &json,
    ]));
    for words in ["chase:16KiB..96KiB", "seed 7", "zen4, 2 MiB", "  64 KiB"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let swept: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let points = swept["points"].as_array().unwrap();
    let places = points.iter().map(|point| {
        let size = point["working_set_bytes"].as_u64().unwrap();
        (point["machine"].as_u64().unwrap(), size >> 10)
    });
    let expected = (0..4).flat_map(|machine| [16, 32, 64].map(|size| (machine, size)));
    assert_eq!(places.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    // Whole laps of 256, 512 and 1,024 lines.
    let accesses = points[..3].iter().map(|point| point["accesses"].as_u64());
    let laps = [Some(1024), Some(1024), Some(1024)];
    assert_eq!(accesses.collect::<Vec<_>>(), laps);
    assert_eq!(swept["machines"][3]["cpu"], "zen4");
    assert_eq!(swept["machines"][3]["pages"], "2m");
    assert_eq!(
        (&swept["seed"], &swept["accesses"]),
        (&7.into(), &1000.into())
    );
    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(
        csv.lines()
            .nth(12)
            .unwrap()
            .starts_with("65536,zen4,2m,1024,"),
        "{csv}"
    );
    let svg = std::fs::read_to_string(svg).unwrap();
    for words in [
        "16 KiB",
        "cycles per access",
        "zen4, 2 MiB pages, translation",
    ] {
        assert!(svg.contains(words), "{words}");
    }
}

#[test]
fn every_pattern_can_be_a_range() {
    for pattern in [
        "seq:4KiB..8KiB:64",
        "random:4KiB..8KiB",
        "zipf:4KiB..8KiB:0.5",
    ] {
        let range = ["sim", "--accesses", "100", "--pattern", pattern];
        let text = stdout_of(lookaside(range));
        assert!(
            text.contains("  8 KiB") && !text.contains("16 KiB"),
            "{text}"
        );
    }
}

/// Pages appear, and caches fill, before anything is counted.
#[test]
fn a_range_counts_what_is_left_when_all_is_warm() {
    let json = |pattern| {
        let sim = lookaside([
            "sim",
            "--accesses",
            "100",
            "--json",
            "-",
            "--pattern",
            pattern,
        ]);
        serde_json::from_str::<Value>(&stdout_of(sim)).unwrap()
    };
    for pattern in [
        "chase:4KiB..4KiB",
        "seq:4KiB..4KiB",
        "random:4KiB..4KiB",
        "zipf:4KiB..4KiB:0",
    ] {
        let point = &json(pattern)["points"][0];
        assert_eq!(
            (&point["total"], &point["translation"]),
            (&5.0.into(), &0.0.into())
        );
    }
    assert!(json("chase:4KiB")["page_faults"]["demand_zero"].as_u64() > Some(0));
}

#[test]
fn what_a_range_cannot_be_is_refused() {
    let files = Files::new();
    let file = files.name("file");
    let range = ["--pattern", "chase:4KiB..8KiB"];
    for (arguments, words) in [
        (
            &["--pattern", "chase:8KiB..4KiB"][..],
            "no size from 8 KiB to 4 KiB",
        ),
        (&["--pattern", "chase:0..4KiB"], "less than the 8 bytes"),
        (&["--pattern", "chase:..4KiB"], "is not a size"),
        (&["--pattern", "chase:4KiB.."], "is not a size"),
        (
            &["--pattern", "walk:4KiB..8KiB"],
            "is not an access pattern",
        ),
        (
            &[range[0], range[1], "--save-trace", &file],
            "--save-trace is for one run",
        ),
        (
            &[
                range[0],
                range[1],
                "--baseline",
                &file,
                "--fail-if",
                "walks > 1",
            ],
            "--baseline is for one run",
        ),
        (
            &["--pattern", "chase:4KiB", "--svg", &file],
            "--svg draws a range of sizes",
        ),
        (
            &["--pattern", "chase:4KiB", "--csv", &file],
            "--csv draws a range of sizes",
        ),
        (&["--svg", &file], "--pattern"),
    ] {
        let mut command = lookaside(["sim"]);
        command.args(arguments);
        fails(command, 2, &[words]);
    }
    assert!(files.names().is_empty());
}

#[test]
fn a_picture_on_standard_output_is_all_that_is_there() {
    let range = [
        "sim",
        "--pattern",
        "chase:4KiB..8KiB",
        "--accesses",
        "10",
        "--svg",
        "-",
    ];
    let svg = stdout_of(lookaside(range));
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
}

#[test]
fn a_range_that_does_not_fit_the_memory_names_the_machine_and_the_size() {
    let range = [
        "sim",
        "--pattern",
        "seq:1MiB..4MiB:4KiB",
        "--accesses",
        "1",
        "--ram",
        "3MiB",
        "--page-file",
        "none",
    ];
    fails(
        lookaside(range),
        1,
        &["4 MiB on golden-cove, 4 KiB", "is too small"],
    );
}
