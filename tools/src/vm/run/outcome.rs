//! Whether something ended as the script says.

use memory_manager::Status;

use crate::vm::{error::Failure, script::Outcome};

/// What came of something, if it ended as the script says; no value if it had to fail.
pub(super) fn settle<T>(came: Result<T, Failure>, outcome: &Outcome) -> Result<Option<T>, Failure> {
    let expected = match outcome {
        Outcome::Succeeds => return came.map(Some),
        Outcome::FailsWith(name) => name.value.clone(),
        Outcome::FailsWithError(error) => format!("error {}", error.value),
    };
    let Err(failure) = came else {
        return Err(Failure::Succeeds { expected });
    };
    match failure.status() {
        // The script itself cannot go on.
        None => Err(failure),
        Some(status) if is_as_told(status, outcome) => Ok(None),
        Some(_) => Err(Failure::Otherwise {
            came: Box::new(failure),
            expected,
        }),
    }
}

fn is_as_told(status: Status, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeds => false,
        Outcome::FailsWith(name) => status.name() == name.value,
        Outcome::FailsWithError(error) => u64::from(status.win32()) == error.value,
    }
}
