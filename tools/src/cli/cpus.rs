use clap::Args;
use comfy_table::{Table, presets::NOTHING};

use super::{CliError, Outcome, stdout};
use crate::preset::{BUILT_IN, Preset, built_in_text};

/// List the CPU presets, or print one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside cpus
  lookaside cpus golden-cove > mine.toml
  lookaside sim --cpu mine.toml")]
pub(super) struct Cpus {
    /// The preset to print: its TOML, every number with its tag and source
    name: Option<String>,
}

impl Cpus {
    pub(super) fn run(self) -> Result<Outcome, CliError> {
        if let Some(name) = self.name {
            let text = built_in_text(&name)?;
            stdout::print(|writer| writer.write_all(text.as_bytes()))?;
        } else {
            let table = Self::table()?;
            stdout::print(|writer| {
                table
                    .lines()
                    .try_for_each(|line| writeln!(writer, "{}", line.trim_end()))
            })?;
        }
        Ok(Outcome::Done)
    }

    fn table() -> Result<Table, CliError> {
        let mut table = Table::new();
        table.load_preset(NOTHING);
        table.set_header(["Name", "Processor", "Measured", "Manual", "Assumed"]);
        for (name, _) in BUILT_IN {
            let preset = Preset::load(name)?;
            let known = preset.assumptions;
            table.add_row([
                preset.name,
                preset.title,
                known.measured.to_string(),
                known.manual.to_string(),
                known.assumed.to_string(),
            ]);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Ok(table)
    }
}
