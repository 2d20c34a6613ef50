use std::ops::Range;

use memory_manager::AddressLayout;

/// A script, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// A part of a script, and the bytes of its text that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
    Call {
        result: Option<String>,
        call: Call,
        arguments: Vec<Argument>,
        outcome: Outcome,
    },
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

/// The layouts of 32-bit processes, by how much of the address space is theirs.
pub(super) const LAYOUTS: [(&str, AddressLayout); 3] = [
    ("2GiB", AddressLayout::TwoGiB),
    ("3GiB", AddressLayout::ThreeGiB),
    ("4GiB", AddressLayout::FourGiB),
];

/// How a call or an access has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeds,
    /// With this NTSTATUS, by name.
    FailsWith(Spanned<String>),
    /// With this Win32 error.
    FailsWithError(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    VirtualAlloc,
    VirtualAlloc2,
    VirtualFree,
    NtFreeVirtualMemory,
    VirtualProtect,
    CreateFileMapping,
    MapViewOfFile,
    MapViewOfFile3,
    UnmapViewOfFile,
    UnmapViewOfFile2,
    FlushViewOfFile,
    CloseHandle,
    GetWriteWatch,
    ResetWriteWatch,
}

impl Call {
    /// Every call, with its name and its arguments.
    pub(super) const ALL: [(&'static str, Self, &'static [&'static str]); 14] = [
        (
            "VirtualAlloc",
            Self::VirtualAlloc,
            &["address", "size", "type", "protection"],
        ),
        (
            "VirtualAlloc2",
            Self::VirtualAlloc2,
            &["address", "size", "type", "protection"],
        ),
        (
            "VirtualFree",
            Self::VirtualFree,
            &["address", "size", "type"],
        ),
        (
            "NtFreeVirtualMemory",
            Self::NtFreeVirtualMemory,
            &["address", "size", "type"],
        ),
        (
            "VirtualProtect",
            Self::VirtualProtect,
            &["address", "size", "protection"],
        ),
        (
            "CreateFileMapping",
            Self::CreateFileMapping,
            &["file", "protection", "size"],
        ),
        (
            "MapViewOfFile",
            Self::MapViewOfFile,
            &["section", "access", "offset", "size", "address"],
        ),
        (
            "MapViewOfFile3",
            Self::MapViewOfFile3,
            &["section", "address", "offset", "size", "type", "protection"],
        ),
        ("UnmapViewOfFile", Self::UnmapViewOfFile, &["address"]),
        (
            "UnmapViewOfFile2",
            Self::UnmapViewOfFile2,
            &["address", "flags"],
        ),
        (
            "FlushViewOfFile",
            Self::FlushViewOfFile,
            &["address", "size"],
        ),
        ("CloseHandle", Self::CloseHandle, &["handle"]),
        (
            "GetWriteWatch",
            Self::GetWriteWatch,
            &["address", "size", "flags"],
        ),
        (
            "ResetWriteWatch",
            Self::ResetWriteWatch,
            &["address", "size"],
        ),
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Number(Spanned<Expression>),
    /// The path of a file.
    Text(Spanned<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read(Width),
    WriteText(String),
    Write(Width, Spanned<Expression>),
    Execute,
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
    /// Something that is asked of an address.
    Of(Question, Box<Spanned<Expression>>),
    Both(Operator, Box<Spanned<Expression>>, Box<Spanned<Expression>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
}

impl Relation {
    pub(super) const ALL: [(&'static str, Self); 2] = [("==", Self::Equal), ("!=", Self::NotEqual)];
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
}

impl Words {
    pub(super) const ALL: [(&'static str, Self); 2] = [
        ("state_name", Self::State),
        ("protection_name", Self::Protection),
    ];
}
