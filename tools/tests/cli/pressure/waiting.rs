//! Who waits for the disk, and for whom.

use super::*;

/// One waits for the disk, the other one only computes: together they take less time than one
/// after the other, since the processor idles only when both wait.
#[test]
fn while_one_process_waits_for_the_disk_another_one_runs() {
    let files = Files::new();
    let waits = files.write("waits", stores(0x1000, 600, 4));
    let computes = files.write("computes", " L 01000000,8\n".repeat(1_000_000));
    let run = |traces: &str, more: &[&str]| {
        let mut command = lookaside(["sim", "--ram", "2MiB", "--processes", traces]);
        command.args([
            "--core-mhz",
            "1000",
            // Longer than two switches of contexts.
            "--disk-latency",
            "20",
            "--disk-rate",
            "10000",
        ]);
        command.args(["--quantum", "1000"]).args(more);
        json(command)
    };
    let elapsed = |report: &Value| number(report, "/elapsed_cycles");
    let alone = [&waits, &computes].map(|trace| run(trace, &[]));
    let both = run(&format!("{waits},{computes}"), &[]);
    assert!(elapsed(&both) < alone.iter().map(elapsed).sum());
    assert!(elapsed(&both) >= number(&both, "/paging/disk_busy_cycles"));
    assert!(number(&both, "/paging/given_way") > 0);
    let idle = number(&both, "/cycles/by_owner/disk");
    assert!(idle < number(&both, "/paging/disk_busy_cycles"));
    adds_up(&both);
    let parts = both["paging"]["over_time"].as_array().unwrap();
    let cycles = parts.iter().map(|part| part["cycles"].as_u64().unwrap());
    assert_eq!(cycles.sum::<u64>(), number(&both, "/cycles/total"));
    assert_eq!(both, run(&format!("{waits},{computes}"), &[]));
    // Who is alone, or waits with others for one disk, waits as long as it works.
    let [alone, _] = alone;
    let busy = |report: &Value| number(report, "/paging/disk_busy_cycles");
    assert_eq!(number(&alone, "/cycles/by_owner/disk"), busy(&alone));
    // On two processors nobody is in another one's way, and the disk still does one thing at a
    // time.
    let three = run(
        &format!("{waits},{computes},{waits}"),
        &["--processors", "2"],
    );
    adds_up(&three);
    assert!(elapsed(&three) >= busy(&three));
    assert!(number(&three, "/paging/given_way") > 0);
}

/// Threads of one process, a processor each, that touch the same pages: what the one has asked the
/// disk for, the other waits for, and each page arrives once.
#[test]
fn processors_that_touch_a_page_on_its_way_wait_until_it_has_arrived() {
    let files = Files::new();
    let trace = files.write("trace", stores(0x1000, 600, 4));
    let run = |traces: &[&str], more: &[&str]| {
        let mut command = lookaside(["sim", "--ram", "2MiB"]);
        command.args(traces).args(more);
        json(command)
    };
    let two = ["--threads", "--processors", "2"];
    let alone = run(&[&trace], &[]);
    let both = run(&[&trace, &trace], &two);
    let of = |what: &str| [&alone, &both].map(|report| number(report, &format!("/paging/{what}")));
    let [none, collided] = of("collided");
    let hard = of("hard");
    assert!(
        none == 0 && collided > hard[1] / 2,
        "{collided} of {hard:?}"
    );
    // Twice the accesses, and no more to read.
    let [once, shared] = of("pages_read");
    assert!(shared < once + once / 4, "{shared}, alone {once}");
    // Both wait, each as long as it takes until its pages are there, and perhaps for what the
    // other one was ahead.
    let busy = number(&both, "/paging/disk_busy_cycles");
    for processor in 0..2 {
        let place = format!("/processors/{processor}/cycles/by_owner/disk");
        let waited = number(&both, &place);
        let bounds = busy / 2..=busy + busy / 100;
        assert!(bounds.contains(&waited), "{waited} of {busy}");
    }
    adds_up(&both);
    let parts = both["paging"]["over_time"].as_array().unwrap();
    let parts = parts.iter().map(|part| part["collided"].as_u64().unwrap());
    assert_eq!(parts.sum::<u64>(), collided);
    assert_eq!(both, run(&[&trace, &trace], &two));
}

/// A disk does one thing at a time: two processors that both wait for it wait twice as long.
#[test]
fn processors_queue_for_the_disk() {
    let files = Files::new();
    let trace = files.write("trace", stores(0x1000, 600, 4));
    let run = |ram, traces: &[&str]| {
        let mut command = lookaside(["sim", "--processors", "2", "--ram", ram]);
        command.args(traces);
        json(command)
    };
    let (alone, both) = (run("2MiB", &[&trace]), run("4MiB", &[&trace, &trace]));
    let busy = [&alone, &both].map(|report| number(report, "/paging/disk_busy_cycles"));
    let elapsed = [&alone, &both].map(|report| number(report, "/elapsed_cycles"));
    assert!(busy[1] > 3 * busy[0] / 2, "{busy:?}");
    assert!(elapsed[1] >= busy[1], "{elapsed:?} {busy:?}");
    assert_eq!(number(&both, "/paging/collided"), 0);
    adds_up(&both);
    assert_eq!(both["machine"]["waits"], "give_way");
}

/// Machines that are compared make the same steps: none of them gives way.
#[test]
fn machines_that_are_compared_wait_with_their_processes() {
    let files = Files::new();
    let trace = files.write("trace", stores(0x1000, 300, 10));
    let both = format!("{trace},{trace}");
    let mut command = lookaside(["sim", "--processes", &both, "--quantum", "300"]);
    command.args(["--compare", "ram=2MiB,4MiB"]);
    let comparison = json(command);
    let first = &comparison["variants"][0];
    assert!(number(first, "/paging/hard") > 0);
    assert_eq!(number(first, "/paging/given_way"), 0);
    assert_eq!(first["machine"]["waits"], "stay");
    let disk = number(first, "/cycles/by_owner/disk");
    assert_eq!(disk, number(first, "/paging/disk_busy_cycles"));
}
