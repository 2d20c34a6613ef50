//! The language of scripts: a statement a line.

mod expressions;
mod lexical;
mod names;
mod nesting;

use memory_manager::AddressLayout;
use winnow::{
    ascii::{line_ending, space0},
    combinator::{alt, cut_err, eof, not, opt, preceded},
    error::{ContextError, ErrMode, StrContext},
    prelude::*,
    stream::{LocatingSlice, Location, Stream},
    token::{one_of, take_till},
};

use super::{
    calls::{self, Call, Parameter},
    counter::Counter,
    error::ScriptError,
    script::{
        Access, Actor, Argument, CallStatement, DEP_POLICIES, Expression, LAYOUTS, MachinePart,
        Outcome, PRIVILEGES, Question, Script, Spanned, Statement, Width,
    },
};
use expressions::{COUNTER, item, operand, question, relation};
use lexical::{
    Text, is_word, named, named_at, number, one_named, peek_token, spanned, string, token,
    unexpected, want, word,
};
use names::Names;
use nesting::{PARENTHESES_MOST, too_deep};

/// Reads a script.
///
/// # Errors
/// [`ScriptError`] with the first place where it is none, and what was expected there.
pub fn parse(name: &str, text: &str) -> Result<Script, ScriptError> {
    let mut left = LocatingSlice::new(text);
    let mut statements = Vec::new();
    let mut names = Names::default();
    while !left.is_empty() {
        let statement = line(&mut left).map_err(|error| {
            let at = left.current_token_start();
            let mut message = expected(&error);
            if let Some(meant) = meant(&message, &left) {
                message = format!("{message}: did you mean {meant}?");
            }
            ScriptError::new(name, shown(text, at), at..at, message)
        })?;
        if let Some(statement) = statement {
            names
                .check(&statement)
                .map_err(|unknown| ScriptError::new(name, text, unknown.span, unknown.message))?;
            statements.push(statement);
        }
    }
    Ok(Script {
        name: name.into(),
        text: text.into(),
        statements,
    })
}

/// What an error says was expected.
fn expected(error: &ErrMode<ContextError>) -> String {
    let context = match error {
        ErrMode::Backtrack(context) | ErrMode::Cut(context) => context,
        ErrMode::Incomplete(_) => return "the script ends too early".into(),
    };
    let expected = context.context().find_map(|context| match context {
        StrContext::Expected(what) => Some(what.to_string()),
        _ => None,
    });
    let expected = expected.as_deref().unwrap_or("something else");
    let argument = context.context().find_map(|context| match context {
        StrContext::Label(argument) => Some(argument),
        _ => None,
    });
    match argument {
        Some(argument) if expected == COMMA => format!("expected {COMMA} and the {argument}"),
        Some(argument) => format!("expected the {argument}: {expected}"),
        None => format!("expected {expected}"),
    }
}

/// What stands before every argument but the first.
const COMMA: &str = "a comma";

/// A text up to the end of the line that is at a place, or that line's start if it is too long
/// to be shown.
fn shown(text: &str, at: usize) -> &str {
    let line = text[at..].lines().next().unwrap_or_default();
    let most = line.floor_char_boundary(LINE_MOST / 10);
    match line.len() {
        0..=LINE_MOST => text,
        _ => &text[..at + most],
    }
}

/// The name that was wanted, if what there is instead is not far from it.
fn meant(wanted: &str, text: &str) -> Option<&'static str> {
    let word = text.split(|character| !is_word(character)).next();
    let word = word.unwrap_or_default();
    if wanted.contains("a call") {
        closest(word, calls::all().map(|call| call.name))
    } else if wanted.contains("a statement") {
        closest(&word.to_ascii_lowercase(), STATEMENTS.into_iter())
    } else if wanted.contains("a counter") {
        closest(word, Counter::ALL.into_iter().map(|(name, _)| name))
    } else if wanted.contains("OptIn") {
        closest(word, DEP_POLICIES.into_iter().map(|(name, _)| name))
    } else if wanted.contains("allocation_base") {
        closest(word, Question::ALL.into_iter().map(|(name, _)| name))
    } else {
        None
    }
}

/// The words that statements begin with.
pub(super) const STATEMENTS: [&str; 17] = [
    "ram",
    "processors",
    "dep",
    "process",
    "thread",
    "in",
    "on",
    "tick",
    "grant",
    "default",
    "read",
    "write",
    "touch",
    "execute",
    "expect",
    "print",
    "map",
];

/// The name that a word is not far from.
fn closest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &&str| strsim::normalized_levenshtein(name, word);
    let best = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    best.filter(|name| likeness(name) > 0.75)
}

/// The most bytes of a line.
const LINE_MOST: usize = 1000;

