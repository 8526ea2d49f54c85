//! Texts as PostgreSQL keeps them: it has no place for the character of the number 0, which every other store keeps.

use std::borrow::Cow;

/// Stands for 0 with a `0` behind it, and for itself with a `1`.
const ESCAPE: char = '\u{1a}';

/// A text without the character of the number 0.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return text.into();
    }
    // The escape first, or the one that stands for a 0 would be replaced in turn.
    text.replace(ESCAPE, "\u{1a}1").replace('\0', "\u{1a}0").into()
}

/// The text that was escaped.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return text.into();
    }
    text.replace("\u{1a}0", "\0").replace("\u{1a}1", "\u{1a}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_no_two_are_kept_alike() {
        let texts =
            ["", "plain", "\0", "\u{1a}", "\u{1a}0", "\u{1a}1", "\u{1a}\0", "\0\u{1a}1", "a\0\u{1a}\u{1a}0b"];
        let kept: std::collections::BTreeSet<_> = texts.iter().map(|text| escape(text)).collect();
        assert_eq!(kept.len(), texts.len());
        for text in texts {
            assert!(!escape(text).contains('\0'));
            assert_eq!(unescape(&escape(text)), text, "{text:?}");
        }
    }
}
