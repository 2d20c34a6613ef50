//! What does a modelled read cost that hits everywhere?

use benches::{TimedWorld, time};
use criterion::{Criterion, criterion_group, criterion_main};

fn timed_hit(criterion: &mut Criterion) {
    let mut world = TimedWorld::same_line();
    criterion.bench_function("timed: hit, same line", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();

    let mut world = TimedWorld::other_pages();
    criterion.bench_function("timed: hit, other page and line each time", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(benches, timed_hit);
criterion_main!(benches);
