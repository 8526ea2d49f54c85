//! What stands around a name: before it a receiver or a path, behind it what makes it a call. The bytes say it in the same way
//! inside of macros, where a tree holds nothing but tokens.

/// What stands before a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// A value that is no name, such as the result of a call.
    Value,
    /// Names with their separators, as in `a::b` before `::c` and `a.b` before `.c`.
    Path(String),
    /// An apostrophe: the name is one of a lifetime.
    Mark,
}

/// Names of a path that are kept; longer ones are values.
const LONGEST: usize = 6;

/// What stands before the name that begins at `start`.
pub(super) fn before(text: &str, start: usize) -> Before {
    let mut names: Vec<&str> = Vec::new();
    let mut rest = text.get(..start).unwrap_or_default();
    let mut separator = "";
    loop {
        let trimmed = rest.trim_end();
        let (left, found) = if let Some(left) = trimmed.strip_suffix("::") {
            (left, "::")
        } else if let Some(left) = trimmed.strip_suffix("?.") {
            (left, ".")
        } else if let Some(left) = trimmed.strip_suffix('.').filter(|left| !left.ends_with('.')) {
            (left, ".")
        } else {
            break;
        };
        let (left, name) = last_name(left.trim_end());
        if name.is_empty() || names.len() >= LONGEST || !(separator.is_empty() || separator == found) {
            return Before::Value;
        }
        separator = found;
        names.push(name);
        rest = left;
    }
    if names.is_empty() {
        return if rest.ends_with('\'') { Before::Mark } else { Before::Nothing };
    }
    names.reverse();
    Before::Path(names.join(separator))
}

/// The name at the end of a text, and what stands before it. Type arguments behind it are passed over.
fn last_name(text: &str) -> (&str, &str) {
    let text = if text.ends_with('>') { without_arguments(text) } else { text };
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#');
    let begin = text.char_indices().rev().take_while(|(_, c)| is_part(*c)).last();
    begin.map_or((text, ""), |(at, _)| text.split_at(at))
}

/// The text without the type arguments at its end, as in `Vec::<u8>`.
fn without_arguments(text: &str) -> &str {
    let mut depth = 0_usize;
    // Arguments are short; a comparison would lead through the whole file.
    for (at, c) in text.char_indices().rev().take(200) {
        match c {
            '>' => depth += 1,
            '<' => depth -= 1,
            ';' | '{' | '}' => break,
            _ => {}
        }
        if depth == 0 {
            let head = &text[..at];
            return head.strip_suffix("::").unwrap_or(head);
        }
    }
    ""
}

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Arguments,
    Bang,
    Other,
}

/// What stands behind the name that ends at `end`.
pub(super) fn after(text: &str, end: usize) -> After {
    let rest = text.get(end..).unwrap_or_default().trim_start_matches([' ', '\t']);
    if rest.starts_with('(') {
        return After::Arguments;
    }
    if rest.starts_with('!') && !rest.starts_with("!=") {
        return After::Bang;
    }
    // `collect::<Vec<_>>()`.
    match rest.strip_prefix("::<").map(behind_arguments) {
        Some(rest) if rest.starts_with('(') => After::Arguments,
        _ => After::Other,
    }
}

fn behind_arguments(text: &str) -> &str {
    let mut depth = 1_usize;
    for (at, c) in text.char_indices().take(200) {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, name: &str) -> (Before, After) {
        let start = text.rfind(name).unwrap();
        (before(text, start), after(text, start + name.len()))
    }

    #[test]
    fn a_name_is_told_by_what_stands_around_it() {
        let path = |text: &str| Before::Path(text.into());
        for (text, before, after) in [
            ("x(", Before::Nothing, After::Arguments),
            ("a::b::x(1)", path("a::b"), After::Arguments),
            ("self.x", path("self"), After::Other),
            ("a.b.x (", path("a.b"), After::Arguments),
            ("f().x()", Before::Value, After::Arguments),
            ("items[0]\n    .x()", Before::Value, After::Arguments),
            ("a?.x()", path("a"), After::Arguments),
            ("Vec::<u8>::x::<A<B>>()", path("Vec"), After::Arguments),
            ("<T as A>::x()", Before::Value, After::Arguments),
            ("x!(", Before::Nothing, After::Bang),
            ("x != y", Before::Nothing, After::Other),
            ("0..x", Before::Nothing, After::Other),
            ("&'x str", Before::Mark, After::Other),
            ("1 > 0 && a::x", path("a"), After::Other),
        ] {
            assert_eq!(found(text, "x"), (before, after), "{text}");
        }
    }
}
