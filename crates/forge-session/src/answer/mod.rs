//! Reading what models answer. Every stage asks for JSON and takes much else: fenced JSON, JSON inside prose,
//! slightly broken JSON, and headed Markdown. What cannot be understood is left out; nothing is made up.

#[cfg(test)]
mod corpus;
mod critique;
mod decision;
mod document;
mod echo;
mod edits;
mod lenient;
mod markdown;
pub(crate) mod reasoning;
mod refusal;
mod repetition;
mod revision;
mod severity;
mod strict;
mod terms;
#[cfg(test)]
mod tests;
mod verdicts;

use serde_json::Value;

pub use self::terms::{
    Category, Conflict, Disposition, DispositionKind, Edit, FindingId, Remark, Severity, Strength, Verdict,
};
pub(crate) use self::{refusal::is_refusal, repetition::Loop};

/// What an answer is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any text.
    Document,
    Critique,
    Revision,
    Check,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    Document(String),
    Critique(Critique),
    Revision(Revision),
    Check(Check),
    /// Not in any form that is understood.
    Unreadable,
    /// It says two things that exclude each other: two documents, or a finding that is settled and is not.
    Contradictory,
}

/// One critic's reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Critique {
    pub(crate) strengths: Vec<Strength>,
    pub(crate) findings: Vec<Remark>,
}

/// The synthesizer's reply. A reply to a repair may have no document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Revision {
    pub(crate) document: Option<String>,
    pub(crate) dispositions: Vec<Disposition>,
    pub(crate) conflicts: Vec<Conflict>,
}

/// The checker's reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Check {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) new_findings: Vec<Remark>,
}

/// Reads an answer. What the model thought before it answered is no part of it.
pub(crate) fn read(form: Form, text: &str) -> Reading {
    let text = reasoning::strip(text);
    match form {
        Form::Document => document::read(&text).map_or(Reading::Unreadable, Reading::Document),
        Form::Critique => critique::read(&text).map_or(Reading::Unreadable, Reading::Critique),
        Form::Revision => revision::read(&text),
        Form::Check => verdicts::read(&text),
    }
}

/// The lines of a text with their ends, and where each begins.
fn offsets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

/// Three or more backticks or tildes at the beginning of a line, and what follows them.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    ['`', '~'].iter().find_map(|c| {
        let length = line.len() - line.trim_start_matches(*c).len();
        let (mark, info) = line.split_at(length);
        (length >= 3 && !info.contains('`')).then(|| (mark, info.trim()))
    })
}

/// Every line with its end, and whether it is part of fenced code or of its fence.
fn fenced_lines(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut open: Option<&str> = None;
    text.split_inclusive('\n').map(move |line| match (open, fence(line)) {
        (None, Some((mark, _))) => {
            open = Some(mark);
            (line, true)
        }
        (Some(first), Some((mark, ""))) if mark.starts_with(first) => {
            open = None;
            (line, true)
        }
        _ => (line, open.is_some()),
    })
}

/// The member of an object under any of these names, written in any case, with or without `_`, `-` or blanks. Of
/// several under one name, the first that says something.
fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let members = value.as_object()?;
    names.iter().find_map(|name| {
        let mut named = members.iter().filter(|(key, _)| plain(key) == *name).map(|(_, value)| value);
        let says_something = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        named.clone().find(says_something).or_else(|| named.next())
    })
}

fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The text of a member: a string, a number, or several of them in lines.
fn text(value: &Value, names: &[&str]) -> String {
    fn flat(value: &Value) -> String {
        match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join("\n"),
            Value::Null | Value::Bool(_) | Value::Object(_) => String::new(),
        }
    }
    field(value, names).map(flat).unwrap_or_default()
}

fn items<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    field(value, names).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn category(word: &str) -> Option<Category> {
    let word = plain(word);
    Category::ALL.into_iter().find(|category| plain(category.as_str()) == word)
}

/// `F12`, `f-12`, `Finding 12`, `12`, with anything after it that is not a digit.
fn finding_id(text: &str) -> Option<FindingId> {
    let text = text.trim().trim_start_matches(['[', '(', '*', '#', '`', ' ']);
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("finding").or_else(|| lower.strip_prefix('f')).unwrap_or(&lower);
    let rest = rest.trim_start_matches([' ', '-', '_', '#', ':']);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let follows = rest[end..].chars().next();
    if follows.is_some_and(char::is_alphanumeric) {
        return None;
    }
    rest[..end].parse().ok().map(FindingId)
}
