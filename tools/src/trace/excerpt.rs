use std::fmt;

const EXCERPT_CHARS: usize = 80;

/// The beginning of a line of an input, fit to be shown to people: cut, with control
/// characters and whatever is not UTF-8 escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// The excerpt of a line.
    pub fn new(line: &[u8]) -> Self {
        Self::of(line, EXCERPT_CHARS)
    }

    /// The first so many characters of a text, and an ellipsis if there are more.
    pub fn of(text: &[u8], characters: usize) -> Self {
        // No character takes more than four bytes.
        let start = &text[..text.len().min(4 * (characters + 1))];
        let start = String::from_utf8_lossy(start);
        let mut text = String::new();
        let mut room = characters;
        for char in start.chars() {
            let length = if char.is_control() {
                char.escape_default().len()
            } else {
                1
            };
            if length > room {
                text.push('…');
                break;
            }
            room -= length;
            match length {
                1 => text.push(char),
                _ => text.extend(char.escape_default()),
            }
        }
        Self(text)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_made_harmless() {
        assert_eq!(Excerpt::new(b"plain").to_string(), "plain");
        assert_eq!(
            Excerpt::new(b"\x1b[2J\t\xff").to_string(),
            "\\u{1b}[2J\\t\u{fffd}"
        );
        let long = "é".repeat(80);
        assert_eq!(Excerpt::new(long.as_bytes()).to_string(), long);
        let zeros = Excerpt::new(&[0; 100]).to_string();
        assert_eq!(zeros, format!("{}…", "\\u{0}".repeat(16)));
        let longer = Excerpt::new(&vec![b'x'; 100_000]).to_string();
        assert_eq!(longer, format!("{}…", "x".repeat(80)));
    }
}
