use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt::Interrupt;
use crate::{input::Progress, sim::Watch};

/// Shows on a terminal how far a long run has come, and nothing elsewhere; ends it on Ctrl-C.
#[derive(Debug)]
pub(super) struct ProgressWatch {
    bar: ProgressBar,
    inputs: Vec<Progress>,
    interrupt: Interrupt,
}

impl ProgressWatch {
    pub(super) fn new(inputs: Vec<Progress>, interrupt: Interrupt) -> Self {
        let (bar, template) = match inputs.iter().map(Progress::total).sum::<Option<u64>>() {
            Some(bytes) => (
                ProgressBar::new(bytes),
                "{bar:30} {percent:>3}%  {msg}, {elapsed} of about {duration}",
            ),
            None => (ProgressBar::no_length(), "{spinner} {msg}, {elapsed}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            inputs,
            interrupt,
        }
    }

    /// Takes the bar off the terminal.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for ProgressWatch {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Watch for ProgressWatch {
    fn records_done(&mut self, records: u64) {
        if !self.bar.is_hidden() {
            let consumed = self.inputs.iter().map(Progress::consumed);
            self.bar.set_position(consumed.sum());
            self.bar
                .set_message(format!("{:.1} M records", records as f64 / 1e6));
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }
}
