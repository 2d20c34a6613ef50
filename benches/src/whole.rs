use lookaside::{
    input::Input,
    preset::Preset,
    sim::{self, EMBEDDED_TRACE, EMBEDDED_TRACE_NAME, MachineConfig, Watch},
    trace::{self, TraceFormat},
};
use serde_json::Value;

use crate::Cut;

/// How much of the embedded trace is run, and what must come out.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many records are run, if there are so many.
    limit: u64,
    /// How many there are.
    pub records: u64,
    /// How many pages they touch.
    page_faults: u64,
}

impl Extent {
    /// All of it.
    pub const WHOLE: Self = Self {
        limit: u64::MAX,
        records: 14_943_941,
        page_faults: 741,
    };

    /// As much as callgrind runs in seconds.
    pub const START: Self = Self {
        limit: 500_000,
        records: 500_000,
        page_faults: 346,
    };

    /// Looks whether a report is of this extent.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(self, json: &[u8]) {
        let report: Value = serde_json::from_slice(json).expect("the report is JSON");
        let number = |pointer| report.pointer(pointer).and_then(Value::as_u64);
        assert_eq!(number("/trace/records"), Some(self.records));
        assert_eq!(number("/page_faults/demand_zero"), Some(self.page_faults));
    }
}

/// The preset that all timed worlds use.
///
/// # Panics
/// If it is not built in.
pub fn golden_cove() -> Preset {
    Preset::load("golden-cove").expect("the preset is built in")
}

/// Runs the embedded trace as `lookaside sim` does: from its compressed bytes to the report
/// as JSON.
///
/// # Panics
/// If any step fails.
pub fn simulate(preset: &Preset, extent: Extent) -> Vec<u8> {
    let input = Input::from_bytes(EMBEDDED_TRACE_NAME, EMBEDDED_TRACE);
    let input = input.expect("the trace can be decompressed");
    let source = input.source().clone();
    let reader = trace::open(input, TraceFormat::Auto).expect("the trace has a known format");
    let mut reader = Cut::new(reader, extent.limit);
    let config = MachineConfig::default();
    let report = sim::run(&mut reader, &source, preset, config, &mut Unwatched);
    let report = report.expect("the trace can be run");
    serde_json::to_vec_pretty(&report).expect("the report can be JSON")
}

struct Unwatched;

impl Watch for Unwatched {
    fn records_done(&mut self, _: u64) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}
