use std::time::{Duration, Instant};

use crate::{FAULTS, FaultWorld, LeavingWorld, OPERATIONS, ReliefWorld};

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
    let (prepare, round) = (FaultWorld::prepare, FaultWorld::round);
    time_prepared((faults, FAULTS), world, prepare, round)
}

/// As [`time`], of so many pages that leave; what lets them be there again is not timed.
pub fn time_leaving(pages: u64, world: &mut LeavingWorld) -> Duration {
    let (prepare, round) = (LeavingWorld::prepare, LeavingWorld::round);
    time_prepared((pages, FAULTS), world, prepare, round)
}

/// As [`time`], of so many pages that leave because memory is short.
pub fn time_relief(pages: u64, world: &mut ReliefWorld) -> Duration {
    let (prepare, round) = (ReliefWorld::prepare, ReliefWorld::round);
    time_prepared((pages, world.relieved()), world, prepare, round)
}

/// Of so many operations, of which a round does the second number.
fn time_prepared<T>(
    (wanted, in_a_round): (u64, u64),
    world: &mut T,
    prepare: impl Fn(&mut T),
    round: impl Fn(&mut T),
) -> Duration {
    let rounds = wanted.div_ceil(in_a_round);
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        let start = Instant::now();
        round(world);
        spent += start.elapsed();
        prepare(world);
    }
    share(spent, wanted, rounds * in_a_round)
}

/// The time of some operations, of that of more.
#[expect(clippy::cast_precision_loss, reason = "no clock has so many digits")]
fn share(time: Duration, wanted: u64, done: u64) -> Duration {
    time.mul_f64(wanted as f64 / done as f64)
}
