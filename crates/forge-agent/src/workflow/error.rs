//! Why a workflow cannot be done what is asked with it.

use forge_core::storage::journal::{JournalError, StreamName};
use forge_durable::RunError;

use super::command::Refused;

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// The journal refuses, or another process is at work on it.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The workflow stands where this cannot be done.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such workflow.
    #[error("there is no workflow `{0}`")]
    Unknown(StreamName),
    /// There is something of that name already.
    #[error("`{0}` is taken")]
    Exists(StreamName),
    /// User and result have changed the same lines. Nothing was written.
    #[error("you and the workflow have both changed {}; nothing was written", .0.join(", "))]
    Conflicts(Vec<String>),
    /// The workflow cannot do this where it stands.
    #[error("{0}")]
    NotNow(String),
    /// The host cannot do it.
    #[error("{0}")]
    Host(String),
}

impl From<JournalError> for WorkflowError {
    fn from(error: JournalError) -> Self {
        Self::Run(error.into())
    }
}
