use crate::support::{Files, data, decompressed, fails, lookaside, run, stdout_of};

const ISOLATED: [&str; 6] = [
    "5466000", "5467000", "5474000", "5475000", "5616000", "5617000",
];
const PLAIN: [&str; 3] = ["2974000", "297e000", "2a10000"];

/// The address spaces of each guest that QEMU was asked about.
const SPACES: [(&str, &[&str]); 5] = [
    ("l4-nokaslr", &ISOLATED),
    ("l4-kaslr-nopti", &PLAIN),
    (
        "l5-kaslr-pti",
        &[
            "27f0000", "27f1000", "27f2000", "27f3000", "2890000", "2891000", "2a26000", "2a27000",
        ],
    ),
    (
        "pae-pti",
        &[
            "2c26000", "2c27000", "2c3a000", "2c3b000", "2ca0000", "2ca1000", "2d3c000", "2d3d000",
        ],
    ),
    ("nonpae", &["2c9f000", "2cbd000", "2d00000", "2d04000"]),
];

/// `info tlb` or `info mem`, to the byte.
fn equals_qemu(folder: &str, image: &str, cr3s: &[&str], what: &str) {
    let image = data(&format!("page-tables/{folder}/{image}"));
    let format = format!("info-{what}");
    for cr3 in cr3s {
        let register = format!("0x{cr3}");
        let options = ["maps", &image, "--format", &format, "--cr3", &register];
        let printed = stdout_of(lookaside(options));
        let truth = decompressed(&format!("page-tables/{folder}/{what}-cr3-{cr3}.txt.zst"));
        let truth = String::from_utf8(truth).unwrap();
        for (printed, truth) in printed.lines().zip(truth.lines()) {
            assert_eq!(printed, truth, "CR3 {cr3}");
        }
        assert!(printed == truth, "CR3 {cr3}: another number of lines");
    }
}

#[test]
fn info_tlb_of_every_guest_is_what_qemu_prints() {
    for (folder, cr3s) in SPACES {
        equals_qemu(folder, "pt-only.elf.zst", cr3s, "tlb");
    }
}

/// QEMU has none for 5-level paging.
#[test]
fn info_mem_of_every_guest_is_what_qemu_prints() {
    for (folder, cr3s) in SPACES {
        if folder != "l5-kaslr-pti" {
            equals_qemu(folder, "pt-only.elf.zst", cr3s, "mem");
        }
    }
}

/// There is nothing of QEMU's to compare with: the ranges are as large as the pages together.
#[test]
fn info_mem_of_5_level_paging_has_the_memory_of_its_pages() {
    let image = data("page-tables/l5-kaslr-pti/pt-only.elf.zst");
    let printed = stdout_of(lookaside(["maps", &image, "--format", "info-mem"]));
    let number = |text| u64::from_str_radix(text, 16).unwrap();
    let mut total = 0;
    for line in printed.lines() {
        let (start, end) = (number(&line[..16]), number(&line[17..33]));
        let length = number(&line[34..50]);
        assert_eq!(end.wrapping_sub(start), length, "{line}");
        assert!(!(1 << 56..0xff << 56).contains(&start), "{line}");
        total += length;
    }
    let pages = stdout_of(lookaside(["maps", &image, "--json", "-"]));
    let pages: serde_json::Value = serde_json::from_str(&pages).unwrap();
    let bytes = pages.as_array().unwrap().iter();
    let bytes: u64 = bytes.map(|page| page["bytes"].as_u64().unwrap()).sum();
    assert_eq!(total, bytes);
    let user_page = "0080123456789000-00801234567c9000 0000000000040000 ur-\n";
    assert!(printed.contains(user_page), "{printed}");
}

#[test]
fn other_formats_of_a_guest_say_the_same() {
    equals_qemu("l4-nokaslr", "pt-only.raw.zst", &ISOLATED, "tlb");
    equals_qemu("l4-nokaslr", "pt-only.raw.zst", &ISOLATED, "mem");
    for image in [
        "pt-only-paging.elf.zst",
        "pt-only.kdump.zst",
        "pt-only.kdumpflat.zst",
        "pt-only.lime.zst",
    ] {
        equals_qemu("l4-kaslr-nopti", image, &PLAIN, "tlb");
        equals_qemu("l4-kaslr-nopti", image, &PLAIN, "mem");
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

/// The mode comes from the registers: the raw image of a 32-bit guest is walked by CR4.
#[test]
fn cr4_alone_makes_a_raw_image_one_of_32_bit_paging() {
    let files = Files::new();
    // A page directory at 0x1000 whose entry 1 maps 4 MiB at 0x0080_0000.
    let mut memory = vec![0; 2 * TABLE_BYTES];
    memory[TABLE_BYTES + 4..][..4].copy_from_slice(&0x0080_0083_u32.to_le_bytes());
    let image = files.write("narrow.raw", memory);
    let options = [
        "maps", &image, "--cr3", "0x1000", "--cr4", "0x10", "--format", "info-mem",
    ];
    assert_eq!(
        stdout_of(lookaside(options)),
        "0000000000400000-0000000000800000 0000000000400000 -rw\n"
    );
}

#[test]
fn an_image_of_a_processor_without_paging_has_no_maps() {
    let image = data("page-tables/l4-nokaslr/pt-only.elf.zst");
    let command = lookaside(["maps", &image, "--cr0", "0x11", "--cr4", "0"]);
    fails(command, 2, &["pt-only.elf.zst", "paging is off", "0x11"]);
}

#[test]
fn registers_that_no_processor_lets_in_are_bad_input() {
    let image = data("page-tables/l4-nokaslr/pt-only.elf.zst");
    let command = lookaside([
        "maps",
        &image,
        "--cr4",
        "0x20",
        "--cr3",
        "0x8000000000000000",
    ]);
    fails(command, 2, &["pt-only.elf.zst", "CR3", "reserved"]);
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
