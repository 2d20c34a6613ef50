use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::Write,
    ops::Range,
    str::FromStr,
};

use memory_manager::{
    AllocationType, Backing, Caller, FileAccess, FreeType, Machine, MachineConfig,
    MemoryInformation, MemoryState, PageProtection, ProcessId, SectionAttributes, SectionHandle,
    StackRequest, Status, UnmapFlags, ViewAccess, WatchFlags, Win32,
};
use mmu_core::VirtAddr;

use super::{
    FailedStatement, Picture, Script, constants,
    error::Failure,
    extended,
    script::{
        Access, Argument, Call, Expression, Item, Operator, Outcome, Question, Relation, Spanned,
        Statement, Width, Words,
    },
};
use crate::number;

/// Another value for a name that a script gives a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name.
    pub name: String,
    /// Its value.
    pub value: u64,
}

/// A setting is `NAME=VALUE`; the value is a number or a constant.
impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let number = constants::number(value).map_or_else(|| number::parse(value), Ok);
        Ok(Self {
            name: name.into(),
            value: number.map_err(|error| error.to_string())?,
        })
    }
}

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
        sections: Vec::new(),
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

struct Run<'a> {
    machine: Machine,
    settings: &'a [Setting],
    /// The processes and threads.
    actors: Vec<Actor>,
    /// Which of them does what follows.
    current: usize,
    values: HashMap<String, u64>,
    /// By handle: the n-th, from 0, has the handle 4n + 4.
    sections: Vec<Section>,
    /// The statement that is done.
    place: Range<usize>,
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

struct Section {
    /// `None` once it is closed.
    handle: Option<SectionHandle>,
    /// The statement that made it.
    made: Range<usize>,
}

