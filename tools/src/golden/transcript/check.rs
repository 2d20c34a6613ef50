use std::fmt;

use super::{
    Between, Header, Line, Tag,
    player::{Got, Player},
};
use crate::{
    conform::Verdict,
    golden::{GoldenError, GoldenMismatch, Malformed, lines::Lines},
};

/// Between so many lines, whoever watches is asked whether to go on: one can take long.
const LINES_AT_ONCE: u64 = 64;

/// A line of a transcript that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptMismatch {
    /// Which line of the file, the first being 1.
    pub line: u64,
    /// What was done, as the line says it, with its number.
    pub call: String,
    /// What the line says that is known about it.
    pub tag: String,
    /// What it should have come to.
    pub expected: String,
    /// What it came to.
    pub got: String,
}

impl TranscriptMismatch {
    /// Of a line that was parsed.
    fn new(line: u64, text: &[u8], expected: String, got: String) -> Self {
        let text = String::from_utf8_lossy(text);
        let (call, rest) = text.split_once(" => ").unwrap_or_default();
        let (_, tag) = rest.rsplit_once(';').unwrap_or_default();
        Self {
            line,
            call: call.to_owned(),
            tag: tag.to_owned(),
            expected,
            got,
        }
    }
}

impl fmt::Display for TranscriptMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            call,
            tag,
            expected,
            got,
        } = self;
        write!(
            f,
            "line {line}: {call} ({tag}): expected {expected}, got {got}"
        )
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => reply.fmt(f),
            Self::Unbound(slot) => write!(f, "nothing: {slot} names no region"),
        }
    }
}

/// Does what a transcript says, and compares what each line comes to with what it says, as the
/// transcript would say it.
pub(in crate::golden) fn check(
    mut lines: Lines,
    (header, between): (&Header, Between),
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Option<Verdict<GoldenMismatch>>, GoldenError> {
    let mut player = Player::new(header, between)?;
    let mut verdict = Verdict::default();
    let mut last = None;
    while let Some(line) = lines.next_of_all(Line::parse)? {
        let number = lines.number();
        let done = match line {
            Line::Done(done) => done,
            Line::Comment => continue,
            Line::End(count) => {
                if last.is_some_and(|last| last >= count) {
                    return Err(lines.error(Malformed::TooFewCounted));
                }
                lines.ended()?;
                return Ok(Some(verdict));
            }
        };
        if last.is_some_and(|last| last >= done.index) {
            return Err(lines.error(Malformed::Unordered));
        }
        last = Some(done.index);
        let got = player.play(&done.call, done.tag)?;
        match done.tag {
            Tag::Soft => verdict.record_soft(),
            Tag::Executed | Tag::Overridden | Tag::Derived => {
                let (expected, got) = (done.reply.to_string(), got.to_string());
                verdict.record(if expected == got {
                    Ok(())
                } else {
                    let mismatch = TranscriptMismatch::new(number, lines.text(), expected, got);
                    Err(GoldenMismatch::Transcript(mismatch))
                });
            }
        }
        if number.is_multiple_of(LINES_AT_ONCE) && !goes_on(number) {
            return Ok(None);
        }
    }
    Err(lines.error(Malformed::Endless))
}
