//! What a session does: its stages, counts and money, and never a text of a model.

#![allow(
    clippy::exhaustive_structs,
    reason = "whoever publishes an event says something about each of its facts"
)]

use serde::Serialize;

use crate::usage::Money;

/// A session has begun, or goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who shows the sessions that run")))]
pub struct SessionStarted {
    /// The session.
    pub session: String,
    /// Whether an earlier run has begun it.
    pub resumed: bool,
}

/// A stage of a session begins or is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who shows how far a session is")))]
pub struct SessionStage {
    /// The session.
    pub session: String,
    /// The cycle, from 1; 0 for the draft.
    pub cycle: u32,
    /// The stage: `draft`, `critique`, `synthesis` or `check`.
    pub stage: &'static str,
    /// Whether it begins or is over.
    pub progress: StageProgress,
    /// What the answers of this run have cost so far.
    #[serde(flatten, with = "crate::usage::cost")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::usage::cost::Cost"))]
    pub cost: Option<Money>,
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a stage begins and ends")]
pub enum StageProgress {
    /// Somebody is asked.
    Started,
    /// Everybody has answered.
    Completed,
}

/// How many findings a session has, whenever that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who shows how far a session is")))]
pub struct SessionFindingCounts {
    /// The session.
    pub session: String,
    /// All findings of this run.
    pub findings: u32,
    /// By severity, such as `critical`.
    pub by_severity: FindingCounts,
    /// By what became of them, such as `open`.
    pub by_state: FindingCounts,
}

/// How many there are of each kind.
pub type FindingCounts = std::collections::BTreeMap<&'static str, u32>;

/// A session makes no further calls for now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who has to resume it")))]
pub struct SessionPaused {
    /// The session.
    pub session: String,
    /// What the answers of this run have cost so far.
    #[serde(flatten, with = "crate::usage::cost")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::usage::cost::Cost"))]
    pub cost: Option<Money>,
}

/// A cycle of a session is over, and somebody is to decide what it does next.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who attends the session")))]
pub struct SessionWaiting {
    /// The session.
    pub session: String,
    /// The cycle that is over.
    pub cycle: u32,
}

/// Somebody who attends a session did something.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "the others who attend the session")))]
pub struct SessionContributed {
    /// The session.
    pub session: String,
    /// Who; `null` for whoever runs the session.
    pub by: Option<String>,
    /// What: `feedback`, `decided`, `edited`, `paused`, `resumed`, `skipped` or `aborted`. Never a text, which the session has.
    pub deed: &'static str,
}

/// A session is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the observer of the session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who waits for its result")))]
pub struct SessionEnded {
    /// The session.
    pub session: String,
    /// How, as in its result, such as `converged`.
    pub status: String,
    /// Why, as in its result, such as `nothing_open`.
    pub reason: String,
    /// Answers that came in this run.
    pub answers: u32,
    /// What the answers of this run have cost.
    #[serde(flatten, with = "crate::usage::cost")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::usage::cost::Cost"))]
    pub cost: Option<Money>,
}
