//! Why a tool has no answer.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::json;

/// Why a tool has no answer. A model reads it, so that it says what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A word that stays the same, for programs.
    pub(crate) code: &'static str,
    message: String,
    next: String,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code, message: message.into(), next: next.into() }
    }

    /// The arguments are not those of the tool.
    pub(crate) fn arguments(message: impl Into<String>) -> Self {
        Self::new("bad_arguments", message, "see the schema of the tool")
    }

    /// In words, where there is no answer of a tool to say it in.
    pub(crate) fn into_message(self) -> String {
        format!("{}; {}", self.message, self.next)
    }

    /// As a tool's answer: clients hide errors of the protocol from the model, and show this.
    pub(crate) fn into_result(self) -> CallToolResult {
        let Self { code, message, next } = self;
        let text = json!({"error": {"code": code, "message": message, "next": next}}).to_string();
        CallToolResult::error(vec![ContentBlock::text(text)])
    }
}
