//! The same programs on several processors, each call and access on any of them, which go idle
//! and wake. After each, what any processor could still use is what the tables say.

use super::*;

const PROCESSORS: u32 = 4;

fn config(ram_bytes: u64) -> MachineConfig {
    MachineConfig {
        ram_bytes,
        processors: PROCESSORS,
        ..MachineConfig::default()
    }
}

/// Processors have the same pages cached, and go idle, often enough for both to matter.
fn several() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => call(),
        2 => Just(Call::Share),
        2 => Just(Call::Idle),
    ]
}

impl World {
    pub(super) fn share(&mut self, step: Step) {
        let (process, call) = (self.bench.process, Call::Read);
        for processor in ProcessorId::first(self.bench.machine.processors()) {
            self.bench.machine.run_on(process, processor).unwrap();
            self.access(Step { call, ..step });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..Default::default() })]

    /// After any calls on any processors the books are in order, and no processor can use a
    /// translation after the call that took it away.
    #[test]
    fn no_processor_uses_a_translation_after_the_call_that_removed_it(
        steps in prop::collection::vec(step(several()), 1..80),
    ) {
        run(World::with_config(&config(64 << 20)), steps);
    }

    /// The same where pages leave memory and come back.
    #[test]
    fn no_processor_uses_a_page_after_it_left_memory(
        steps in prop::collection::vec(step(several()), 1..80),
    ) {
        run(World::with_page_file(&config(64 << 20)), steps);
    }

    /// The same where memory runs out again and again: what waits for a shootdown is not
    /// missing.
    #[test]
    fn calls_on_several_processors_that_lack_memory_change_nothing(
        steps in prop::collection::vec(step(several()), 1..80),
        few in 0..2 * PAGES,
    ) {
        let world = if few < PAGES {
            World::with_few_frames(&config(16 << 20), few)
        } else {
            World::with_config(&config(PAGES * PAGE))
        };
        run(world, steps);
    }
}
