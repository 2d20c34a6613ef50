use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use memory_manager::Status;

use super::closest;
use crate::vm::{
    constants,
    script::{Access, Actor, Argument, Expression, Item, MachinePart, Outcome, Spanned, Statement},
};

/// The names that are known so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    actors: HashMap<String, Actor>,
    values: HashSet<String>,
}

/// A name that does not go.
#[derive(Debug)]
pub(super) struct Misnamed {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

const NO_PROCESS: &str = "there is no process yet: begin with `process NAME`";

/// The end of a message that knows what was meant.
fn did_you_mean(meant: Option<&str>) -> String {
    let meant = meant.map(|meant| format!(": did you mean {meant}?"));
    meant.unwrap_or_default()
}

impl Names {
    /// Looks whether a statement uses only what is there, and notes what it makes.
    pub(super) fn check(&mut self, statement: &Spanned<Statement>) -> Result<(), Misnamed> {
        let misnamed = |message: String| Misnamed {
            span: statement.span.clone(),
            message,
        };
        let acts = !matches!(
            statement.value,
            Statement::Process { .. }
                | Statement::Default { .. }
                | Statement::In(_)
                | Statement::Machine(_)
                | Statement::Tick(_)
        );
        if acts && self.actors.is_empty() {
            return Err(misnamed(NO_PROCESS.into()));
        }
        match &statement.value {
            Statement::Process { name, .. } => {
                self.act(name, Actor::Process).map_err(misnamed)?;
            }
            Statement::Thread {
                name,
                reserve,
                commit,
            } => {
                for size in reserve.iter().chain(commit) {
                    self.check_expression(size)?;
                }
                self.act(name, Actor::Thread).map_err(misnamed)?;
                self.define(name).map_err(misnamed)?;
            }
            Statement::Machine(_) if !self.actors.is_empty() => {
                return Err(misnamed(
                    "what the machine is stands before its first process".into(),
                ));
            }
            Statement::Machine(MachinePart::Ram(value) | MachinePart::Processors(value)) => {
                self.check_expression(value)?;
            }
            Statement::On(value) | Statement::Tick(Some(value)) => self.check_expression(value)?,
            Statement::In(name) => {
                if !self.actors.contains_key(&name.value) {
                    let meant = closest(&name.value, self.actors.keys().map(String::as_str));
                    let meant = did_you_mean(meant);
                    return Err(Misnamed {
                        span: name.span.clone(),
                        message: format!("there is no process or thread {}{meant}", name.value),
                    });
                }
            }
            Statement::Default { name, value } => {
                self.check_expression(value)?;
                if self.values.contains(name) {
                    return Err(misnamed(format!("{name} has a value already")));
                }
                self.define(name).map_err(misnamed)?;
            }
            Statement::Set { name, value } => {
                self.check_expression(value)?;
                self.define(name).map_err(misnamed)?;
            }
            Statement::Call(call) => {
                check_outcome(&call.outcome)?;
                for argument in &call.arguments {
                    match argument {
                        Argument::Number(value) => self.check_expression(value)?,
                        Argument::Actor(actor, name) => self.check_actor(*actor, name)?,
                        Argument::File(_) => {}
                    }
                }
                if let Some(name) = &call.result {
                    self.define(name).map_err(misnamed)?;
                }
            }
            Statement::Access {
                access,
                address,
                outcome,
            } => {
                check_outcome(outcome)?;
                self.check_expression(address)?;
                if let Access::Write(_, value) | Access::Touch(value) = access {
                    self.check_expression(value)?;
                }
            }
            Statement::Expect { left, right, .. } => {
                self.check_expression(left)?;
                self.check_expression(right)?;
            }
            Statement::Print(items) => items.iter().try_for_each(|item| self.check_item(item))?,
            Statement::Machine(MachinePart::Dep(_))
            | Statement::Map
            | Statement::Grant(_)
            | Statement::Tick(None) => {}
        }
        Ok(())
    }

