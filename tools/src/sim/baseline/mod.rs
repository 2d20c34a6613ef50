//! A report against an earlier one of the same run, by rules that say what must not change.

mod rule;

use std::{fmt, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{
    MachineConfig, Report, Schedule,
    metric::{self, Change, MetricError},
    report::{
        setup::Setup,
        text::{excerpt, grouped, section, table},
    },
};
use crate::{input::Source, preset::Preset};

pub use rule::{Rule, RuleError};

/// An earlier report, as JSON.
#[derive(Clone, Debug)]
pub struct Baseline {
    path: PathBuf,
    report: Value,
}

/// A report cannot be judged by a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("{}: cannot read the baseline: {cause}", path.display())]
    Read {
        /// The baseline.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// The file is not JSON.
    #[error("{}: not JSON: {cause}", path.display())]
    Malformed {
        /// The baseline.
        path: PathBuf,
        /// What is wrong, and in which line and column.
        cause: serde_json::Error,
    },
    /// It is JSON, but not what `sim --json` writes.
    #[error("{}: not a report that `lookaside sim --json` wrote: it has no {field}", path.display())]
    NoReport {
        /// The baseline.
        path: PathBuf,
        /// What is missing.
        field: &'static str,
    },
    /// It is of another run.
    #[error("{}: a report of another run: {differences}", path.display())]
    OtherRun {
        /// The baseline.
        path: PathBuf,
        /// What differs, with both values.
        differences: String,
    },
    /// A rule is about a number that there is not.
    #[error("--fail-if '{rule}': {error}")]
    Metric {
        /// The rule.
        rule: String,
        /// What is wrong.
        error: MetricError,
    },
    /// The report cannot be looked into.
    #[error("the report cannot be made JSON: {0}")]
    Report(serde_json::Error),
}

/// What must be the same of both runs, and is known before the run.
const SAME_BEFORE: [&str; 2] = ["lookaside", "machine"];

/// What must be the same, and is known after the run.
const SAME_AFTER: [&str; 5] = ["records", "instructions", "loads", "stores", "modifies"];

/// What every report has.
const IN_A_REPORT: [&str; 3] = ["lookaside", "machine.cpu", "trace.records"];

impl Baseline {
    /// Reads an earlier report.
    ///
    /// # Errors
    /// [`BaselineError`] if it cannot be read, or is none.
    pub fn read(path: PathBuf) -> Result<Self, BaselineError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) => return Err(BaselineError::Read { path, cause }),
        };
        let report = match serde_json::from_str(&text) {
            Ok(report) => report,
            Err(cause) => return Err(BaselineError::Malformed { path, cause }),
        };
        for field in IN_A_REPORT {
            if metric::find(&report, field).is_none() {
                return Err(BaselineError::NoReport { path, field });
            }
        }
        Ok(Self { path, report })
    }

    /// Finds out before a run whether it can be judged.
    ///
    /// # Errors
    /// [`BaselineError`] if the baseline is of another machine, schedule or version, or lacks a number
    /// that a rule is about.
    pub fn check(
        &self,
        preset: &Preset,
        config: MachineConfig,
        schedule: Schedule,
        traces: &[Source],
        rules: &[Rule],
    ) -> Result<(), BaselineError> {
        let run = json!({
            "lookaside": env!("CARGO_PKG_VERSION"),
            "machine": Setup::new(preset, config, schedule, traces),
        });
        self.is_same_run(&run, &SAME_BEFORE)?;
        for rule in rules {
            number(&self.report, rule)?;
        }
        Ok(())
    }

    /// Judges a report by rules.
    ///
    /// # Errors
    /// [`BaselineError`] if the report is of another trace than the baseline.
    pub fn judge(&self, report: &Report, rules: &[Rule]) -> Result<Verdict, BaselineError> {
        let report = serde_json::to_value(report).map_err(BaselineError::Report)?;
        let same_after = SAME_AFTER.map(|count| format!("trace.{count}"));
        self.is_same_run(&report, &same_after.each_ref().map(String::as_str))?;
        let name = |report| metric::find(report, "trace.name").and_then(Value::as_str);
        let other_trace = name(&self.report).filter(|&old| name(&report) != Some(old));
        let judged = rules.iter().map(|rule| {
            let (old, new) = (number(&self.report, rule)?, number(&report, rule)?);
            let change = new.since(old);
            Ok(Judged {
                rule: rule.clone(),
                change,
                is_violated: rule.is_violated(change),
            })
        });
        Ok(Verdict {
            baseline: self.path.display().to_string(),
            other_trace: other_trace.map(str::to_owned),
            judged: judged.collect::<Result<_, _>>()?,
        })
    }

    fn is_same_run(&self, run: &Value, fields: &[&str]) -> Result<(), BaselineError> {
        let mut differences = Vec::new();
        for field in fields {
            let (old, new) = (metric::find(&self.report, field), metric::find(run, field));
            differ(field, old, new, &mut differences);
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(BaselineError::OtherRun {
            path: self.path.clone(),
            differences: differences.join("; "),
        })
    }
}

