//! `…:embedContent` and `…:batchEmbedContents`.

use serde_json::{Value, json};

use super::field::{check_names, get, list, text};
use super::unknown_model;
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::dialect::embed::{dimensions, vector};
use crate::tokens::count;
use crate::usage::Usage;
use crate::vendor::Vendor;

const FIELDS: &[&str] =
    &["content", "embedContentConfig", "model", "outputDimensionality", "taskType", "title"];

pub(super) fn one(body: &Value, model: &str) -> Result<Answer, ApiError> {
    let (vector, tokens) = embedding(body, model)?;
    let usage = json!({"promptTokenCount": tokens});
    Ok(reporting(json!({"embedding": {"values": vector}, "usageMetadata": usage}), tokens, model))
}

pub(super) fn many(body: &Value, model: &str) -> Result<Answer, ApiError> {
    check_names(body, "", &["requests"])?;
    let requests = list(body, "requests");
    if requests.is_empty() {
        return Err(ApiError::invalid("* BatchEmbedContentsRequest.requests: cannot be empty"));
    }
    let each: Vec<(Vec<f64>, u64)> =
        requests.iter().map(|request| embedding(request, model)).collect::<Result<_, _>>()?;
    let tokens = each.iter().map(|(_, tokens)| tokens).sum();
    let vectors: Vec<Value> = each.iter().map(|(vector, _)| json!({"values": vector})).collect();
    Ok(reporting(
        json!({"embeddings": vectors, "usageMetadata": {"promptTokenCount": tokens}}),
        tokens,
        model,
    ))
}

fn reporting(reply: Value, tokens: u64, model: &str) -> Answer {
    Answer::json(reply).reporting(Usage { input: tokens, ..Usage::default() }, model)
}

fn embedding(request: &Value, model: &str) -> Result<(Vec<f64>, u64), ApiError> {
    check_names(request, "", FIELDS)?;
    let config = get(request, "embedContentConfig").unwrap_or(request);
    let wanted = get(config, "outputDimensionality").and_then(Value::as_u64);
    let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
    let dimensions = dimensions(Vendor::Google, model, wanted).ok_or_else(|| unknown_model(model))??;
    let parts = get(request, "content").map(|content| list(content, "parts")).unwrap_or_default();
    let words: Vec<&str> = parts.iter().filter_map(|part| text(part, "text")).collect();
    if parts.is_empty() {
        return Err(ApiError::invalid("* EmbedContentRequest.content: contents is not specified"));
    }
    let words = words.join(" ");
    Ok((vector(&words, dimensions), count(&words, 100)))
}
