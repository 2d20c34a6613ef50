use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;

use super::{CliError, Outcome, interrupt::Interrupt, results::Results};
use crate::preset::{Assumptions, BUILT_IN, Preset, built_in_text, whole_text};

/// List the CPU presets, or print one with the source of every number
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside cpus
  lookaside cpus golden-cove > mine.toml
  lookaside cpus zen3 --whole
  lookaside sim --cpu mine.toml")]
pub(super) struct Cpus {
    /// The preset to print: its TOML, every number with its tag and source
    name: Option<String>,
    /// Print what the preset takes from another one that it extends, too
    #[arg(long, requires = "name")]
    whole: bool,
    #[command(flatten)]
    results: Results,
}

impl Cpus {
    pub(super) fn run(self, interrupt: &Interrupt) -> Result<Outcome, CliError> {
        if let Some(name) = &self.name {
            let whole = whole_text(name)?;
            let document: toml::Table = toml::from_str(&whole).unwrap_or_default();
            let text = if self.whole {
                &whole
            } else {
                built_in_text(name)?
            };
            interrupt.run_is_over().map_err(|_| CliError::Interrupted)?;
            self.results.write_json(&document)?;
            interrupt.files_are_written();
            self.results
                .print(|writer| writer.write_all(text.as_bytes()))?;
        } else {
            let summaries = BUILT_IN.map(|(name, _)| Preset::load(name).map(Summary::from));
            let summaries: Vec<_> = summaries.into_iter().collect::<Result<_, _>>()?;
            interrupt.run_is_over().map_err(|_| CliError::Interrupted)?;
            self.results.write_json(&summaries)?;
            interrupt.files_are_written();
            let table = table(&summaries);
            self.results.print(|writer| {
                table
                    .lines()
                    .try_for_each(|line| writeln!(writer, "{}", line.trim_end()))
            })?;
        }
        Ok(Outcome::Done)
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    name: String,
    title: String,
    measured: u32,
    manual: u32,
    assumed: u32,
}

impl From<Preset> for Summary {
    fn from(preset: Preset) -> Self {
        let Assumptions {
            measured,
            manual,
            assumed,
        } = preset.assumptions;
        Self {
            name: preset.name,
            title: preset.title,
            measured,
            manual,
            assumed,
        }
    }
}

fn table(summaries: &[Summary]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["Name", "Processor", "Measured", "Manual", "Assumed"]);
    for summary in summaries {
        table.add_row([
            summary.name.clone(),
            summary.title.clone(),
            summary.measured.to_string(),
            summary.manual.to_string(),
            summary.assumed.to_string(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}
