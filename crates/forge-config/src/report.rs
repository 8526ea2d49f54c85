//! What the author of a file is told.

use std::{error::Error, fmt};

use serde::Serialize;

use crate::{path::KeyPath, place::Place, problem::Problem};

/// One problem with its place in the file.
///
/// `Display` gives
/// `forge.yaml:12:15: error[E110]: roles.critic.fallback[1]: there is no provider or pool `frist`; did you mean `first`?`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// A stable code: those of [`code`](crate::code) and of the sections.
    pub code: &'static str,
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key that it is about; the root for a problem with the whole file.
    pub path: KeyPath,
    /// What is wrong.
    pub message: String,
    /// What to write instead; `None` where that is not clear.
    pub hint: Option<String>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; its author should know.
    Warning,
}

impl Report {
    /// That `problem` is at `place` of `file`.
    pub fn new(file: &str, place: Place, problem: Problem) -> Self {
        Self {
            severity: if problem.is_warning() { Severity::Warning } else { Severity::Error },
            code: problem.code,
            file: file.to_owned(),
            line: place.line,
            column: place.column,
            path: problem.path,
            message: problem.message,
            hint: problem.hint,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut text = format!("{}:{}:{}: {severity}[{}]: ", self.file, self.line, self.column, self.code);
        if !self.path.is_root() {
            text = format!("{text}{}: ", self.path);
        }
        text.push_str(&self.message);
        if let Some(hint) = &self.hint {
            text = format!("{text}; {hint}");
        }
        // A name in the file may hold anything; a report stays one line.
        f.write_str(&text.replace(char::is_control, "\u{fffd}"))
    }
}

/// The file cannot be used: at least one report is an [`Error`](Severity::Error). `Display` gives a report a
/// line.
#[derive(Debug)]
pub struct ConfigError {
    /// Every mistake and every warning, in the order of the file.
    pub reports: Vec<Report>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.reports.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for ConfigError {}
