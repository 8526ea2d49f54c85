//! Servers on the user's own machine: Ollama, llama.cpp, vLLM, LM Studio.

mod catalogue;
mod embed;
mod error;
mod face;
mod generate;
mod models;
mod native;
mod responses;

use serde_json::{Value, json};

use crate::answer::{Answer, Payload};
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::error_kind::ErrorKind;
use crate::vendor::Vendor;

pub(super) fn credential(call: &Call) -> Option<String> {
    let key = call.bearer().or_else(|| call.header("x-api-key").filter(|_| call.vendor == Vendor::LmStudio));
    key.map(ToOwned::to_owned)
}

/// Only where a scenario sets a key; a health check never needs one, and Ollama knows none.
pub(super) fn authenticate(call: &Call, key: Option<&str>) -> Result<(), ApiError> {
    let open = call.path == "/health" || call.vendor == Vendor::Ollama;
    match key {
        Some(key) if !open && call.credential.as_deref() != Some(key) => {
            Err(ApiError::new(ErrorKind::Authentication))
        }
        _ => Ok(()),
    }
}

pub(super) fn generates(call: &Call) -> bool {
    call.is_post()
        && (matches!(call.path.as_str(), "/v1/chat/completions" | "/v1/responses")
            || (call.vendor == Vendor::Ollama && matches!(call.path.as_str(), "/api/chat" | "/api/generate")))
}

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    match (call.vendor, call.method.as_str(), call.path.as_str()) {
        (_, "POST", "/v1/chat/completions") => face::answer(call, cx),
        (_, "POST", "/v1/responses") => responses::answer(call, cx),
        (vendor, "POST", "/v1/embeddings") => {
            super::embed::answer(vendor, &call.body, |asked| unknown_model(vendor, asked))
        }
        (vendor, "GET", "/v1/models") => Ok(Answer::json(face::list(vendor))),
        (Vendor::Ollama, method, path) => ollama(method, path, call, cx),
        (Vendor::LlamaCpp, "GET", "/health") => Ok(Answer::json(json!({"status": "ok"}))),
        (Vendor::LlamaCpp, "GET", "/props") => Ok(Answer::json(props())),
        (Vendor::Vllm, "GET", "/health") => Ok(Answer::new(200, Payload::Empty)),
        (Vendor::LmStudio, "GET", "/api/v1/models") => Ok(Answer::json(instances())),
        (Vendor::LmStudio, method, path) => Err(ApiError::new(ErrorKind::NotFound)
            .with_message(format!("Unexpected endpoint or method. ({method} {path})"))),
        _ => Err(ApiError::new(ErrorKind::NotFound)),
    }
}

fn ollama(method: &str, path: &str, call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    match (method, path) {
        ("GET" | "HEAD", "/") => Ok(Answer::text("text/plain; charset=utf-8", "Ollama is running")),
        ("GET", "/api/version") => Ok(Answer::json(json!({"version": "0.21.0"}))),
        ("GET", "/api/tags") => Ok(Answer::json(catalogue::tags())),
        ("GET", "/api/ps") => Ok(Answer::json(catalogue::running())),
        ("POST", "/api/show") => catalogue::show(call).map(Answer::json),
        ("POST", "/api/pull") => Ok(catalogue::pull(call)),
        ("POST", "/api/chat") => native::chat(call, cx),
        ("POST", "/api/generate") => generate::answer(call, cx),
        ("POST", "/api/embed") => embed::many(call),
        ("POST", "/api/embeddings") => embed::one(call),
        _ => Err(ApiError::new(ErrorKind::NotFound)),
    }
}

/// What llama.cpp's server says of itself.
fn props() -> Value {
    json!({
        "default_generation_settings": {"n_ctx": models::RUNNING_CONTEXT},
        "total_slots": 1,
        "model_path": format!("/models/{}.gguf", models::MODELS[0].id),
        "model_alias": models::MODELS[0].id,
        "chat_template": "{{ messages }}",
        "build_info": "b7000-simulated",
    })
}

/// LM Studio's richer list, with what is loaded.
fn instances() -> Value {
    let models: Vec<Value> = models::MODELS
        .iter()
        .enumerate()
        .map(|(index, model)| {
            // The list also names models that are not loaded, so that being listed is not being ready.
            let loaded = json!([{
                "id": model.id,
                "config": {"context_length": models::RUNNING_CONTEXT},
            }]);
            json!({
                "type": "llm",
                "key": model.id,
                "display_name": model.id,
                "architecture": model.family,
                "params_string": model.parameters,
                "max_context_length": model.trained_context,
                "loaded_instances": if index == 0 { loaded } else { json!([]) },
            })
        })
        .collect();
    json!({"models": models})
}

pub(super) fn refuse(call: &Call, error: &ApiError) -> Answer {
    let native = call.vendor == Vendor::Ollama && call.path.starts_with("/api/");
    error::refuse(call.vendor, native, error)
}

fn unknown_model(vendor: Vendor, asked: &str) -> ApiError {
    let error = ApiError::new(ErrorKind::ModelNotFound);
    match vendor {
        Vendor::Vllm => {
            error.with_message(format!("The model `{asked}` does not exist.")).with_param("model")
        }
        _ => error.with_message(format!("model '{asked}' not found")),
    }
}
