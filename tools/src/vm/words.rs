//! Numbers of the Windows headers in words.

use memory_manager::{MemoryKind, MemoryState};

use super::{constants, script::Words};

/// What a number stands for in words; the number itself if it stands for nothing.
pub(super) fn in_words(words: Words, number: u64) -> String {
    let find = |names: &[(u64, &str)], number| {
        let found = names.iter().find(|(known, _)| *known == number);
        found.map(|&(_, name)| name.to_owned())
    };
    let unknown = || format!("{number:#x}");
    match words {
        Words::State => find(constants::STATES, number).unwrap_or_else(unknown),
        Words::Type => find(constants::TYPES, number).unwrap_or_else(unknown),
        Words::Page => page_in_words(number),
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

/// A number, and what it stands for behind it, if that is something.
pub(super) fn with_meaning(words: Option<Words>, number: u64) -> String {
    let plain = format!("{number:#x}");
    match words.map(|words| in_words(words, number)) {
        Some(meaning) if meaning != plain => format!("{plain} ({meaning})"),
        _ => plain,
    }
}

/// A region's state, in words.
pub(super) fn state_name(state: MemoryState) -> String {
    in_words(Words::State, state.bits().into())
}

/// What a region is, in words.
pub(super) fn type_name(kind: MemoryKind) -> String {
    in_words(Words::Type, kind.bits().into())
}

/// What the bits of Microsoft's `PSAPI_WORKING_SET_EX_BLOCK` say.
fn page_in_words(bits: u64) -> String {
    let field = |low: u32, width: u32| bits >> low & ((1 << width) - 1);
    let mut words = Vec::new();
    if field(0, 1) == 0 {
        words.push("not valid".to_owned());
    } else {
        words.push("valid".to_owned());
        words.push(in_words(Words::Protection, field(4, 11)));
    }
    match (field(15, 1), field(1, 3)) {
        (0, _) => {}
        (_, 0) => words.push("shared".to_owned()),
        (_, sharers) => words.push(format!("shared by {sharers}")),
    }
    for (bit, word) in [(22, "locked"), (23, "large")] {
        if field(bit, 1) == 1 {
            words.push(word.to_owned());
        }
    }
    words.join(", ")
}
