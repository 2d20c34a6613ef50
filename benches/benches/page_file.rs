//! What does it cost to write pages to a page file, beside a plain file on the same disk?

use std::path::Path;

use benches::{PAGE_FILE_BYTES, PageFileWorld};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn page_file(criterion: &mut Criterion) {
    let mut world = PageFileWorld::new(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let mut group = criterion.benchmark_group("page file");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(PAGE_FILE_BYTES as u64));
    group.bench_function("plain write", |bencher| {
        bencher.iter(|| world.write_plain());
    });
    group.bench_function("clusters", |bencher| bencher.iter(|| world.write_pages()));
    group.finish();
    world.audit();
}

criterion_group!(benches, page_file);
criterion_main!(benches);
