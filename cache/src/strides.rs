use assoc::{Geometry, IndexFunction, Replacement, SetAssociative, Tag};

use crate::{ConfigError, Stride, line::Line};

/// The pages whose strides are watched, and what was seen of each last. The page whose last
/// miss lies furthest back makes room for a new one.
#[derive(Clone, Debug)]
pub(crate) struct StrideTable {
    pages: SetAssociative<Seen>,
    ahead: u32,
}

/// What was seen of a page.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    last: Line,
    /// From the line before to the last, in lines; 0 as long as there was only one.
    stride: i8,
}

impl StrideTable {
    /// # Errors
    /// [`ConfigError::Stride`] if no lines are to be brought or no page is watched, or more
    /// than can be.
    pub(crate) fn new(config: Stride) -> Result<Option<Self>, ConfigError> {
        let Stride::Ahead { lines, pages } = config else {
            return Ok(None);
        };
        if lines == 0 || u64::from(lines) >= Line::IN_A_PAGE {
            return Err(ConfigError::StrideLines { lines });
        }
        let table = Geometry::fully_associative(pages).and_then(|geometry| {
            SetAssociative::new(geometry, IndexFunction::Linear, Replacement::TrueLru)
        });
        match table {
            Ok(pages) => Ok(Some(Self {
                pages,
                ahead: lines,
            })),
            Err(source) => Err(ConfigError::StridePages { pages, source }),
        }
    }

    /// Notes a miss of a line; returns the stride if it is the second in a row of its length.
    pub(crate) fn note(&mut self, line: Line) -> Option<Steady> {
        let page = line.page();
        let Some(seen) = self.pages.get(page, Tag::new(page)) else {
            let first = Seen {
                last: line,
                stride: 0,
            };
            self.pages.insert_new(page, Tag::new(page), first);
            return None;
        };
        let stride = line.lines_after(seen.last);
        let steady = stride != 0 && stride == seen.stride;
        if stride != 0 {
            *seen = Seen { last: line, stride };
        }
        steady.then_some(Steady {
            next: line,
            stride,
            left: self.ahead,
        })
    }
}

/// The lines ahead in a stride, as far as the page goes.
#[derive(Clone, Debug)]
pub(crate) struct Steady {
    next: Line,
    stride: i8,
    left: u32,
}

impl Iterator for Steady {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        self.left = self.left.checked_sub(1)?;
        self.next = self.next.in_page_after(self.stride)?;
        Some(self.next)
    }
}
