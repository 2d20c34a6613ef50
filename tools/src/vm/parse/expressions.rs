//! What has a value, and what is printed.

use winnow::{
    ascii::space0,
    combinator::{alt, delimited, opt, preceded},
    prelude::*,
    stream::Location,
};

use super::lexical::{Text, number, one_named, peek_token, string, token, unexpected, want, word};
use crate::vm::{
    calls::Call,
    counter::Counter,
    script::{Expression, Item, Operator, Question, Relation, Spanned, Width, Words},
};

pub(super) fn item(text: &mut Text<'_>) -> ModalResult<Item> {
    space0.parse_next(text)?;
    if let Some(literal) = opt(string).parse_next(text)? {
        return Ok(Item::Text(literal));
    }
    let start = *text;
    let name = opt(word).parse_next(text)?;
    if name == Some("text") && peek_token(text, '(') {
        token('(').parse_next(text)?;
        let address = operand(text)?;
        let comma = want("a comma and the length");
        token(',').context(comma).parse_next(text)?;
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

pub(super) fn operand(text: &mut Text<'_>) -> ModalResult<Spanned<Expression>> {
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
    if name == COUNTER {
        return counter(text, start);
    }
    if Call::named(name).is_some() {
        *text = at;
        return unexpected("a number: calls stand alone, or behind X =");
    }
    let Some(question) = question(name) else {
        *text = at;
        return unexpected(
            "state, protection, type, base, size, allocation_base, allocation_protection, u8, u16, \
             u32 or u64",
        );
    };
    let of = parenthesised(text)?;
    let span = start..text.previous_token_end();
    Ok(Spanned {
        value: Expression::Of(question, Box::new(of)),
        span,
    })
}

/// How the machine is asked what it counts.
pub(super) const COUNTER: &str = "counter";

fn counter(text: &mut Text<'_>, start: usize) -> ModalResult<Spanned<Expression>> {
    let named = one_named(&Counter::ALL, "a counter such as faults");
    let counter = delimited(token('('), named, token(')').context(want(")"))).parse_next(text)?;
    Ok(Spanned {
        value: Expression::Counter(counter),
        span: start..text.previous_token_end(),
    })
}

/// How an expectation compares its sides.
pub(super) fn relation(text: &mut Text<'_>) -> ModalResult<Relation> {
    token(alt((
        "==".value(Relation::Equal),
        "!=".value(Relation::NotEqual),
        "<=".value(Relation::AtMost),
        ">=".value(Relation::AtLeast),
        '<'.value(Relation::Less),
        '>'.value(Relation::Greater),
    )))
    .context(want("==, !=, <, <=, > or >="))
    .parse_next(text)
}

pub(super) fn question(name: &str) -> Option<Question> {
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
