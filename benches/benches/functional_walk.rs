//! What does a read cost an emulator that walks four levels?

use benches::{FunctionalWorld, time};
use criterion::{Criterion, criterion_group, criterion_main};

fn functional_walk(criterion: &mut Criterion) {
    let mut world = FunctionalWorld::walks();
    criterion.bench_function("functional: walk of 4 levels", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(benches, functional_walk);
criterion_main!(benches);
