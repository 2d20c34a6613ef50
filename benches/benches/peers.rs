//! What does a translation cost here, and what elsewhere?

mod contenders;

use benches::time;
use contenders::{Checked, Contender, Lookaside, Loop, Memflow, Minimal, World, X86_64};
use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};

fn peers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peers");
    measure::<Loop>(&mut group, "loop_alone");
    measure::<Minimal>(&mut group, "minimal");
    measure::<X86_64>(&mut group, "x86_64");
    measure::<Checked>(&mut group, "checked");
    measure::<Memflow>(&mut group, "memflow");
    measure::<Lookaside<0>>(&mut group, "hit");
    measure::<Lookaside<1>>(&mut group, "pde_hit");
    measure::<Lookaside<4>>(&mut group, "cold");
    group.finish();
}

fn measure<C: Contender>(group: &mut BenchmarkGroup<WallTime>, name: &str) {
    let mut world = World::<C>::new();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(benches, peers);
criterion_main!(benches);
