mod access;
mod evaluate;
mod outcome;
mod print;

use std::{collections::HashMap, io::Write, ops::Range};

use memory_manager::{Caller, Machine, MachineConfig, ProcessId, StackRequest, Status, Win32};
use mmu_core::VirtAddr;

use super::{
    FailedStatement, Picture, Script, Setting,
    calls::{Given, Sections},
    error::Failure,
    script::{Argument, CallStatement, Relation, Statement},
};
use outcome::{is_as_told, settle};

/// Runs a script, and gives the picture of each process's memory as it is at the end.
///
/// # Errors
/// [`FailedStatement`] with the first statement that does not come out as the script says, or
/// that cannot be done; or whose process or section cannot be ended, as what was written to a
/// mapped file cannot be saved.
pub fn run(
    script: &Script,
    settings: &[Setting],
    config: &MachineConfig,
    out: &mut dyn Write,
) -> Result<Vec<Picture>, FailedStatement> {
    let failed = |span, failure| FailedStatement::new(&script.name, &script.text, span, failure);
    let machine = Machine::new(config).map_err(|error| failed(0..0, error.into()))?;
    let mut run = Run {
        machine,
        settings,
        actors: Vec::new(),
        current: 0,
        values: HashMap::new(),
        sections: Sections::default(),
        place: 0..0,
        out,
    };
    let mut statements = script.statements.iter();
    let ran = statements.try_for_each(|statement| {
        run.place = statement.span.clone();
        run.execute(&statement.value)
            .map_err(|failure| failed(statement.span.clone(), failure))
    });
    let pictures = run.pictures();
    let ended = run
        .end()
        .map_err(|(span, status)| failed(span, Failure::Unsaved(status)));
    ran.and(ended).map(|()| pictures)
}

/// A script that runs.
pub(super) struct Run<'a> {
    pub(super) machine: Machine,
    settings: &'a [Setting],
    /// The processes and threads.
    actors: Vec<Actor>,
    /// Which of them does what follows.
    current: usize,
    values: HashMap<String, u64>,
    pub(super) sections: Sections,
    /// The statement that is done.
    pub(super) place: Range<usize>,
    out: &'a mut dyn Write,
}

struct Actor {
    name: String,
    caller: Caller,
    /// The statement that made it.
    made: Range<usize>,
}

impl Actor {
    /// The process, if it is one.
    fn process(&self) -> Option<ProcessId> {
        match self.caller {
            Caller::Process(process) => Some(process),
            Caller::Thread(_) => None,
        }
    }
}

