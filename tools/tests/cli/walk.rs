use serde_json::Value;

use crate::support::{Files, data, fails, lookaside, run, stdout_of};

fn image(folder: &str) -> String {
    data(&format!("page-tables/{folder}/pt-only.elf.zst"))
}

/// The first address of a result.
fn json_of<const N: usize>(arguments: [&str; N]) -> Value {
    let mut command = lookaside(arguments);
    command.args(["--json", "-"]);
    serde_json::from_str(&stdout_of(command)).unwrap()
}

#[test]
fn every_step_of_a_walk_is_shown() {
    let image = image("l5-kaslr-pti");
    let printed = stdout_of(lookaside(["walk", &image, "0x80123456789abc"]));
    assert_eq!(
        printed,
        "\
5-level paging from 0x2891000 on

0x0080123456789abc
  PML5E    0x000002891400  0x0000000002b00067  P R/W U/S A
  PML4E    0x000002b00120  0x0000000002b01067  P R/W U/S A
  PDPTE    0x000002b01688  0x0000000002b02067  P R/W U/S A
  PDE      0x000002b02598  0x0000000002b03067  P R/W U/S A
  PTE      0x000002b03c48  0x8000000005cbd865  P U/S A D XD
  page     0x000005cbd000  4 KiB, ur--, PAT 0 PCD 0 PWT 0
  physical 0x000005cbdabc
"
    );
}

#[test]
fn an_address_that_is_not_mapped_is_an_answer_with_its_hole() {
    let image = image("nonpae");
    let ended = run(lookaside(["walk", &image, "deadbeef", "c0000000"]));
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.stdout,
        "\
32-bit paging from 0x2c9f000 on

0x00000000deadbeef
  PDE      0x000002c9fde8  0x00000000  not present
  fault    page fault at 0xdeadbeef, error code 0x0: the PDE at 0x2c9fde8 is not present
  hole     0xde800000 to 0xdebfffff, 4 MiB

0x00000000c0000000
  PDE      0x000002c9fc00  0x01ee6063  P R/W A
  PTE      0x000001ee6000  0x00000163  P R/W A D G
  page     0x000000000000  4 KiB, srwx, global, PAT 0 PCD 0 PWT 0
  physical 0x000000000000
"
    );
}

/// The PDPTEs are registers; QEMU's A bit is not in them, and that is told.
#[test]
fn a_walk_under_pae_paging_starts_with_a_register() {
    let image = image("pae-pti");
    let ended = run(lookaside(["walk", &image, "80495ed"]));
    assert!(ended.stderr.contains("bit 5 of PDPTEs"), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "\
PAE paging from 0x2c27000 on

0x00000000080495ed
  PDPTE    0x000002c27000  0x0000000002c83001  P
  PDE      0x000002c83200  0x0000000002cf3067  P R/W U/S A
  PTE      0x000002cf3248  0x0000000001e91025  P U/S A
  page     0x000001e91000  4 KiB, ur-x, PAT 0 PCD 0 PWT 0
  physical 0x000001e915ed
"
    );
}

