//! Escapes of each target.

use std::fmt::Write as _;

use forge_prompt::{clean, one_line};

/// A message of a workflow command: no line of it can begin another command.
pub(super) fn message(text: &str) -> String {
    let text = clean(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    // Nothing reads a command within a line today.
    text.replace("::", ": :")
}

/// A property of a workflow command.
pub(super) fn property(text: &str) -> String {
    let text = clean(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.replace(':', "%3A").replace(',', "%2C")
}

/// Text of somebody in Markdown, on one line: no markup, picture, link, mention or reference of it works.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    let text = one_line(text).replace("://", ": //").replace("www.", "www .");
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Mentions and references are found in the text behind all escapes.
            '@' | '#' => {
                out.push(c);
                out.push(' ');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Lines in a fence of Markdown that they cannot end.
pub(super) fn fenced(language: &str, lines: &[String]) -> String {
    let text = clean(&lines.join("\n")).into_owned();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// A path as part of an address.
pub(super) fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_leave_its_place() {
        let hostile = "100%\r\n::error file=x::pwned ![p](https://evil.example/p.png) @all #1 <img src=x> `code` \u{202e}";
        let said = message(hostile);
        assert!(!said.contains(['\r', '\n']) && !said.contains("::") && said.starts_with("100%25"), "{said}");
        assert!(said.contains("%0A"), "{said}");
        let named = property("a:b,c%\n");
        assert_eq!(named, "a%3Ab%2Cc%25%0A");
        let shown = markdown(hostile);
        for wrong in ["](", "://", "<img", "@all", "#1", "\u{202e}", "\n"] {
            assert!(!shown.contains(wrong), "{wrong}: {shown}");
        }
        assert_eq!(fenced("", &["```".into(), "a".into()]), "````\n```\na\n````\n");
        assert_eq!(uri("a b/ä%.rs"), "a%20b/%C3%A4%25.rs");
    }
}
