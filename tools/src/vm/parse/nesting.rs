//! How deep the parentheses of a line go within each other.

/// The most parentheses within each other: expressions are trees, and a tree that is too deep
/// would overflow the stack.
const MOST: usize = 32;

/// What is expected of them, in words.
pub(super) const PARENTHESES_MOST: &str = "at most 32 parentheses within each other";

/// Where the first one is that goes too deep, in bytes. Those in texts and comments are none.
pub(super) fn too_deep(line: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut is_text = false;
    let mut characters = line.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => is_text = !is_text,
            // What stands behind it does not end the text.
            '\\' if is_text => drop(characters.next()),
            _ if is_text => {}
            '#' => return None,
            '(' if open == MOST => return Some(place),
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    None
}
