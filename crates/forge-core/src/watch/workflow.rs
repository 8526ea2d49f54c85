//! What a workflow does: its stages, its steps and its money, and never a text of a model or of a file.

#![allow(
    clippy::exhaustive_structs,
    reason = "whoever publishes an event says something about each of its facts"
)]

use serde::Serialize;

use crate::usage::Money;

/// A workflow stands elsewhere than before: in another stage, paused, or at work again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("x-written-by" = "the server, within a second or two, whichever process runs the workflow"))
)]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who has to approve a plan or waits for a result")))]
pub struct WorkflowStage {
    /// The workflow.
    pub workflow: String,
    /// The stage, such as `awaiting_approval`.
    pub stage: String,
    /// Whether nothing new begins.
    pub paused: bool,
    /// What its answers have cost so far.
    #[serde(flatten, with = "crate::usage::cost")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::usage::cost::Cost"))]
    pub cost: Option<Money>,
}

/// A workflow has come a step further.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("x-written-by" = "the server, within a second or two, whichever process runs the workflow"))
)]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who shows how far a workflow is")))]
pub struct WorkflowStep {
    /// The workflow.
    pub workflow: String,
    /// The number of the entry in its journal, from 0.
    pub entry: u64,
    /// What was done, such as `planner answered`, `check 1 after task-1 passed` or `reviewed: 2 findings`. Never a text, which the
    /// workflow has.
    pub step: String,
}
