//! Telling an answer from a form that is sent back before it is filled in.

use crate::normalize::normalize;

/// What forms write where a text belongs.
const PLACEHOLDERS: [&str; 5] = ["string", "text", "str", "todo", "tbd"];
/// The longest text between the marks of a placeholder, in bytes.
const MAX_INNER: usize = 80;

/// Whether a text stands where an answer belongs and says nothing: only signs such as dots, `<text>`, `{{text}}`,
/// `[text]`, `string`, or one of `names`, which are [normalized](normalize).
pub fn is_placeholder(text: &str, names: &[&str]) -> bool {
    let text = text.trim();
    let is_between = |open: &str, close: &str| {
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        // With a second opening mark between them, the marks at both ends belong to different pieces.
        inner.is_some_and(|inner| {
            !inner.contains([open.as_bytes()[0] as char, '\n']) && inner.len() < MAX_INNER
        })
    };
    let name = normalize(text);
    name.is_empty()
        || is_between("<", ">")
        || is_between("{{", "}}")
        || is_between("[", "]")
        || PLACEHOLDERS.contains(&name.as_str())
        || names.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_of_a_form_is_told_from_what_fills_it() {
        for text in ["", "...", "—", "<your text>", "{{ claim }}", "[text]", "String", "TODO", "Your claim"]
        {
            assert!(is_placeholder(text, &["yourclaim"]), "{text}");
        }
        for text in ["the limit has no unit", "a <b> c", "<b>bold</b>", "[a] and [b]", "your reason"] {
            assert!(!is_placeholder(text, &["yourclaim"]), "{text}");
        }
    }
}
