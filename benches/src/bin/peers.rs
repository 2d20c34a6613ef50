//! Runs the benchmarks beside peers, by the clock and by the instruction, and prints the
//! table of both, with the loop around the translations taken off.

use std::{
    env,
    error::Error,
    fmt::{Display, Write},
    fs, io,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use benches::OPERATIONS;
use serde_json::Value;

/// What the benchmarks call the loop alone.
const LOOP: &str = "loop_alone";

/// Where one kind of benchmark leaves its results, and how they name what is wanted.
const INSTRUCTIONS_GROUP: &str = "benches/peers_instructions/instructions";
const INSTRUCTIONS_OF_ROUND: &str =
    "/profiles/0/summaries/total/summary/Callgrind/Ir/metrics/Left/Int";

/// What they call everyone else, and who that is.
const CONTENDERS: [(&str, &str); 7] = [
    ("minimal", "four loads, nothing checked"),
    ("x86_64", "`x86_64`: `translate_addr`, unchecked"),
    ("checked", "a checked walk, written by hand"),
    ("memflow", "`memflow`: `virt_to_phys`"),
    ("hit", "`FunctionalMmu`: hit"),
    ("pde_hit", "`FunctionalMmu`: walk from a cached PDE, fill"),
    ("cold", "`FunctionalMmu`: walk of four levels, fill"),
];

fn main() -> ExitCode {
    match Results::of_a_run().and_then(|results| results.table()) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What a run left behind.
struct Results {
    clock: PathBuf,
    instructions: PathBuf,
}

/// What a translation takes.
struct Cost {
    instructions: f64,
    nanoseconds: f64,
}

impl Results {
    fn of_a_run() -> Result<Self, Box<dyn Error>> {
        let directory = env::current_exe()?.with_file_name("peers-results");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        let results = Self {
            clock: directory.join("clock"),
            instructions: directory.join("instructions"),
        };
        bench("peers_instructions", |cargo| {
            cargo
                .env("IAI_CALLGRIND_HOME", &results.instructions)
                .env("IAI_CALLGRIND_SAVE_SUMMARY", "json")
        })?;
        bench("peers", |cargo| cargo.env("CRITERION_HOME", &results.clock))?;
        Ok(results)
    }

    /// The results as a table in Markdown.
    fn table(&self) -> Result<String, Box<dyn Error>> {
        let around = self.cost(LOOP)?;
        let mut table = String::from("| | instructions | ns |\n|---|--:|--:|\n");
        for (name, who) in CONTENDERS {
            let cost = self.cost(name)?;
            let instructions = cost.instructions - around.instructions;
            let nanoseconds = cost.nanoseconds - around.nanoseconds;
            writeln!(table, "| {who} | {instructions:.0} | {nanoseconds:.1} |")?;
        }
        writeln!(
            table,
            "\nTaken off for the loop: {:.1} instructions, {:.1} ns.",
            around.instructions, around.nanoseconds
        )?;
        Ok(table)
    }

    fn cost(&self, name: &str) -> Result<Cost, Box<dyn Error>> {
        let group = self.instructions.join(INSTRUCTIONS_GROUP);
        let summary = Json::read(group.join(format!("peers.{name}/summary.json")))?;
        let round = summary.get(INSTRUCTIONS_OF_ROUND, Value::as_f64)?;
        let sample = Json::read(self.clock.join(format!("peers/{name}/new/sample.json")))?;
        let operations = sample.get("/iters", Value::as_array)?;
        let times = sample.get("/times", Value::as_array)?;
        let nanoseconds = times
            .iter()
            .zip(operations)
            .filter_map(|(time, operations)| Some(time.as_f64()? / operations.as_f64()?));
        Ok(Cost {
            instructions: round / OPERATIONS as f64,
            // The fastest sample: what else the host does only ever adds.
            nanoseconds: nanoseconds.fold(f64::INFINITY, f64::min),
        })
    }
}

/// Runs a benchmark of this package; all it says goes to the standard error.
fn bench(
    name: &str,
    place: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo
        .args(["bench", "--bench", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::from(io::stderr()));
    let status = place(&mut cargo).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo bench --bench {name}: {status}").into())
    }
}

/// A file of results.
struct Json {
    file: PathBuf,
    value: Value,
}

impl Json {
    fn read(file: PathBuf) -> Result<Self, Box<dyn Error>> {
        let place = |error: &dyn Display| format!("{}: {error}", file.display());
        let json = fs::read(&file).map_err(|error| place(&error))?;
        let value = serde_json::from_slice(&json).map_err(|error| place(&error))?;
        Ok(Self { file, value })
    }

    fn get<'a, T>(
        &'a self,
        pointer: &str,
        as_type: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Box<dyn Error>> {
        let found = self.value.pointer(pointer).and_then(as_type);
        found.ok_or_else(|| format!("{}: nothing usable at {pointer}", self.file.display()).into())
    }
}
