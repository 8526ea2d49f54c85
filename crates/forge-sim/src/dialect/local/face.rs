//! The OpenAI-compatible face of the local servers.

use serde_json::{Value, json};

use super::models::{self, Model, RUNNING_CONTEXT};
use super::{error, unknown_model};
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::compatible::{CallIds, Thoughts};
use crate::context::Context;
use crate::dialect::chat::{self, CREATED, Output, Reading, Style, UsageStyle};
use crate::turn::{ToolChoice, Turn};
use crate::vendor::Vendor;

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let vendor = call.vendor;
    let body = &call.body;
    let asked = body.get("model").and_then(Value::as_str).unwrap_or("");
    let model = models::find(vendor, asked).ok_or_else(|| unknown_model(vendor, asked))?;
    let mut turn = Turn::new(vendor, model.facts(vendor, asked, RUNNING_CONTEXT));
    turn.tools = chat::tools(body, Reading::Lenient)?;
    if !turn.tools.is_empty() && !model.tools {
        return Err(ApiError::invalid(format!("{asked} does not support tools")));
    }
    // Ollama does not read `tool_choice` here.
    turn.tool_choice = if vendor == Vendor::Ollama {
        ToolChoice::Auto
    } else {
        chat::tool_choice(body, &turn.tools, Reading::Lenient)?
    };
    turn.thinks = thinks(body, model);
    turn.format = chat::response_format(body, Reading::Lenient)?;
    turn.stop = chat::stop(body, Reading::Lenient)?;
    turn.max_tokens = limit(body, vendor);
    turn.push_tools();
    chat::read_messages(body.get("messages"), Reading::Lenient, &mut turn)?;
    let completion = cx.complete(&turn)?;
    let error_body = move |error: &ApiError| error::body(vendor, error);
    Ok(chat::answer(&completion, style(vendor), output(body, vendor), cx, error_body))
}

fn thinks(body: &Value, model: &Model) -> bool {
    let effort = body.get("reasoning_effort").and_then(Value::as_str);
    let template =
        body.get("chat_template_kwargs").and_then(|kwargs| kwargs.get("enable_thinking")?.as_bool());
    model.thinks && effort != Some("none") && template != Some(false)
}

/// Ollama reads only `max_tokens`.
fn limit(body: &Value, vendor: Vendor) -> Option<u64> {
    let read = |name: &str| body.get(name).and_then(Value::as_u64);
    let newer = read("max_completion_tokens").filter(|_| vendor != Vendor::Ollama);
    newer.or_else(|| read("max_tokens"))
}

fn output(body: &Value, vendor: Vendor) -> Output {
    let option = |name: &str| {
        body.get("stream_options").and_then(|options| options.get(name)?.as_bool()).unwrap_or(false)
    };
    Output {
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        include_usage: option("include_usage"),
        usage_in_every_chunk: vendor == Vendor::Vllm && option("continuous_usage_stats"),
        obfuscation: false,
        choices: 1,
        logprobs: body.get("logprobs") == Some(&Value::Bool(true)),
        top_logprobs: body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0).min(20),
    }
}

fn style(vendor: Vendor) -> Style {
    let plain = Style {
        thoughts: Thoughts::Field("reasoning"),
        call_ids: CallIds::Random,
        whole_delta: false,
        usage: UsageStyle::Totals,
        vendor_extras: false,
        service_tier: None,
        finish_with_content: false,
        fingerprint: None,
        swallows_errors: false,
        done_after_error: false,
    };
    match vendor {
        // An error in mid stream ends the body without a word.
        Vendor::Ollama => Style { fingerprint: Some("fp_ollama"), swallows_errors: true, ..plain },
        Vendor::LlamaCpp => Style {
            thoughts: Thoughts::Field("reasoning_content"),
            usage: UsageStyle::Timings,
            fingerprint: Some("b7000-simulated"),
            ..plain
        },
        // `[DONE]` after an error is what shows that it proves nothing.
        Vendor::Vllm => Style { finish_with_content: true, done_after_error: true, ..plain },
        _ => plain,
    }
}

/// `GET /v1/models`, which each server words in its own way.
pub(super) fn list(vendor: Vendor) -> Value {
    let entry = |model: &Model| {
        let mut entry = json!({
            "id": model.id,
            "object": "model",
            "created": CREATED,
            "owned_by": match vendor {
                Vendor::Ollama => "library",
                Vendor::LlamaCpp => "llamacpp",
                Vendor::Vllm => "vllm",
                _ => "organization_owner",
            },
        });
        match vendor {
            Vendor::Ollama => entry["id"] = format!("{}:latest", model.id).into(),
            Vendor::LlamaCpp => {
                entry["meta"] = json!({
                    "n_ctx_train": model.trained_context,
                    "n_params": 8_190_735_360_u64,
                });
            }
            // Where a client learns vLLM's context window.
            Vendor::Vllm => entry["max_model_len"] = RUNNING_CONTEXT.into(),
            _ => {}
        }
        entry
    };
    let shown = match vendor {
        // llama.cpp serves the one model that it was started with.
        Vendor::LlamaCpp => &models::MODELS[..1],
        _ => &models::MODELS[..],
    };
    let entries: Vec<Value> = shown.iter().map(entry).collect();
    json!({"object": "list", "data": entries})
}
