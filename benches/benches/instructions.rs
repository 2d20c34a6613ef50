//! How many instructions does each of these take?
//!
//! A function here is one round of its world. Setting it up and looking at what came out is
//! not counted.
#![expect(missing_docs, reason = "what the macros make public has none")]

use std::hint::black_box;

use benches::{
    Extent, FAULTS, FaultWorld, FrameWorld, FunctionalWorld, LeavingWorld, OPERATIONS,
    PatternWorld, RegionWorld, ReliefWorld, ShootdownWorld, TimedWorld, TouchedWorld, golden_cove,
    simulate,
};
use iai_callgrind::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use lookaside::preset::Preset;

#[library_benchmark(teardown = audit_functional)]
#[bench::hit(args = (), setup = FunctionalWorld::hits, config = at_most(26))]
#[bench::walk(args = (), setup = FunctionalWorld::walks, config = at_most(346))]
fn functional(mut world: FunctionalWorld) -> FunctionalWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(teardown = audit_timed)]
#[bench::hit_same_line(args = (), setup = TimedWorld::same_line, config = at_most(22))]
#[bench::hit_other_pages(args = (), setup = TimedWorld::other_pages, config = at_most(349))]
#[bench::stlb_hit(args = (), setup = TimedWorld::stlb_hits, config = at_most(880))]
#[bench::walk(args = (), setup = TimedWorld::walks, config = at_most(1743))]
fn timed(mut world: TimedWorld) -> TimedWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(teardown = audit_pattern)]
#[bench::sequential(args = (), setup = PatternWorld::sequential, config = at_most(105))]
#[bench::random(args = (), setup = PatternWorld::random, config = at_most(2400))]
#[bench::zipf(args = (), setup = PatternWorld::zipf, config = at_most(1885))]
fn timed_pattern(mut world: PatternWorld) -> PatternWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(teardown = audit_faults)]
#[bench::demand_zero(args = (), setup = FaultWorld::demand_zero, config = each_at_most(6800))]
#[bench::guard(args = (), setup = FaultWorld::guard, config = each_at_most(3240))]
#[bench::refusal(args = (), setup = FaultWorld::refusal, config = each_at_most(1150))]
#[bench::copy_on_write(args = (), setup = FaultWorld::copy_on_write, config = each_at_most(3230))]
#[bench::shared(args = (), setup = FaultWorld::shared, config = each_at_most(2380))]
#[bench::soft(args = (), setup = FaultWorld::soft, config = each_at_most(1950))]
fn fault(mut world: FaultWorld) -> FaultWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(teardown = audit_leaving)]
#[bench::trimmed(args = (), setup = LeavingWorld::trimmed, config = each_at_most(1640))]
#[bench::unmapped(args = (), setup = LeavingWorld::unmapped, config = each_at_most(1640))]
#[bench::freed(args = (), setup = LeavingWorld::freed, config = each_at_most(900))]
fn leaving(mut world: LeavingWorld) -> LeavingWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(teardown = audit_relief)]
#[bench::small(args = (), setup = ReliefWorld::small, config = each_at_most(2730))]
fn relief(mut world: ReliefWorld) -> ReliefWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(teardown = audit_frames)]
#[bench::zero(args = (FrameWorld::zero), setup = with_frames, config = each_at_most(4600))]
#[bench::copy(args = (FrameWorld::copy), setup = with_frames, config = each_at_most(640))]
fn frame((mut world, round): (FrameWorld, fn(&mut FrameWorld))) -> FrameWorld {
    round(black_box(&mut world));
    world
}

