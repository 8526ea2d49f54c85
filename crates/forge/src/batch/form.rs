//! What stands in the lines.

use std::{fmt, sync::Arc};

use forge_core::{CallContext, ModelRequest, ModelResponse, Participant, ProviderError};

/// Writes the line of an answer, without its end.
pub type BatchWriter = Box<dyn FnOnce(&CallContext, Result<&ModelResponse, &ProviderError>) -> String + Send>;

/// What a line of the input asks for.
#[non_exhaustive]
pub enum BatchLine {
    /// A call.
    Call(BatchCall),
    /// Nothing that can be asked. This stands in its place in the output, and counts as failed.
    Refused(String),
}

/// A call of a batch.
#[non_exhaustive]
pub struct BatchCall {
    /// Who is asked.
    pub participant: Participant,
    /// What.
    pub request: Arc<ModelRequest>,
    /// Writes the answer.
    pub write: BatchWriter,
}

impl BatchCall {
    /// A call of this participant.
    pub fn new(participant: Participant, request: Arc<ModelRequest>, write: BatchWriter) -> Self {
        Self { participant, request, write }
    }
}

impl fmt::Debug for BatchCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchCall").field("participant", &self.participant).finish_non_exhaustive()
    }
}

impl fmt::Debug for BatchLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Refused(text) => f.debug_tuple("Refused").field(text).finish(),
        }
    }
}

/// How lines are read and written. The same line is read again when its call died with its process.
pub trait BatchForm: fmt::Debug + Send + Sync + 'static {
    /// Reads a line of the input, which is at `number` from 1.
    fn read(&self, number: u64, line: &[u8]) -> BatchLine;

    /// Whether a line of the output tells of a failure.
    fn has_failed(&self, written: &str) -> bool;
}
