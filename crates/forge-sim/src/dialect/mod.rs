//! The wire formats. Each dialect reads requests strictly and renders neutral answers.

mod anthropic;
mod canonical;
mod chat;
mod compatible;
mod embed;
mod google;
mod local;
mod media;
mod names;
mod openai;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::vendor::Vendor;

/// The key that the client gave, wherever the vendor looks for it.
pub(crate) fn credential(call: &Call) -> Option<String> {
    match call.vendor {
        Vendor::Anthropic => anthropic::credential(call),
        Vendor::OpenAi | Vendor::Compatible(_) => call.bearer().map(ToOwned::to_owned),
        Vendor::Google => google::credential(call),
        _ => local::credential(call),
    }
}

/// `key` is what a scenario makes a local server insist on.
pub(crate) fn authenticate(call: &Call, key: Option<&str>) -> Result<(), ApiError> {
    match call.vendor {
        Vendor::Anthropic => anthropic::authenticate(call),
        Vendor::OpenAi => openai::authenticate(call),
        Vendor::Google => google::authenticate(call),
        Vendor::Compatible(row) => compatible::authenticate(row.server(), call, key),
        _ => local::authenticate(call, key),
    }
}

/// Whether the call asks a model for an answer.
pub(crate) fn generates(call: &Call) -> bool {
    match call.vendor {
        Vendor::Anthropic => anthropic::generates(call),
        Vendor::OpenAi => openai::generates(call),
        Vendor::Google => google::generates(call),
        Vendor::Compatible(_) => compatible::generates(call),
        _ => local::generates(call),
    }
}

/// The model that the client names.
pub(crate) fn asked_model(call: &Call) -> Option<String> {
    if call.vendor == Vendor::Google {
        return google::asked_model(call);
    }
    let in_body = call.body.get("model").and_then(Value::as_str);
    in_body.map(ToOwned::to_owned)
}

pub(crate) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    match call.vendor {
        Vendor::Anthropic => anthropic::answer(call, cx),
        Vendor::OpenAi => openai::answer(call, cx),
        Vendor::Google => google::answer(call, cx),
        Vendor::Compatible(row) => compatible::answer(row.server(), call, cx),
        _ => local::answer(call, cx),
    }
}

/// An error in the vendor's own status, words and form.
pub(crate) fn refuse(call: &Call, error: &ApiError, cx: &Context<'_>) -> Answer {
    // A proxy before the vendor says this, so that it is the same page for all and no JSON.
    let mut answer = if error.kind == ErrorKind::BadGateway {
        let mut page = Answer::text("text/html", BAD_GATEWAY);
        page.status = 502;
        page
    } else {
        match call.vendor {
            Vendor::OpenAi => openai::refuse(call, error),
            Vendor::Anthropic => anthropic::refuse(error, cx),
            Vendor::Google => google::refuse(error),
            Vendor::Compatible(row) => compatible::refuse(row.server(), error),
            _ => local::refuse(call, error),
        }
    };
    if let Some(status) = error.status {
        answer.status = status;
    }
    // Gemini hints in the body (`RetryInfo`) and has no such header.
    if call.vendor != Vendor::Google {
        retry_headers(error, &mut answer);
    }
    answer
}

const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

fn retry_headers(error: &ApiError, answer: &mut Answer) {
    let hint = &error.retry_after;
    let mut add = |name, value: String| answer.headers.push((name, value));
    if let Some(flag) = error.should_retry {
        add("x-should-retry", flag.to_string());
    }
    if hint.none {
        return;
    }
    // Both headers may come, alone or together: a client has to know which goes first.
    if let Some(ms) = hint.ms {
        add("retry-after-ms", ms.to_string());
    }
    if let Some(raw) = &hint.raw {
        add("retry-after", raw.clone());
    } else if let Some(ahead) = hint.date_in_seconds {
        let date = Utc::now() + TimeDelta::seconds(i64::from(ahead));
        add("retry-after", date.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    } else if let Some(seconds) = error.wait_seconds() {
        // A real limit tells whole seconds; a script may tell what it likes.
        let seconds = if error.limit.is_some() { seconds.ceil() } else { seconds };
        add("retry-after", seconds.to_string());
    }
}

/// Headers that the vendor puts on every reply.
pub(crate) fn add_headers(call: &Call, answer: &mut Answer, cx: &Context<'_>) {
    match call.vendor {
        Vendor::Anthropic => anthropic::add_headers(call, answer, cx),
        Vendor::OpenAi => openai::add_headers(call, answer, cx),
        _ => {}
    }
}

pub(crate) fn check_content_type(call: &Call) -> Result<(), ApiError> {
    let given = call.header("content-type").unwrap_or_default();
    // Ollama reads the body whatever its type is called.
    if given.to_ascii_lowercase().contains("json") || call.vendor == Vendor::Ollama {
        return Ok(());
    }
    Err(ApiError::invalid(match call.vendor {
        Vendor::OpenAi => format!(
            "Unsupported content type: '{given}'. This API method only accepts 'application/json' \
             requests, but you specified the header 'Content-Type: {given}'."
        ),
        _ => format!("content-type: '{given}' is not application/json"),
    }))
}

pub(crate) fn bad_json(call: &Call, problem: &str) -> ApiError {
    ApiError::invalid(match call.vendor {
        Vendor::Anthropic => format!("The request body is not valid JSON: {problem}"),
        Vendor::OpenAi => format!(
            "We could not parse the JSON body of your request. ({problem}) The API expects a JSON \
             payload."
        ),
        Vendor::Google => format!("Invalid JSON payload received. {problem}"),
        _ => problem.to_owned(),
    })
}

/// The text of the last user message, in whatever dialect.
pub(crate) fn last_user_text(body: &Value) -> String {
    let mut text = String::new();
    let list = ["messages", "input", "contents"].into_iter().find_map(|field| body.get(field));
    match list {
        Some(Value::String(input)) => text.push_str(input),
        Some(Value::Array(items)) => {
            let user =
                items.iter().rev().find(|item| item.get("role").and_then(Value::as_str) == Some("user"));
            // Without a user's turn, whatever stands last.
            if let Some(item) = user.or(items.last()) {
                collect_strings(item, &mut text);
            }
        }
        _ => {}
    }
    text
}

fn collect_strings(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => {
            text.push_str(string);
            text.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, text)),
        Value::Object(fields) => fields.values().for_each(|item| collect_strings(item, text)),
        _ => {}
    }
}
