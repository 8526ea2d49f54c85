//! Embeddings: `POST /embeddings` as OpenAI made it, and the vectors of all dialects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::chat::{missing, wrong_type};
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::error_kind::ErrorKind;
use crate::seed::{Rng, hash};
use crate::tokens::count;
use crate::usage::Usage;
use crate::vendor::Vendor;

/// A model that embeds, and where.
#[derive(Debug, Clone, Copy)]
struct Embedder {
    server: &'static str,
    id: &'static str,
    dimensions: usize,
    /// Gives fewer dimensions to those who ask.
    shortens: bool,
}

const fn embedder(server: &'static str, id: &'static str, dimensions: usize, shortens: bool) -> Embedder {
    Embedder { server, id, dimensions, shortens }
}

const EMBEDDERS: &[Embedder] = &[
    embedder("openai", "text-embedding-3-small", 1536, true),
    embedder("openai", "text-embedding-3-large", 3072, true),
    embedder("openai", "text-embedding-ada-002", 1536, false),
    embedder("google", "gemini-embedding-001", 3072, true),
    embedder("google", "gemini-embedding-2", 3072, true),
    embedder("ollama", "nomic-embed-text", 768, true),
    embedder("llamacpp", ANY, 768, false),
    embedder("vllm", "nomic-embed-text", 768, true),
    embedder("lmstudio", ANY, 768, false),
    embedder("mistral", "mistral-embed", 1024, false),
    embedder("openrouter", "openai/text-embedding-3-small", 1536, true),
    embedder("together", "intfloat/multilingual-e5-large-instruct", 1024, false),
    embedder("zai", "embedding-3", 2048, true),
    embedder("dashscope", "text-embedding-v4", 1024, true),
    embedder("google-compatible", "gemini-embedding-001", 3072, true),
    embedder("sglang", ANY, 768, false),
];

/// Answers for every name.
const ANY: &str = "*";

/// How many numbers the model's vectors have, where the server knows it.
pub(super) fn dimensions(
    vendor: Vendor,
    asked: &str,
    wanted: Option<usize>,
) -> Option<Result<usize, ApiError>> {
    // A name without a tag means the latest in Ollama, so that both are one model.
    let name = if vendor == Vendor::Ollama { asked.trim_end_matches(":latest") } else { asked };
    let mut rows = EMBEDDERS.iter().filter(|row| row.server == vendor.id());
    let row = rows.find(|row| row.id == ANY || row.id == name)?;
    Some(match wanted {
        None => Ok(row.dimensions),
        Some(wanted)
            if wanted == row.dimensions || (row.shortens && (1..row.dimensions).contains(&wanted)) =>
        {
            Ok(wanted)
        }
        Some(_) => {
            Err(ApiError::invalid("This model does not support specifying dimensions.")
                .with_param("dimensions"))
        }
    })
}

/// Whether the server has the call at all.
pub(super) fn offered(vendor: Vendor) -> bool {
    EMBEDDERS.iter().any(|row| row.server == vendor.id())
}

/// A vector of length 1. Each word adds a direction of its own, so that texts that share words are near each other.
pub(super) fn vector(text: &str, dimensions: usize) -> Vec<f64> {
    let mut sum = vec![0.0; dimensions];
    // One word more than the text has, so that a text of blanks alone has a length to divide by.
    for word in text.split_whitespace().chain([""]) {
        // Of the word alone and not of the simulator's seed: vectors of two runs can be compared.
        let mut rng = Rng::new(hash(0, &[b"embedding", word.to_lowercase().as_bytes()]));
        for number in &mut sum {
            *number += rng.unit() - 0.5;
        }
    }
    let length = sum.iter().map(|number| number * number).sum::<f64>().sqrt();
    // Six digits, as the vendors print about as many.
    sum.iter().map(|number| (number / length * 1e6).round() / 1e6).collect()
}

/// `POST /embeddings`. `not_found` is the server's refusal of a model.
pub(super) fn answer(
    vendor: Vendor,
    body: &Value,
    not_found: impl Fn(&str) -> ApiError,
) -> Result<Answer, ApiError> {
    let asked = body.get("model").and_then(Value::as_str).unwrap_or_default();
    let wanted =
        body.get("dimensions").and_then(Value::as_u64).and_then(|wanted| usize::try_from(wanted).ok());
    let dimensions = dimensions(vendor, asked, wanted).ok_or_else(|| not_found(asked))??;
    let texts = texts(body.get("input").ok_or_else(|| missing("input"))?)?;
    let packed = match body.get("encoding_format").and_then(Value::as_str) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(wrong_type("encoding_format", "one of 'float' or 'base64'")),
    };
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = vector(text, dimensions);
            let embedding = if packed { pack(&numbers).into() } else { json!(numbers) };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = texts.iter().map(|text| count(text, 100)).sum();
    let usage = Usage { input: tokens, ..Usage::default() };
    let reply = json!({
        "object": "list",
        "data": data,
        "model": asked,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    Ok(Answer::json(reply).reporting(usage, asked))
}

/// Single precision, the low byte first.
fn pack(numbers: &[f64]) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "the form has half the precision")]
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

const MOST_TEXTS: usize = 2048;

/// A text, a list of texts, the tokens of one text or the tokens of several.
fn texts(input: &Value) -> Result<Vec<String>, ApiError> {
    let invalid = || {
        ApiError::new(ErrorKind::InvalidRequest)
            .with_message("'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.")
    };
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        // A token stands for about a word.
        Value::Array(tokens) if !tokens.is_empty() && tokens.iter().all(Value::is_u64) => {
            Ok(tokens.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        _ => Err(invalid()),
    };
    match input {
        Value::Array(items) if !items.iter().all(Value::is_u64) && items.len() <= MOST_TEXTS => {
            items.iter().map(text).collect()
        }
        single => Ok(vec![text(single)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearness(one: &str, other: &str) -> f64 {
        vector(one, 64).iter().zip(vector(other, 64)).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn vectors_have_length_one_and_shared_words_bring_them_near() {
        assert!((nearness("a queue without a bound", "a queue without a bound") - 1.0).abs() < 1e-3);
        assert!(
            nearness("a queue without a bound", "the queue with a bound")
                > nearness("a queue", "red herring")
        );
        assert_eq!(vector("", 8), vector(" \n", 8));
    }

    #[test]
    fn inputs_come_in_four_forms() {
        assert_eq!(texts(&json!("a")).unwrap(), ["a"]);
        assert_eq!(texts(&json!(["a", "b"])).unwrap(), ["a", "b"]);
        assert_eq!(texts(&json!([1, 2])).unwrap(), ["1 2"]);
        assert_eq!(texts(&json!([[1], [2, 3]])).unwrap(), ["1", "2 3"]);
        for wrong in [json!(""), json!([]), json!([""]), json!([["a"]]), json!(7)] {
            assert!(texts(&wrong).is_err(), "{wrong}");
        }
    }
}
