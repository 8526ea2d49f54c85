//! The marks in a line of Markdown.

use forge_prompt::{markdown::split_field, normalize};

use super::super::{Category, Severity, category, severity};

/// A field of a finding.
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
    /// The field that a name stands for, however it is written.
    pub(super) fn of(name: &str) -> Option<Self> {
        match normalize(name).as_str() {
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
        let (name, value) = split_field(line, |name| Self::of(name).is_some())?;
        Some((Self::of(name)?, name, value.to_owned()))
    }
}

/// `F1`, `Finding 2`, `3`: a number and no title.
pub(super) fn is_label(text: &str) -> bool {
    let name = normalize(text);
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    word.len() < name.len() && ["", "f", "no", "finding", "issue", "problem", "fault"].contains(&word)
}

/// Whether a heading only numbers a finding: `Finding 1`, `Issue 2: title`, `F3`.
pub(super) fn numbered(text: &str) -> bool {
    let first = text.split([':', '—', '–']).next().unwrap_or_default();
    normalize(first).chars().any(|c| c.is_ascii_digit()) && first.split_whitespace().count() <= 2
}

/// The severity and category that mark a text, and the rest of it. The severity stands among the first words,
/// set apart by brackets, bold, a colon or a dash, or alone; or a traffic light stands for it.
pub(super) fn mark(text: &str) -> Option<(Severity, Option<Category>, String)> {
    in_brackets(text).or_else(|| after_title(text)).or_else(|| mark_in_words(text)).or_else(|| {
        let (severity, rest) = severity::of_light(text.trim_start_matches(['*', ' ']))?;
        Some((severity, None, rest.trim_matches(['*', ' ', ':', '—', '–', '-']).to_owned()))
    })
}

/// `[S3] text`: brackets may hold any name of a severity.
fn in_brackets(text: &str) -> Option<(Severity, Option<Category>, String)> {
    let (word, rest) = text.trim_start_matches(['*', '`']).strip_prefix('[')?.split_once(']')?;
    // `[text](address)` is a link, and `[text]:` defines one.
    let is_mark = severity::tokens(word).count() <= 3 && word.len() <= 40 && !rest.starts_with(['(', ':']);
    let severity = severity::of_field(word).filter(|_| is_mark && in_mark(word).is_none())?;
    Some((severity, None, rest.trim_start_matches(['*', '`', ' ', ':', '-', '—', '–']).to_owned()))
}

/// `**Title** [Major]: text`, `**Title (Major)** - text`: brackets that hold nothing but marks.
fn after_title(text: &str) -> Option<(Severity, Option<Category>, String)> {
    let open = text.find(['(', '[', '（', '【']).filter(|at| *at > 0)?;
    let (title, tail) = text.split_at(open);
    let (marks, rest) = tail.split_once([')', ']', '）', '】'])?;
    let words: Vec<&str> = severity::tokens(marks).collect();
    let known = |word: &&str| severity::of_mark(word).is_some() || is_label_word(word);
    let severity = in_mark(marks).filter(|_| words.iter().all(known))?;
    let rest = rest.trim_start_matches(['*', '_', ' ']);
    let text = rest.strip_prefix([':', '：', '—', '–', '-'])?.trim_start_matches(['*', ' ']);
    let title = title.trim_start_matches(|c: char| c.is_ascii_digit() || ".)*_# ".contains(c));
    let title = title.trim_end_matches(['*', '_', ' ', ':', '—', '–', '-']);
    let is_title = title.chars().any(char::is_alphanumeric) && in_mark(title).is_none() && !is_label(title);
    let category = words.iter().find_map(|word| category(word));
    (is_title && !text.is_empty()).then(|| (severity, category, format!("{title}: {text}")))
}

