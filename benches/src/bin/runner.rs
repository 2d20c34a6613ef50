//! Runs benchmarks under callgrind: the program of the crate of the same name, built here so
//! that nobody has to install it in the right version.

use std::process::ExitCode;

fn main() -> ExitCode {
    match iai_callgrind_runner::runner::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
