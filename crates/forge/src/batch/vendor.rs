//! Lines in the forms of the vendors' own batch interfaces, so that a file that was written for one of them runs here as it is.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use forge_core::{CallContext, ModelRequest, ModelResponse, ProviderError};
use forge_http::ingress::{Ingress, Refusal, Render, ReplyHead};
use http::Uri;
use serde_json::{Map, Value, json};

/// A request in the form of a vendor.
///
/// OpenAI's has `custom_id`, `url` (`/v1/chat/completions` or `/v1/responses`) and `body`
/// (<https://platform.openai.com/docs/api-reference/batch/request-input>), Anthropic's `custom_id` and `params`
/// (<https://platform.claude.com/docs/en/build-with-claude/batch-processing>).
#[derive(Debug)]
#[non_exhaustive]
pub struct VendorRequest {
    /// What its author calls it.
    pub custom_id: String,
    /// The model that it names.
    pub model: String,
    /// The request.
    pub request: ModelRequest,
    ingress: Ingress,
    reply: Box<dyn Render>,
}

/// A request that cannot be read, with the line that stands in the output for it.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a line and nothing else")]
pub struct Unreadable(pub String);

/// Whether a line is written as a vendor wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    OpenAi,
    Anthropic,
}

impl VendorRequest {
    /// Reads a line in the form of a vendor; `None` is one in no such form. Replies are called `id`, as if they came at `created`.
    pub fn read(
        line: &Map<String, Value>,
        id: String,
        created: DateTime<Utc>,
    ) -> Option<Result<Self, Unreadable>> {
        let (form, body) = match (line.get("body"), line.get("params")) {
            (Some(body), _) => (Form::OpenAi, body),
            (None, Some(params)) => (Form::Anthropic, params),
            (None, None) => return None,
        };
        let custom_id = line.get("custom_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let unreadable = |why: &str| Unreadable(form.refused(&custom_id, "invalid_request", why));
        let Some(ingress) = form.ingress(line.get("url").and_then(Value::as_str)) else {
            return Some(Err(unreadable(
                "`url` is none that is answered here: /v1/chat/completions or /v1/responses",
            )));
        };
        if custom_id.is_empty() {
            return Some(Err(unreadable("`custom_id` is missing")));
        }
        let (body, head) = (Bytes::from(body.to_string()), ReplyHead { id, created });
        Some(match (ingress.parse)(&body, &Uri::default(), &head) {
            Ok(read) => {
                Ok(Self { custom_id, model: read.model, request: read.request, ingress, reply: read.reply })
            }
            Err(invalid) => Err(unreadable(&invalid.reason)),
        })
    }

    /// The line for a request that nobody can be asked.
    #[must_use]
    pub fn refused(&self, why: &str) -> String {
        self.form().refused(&self.custom_id, "model_not_found", why)
    }

    fn form(&self) -> Form {
        if self.ingress.vendor == forge_core::ModelProvider::Anthropic {
            Form::Anthropic
        } else {
            Form::OpenAi
        }
    }

    /// The line for an answer, in the vendor's form.
    #[must_use]
    pub fn write(mut self, cx: &CallContext, outcome: Result<&ModelResponse, &ProviderError>) -> String {
        let (status, body) = match outcome {
            Ok(response) => (200, self.reply.whole(response)),
            Err(error) => (self.ingress.refuse)(&Refusal::Failed(error)),
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match self.form() {
            Form::OpenAi => json!({
                "id": format!("batch_req_{}", cx.call_id),
                "custom_id": self.custom_id,
                "response": { "status_code": status, "request_id": cx.call_id.to_string(), "body": body },
                "error": null,
            }),
            Form::Anthropic if outcome.is_ok() => {
                json!({ "custom_id": self.custom_id, "result": { "type": "succeeded", "message": body } })
            }
            Form::Anthropic => {
                json!({ "custom_id": self.custom_id, "result": { "type": "errored", "error": body } })
            }
        }
        .to_string()
    }
}

impl Form {
    #[allow(unused_variables, reason = "an adapter may be off")]
    fn ingress(self, url: Option<&str>) -> Option<Ingress> {
        match self {
            #[cfg(feature = "openai")]
            Self::OpenAi => match url? {
                "/v1/chat/completions" => Some(crate::ingress::CHAT),
                "/v1/responses" => Some(crate::ingress::RESPONSES),
                _ => None,
            },
            #[cfg(feature = "anthropic")]
            Self::Anthropic => Some(crate::ingress::MESSAGES),
            #[allow(unreachable_patterns, reason = "with both adapters nothing is left")]
            _ => None,
        }
    }

    fn refused(self, custom_id: &str, code: &str, why: &str) -> String {
        match self {
            Self::OpenAi => json!({
                "id": null,
                "custom_id": custom_id,
                "response": null,
                "error": { "code": code, "message": why },
            }),
            Self::Anthropic => json!({
                "custom_id": custom_id,
                "result": {
                    "type": "errored",
                    "error": { "type": "error", "error": { "type": "invalid_request_error", "message": why } },
                },
            }),
        }
        .to_string()
    }
}

/// Whether a line of an output in the form of a vendor tells of a failure; `None` for a line in no such form.
#[must_use]
pub fn vendor_line_failed(line: &Map<String, Value>) -> Option<bool> {
    if let Some(result) = line.get("result") {
        return Some(result["type"] != "succeeded");
    }
    let response = line.get("response")?;
    Some(response["status_code"].as_u64() != Some(200))
}
