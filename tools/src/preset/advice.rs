//! What somebody might have meant.

/// "did you mean ...?", if any of the names is much like the one given.
pub(super) fn close_to(name: &str, known: &[&str]) -> Option<String> {
    let name = name.to_lowercase();
    let likeness = |known: &&str| strsim::jaro_winkler(&name, known);
    let mut close: Vec<_> = known
        .iter()
        .copied()
        .filter(|known| likeness(known) > 0.7)
        .collect();
    close.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    close.truncate(3);
    (!close.is_empty()).then(|| format!("did you mean {}?", close.join(" or ")))
}

/// The same for a field or a word that the parser does not know: its message names the word
/// first, and then those it would have taken.
pub(super) fn of_message(message: &str) -> Option<String> {
    let is_unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let mut words = message.split('`').skip(1).step_by(2);
    let word = words.next().filter(|_| is_unknown)?;
    close_to(word, &words.collect::<Vec<_>>())
}
