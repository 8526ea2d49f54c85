//! Error objects: `{"error": {...}}`, at times as the one element of an array.

use forge_http::lenient;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody {
    code: Value,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    details: Vec<Value>,
}

#[derive(Deserialize)]
struct ErrorReply<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

impl ErrorBody {
    /// Reads a body; `None` if it is not an error. Some servers say it in a plain text.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let is_array = body.trim_ascii_start().starts_with(b"[");
        let reply: ErrorReply<'_> = if is_array {
            serde_json::from_slice::<Vec<ErrorReply<'_>>>(body).ok()?.into_iter().next()?
        } else {
            serde_json::from_slice(body).ok()?
        };
        match reply.error.get().as_bytes().first()? {
            b'{' => serde_json::from_str(reply.error.get()).ok(),
            b'"' => {
                let message = serde_json::from_str(reply.error.get()).ok();
                Some(Self { message, ..Self::default() })
            }
            _ => None,
        }
    }

    /// The vendor's word for the status.
    pub(crate) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or_default()
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
