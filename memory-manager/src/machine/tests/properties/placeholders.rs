use proptest::prelude::*;

use super::{
    super::placeholders::{COALESCE, PLACEHOLDER, PRESERVE, REPLACE},
    *,
};

/// A call that has to do with placeholders.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Reserve,
    Split,
    Replace(AllocationType, PageProtection),
    Map(usize),
    Preserve,
    Unmap,
    Coalesce,
}

pub(super) fn call() -> impl Strategy<Value = Call> {
    let watched = REPLACE | AllocationType::WRITE_WATCH;
    let kind = proptest::sample::select(vec![REPLACE, REPLACE | COMMIT, watched]);
    prop_oneof![
        2 => Just(Call::Reserve),
        3 => Just(Call::Split),
        3 => (kind, protection()).prop_map(|(kind, with)| Call::Replace(kind, with)),
        2 => (0..3_usize).prop_map(Call::Map),
        2 => Just(Call::Preserve),
        2 => Just(Call::Unmap),
        3 => Just(Call::Coalesce),
    ]
}

impl World {
    /// Asks it of a whole region, half of the time, if that is what it is about.
    pub(super) fn ask_of_placeholder(&mut self, call: Call, step: Step) -> Result<(), Status> {
        let vads = self.bench.machine.spaces[&self.bench.process].vads.iter();
        let regions: Vec<_> = vads.map(|vad| (vad.start, vad.end - vad.start)).collect();
        let place = usize::try_from(step.base / PAGE).unwrap() % regions.len().max(1);
        let region = regions.get(place).filter(|_| step.size & 1 == 0);
        let (base, size) = region.copied().unwrap_or((step.base, step.size));
        let bench = &mut self.bench;
        let done = match call {
            Call::Reserve => bench.alloc_ex(step.base, step.size, PLACEHOLDER, NOACCESS),
            Call::Split => bench.free(step.base, step.size, PRESERVE),
            Call::Replace(kind, protection) => bench.alloc_ex(base, size, kind, protection),
            Call::Map(section) => {
                let section = self.sections[section];
                let mapped = bench.map_replacing(section, (base, size));
                let object = self.object(section);
                let process = self.bench.process;
                mapped.inspect(|&range| self.contents.map(process, range, (object, 0)))
            }
            Call::Preserve => bench.free(base, size, PRESERVE),
            Call::Unmap => bench.unmap_with(base, 2),
            Call::Coalesce => {
                let next = regions.iter().find(|&&(start, _)| start == base + size);
                let next = next.map_or(0, |&(_, size)| size);
                bench.free(base, size + next, COALESCE)
            }
        };
        done.map(|_| ())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Placeholders that are split, replaced and joined leave the books in order, too.
    #[test]
    fn placeholders_leave_the_books_in_order(
        steps in prop::collection::vec(
            step(prop_oneof![
                3 => call().prop_map(super::Call::Placeholder),
                1 => Just(super::Call::Read),
                2 => Just(super::Call::Write),
            ]),
            1..80,
        ),
    ) {
        let mut world = World::new(64 << 20);
        for process in world.processes {
            world.bench.process = process;
            let made = world.bench.alloc_ex(BASE, PAGES * PAGE, PLACEHOLDER, NOACCESS);
            made.unwrap();
        }
        run(world, steps);
    }
}
