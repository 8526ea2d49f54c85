//! Reading what models answer. Every stage asks for JSON and takes much else: fenced JSON, JSON inside prose,
//! slightly broken JSON, and headed Markdown. What cannot be understood is left out; nothing is made up.

mod critique;
mod lenient;
mod markdown;
mod revision;
mod strict;
mod terms;
#[cfg(test)]
mod tests;
mod verdicts;

use serde_json::Value;

pub use self::terms::{
    Category, Conflict, Decision, Disposition, Edit, FindingId, Remark, Severity, Strength, Verdict,
};

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

impl Critique {
    fn of(findings: Vec<Remark>) -> Self {
        Self { findings, ..Self::default() }
    }
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

/// Reads an answer.
pub(crate) fn read(form: Form, text: &str) -> Reading {
    match form {
        Form::Document => document(text).map_or(Reading::Unreadable, Reading::Document),
        Form::Critique => critique::read(text).map_or(Reading::Unreadable, Reading::Critique),
        Form::Revision => revision::read(text).map_or(Reading::Unreadable, Reading::Revision),
        Form::Check => verdicts::read(text).map_or(Reading::Unreadable, Reading::Check),
    }
}

/// A document is any text; a fence around the whole of it is taken off.
fn document(text: &str) -> Option<String> {
    let text = text.trim();
    let fenced = text.strip_prefix("```markdown").or_else(|| text.strip_prefix("```md"));
    let text = fenced.and_then(|inner| inner.trim_end().strip_suffix("```")).unwrap_or(text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The member of an object under any of these names, written in any case, with or without `_`, `-` or blanks.
fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let members = value.as_object()?;
    names.iter().find_map(|name| members.iter().find(|(key, _)| plain(key) == *name).map(|(_, value)| value))
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

fn severity(word: &str) -> Option<Severity> {
    match plain(word).as_str() {
        "critical" | "blocker" | "blocking" | "severe" | "fatal" => Some(Severity::Critical),
        "major" | "high" | "serious" | "important" => Some(Severity::Major),
        "minor" | "medium" | "moderate" | "low" => Some(Severity::Minor),
        "nit" | "nitpick" | "trivial" | "cosmetic" | "style" => Some(Severity::Nit),
        _ => None,
    }
}

/// `major`, `Major - must be changed`, `major (blocking)`.
fn rated(text: &str) -> Option<Severity> {
    severity(text)
        .or_else(|| severity(text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty())?))
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

/// Stand-in until the readers' branch is merged.
pub(crate) fn is_refusal(_text: &str) -> bool {
    false
}

/// Stand-in until the readers' branch is merged.
pub(crate) mod reasoning {
    pub(crate) fn strip(text: &str) -> std::borrow::Cow<'_, str> {
        text.into()
    }
}
