//! A bead that is to be added.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{
    bead::{BeadId, BeadKind, BeadStatus, USUAL_PRIORITY},
    source::{BeadFile, written},
};

/// Digits of a made id: one in two thousand million.
const DIGITS: usize = 6;

/// What is said of a bead that is to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewBead {
    /// What it is about, in one line.
    pub title: String,
    /// Its id; `None` makes one.
    pub id: Option<BeadId>,
    /// What has to be done.
    pub description: String,
    /// When it counts as done.
    pub acceptance: String,
    /// What kind of work it is.
    pub kind: BeadKind,
    /// 0 is the most urgent, 4 the least.
    pub priority: u8,
    /// Words that it is filed under.
    pub labels: Vec<String>,
    /// The beads that have to be closed before.
    pub blocked_by: Vec<BeadId>,
    /// The bead that it is a part of.
    pub parent: Option<BeadId>,
}

impl NewBead {
    /// A task of the usual priority.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            id: None,
            description: String::new(),
            acceptance: String::new(),
            kind: BeadKind::Task,
            priority: USUAL_PRIORITY,
            labels: Vec::new(),
            blocked_by: Vec::new(),
            parent: None,
        }
    }

    /// The id, made from the title and the time where none was given: two clones of a repository make different ones.
    pub(super) fn id(&self, file: &BeadFile, workspace: &str, now: DateTime<Utc>) -> Option<BeadId> {
        if let Some(id) = &self.id {
            return Some(id.clone());
        }
        let prefix =
            file.beads().next().and_then(|bead| bead.id.as_str().rsplit_once('-')).map(|(prefix, _)| prefix);
        let prefix = prefix.map_or_else(|| folder(workspace), str::to_owned);
        let ids = (0..1_000).filter_map(|turn: u16| {
            let mut hasher = DefaultHasher::new();
            (&self.title, now.timestamp_nanos_opt(), turn).hash(&mut hasher);
            BeadId::new(format!("{prefix}-{}", digits(hasher.finish()))).ok()
        });
        ids.into_iter().find(|id| file.bead(id).is_none())
    }

    /// Its line.
    pub(super) fn line(&self, id: &BeadId, now: DateTime<Utc>) -> String {
        let at = written(now);
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
        put("id", id.as_str().into());
        put("title", self.title.as_str().into());
        for (key, text) in [("description", &self.description), ("acceptance_criteria", &self.acceptance)] {
            if !text.is_empty() {
                put(key, text.as_str().into());
            }
        }
        put("status", BeadStatus::Open.as_str().into());
        put("priority", self.priority.into());
        put("issue_type", self.kind.as_str().into());
        put("created_at", at.as_str().into());
        put("updated_at", at.as_str().into());
        if !self.labels.is_empty() {
            put("labels", self.labels.clone().into());
        }
        let blocked_by = self.blocked_by.iter().map(|on| (on, "blocks"));
        let rows = blocked_by.chain(self.parent.iter().map(|parent| (parent, "parent-child")));
        let rows: Vec<_> = rows
            .map(|(on, kind)| {
                json!({"issue_id": id.as_str(), "depends_on_id": on.as_str(), "type": kind, "created_at": at})
            })
            .collect();
        if !rows.is_empty() {
            put("dependencies", rows.into());
        }
        Value::from(line).to_string()
    }
}

/// The name of the workspace as the beginning of an id.
fn folder(workspace: &str) -> String {
    let name = Path::new(workspace).file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name: String =
        name.iter().flat_map(|name| name.chars()).filter(char::is_ascii_alphanumeric).take(16).collect();
    if name.is_empty() { "bead".to_owned() } else { name }
}

fn digits(mut number: u64) -> String {
    const DIGIT: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let digit = || {
        let digit = DIGIT[usize::try_from(number % 36).unwrap_or_default()];
        number /= 36;
        char::from(digit)
    };
    std::iter::repeat_with(digit).take(DIGITS).collect()
}
