//! Where things stand in a template. The template engine says what it uses, and not where.

/// The inside of a `{{ ... }}` or a `{% ... %}`, and the byte at which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) is_block: bool,
    pub(crate) at: usize,
    pub(crate) inner: &'a str,
}

impl<'a> Tag<'a> {
    /// The first word of a block and what follows it.
    pub(crate) fn statement(&self) -> Option<(&'a str, &'a str)> {
        let inner = self.inner.trim_start_matches(['-', '+']).trim_start();
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        self.is_block.then(|| inner.split_at(end))
    }
}

/// The tags of a template, without comments and what is raw. One without an end is left out: the template does not parse.
pub(crate) fn tags(text: &str) -> Vec<Tag<'_>> {
    let (mut tags, mut at, mut is_raw) = (Vec::new(), 0, false);
    while let Some(found) = text[at..].find('{') {
        let open = at + found;
        let (is_block, close) = match text.as_bytes().get(open + 1) {
            Some(b'%') => (true, "%}"),
            Some(b'{') if !is_raw => (false, "}}"),
            Some(b'#') if !is_raw => {
                let Some(end) = text[open..].find("#}") else { break };
                at = open + end + 2;
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let Some(end) = end_of(&text[open + 2..], close) else { break };
        let tag = Tag { is_block, at: open + 2, inner: &text[open + 2..open + 2 + end] };
        at = open + 2 + end + 2;
        match tag.statement().map(|(word, _)| word) {
            Some("raw") => is_raw = true,
            Some("endraw") => is_raw = false,
            _ if is_raw => at = open + 1,
            _ => tags.push(tag),
        }
    }
    tags
}

/// Where `close` stands outside of texts.
fn end_of(inner: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in inner.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if inner[at..].starts_with(close) => return Some(at),
            _ => {}
        }
    }
    None
}

/// The first byte at which a template takes the variable `name` from its values, as far as that can be seen.
pub(crate) fn place_of(tags: &[Tag<'_>], name: &str) -> Option<usize> {
    tags.iter().find_map(|tag| words(tag.inner).find(|(_, word)| *word == name).map(|(at, _)| tag.at + at))
}

/// The words of a tag outside of texts, without those behind a dot.
fn words(inner: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut at, mut quote) = (0, None::<char>);
    std::iter::from_fn(move || {
        while let Some(c) = inner[at..].chars().next() {
            let begin = at;
            if quote.is_none() && is_word(c) {
                at += inner[at..].find(|c| !is_word(c)).unwrap_or(inner.len() - at);
                if !inner[..begin].trim_end().ends_with('.') {
                    return Some((begin, &inner[begin..at]));
                }
                continue;
            }
            at += c.len_utf8();
            match quote {
                // What is escaped ends no text.
                Some(_) if c == '\\' => at += inner[at..].chars().next().map_or(0, char::len_utf8),
                Some(open) if c == open => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                _ => {}
            }
        }
        None
    })
}

/// The text in quotation marks that is all of `rest`.
pub(crate) fn literal(rest: &str) -> Option<&str> {
    let rest = rest.trim().trim_end_matches(['-', '+']).trim_end();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = rest.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\'])).then_some(inner)
}

/// The line and the column of a byte, both from 1; columns count characters.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[begin..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_found_and_texts_comments_and_raw_parts_are_not() {
        let text =
            "{{ '}}' ~ a.b }} {# {{ c }} #}{% raw %}{{ d }} {% if d %}{% endraw %}\n{%- if e %}x{% endif -%}";
        let tags = tags(text);
        let inner: Vec<_> = tags.iter().map(|tag| tag.inner.trim()).collect();
        assert_eq!(inner, ["'}}' ~ a.b", "- if e", "endif -"]);
        assert_eq!(tags[1].statement(), Some(("if", " e ")));
        for (name, expected) in [("a", Some((1, 11))), ("b", None), ("d", None), ("e", Some((2, 8)))] {
            assert_eq!(place_of(&tags, name).map(|at| place(text, at)), expected, "{name}");
        }
    }

    #[test]
    fn a_literal_is_one_text_and_nothing_else() {
        assert_eq!(literal(" \"role/critic\" -"), Some("role/critic"));
        assert_eq!(literal(" 'a'"), Some("a"));
        for rest in ["", " a", " 'a' ignore missing", " ['a', 'b']", " 'a' ~ 'b'", " '"] {
            assert_eq!(literal(rest), None, "{rest}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_through(text in "[{}%# '\"\\\\a.raw\u{e4}\n-]{0,60}") {
            let tags = tags(&text);
            for tag in &tags {
                prop_assert_eq!(&text[tag.at..tag.at + tag.inner.len()], tag.inner);
            }
            if let Some(at) = place_of(&tags, "a") {
                place(&text, at);
            }
        }
    }
}
