//! The bodies of the fuzz targets, without a fuzzer: bytes at random, and good files with bytes
//! changed, left out and cut off.

use tests::{Random, data, fuzzing};

const SEED: u64 = 0x00f0_22ed;

/// Bytes at random, mostly few and small.
fn bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(700);
    let byte = |random: &mut Random| random.next_u64().to_le_bytes()[0];
    (0..length).map(|_| byte(random)).collect()
}

fn at_random(body: fn(&[u8]), cases: u32) {
    let mut random = Random::new(SEED);
    for _ in 0..cases {
        body(&bytes(&mut random));
    }
}

fn below(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap_or(0)
}

/// The start of a good file with a few bytes changed, and maybe cut.
fn damaged(body: fn(&[u8]), good: &[u8], cases: u32) {
    let mut random = Random::new(SEED);
    for _ in 0..cases {
        let mut bytes = good.to_vec();
        for _ in 0..=random.below(4) {
            let place = below(&mut random, bytes.len());
            bytes[place] = random.next_u64().to_le_bytes()[0];
        }
        if random.below(3) == 0 {
            let end = below(&mut random, bytes.len());
            bytes.truncate(end.max(1));
        }
        body(&bytes);
    }
}

#[test]
fn page_tables_of_any_content_are_walked() {
    at_random(fuzzing::page_tables, 20_000);
}

#[test]
fn registers_take_any_values_or_refuse_them() {
    at_random(fuzzing::registers, 5_000);
}

#[test]
fn images_of_any_content_are_read_or_refused() {
    at_random(fuzzing::images, 1_000);
    for format in ["elf", "kdump", "kdumpflat", "lime"] {
        let name = format!("page-tables/l4-kaslr-nopti/pt-only.{format}.zst");
        let compressed = std::fs::read(data::path(&name)).unwrap();
        damaged(fuzzing::images, &compressed, 10);
        damaged(fuzzing::images, &data::start(&name, 1 << 14), 300);
    }
}

#[test]
fn golden_files_of_any_content_are_read_or_refused() {
    at_random(fuzzing::golden, 200);
    for name in ["64bit-4level", "pae32", "legacy32", "tlbseq-pcid"] {
        let start = data::start(&format!("golden/{name}.txt.xz"), 2000);
        damaged(fuzzing::golden, &start, 100);
    }
    for profile in [
        "00-private",
        "01-guard",
        "02-writewatch",
        "03-pagefile",
        "04-file",
    ] {
        let start = data::start(&format!("winapi/seed{profile}.gold.xz"), 4000);
        damaged(fuzzing::golden, &start, 40);
    }
}

#[test]
fn calls_of_any_kind_have_a_result() {
    let mut random = Random::new(SEED);
    for _ in 0..300 {
        let count = 8 * (1 + random.below(400));
        let bytes = (0..count).flat_map(|_| random.next_u64().to_le_bytes());
        fuzzing::calls(&bytes.collect::<Vec<_>>());
    }
}

#[test]
fn traces_of_any_content_are_read_or_refused() {
    at_random(fuzzing::traces, 2_000);
    let trace = data::start("steady/trace.mmut.zst", 1 << 12);
    damaged(fuzzing::traces, &trace, 500);
    let trace = data::start("lackey/ls.lackey.zst", 1 << 12);
    damaged(fuzzing::traces, &trace, 500);
}

#[test]
fn processors_of_any_content_are_read_or_refused() {
    at_random(fuzzing::presets, 1_000);
    // One that says everything, and one that extends others.
    for name in ["golden-cove", "zen4"] {
        let text = lookaside::preset::built_in_text(name).unwrap();
        damaged(fuzzing::presets, text.as_bytes(), 1_000);
    }
}

/// The scripts that come with the command.
fn scripts() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/scripts");
    let files = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().map(std::fs::read_to_string);
    texts.collect::<Result<_, _>>().unwrap()
}

/// Numbers at the ends of what they can be.
const NUMBERS: [&str; 8] = [
    "0",
    "1",
    "0xfff",
    "64KiB",
    "0x7fffffff0000",
    "0xffff800000000000",
    "0x7fffffffffffffff",
    "0xffffffffffffffff",
];

/// A script with lines and words of others.
fn mixed(random: &mut Random, scripts: &[String]) -> String {
    let one_of = |random: &mut Random| &scripts[below(random, scripts.len())];
    let mut lines: Vec<_> = one_of(random).lines().map(str::to_owned).collect();
    for _ in 0..=random.below(6) {
        let place = below(random, lines.len());
        let other: Vec<_> = one_of(random).lines().collect();
        let line = other[below(random, other.len())];
        let words: Vec<_> = line.split([' ', '(', ')', ',']).collect();
        match random.below(6) {
            0 => lines.insert(place, line.to_owned()),
            1 => line.clone_into(&mut lines[place]),
            2 if lines.len() > 1 => drop(lines.remove(place)),
            3 => {
                let with = below(random, lines.len());
                lines.swap(place, with);
            }
            kind => {
                let new = match kind {
                    4 => words[below(random, words.len())],
                    _ => NUMBERS[below(random, NUMBERS.len())],
                };
                let old: Vec<_> = lines[place].split([' ', '(', ')', ',']).collect();
                let old = old[below(random, old.len())].to_owned();
                if !old.is_empty() {
                    lines[place] = lines[place].replacen(&old, new, 1);
                }
            }
        }
    }
    lines.join("\n")
}

#[test]
fn scripts_of_any_content_are_run_or_refused() {
    at_random(fuzzing::scripts, 200);
    let scripts = scripts();
    for script in &scripts {
        damaged(fuzzing::scripts, script.as_bytes(), 30);
    }
    let mut random = Random::new(SEED);
    let mut runs = 0;
    for _ in 0..5_000 {
        let script = mixed(&mut random, &scripts);
        runs += u32::from(lookaside::vm::parse("mixed", &script).is_ok());
        fuzzing::scripts(script.as_bytes());
    }
    // Others are refused before they run.
    assert!(runs > 500, "{runs}");
}
