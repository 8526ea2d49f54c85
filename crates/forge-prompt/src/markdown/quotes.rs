//! Quotations.

/// A passage of at least this many characters in quotation marks is a quote.
const MIN_PASSAGE: usize = 20;

/// The text without the marks of a quotation; `None` unless every line that is not blank has one.
pub fn unquoted(text: &str) -> Option<String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let quoted = lines().next().is_some() && lines().all(|line| line.starts_with('>'));
    quoted.then(|| lines().flat_map(|line| [line.trim_start_matches(['>', ' ']), "\n"]).collect())
}

/// The first passage of at least 20 characters that a text puts in quotation marks or backticks; empty if there is none.
pub fn passage(text: &str) -> &str {
    let pairs = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('`', '`'), ('「', '」')];
    let passages = pairs.into_iter().filter_map(|(open, close)| {
        let mut rest = text;
        while let Some((_, inner)) = rest.split_once(open) {
            let (passage, after) = inner.split_once(close)?;
            if passage.trim().chars().count() >= MIN_PASSAGE {
                return Some(passage.trim());
            }
            rest = after;
        }
        None
    });
    passages.min_by_key(|passage| text.find(passage)).unwrap_or_default()
}
