use std::cell::Cell;

use lookaside::vm::{self, RunOptions};

/// How many steps a script may take; some can be asked to take as many as there are seconds in a
/// week.
const STEPS: u32 = 5_000;

/// The memory that it has, whatever it says.
const RAM_BYTES: u64 = 4 << 20;

/// A script of `lookaside vm`: it is read, and run unless it would open files of the host.
pub fn scripts(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match vm::parse("fuzzed.vm", text) {
        // What is wrong with it has to be said, too.
        Err(error) => drop(format!("{:?}", miette::Report::new(error))),
        Ok(script) if script.names_files() => {}
        Ok(script) => {
            let left = Cell::new(STEPS);
            let is_over = || {
                let before = left.get();
                left.set(before.saturating_sub(1));
                before == 0
            };
            let options = RunOptions {
                ram_bytes: Some(RAM_BYTES),
                is_over: &is_over,
                ..RunOptions::default()
            };
            match vm::run(&script, &options, &mut std::io::sink()) {
                Ok(pictures) => {
                    for picture in pictures {
                        drop(picture.to_string());
                    }
                }
                Err(failed) => drop(format!("{:?}", miette::Report::new(failed))),
            }
        }
    }
}
