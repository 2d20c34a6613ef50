//! The words, numbers and texts that statements are made of.

use winnow::{
    ascii::space0,
    combinator::{alt, cut_err, delimited, peek, preceded, repeat},
    error::{ContextError, ErrMode, StrContext, StrContextValue},
    prelude::*,
    stream::LocatingSlice,
    token::{any, one_of, take_till, take_while},
};

use crate::{byte_size::ByteSize, vm::script::Spanned};

pub(super) type Text<'i> = LocatingSlice<&'i str>;

pub(super) fn want(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

pub(super) fn unexpected<O>(wanted: &'static str) -> ModalResult<O> {
    let mut error = ContextError::new();
    error.push(want(wanted));
    Err(ErrMode::Cut(error))
}

/// A whole number: decimal, or hexadecimal after `0x`; or a count of KiB, MiB or GiB.
pub(super) fn number(text: &mut Text<'_>) -> ModalResult<u64> {
    let digits = take_while(1.., is_word);
    let value = digits.try_map(|word: &str| word.parse().map(|ByteSize(number)| number));
    let value = cut_err(value.context(want("a number below 2^64, such as 12, 0xc or 64KiB")));
    preceded(peek(one_of('0'..='9')), value).parse_next(text)
}

/// A text in quotes, in which a backslash stands before a quote and itself, and before the
/// letters of characters that cannot be seen.
pub(super) fn string(text: &mut Text<'_>) -> ModalResult<String> {
    let plain = take_till(1.., ['"', '\\', '\n', '\r']).map(str::to_owned);
    let escape = alt((
        '"'.value('"'),
        '\\'.value('\\'),
        'n'.value('\n'),
        't'.value('\t'),
        '0'.value('\0'),
    ));
    let escape = cut_err(escape.context(want("n, t, 0, \\ or \" behind the backslash")));
    let escaped = preceded('\\', escape).map(String::from);
    let parts =
        repeat(0.., alt((plain, escaped))).fold(String::new, |whole, part: String| whole + &part);
    delimited('"', parts, cut_err('"'.context(want("the closing quote")))).parse_next(text)
}

pub(super) fn named(text: &mut Text<'_>) -> ModalResult<String> {
    named_at(text).map(|name| name.value)
}

pub(super) fn named_at(text: &mut Text<'_>) -> ModalResult<Spanned<String>> {
    let name = word.context(want("a name")).map(str::to_owned);
    token(spanned(name)).parse_next(text)
}

pub(super) fn word<'i>(text: &mut Text<'i>) -> ModalResult<&'i str> {
    (
        peek(any).verify(|first: &char| !first.is_ascii_digit()),
        take_while(1.., is_word),
    )
        .map(|(_, word)| word)
        .parse_next(text)
}

pub(super) fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// One of some words.
pub(super) fn one_named<'i, T: Copy>(
    all: &'static [(&'static str, T)],
    what: &'static str,
) -> impl ModalParser<Text<'i>, T, ContextError> {
    let find = |word: &str| all.iter().find(|(known, _)| *known == word);
    let symbol = take_while(1.., is_word);
    let known = symbol.verify_map(move |word| find(word).map(|&(_, value)| value));
    preceded(space0, known).context(want(what))
}

pub(super) fn token<'i, O>(
    parser: impl ModalParser<Text<'i>, O, ContextError>,
) -> impl ModalParser<Text<'i>, O, ContextError> {
    preceded(space0, parser)
}

pub(super) fn spanned<'i, O>(
    parser: impl ModalParser<Text<'i>, O, ContextError>,
) -> impl ModalParser<Text<'i>, Spanned<O>, ContextError> {
    parser
        .with_span()
        .map(|(value, span)| Spanned { value, span })
}

/// Whether a character is next, blanks aside.
pub(super) fn peek_token(text: &Text<'_>, character: char) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with(character)
}
