//! Ollama's own calls for vectors.

use serde_json::{Value, json};

use super::unknown_model;
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::dialect::embed::{dimensions, vector};
use crate::tokens::count;
use crate::usage::Usage;
use crate::vendor::Vendor;

fn model(call: &Call) -> Result<(&str, usize), ApiError> {
    let asked = call.body.get("model").and_then(Value::as_str).unwrap_or_default();
    let wanted = call.body.get("dimensions").and_then(Value::as_u64);
    let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
    let found = dimensions(Vendor::Ollama, asked, wanted);
    Ok((asked, found.ok_or_else(|| unknown_model(Vendor::Ollama, asked))??))
}

/// `POST /api/embed`: a text or a list of texts.
pub(super) fn many(call: &Call) -> Result<Answer, ApiError> {
    let (asked, dimensions) = model(call)?;
    let texts: Vec<&str> = match call.body.get("input") {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) if texts.iter().all(Value::is_string) => {
            texts.iter().filter_map(Value::as_str).collect()
        }
        _ => return Err(ApiError::invalid("invalid input type")),
    };
    let tokens = texts.iter().map(|text| count(text, 100)).sum();
    let vectors: Vec<Vec<f64>> = texts.iter().map(|text| vector(text, dimensions)).collect();
    let reply = json!({
        "model": asked,
        "embeddings": vectors,
        "total_duration": 3_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": tokens,
    });
    Ok(Answer::json(reply).reporting(Usage { input: tokens, ..Usage::default() }, asked))
}

/// `POST /api/embeddings`, the older call for one prompt.
pub(super) fn one(call: &Call) -> Result<Answer, ApiError> {
    let (_, dimensions) = model(call)?;
    let prompt = call.body.get("prompt").and_then(Value::as_str).unwrap_or_default();
    Ok(Answer::json(json!({"embedding": vector(prompt, dimensions)})))
}