/// Says of every part of a value that is another one which it was and which it is.
fn differ(path: &str, old: Option<&Value>, new: Option<&Value>, differences: &mut Vec<String>) {
    let part = |key: &str, old, new, differences: &mut Vec<String>| {
        if !Setup::WHENCE.contains(&key) {
            differ(&format!("{path}.{key}"), old, new, differences);
        }
    };
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let only_old = old.keys().filter(|&key| !new.contains_key(key));
            for key in new.keys().chain(only_old) {
                part(key, old.get(key), new.get(key), differences);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for place in 0..old.len().max(new.len()) {
                let key = place.to_string();
                part(&key, old.get(place), new.get(place), differences);
            }
        }
        (old, new) if old != new => {
            let shown = |value: Option<&Value>| value.map_or("missing".into(), Value::to_string);
            let (old, new) = (shown(old), shown(new));
            differences.push(format!("{path} is {old} there, {new} here"));
        }
        _ => {}
    }
}

fn number(report: &Value, rule: &Rule) -> Result<metric::Number, BaselineError> {
    metric::number(report, rule.metric()).map_err(|error| BaselineError::Metric {
        rule: rule.to_string(),
        error,
    })
}

/// What the rules say of a report.
#[derive(Clone, Debug)]
pub struct Verdict {
    baseline: String,
    /// The name of the baseline's trace, if it is not that of the report's.
    pub other_trace: Option<String>,
    judged: Vec<Judged>,
}

/// A rule, and what it is about.
#[derive(Clone, Debug)]
pub struct Judged {
    rule: Rule,
    change: Change,
    is_violated: bool,
}

impl Verdict {
    /// The rules that say that the check failed.
    pub fn violated(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.is_violated)
    }
}

/// The rule, both numbers, and the change.
impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { before, after } = self.change;
        let (rule, change) = (&self.rule, self.change);
        let absolute = self.change.absolute();
        write!(
            f,
            "{rule}: was {before}, is {after}, {absolute:+} ({change})"
        )
    }
}

/// All rules as a table.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["Fail if", "was", "is", "change", ""]);
        for Judged {
            rule,
            change,
            is_violated,
        } in &self.judged
        {
            table.add_row([
                format!("  {}", excerpt(&rule.to_string(), 34)),
                shown(change.before),
                shown(change.after),
                change.to_string(),
                if *is_violated { "FAILED" } else { "ok" }.into(),
            ]);
        }
        section(f, &table)?;
        writeln!(f, "  the baseline is {}", excerpt(&self.baseline, 60))
    }
}

fn shown(number: metric::Number) -> String {
    match number {
        metric::Number::Whole(count) => grouped(count),
        metric::Number::Fraction(ratio) => format!("{ratio:.3}"),
    }
}
