//! Detection matrices: which participants found which issues, as somebody measured it.

mod csv;
mod json;

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

/// Which of the participants found which issues, and how many of their claims were false.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Matrix {
    /// The participants.
    pub participants: Vec<String>,
    /// The issues.
    pub issues: Vec<MatrixIssue>,
    /// Claims that match no issue, by change and participant; `None` where nobody counted them. A participant that is
    /// left out made none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_claims: Option<BTreeMap<String, BTreeMap<String, u64>>>,
}

/// One issue that there is, whether or not somebody found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MatrixIssue {
    /// The change or the document that it is in; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Its name or number; empty if it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub issue: String,
    /// How bad it is, in the words of whoever measured; `None` if nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The participants that found it.
    pub found_by: Vec<String>,
}

/// Why a matrix cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not in the form of a matrix.
    #[error("{file}:{line}: {what}")]
    Form {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to write.
        what: String,
    },
}

impl MatrixIssue {
    /// An issue of a change, and the participants that found it.
    pub fn new(
        change: impl Into<String>,
        issue: impl Into<String>,
        severity: impl Into<String>,
        found_by: Vec<String>,
    ) -> Self {
        Self { change: Some(change.into()), issue: issue.into(), severity: Some(severity.into()), found_by }
    }
}

impl Matrix {
    /// A matrix of these participants, without false claims.
    pub fn new(participants: Vec<String>, issues: Vec<MatrixIssue>) -> Self {
        Self { participants, issues, false_claims: None }
    }

    /// Reads a file: JSON if its name ends in `.json`, else CSV.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no matrix, with the line.
    pub fn read(path: &Path) -> Result<Self, MatrixError> {
        let (name, text) = text_of(path)?;
        let is_json = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json"));
        let matrix = if is_json { json::matrix(&name, &text) } else { csv::matrix(&name, &text) };
        matrix.and_then(|matrix| matrix.checked(&name))
    }

    /// Adds how many claims of each participant match no issue, from a CSV file with a column for the change and one for each
    /// participant.
    ///
    /// # Errors
    /// A file that cannot be read, that lacks a participant, or that holds anything but counts, with the line.
    pub fn with_false_claims(mut self, path: &Path) -> Result<Self, MatrixError> {
        let (name, text) = text_of(path)?;
        self.false_claims = Some(csv::false_claims(&name, &text, &self.participants)?);
        Ok(self)
    }

    /// The same for some of the participants, in this order; or the name that none of them has.
    pub fn of(mut self, participants: &[String]) -> Result<Self, String> {
        if let Some(unknown) = participants.iter().find(|one| !self.participants.contains(one)) {
            return Err(unknown.clone());
        }
        for issue in &mut self.issues {
            issue.found_by.retain(|one| participants.contains(one));
        }
        for claims in self.false_claims.iter_mut().flat_map(BTreeMap::values_mut) {
            claims.retain(|one, _| participants.contains(one));
        }
        participants.clone_into(&mut self.participants);
        Ok(self)
    }

    /// The same, if it says something.
    fn checked(self, file: &str) -> Result<Self, MatrixError> {
        let form = |what: String| MatrixError::Form { file: file.to_owned(), line: 1, what };
        let mut seen: Vec<&String> = Vec::new();
        for one in &self.participants {
            if one.trim().is_empty() || seen.contains(&one) {
                return Err(form(format!("the participant {one:?} has no name of its own")));
            }
            seen.push(one);
        }
        let known = |one: &&String| !self.participants.contains(one);
        if let Some(unknown) = self.issues.iter().flat_map(|issue| &issue.found_by).find(known) {
            return Err(form(format!("`{unknown}` found an issue and is no participant")));
        }
        match (self.participants.len(), self.issues.len()) {
            (2..=64, 1..) => Ok(self),
            (_, 0) => Err(form("there are no issues; write a row for each, found or not".to_owned())),
            (count, _) => {
                Err(form(format!("there are {count} participants; a panel is chosen from 2 to 64")))
            }
        }
    }
}

fn text_of(path: &Path) -> Result<(String, String), MatrixError> {
    let name = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(source) => Err(MatrixError::Unreadable { path: name, source }),
    }
}

#[cfg(test)]
mod tests;
