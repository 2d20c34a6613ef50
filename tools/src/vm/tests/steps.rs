//! What takes many steps.

use std::cell::Cell;

use miette::Diagnostic;

use super::*;

#[test]
fn memory_is_printed_page_by_page_and_a_short_line_whole_or_not_at_all() {
    let start = "\
process app
p = VirtualAlloc(NULL, 64MiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
write p + 0xffe \"over\"
";
    let text = outcome(&format!("{start}print text(p + 0xffd, 6)\n"), &[]);
    assert_eq!(text, Ok("\0over\0\n".into()));
    let script = format!("{start}print \"<\", text(p, 64MiB), \">\"\n");
    let long = outcome(&script, &[]).unwrap();
    assert_eq!(long.len(), (64 << 20) + 3);
    assert!(long.starts_with("<\0") && long.ends_with("\0>\n"));
    let script = format!("{start}print \"<\", text(p + 64MiB - 8, 16)\n");
    let script = parse("a script", &script).unwrap();
    let mut printed = Vec::new();
    let failed = run(&script, &RunOptions::default(), &mut printed).unwrap_err();
    let message = failed.to_string();
    assert!(
        message.contains("a read of 0x4010000, which is"),
        "{message}"
    );
    assert_eq!(printed, b"");
}

#[test]
fn a_run_ends_at_any_step_when_it_is_to_and_keeps_what_it_did() {
    let script = "\
process app
print \"started\"
p = VirtualAlloc(NULL, 16MiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
touch p 16MiB
tick 100
print text(p, 16MiB)
print \"ended\"
";
    let script = parse("a script", script).unwrap();
    let mut ends = Vec::new();
    for steps in [0_u32, 1, 2, 3, 2000, 4150, 6000, 8298, 8299] {
        let left = Cell::new(steps);
        let is_over = || left.replace(left.get().saturating_sub(1)) == 0;
        let options = RunOptions {
            is_over: &is_over,
            ..RunOptions::default()
        };
        let mut printed = Vec::new();
        let ran = run(&script, &options, &mut printed);
        assert_eq!(printed.starts_with(b"started\n"), steps >= 2, "{steps}");
        let Err(failed) = ran else {
            assert_eq!(steps, 8299);
            continue;
        };
        let message = failed.to_string();
        assert!(
            message.starts_with("interrupted here: what was"),
            "{message}"
        );
        ends.extend(failed.labels().unwrap().map(|label| label.offset()));
    }
    ends.dedup();
    assert_eq!(ends.len(), 7, "{ends:?}");
}
