//! The door to versions of prompts, and to the labels that point to them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::StorageError;

/// A prompt as it is when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptText {
    /// Its name.
    pub name: Arc<str>,
    /// The hash of its text and of what it includes.
    pub hash: Arc<str>,
    /// The name of its file, whose ending says how the text is read.
    pub file: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// The texts of what it includes, by the names of their files.
    pub parts: BTreeMap<String, String>,
}

impl PromptText {
    /// A prompt that includes nothing.
    pub fn new(
        name: impl Into<Arc<str>>,
        hash: impl Into<Arc<str>>,
        file: impl Into<Arc<str>>,
        text: impl Into<Arc<str>>,
    ) -> Self {
        let (name, hash, file, text) = (name.into(), hash.into(), file.into(), text.into());
        Self { name, hash, file, text, parts: BTreeMap::new() }
    }

    /// The same with the texts of what it includes.
    pub fn with_parts(mut self, parts: BTreeMap<String, String>) -> Self {
        self.parts = parts;
        self
    }
}

/// A version of a prompt. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptVersion {
    /// Which of its prompt's it is, from 1.
    pub number: u32,
    /// What it says.
    pub prompt: PromptText,
    /// When it was first used.
    pub first_used: DateTime<Utc>,
}

impl PromptVersion {
    /// The version of this number.
    pub fn new(number: u32, prompt: PromptText, first_used: DateTime<Utc>) -> Self {
        Self { number, prompt, first_used }
    }
}

/// That a label was set to a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LabelMove {
    /// The prompt.
    pub name: Arc<str>,
    /// The label.
    pub label: Arc<str>,
    /// The number of the version.
    pub version: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Arc<str>,
}

impl LabelMove {
    /// A move.
    pub fn new(
        name: impl Into<Arc<str>>,
        label: impl Into<Arc<str>>,
        version: u32,
        at: DateTime<Utc>,
        by: impl Into<Arc<str>>,
    ) -> Self {
        Self { name: name.into(), label: label.into(), version, at, by: by.into() }
    }
}

/// Keeps versions of prompts and where labels point. Times are kept to the millisecond.
#[async_trait]
pub trait PromptStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a prompt that is used at `now`, and returns its number: that of an earlier use if its name and its hash are
    /// known, else the next one of its name.
    ///
    /// # Errors
    /// The storage failed.
    async fn keep_prompt(&self, prompt: PromptText, now: DateTime<Utc>) -> Result<u32, StorageError>;

    /// The versions of one prompt, or of all of them, by name and number.
    ///
    /// # Errors
    /// The storage failed.
    async fn prompt_versions(&self, name: Option<&str>) -> Result<Vec<PromptVersion>, StorageError>;

    /// Sets a label to a version, or back to where it stood before, and returns the version that it points to. One that
    /// was set back can be set back further. `None` without such a version, or nothing to go back to; then nothing changes.
    ///
    /// # Errors
    /// The storage failed.
    async fn move_label(
        &self,
        name: &str,
        label: &str,
        version: Option<u32>,
        now: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<u32>, StorageError>;

    /// How the labels of one prompt, or of all of them, were moved, the last one at the end.
    ///
    /// # Errors
    /// The storage failed.
    async fn label_moves(&self, name: Option<&str>) -> Result<Vec<LabelMove>, StorageError>;
}
