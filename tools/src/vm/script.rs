use std::ops::Range;

use memory_manager::{AddressLayout, DepPolicy, Privileges};

use super::{calls::Call, counter::Counter};

/// A script, ready to run.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it is called in messages.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) statements: Vec<Spanned<Statement>>,
}

impl Script {
    /// The names that the command line may give other values.
    pub fn defaults(&self) -> impl Iterator<Item = &str> {
        let statements = self.statements.iter();
        statements.filter_map(|statement| match &statement.value {
            Statement::Default { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it opens or makes files of the host.
    pub fn names_files(&self) -> bool {
        let names_file = |argument: &Argument| matches!(argument, Argument::File(Some(_)));
        let mut statements = self.statements.iter();
        statements.any(|statement| match &statement.value {
            Statement::Call(call) => call.arguments.iter().any(names_file),
            _ => false,
        })
    }
}

/// A part of a script, and the bytes of its text that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    /// A new process, which does what follows.
    Process {
        name: String,
        layout: AddressLayout,
    },
    /// A new thread of the process, which does what follows; its name stands for its TEB.
    Thread {
        name: String,
        reserve: Option<Spanned<Expression>>,
        commit: Option<Spanned<Expression>>,
    },
    /// What follows is done by this process or thread.
    In(Spanned<String>),
    /// A name that the command line may give another value.
    Default {
        name: String,
        value: Spanned<Expression>,
    },
    Set {
        name: String,
        value: Spanned<Expression>,
    },
    /// What the machine is, for which there is no process yet.
    Machine(MachinePart),
    /// The process or thread runs on this processor from now on.
    On(Spanned<Expression>),
    /// So many seconds pass; one if nothing is said.
    Tick(Option<Spanned<Expression>>),
    /// The process may do this from now on.
    Grant(Privileges),
    Call(CallStatement),
    Access {
        access: Access,
        address: Spanned<Expression>,
        outcome: Outcome,
    },
    Expect {
        left: Spanned<Expression>,
        relation: Relation,
        right: Spanned<Expression>,
    },
    Print(Vec<Item>),
    /// The picture of the process's memory.
    Map,
}

/// Something that a machine has.
#[derive(Clone, Debug)]
pub(super) enum MachinePart {
    /// Bytes of memory.
    Ram(Spanned<Expression>),
    /// So many processors.
    Processors(Spanned<Expression>),
    /// Its policy of execution prevention.
    Dep(DepPolicy),
}

/// The policies of execution prevention.
pub(super) const DEP_POLICIES: [(&str, DepPolicy); 4] = [
    ("AlwaysOff", DepPolicy::AlwaysOff),
    ("AlwaysOn", DepPolicy::AlwaysOn),
    ("OptIn", DepPolicy::OptIn),
    ("OptOut", DepPolicy::OptOut),
];

/// The layouts of 32-bit processes, by how much of the address space is theirs.
pub(super) const LAYOUTS: [(&str, AddressLayout); 3] = [
    ("2GiB", AddressLayout::TwoGiB),
    ("3GiB", AddressLayout::ThreeGiB),
    ("4GiB", AddressLayout::FourGiB),
];

/// The names of privileges.
pub(super) const PRIVILEGES: [(&str, Privileges); 1] =
    [("SeLockMemoryPrivilege", Privileges::LOCK_MEMORY)];

/// A call with its arguments.
#[derive(Clone, Debug)]
pub(super) struct CallStatement {
    pub(super) result: Option<String>,
    pub(super) call: &'static Call,
    pub(super) arguments: Vec<Argument>,
    pub(super) outcome: Outcome,
}

/// How a call or an access has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeds,
    /// With this NTSTATUS, by name.
    FailsWith(Spanned<String>),
    /// With this Win32 error.
    FailsWithError(Spanned<u64>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Number(Spanned<Expression>),
    /// The path of a file; none for NULL.
    File(Option<String>),
    /// The name of a process or thread.
    Actor(Actor, Spanned<String>),
}

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Process,
    Thread,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read(Width),
    WriteText(String),
    Write(Width, Spanned<Expression>),
    Execute,
    /// A byte of each page of so many bytes is read.
    Touch(Spanned<Expression>),
}

/// The bytes of a number in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width(pub(super) usize);

impl Width {
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("u8", Self(1)),
        ("u16", Self(2)),
        ("u32", Self(4)),
        ("u64", Self(8)),
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Number(u64),
    Name(String),
    /// What the machine counts.
    Counter(Counter),
    /// Something that is asked of an address.
    Of(Question, Box<Spanned<Expression>>),
    Both(Operator, Box<Spanned<Expression>>, Box<Spanned<Expression>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Add,
    Subtract,
}

/// What can be asked of an address: what `VirtualQuery` says of it, and the number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    State,
    Protection,
    Type,
    Base,
    Size,
    AllocationBase,
    AllocationProtection,
    Number(Width),
}

impl Question {
    pub(super) const ALL: [(&'static str, Self); 7] = [
        ("state", Self::State),
        ("protection", Self::Protection),
        ("type", Self::Type),
        ("base", Self::Base),
        ("size", Self::Size),
        ("allocation_base", Self::AllocationBase),
        ("allocation_protection", Self::AllocationProtection),
    ];
}

impl Expression {
    /// What its value means in words, if it is a question that has such an answer.
    pub(super) fn words(&self) -> Option<Words> {
        let Self::Of(question, _) = self else {
            return None;
        };
        match question {
            Question::State => Some(Words::State),
            Question::Protection | Question::AllocationProtection => Some(Words::Protection),
            Question::Type => Some(Words::Type),
            Question::Base | Question::Size | Question::AllocationBase | Question::Number(_) => {
                None
            }
        }
    }
}

/// What the left side of an expectation is to be to the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Relation {
    /// Whether it is so.
    pub(super) fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
        }
    }

    /// How both should be, in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Equal => "they should be equal",
            Self::NotEqual => "they should be different",
            Self::Less => "the left one should be less",
            Self::AtMost => "the left one should be no more",
            Self::Greater => "the left one should be more",
            Self::AtLeast => "the left one should be no less",
        }
    }
}

/// What a `print` statement prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    /// Bytes of memory, as text.
    Memory {
        address: Spanned<Expression>,
        length: Spanned<Expression>,
    },
    /// A number in words, as it stands for a state or a protection.
    InWords(Words, Spanned<Expression>),
    Number(Spanned<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    State,
    Protection,
    Type,
    /// A page of a working set.
    Page,
}

impl Words {
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("state_name", Self::State),
        ("protection_name", Self::Protection),
        ("type_name", Self::Type),
        ("page_name", Self::Page),
    ];
}
