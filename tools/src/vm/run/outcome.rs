//! Whether something ended as the script says.

use memory_manager::Status;

use crate::vm::{error::Failure, script::Outcome};

/// What came of something, if it ended as the script says; no value if it had to fail.
pub(super) fn settle<T, E: Copy + Into<Failure>>(
    came: Result<T, E>,
    outcome: &Outcome,
    is_as_told: impl Fn(&E, &Outcome) -> bool,
) -> Result<Option<T>, Failure> {
    let expected = match outcome {
        Outcome::Succeeds => return came.map(Some).map_err(Into::into),
        Outcome::FailsWith(name) => name.value.clone(),
        Outcome::FailsWithError(error) => format!("error {error}"),
    };
    match came {
        Ok(_) => Err(Failure::Succeeds { expected }),
        Err(error) if is_as_told(&error, outcome) => Ok(None),
        Err(error) => Err(Failure::Otherwise {
            came: Box::new(error.into()),
            expected,
        }),
    }
}

pub(super) fn is_as_told(status: Status, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeds => false,
        Outcome::FailsWith(name) => status.name() == name.value,
        Outcome::FailsWithError(error) => u64::from(status.win32()) == *error,
    }
}
