//! Error objects: `{"error": {...}}`, at times as the one element of an array.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    details: Vec<Value>,
}

#[derive(Deserialize)]
struct ErrorReply {
    error: ErrorBody,
}

impl ErrorBody {
    /// Reads a body; `None` if it is not an error.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let is_array = body.trim_ascii_start().starts_with(b"[");
        let reply: ErrorReply = if is_array {
            serde_json::from_slice::<Vec<ErrorReply>>(body).ok()?.into_iter().next()?
        } else {
            serde_json::from_slice(body).ok()?
        };
        Some(reply.error)
    }

    /// The HTTP status that the error stands for.
    pub(crate) fn code(&self) -> Option<u16> {
        u16::try_from(self.code.as_u64()?).ok()
    }

    /// The machine-readable reason.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.texts("reason").next()
    }

    /// The protobuf duration after which to try again, such as `34.4s`.
    pub(crate) fn retry_delay(&self) -> Option<&str> {
        self.texts("retryDelay").next()
    }

    /// The quotas that are used up.
    pub(crate) fn quota_ids(&self) -> impl Iterator<Item = &str> {
        let violations = self.details.iter().filter_map(|detail| detail.get("violations")?.as_array());
        violations.flatten().filter_map(|violation| violation.get("quotaId")?.as_str())
    }

    fn texts(&self, field: &str) -> impl Iterator<Item = &str> {
        self.details.iter().filter_map(move |detail| detail.get(field)?.as_str())
    }
}