impl Run<'_> {
    fn execute(&mut self, statement: &Statement) -> Result<(), Failure> {
        match statement {
            Statement::Process { name, layout } => {
                let process = self.machine.create_process_with(*layout);
                self.add(name, process.map_err(Failure::Status)?);
            }
            Statement::Thread {
                name,
                reserve,
                commit,
            } => {
                let mut size = |asked: &Option<_>| match asked {
                    Some(size) => self.number(size),
                    None => Ok(0),
                };
                let request = StackRequest {
                    reserve: size(reserve)?,
                    commit: size(commit)?,
                };
                let thread = self.machine.create_thread(self.caller(), request);
                let thread = thread.map_err(Failure::Status)?;
                let environment = self.machine.thread_environment(thread);
                let environment = environment.map_err(Failure::Status)?;
                self.values.insert(name.clone(), environment.as_u64());
                self.add(name, thread);
            }
            Statement::In(name) => {
                let mut names = self.actors.iter();
                let place = names.position(|actor| actor.name == name.value);
                self.current = place.unwrap_or(self.current);
            }
            Statement::Default { name, value } => {
                let set = self.settings.iter().find(|setting| setting.name == *name);
                let value = set.map_or_else(|| self.number(value), |set| Ok(set.value))?;
                self.values.insert(name.clone(), value);
            }
            Statement::Set { name, value } => {
                let value = self.number(value)?;
                self.values.insert(name.clone(), value);
            }
            Statement::Grant(privileges) => {
                let process = self.process();
                let held = self.machine.privileges(process);
                let granted = held.and_then(|held| {
                    let privileges = held | *privileges;
                    self.machine.set_privileges(process, privileges)
                });
                granted?;
            }
            Statement::Call(call) => self.call(call)?,
            Statement::Access {
                access,
                address,
                outcome,
            } => {
                let address = VirtAddr::new(self.number(address)?);
                let came = self.access(access, address)?;
                settle(came, outcome, |exception, outcome| {
                    is_as_told(exception.code, outcome)
                })?;
            }
            Statement::Expect {
                left,
                relation,
                right,
            } => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                if (left == right) != (*relation == Relation::Equal) {
                    let relation = match relation {
                        Relation::Equal => "equal",
                        Relation::NotEqual => "different",
                    };
                    return Err(Failure::Unmet {
                        left,
                        right,
                        relation,
                    });
                }
            }
            Statement::Print(items) => self.print(items)?,
            Statement::Map => {
                let picture = self.picture(self.process());
                write!(self.out, "{picture}")?;
            }
        }
        Ok(())
    }

    /// A new process or thread, which does what follows.
    fn add(&mut self, name: &str, caller: impl Into<Caller>) {
        self.current = self.actors.len();
        self.actors.push(Actor {
            name: name.into(),
            caller: caller.into(),
            made: self.place.clone(),
        });
    }

    pub(super) fn caller(&self) -> Caller {
        self.actors[self.current].caller
    }

    pub(super) fn process(&self) -> ProcessId {
        self.caller().process()
    }

    fn picture(&self, process: ProcessId) -> Picture {
        let mut actors = self.actors.iter();
        let found = actors.find(|actor| actor.caller == Caller::Process(process));
        let name = found.map_or("", |actor| &actor.name);
        Picture::of(&self.machine, name, process)
    }

    fn pictures(&self) -> Vec<Picture> {
        let processes = self.actors.iter().filter_map(Actor::process);
        processes.map(|process| self.picture(process)).collect()
    }

    /// Ends every process and closes every section, so that mapped files have what was written
    /// to them; says what made the first that fails.
    fn end(mut self) -> Result<(), (Range<usize>, Status)> {
        let machine = &mut self.machine;
        let mut result = Ok(());
        for actor in self.actors {
            if let Some(process) = actor.process() {
                let done = machine.terminate_process(process);
                result = result.and(done.map_err(|status| (actor.made, status)));
            }
        }
        result.and(self.sections.close_all(machine))
    }

    fn call(&mut self, statement: &CallStatement) -> Result<(), Failure> {
        let mut given = Given::to(self.process());
        for argument in &statement.arguments {
            match argument {
                Argument::Number(value) => given.push(self.number(value)?),
                Argument::File(path) => given.file = path.as_deref(),
                Argument::Process(name) => given.process = self.process_named(&name.value),
            }
        }
        let came = statement.call.run(self, &given)?;
        let value = settle(came, &statement.outcome, |status, outcome| {
            is_as_told(*status, outcome)
        })?;
        if let (Some(name), Some(value)) = (&statement.result, value) {
            self.values.insert(name.clone(), value);
        }
        Ok(())
    }

    /// The process of this name, which there is: a script is read to its end before it runs.
    fn process_named(&self, name: &str) -> ProcessId {
        let mut actors = self.actors.iter();
        let found = actors.find(|actor| actor.name == name);
        found.and_then(Actor::process).unwrap_or(self.process())
    }

    pub(super) fn win32(&mut self) -> Win32<'_> {
        let caller = self.caller();
        Win32::new(&mut self.machine, caller)
    }

    /// Reads what a call is told to find in the caller's memory.
    pub(super) fn load(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), Status> {
        let done = self
            .machine
            .read(self.caller(), VirtAddr::new(address), bytes);
        done.map_err(|exception| exception.code)
    }

    /// Writes what a call has to say to the caller's memory.
    pub(super) fn store(&mut self, address: u64, bytes: &[u8]) -> Result<(), Status> {
        let done = self
            .machine
            .write(self.caller(), VirtAddr::new(address), bytes);
        done.map_err(|exception| exception.code)
    }
}
