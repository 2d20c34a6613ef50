//! The `lookaside` command.

use std::process::ExitCode;

use clap::Parser;
use lookaside::cli::{Arguments, Outcome};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.run() {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::CheckFailed) => ExitCode::from(1),
        Ok(Outcome::Exited(code)) => ExitCode::from(code),
        Err(error) => {
            let code = error.exit_code();
            error.print();
            ExitCode::from(code)
        }
    }
}
