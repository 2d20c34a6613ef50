//! The language of scripts: a statement a line.

mod names;

use memory_manager::AddressLayout;
use winnow::{
    ascii::{line_ending, space0},
    combinator::{alt, cut_err, delimited, eof, not, opt, peek, preceded, repeat},
    error::{ContextError, ErrMode, StrContext, StrContextValue},
    prelude::*,
    stream::{LocatingSlice, Location},
    token::{any, one_of, take_till, take_while},
};

use super::{
    calls::{self, Call, Parameter},
    error::ScriptError,
    script::{
        Access, Argument, CallStatement, Expression, Item, LAYOUTS, Operator, Outcome, PRIVILEGES,
        Question, Relation, Script, Spanned, Statement, Width, Words,
    },
};
use crate::byte_size::ByteSize;
use names::Names;

type Text<'i> = LocatingSlice<&'i str>;

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
        Some(argument) => format!("expected {expected}: the {argument}"),
        None => format!("expected {expected}"),
    }
}

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

/// The call or the statement that was wanted, if what there is instead is not far from it.
fn meant(wanted: &str, text: &str) -> Option<&'static str> {
    let word = text.split(|character| !is_word(character)).next();
    let word = word.unwrap_or_default();
    if wanted.contains("a call") {
        closest(word, calls::all().map(|call| call.name))
    } else if wanted.contains("a statement") {
        closest(&word.to_ascii_lowercase(), STATEMENTS.into_iter())
    } else {
        None
    }
}

/// The words that statements begin with.
const STATEMENTS: [&str; 11] = [
    "process", "thread", "in", "grant", "default", "read", "write", "execute", "expect", "print",
    "map",
];

/// The name that a word is not far from.
fn closest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &&str| strsim::normalized_levenshtein(name, word);
    let best = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    best.filter(|name| likeness(name) > 0.75)
}

