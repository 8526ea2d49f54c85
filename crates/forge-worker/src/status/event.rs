//! What an agent has reported and what it was sent, one line each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::file::tail;
use crate::home::WorkerPlace;

/// As much of the end of a file as can matter: the longest prompt several times.
const TAIL: u64 = 2 * 1024 * 1024;

/// An event of an agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AgentEvent {
    pub(crate) at: DateTime<Utc>,
    pub(crate) agent: String,
    pub(crate) event: String,
    /// The run that it comes from: events of an earlier one say nothing of this.
    pub(crate) run: String,
    /// What the agent told with it.
    #[serde(default)]
    pub(crate) payload: Value,
}

impl AgentEvent {
    /// A text of the payload.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.payload.get(key)?.as_str()
    }
}

/// How a delivery went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The text is about to be put in.
    Begun,
    /// The agent has a record of it.
    Delivered,
    /// It was put in; this agent keeps no record that could be asked.
    Unconfirmed,
    /// It was put in and the agent has no record of it.
    Undelivered,
}

/// A step of a delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MessageRecord {
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) run: String,
    /// The SHA-256 of the text, in hexadecimal digits.
    pub(crate) sha256: String,
    pub(crate) outcome: Outcome,
}

/// The events of this run that the end of the file holds, the oldest first.
pub(crate) fn events(place: &WorkerPlace, run: &str) -> Vec<AgentEvent> {
    let all: Vec<AgentEvent> = lines(&tail(&place.events(), TAIL).unwrap_or_default());
    all.into_iter().filter(|event| event.run == run).collect()
}

/// What was sent, the oldest first.
pub(crate) fn messages(place: &WorkerPlace) -> Vec<MessageRecord> {
    lines(&tail(&place.messages(), TAIL).unwrap_or_default())
}

/// Each line that can be read. The last may be half written, the first half cut.
fn lines<T: DeserializeOwned>(bytes: &[u8]) -> Vec<T> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}
