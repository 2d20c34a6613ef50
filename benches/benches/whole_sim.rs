//! How many records a second does `lookaside sim` run?

use std::time::Duration;

use benches::{Extent, golden_cove, simulate};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn whole_sim(criterion: &mut Criterion) {
    let preset = golden_cove();
    let mut group = criterion.benchmark_group("sim");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(Extent::WHOLE.records));
    group.bench_function("embedded trace", |bencher| {
        bencher.iter(|| Extent::WHOLE.check(&simulate(&preset, Extent::WHOLE)));
    });
    group.finish();
}

criterion_group!(benches, whole_sim);
criterion_main!(benches);
