//! The marks in a line of Markdown.

use super::super::{Category, Severity};
use super::super::{category, plain, severity};

/// What a line is, without its marks.
pub(super) enum Line {
    Heading(String),
    Item(String),
    Quote(String),
    Row(Vec<String>),
    Text(String),
    Blank,
}

impl Line {
    pub(super) fn of(line: &str) -> Self {
        let line = line.trim();
        if line.is_empty()
            || line.starts_with("```")
            || line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_'))
            || is_tag(line)
        {
            return Self::Blank;
        }
        if let Some(quote) = line.strip_prefix('>') {
            return Self::Quote(quote.trim().to_owned());
        }
        if line.starts_with('#') {
            return Self::Heading(line.trim_start_matches('#').trim().to_owned());
        }
        if let Some(row) = line.strip_prefix('|') {
            let row = row.strip_suffix('|').unwrap_or(row);
            return Self::Row(row.split('|').map(|cell| cell.trim().trim_matches('*').to_owned()).collect());
        }
        let bold = line.strip_prefix("**").and_then(|rest| rest.strip_suffix("**"));
        if let Some(heading) = bold.filter(|inner| !inner.contains("**") && !inner.trim_end().ends_with(':'))
        {
            return Self::Heading(heading.to_owned());
        }
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let numbered = (digits > 0).then(|| &line[digits..]).and_then(|rest| rest.strip_prefix(['.', ')']));
        let item = ["- ", "* ", "+ ", "• "].iter().find_map(|mark| line.strip_prefix(mark));
        match item.or(numbered) {
            Some(item) => Self::Item(item.trim().to_owned()),
            None => Self::Text(line.to_owned()),
        }
    }
}

/// `<findings>` or `</findings>` and nothing else.
fn is_tag(line: &str) -> bool {
    let inner = line.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inner.is_some_and(|name| name.trim_start_matches('/').chars().all(char::is_alphanumeric))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Severity,
    Category,
    Location,
    Quote,
    Claim,
    Change,
}

impl Field {
    pub(super) fn of(name: &str) -> Option<Self> {
        match plain(name).as_str() {
            "severity" | "level" | "priority" => Some(Self::Severity),
            "category" | "type" | "area" => Some(Self::Category),
            "location" | "where" | "section" | "line" => Some(Self::Location),
            "quote" | "excerpt" | "passage" | "text" => Some(Self::Quote),
            "claim" | "issue" | "problem" | "finding" | "description" | "comment" | "why" => {
                Some(Self::Claim)
            }
            "suggestedchange" | "suggestion" | "fix" | "recommendation" | "change" | "suggestedfix" => {
                Some(Self::Change)
            }
            _ => None,
        }
    }

    /// `**Severity:** major`, `Severity: major`, `*Quote* - text`: the field, its name as written, its value.
    pub(super) fn split(line: &str) -> Option<(Self, &str, String)> {
        let parts = [":", " - ", " – ", " — "].into_iter().filter_map(|mark| line.split_once(mark));
        let named = |(name, value)| Some((Self::of(name).filter(|_| name.len() < 30)?, name, value));
        let (field, name, value) = parts.into_iter().find_map(named)?;
        Some((field, name, value.trim().trim_start_matches('*').trim().to_owned()))
    }
}

/// `F1`, `Finding 2`, `3`: a number and no title.
pub(super) fn is_label(text: &str) -> bool {
    let name = plain(text);
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    word.len() < name.len() && ["", "f", "no", "finding", "issue", "problem", "fault"].contains(&word)
}

/// Whether a heading only numbers a finding: `Finding 1`, `Issue 2: title`, `F3`.
pub(super) fn numbered(text: &str) -> bool {
    let first = text.split([':', '—', '–']).next().unwrap_or_default();
    plain(first).chars().any(|c| c.is_ascii_digit()) && first.split_whitespace().count() <= 2
}

/// The severity and category that mark a text, and the rest of it. The severity stands among the first words,
/// set apart by brackets, bold, a colon or a dash, or alone.
pub(super) fn mark(text: &str) -> Option<(Severity, Option<Category>, String)> {
    let head_end = text
        .match_indices([':', '—', '–', '·', ']', ')'])
        .map(|(at, found)| at + found.len())
        .chain(text.match_indices(" - ").map(|(at, found)| at + found.len()))
        .chain(text.match_indices("** ").map(|(at, found)| at + found.len()))
        .filter(|end| *end <= 80 && has_severity(&text[..*end]))
        .min();
    let words = text.split_whitespace().count();
    let end = head_end.or_else(|| (words <= 3 && has_severity(text)).then_some(text.len()));
    let Some(end) = end else { return mark_at_end(text) };
    let (head, rest) = text.split_at(end);
    if head.split_whitespace().count() > 5 {
        return mark_at_end(text);
    }
    let found = head.split(|c: char| !c.is_alphanumeric()).find_map(severity)?;
    let mut rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '`' | '"' | '“'));
    let in_head = head.split(|c: char| !(c.is_alphanumeric() || c == '_')).find_map(category);
    let word_end =
        rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ' '))).unwrap_or(rest.len());
    let next = category(&rest[..word_end]);
    if next.is_some() {
        rest = rest[word_end..]
            .trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '`' | '"' | '“'));
    }
    let left = head
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && severity(word).is_none())
        .skip_while(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let general = rest.is_empty().then(|| left.collect::<Vec<_>>().join(" "));
    Some((found, in_head.or(next), general.unwrap_or_else(|| rest.to_owned())))
}

/// `**Text** (major)`, `Text — *major, clarity*`.
fn mark_at_end(text: &str) -> Option<(Severity, Option<Category>, String)> {
    let bare = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let start = bare.rfind(['(', '[', '—', '–', '·'])?;
    let (head, tail) = bare.split_at(start);
    let words: Vec<&str> =
        tail.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let found = words.iter().find_map(|word| severity(word))?;
    let known =
        |word: &&str| severity(word).is_some() || category(word).is_some() || plain(word) == "severity";
    let head = head.trim_matches(|c: char| c.is_whitespace() || c == '*' || c == '_');
    let head = head.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['.', ')', ' ']);
    words.iter().all(known).then(|| (found, words.iter().find_map(|word| category(word)), head.to_owned()))
}

/// `Major: …`
pub(super) fn begins_with_severity(text: &str) -> bool {
    text.split_once(':').is_some_and(|(word, _)| severity(word).is_some())
}

fn has_severity(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| severity(word).is_some())
}
