use super::*;
use crate::vm::{RunOptions, parse, run};

/// What the examples of the calls find.
const PRELUDE: &str = "\
process narrow 2GiB
process other
theirs = VirtualAlloc(NULL, 64KiB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
process app
thread worker
in app
grant SeLockMemoryPrivilege
watched = VirtualAlloc(NULL, 64KiB, MEM_RESERVE | MEM_WRITE_WATCH, PAGE_READWRITE)
window = VirtualAlloc(NULL, 64KiB, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE)
";

#[test]
fn the_examples_of_all_calls_are_a_script_that_runs() {
    let examples = all().map(|call| format!("{}\n", call.example));
    let script: String = examples.collect();
    // The array of addresses.
    let scatter = "MapUserPhysicalPagesScatter";
    let written = "write p + 0x100 u64 window\nwrite p + 0x108 u64 window + 4KiB\n";
    let script = script.replace(scatter, &format!("{written}{scatter}"));
    let script = parse("the examples", &format!("{PRELUDE}{script}")).unwrap();
    let ran = run(&script, &RunOptions::default(), &mut Vec::new());
    assert!(ran.is_ok(), "{:?}", ran.err());
}

#[test]
fn every_call_is_found_by_its_name_and_is_its_own_example() {
    for call in all() {
        assert!(std::ptr::eq(Call::named(call.name).unwrap(), call));
        let with_arguments = format!("{}(", call.name);
        assert!(call.example.contains(&with_arguments), "{}", call.name);
        assert!(help().contains(call.example), "{}", call.name);
        let numbers = call
            .parameters
            .iter()
            .filter(|parameter| matches!(parameter, Parameter::Number(_) | Parameter::Last(_)));
        assert!(numbers.count() <= MOST, "{}", call.name);
    }
}
