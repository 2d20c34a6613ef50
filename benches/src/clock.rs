use std::time::{Duration, Instant};

use crate::OPERATIONS;

/// The time of so many operations. They are done in whole rounds: what the last one did too
/// much is taken off.
#[expect(clippy::cast_precision_loss, reason = "no clock has so many digits")]
pub fn time(operations: u64, mut round: impl FnMut()) -> Duration {
    let rounds = operations.div_ceil(OPERATIONS);
    let start = Instant::now();
    for _ in 0..rounds {
        round();
    }
    let share = operations as f64 / (rounds * OPERATIONS) as f64;
    start.elapsed().mul_f64(share)
}
