//! A file of another program, read with the same care.

use serde_json::Value as Json;

use crate::{
    path::KeyPath,
    place::Place,
    problem::About,
    report::{ConfigError, Report},
    yaml::{self, Document},
};

/// What stands in a YAML file that has no sections of ours, and where.
#[derive(Debug)]
pub struct Tree {
    /// What it holds, as JSON: numbers and truth values as YAML's core schema reads them.
    pub value: Json,
    document: Document,
}

impl Tree {
    /// Reads the `text` of the file that reports call `file`.
    ///
    /// # Errors
    /// It is not YAML, too large, or holds no mapping.
    pub fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        let refused = |reports| ConfigError { reports };
        let mut document =
            yaml::parse(text).map_err(|(place, problem)| refused(vec![Report::new(file, place, problem)]))?;
        let early = std::mem::take(&mut document.problems).into_iter();
        let reports: Vec<Report> = early.map(|(place, problem)| Report::new(file, place, problem)).collect();
        // There is no schema by which anybody would notice what was left out.
        if !reports.is_empty() {
            return Err(refused(reports));
        }
        let value = serde_json::to_value(std::mem::take(&mut document.value)).unwrap_or_default();
        Ok(Self { value, document })
    }

    /// Where the key at `path` is written, or the nearest thing above it; at worst the beginning of the file.
    pub fn place(&self, path: &KeyPath) -> Place {
        self.document.place(path, About::Key)
    }
}
