mod access;
mod evaluate;
mod outcome;
mod print;

use std::{collections::HashMap, fmt, io::Write, ops::Range};

use memory_manager::{
    Caller, Machine, MachineConfig, ProcessId, StackRequest, Status, ThreadId, Win32,
};
use mmu_core::{ProcessorId, VirtAddr};

use super::{
    FailedStatement, Picture, Script, Setting,
    calls::{Given, Sections},
    error::{Failure, LONGEST_TICK},
    script::{Argument, CallStatement, Expression, MachinePart, Relation, Spanned, Statement},
    words::with_meaning,
};
use outcome::settle;

/// How a script is run.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    /// Other values for names that the script gives a default.
    pub settings: &'a [Setting],
    /// How many bytes of memory the machine has, whatever the script says.
    pub ram_bytes: Option<u64>,
    /// Whether the run is to end here. It is asked before every statement, and before each step
    /// of those that have many.
    pub is_over: &'a dyn Fn() -> bool,
}

impl fmt::Debug for RunOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("settings", &self.settings)
            .field("ram_bytes", &self.ram_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for RunOptions<'_> {
    fn default() -> Self {
        Self {
            settings: &[],
            ram_bytes: None,
            is_over: &|| false,
        }
    }
}

/// Runs a script, and gives the picture of the memory of each process that there is at the end.
///
/// # Errors
/// [`FailedStatement`] with the first statement that does not come out as the script says, or
/// that cannot be done; or whose process or section cannot be ended, as what was written to a
/// mapped file cannot be saved.
pub fn run(
    script: &Script,
    options: &RunOptions<'_>,
    out: &mut dyn Write,
) -> Result<Vec<Picture>, FailedStatement> {
    let failed = |span, failure| FailedStatement::new(&script.name, &script.text, span, failure);
    let usual = MachineConfig::default();
    let config = MachineConfig {
        ram_bytes: options.ram_bytes.unwrap_or(usual.ram_bytes),
        ..usual
    };
    let machine = Machine::new(&config).map_err(|error| failed(0..0, error.into()))?;
    let mut run = Run {
        machine,
        config,
        options: *options,
        actors: Vec::new(),
        current: 0,
        values: HashMap::new(),
        last_errors: HashMap::new(),
        sections: Sections::default(),
        place: 0..0,
        out,
    };
    let mut statements = script.statements.iter();
    let ran = statements.try_for_each(|statement| {
        run.place = statement.span.clone();
        let done = run.go_on().and_then(|()| run.execute(&statement.value));
        done.map_err(|failure| failed(statement.span.clone(), failure))
    });
    let pictures = run.pictures();
    let ended = run
        .end()
        .map_err(|(span, status)| failed(span, Failure::Unsaved(status)));
    match ran {
        // That it is kept would not be true.
        Err(interrupted) if interrupted.is_interrupt() => ended.and(Err(interrupted)),
        ran => ran.and(ended).map(|()| pictures),
    }
}

/// The bytes of a page.
const PAGE: u64 = 0x1000;

/// Where the page behind the one of this address starts.
fn next_page(address: u64) -> u64 {
    (address | (PAGE - 1)).saturating_add(1)
}

/// A script that runs.
pub(super) struct Run<'a> {
    pub(super) machine: Machine,
    /// How it was made.
    config: MachineConfig,
    options: RunOptions<'a>,
    /// The processes and threads.
    actors: Vec<Actor>,
    /// Which of them does what follows.
    current: usize,
    values: HashMap<String, u64>,
    /// The last errors of processes; threads have theirs in their memory.
    last_errors: HashMap<Caller, u32>,
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

    fn thread(&self) -> Option<ThreadId> {
        match self.caller {
            Caller::Process(_) => None,
            Caller::Thread(thread) => Some(thread),
        }
    }
}

