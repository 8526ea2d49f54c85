//! The form of the files.

use chrono::{DateTime, Utc};
use forge_core::storage::{StorageError, StorageErrorKind, journal::JournalError};
use serde::{Deserialize, Serialize};

/// The version of the files. A newer one is refused.
pub(super) const VERSION: u32 = 1;

/// Who may write.
#[derive(Debug, Serialize, Deserialize, Default)]
pub(super) struct Claimed {
    pub(super) version: u32,
    pub(super) fence: u64,
    pub(super) holder: String,
    pub(super) until: Option<DateTime<Utc>>,
}

/// One append.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    v: u32,
    crc: u32,
    pub(super) entries: Vec<String>,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary_crc: Option<u32>,
}

/// What a list says of a stream whose file is so long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Info {
    pub(super) length: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    /// JSON.
    pub(super) summary: Option<String>,
}

impl Line {
    pub(super) fn new(entries: Vec<String>, summary: Option<String>) -> Self {
        let summary_crc = summary.as_ref().map(|text| crc32fast::hash(text.as_bytes()));
        Self { v: VERSION, crc: checksum(&entries), entries, summary, summary_crc }
    }

    /// A line as it stands in a file; `None` if it is not whole.
    pub(super) fn read(line: &[u8]) -> Result<Option<Self>, JournalError> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        if let Ok(Version { v }) = serde_json::from_slice(line)
            && v > VERSION
        {
            return Err(newer(v));
        }
        let line: Option<Self> = serde_json::from_slice(line).ok();
        Ok(line.filter(Self::is_whole))
    }

    fn is_whole(&self) -> bool {
        let summary = self.summary.as_ref().map(|text| crc32fast::hash(text.as_bytes()));
        self.crc == checksum(&self.entries) && self.summary_crc == summary
    }
}

pub(super) fn newer(found: u32) -> JournalError {
    let text = format!("the journal has version {found}; this program reads up to {VERSION}");
    StorageError::new(StorageErrorKind::Foreign, "read the journal", text).into()
}

fn checksum(entries: &[String]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for entry in entries {
        hasher.update(&(entry.len() as u64).to_le_bytes());
        hasher.update(entry.as_bytes());
    }
    hasher.finalize()
}
