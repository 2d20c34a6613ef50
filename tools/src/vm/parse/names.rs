use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use memory_manager::Status;

use super::closest;
use crate::vm::{
    constants,
    script::{Access, Argument, Expression, Item, Outcome, Spanned, Statement},
};

/// The names that are known so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    actors: HashMap<String, Actor>,
    values: HashSet<String>,
}

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    Process,
    Thread,
}

/// A name that does not go.
#[derive(Debug)]
pub(super) struct Misnamed {
    pub(super) span: Range<usize>,
    pub(super) message: String,
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
            Statement::Process { .. } | Statement::Default { .. } | Statement::In(_)
        );
        if acts && self.actors.is_empty() {
            return Err(misnamed(
                "there is no process yet: begin with `process NAME`".into(),
            ));
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
            Statement::In(name) => {
                if !self.actors.contains_key(&name.value) {
                    return Err(Misnamed {
                        span: name.span.clone(),
                        message: format!("there is no process or thread {}", name.value),
                    });
                }
            }
            Statement::Default { name, value } | Statement::Set { name, value } => {
                self.check_expression(value)?;
                self.define(name).map_err(misnamed)?;
            }
            Statement::Call(call) => {
                check_outcome(&call.outcome)?;
                for argument in &call.arguments {
                    match argument {
                        Argument::Number(value) => self.check_expression(value)?,
                        Argument::Process(name) => self.check_process(name)?,
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
                if let Access::Write(_, value) = access {
                    self.check_expression(value)?;
                }
            }
            Statement::Expect { left, right, .. } => {
                self.check_expression(left)?;
                self.check_expression(right)?;
            }
            Statement::Print(items) => {
                for item in items {
                    match item {
                        Item::Text(_) => {}
                        Item::Memory { address, length } => {
                            self.check_expression(address)?;
                            self.check_expression(length)?;
                        }
                        Item::InWords(_, value) | Item::Number(value) => {
                            self.check_expression(value)?;
                        }
                    }
                }
            }
            Statement::Map | Statement::Grant(_) => {}
        }
        Ok(())
    }

    fn act(&mut self, name: &str, actor: Actor) -> Result<(), String> {
        match self.actors.insert(name.into(), actor) {
            None => Ok(()),
            Some(_) => Err(format!("there is a process or thread {name} already")),
        }
    }

    fn check_process(&self, name: &Spanned<String>) -> Result<(), Misnamed> {
        let what = match self.actors.get(&name.value) {
            Some(Actor::Process) => return Ok(()),
            Some(Actor::Thread) => "a thread, and no process",
            None => "no process",
        };
        Err(Misnamed {
            span: name.span.clone(),
            message: format!("{} is {what}", name.value),
        })
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
            Expression::Number(_) => Ok(()),
            Expression::Name(name)
                if self.values.contains(name) || constants::number(name).is_some() =>
            {
                Ok(())
            }
            Expression::Name(name) => {
                let values = self.values.iter().map(String::as_str);
                let known = constants::ALL.iter().map(|&(known, _)| known).chain(values);
                let meant = closest(name, known).map(|meant| format!(": did you mean {meant}?"));
                let meant = meant.unwrap_or_default();
                Err(Misnamed {
                    span: expression.span.clone(),
                    message: format!("{name} has no value yet, and is no constant{meant}"),
                })
            }
            Expression::Of(_, of) => self.check_expression(of),
            Expression::Both(_, left, right) => {
                self.check_expression(left)?;
                self.check_expression(right)
            }
        }
    }
}

/// Only a status that there is can come of something.
fn check_outcome(outcome: &Outcome) -> Result<(), Misnamed> {
    let Outcome::FailsWith(name) = outcome else {
        return Ok(());
    };
    let known = Status::ALL.iter().map(|status| status.name());
    if known.clone().any(|known| known == name.value) {
        return Ok(());
    }
    let meant = known.min_by_key(|known| strsim::levenshtein(known, &name.value));
    Err(Misnamed {
        span: name.span.clone(),
        message: format!(
            "nothing fails with {}: did you mean {}?",
            name.value,
            meant.unwrap_or_default()
        ),
    })
}
