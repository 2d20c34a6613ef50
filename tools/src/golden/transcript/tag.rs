use super::cursor::Cursor;
use crate::golden::Malformed;

/// What is known about a line: what follows the semicolon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// `E`: it was executed.
    Executed,
    /// `O`: it was executed, and the result replaced by that of Windows.
    Overridden,
    /// `D`: it was not executed; the result is derived, and nothing can have changed.
    Derived,
    /// `S`: what Windows does is not determined.
    Soft,
}

impl Tag {
    /// The class, the rules it is by, and what was got where it was executed.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        const KNOWN: [(u8, Tag); 4] = [
            (b'E', Tag::Executed),
            (b'O', Tag::Overridden),
            (b'D', Tag::Derived),
            (b'S', Tag::Soft),
        ];
        let tag = cursor.letter(&KNOWN, "E, O, D or S")?;
        if tag != Self::Executed {
            cursor.literal(" ")?;
            rules(cursor)?;
            if cursor.eat(" wine:").is_some() {
                cursor.skip_rest();
            }
        }
        cursor.end()?;
        Ok(tag)
    }
}

/// Such as `W9,W10`.
fn rules(cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    loop {
        cursor.literal("W")?;
        cursor.decimal()?;
        if cursor.eat(",").is_none() {
            return Ok(());
        }
    }
}