impl Run<'_> {
    /// Whether there is time for another step.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        if (self.options.is_over)() {
            Err(Failure::Interrupted)
        } else {
            Ok(())
        }
    }

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
                let mut settings = self.options.settings.iter();
                let set = settings.find(|setting| setting.name == *name);
                let value = set.map_or_else(|| self.number(value), |set| Ok(set.value))?;
                self.values.insert(name.clone(), value);
            }
            Statement::Set { name, value } => {
                let value = self.number(value)?;
                self.values.insert(name.clone(), value);
            }
            Statement::Machine(part) => self.rebuild(part)?,
            Statement::On(processor) => {
                let number = self.number(processor)?;
                let count = self.machine.processors();
                let mut processors = ProcessorId::first(count);
                let processor = usize::try_from(number).map(|number| processors.nth(number));
                let Ok(Some(processor)) = processor else {
                    return Err(Failure::Processor { number, count });
                };
                self.machine.run_on(self.caller(), processor)?;
            }
            Statement::Tick(seconds) => {
                let seconds = seconds.as_ref().map_or(Ok(1), |count| self.number(count))?;
                if seconds > LONGEST_TICK {
                    return Err(Failure::Seconds(seconds));
                }
                for _ in 0..seconds {
                    self.go_on()?;
                    self.machine.tick()?;
                }
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
                settle(self.access(access, address), outcome)?;
            }
            Statement::Expect {
                left,
                relation,
                right,
            } => self.expect(left, *relation, right)?,
            Statement::Print(items) => self.print(items)?,
            Statement::Map => {
                let picture = self.picture(self.process())?;
                write!(self.out, "{picture}")?;
            }
        }
        Ok(())
    }

    fn expect(
        &mut self,
        left: &Spanned<Expression>,
        relation: Relation,
        right: &Spanned<Expression>,
    ) -> Result<(), Failure> {
        let words = left.value.words().or(right.value.words());
        let (left, right) = (self.number(left)?, self.number(right)?);
        if relation.holds(left, right) {
            return Ok(());
        }
        Err(Failure::Unmet {
            left: with_meaning(words, left),
            right: with_meaning(words, right),
            relation: relation.in_words(),
        })
    }

    /// The machine anew, before there is a process, with this part of it other than before.
    fn rebuild(&mut self, part: &MachinePart) -> Result<(), Failure> {
        match part {
            MachinePart::Ram(bytes) => {
                let bytes = self.number(bytes)?;
                self.config.ram_bytes = self.options.ram_bytes.unwrap_or(bytes);
            }
            MachinePart::Processors(count) => {
                let count = self.number(count)?;
                self.config.processors = u32::try_from(count).unwrap_or(u32::MAX);
            }
            MachinePart::Dep(policy) => self.config.dep_policy = *policy,
        }
        self.machine = Machine::new(&self.config)?;
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

    fn picture(&self, process: ProcessId) -> Result<Picture, Status> {
        let mut actors = self.actors.iter();
        let found = actors.find(|actor| actor.caller == Caller::Process(process));
        let name = found.map_or("", |actor| &actor.name);
        Picture::of(&self.machine, name, process)
    }

    /// Of those that did not end.
    fn pictures(&self) -> Vec<Picture> {
        let processes = self.actors.iter().filter_map(Actor::process);
        processes
            .filter_map(|process| self.picture(process).ok())
            .collect()
    }

    /// Ends every process that did not and closes every section, so that mapped files have what
    /// was written to them; says what made the first that fails.
    fn end(mut self) -> Result<(), (Range<usize>, Status)> {
        let machine = &mut self.machine;
        let mut result = Ok(());
        for actor in self.actors {
            if let Some(process) = actor.process()
                && machine.threads(process).is_ok()
            {
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
                Argument::Actor(_, name) => {
                    let mut actors = self.actors.iter();
                    // There is one: a script is read to its end before it runs.
                    let found = actors.find(|actor| actor.name == name.value);
                    given.thread = found.and_then(Actor::thread);
                    given.process = found.and_then(Actor::process).unwrap_or(given.process);
                }
            }
        }
        let came = statement.call.run(self, &given);
        let value = settle(came, &statement.outcome)?;
        if let (Some(name), Some(value)) = (&statement.result, value) {
            self.values.insert(name.clone(), value);
        }
        Ok(())
    }

    /// Makes a call of the Win32 API as the one who acts.
    pub(super) fn win32<T>(&mut self, call: impl FnOnce(&mut Win32<'_>) -> T) -> T {
        let caller = self.caller();
        let mut win32 = Win32::new(&mut self.machine, caller);
        if let Some(&error) = self.last_errors.get(&caller) {
            win32.set_last_error(error);
        }
        let came = call(&mut win32);
        if let Caller::Process(_) = caller {
            self.last_errors.insert(caller, win32.last_error());
        }
        came
    }

    /// Keeps the error of a call that the Win32 layer does not know.
    pub(super) fn keep<T>(&mut self, came: Result<T, impl Into<Failure>>) -> Result<T, Failure> {
        came.map_err(|failure| {
            let failure = failure.into();
            if let Some(status) = failure.status() {
                self.win32(|win32| win32.set_last_error(status.win32()));
            }
            failure
        })
    }

    /// Sees to it that so many bytes of the caller's memory can be written, as system calls do
    /// before they begin (`ProbeForWrite`): a byte of each page is written as it is.
    pub(super) fn probe(&mut self, address: u64, size: u64) -> Result<(), Failure> {
        let end = address.checked_add(size);
        let end = end.ok_or(Status::AccessViolation)?;
        let mut at = address;
        while at < end {
            self.go_on()?;
            let mut byte = [0];
            self.load(at, &mut byte)?;
            self.store(at, &byte)?;
            at = next_page(at);
        }
        Ok(())
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
