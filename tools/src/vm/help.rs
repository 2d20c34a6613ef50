//! What people who write scripts have to know.

use memory_manager::Status;

use super::{calls, constants, counter};

/// The language of scripts.
pub const fn language() -> &'static str {
    LANGUAGE
}

/// Every name that scripts know, by what it is: constants, counters, calls, and how they fail.
pub fn reference() -> String {
    format!(
        "The constants:\n{}\nThe counters:\n{}\nThe calls, what they give, and an example of \
         each; what stands in brackets may be left out:\n{}\nHow calls and accesses fail, with the Win32 error:\n{}",
        constants::help(),
        counter::help(),
        calls::help(),
        statuses()
    )
}

fn statuses() -> String {
    let lines = Status::ALL.iter().map(|status| {
        let (name, error) = (status.name(), status.win32());
        format!("  {name} = {error}\n")
    });
    lines.collect()
}

const LANGUAGE: &str = "\
A script is a statement a line; # begins a comment. What the machine is stands first:
  ram 64MiB                         its memory, else 1GiB
  processors 4                      else one
  dep OptOut                        its policy of execution prevention: AlwaysOff, AlwaysOn,
                                    OptIn (if nothing is said) or OptOut

Then processes and threads act:
  process NAME                      a new process, which does what follows; `process NAME 2GiB`,
                                    3GiB or 4GiB is one of 32 bits
  thread NAME RESERVE COMMIT        a new thread of it, which does what follows, with so much
                                    stack (1MiB and 4KiB, if nothing is said); its name is the
                                    address of its TEB
  in NAME                           go on in another process or thread
  on 2                              run on this processor from now on; the first one is 0
  tick 10                           let 10 seconds pass for the system: pages grow older, and
                                    are trimmed if memory is short
  grant SeLockMemoryPrivilege       let the process have large and physical pages

They compute, make calls and touch memory:
  default X = VALUE                 a name that the command line may set
  X = VALUE                         a number, a constant such as PAGE_READWRITE, a question
                                    such as state(X), and these with | & + - between them, which
                                    are done from the left to the right
  X = VirtualAlloc(NULL, 8, MEM_COMMIT, PAGE_READWRITE)
                                    a call and its result
  VirtualFree(X, 1, MEM_RELEASE) fails 87
                                    how it must fail: with a Win32 error, or a status such as
                                    STATUS_NO_MEMORY
  write X \"text\"                    or u8, u16, u32, u64 and a number; in a text, \\n, \\t, \\0,
                                    \\\" and \\\\ are a line end, a tab, a zero, a quote and a
                                    backslash
  read X u32, execute X             these may be followed by `fails STATUS_ACCESS_VIOLATION`
  touch X 64KiB                     so may this; it reads a byte of each page

And they look at what came of it:
  expect u8(X) == 0x31              or !=, <, <=, > and >=; also u16, u32, u64, state, protection,
                                    type, base, size, allocation_base, allocation_protection
  expect counter(faults) < 9        what the machine counts
  print \"it says \", text(X, 4)      also state_name(..), protection_name(..), type_name(..),
                                    page_name(..), and numbers, which are printed in hexadecimal
  map                               the picture of the process's memory

Numbers are decimal (4096), hexadecimal (0x1000), or either with KiB, MiB, GiB or TiB behind it
(4KiB), from 0 to 2^64 - 1. --help, not -h, lists every constant, counter and call, and every status
with its error.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::{
        counter::Counter,
        parse::STATEMENTS,
        script::{DEP_POLICIES, LAYOUTS, PRIVILEGES, Question, Width, Words},
    };

    fn assert_says(text: &str, what: &str) {
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let mut words = text.split(|character| !is_word(character));
        assert!(words.any(|word| word == what), "{what}");
    }

    #[test]
    fn everything_that_the_parser_knows_is_in_the_help() {
        for (name, number) in constants::all() {
            let line = format!("{name} = {number:#x}\n");
            assert!(reference().contains(&line), "{line}");
            assert_eq!(constants::number(name), Some(number), "{name}");
        }
        for status in Status::ALL {
            let line = format!("  {} = {}\n", status.name(), status.win32());
            assert!(reference().contains(&line), "{line}");
        }
        for call in calls::all() {
            assert!(reference().contains(&format!("  {}(", call.name)));
        }
        for (name, _) in Counter::ALL {
            assert_says(&reference(), name);
        }
        let words = STATEMENTS.into_iter();
        let words = words
            .chain(Question::ALL.iter().map(|(name, _)| *name))
            .chain(Words::ALL.iter().map(|(name, _)| *name))
            .chain(Width::ALL.iter().map(|(name, _)| *name))
            .chain(DEP_POLICIES.iter().map(|(name, _)| *name))
            .chain(LAYOUTS.iter().map(|(name, _)| *name))
            .chain(PRIVILEGES.iter().map(|(name, _)| *name));
        for word in words {
            assert_says(language(), word);
        }
        for unit in ["0x1000", "KiB", "MiB", "GiB", "TiB", "hexadecimal"] {
            assert_says(language(), unit);
        }
    }

    #[test]
    fn the_help_fits_into_100_columns() {
        for line in language().lines().chain(reference().lines()) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
