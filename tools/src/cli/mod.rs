//! The command line: what may be said, and what is done then.

mod comparisons;
mod conform;
mod cpus;
mod curve;
mod error;
mod file_limit;
mod from_one;
mod interrupt;
mod machine_options;
mod maps;
mod message;
mod outputs;
mod paging_options;
mod progress;
mod record;
mod registers;
mod results;
mod rights;
mod saved_trace;
mod sim;
mod stoppable;
mod trace_input;
mod vm;
mod walk;

use clap::{Parser, Subcommand};

pub use error::CliError;
use interrupt::Interrupt;

/// An exact, cycle-aware x86 memory-management unit: what does address translation cost?
#[derive(Debug, Parser)]
#[command(name = "lookaside", version, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 the run or the check failed, 2 bad usage or input.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sim(Box<sim::Sim>),
    Record(record::Record),
    Maps(maps::Maps),
    Walk(walk::Walk),
    Conform(conform::Conform),
    Vm(vm::Vm),
    Cpus(cpus::Cpus),
}

/// How a command that could do its work came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It was a check, and something did not pass.
    CheckFailed,
    /// The program that was recorded ended with this.
    Exited(u8),
}

impl Arguments {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be done.
    pub fn run(self) -> Result<Outcome, CliError> {
        let interrupt = Interrupt::install();
        file_limit::fail_at_it();
        match self.command {
            Command::Sim(command) => command.run(&interrupt),
            Command::Record(command) => command.run(&interrupt),
            Command::Maps(command) => command.run(&interrupt),
            Command::Walk(command) => command.run(&interrupt),
            Command::Conform(command) => command.run(&interrupt),
            Command::Vm(command) => command.run(&interrupt),
            Command::Cpus(command) => command.run(&interrupt),
        }
    }
}
