//! The options of `sim` that set runs side by side: several machines in one run, or a run
//! and an earlier one.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Outcome, message::tell};
use crate::{
    input::Source,
    page_policy::PagePolicy,
    preset::{self, Preset},
    sim::{
        MachineConfig, Paging, Report, Schedule,
        baseline::{Baseline, Rule, Verdict},
        compare::{self, Axis, Variant},
    },
};

/// What to compare a run with.
#[derive(Debug, Args)]
pub(super) struct Comparisons {
    /// Run the traces through several machines at once and set them side by side:
    /// cpu=NAME,NAME..., pages=SIZE,SIZE..., ram=SIZE,SIZE... or paging=4-level,5-level;
    /// several give every combination
    #[arg(long, value_name = "WHAT=A,B", conflicts_with = "baseline")]
    compare: Vec<Axis>,
    /// The JSON report of an earlier run of the same traces on the same machine; one with any
    /// other setting is refused
    #[arg(long, value_name = "FILE.json", requires = "fail_if")]
    baseline: Option<PathBuf>,
    /// Fail (exit status 1) if a number became what the rule says, such as `walks > +1%`:
    /// METRIC, one of > >= < <=, and a number; with % or a sign it is the change against the
    /// baseline, else the number itself. METRIC is a path in the JSON, such as `cycles.total`,
    /// or one of `translation_cycles`, `total_cycles`, `walks`, `page_faults`,
    /// `walk_references`
    #[arg(long, value_name = "RULE", requires = "baseline")]
    fail_if: Vec<Rule>,
}

impl Comparisons {
    /// Whether there is an earlier run.
    pub(super) fn has_baseline(&self) -> bool {
        self.baseline.is_some()
    }

    /// The files that are read besides the trace and `--cpu`.
    pub(super) fn inputs(&self) -> Vec<Source> {
        let baseline = self
            .baseline
            .iter()
            .map(|path| Source::from(path.as_path()));
        let cpus = self.compare.iter().flat_map(|axis| match axis {
            Axis::Cpu(names) => names.as_slice(),
            Axis::Pages(_) | Axis::Paging(_) | Axis::Ram(_) => &[],
        });
        baseline
            .chain(cpus.map(|cpu| Source::from(cpu.as_str())))
            .collect()
    }

    /// Whether machines with more and less memory are compared.
    pub(super) fn compares_ram(&self) -> bool {
        let names_ram = |axis: &Axis| matches!(axis, Axis::Ram(_));
        self.compare.iter().any(names_ram)
    }

    /// The machines to compare, if that is asked for.
    pub(super) fn variants(
        &self,
        cpu: &str,
        config: MachineConfig,
    ) -> Result<Option<Vec<Variant>>, CliError> {
        if self.compare.is_empty() {
            return Ok(None);
        }
        let names_cpus = |axis: &Axis| matches!(axis, Axis::Cpu(_));
        if cpu != preset::DEFAULT && self.compare.iter().any(names_cpus) {
            return Err(CliError::TwoCpus);
        }
        let names_pages = |axis: &Axis| matches!(axis, Axis::Pages(_));
        if config.pages != PagePolicy::default() && self.compare.iter().any(names_pages) {
            return Err(CliError::TwoSizes);
        }
        let names_paging = |axis: &Axis| matches!(axis, Axis::Paging(_));
        if config.paging != Paging::default() && self.compare.iter().any(names_paging) {
            return Err(CliError::TwoPagings);
        }
        let machines = compare::product(&self.compare, cpu, config)?;
        let variant = |(cpu, config): (String, MachineConfig)| -> Result<Variant, CliError> {
            Ok(Variant {
                preset: Preset::load(&cpu)?,
                config,
            })
        };
        let variants: Result<Vec<_>, _> = machines.into_iter().map(variant).collect();
        variants.map(Some)
    }

    /// The baseline, if there is one, once it is clear that it fits the run.
    pub(super) fn baseline(
        &self,
        preset: &Preset,
        config: MachineConfig,
        schedule: Schedule,
        traces: &[Source],
    ) -> Result<Option<Baseline>, CliError> {
        let Some(path) = self.baseline.clone() else {
            return Ok(None);
        };
        let baseline = Baseline::read(path)?;
        baseline.check(preset, config, schedule, traces, &self.fail_if)?;
        Ok(Some(baseline))
    }

    /// What the baseline says of a report, if there is one.
    pub(super) fn judge(
        &self,
        baseline: Option<&Baseline>,
        report: &Report,
    ) -> Result<Option<Verdict>, CliError> {
        let judge = |baseline: &Baseline| baseline.judge(report, &self.fail_if);
        Ok(baseline.map(judge).transpose()?)
    }
}

/// Tells on standard error which rules failed, and what is odd.
pub(super) fn outcome(verdict: Option<&Verdict>) -> Outcome {
    let Some(verdict) = verdict else {
        return Outcome::Done;
    };
    if let Some(name) = &verdict.other_trace {
        tell(format_args!(
            "warning: the trace of the baseline has another name, {name}"
        ));
    }
    let mut outcome = Outcome::Done;
    for judged in verdict.violated() {
        tell(format_args!("error: failed: {judged}"));
        outcome = Outcome::CheckFailed;
    }
    outcome
}
