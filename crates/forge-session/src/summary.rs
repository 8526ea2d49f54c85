//! The summary of a session in a list.

use chrono::{DateTime, Utc};
use forge_core::Money;
use serde::{Deserialize, Serialize};

use crate::{
    state::{Outcome, State},
    stop::{SessionStatus, Stop},
};

/// Characters of a title that a list shows; a summary has to stay small.
const TITLE: usize = 200;

/// A session in a list. It is written beside the journal with every append, so that a list reads no entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionSummary {
    /// The session's name.
    pub id: String,
    /// The topic's title, cut to 200 characters.
    pub title: String,
    /// Its status. A session that was killed is in progress by it; its claim tells whether a run is alive.
    pub status: SessionStatus,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// Why it ended; `None` if it has not.
    pub stop_reason: Option<Stop>,
    /// Calls so far, failed ones among them.
    pub calls: u32,
    /// Their cost as far as known: calls of unknown cost and calls that died add nothing.
    pub cost: Money,
}

impl SessionSummary {
    /// The summary of the session `id` in this state.
    pub fn of(id: &str, state: &State) -> Self {
        let costs = state.calls.values().filter_map(|call| match &call.outcome {
            Outcome::Answered(answer) => answer.cost,
            Outcome::Running | Outcome::Failed(_) => None,
        });
        Self {
            id: id.to_owned(),
            title: state.plan.topic.title.chars().take(TITLE).collect(),
            status: state.status(),
            started: state.started,
            stop_reason: state.stopped.map(|(reason, _)| reason),
            calls: u32::try_from(state.calls.len() + state.killed.len()).unwrap_or(u32::MAX),
            cost: costs.sum(),
        }
    }
}
