//! What a workflow is asked to do, and by whom it is done.

use std::{path::PathBuf, time::Duration};

use forge_core::{Money, Participant};
use forge_edit::EditFormat;
use serde::{Deserialize, Serialize};

use crate::agent::AgentLimits;

/// What a workflow is asked to do. It stands in the journal, so that a later run does the same with other settings around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Brief {
    /// The task in the words of whoever asks.
    pub task: String,
    /// The folder of the user.
    pub workspace: PathBuf,
    /// The session that it is part of, for accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Whether the user's folder itself is worked in, and no worktree beside it.
    #[serde(default)]
    pub here: bool,
    /// Whether nobody is asked: plans are approved and questions become assumptions.
    #[serde(default)]
    pub unattended: bool,
    /// What has to succeed after each task, in this order.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Who does what.
    pub casting: Casting,
    /// The formats in which edits are asked for: the next one where a model does not keep to one.
    pub formats: Vec<EditFormat>,
    /// Money for all calls.
    #[serde(rename = "money_nano_usd", default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// Tokens for all calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

impl Brief {
    /// A task in a folder, with a worktree of its own, without checks and caps.
    pub fn new(task: impl Into<String>, workspace: impl Into<PathBuf>, casting: Casting) -> Self {
        Self {
            task: task.into(),
            workspace: workspace.into(),
            session: None,
            here: false,
            unattended: false,
            checks: Vec::new(),
            casting,
            formats: vec![EditFormat::SearchReplace, EditFormat::Whole],
            money: None,
            tokens: None,
        }
    }
}

/// Who does what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Casting {
    /// Asks what the task leaves open; nobody does if unset.
    pub clarifier: Option<Cast>,
    /// Makes the plan.
    pub planner: Cast,
    /// Writes the edits.
    pub editor: Cast,
    /// Reads the change; nobody does if unset.
    pub reviewer: Option<Cast>,
}

impl Casting {
    /// A planner and an editor.
    pub fn new(planner: Cast, editor: Cast) -> Self {
        Self { clarifier: None, planner, editor, reviewer: None }
    }
}

/// Who is asked, and how far an agent may go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cast {
    /// A role of a router, or a model.
    pub participant: Participant,
    /// How far it may go.
    #[serde(default)]
    pub limits: AgentLimits,
    /// Randomness, if it is not the model's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

impl Cast {
    /// Somebody with the usual limits.
    pub fn new(participant: Participant) -> Self {
        Self { participant, limits: AgentLimits::default(), temperature: None }
    }

    /// The same within these limits.
    pub fn with_limits(mut self, limits: AgentLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with this randomness.
    pub fn with_temperature(mut self, temperature: impl Into<Option<f64>>) -> Self {
        self.temperature = temperature.into();
        self
    }
}

/// A command that has to succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// The program and its arguments; no shell reads them.
    pub run: Vec<String>,
    /// How long it may take; in JSON in milliseconds, as `timeout_ms`. Then it is ended with all that it started.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
}

impl Check {
    /// A command that may take ten minutes.
    pub fn new(run: Vec<String>) -> Self {
        Self { run, timeout: Duration::from_mins(10) }
    }

    /// The same with this much time.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
