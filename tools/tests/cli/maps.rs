use crate::support::{Files, data, decompressed, fails, lookaside, run, stdout_of};

const ISOLATED: [&str; 6] = [
    "5466000", "5467000", "5474000", "5475000", "5616000", "5617000",
];
const PLAIN: [&str; 3] = ["2974000", "297e000", "2a10000"];

fn equals_qemu(folder: &str, image: &str, cr3s: &[&str]) {
    let image = data(&format!("page-tables/{folder}/{image}"));
    for cr3 in cr3s {
        let register = format!("0x{cr3}");
        let options = ["maps", &image, "--format", "info-tlb", "--cr3", &register];
        let printed = stdout_of(lookaside(options));
        let truth = decompressed(&format!("page-tables/{folder}/tlb-cr3-{cr3}.txt.zst"));
        let truth = String::from_utf8(truth).unwrap();
        for (printed, truth) in printed.lines().zip(truth.lines()) {
            assert_eq!(printed, truth, "CR3 {cr3}");
        }
        assert!(printed == truth, "CR3 {cr3}: another number of lines");
    }
}

#[test]
fn info_tlb_of_an_elf_core_is_what_qemu_prints() {
    equals_qemu("l4-nokaslr", "pt-only.elf.zst", &ISOLATED);
    equals_qemu("l4-kaslr-nopti", "pt-only.elf.zst", &PLAIN);
}

#[test]
fn info_tlb_of_a_raw_image_is_what_qemu_prints() {
    equals_qemu("l4-nokaslr", "pt-only.raw.zst", &ISOLATED);
}

#[test]
fn info_tlb_of_a_core_with_overlapping_segments_is_what_qemu_prints() {
    equals_qemu("l4-kaslr-nopti", "pt-only-paging.elf.zst", &PLAIN);
}

#[test]
fn info_tlb_of_kdumps_and_lime_images_is_what_qemu_prints() {
    for image in [
        "pt-only.kdump.zst",
        "pt-only.kdumpflat.zst",
        "pt-only.lime.zst",
    ] {
        equals_qemu("l4-kaslr-nopti", image, &PLAIN);
    }
}

#[test]
fn every_format_is_read_from_standard_input() {
    let folder = "page-tables/l4-kaslr-nopti";
    let truth = decompressed(&format!("{folder}/tlb-cr3-2974000.txt.zst"));
    for image in [
        "pt-only.elf.zst",
        "pt-only.kdump.zst",
        "pt-only.kdumpflat.zst",
    ] {
        let mut command = lookaside(["maps", "-", "--format", "info-tlb"]);
        command.write_stdin(std::fs::read(data(&format!("{folder}/{image}"))).unwrap());
        assert!(stdout_of(command).as_bytes() == truth, "{image}");
    }
    let options = ["maps", "-", "--format", "info-tlb", "--cr3", "0x2974000"];
    let mut command = lookaside(options);
    command.write_stdin(decompressed(&format!("{folder}/pt-only.lime.zst")));
    assert!(stdout_of(command).as_bytes() == truth);
}

#[test]
fn without_cr3_a_core_is_walked_as_its_processor_did() {
    let image = data("page-tables/l4-nokaslr/pt-only.elf.zst");
    let printed = stdout_of(lookaside(["maps", &image, "--format", "info-tlb"]));
    let truth = decompressed("page-tables/l4-nokaslr/tlb-cr3-5617000.txt.zst");
    assert!(printed.as_bytes() == truth);
}

#[test]
fn each_processor_of_a_core_has_its_own_address_space() {
    let image = data("page-tables/l4-kaslr-nopti/pt-only.elf.zst");
    let of = |vcpu| {
        let options = ["maps", &image, "--format", "info-tlb", "--vcpu", vcpu];
        stdout_of(lookaside(options)).into_bytes()
    };
    let truths = PLAIN.map(|cr3| {
        let name = format!("page-tables/l4-kaslr-nopti/tlb-cr3-{cr3}.txt.zst");
        decompressed(&name)
    });
    let [first, second] = ["0", "1"].map(of);
    assert!(truths.contains(&first) && truths.contains(&second) && first != second);
}

