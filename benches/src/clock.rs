use std::time::{Duration, Instant};

use crate::{FAULTS, FaultWorld, LeavingWorld, OPERATIONS};

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
    time_prepared(faults, world, FaultWorld::prepare, FaultWorld::round)
}

/// As [`time`], of so many pages that leave; what lets them be there again is not timed.
pub fn time_leaving(pages: u64, world: &mut LeavingWorld) -> Duration {
    time_prepared(pages, world, LeavingWorld::prepare, LeavingWorld::round)
}

fn time_prepared<T>(
    wanted: u64,
    world: &mut T,
    prepare: impl Fn(&mut T),
    round: impl Fn(&mut T),
) -> Duration {
    let rounds = wanted.div_ceil(FAULTS);
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        let start = Instant::now();
        round(world);
        spent += start.elapsed();
        prepare(world);
    }
    share(spent, wanted, rounds * FAULTS)
}

/// The time of some operations, of that of more.
#[expect(clippy::cast_precision_loss, reason = "no clock has so many digits")]
fn share(time: Duration, wanted: u64, done: u64) -> Duration {
    time.mul_f64(wanted as f64 / done as f64)
}
