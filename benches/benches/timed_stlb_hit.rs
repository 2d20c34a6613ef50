//! What does a modelled read cost that the second-level TLB answers?

use benches::{TimedWorld, time};
use criterion::{Criterion, criterion_group, criterion_main};

fn timed_stlb_hit(criterion: &mut Criterion) {
    let mut world = TimedWorld::stlb_hits();
    criterion.bench_function("timed: STLB hit", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(benches, timed_stlb_hit);
criterion_main!(benches);