/// `Major: text`, `**Critical** text`, `[Minor] security: text`: a mark in the first words.
fn mark_in_words(text: &str) -> Option<(Severity, Option<Category>, String)> {
    // The shortest head that holds a mark: what follows it is the claim and may name severities of its own.
    let head_end = text
        .match_indices([':', '：', '—', '–', '·', ']', ')', '】', '）'])
        .map(|(at, found)| at + found.len())
        .chain(text.match_indices(" - ").map(|(at, found)| at + found.len()))
        .chain(text.match_indices("** ").map(|(at, found)| at + found.len()))
        .filter(|end| *end <= 80 && in_mark(&text[..*end]).is_some())
        .min();
    let words = text.split_whitespace().count();
    let end = head_end.or_else(|| (words <= 3 && in_mark(text).is_some()).then_some(text.len()));
    let Some(end) = end else { return mark_at_end(text) };
    let (head, rest) = text.split_at(end);
    // More words are a sentence in which a severity happens to stand.
    if head.split_whitespace().count() > 5 {
        return mark_at_end(text);
    }
    let found = in_mark(head)?;
    let begins = |c: char| c.is_alphanumeric() || matches!(c, '`' | '"' | '“' | '<' | '$' | '«');
    let mut rest = rest.trim_start_matches(|c| !begins(c));
    let in_head = head.split(|c: char| !(c.is_alphanumeric() || c == '_')).find_map(category);
    let word_end =
        rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ' '))).unwrap_or(rest.len());
    let next = category(&rest[..word_end]);
    if next.is_some() {
        rest = rest[word_end..].trim_start_matches(|c| !begins(c));
    }
    let left = severity::tokens(head)
        .filter(|word| severity::of_mark(word).is_none())
        .skip_while(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let general = rest.is_empty().then(|| left.collect::<Vec<_>>().join(" "));
    Some((found, in_head.or(next), general.unwrap_or_else(|| rest.to_owned())))
}

/// `**Text** (major)`, `Text — *major, clarity*`.
fn mark_at_end(text: &str) -> Option<(Severity, Option<Category>, String)> {
    let bare = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    // `Text. Severity: major`
    if let Some((head, word)) = bare.rsplit_once([':', '：'])
        && let Some(head) = head.trim_end_matches('*').strip_suffix("everity")
        && severity::tokens(word).count() <= 3
    {
        let head = head
            .trim_end_matches(['s', 'S'])
            .trim_end_matches(|c: char| c.is_whitespace() || "(*[—–-".contains(c));
        let severity = severity::of_field(word).filter(|_| head.split_whitespace().count() > 1)?;
        return Some((severity, None, head.trim_start_matches(['*', ' ']).to_owned()));
    }
    let start = bare.rfind(['(', '[', '—', '–', '·', '（', '【'])?;
    let (head, tail) = bare.split_at(start);
    let words: Vec<&str> = severity::tokens(tail).collect();
    let found = in_mark(tail)?;
    let known = |word: &&str| severity::of_mark(word).is_some() || is_label_word(word);
    let head = head.trim_matches(|c: char| c.is_whitespace() || c == '*' || c == '_');
    let head = head.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['.', ')', ' ']);
    // With any other word, the tail is the end of the claim.
    words.iter().all(known).then(|| (found, words.iter().find_map(|word| category(word)), head.to_owned()))
}

/// `Major: …`. Words that begin any sentence of advice mark nothing there.
pub(super) fn begins_with_severity(text: &str) -> bool {
    let is_advice = |word: &str| ["important", "style", "info"].contains(&normalize(word).as_str());
    text.split_once([':', '：']).is_some_and(|(word, _)| {
        in_mark(word).is_some() && severity::tokens(word).count() <= 3 && !is_advice(word)
    }) || severity::of_light(text).is_some()
}

/// `**Major:** …`, `[Major] …`: nothing but a mark before the text, so that it marks a fault even among praise.
pub(super) fn is_only_marked(text: &str) -> bool {
    let bare = text.trim_start_matches(['*', '[', '(', ' ']);
    let end = bare.find([':', '：', '*', ']', ')', '—', '–']).unwrap_or(0);
    let known = |word: &str| severity::of_mark(word).is_some() || is_label_word(word);
    in_mark(&bare[..end]).is_some() && severity::tokens(&bare[..end]).all(known)
}

/// The severity of a mark, beside words that only label it.
fn in_mark(head: &str) -> Option<Severity> {
    severity::in_mark(head, is_label_word)
}

/// What may stand beside a severity that is no more than that.
fn is_label_word(word: &str) -> bool {
    let name = normalize(word);
    let words = [
        "severity", "priority", "level", "impact", "risk", "issue", "issues", "finding", "findings",
        "problem", "problems", "fault", "faults", "f",
    ];
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    bare.is_empty()
        || words.contains(&bare)
        || category(word).is_some()
        || name == "code"
        || name == "quality"
}