#[test]
fn a_raw_image_without_cr3_asks_for_it() {
    let image = data("page-tables/l4-nokaslr/pt-only.raw.zst");
    fails(
        lookaside(["maps", &image]),
        2,
        &["pt-only.raw.zst", "CR3", "--cr3"],
    );
}

#[test]
fn a_processor_that_is_not_there_is_bad_usage() {
    let image = data("page-tables/l4-kaslr-nopti/pt-only.elf.zst");
    let command = lookaside(["maps", &image, "--vcpu", "2"]);
    fails(
        command,
        2,
        &["pt-only.elf.zst", "vCPU 2", "the image has 2"],
    );
}

/// EFER is in no ELF core: what it is taken to be is told, and not among the results.
#[test]
fn a_register_that_is_deduced_is_told_on_standard_error() {
    let image = data("page-tables/l4-nokaslr/pt-only.elf.zst");
    let told = |options: &[&str]| {
        let mut command = lookaside(["maps", &image]);
        command.args(options);
        crate::support::run(command).stderr
    };
    assert!(told(&[]).contains("EFER is not in the image; taken to be 0xd00"));
    assert_eq!(told(&["--efer", "0xd01"]), "");
}

#[test]
fn a_truncated_image_is_an_error_with_its_name() {
    let files = crate::support::Files::new();
    let core = decompressed("page-tables/l4-nokaslr/pt-only.elf.zst");
    let image = files.write("short.elf", &core[..core.len() / 2]);
    fails(lookaside(["maps", &image]), 2, &["short.elf"]);
    for (name, words) in [
        ("pt-only.kdump", &["byte", "truncated"][..]),
        ("pt-only.kdumpflat", &["byte", "truncated"]),
    ] {
        let dump = decompressed(&format!("page-tables/l4-kaslr-nopti/{name}.zst"));
        let image = files.write(name, &dump[..dump.len() / 2]);
        fails(lookaside(["maps", &image]), 2, &[&[name], words].concat());
    }
}

const TABLE_BYTES: usize = 4096;

/// One table, each entry of which leads back to it: 2^36 pages.
fn endless() -> Vec<u8> {
    0x1007_u64.to_le_bytes().repeat(TABLE_BYTES / 8)
}

fn endless_image(files: &Files) -> String {
    files.write("endless.raw", [vec![0; TABLE_BYTES], endless()].concat())
}

#[test]
fn pages_are_printed_as_they_are_found() {
    use std::io::{BufRead, BufReader};

    let files = Files::new();
    let image = endless_image(&files);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(["maps", &image, "--cr3", "0x1000"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(output.lines().take(100_000).count(), 100_000);
    child.wait().unwrap();
}

#[test]
fn the_json_has_the_pages_of_the_text() {
    let files = Files::new();
    let image = data("page-tables/l4-nokaslr/pt-only.elf.zst");
    let json = files.name("maps.json");
    let text = stdout_of(lookaside(["maps", &image, "--json", &json]));
    let pages: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let pages = pages.as_array().unwrap();
    assert_eq!(pages.len(), text.lines().count());
    assert_eq!(
        pages[0]["address"].as_str().map(|text| &text[..2]),
        Some("0x")
    );
}

#[test]
fn a_table_outside_memory_is_noted_once() {
    let files = Files::new();
    let mut table = vec![0; TABLE_BYTES];
    table[..8].copy_from_slice(&0x7fff_f007_u64.to_le_bytes());
    let image = files.write("hole.raw", table);
    let json = files.name("maps.json");
    let ended = run(lookaside(["maps", &image, "--cr3", "0", "--json", &json]));
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stderr.matches("there is no memory").count(), 1);
}

#[test]
fn a_cr3_outside_memory_is_bad_input() {
    let files = Files::new();
    let image = endless_image(&files);
    let command = lookaside(["maps", &image, "--cr3", "0x7fff0000"]);
    fails(command, 2, &["endless.raw", "CR3", "0x7fff0000"]);
}

#[test]
fn the_json_option_is_not_among_the_registers() {
    let help = stdout_of(lookaside(["maps", "--help"]));
    let (before, _) = help.split_once("Registers").unwrap();
    assert!(before.contains("--json"), "{help}");
}