fn want(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

/// The most bytes of a line, and the most parentheses within each other: expressions are
/// trees, and a tree that is too deep would overflow the stack.
const LINE_MOST: usize = 1000;
const PARENTHESES_MOST: usize = 32;

/// What can be written.
const WRITTEN: &str = "\"text\", or u8, u16, u32 or u64 and a number";

fn line(text: &mut Text<'_>) -> ModalResult<Option<Spanned<Statement>>> {
    let content = text.lines().next().unwrap_or_default();
    if content.len() > LINE_MOST {
        return unexpected("a line of at most 1000 bytes");
    }
    if content.matches('(').count() > PARENTHESES_MOST {
        return unexpected("at most 32 parentheses in a line");
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
        "process" => {
            let name = named(text)?;
            let layout = if is_line_end(text) {
                AddressLayout::default()
            } else {
                one_named(&LAYOUTS, "2GiB, 3GiB or 4GiB").parse_next(text)?
            };
            Ok(Statement::Process { name, layout })
        }
        "thread" => Ok(Statement::Thread {
            name: named(text)?,
            reserve: opt(operand).parse_next(text)?,
            commit: opt(operand).parse_next(text)?,
        }),
        "in" => named_at.map(Statement::In).parse_next(text),
        "default" => {
            let (name, value) = assignment(text)?;
            Ok(Statement::Default { name, value })
        }
        "read" => {
            let address = operand(text)?;
            let width = one_named(&Width::ALL, "u8, u16, u32 or u64").parse_next(text)?;
            access(text, Access::Read(width), address)
        }
        "write" => {
            let address = operand(text)?;
            let access_ = alt((
                token(string).map(Access::WriteText),
                (one_named(&Width::ALL, WRITTEN), operand)
                    .map(|(width, value)| Access::Write(width, value)),
            ))
            .parse_next(text)?;
            access(text, access_, address)
        }
        "execute" => {
            let address = operand(text)?;
            access(text, Access::Execute, address)
        }
        "expect" => Ok(Statement::Expect {
            left: operand(text)?,
            relation: one_named(&Relation::ALL, "== or !=").parse_next(text)?,
            right: operand(text)?,
        }),
        "print" => {
            let mut items = vec![item(text)?];
            while opt(token(',')).parse_next(text)?.is_some() {
                if is_line_end(text) {
                    return unexpected("an item after the comma");
                }
                items.push(item(text)?);
            }
            Ok(Statement::Print(items))
        }
        "map" => Ok(Statement::Map),
        "grant" => one_named(&PRIVILEGES, "SeLockMemoryPrivilege")
            .map(Statement::Grant)
            .parse_next(text),
        _ if peek_token(text, '(') => {
            *text = start;
            call(text, None)
        }
        _ => {
            let is_set = peek_token(text, '=');
            *text = start;
            if !is_set {
                return unexpected("a statement, or = behind a name");
            }
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
            Ok(Statement::Set { name, value })
        }
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
    name.is_ok_and(|name| peek_token(&ahead, '(') && question(name).is_none())
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
                .context(want("a comma and an argument"))
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
        .context(want("a file in quotes, or NULL"))
        .parse_next(text),
        Parameter::Process => spanned(word.map(str::to_owned))
            .context(want("the name of a process"))
            .map(Argument::Process)
            .parse_next(text),
    }
}

fn outcome(text: &mut Text<'_>) -> ModalResult<Outcome> {
    let fails = preceded(space0, ("fails", not(one_of(is_word))));
    if opt(fails).parse_next(text)?.is_none() {
        return Ok(Outcome::Succeeds);
    }
    space0.parse_next(text)?;
    let status = spanned(word.map(str::to_owned));
    alt((
        number.map(Outcome::FailsWithError),
        status.map(Outcome::FailsWith),
    ))
    .context(want(
        "a status such as STATUS_ACCESS_VIOLATION, or the number of an error",
    ))
    .parse_next(text)
}

fn item(text: &mut Text<'_>) -> ModalResult<Item> {
    space0.parse_next(text)?;
    if let Some(literal) = opt(string).parse_next(text)? {
        return Ok(Item::Text(literal));
    }
    let start = *text;
    let name = opt(word).parse_next(text)?;
    if name == Some("text") && peek_token(text, '(') {
        token('(').parse_next(text)?;
        let address = operand(text)?;
        token(',').context(want("a comma")).parse_next(text)?;
        let length = operand(text)?;
        token(')').context(want(")")).parse_next(text)?;
        return Ok(Item::Memory { address, length });
    }
    let words = Words::ALL.iter().find(|(known, _)| Some(*known) == name);
    if let Some(&(_, words)) = words {
        let of = parenthesised(text)?;
        return Ok(Item::InWords(words, of));
    }
    *text = start;
    operand.map(Item::Number).parse_next(text)
}

fn operand(text: &mut Text<'_>) -> ModalResult<Spanned<Expression>> {
    space0.parse_next(text)?;
    let mut whole = term(text)?;
    while let Some(operator) = opt(preceded(space0, operator)).parse_next(text)? {
        space0.parse_next(text)?;
        let right = term(text)?;
        let span = whole.span.start..right.span.end;
        let both = Expression::Both(operator, Box::new(whole), Box::new(right));
        whole = Spanned { value: both, span };
    }
    Ok(whole)
}

fn operator(text: &mut Text<'_>) -> ModalResult<Operator> {
    alt((
        '&'.value(Operator::And),
        '|'.value(Operator::Or),
        '+'.value(Operator::Add),
        '-'.value(Operator::Subtract),
    ))
    .parse_next(text)
}

fn term(text: &mut Text<'_>) -> ModalResult<Spanned<Expression>> {
    let what = want("a number, a name or a question such as state(p)");
    if peek_token(text, '(') {
        return parenthesised(text);
    }
    let start = text.current_token_start();
    if let Some(number) = opt(number).parse_next(text)? {
        return Ok(Spanned {
            value: Expression::Number(number),
            span: start..text.previous_token_end(),
        });
    }
    let at = *text;
    let name = word.context(what).parse_next(text)?;
    let name_ends = text.previous_token_end();
    if !peek_token(text, '(') {
        return Ok(Spanned {
            value: Expression::Name(name.into()),
            span: start..name_ends,
        });
    }
    let Some(question) = question(name) else {
        *text = at;
        return unexpected("state, protection, type, base, size, u8, u16, u32, u64 or the like");
    };
    let of = parenthesised(text)?;
    let span = start..text.previous_token_end();
    Ok(Spanned {
        value: Expression::Of(question, Box::new(of)),
        span,
    })
}

fn question(name: &str) -> Option<Question> {
    let number = Width::ALL.map(|(name, width)| (name, Question::Number(width)));
    let mut questions = Question::ALL.iter().chain(&number);
    let found = questions.find(|(known, _)| *known == name);
    found.map(|&(_, question)| question)
}

fn parenthesised(text: &mut Text<'_>) -> ModalResult<Spanned<Expression>> {
    delimited(
        token('(').context(want("(")),
        operand,
        token(')').context(want(")")),
    )
    .parse_next(text)
}

/// A whole number: decimal, or hexadecimal after `0x`; or a count of KiB, MiB or GiB.
fn number(text: &mut Text<'_>) -> ModalResult<u64> {
    let digits = take_while(1.., is_word);
    let value = digits.try_map(|word: &str| word.parse().map(|ByteSize(number)| number));
    let value = cut_err(value.context(want("a number below 2^64, such as 12, 0xc or 64KiB")));
    preceded(peek(one_of('0'..='9')), value).parse_next(text)
}

/// A text in quotes, in which a backslash stands before a quote and itself.
fn string(text: &mut Text<'_>) -> ModalResult<String> {
    let plain = take_till(1.., ['"', '\\', '\n']).map(str::to_owned);
    let escaped = preceded('\\', one_of(['"', '\\'])).map(String::from);
    let parts =
        repeat(0.., alt((plain, escaped))).fold(String::new, |whole, part: String| whole + &part);
    delimited('"', parts, cut_err('"'.context(want("the closing quote")))).parse_next(text)
}

fn named(text: &mut Text<'_>) -> ModalResult<String> {
    named_at(text).map(|name| name.value)
}

fn named_at(text: &mut Text<'_>) -> ModalResult<Spanned<String>> {
    let name = word.context(want("a name")).map(str::to_owned);
    token(spanned(name)).parse_next(text)
}

fn word<'i>(text: &mut Text<'i>) -> ModalResult<&'i str> {
    (
        peek(any).verify(|first: &char| !first.is_ascii_digit()),
        take_while(1.., is_word),
    )
        .map(|(_, word)| word)
        .parse_next(text)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// One of some words.
