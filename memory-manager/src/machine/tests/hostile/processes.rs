//! Processes and threads, what they may do, and the processors that they run on.

use mmu_core::{Cause, Entry, ErrorCode, Level, PageFault, PhysAddr};

use super::*;
use crate::{DepFlags, FaultProgress, MemoryPriority, Privileges, SystemTask, WorkingSetLimits};

impl World {
    pub(super) fn use_processes(&mut self, asked: Arguments) {
        self.choose(asked);
        self.run(asked);
        let machine = &mut self.bench.machine;
        let Arguments { at, target, .. } = asked;
        let layout = [
            AddressLayout::Wide,
            AddressLayout::TwoGiB,
            AddressLayout::ThreeGiB,
            AddressLayout::FourGiB,
        ][asked.first as usize % 4];
        let _ = machine.create_thread(target, asked.stack()).map(|thread| {
            let _ = machine.stack(thread);
            machine.terminate_thread(thread).unwrap();
        });
        for process in [
            machine.create_process(),
            machine.create_process_with(layout),
        ] {
            let Ok(process) = process else { continue };
            if let Ok(thread) = machine.create_thread(process, asked.stack()) {
                let _ = machine.write(thread, at, &[1; 0x1800]);
                let _ = machine.virtual_protect(thread, at, asked.size, asked.protection());
                machine.terminate_thread(thread).unwrap();
                let _ = machine.terminate_thread(thread);
                let _ = machine.stack(thread);
                let _ = machine.thread_environment(thread);
            }
            machine.terminate_process(process).unwrap();
            let _ = machine.terminate_process(process);
        }
    }

    /// What a process or a thread is and may do.
    fn choose(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let (process, target) = (asked.process(), asked.target);
        let flags = DepFlags::from_bits_retain(asked.first);
        let _ = machine.set_process_dep(target, flags);
        let _ = (machine.process_dep(process), machine.dep_policy());
        let limits = WorkingSetLimits::from_bits_retain(asked.first);
        let _ = machine.set_working_set_size(target, asked.sizes());
        let _ = machine.set_working_set_size_ex(target, asked.sizes(), limits);
        let _ = machine.working_set_size(process);
        let _ = machine.working_set_size_ex(process);
        let priority = [MemoryPriority::VeryLow, MemoryPriority::Normal];
        let priority = priority[asked.first as usize % 2];
        let _ = machine.set_memory_priority(process, priority);
        let _ = machine.memory_priority(process);
        let told = machine.privileges(process);
        let _ = machine.set_privileges(process, Privileges::empty());
        let _ = machine.set_privileges(process, told.unwrap_or_default());
        let _ = machine.page_table_size(process);
        let _ = machine.process_environment(process);
        let _ = machine.threads(process).map(Iterator::count);
        if let Caller::Thread(thread) = target.caller {
            let _ = machine.stack(thread);
            let _ = machine.thread_environment(thread);
        }
    }

    /// Where it runs, and a fault that was never raised.
    fn run(&mut self, asked: Arguments) {
        let machine = &mut self.bench.machine;
        let Arguments {
            at, size, target, ..
        } = asked;
        for number in [0, machine.processors() - 1, ProcessorId::COUNT - 1] {
            let Some(processor) = ProcessorId::new(number) else {
                continue;
            };
            let _ = machine.run_on(target.caller, processor);
            let _ = machine.idle(processor);
            let _ = machine.cycles(processor);
        }
        machine.record_invalidations();
        let fault = PageFault {
            address: at,
            error_code: ErrorCode::from_bits_retain(asked.second),
            cause: Cause::NotPresent,
            level: Level::Pte,
            entry_address: PhysAddr::new(size),
            entry: Entry::empty(),
            extent: at.as_u64(),
        };
        let _ = machine.service(target, &fault);
        if let Ok(FaultProgress::Waits(wait)) = machine.begin_service(target, &fault) {
            let _ = (wait.read(), wait.target(), machine.pages_in_flight());
            let _ = machine.end_service(wait);
        }
        let _ = machine.take_invalidations();
        let _ = machine.registers(asked.process());
        machine.record_task_runs();
        machine.tick().unwrap();
        let _ = (machine.seconds(), machine.take_task_runs());
        for task in SystemTask::ALL {
            let _ = machine.task_counters(task);
        }
        machine.stop_recording_task_runs();
    }
}
