//! How many records of a trace are read a second, by format, and from another thread?

use std::time::Duration;

use benches::{Contents, ReadWorld};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn read_trace(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read_trace");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(ReadWorld::RECORDS));
    for (name, contents) in [
        ("lackey", Contents::Lackey),
        ("lackey.zst", Contents::LackeyZstd),
        ("compact", Contents::Compact),
    ] {
        let world = ReadWorld::new(contents);
        println!("{name}: {} bytes", world.length());
        group.bench_function(name, |bencher| bencher.iter(|| world.read()));
        let threaded = format!("{name}, in a thread");
        group.bench_function(threaded, |bencher| bencher.iter(|| world.read_threaded()));
    }
    group.finish();
}

criterion_group!(benches, read_trace);
criterion_main!(benches);
