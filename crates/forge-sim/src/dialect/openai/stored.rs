//! `GET` and `DELETE /responses/{id}`: what the vendor was asked to keep.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::context::Context;
use crate::error_kind::ErrorKind;

/// Responses lie beside conversations, which go by the bare id.
fn response_key(id: &str) -> String {
    format!("response:{id}")
}

fn input_key(id: &str) -> String {
    format!("input:{id}")
}

/// Keeps the response, the items that led to it, and each of its own items by id.
pub(super) fn keep(id: &str, response: &Value, input: &[Value], cx: &Context<'_>) {
    let output = response["output"].as_array().map_or(&[][..], Vec::as_slice);
    for item in output {
        if let Some(id) = item["id"].as_str() {
            cx.keep_conversation(id, vec![item.clone()]);
        }
    }
    cx.keep_conversation(id, input.iter().chain(output).cloned().collect());
    cx.keep_conversation(&input_key(id), input.to_vec());
    cx.keep_conversation(&response_key(id), vec![response.clone()]);
}

/// `rest` is the path after `/responses/`.
pub(super) fn answer(method: &str, rest: &str, cx: &Context<'_>) -> Result<Answer, ApiError> {
    let (id, part) = rest.split_once('/').unwrap_or((rest, ""));
    let response = cx.conversation(&response_key(id)).and_then(|kept| kept.into_iter().next());
    let response = response.ok_or_else(|| not_found(id))?;
    match (method, part) {
        ("GET", "") => Ok(Answer::json(response)),
        ("GET", "input_items") => {
            Ok(Answer::json(listed(id, cx.conversation(&input_key(id)).unwrap_or_default())))
        }
        ("DELETE", "") => {
            for key in [id.to_owned(), input_key(id), response_key(id)] {
                cx.forget_conversation(&key);
            }
            Ok(Answer::json(json!({"id": id, "object": "response", "deleted": true})))
        }
        _ => Err(ApiError::new(ErrorKind::NotFound)
            .with_message(format!("Invalid URL ({method} /v1/responses/{rest})"))),
    }
}

/// The newest item first, as the vendor lists them. Items that came without an id have one here.
fn listed(id: &str, items: Vec<Value>) -> Value {
    let stem = id.trim_start_matches("resp_");
    let mut data: Vec<Value> = items
        .into_iter()
        .enumerate()
        .map(|(index, mut item)| {
            if item.get("id").is_none() {
                item["id"] = format!("msg_{stem}{index:02x}").into();
            }
            if let Some(text) = item["content"].as_str() {
                let kind = if item["role"] == "assistant" { "output_text" } else { "input_text" };
                item["content"] = json!([{"type": kind, "text": text}]);
            }
            if item.get("role").is_some() && item.get("type").is_none() {
                item["type"] = "message".into();
            }
            item["status"] = "completed".into();
            item
        })
        .collect();
    data.reverse();
    json!({
        "object": "list",
        "first_id": data.first().map(|item| item["id"].clone()),
        "last_id": data.last().map(|item| item["id"].clone()),
        "has_more": false,
        "data": data,
    })
}

pub(super) fn not_found(id: &str) -> ApiError {
    ApiError::invalid(format!("Response with id '{id}' not found.")).with_status(404)
}
