//! What a server refuses in a request, by its row of the table.

use serde_json::{Map, Value};

use crate::api_error::ApiError;
use crate::compatible::{FieldWords, Model, Returned, Server};
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::scenario::ErrorStyle;

/// A refusal with the status of its own rule.
fn refuse(status: u16, text: String) -> ApiError {
    // Templates fail with a 500 in llama.cpp, although the client's messages are at fault.
    let kind = if status >= 500 { ErrorKind::Server } else { ErrorKind::InvalidRequest };
    ApiError::new(kind).with_status(status).with_message(text)
}

fn stranger(words: FieldWords, text: &str, place: &str, field: &str, index: usize) -> ApiError {
    let text = text.replace("{field}", field).replace("{index}", &index.to_string());
    let mut error = refuse(words.status, text);
    if words.status == 422 {
        error = error.with_param(place);
        error.style = ErrorStyle::Detail;
    }
    error
}

pub(super) fn fields(server: &Server, body: &Value) -> Result<(), ApiError> {
    let words = server.field_words;
    let names = body.as_object().into_iter().flat_map(Map::keys);
    if let Some(field) = names.into_iter().find(|field| server.request.refuses(field)) {
        return Err(stranger(words, words.body, &format!("body.{field}"), field, 0));
    }
    for (index, message) in messages(body).iter().enumerate() {
        let names = message.as_object().into_iter().flat_map(Map::keys);
        if let Some(field) = names.into_iter().find(|field| server.message.refuses(field)) {
            let place = format!("body.messages.{index}.{}.{field}", role(message));
            return Err(stranger(words, words.message, &place, field, index));
        }
        if !server.roles.contains(&role(message)) {
            return Err(refuse(
                400,
                format!(
                    "messages[{index}].role: unknown variant `{}`, expected one of `{}`",
                    role(message),
                    server.roles.join("`, `")
                ),
            ));
        }
    }
    let format = body.pointer("/response_format/type").and_then(Value::as_str);
    match format {
        Some(format) if !server.formats.contains(&format) => {
            Err(refuse(400, server.formats_words.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Ids of calls and of their results, in the form and in the order that the server wants.
pub(super) fn calls(server: &Server, body: &Value) -> Result<(), ApiError> {
    let Some(rule) = server.call_id else {
        return Ok(());
    };
    let asked = messages(body).iter().filter_map(|message| message.get("tool_calls")?.as_array()).flatten();
    let answered = messages(body).iter().filter_map(|message| message.get("tool_call_id"));
    let ids = asked.filter_map(|call| call.get("id")).chain(answered).filter_map(Value::as_str);
    for id in ids {
        if id.len() != rule.length || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(refuse(400, rule.text.replace("{id}", id)));
        }
    }
    Ok(())
}

/// What the chat template of the model insists on.
pub(super) fn template(server: &Server, body: &Value) -> Result<(), ApiError> {
    let template = server.template;
    let refused =
        |text: &str, index: usize| Err(refuse(template.status, text.replace("{index}", &index.to_string())));
    let messages = messages(body);
    let opening = messages.iter().take_while(|message| role(message) == "system").count();
    let mut turns = 0;
    for (index, message) in messages.iter().enumerate() {
        let (role, calls) = (role(message), has_calls(message));
        if role == "assistant"
            && !calls
            && is_empty(message)
            && let Some(text) = template.empty
        {
            return refused(text, index);
        }
        // The template has a place for one system text, before all turns.
        if role == "system"
            && index >= opening.min(1)
            && let Some(text) = template.late_system
        {
            return refused(text, index);
        }
        // Calls and their results stand between the turns.
        if role == "user" || (role == "assistant" && !calls) {
            let expected = if turns % 2 == 0 { "user" } else { "assistant" };
            if role != expected
                && let Some(text) = template.alternate
            {
                return refused(text, index);
            }
            turns += 1;
        }
    }
    // Only `prefix` tells the start of an answer from a turn too many.
    let is_open = |message: &Value| {
        role(message) == "assistant" && message.get("prefix").and_then(Value::as_bool) != Some(true)
    };
    match (messages.last(), template.last) {
        (Some(last), Some(text)) if is_open(last) => refused(text, messages.len() - 1),
        _ => Ok(()),
    }
}

/// Thoughts come back where the server insists, and unaltered where they are signed.
pub(super) fn thoughts(
    server: &Server,
    model: &Model,
    body: &Value,
    cx: &Context<'_>,
) -> Result<(), ApiError> {
    for (index, message) in messages(body).iter().enumerate() {
        if let Returned::WithCalls { field, text } = server.returned
            && model.thinks
            && has_calls(message)
            && !message.get(field).is_some_and(Value::is_string)
        {
            return Err(refuse(400, text.replace("{index}", &index.to_string())));
        }
        let details = message.get("reasoning_details").and_then(Value::as_array);
        let details: Vec<&Value> = details.into_iter().flatten().collect();
        let text: String = details.iter().filter_map(|detail| detail.get("text")?.as_str()).collect();
        for signature in details.iter().filter_map(|detail| detail.get("signature")?.as_str()) {
            if !cx.seals().holds(signature, "details", &[model.id, &text]) {
                return Err(refuse(
                    400,
                    format!("messages.{index}.content.0: Invalid `signature` in `thinking` block"),
                ));
            }
        }
    }
    Ok(())
}

fn messages(body: &Value) -> &[Value] {
    body.get("messages").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

fn has_calls(message: &Value) -> bool {
    message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
}

fn is_empty(message: &Value) -> bool {
    match message.get("content") {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(parts)) => parts.is_empty(),
        Some(_) => false,
    }
}
