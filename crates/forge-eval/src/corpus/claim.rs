//! The words of what is claimed.

/// The words of a text in lower case. Whatever is no letter and no digit parts them, so that `check-then-act` is three.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase)
}