fn one_named<'i, T: Copy>(
    all: &'static [(&'static str, T)],
    what: &'static str,
) -> impl ModalParser<Text<'i>, T, ContextError> {
    let find = |word: &str| all.iter().find(|(known, _)| *known == word);
    let symbol = take_while(1.., |character: char| !character.is_whitespace());
    let known = symbol.verify_map(move |word| find(word).map(|&(_, value)| value));
    preceded(space0, known).context(want(what))
}

fn token<'i, O>(
    parser: impl ModalParser<Text<'i>, O, ContextError>,
) -> impl ModalParser<Text<'i>, O, ContextError> {
    preceded(space0, parser)
}

fn spanned<'i, O>(
    parser: impl ModalParser<Text<'i>, O, ContextError>,
) -> impl ModalParser<Text<'i>, Spanned<O>, ContextError> {
    parser
        .with_span()
        .map(|(value, span)| Spanned { value, span })
}

fn is_line_end(text: &Text<'_>) -> bool {
    let mut ahead = *text;
    line_end(&mut ahead).is_ok()
}

fn peek_token(text: &Text<'_>, character: char) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with(character)
}

fn unexpected<O>(wanted: &'static str) -> ModalResult<O> {
    let mut error = ContextError::new();
    error.push(want(wanted));
    Err(ErrMode::Cut(error))
}

#[cfg(test)]
mod tests;