/// What can be written.
const WRITTEN: &str = "\"text\", or u8, u16, u32 or u64 and a number";

fn line(text: &mut Text<'_>) -> ModalResult<Option<Spanned<Statement>>> {
    let content = text.lines().next().unwrap_or_default();
    if content.len() > LINE_MOST {
        return unexpected("a line of at most 1000 bytes");
    }
    if let Some(place) = too_deep(content) {
        text.next_slice(place);
        return unexpected(PARENTHESES_MOST);
    }
    space0.parse_next(text)?;
    let statement = opt(preceded(not(line_end), cut_err(spanned(statement)))).parse_next(text)?;
    cut_err(line_end.context(want("the end of the line")))
        .parse_next(text)
        .map(|()| statement)
}

fn line_end(text: &mut Text<'_>) -> ModalResult<()> {
    let comment = opt(('#', take_till(0.., ['\r', '\n'])));
    (space0, comment, alt((line_ending, eof)))
        .void()
        .parse_next(text)
}

fn statement(text: &mut Text<'_>) -> ModalResult<Statement> {
    let start = *text;
    let word = word.context(want("a statement")).parse_next(text)?;
    match word {
        // Be it a name that statements begin with.
        _ if peek_token(text, '=') => {
            *text = start;
            set(text)
        }
        "process" => {
            let name = named(text)?;
            let layout = if is_line_end(text) {
                AddressLayout::default()
            } else {
                one_named(&LAYOUTS, "2GiB, 3GiB, 4GiB or the end of the line").parse_next(text)?
            };
            Ok(Statement::Process { name, layout })
        }
        "thread" => Ok(Statement::Thread {
            name: named(text)?,
            reserve: opt(operand).parse_next(text)?,
            commit: opt(operand).parse_next(text)?,
        }),
        "in" => named_at.map(Statement::In).parse_next(text),
        "ram" => machine(operand.map(MachinePart::Ram).parse_next(text)),
        "processors" => machine(operand.map(MachinePart::Processors).parse_next(text)),
        "dep" => {
            let policies = one_named(&DEP_POLICIES, "AlwaysOff, AlwaysOn, OptIn or OptOut");
            machine(policies.map(MachinePart::Dep).parse_next(text))
        }
        "on" => operand.map(Statement::On).parse_next(text),
        "tick" if is_line_end(text) => Ok(Statement::Tick(None)),
        "tick" => operand
            .map(|seconds| Statement::Tick(Some(seconds)))
            .parse_next(text),
        "default" => {
            let (name, value) = assignment(text)?;
            Ok(Statement::Default { name, value })
        }
        "read" => {
            let address = labelled("address", text)?;
            let width = one_named(&Width::ALL, "u8, u16, u32 or u64").parse_next(text)?;
            access(text, Access::Read(width), address)
        }
        "write" => {
            let address = labelled("address", text)?;
            let access_ = alt((
                token(string).map(Access::WriteText),
                (one_named(&Width::ALL, WRITTEN), operand)
                    .map(|(width, value)| Access::Write(width, value)),
            ))
            .parse_next(text)?;
            access(text, access_, address)
        }
        "touch" => {
            let address = labelled("address", text)?;
            let size = labelled("size", text)?;
            access(text, Access::Touch(size), address)
        }
        "execute" => {
            let address = labelled("address", text)?;
            access(text, Access::Execute, address)
        }
        "expect" => {
            let statement = Statement::Expect {
                left: operand(text)?,
                relation: relation(text)?,
                right: operand(text)?,
            };
            ended(text, statement, MORE_OR_END)
        }
        "print" => {
            let mut items = vec![item(text)?];
            while opt(token(',')).parse_next(text)?.is_some() {
                if is_line_end(text) {
                    return unexpected("an item after the comma");
                }
                items.push(item(text)?);
            }
            ended(
                text,
                Statement::Print(items),
                "a comma and another item, or the end of the line",
            )
        }
        "map" => Ok(Statement::Map),
        "grant" => one_named(&PRIVILEGES, "SeLockMemoryPrivilege")
            .map(Statement::Grant)
            .parse_next(text),
        _ if peek_token(text, '(') => {
            *text = start;
            call(text, None)
        }
        _ if Call::named(word).is_some() => unexpected("( and the arguments of the call"),
        _ => {
            *text = start;
            unexpected("a statement, or = behind a name")
        }
    }
}

/// An operand by what it is for.
fn labelled(name: &'static str, text: &mut Text<'_>) -> ModalResult<Spanned<Expression>> {
    operand.context(StrContext::Label(name)).parse_next(text)
}

fn machine(part: ModalResult<MachinePart>) -> ModalResult<Statement> {
    part.map(Statement::Machine)
}

