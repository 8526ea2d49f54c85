//! Readers of the answers of each stage. A stage asks for JSON and accepts fenced JSON, JSON inside prose, slightly broken
//! JSON, and headed Markdown as well. What cannot be read is left out; nothing is made up.

#[cfg(test)]
mod corpus;
mod critique;
mod decision;
mod edits;
mod from_markdown;
mod revision;
mod severity;
mod terms;
#[cfg(test)]
mod tests;
mod unfilled;
mod verdicts;
mod words;

use forge_prompt::{
    json::{self, Fit, Found},
    markdown, normalize, strip_reasoning,
};
use serde_json::Value;

pub use self::terms::{
    Category, Conflict, Disposition, DispositionKind, Edit, FindingId, Issue, Severity, Strength, Verdict,
};

/// The expected form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any text.
    Document,
    Critique,
    Revision,
    Check,
}

/// A parsed answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    Document(String),
    Critique(Critique),
    Revision(Revision),
    Check(Check),
    /// No known form.
    Unreadable,
    /// Two statements that exclude each other: two documents, or a finding that is settled and is not.
    Contradictory,
}

/// One critic's reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Critique {
    pub(crate) strengths: Vec<Strength>,
    pub(crate) findings: Vec<Issue>,
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
    pub(crate) new_findings: Vec<Issue>,
}

/// Reads an answer without the reasoning before it, which may hold drafts of the answer.
pub(crate) fn read(form: Form, text: &str) -> Reading {
    let text = strip_reasoning(text);
    match form {
        Form::Document => markdown::document(&text).map_or(Reading::Unreadable, Reading::Document),
        Form::Critique => critique::read(&text).map_or(Reading::Unreadable, Reading::Critique),
        Form::Revision => revision::read(&text),
        Form::Check => verdicts::read(&text),
    }
}

/// Every JSON value of an answer, and what of it `reads`.
fn values<T>(text: &str, reads: &impl Fn(&Value) -> Option<T>) -> Vec<Found<T>> {
    json::values(text, &|value| match reads(value) {
        None if is_schema(value) => Fit::None,
        read => Fit::of(read),
    })
}

/// A JSON Schema that was sent back. What has a severity beside its type is a finding.
fn is_schema(value: &Value) -> bool {
    json::is_schema(value) && (value.get("$schema").is_some() || value.get("severity").is_none())
}

/// The category that a word names, if it is one.
fn category(word: &str) -> Option<Category> {
    let word = normalize(word);
    Category::ALL.into_iter().find(|category| normalize(category.as_str()) == word)
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
