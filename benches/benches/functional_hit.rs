//! What does a read cost an emulator that the software TLB answers?

use benches::{FunctionalWorld, time};
use criterion::{Criterion, criterion_group, criterion_main};

fn functional_hit(criterion: &mut Criterion) {
    let mut world = FunctionalWorld::hits();
    criterion.bench_function("functional: hit", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(benches, functional_hit);
criterion_main!(benches);
