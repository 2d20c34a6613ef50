//! What do the memory manager's faults and calls cost, and what the frames that they fill?

use benches::{
    FAULTS, FaultWorld, FrameWorld, LeavingWorld, OPERATIONS, RegionWorld, ReliefWorld,
    ShootdownWorld, TouchedWorld, time, time_faults, time_leaving, time_relief,
};
use criterion::{Criterion, criterion_group, criterion_main};

/// A benchmark's name, and what it measures.
type Named<T> = (&'static str, T);

fn faults(criterion: &mut Criterion) {
    const MEETINGS: [Named<fn() -> FaultWorld>; 6] = [
        ("fault: demand zero", FaultWorld::demand_zero),
        ("fault: guard", FaultWorld::guard),
        ("fault: refusal", FaultWorld::refusal),
        ("fault: copy on write", FaultWorld::copy_on_write),
        ("fault: shared", FaultWorld::shared),
        ("fault: soft", FaultWorld::soft),
    ];
    for (name, world) in MEETINGS {
        let mut world = world();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|faults| time_faults(faults, &mut world));
        });
        world.audit();
    }
}

fn leaving(criterion: &mut Criterion) {
    const WAYS: [Named<fn() -> LeavingWorld>; 3] = [
        ("leaving: trimmed", LeavingWorld::trimmed),
        ("leaving: unmapped", LeavingWorld::unmapped),
        ("leaving: freed", LeavingWorld::freed),
    ];
    for (name, world) in WAYS {
        let mut world = world();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|pages| time_leaving(pages, &mut world));
        });
        world.audit();
    }
}

fn relief(criterion: &mut Criterion) {
    const SIZES: [Named<fn() -> ReliefWorld>; 2] = [
        ("leaving: relief of 7,936 pages", ReliefWorld::small),
        ("leaving: relief of 64 Ki pages", ReliefWorld::large),
    ];
    for (name, world) in SIZES {
        let mut world = world();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|pages| time_relief(pages, &mut world));
        });
        world.audit();
    }
}

fn frames(criterion: &mut Criterion) {
    const ROUNDS: [Named<fn(&mut FrameWorld)>; 2] = [
        ("frame: zero", FrameWorld::zero),
        ("frame: copy", FrameWorld::copy),
    ];
    let mut world = FrameWorld::new();
    for (name, round) in ROUNDS {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|frames| {
                time(frames, || {
                    for _ in 0..OPERATIONS / FAULTS {
                        round(&mut world);
                    }
                })
            });
        });
    }
    world.audit();
}

fn regions(criterion: &mut Criterion) {
    const ROUNDS: [Named<fn(&mut RegionWorld)>; 4] = [
        ("regions: allocate, free", RegionWorld::allocate_and_free),
        ("regions: map, unmap", RegionWorld::map_and_unmap),
        ("regions: query one", RegionWorld::query_one),
        ("regions: query all", RegionWorld::query_all),
    ];
    let mut world = RegionWorld::new();
    for (name, round) in ROUNDS {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|operations| time(operations, || round(&mut world)));
        });
    }
    world.audit();
    let mut world = RegionWorld::touched();
    criterion.bench_function("regions: query all, touched", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.query_all()));
    });
    world.audit();
}

fn touched(criterion: &mut Criterion) {
    const ROUNDS: [Named<fn(&mut TouchedWorld)>; 2] = [
        ("touched pages: query", TouchedWorld::query),
        ("touched pages: protect", TouchedWorld::protect),
    ];
    let mut world = TouchedWorld::new();
    for (name, round) in ROUNDS {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|pages| time(pages, || round(&mut world)));
        });
    }
    world.audit();
}

fn shootdowns(criterion: &mut Criterion) {
    let mut world = ShootdownWorld::new();
    criterion.bench_function("shootdown: to 8 processors", |bencher| {
        bencher.iter_custom(|operations| time(operations, || world.round()));
    });
    world.audit();
}

criterion_group!(
    benches, faults, leaving, relief, frames, regions, touched, shootdowns
);
criterion_main!(benches);
