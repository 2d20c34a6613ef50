//! What does a modelled read cost that is one of a pattern over 1 GiB?

use std::time::{Duration, Instant};

use benches::{OPERATIONS, PatternWorld};
use criterion::{Criterion, criterion_group, criterion_main};

fn timed_patterns(criterion: &mut Criterion) {
    measure(criterion, "timed: sequential", PatternWorld::sequential);
    measure(criterion, "timed: random", PatternWorld::random);
    measure(criterion, "timed: zipf", PatternWorld::zipf);
}

/// Making the pattern is not measured.
fn measure(criterion: &mut Criterion, name: &str, world: fn() -> PatternWorld) {
    let mut world = world();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|operations| {
            let rounds = operations.div_ceil(OPERATIONS);
            let rounds_take: Duration = (0..rounds).map(|_| one_round(&mut world)).sum();
            rounds_take.mul_f64(operations as f64 / (rounds * OPERATIONS) as f64)
        });
    });
    world.audit();
}

fn one_round(world: &mut PatternWorld) -> Duration {
    world.next_loads();
    let start = Instant::now();
    world.round();
    start.elapsed()
}

criterion_group!(benches, timed_patterns);
criterion_main!(benches);