    fn check_item(&self, item: &Item) -> Result<(), Misnamed> {
        match item {
            Item::Text(_) => Ok(()),
            Item::Memory { address, length } => {
                self.check_expression(address)?;
                self.check_expression(length)
            }
            Item::InWords(_, value) | Item::Number(value) => self.check_expression(value),
        }
    }

    fn act(&mut self, name: &str, actor: Actor) -> Result<(), String> {
        match self.actors.insert(name.into(), actor) {
            None => Ok(()),
            Some(_) => Err(format!("there is a process or thread {name} already")),
        }
    }

    fn check_actor(&self, wanted: Actor, name: &Spanned<String>) -> Result<(), Misnamed> {
        let what = match (wanted, self.actors.get(&name.value)) {
            (_, Some(found)) if *found == wanted => return Ok(()),
            (Actor::Process, Some(_)) => "a thread, and no process",
            (Actor::Process, None) if self.is_number(&name.value) => "a number, and no process",
            (Actor::Thread, None) if self.is_number(&name.value) => "a number, and no thread",
            (Actor::Process, None) => "no process",
            (Actor::Thread, Some(_)) => "a process, and no thread",
            (Actor::Thread, None) => "no thread",
        };
        let meant = closest(&name.value, self.actors.keys().map(String::as_str));
        let meant = meant.filter(|meant| *meant != name.value);
        Err(Misnamed {
            span: name.span.clone(),
            message: format!("{} is {what}{}", name.value, did_you_mean(meant)),
        })
    }

    fn is_number(&self, name: &str) -> bool {
        self.values.contains(name) || constants::number(name).is_some()
    }

    fn define(&mut self, name: &str) -> Result<(), String> {
        if constants::number(name).is_some() {
            return Err(format!("{name} is a constant"));
        }
        self.values.insert(name.into());
        Ok(())
    }

    fn check_expression(&self, expression: &Spanned<Expression>) -> Result<(), Misnamed> {
        match &expression.value {
            Expression::Number(_) | Expression::Counter(_) => Ok(()),
            Expression::Name(name) if self.is_number(name) => Ok(()),
            Expression::Name(name) if self.actors.contains_key(name) => Err(Misnamed {
                span: expression.span.clone(),
                message: format!("{name} is a process, and no number"),
            }),
            Expression::Name(name) => {
                let values = self.values.iter().map(String::as_str);
                let known = constants::all().map(|(known, _)| known).chain(values);
                let meant = did_you_mean(closest(name, known));
                Err(Misnamed {
                    span: expression.span.clone(),
                    message: format!("{name} has no value yet, and is no constant{meant}"),
                })
            }
            Expression::Of(..) if self.actors.is_empty() => Err(Misnamed {
                span: expression.span.clone(),
                message: NO_PROCESS.into(),
            }),
            Expression::Of(_, of) => self.check_expression(of),
            Expression::Both(_, left, right) => {
                self.check_expression(left)?;
                self.check_expression(right)
            }
        }
    }
}

/// Only a status or an error that there is can come of something.
fn check_outcome(outcome: &Outcome) -> Result<(), Misnamed> {
    let mut statuses = Status::ALL.iter();
    let (span, message) = match outcome {
        Outcome::Succeeds => return Ok(()),
        Outcome::FailsWith(name) => {
            let known = statuses.map(|status| status.name());
            if known.clone().any(|known| known == name.value) {
                return Ok(());
            }
            let meant = known.min_by_key(|known| strsim::levenshtein(known, &name.value));
            let meant = meant.unwrap_or_default();
            let message = format!("nothing fails with {}: did you mean {meant}?", name.value);
            (name.span.clone(), message)
        }
        Outcome::FailsWithError(error) => {
            if statuses.any(|status| u64::from(status.win32()) == error.value) {
                return Ok(());
            }
            let message = format!(
                "nothing fails with error {}: expected an error such as 87, or a status such as \
                 STATUS_ACCESS_VIOLATION",
                error.value
            );
            (error.span.clone(), message)
        }
    };
    Err(Misnamed { span, message })
}
