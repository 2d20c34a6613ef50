use std::{io, path::Path};

use super::{file_limit, message::tell};
use crate::{
    golden::GoldenError,
    image::ImageError,
    input::{InputError, Source},
    output::OutputError,
    plot::PlotError,
    preset::PresetError,
    sim::{SimError, baseline::BaselineError, compare::AxisError},
    trace::TraceError,
    vm::{FailedStatement, ScriptError},
};

/// A command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Several traces do not make one.
    #[error(
        "--save-trace writes one trace, and a compact trace is of one program: save each of the \
         {0} traces in a run of its own, or with `lookaside record --from`"
    )]
    SaveSeveral(usize),
    /// What is said of a pattern, without one.
    #[error("{0} is about an access pattern: give it with --pattern, instead of a trace")]
    NeedsPattern(&'static str),
    /// What is of one run, for a range of sizes.
    #[error("{0} is for one run, and a range of sizes is many: name one size")]
    OneSizeOnly(&'static str),
    /// What draws a range of sizes, without one.
    #[error("{0} draws a range of sizes: --pattern chase:16KiB..1GiB, or with seq, random, zipf")]
    NoRange(&'static str),
    /// What draws one run, for several machines.
    #[error("{0} draws a range of sizes, or one run: of machines that are compared run each alone")]
    OneRunOnly(&'static str),
    /// What belongs to one machine, for several.
    #[error("{0} is of one machine, and several are compared: leave it out, and each has its own")]
    OneMachineOnly(&'static str),
    /// What draws memory under pressure, where there is none.
    #[error(
        "{0} draws a range of sizes (--pattern chase:16KiB..1GiB), or a run under memory pressure: \
         give --ram less than the trace needs, with 4 KiB pages"
    )]
    NothingToDraw(&'static str),
    /// The curves cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A simulation failed.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// A run cannot be judged by a baseline.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// These machines cannot be compared.
    #[error(transparent)]
    Compare(#[from] AxisError),
    /// Two options name processors.
    #[error("--cpu and --compare cpu= both name processors; name them all in --compare")]
    TwoCpus,
    /// Two options name sizes of pages.
    #[error("--pages and --compare pages= both name sizes; name them all in --compare")]
    TwoSizes,
    /// Two options name sizes of memory.
    #[error("--ram and --compare ram= both name sizes of memory; name them all in --compare")]
    TwoRams,
    /// What is said of a disk, without a page file on it.
    #[error(
        "{0} is about the disk of a page file, and there is none: give --ram less than the trace \
         needs, or --page-file, with 4 KiB pages"
    )]
    NothingPages(&'static str),
    /// Two options name pagings.
    #[error("--paging and --compare paging= both name pagings; name them all in --compare")]
    TwoPagings,
    /// A script cannot be understood.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A statement of a script did not come out as the script says.
    #[error(transparent)]
    Statement(#[from] FailedStatement),
    /// A value for a name that a script gives no default.
    #[error("{script}: there is no `default {name} = ...` for this value to replace")]
    UnknownSetting {
        /// The name.
        name: String,
        /// The script.
        script: Source,
    },
    /// A name has two values.
    #[error("{0} has two values on the command line: give it one")]
    SettingTwice(String),
    /// A script is longer than any that somebody wrote.
    #[error("{0}: a script has 1 MiB at most")]
    ScriptTooLong(Source),
    /// A script is no text.
    #[error("{script}:{line}:{column}: a script is UTF-8 text, and this is none")]
    ScriptNotText {
        /// The script.
        script: Source,
        /// The line of the first byte that is not, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
    },
    /// There is no such CPU.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// A trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A memory image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A golden file cannot be checked.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// An input cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// An output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    /// A register is needed that is neither in the image nor on the command line.
    #[error("{source_name}: the image does not say {register}; give it with {option}")]
    MissingRegister {
        /// The image.
        source_name: Source,
        /// The register.
        register: &'static str,
        /// The option that sets it.
        option: &'static str,
    },
    /// The image has no such processor.
    #[error("{source_name}: there is no vCPU {vcpu}: the image has {count}, counted from 0")]
    NoSuchVcpu {
        /// The image.
        source_name: Source,
        /// The number asked for.
        vcpu: usize,
        /// How many there are.
        count: usize,
    },
    /// No processor has such registers.
    #[error("{source_name}: {cause}")]
    Registers {
        /// The image.
        source_name: Source,
        /// Why.
        cause: mmu_core::GeneralProtection,
    },
    /// The image does not hold the first page table.
    #[error("{source_name}: CR3 leads to {address:#x}, where the image has no memory")]
    NoRootTable {
        /// The image.
        source_name: Source,
        /// Where its first entry should be.
        address: mmu_core::PhysAddr,
    },
    /// There are no page tables.
    #[error(
        "{source_name}: paging is off (CR0 is {cr0:#x}), so no page tables are in use; choose \
         another --vcpu, or give --cr0 and --cr3"
    )]
    PagingOff {
        /// The image.
        source_name: Source,
        /// CR0.
        cr0: u64,
    },
    /// Traces need the memory that they started with.
    #[error("{0}: a trace with physical addresses needs --memory START-IMAGE to walk in")]
    MissingMemory(Source),
    /// The content is no golden data that is known.
    #[error(
        "{0}: not golden data that is known here (known: traces with physical addresses, MMU \
         vectors, TLB sequences and vmgold transcripts)"
    )]
    UnknownGolden(Source),
    /// An output would replace what it is made of.
    #[error("{input}: is an input, which {option} would replace; name another file")]
    OutputIsInput {
        /// The input.
        input: Source,
        /// The option that names it as an output.
        option: &'static str,
    },
    /// One output would replace another.
    #[error(
        "{}: {first} and {second} would both be written to it; name two files", path.display()
    )]
    OutputTwice {
        /// The output.
        path: std::path::PathBuf,
        /// The option that names it.
        first: &'static str,
        /// The other option that names it.
        second: &'static str,
    },
    /// There is no valgrind.
    #[error(
        "cannot find valgrind, which records the program: install it (the package is called \
         valgrind), or put it into PATH"
    )]
    NoValgrind,
    /// Valgrind cannot be started, or waited for.
    #[error("cannot run valgrind: {0}")]
    Valgrind(io::Error),
    /// Nothing was recorded.
    #[error("{program}: nothing was recorded, and nothing written; valgrind ended with {status}")]
    NothingRecorded {
        /// The program.
        program: String,
        /// How valgrind ended.
        status: std::process::ExitStatus,
    },
    /// A trace of a program that prints cannot go where its output goes.
    #[error("-o {}: the program's own output goes there; name a file", path.display())]
    RecordToOutput {
        /// The output.
        path: std::path::PathBuf,
    },
    /// Standard input can be read only once.
    #[error("- stands for standard input, which can be read only once")]
    StdinTwice,
    /// Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// Ctrl-C, when a script had nothing left to do.
    #[error("interrupted; the script ran to its end, but its picture was not written")]
    InterruptedBehindScript,
}

impl CliError {
    /// 2 for bad usage and bad input, 1 for a run that failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Sim(error) if error.is_of_the_run() => 1,
            Self::Statement(failed) if !failed.is_of_the_script() => 1,
            Self::Trace(TraceError::NotSaved(_))
            | Self::NothingRecorded { .. }
            | Self::Output(_)
            | Self::Stdout(_)
            | Self::Interrupted
            | Self::InterruptedBehindScript => 1,
            _ => 2,
        }
    }

    /// Prints the error on standard error.
    pub fn print(self) {
        match self {
            // The reader of a pipe has seen enough.
            Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Self::Output(OutputError::BrokenPipe { path }) if path == Path::new("-") => {}
            Self::Script(error) => tell(format_args!("{:?}", miette::Report::new(error))),
            Self::Statement(error) => tell(format_args!("{:?}", miette::Report::new(error))),
            Self::Preset(error) => tell(format_args!("{:?}", miette::Report::new(error))),
            other => tell(format_args!("error: {other}")),
        }
        if file_limit::was_met() {
            tell("a file was to be larger than the shell lets it be: ulimit -f raises the limit");
        }
    }
}
