//! Scripts of calls to the memory manager.

use serde_json::Value;

use crate::support::{Files, data, fails, lookaside, run, stdout_of, xz};

/// The path of a script that comes with the project.
macro_rules! script {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/", $name, ".vm")
    };
}

mod scripts;

/// Each of them is in it: `lookaside::vm` tests that.
#[test]
fn the_long_help_lists_every_name_and_the_short_one_says_where() {
    let long = stdout_of(lookaside(["vm", "--help"]));
    let short = stdout_of(lookaside(["vm", "-h"]));
    for line in [
        "    n = AllocateUserPhysicalPages(app, 2, p)\n",
        "  page_reads: reads from page files\n",
        "    PAGE_READWRITE = 0x4\n",
        "  STATUS_INVALID_HANDLE = 6\n",
    ] {
        assert!(long.contains(line), "{long}");
        assert!(!short.contains(line), "{short}");
    }
    for help in [&long, &short] {
        assert!(help.contains("grant SeLockMemoryPrivilege"), "{help}");
        assert!(help.contains("Exit status: 0 everything"), "{help}");
        assert!(help.contains("hexadecimal (0x1000)"), "{help}");
    }
    assert!(short.contains("--help, not -h, lists every"), "{short}");
}

#[test]
fn a_picture_is_a_table_and_json() {
    let files = Files::new();
    let json = files.name("picture.json");
    let text = stdout_of(lookaside(["vm", script!("guard"), "--json", &json]));
    assert!(text.starts_with("Process app\n"), "{text}");
    assert!(
        text.contains("Private Data  Committed  READ/WRITE  Private"),
        "{text}"
    );
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let parts = json[0]["parts"].as_array().unwrap();
    let uses = |what| parts.iter().filter(|part| part["use"] == what).count();
    assert!(uses("private_data") >= 1 && uses("unusable") >= 1 && uses("free") >= 1);
    let place = parts.iter().find(|part| part["base"] == 0x10000).unwrap();
    assert_eq!(place["type"], "Private");
    assert_eq!(place["allocation_base"], 0x10000);
    assert!(parts[0]["type"].is_null() && parts[0]["allocation_base"].is_null());
}

