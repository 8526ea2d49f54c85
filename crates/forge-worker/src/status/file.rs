//! The status file that other programs read and write, in all the shapes it has had.

use std::{
    collections::HashMap,
    fs::OpenOptions,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use chrono::{DateTime, SecondsFormat, Utc};
use rustix::fs::OFlags;
use serde_json::{Map, Value};

use crate::{private, state::WorkerStatus, tier::WorkerTier};

/// A status is a few lines.
const MOST: u64 = 64 * 1024;

/// A status file as read. What is missing is `None`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkerStatusFile {
    /// Whose it is.
    pub worker_id: String,
    /// How it is.
    pub status: WorkerStatus,
    /// The task, as `fg-123: title`.
    pub current_task: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// What it costs and can do.
    pub tier: Option<WorkerTier>,
    /// The number of its process.
    pub pid: Option<i32>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When the file was last written.
    pub last_update: Option<DateTime<Utc>>,
    /// Everything else that stands in it.
    pub rest: Map<String, Value>,
}

/// Why a status file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusFileError {
    /// A link, no regular file, larger than 64 KiB, or not to be read.
    #[error("the status file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is no status.
    #[error("the status file is damaged: {0}")]
    Damaged(String),
}

impl WorkerStatusFile {
    /// Reads the text of a status file.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusFileError> {
        let damaged = |what: &str| StatusFileError::Damaged(what.to_owned());
        let value: Value = serde_json::from_slice(bytes).map_err(|error| damaged(&error.to_string()))?;
        let Value::Object(mut fields) = value else { return Err(damaged("it is no object")) };
        let mut take = |names: &[&str]| names.iter().find_map(|name| fields.shift_remove(*name));
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let worker_id =
            text(take(&["worker_id", "id", "worker"])).ok_or_else(|| damaged("it names no worker"))?;
        let word = text(take(&["status"]).map(inner)).ok_or_else(|| damaged("it has no status"))?;
        let status =
            WorkerStatus::from_word(&word).ok_or_else(|| damaged(&format!("the status `{word}`")))?;
        let current_task = take(&["current_task", "current_bead", "task"]).and_then(|value| task(&value));
        let model = text(take(&["model"]));
        let tier = text(take(&["tier"])).and_then(|tier| tier.to_ascii_lowercase().parse().ok());
        // 0 was written for "none yet".
        let pid = take(&["pid"]).and_then(|pid| number(&pid)).and_then(|pid| i32::try_from(pid).ok());
        let started_at = take(&["started_at", "created_at"]).and_then(|at| time(&at));
        let last_update = take(&["last_update", "last_activity", "updated_at"]).and_then(|at| time(&at));
        let pid = pid.filter(|pid| *pid > 0);
        Ok(Self { worker_id, status, current_task, model, tier, pid, started_at, last_update, rest: fields })
    }

    /// The file as it is written: the keys that every reader knows, then everything else.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true));
        let mut fields = Map::from_iter([
            ("worker_id".to_owned(), self.worker_id.clone().into()),
            ("status".to_owned(), self.status.as_str().into()),
            ("current_task".to_owned(), self.current_task.clone().into()),
            ("model".to_owned(), self.model.clone().into()),
            ("tier".to_owned(), self.tier.map(WorkerTier::as_str).into()),
            ("pid".to_owned(), self.pid.into()),
            ("started_at".to_owned(), at(self.started_at).into()),
            ("last_update".to_owned(), at(self.last_update).into()),
        ]);
        fields.extend(self.rest.clone());
        fields.into()
    }
}

/// A status that was once an object with its word inside.
fn inner(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            let word = fields.shift_remove("state").or_else(|| fields.shift_remove("type"));
            word.unwrap_or(Value::Null)
        }
        value => value,
    }
}

/// A task as text, or as an object with id and title.
fn task(value: &Value) -> Option<String> {
    let text = |value: Option<&Value>| value?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match value {
        Value::Object(fields) => {
            let id = text(fields.get("bead_id").or_else(|| fields.get("id")));
            let title = text(fields.get("bead_title").or_else(|| fields.get("title")));
            match (id, title) {
                (Some(id), Some(title)) => Some(format!("{id}: {title}")),
                (id, title) => id.or(title),
            }
        }
        value => text(Some(value)),
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// RFC 3339, or seconds or milliseconds since 1970.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    if let Some(text) = value.as_str().filter(|text| text.contains('T')) {
        return DateTime::parse_from_rfc3339(text).ok().map(Into::into);
    }
    let number = number(value)?;
    // Seconds reach this figure in the year 5138.
    if number < 100_000_000_000 {
        DateTime::from_timestamp(number, 0)
    } else {
        DateTime::from_timestamp_millis(number)
    }
}

/// Reads status files, and takes one that is being written for what it was before.
#[derive(Debug, Default)]
pub struct StatusReader {
    before: HashMap<PathBuf, WorkerStatusFile>,
}

impl StatusReader {
    /// One that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The status in this file; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where it is a link, no regular file, larger than 64 KiB; and where it is damaged and no earlier reading is known.
    pub fn read(&mut self, path: &Path) -> Result<Option<WorkerStatusFile>, StatusFileError> {
        let Some(bytes) = private::read(path, MOST)? else {
            self.before.remove(path);
            return Ok(None);
        };
        match WorkerStatusFile::parse(&bytes) {
            Ok(status) => {
                self.before.insert(path.to_owned(), status.clone());
                Ok(Some(status))
            }
            Err(error) => self.before.get(path).cloned().map(Some).ok_or(error),
        }
    }
}

/// The last `most` bytes of a file; `None` where there is none.
pub(crate) fn tail(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut file = private::open(path, OpenOptions::new().read(true), OFlags::NONBLOCK).ok()?;
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
