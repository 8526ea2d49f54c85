//! Acme's own names. No other module holds them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
    pub(crate) turns: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<&'a Value>,
}

#[derive(Serialize, Default)]
pub(crate) struct Turn<'a> {
    pub(crate) who: &'static str,
    pub(crate) say: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) calls: Vec<Call>,
    /// The call whose result this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answers: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Tool<'a> {
    pub(crate) name: &'a str,
    pub(crate) about: &'a str,
    pub(crate) takes: &'a Value,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) args: Value,
}

/// One event of a stream; a whole reply is a list of them.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Event {
    pub(crate) model: Option<String>,
    pub(crate) say: Option<String>,
    pub(crate) call: Option<Call>,
    /// The last event: `done`, `limit` or `calls`.
    pub(crate) end: Option<String>,
    pub(crate) tokens_in: Option<u64>,
    pub(crate) tokens_out: Option<u64>,
    pub(crate) error: Option<Error>,
}

#[derive(Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: Error,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Error {
    pub(crate) code: String,
    pub(crate) text: String,
}

#[derive(Deserialize)]
pub(crate) struct ModelList {
    pub(crate) models: Vec<String>,
}