/// A name, and what its value is from now on.
fn set(text: &mut Text<'_>) -> ModalResult<Statement> {
    let name = named(text)?;
    token('=').parse_next(text)?;
    space0.parse_next(text)?;
    if is_call(text) {
        return call(text, Some(name));
    }
    if is_unknown_call(text) {
        return unexpected("a call such as VirtualAlloc, or a question such as state(p)");
    }
    let value = operand(text)?;
    ended(text, Statement::Set { name, value }, MORE_OR_END)
}

/// What may stand behind a value.
const MORE_OR_END: &str = "|, &, + or - and another number, or the end of the line";

/// A statement, behind which nothing else stands.
fn ended(
    text: &mut Text<'_>,
    statement: Statement,
    wanted: &'static str,
) -> ModalResult<Statement> {
    space0.parse_next(text)?;
    if is_line_end(text) {
        Ok(statement)
    } else {
        unexpected(wanted)
    }
}

fn assignment(text: &mut Text<'_>) -> ModalResult<(String, Spanned<Expression>)> {
    let name = named(text)?;
    token('=').context(want("=")).parse_next(text)?;
    Ok((name, operand(text)?))
}

fn access(
    text: &mut Text<'_>,
    access: Access,
    address: Spanned<Expression>,
) -> ModalResult<Statement> {
    Ok(Statement::Access {
        access,
        address,
        outcome: outcome(text)?,
    })
}

fn is_call(text: &Text<'_>) -> bool {
    let mut ahead = *text;
    let name = word.parse_next(&mut ahead);
    name.is_ok_and(|name| Call::named(name).is_some())
}

fn is_unknown_call(text: &Text<'_>) -> bool {
    let mut ahead = *text;
    let name = word.parse_next(&mut ahead);
    name.is_ok_and(|name| name != COUNTER && peek_token(&ahead, '(') && question(name).is_none())
}

fn call(text: &mut Text<'_>, result: Option<String>) -> ModalResult<Statement> {
    let start = *text;
    let name = word(text)?;
    let Some(call) = Call::named(name) else {
        *text = start;
        return unexpected("the name of a call, such as VirtualAlloc");
    };
    token('(').context(want("(")).parse_next(text)?;
    let mut arguments = Vec::new();
    for (place, parameter) in call.parameters.iter().enumerate() {
        if parameter.may_be_left_out() && peek_token(text, ')') {
            break;
        }
        if place > 0 {
            token(',')
                .context(want(COMMA))
                .context(StrContext::Label(parameter.name()))
                .parse_next(text)?;
        }
        space0.parse_next(text)?;
        let given = |text: &mut Text<'_>| argument(text, *parameter);
        let mut given = given.context(StrContext::Label(parameter.name()));
        arguments.push(given.parse_next(text)?);
    }
    token(')')
        .context(want(") behind the last argument"))
        .parse_next(text)?;
    Ok(Statement::Call(CallStatement {
        result,
        call,
        arguments,
        outcome: outcome(text)?,
    }))
}

fn argument(text: &mut Text<'_>, parameter: Parameter) -> ModalResult<Argument> {
    match parameter {
        Parameter::Number(_) | Parameter::Last(_) => operand.map(Argument::Number).parse_next(text),
        Parameter::File => alt((
            string.map(|path| Argument::File(Some(path))),
            word.verify(|word: &str| word == "NULL")
                .value(Argument::File(None)),
        ))
        .context(want("its path in quotes, or NULL"))
        .parse_next(text),
        Parameter::Process => actor(text, Actor::Process, "its name"),
        Parameter::Thread => actor(text, Actor::Thread, "its name"),
    }
}

fn actor(text: &mut Text<'_>, actor: Actor, what: &'static str) -> ModalResult<Argument> {
    spanned(word.map(str::to_owned))
        .context(want(what))
        .map(|name| Argument::Actor(actor, name))
        .parse_next(text)
}

fn outcome(text: &mut Text<'_>) -> ModalResult<Outcome> {
    let fails = preceded(space0, ("fails", not(one_of(is_word))));
    let fails = opt(fails).parse_next(text)?.is_some();
    space0.parse_next(text)?;
    if !fails {
        return if is_line_end(text) {
            Ok(Outcome::Succeeds)
        } else {
            unexpected("the end of the line, or fails and how")
        };
    }
    let status = spanned(word.map(str::to_owned));
    alt((
        spanned(number).map(Outcome::FailsWithError),
        status.map(Outcome::FailsWith),
    ))
    .context(want(
        "a status such as STATUS_ACCESS_VIOLATION, or the number of an error",
    ))
    .parse_next(text)
}

fn is_line_end(text: &Text<'_>) -> bool {
    let mut ahead = *text;
    line_end(&mut ahead).is_ok()
}

#[cfg(test)]
mod tests;
