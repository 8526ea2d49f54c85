//! What Ollama says of its models.

use serde_json::{Value, json};

use super::models::{self, Model, RUNNING_CONTEXT};
use super::native::{CREATED_AT, find, lines, streams};
use crate::answer::{Answer, Frame};
use crate::api_error::ApiError;
use crate::call::Call;

fn details(model: &Model) -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": "Q4_K_M",
    })
}

fn entry(model: &Model) -> Value {
    let name = format!("{}:latest", model.id);
    json!({
        "name": name,
        "model": name,
        "size": 5_225_388_164_u64,
        "digest": "simulated",
        "details": details(model),
    })
}

/// `GET /api/tags`: what is on the disk.
pub(super) fn tags() -> Value {
    let models: Vec<Value> = models::MODELS
        .iter()
        .map(|model| {
            let mut entry = entry(model);
            entry["modified_at"] = CREATED_AT.into();
            entry
        })
        .collect();
    json!({"models": models})
}

/// `GET /api/ps`: what is in memory.
pub(super) fn running() -> Value {
    let mut entry = entry(&models::MODELS[0]);
    entry["expires_at"] = CREATED_AT.into();
    entry["size_vram"] = 5_225_388_164_u64.into();
    // Less than the model was trained for: a client that goes by `/api/show` overruns it.
    entry["context_length"] = RUNNING_CONTEXT.into();
    json!({"models": [entry]})
}

/// `POST /api/show`.
pub(super) fn show(call: &Call) -> Result<Value, ApiError> {
    let asked = ["model", "name"]
        .into_iter()
        .find_map(|field| call.body.get(field)?.as_str())
        .ok_or_else(|| ApiError::invalid("model is required"))?;
    let model = find(asked)?;
    let mut capabilities = vec!["completion"];
    if model.tools {
        capabilities.push("tools");
    }
    if model.thinks {
        capabilities.push("thinking");
    }
    let mut info = json!({"general.architecture": model.family});
    info[format!("{}.context_length", model.family)] = model.trained_context.into();
    Ok(json!({
        "modelfile": "# simulated",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": details(model),
        "model_info": info,
        "capabilities": capabilities,
        "modified_at": CREATED_AT,
    }))
}

/// `POST /api/pull`: every model is there already, and another one is nowhere.
pub(super) fn pull(call: &Call) -> Answer {
    let asked = ["model", "name"].into_iter().find_map(|field| call.body.get(field)?.as_str());
    let end = match asked.map(find) {
        Some(Ok(_)) => json!({"status": "success"}),
        _ => json!({"error": "pull model manifest: file does not exist"}),
    };
    if !streams(&call.body) {
        return Answer::json(end);
    }
    let begun = json!({"status": "pulling manifest"});
    lines(vec![Frame::data(begun.to_string()), Frame::data(end.to_string()).terminal()])
}
