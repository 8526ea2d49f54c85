//! Untrusted text on its way into prompts, journals, terminals and pages.

use std::borrow::Cow;

/// The text without [hidden](is_hidden) characters. Line ends become `\n`. A text that is clean already is borrowed.
pub fn clean(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    // A lone carriage return lets a terminal overwrite the line before it, so that it ends the line here.
    let text = text.replace("\r\n", "\n");
    text.chars().map(|c| if c == '\r' { '\n' } else { c }).filter(|c| !is_hidden(*c)).collect()
}

/// Whether every byte is printable ASCII, `\n` or `\t`. Asked of pieces without an early end, so that many bytes are
/// looked at in one step.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    text.as_bytes().chunks(64).all(|piece| piece.iter().fold(true, |all, byte| all & is_plain(byte)))
}

/// The clean text in one line, with single spaces between its words.
pub fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character makes a terminal act or a text look other than it reads: control characters except `\n` and
/// `\t`, direction marks and overrides, zero-width spaces and joiners of words, byte order marks, invisible tags.
///
/// Joiners of letters and emoji stay: without them a text in Persian or Hindi reads differently.
pub fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}' | '\u{200b}' | '\u{2060}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

/// At most `budget` bytes of `text`, cut at the border of a section, else of a paragraph, a line, a word; and how many
/// characters are left out. A text that fits is whole.
pub fn shorten(text: &str, budget: usize) -> (&str, usize) {
    if text.len() <= budget {
        return (text, 0);
    }
    let mut end = budget;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = &text[..end];
    let borders = ["\n#", "\n\n", "\n", " "];
    // A border that would throw away most of what fits is not used.
    let border = borders.iter().find_map(|border| head.rfind(border).filter(|at| *at * 2 >= end));
    let head = &head[..border.unwrap_or(end)];
    (head, text[head.len()..].chars().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hidden_characters_are_taken_out_and_visible_ones_stay() {
        assert_eq!(clean("a\u{202e}b\u{0}c\r\nd\te\u{1b}[31m\u{e0041}"), "abc\nd\te[31m");
        assert_eq!(clean("naïve 👩‍👩‍👧 日本語"), "naïve 👩‍👩‍👧 日本語");
    }

    #[test]
    fn a_clean_text_is_borrowed() {
        for text in ["", "A text\n\twith `code`.", "naïve 👩‍👩‍👧 日本語"] {
            assert!(matches!(clean(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_on_a_section_border() {
        let text = "# One\n\nBody of one.\n\n# Two\n\nBody of two.";
        assert_eq!(shorten(text, 30), ("# One\n\nBody of one.\n", text.chars().count() - 20));
        assert_eq!(shorten(text, 100), (text, 0));
    }

    proptest! {
        #[test]
        fn a_cut_never_falls_inside_a_character(text in "\\PC{0,80}", budget in 0_usize..100) {
            let (head, left) = shorten(&text, budget);
            prop_assert!(head.len() <= budget);
            prop_assert_eq!(head.chars().count() + left, text.chars().count());
        }
    }
}
