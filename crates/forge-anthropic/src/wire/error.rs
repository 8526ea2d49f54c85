//! Errors, in replies and in streams.

use forge_http::lenient;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
struct ErrorReply<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

/// The error object, the same in replies and in streams.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorBody {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) details: ErrorDetails,
}

/// What some errors say beyond their type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ErrorDetails {
    /// Such as `enforced_spend_limit_reached`, which the type does not tell from a rate limit.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) error_code: Option<String>,
}

impl ErrorBody {
    /// Reads a body or an event; `None` if it is not an error. Some servers say it in a plain text.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let ErrorReply { error } = forge_http::from_json(body).ok()?;
        match error.get().as_bytes().first()? {
            b'{' => serde_json::from_str(error.get()).ok(),
            b'"' => {
                let message = serde_json::from_str(error.get()).ok();
                Some(Self { message, ..Self::default() })
            }
            _ => None,
        }
    }
}