#[test]
fn a_picture_shows_the_sections_of_an_image() {
    let files = Files::new();
    let text = format!(
        "process app
section = CreateFileMapping({:?}, PAGE_READONLY | SEC_IMAGE, 0)
view = MapViewOfFile(section, FILE_MAP_READ, 0, 0)
expect type(view) == MEM_IMAGE
expect allocation_protection(view) == PAGE_EXECUTE_WRITECOPY
write view + 0x5000 u8 1
map
",
        data("images/sample.dll")
    );
    let drawn = stdout_of(lookaside(["vm", &files.write("image.vm", text)]));
    let lines = drawn.lines().filter(|line| line.contains("Image"));
    let one_space = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = lines.map(one_space).collect();
    let expected = [
        "0x180000000 4 KiB Image Committed READ Image",
        "0x180001000 8 KiB Image Committed EXECUTE/READ Image",
        "0x180003000 4 KiB Image Committed READ Image",
        "0x180004000 4 KiB Image Committed WRITE COPY Image",
        "0x180005000 4 KiB Image Committed READ/WRITE Image",
        "0x180006000 4 KiB Image Committed WRITE COPY Image",
        "0x180007000 4 KiB Image Committed READ/WRITE Image",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_file_that_is_no_image_is_refused() {
    let files = Files::new();
    let text = "process app
CreateFileMapping(\"no-image.vm\", PAGE_READONLY | SEC_IMAGE, 0) fails 193
";
    let script = files.write("no-image.vm", text);
    let mut command = lookaside(["vm", &script]);
    command.current_dir(files.path());
    assert_eq!(stdout_of(command), "");
}

#[test]
fn a_view_beyond_the_end_of_its_file_is_reserved() {
    let files = Files::new();
    let file = files.write("f.bin", "hello");
    let text = format!(
        "process app
s = CreateFileMapping({file:?}, PAGE_READWRITE, 0)
v = MapViewOfFile3(s, NULL, 0, 64KiB, MEM_RESERVE, PAGE_READWRITE)
PrefetchVirtualMemory(app, v, 64KiB)
write v + 4KiB \"there\" fails STATUS_ACCESS_VIOLATION
write v \"jelly\"
print state_name(state(v)), \", \", state_name(state(v + 4KiB))
"
    );
    let printed = stdout_of(lookaside(["vm", &files.write("reserve.vm", text)]));
    assert_eq!(printed, "Committed, Reserved\n");
    assert_eq!(std::fs::read(&file).unwrap(), b"jelly");
}

#[test]
fn a_script_that_is_none_is_bad_input_with_its_place() {
    let files = Files::new();
    let script = files.write("bad.vm", "process app\np = VirtualAlloc(NULL; 8)\n");
    fails(
        lookaside(["vm", &script]),
        2,
        &["expected a comma and the size", "bad.vm:2:22"],
    );
    let binary = files.write("binary.vm", [0xff, 0xfe, 0]);
    fails(
        lookaside(["vm", &binary]),
        2,
        &["binary.vm:1:1: a script is UTF-8"],
    );
    let latin = files.write("latin.vm", b"process app\nprint \"\xe4\"\n");
    fails(lookaside(["vm", &latin]), 2, &["latin.vm:2:8:"]);
    let misspelt = "process app\nread 0 u8 fails STATUS_ACESS_VIOLATION\n";
    let misspelt = files.write("misspelt.vm", misspelt);
    fails(
        lookaside(["vm", &misspelt]),
        2,
        &["did you mean STATUS_ACCESS_VIOLATION?", "misspelt.vm:2:17"],
    );
    fails(
        lookaside(["vm", "no-such-file.vm"]),
        2,
        &["no-such-file.vm"],
    );
}

#[test]
fn a_mark_of_the_byte_order_before_a_script_is_no_part_of_it() {
    let mut command = lookaside(["vm", "-"]);
    command.write_stdin("\u{feff}process app\nprint \"hello\"\n");
    assert_eq!(stdout_of(command), "hello\n");
}

#[test]
fn a_name_that_got_no_value_is_marked_itself() {
    let files = Files::new();
    let text = "process app\nx = VirtualAlloc(0, 0, 0, 0) fails 87\nprint \"x is \", x\n";
    let script = files.write("unset.vm", text);
    fails(
        lookaside(["vm", &script]),
        1,
        &["x has no value", "unset.vm:3:16", "this name"],
    );
}

#[test]
fn json_on_standard_output_has_it_for_itself() {
    let stdout = stdout_of(lookaside(["vm", script!("guard"), "--json", "-"]));
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json[0]["process"], "app");
}

#[test]
fn a_script_may_come_from_standard_input_and_be_compressed() {
    let text = "process app\nprint \"hello\"\n";
    for script in [text.as_bytes().to_vec(), xz(text.as_bytes())] {
        let mut command = lookaside(["vm", "-"]);
        command.write_stdin(script);
        assert_eq!(stdout_of(command), "hello\n");
    }
}

#[test]
fn what_cannot_be_a_script_is_refused() {
    let files = Files::new();
    let whole = xz(&vec![b'#'; 100_000]);
    let cut = files.write("cut.vm.xz", &whole[..whole.len() / 2]);
    fails(lookaside(["vm", &cut]), 2, &["cut.vm.xz", "truncated"]);
    let long = files.write("long.vm", vec![b'#'; (1 << 20) + 1]);
    fails(lookaside(["vm", &long]), 2, &["long.vm", "1 MiB at most"]);
    let directory = files.path().to_str().unwrap();
    fails(lookaside(["vm", directory]), 2, &["directory"]);
    assert_eq!(
        stdout_of(lookaside(["vm", &files.write("empty.vm", "")])),
        ""
    );
}

#[test]
fn an_expectation_that_is_not_met_is_a_failed_run_with_its_place() {
    let files = Files::new();
    let text = "process app\nprint \"so far\"\nexpect 1 == 2\n";
    let ended = run(lookaside(["vm", &files.write("wrong.vm", text)]));
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout, "so far\n");
    assert!(ended.stderr.contains("wrong.vm:3:1"), "{}", ended.stderr);
}

/// A script that writes to this file through a view, and goes on.
fn writing(file: &str, rest: &str) -> String {
    format!(
        "process app\n\
         f = CreateFileMapping(\"{file}\", PAGE_READWRITE, 0)\n\
         v = MapViewOfFile(f, FILE_MAP_WRITE, 0, 0)\n\
         write v \"HE\"\n\
         {rest}"
    )
}

#[test]
fn what_a_script_writes_to_a_mapped_file_is_in_it_however_the_script_ends() {
    let files = Files::new();
    for (rest, code) in [
        ("", 0),
        ("CloseHandle(f)\n", 0),
        ("UnmapViewOfFile(v)\n", 0),
        ("expect 1 == 2\n", 1),
    ] {
        let file = files.write("f.bin", "hello");
        let script = files.write("write.vm", writing(&file, rest));
        let ended = run(lookaside(["vm", &script]));
        assert_eq!(ended.code, Some(code), "{rest}: {}", ended.stderr);
        assert_eq!(std::fs::read(&file).unwrap(), b"HEllo", "{rest}");
    }
}

#[test]
fn the_examples_of_the_help_are_there() {
    let help = stdout_of(lookaside(["vm", "--help"]));
    let examples = help.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix("lookaside vm ")?;
        rest.split_whitespace().next()
    });
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let examples: Vec<_> = examples.collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        assert!(root.join(example).is_file(), "{example}");
    }
}

#[test]
fn a_name_that_is_set_twice_is_bad_usage() {
    let twice = ["state=MEM_COMMIT", "state=MEM_RESERVE"];
    fails(
        lookaside(["vm", script!("choice"), twice[0], twice[1]]),
        2,
        &["state has two values"],
    );
}

#[test]
fn a_machine_that_cannot_be_is_a_bad_script() {
    let files = Files::new();
    let script = files.write("many.vm", "processors 65\nprocess app\n");
    fails(
        lookaside(["vm", &script]),
        2,
        &["from 1 to 64 processors", "many.vm:1:1"],
    );
    let script = files.write("small.vm", "process app\n");
    fails(
        lookaside(["vm", &script, "--ram", "0xffffffffffffffff"]),
        2,
        &["2^52"],
    );
}

#[test]
fn values_on_the_command_line_are_numbers_as_in_scripts() {
    let files = Files::new();
    let text = "default size = 1\nprocess app\nprint size\n";
    let script = files.write("size.vm", text);
    let printed = stdout_of(lookaside(["vm", &script, "size=64KiB"]));
    assert_eq!(printed, "0x10000\n");
    for wrong in ["size=many", "size=", "=5", "size"] {
        fails(lookaside(["vm", &script, wrong]), 2, &["expected"]);
    }
}

#[test]
fn an_unknown_setting_is_bad_usage() {
    fails(
        lookaside(["vm", script!("choice"), "stat=MEM_COMMIT"]),
        2,
        &["stat"],
    );
}
