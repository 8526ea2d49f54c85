//! What the servers of the table take and say, each by its row.

mod checks;
mod error;

use serde_json::{Value, json};

use crate::answer::{Answer, Payload};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::compatible::{Model, Server};
use crate::completion::Stop;
use crate::context::Context;
use crate::dialect::chat::{self, CREATED, Output, Reading, Style, UsageStyle};
use crate::dialect::embed;
use crate::error_kind::ErrorKind;
use crate::tokens::CacheKind;
use crate::turn::{ModelFacts, Overflow, Turn};
use crate::vendor::Vendor;

/// Hosted servers want a key, local ones where a scenario sets one.
pub(super) fn authenticate(server: &Server, call: &Call, key: Option<&str>) -> Result<(), ApiError> {
    let given = call.bearer().unwrap_or_default();
    let good = match key {
        Some(key) => given == key,
        None => !server.needs_key || !(given.is_empty() || given.contains("invalid")),
    };
    if good || call.path == "/health" { Ok(()) } else { Err(ApiError::new(ErrorKind::Authentication)) }
}

pub(super) fn generates(call: &Call) -> bool {
    call.is_post()
        && matches!(call.vendor, Vendor::Compatible(row) if endpoint(row.server(), call) == Some("/chat/completions"))
}

pub(super) fn answer(server: &'static Server, call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    match (call.method.as_str(), endpoint(server, call).unwrap_or(&call.path)) {
        ("POST", "/chat/completions") => complete(server, call, cx),
        ("POST", "/embeddings") if embed::offered(call.vendor) => {
            embed::answer(call.vendor, &call.body, |asked| error::unknown_model(server, asked))
        }
        ("GET", "/models") => Ok(Answer::json(list(server))),
        // Servers on the user's own machine have a health check, hosted ones have none.
        ("GET", "/health") if !server.needs_key => Ok(Answer::new(200, Payload::Empty)),
        _ => Err(ApiError::new(ErrorKind::NotFound).with_message("Not Found")),
    }
}

/// What the path asks for below any of the server's roots.
fn endpoint<'a>(server: &Server, call: &'a Call) -> Option<&'a str> {
    let below = |root: &&str| call.path.strip_prefix(*root).filter(|rest| rest.starts_with('/'));
    server.roots.iter().find_map(below)
}

pub(super) fn refuse(server: &Server, error: &ApiError) -> Answer {
    error::refuse(server, error)
}

fn complete(server: &'static Server, call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let body = &call.body;
    checks::fields(server, body)?;
    let asked = body.get("model").and_then(Value::as_str).unwrap_or_default();
    let model = find(server, asked).ok_or_else(|| error::unknown_model(server, asked))?;
    let model = &Model { thinks: model.thinks && !switched_off(body), ..*model };
    let mut turn = Turn::new(call.vendor, facts(model));
    turn.tools = chat::tools(body, Reading::Lenient)?;
    turn.tool_choice = chat::tool_choice(body, &turn.tools, Reading::Lenient)?;
    turn.parallel_calls = body.get("parallel_tool_calls") != Some(&Value::Bool(false));
    turn.thinks = model.thinks;
    turn.format = chat::response_format(body, Reading::Lenient)?;
    turn.stop = chat::stop(body, Reading::Lenient)?;
    // The newer name goes first where a client sends both.
    turn.max_tokens = ["max_completion_tokens", "max_tokens"]
        .into_iter()
        .find_map(|name| body.get(name).and_then(Value::as_u64));
    turn.push_tools();
    chat::read_messages(body.get("messages"), Reading::Lenient, &mut turn)?;
    checks::calls(server, body)?;
    checks::template(server, body)?;
    checks::thoughts(server, model, body, cx)?;
    let completion = cx.complete(&turn)?;
    if completion.stop == Stop::MalformedCall
        && let Some((code, text)) = server.malformed_call
    {
        return Err(ApiError::invalid(text).with_code(code));
    }
    let error_body = move |error: &ApiError| error::body(server, error);
    Ok(chat::answer(&completion, style(server), output(body), cx, error_body))
}

fn find(server: &Server, asked: &str) -> Option<&'static Model> {
    let known = server.models.iter().find(|model| model.id == asked);
    known.or_else(|| server.models.first().filter(|_| server.any_model))
}

/// The ways in which a client says that a model shall not think.
fn switched_off(body: &Value) -> bool {
    let says = |pointer: &str, value: Value| body.pointer(pointer) == Some(&value);
    says("/thinking/type", json!("disabled"))
        || says("/reasoning_effort", json!("none"))
        || says("/reasoning/enabled", json!(false))
        || says("/reasoning/effort", json!("none"))
        || says("/chat_template_kwargs/enable_thinking", json!(false))
        || says("/chat_template_kwargs/thinking", json!(false))
}

fn facts(model: &Model) -> ModelFacts {
    ModelFacts {
        served: model.id.to_owned(),
        context: model.context,
        overflow: Overflow::Refuse,
        token_percent: 100,
        cache: CacheKind::Automatic { minimum: 128, reports_writes: false },
    }
}

fn style(server: &Server) -> Style {
    Style {
        thoughts: server.thoughts,
        call_ids: server.call_ids,
        whole_delta: server.whole_delta,
        usage: UsageStyle::Shaped(server.usage),
        vendor_extras: false,
        service_tier: server.service_tier,
        finish_with_content: false,
        fingerprint: None,
        swallows_errors: false,
        done_after_error: server.done_after_error,
    }
}

fn output(body: &Value) -> Output {
    Output {
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        include_usage: body
            .pointer("/stream_options/include_usage")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        usage_in_every_chunk: false,
        obfuscation: false,
        choices: body.get("n").and_then(Value::as_u64).unwrap_or(1).clamp(1, 8),
        logprobs: body.get("logprobs") == Some(&Value::Bool(true)),
        top_logprobs: body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0).min(20),
    }
}

fn list(server: &Server) -> Value {
    let models: Vec<Value> = server
        .models
        .iter()
        .map(|model| {
            json!({"id": model.id, "object": "model", "created": CREATED, "owned_by": server.id,
                   "context_length": model.context})
        })
        .collect();
    json!({"object": "list", "data": models})
}