const HANDLE_STEP: u64 = 4;

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
                let thread = self.machine.create_thread(self.process(), request);
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
            Statement::Call {
                result,
                call,
                arguments,
                outcome,
            } => {
                let came = self.call(*call, arguments)?;
                let value = settle(came, outcome, |status, outcome| {
                    is_as_told(*status, outcome)
                })?;
                if let (Some(name), Some(value)) = (result, value) {
                    self.values.insert(name.clone(), value);
                }
            }
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

    fn caller(&self) -> Caller {
        self.actors[self.current].caller
    }

    fn process(&self) -> ProcessId {
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
        for section in self.sections {
            if let Some(handle) = section.handle {
                let done = machine.close_section(handle);
                result = result.and(done.map_err(|status| (section.made, status)));
            }
        }
        result
    }

    fn call(&mut self, call: Call, arguments: &[Argument]) -> Result<Result<u64, Status>, Failure> {
        let mut numbers = [0; 6];
        for (number, argument) in numbers.iter_mut().zip(arguments) {
            *number = match argument {
                Argument::Number(value) => self.number(value)?,
                Argument::Text(_) if call == Call::CreateFileMapping => 0,
                Argument::Text(_) => return Err(Failure::Kind("a number")),
            };
        }
        let [first, second, third, fourth, fifth, _] = numbers;
        let caller = self.caller();
        let process = caller.process();
        let address = VirtAddr::new(first);
        let machine = &mut self.machine;
        let mut win32 = Win32::new(machine, caller);
        let base = |range: memory_manager::Range| range.base.as_u64();
        Ok(match call {
            Call::VirtualAlloc => {
                let kind = AllocationType::from_bits_retain(flags(third));
                let protection = PageProtection::from_bits_retain(flags(fourth));
                let hint = (first != 0).then_some(address);
                win32
                    .virtual_alloc(hint, second, kind, protection)
                    .map(base)
            }
            Call::VirtualAlloc2 => extended::alloc(&mut win32, &numbers).map(base),
            Call::VirtualFree => {
                let kind = FreeType::from_bits_retain(flags(third));
                win32.virtual_free(address, second, kind).map(base)
            }
            Call::NtFreeVirtualMemory => {
                let kind = FreeType::from_bits_retain(flags(third));
                let machine = win32.machine;
                machine
                    .virtual_free(process, address, second, kind)
                    .map(base)
            }
            Call::VirtualProtect => {
                let protection = PageProtection::from_bits_retain(flags(third));
                let mut old = PageProtection::empty();
                let done = win32.virtual_protect(address, second, protection, Some(&mut old));
                done.map(|()| old.bits().into())
            }
            Call::CreateFileMapping => {
                let backing = match arguments.first() {
                    Some(Argument::Text(path)) => open(&path.value)?,
                    _ => Backing::PageFile,
                };
                let (attributes, protection) = (flags(second) & !0xffff, flags(second) & 0xffff);
                let section = win32.create_file_mapping(
                    backing,
                    PageProtection::from_bits_retain(protection),
                    SectionAttributes::from_bits_retain(attributes),
                    third,
                    None,
                );
                section.map(|section| {
                    self.sections.push(Section {
                        handle: Some(section),
                        made: self.place.clone(),
                    });
                    self.sections.len() as u64 * HANDLE_STEP
                })
            }
            Call::MapViewOfFile => match section(&self.sections, first) {
                None => Err(Status::InvalidHandle),
                Some(section) => {
                    let access = ViewAccess::from_bits_retain(flags(second));
                    let hint = (fifth != 0).then_some(VirtAddr::new(fifth));
                    win32
                        .map_view_of_file_ex(section, access, third, fourth, hint)
                        .map(base)
                }
            },
            Call::MapViewOfFile3 => section(&self.sections, first)
                .ok_or(Status::InvalidHandle)
                .and_then(|section| extended::map(&mut win32, section, &numbers))
                .map(base),
            Call::UnmapViewOfFile2 => {
                let flags = UnmapFlags::from_bits_retain(flags(second));
                let done = win32.unmap_view_of_file2(process, address, flags);
                done.map(base)
            }
            Call::UnmapViewOfFile => win32.unmap_view_of_file(address).map(base),
            Call::FlushViewOfFile => win32.flush_view_of_file(address, second).map(|()| 1),
            Call::CloseHandle => self.close(first).map(|()| 1),
            Call::GetWriteWatch => {
                let watch = WatchFlags::from_bits_retain(flags(third));
                let pages = win32.get_write_watch(address, second, watch, usize::MAX);
                pages.map(|pages| pages.len() as u64)
            }
            Call::ResetWriteWatch => {
                let machine = win32.machine;
                machine
                    .reset_write_watch(process, address, second)
                    .map(|()| 0)
            }
        })
    }

    fn close(&mut self, handle: u64) -> Result<(), Status> {
        let handle = section(&self.sections, handle).ok_or(Status::InvalidHandle)?;
        self.machine.close_section(handle)?;
        let mut sections = self.sections.iter_mut();
        if let Some(section) = sections.find(|section| section.handle == Some(handle)) {
            section.handle = None;
        }
        Ok(())
    }

    fn access(
        &mut self,
        access: &Access,
        address: VirtAddr,
    ) -> Result<Result<(), memory_manager::Exception>, Failure> {
        let caller = self.caller();
        Ok(match access {
            Access::Read(Width(width)) => self.machine.read(caller, address, &mut [0; 8][..*width]),
            Access::WriteText(text) => self.machine.write(caller, address, text.as_bytes()),
            Access::Write(Width(width), value) => {
                let value = self.number(value)?;
                let bytes = value.to_le_bytes();
                let (bytes, above) = bytes.split_at(*width);
                if above.iter().any(|&byte| byte != 0) {
                    let bits = width * 8;
                    return Err(Failure::TooWide { value, bits });
                }
                self.machine.write(caller, address, bytes)
            }
            Access::Execute => self.machine.execute(caller, address).map(drop),
        })
    }

    fn print(&mut self, items: &[Item]) -> Result<(), Failure> {
        let mut line = Vec::new();
        for item in items {
            match item {
                Item::Text(text) => line.extend(text.as_bytes()),
                Item::Memory { address, length } => {
                    let address = VirtAddr::new(self.number(address)?);
                    let length = self.number(length)?;
                    for offset in 0..length {
                        let mut byte = [0];
                        let at = address.wrapping_add(offset);
                        self.machine.read(self.caller(), at, &mut byte)?;
                        line.extend(byte);
                    }
                }
                Item::InWords(words, value) => {
                    line.extend(in_words(*words, self.number(value)?).as_bytes());
                }
                Item::Number(value) => write!(line, "{:#x}", self.number(value)?)?,
            }
        }
        line.push(b'\n');
        self.out.write_all(&line)?;
        Ok(())
    }

    fn number(&mut self, expression: &Spanned<Expression>) -> Result<u64, Failure> {
        match &expression.value {
            Expression::Number(number) => Ok(*number),
            Expression::Name(name) => {
                let value = self.values.get(name).copied();
                let value = value.or_else(|| constants::number(name));
                value.ok_or_else(|| Failure::NoValue {
                    name: name.clone(),
                    place: expression.span.clone(),
                })
            }
            Expression::Of(question, address) => {
                let address = VirtAddr::new(self.number(address)?);
                self.answer(*question, address)
            }
            Expression::Both(operator, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                let result = match operator {
                    Operator::Or => Some(left | right),
                    Operator::Add => left.checked_add(right),
                    Operator::Subtract => left.checked_sub(right),
                };
                result.ok_or(Failure::Overflow)
            }
        }
    }

    fn answer(&mut self, question: Question, address: VirtAddr) -> Result<u64, Failure> {
        let caller = self.caller();
        if let Question::Number(Width(width)) = question {
            let mut bytes = [0; 8];
            self.machine.read(caller, address, &mut bytes[..width])?;
            return Ok(u64::from_le_bytes(bytes));
        }
        let information = self.machine.virtual_query(caller.process(), address);
        let information = information.map_err(Failure::Status)?;
        Ok(field(question, &information))
    }
}

