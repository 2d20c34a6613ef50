use std::time::{Duration, Instant};

use crate::{FAULTS, FaultWorld, OPERATIONS};

/// The time of so many operations. They are done in whole rounds: what the last one did too
/// much is taken off.
pub fn time(operations: u64, mut round: impl FnMut()) -> Duration {
    let rounds = operations.div_ceil(OPERATIONS);
    let start = Instant::now();
    for _ in 0..rounds {
        round();
    }
    share(start.elapsed(), operations, rounds * OPERATIONS)
}

/// As [`time`], of so many faults; what makes the pages fault again is not timed.
pub fn time_faults(faults: u64, world: &mut FaultWorld) -> Duration {
    let rounds = faults.div_ceil(FAULTS);
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        world.prepare();
        let start = Instant::now();
        world.round();
        spent += start.elapsed();
    }
    share(spent, faults, rounds * FAULTS)
}

/// The time of some operations, of that of more.
#[expect(clippy::cast_precision_loss, reason = "no clock has so many digits")]
fn share(time: Duration, wanted: u64, done: u64) -> Duration {
    time.mul_f64(wanted as f64 / done as f64)
}