#[library_benchmark(teardown = audit_regions)]
#[bench::allocate_and_free(args = (RegionWorld::allocate_and_free), setup = with_regions, config = at_most(8570))]
#[bench::map_and_unmap(args = (RegionWorld::map_and_unmap), setup = with_regions, config = at_most(9270))]
#[bench::query_one(args = (RegionWorld::query_one), setup = with_regions, config = at_most(383))]
#[bench::query_all(args = (RegionWorld::query_all), setup = with_regions, config = at_most(406))]
#[bench::query_touched(args = (RegionWorld::query_all), setup = with_touched_regions, config = at_most(1245))]
fn regions((mut world, round): (RegionWorld, fn(&mut RegionWorld))) -> RegionWorld {
    round(black_box(&mut world));
    world
}

#[library_benchmark(teardown = audit_touched)]
#[bench::query(args = (TouchedWorld::query), setup = with_touched, config = at_most(6))]
#[bench::protect(args = (TouchedWorld::protect), setup = with_touched, config = at_most(685))]
fn touched_pages((mut world, round): (TouchedWorld, fn(&mut TouchedWorld))) -> TouchedWorld {
    round(black_box(&mut world));
    world
}

#[library_benchmark(teardown = audit_shootdowns)]
#[bench::to_8_processors(args = (), setup = ShootdownWorld::new, config = at_most(3170))]
fn shootdown(mut world: ShootdownWorld) -> ShootdownWorld {
    black_box(&mut world).round();
    world
}

#[library_benchmark(setup = golden_cove, teardown = check_start)]
#[bench::start_of_embedded_trace()]
fn sim(preset: Preset) -> Vec<u8> {
    simulate(black_box(&preset), Extent::START)
}

/// Fails a benchmark that takes more instructions an operation.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    limited(instructions * OPERATIONS)
}

/// Fails a benchmark that takes more instructions a fault or frame.
fn each_at_most(instructions: u64) -> LibraryBenchmarkConfig {
    limited(instructions * FAULTS)
}

fn limited(instructions: u64) -> LibraryBenchmarkConfig {
    let limit = [(EventKind::Ir, instructions)];
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(instructions_only().hard_limits(limit));
    config
}

/// Caches are not simulated: what they would say changes from run to run.
fn instructions_only() -> Callgrind {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.format([EventKind::Ir]);
    callgrind
}

fn audit_functional(mut world: FunctionalWorld) {
    world.audit();
}

fn audit_timed(mut world: TimedWorld) {
    world.audit();
}

fn audit_faults(mut world: FaultWorld) {
    world.audit();
}

fn audit_leaving(mut world: LeavingWorld) {
    world.prepare();
    world.audit();
}

fn audit_relief(mut world: ReliefWorld) {
    world.prepare();
    world.audit();
}

fn with_frames(round: fn(&mut FrameWorld)) -> (FrameWorld, fn(&mut FrameWorld)) {
    (FrameWorld::new(), round)
}

fn audit_frames(mut world: FrameWorld) {
    world.audit();
}

fn with_regions(round: fn(&mut RegionWorld)) -> (RegionWorld, fn(&mut RegionWorld)) {
    (RegionWorld::new(), round)
}

fn with_touched_regions(round: fn(&mut RegionWorld)) -> (RegionWorld, fn(&mut RegionWorld)) {
    (RegionWorld::touched(), round)
}

fn audit_regions(mut world: RegionWorld) {
    world.audit();
}

fn with_touched(round: fn(&mut TouchedWorld)) -> (TouchedWorld, fn(&mut TouchedWorld)) {
    (TouchedWorld::new(), round)
}

fn audit_touched(mut world: TouchedWorld) {
    world.audit();
}

fn audit_shootdowns(mut world: ShootdownWorld) {
    world.audit();
}

fn audit_pattern(mut world: PatternWorld) {
    world.audit();
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a teardown is given what it looks at"
)]
fn check_start(json: Vec<u8>) {
    Extent::START.check(&json);
}

library_benchmark_group!(
    name = instructions;
    benchmarks = functional, timed, timed_pattern, fault, leaving, relief, frame, regions, touched_pages, shootdown, sim
);

main!(
    config = LibraryBenchmarkConfig::default().tool(instructions_only());
    library_benchmark_groups = instructions
);