fn field(question: Question, information: &MemoryInformation) -> u64 {
    match question {
        Question::State => information.state.bits().into(),
        Question::Protection => information.protection.bits().into(),
        Question::Type => information.kind.map_or(0, |kind| kind.bits().into()),
        Question::Base => information.base.as_u64(),
        Question::Size => information.size,
        Question::AllocationBase => information.allocation_base.map_or(0, VirtAddr::as_u64),
        Question::AllocationProtection => information.allocation_protection.bits().into(),
        Question::Number(_) => 0,
    }
}

/// Flags of 32 bits; all of them if more are set, which no call takes.
pub(super) fn flags(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn section(sections: &[Section], handle: u64) -> Option<SectionHandle> {
    let place = (handle / HANDLE_STEP).checked_sub(1)?;
    let section = sections.get(usize::try_from(place).ok()?)?;
    section
        .handle
        .filter(|_| handle.is_multiple_of(HANDLE_STEP))
}

/// A file for a section: for writing as well if that is allowed.
fn open(path: &str) -> Result<Backing, Failure> {
    let all = FileAccess::READ | FileAccess::WRITE | FileAccess::EXECUTE;
    if let Ok(file) = OpenOptions::new().read(true).write(true).open(path) {
        return Ok(Backing::File(file, all));
    }
    let file = File::open(path).map_err(|cause| Failure::File {
        path: path.into(),
        cause,
    })?;
    Ok(Backing::File(file, all - FileAccess::WRITE))
}

/// What came of something, if it ended as the script says; no value if it had to fail.
fn settle<T, E: Copy + Into<Failure>>(
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

fn is_as_told(status: Status, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Succeeds => false,
        Outcome::FailsWith(name) => status.name() == name.value,
        Outcome::FailsWithError(error) => u64::from(status.win32()) == *error,
    }
}

/// What a state or a protection is in words; the number itself if it is none.
pub(super) fn in_words(words: Words, number: u64) -> String {
    let find = |names: &[(u64, &str)], number| {
        let found = names.iter().find(|(known, _)| *known == number);
        found.map(|&(_, name)| name.to_owned())
    };
    let unknown = || format!("{number:#x}");
    match words {
        Words::State => find(constants::STATES, number).unwrap_or_else(unknown),
        Words::Protection => {
            let Some(mut name) = find(constants::PROTECTIONS, number & 0xff) else {
                return unknown();
            };
            for (bit, modifier) in constants::MODIFIERS {
                if number & bit != 0 {
                    name = format!("{name} {modifier}");
                }
            }
            name
        }
    }
}

/// A region's state, in words.
pub(super) fn state_name(state: MemoryState) -> String {
    in_words(Words::State, state.bits().into())
}