/// The kernel's text is mapped in the kernel's table, and almost nothing of it in the one
/// that user mode ran under, which the note has.
#[test]
fn both_tables_of_an_isolated_process_can_be_walked() {
    let image = image("l4-nokaslr");
    let kernel_text = "ffffffff81000000";
    let noted = json_of(["walk", &image, kernel_text]);
    assert_eq!(noted["root"], "0x5617000");
    assert_eq!(noted["walks"][0]["fault"]["cause"], "not present");
    let other = json_of(["walk", &image, kernel_text, "--cr3", "0x5616000"]);
    let walk = &other["walks"][0];
    assert_eq!(walk["fault"], Value::Null);
    assert_eq!(walk["physical"], "0x1000000");
    assert_eq!(walk["page"]["bytes"], 2 << 20);
    let steps = walk["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    let flags = steps[2]["flags"].as_array().unwrap();
    assert!(flags.contains(&"PS".into()), "{flags:?}");
}

#[test]
fn an_access_is_checked_as_the_processor_would() {
    let image = image("l4-kaslr-nopti");
    // CR4.SMAP and CR4.SMEP are set; the processor was in user mode.
    let user_text = "4016ea";
    let check = |options: &[&str]| {
        let mut command = lookaside(["walk", &image, user_text, "--json", "-"]);
        command.args(options);
        let found: Value = serde_json::from_str(&stdout_of(command)).unwrap();
        found["walks"][0].clone()
    };
    for permitted in [
        &[][..],
        &["--access", "read"],
        &["--access", "fetch"],
        &["--mode", "user"],
    ] {
        let walk = check(permitted);
        assert_eq!(walk["fault"], Value::Null, "{permitted:?}");
        assert!(walk["physical"].is_string(), "{permitted:?}");
    }
    for (denied, code) in [
        (&["--access", "write"][..], "0x7"),
        (&["--mode", "supervisor"], "0x1"),
        (&["--mode", "supervisor", "--access", "fetch"], "0x11"),
        (&["--mode", "supervisor", "--access", "write"], "0x3"),
    ] {
        let walk = check(denied);
        let fault = &walk["fault"];
        assert_eq!(fault["kind"], "page fault");
        assert_eq!(fault["cause"], "protection");
        assert_eq!(fault["error_code"], code, "{denied:?}");
        assert_eq!(fault["level"], "PTE");
        assert_eq!(fault["hole"], Value::Null);
        assert!(walk["page"].is_object() && walk["physical"].is_null());
    }
}

#[test]
fn a_page_with_a_protection_key_has_it() {
    let image = image("l5-kaslr-pti");
    let found = json_of(["walk", &image, "10050000000"]);
    assert_eq!(found["walks"][0]["page"]["key"], 1);
    let printed = stdout_of(lookaside(["walk", &image, "10050000000"]));
    assert!(printed.contains(", key 1, "), "{printed}");
}

#[test]
fn an_address_that_is_not_canonical_is_a_general_protection() {
    let image = image("l4-nokaslr");
    let found = json_of(["walk", &image, "800000000000"]);
    let walk = &found["walks"][0];
    assert_eq!(walk["fault"]["kind"], "general protection");
    assert_eq!(walk["steps"], Value::Array(Vec::new()));
}

/// With LAM a user's pointer may carry a tag; who only looks at the tables has none.
#[test]
fn a_tagged_pointer_is_walked_as_the_access_that_it_is_for() {
    let files = Files::new();
    // One table for every level, whose first entry leads back to it.
    let mut memory = vec![0; 0x2000];
    memory[0x1000..][..8].copy_from_slice(&0x1027_u64.to_le_bytes());
    let image = files.write("tagged.raw", memory);
    let with_lam = "0x4000000000001000";
    let tagged = "5a5a000000000123";
    let found = json_of(["walk", &image, tagged, "--cr3", with_lam, "--mode", "user"]);
    let walk = &found["walks"][0];
    assert_eq!(walk["physical"], "0x1123");
    assert_eq!(walk["steps"].as_array().unwrap().len(), 4);
    let found = json_of(["walk", &image, tagged, "--cr3", with_lam]);
    assert_eq!(found["walks"][0]["fault"]["kind"], "general protection");
}

/// No zeros are read where the image has no memory.
#[test]
fn a_table_outside_memory_is_a_fault_and_not_a_hole() {
    let files = Files::new();
    let mut memory = vec![0; 0x1000];
    memory[..8].copy_from_slice(&0x7fff_f007_u64.to_le_bytes());
    let image = files.write("hole.raw", memory);
    let found = json_of(["walk", &image, "1000", "--cr3", "0"]);
    let walk = &found["walks"][0];
    assert_eq!(walk["fault"]["kind"], "no memory");
    assert_eq!(walk["fault"]["level"], "PDPTE");
    assert_eq!(walk["fault"]["entry_address"], "0x7ffff000");
    assert_eq!(walk["steps"].as_array().unwrap().len(), 1);
    let printed = stdout_of(lookaside(["walk", &image, "1000", "--cr3", "0"]));
    assert!(printed.contains("there is no memory"), "{printed}");
}

#[test]
fn with_paging_off_an_address_is_its_own() {
    let image = image("l4-nokaslr");
    let printed = stdout_of(lookaside([
        "walk", &image, "12345", "--cr0", "0x11", "--cr4", "0",
    ]));
    assert!(printed.starts_with("no paging\n"), "{printed}");
    assert!(printed.contains("physical 0x000000012345\n"), "{printed}");
}

#[test]
fn bad_addresses_and_images_are_bad_usage() {
    let image = image("l4-nokaslr");
    for address in ["", "0x", "main", "-1", "10000000000000000"] {
        let ended = run(lookaside(["walk", &image, "--", address]));
        assert_eq!(ended.code, Some(2), "{address}: {}", ended.stderr);
    }
    fails(lookaside(["walk", &image]), 2, &["ADDRESS"]);
    fails(
        lookaside(["walk", "no-such-file", "0"]),
        2,
        &["no-such-file"],
    );
    let command = lookaside(["walk", &image, "0", "--cr3", "0x7fff0000"]);
    fails(command, 2, &["CR3", "0x7fff0000"]);
    let raw = data("page-tables/l4-nokaslr/pt-only.raw.zst");
    fails(lookaside(["walk", &raw, "0"]), 2, &["--cr3"]);
    let json = data("page-tables/no-such-folder/walk.json");
    let command = lookaside(["walk", &image, "0", "--json", &json]);
    fails(command, 1, &["no such directory"]);
}

/// Every format, also from a pipe.
#[test]
fn a_walk_is_the_same_in_every_format() {
    let core = image("l4-kaslr-nopti");
    let expected = stdout_of(lookaside(["walk", &core, "4016ea", "0"]));
    for name in [
        "pt-only-paging.elf.zst",
        "pt-only.kdump.zst",
        "pt-only.kdumpflat.zst",
    ] {
        let image = data(&format!("page-tables/l4-kaslr-nopti/{name}"));
        let mut command = lookaside(["walk", "-", "4016ea", "0"]);
        command.write_stdin(std::fs::read(image).unwrap());
        assert_eq!(stdout_of(command), expected, "{name}");
    }
    let lime = data("page-tables/l4-kaslr-nopti/pt-only.lime.zst");
    let command = lookaside(["walk", &lime, "4016ea", "0", "--cr3", "0x2974000"]);
    assert_eq!(stdout_of(command), expected);
}
