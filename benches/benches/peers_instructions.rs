//! How many instructions does a translation take here, and how many elsewhere?
//!
//! A function here is one round of its world, with the loop around it.
#![expect(missing_docs, reason = "what the macros make public has none")]

mod contenders;

use std::hint::black_box;

use contenders::{Checked, Contender, Lookaside, Loop, Memflow, Minimal, World, X86_64};
use iai_callgrind::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};

#[library_benchmark]
#[bench::loop_alone(args = (), setup = World::<Loop>::new, teardown = audit)]
#[bench::minimal(args = (), setup = World::<Minimal>::new, teardown = audit)]
#[bench::x86_64(args = (), setup = World::<X86_64>::new, teardown = audit)]
#[bench::checked(args = (), setup = World::<Checked>::new, teardown = audit)]
#[bench::memflow(args = (), setup = World::<Memflow>::new, teardown = audit)]
#[bench::hit(args = (), setup = World::<Lookaside<0>>::new, teardown = audit)]
#[bench::pde_hit(args = (), setup = World::<Lookaside<1>>::new, teardown = audit)]
#[bench::cold(args = (), setup = World::<Lookaside<4>>::new, teardown = audit)]
fn peers<C: Contender>(mut world: World<C>) -> World<C> {
    black_box(&mut world).round();
    world
}

fn audit<C: Contender>(mut world: World<C>) {
    world.audit();
}

library_benchmark_group!(name = instructions; benchmarks = peers);

main!(
    config = LibraryBenchmarkConfig::default().tool(
        Callgrind::with_args(["--cache-sim=no"]).format([EventKind::Ir])
    );
    library_benchmark_groups = instructions
);
