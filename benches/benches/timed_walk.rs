//! What does a modelled read cost whose walk reads four entries?

use benches::{TimedWorld, time};
use criterion::{Criterion, criterion_group, criterion_main};

fn timed_walk(criterion: &mut Criterion) {
    let mut world = TimedWorld::walks();
    criterion.bench_function("timed: walk of 4 levels", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(benches, timed_walk);
criterion_main!(benches);
