use super::{Call, Reply, Tag, cursor::Cursor};
use crate::golden::Malformed;

/// A line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `INDEX OP args => RESULT ;TAG`: something that is done.
    Done(Box<Done>),
    /// `# end ops=COUNT`: there is no more; some of so many lines may have been left out.
    End(u64),
    /// Words for readers.
    Comment,
}

/// Something that is done, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its number; they rise.
    pub index: u64,
    /// What is done.
    pub call: Call,
    /// What it comes to.
    pub reply: Reply,
    /// What is known about that.
    pub tag: Tag,
}

impl Line {
    /// Parses a line that is not the first.
    ///
    /// # Errors
    /// [`Malformed`] with the column of what is not as it has to be.
    pub fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(line);
        if cursor.eat("# end").is_some() {
            cursor.literal(" ops=")?;
            let count = cursor.decimal()?;
            cursor.end()?;
            return Ok(Self::End(count));
        }
        if cursor.eat("#").is_some() {
            return Ok(Self::Comment);
        }
        Ok(Self::Done(Box::new(Done::parse(&mut cursor)?)))
    }
}

impl Done {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let index = cursor.decimal()?;
        cursor.literal(" ")?;
        let call = Call::parse(cursor)?;
        cursor.literal(" => ")?;
        let reply = Reply::parse(cursor, &call)?;
        cursor.literal(" ;")?;
        let tag = Tag::parse(cursor)?;
        Ok(Self {
            index,
            call,
            reply,
            tag,
        })
    }
}
