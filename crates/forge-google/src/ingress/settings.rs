//! Settings of the answer.

use forge_core::{
    ModelRequest,
    request::{Effort, InvalidBody, OutputFormat},
};

use super::openapi::json_schema;
use crate::wire::{
    fields::Place,
    incoming::{GenerationConfig, ThinkingConfig},
};

/// The name of a schema where the dialect has none.
const OUTPUT: &str = "output";

/// Sets what a client says of the answer.
pub(super) fn apply(
    config: GenerationConfig,
    request: &mut ModelRequest,
    place: Place<'_>,
) -> Result<(), InvalidBody> {
    let field = |name| Place::Field(&place, name);
    if config.candidate_count.is_some_and(|count| count > 1) {
        return Err(field("candidateCount").wrong("has to be 1: this server gives one answer"));
    }
    if config.response_modalities.iter().any(|kind| !kind.eq_ignore_ascii_case("text")) {
        return Err(field("responseModalities").wrong("has to be TEXT: this server answers in text"));
    }
    request.sampling.temperature = config.temperature;
    request.sampling.top_p = config.top_p;
    request.sampling.top_k = config.top_k;
    request.sampling.seed = config.seed;
    request.sampling.presence_penalty = config.presence_penalty;
    request.sampling.frequency_penalty = config.frequency_penalty;
    request.max_tokens = config.max_output_tokens;
    request.stop_sequences = config.stop_sequences;
    let schema = config.response_json_schema.or_else(|| config.response_schema.map(json_schema));
    request.output = match (config.response_mime_type.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => OutputFormat::json_schema(OUTPUT, schema),
        (Some("application/json"), None) => OutputFormat::Json,
        (Some("text/plain" | "") | None, _) => OutputFormat::Text,
        // `text/x.enum` is a bare word, which no other vendor can be held to.
        (Some(other), _) => {
            return Err(field("responseMimeType").wants_word(&["text/plain", "application/json"], other));
        }
    };
    match config.thinking_config {
        Some(thinking) => think(thinking, request, field("thinkingConfig")),
        None => Ok(()),
    }
}

fn think(config: ThinkingConfig, request: &mut ModelRequest, place: Place<'_>) -> Result<(), InvalidBody> {
    request.show_thinking = config.include_thoughts;
    match config.thinking_budget {
        // The model decides.
        None | Some(-1) => {}
        Some(0) => request.effort = Some(Effort::None),
        Some(budget) => {
            let wrong = || Place::Field(&place, "thinkingBudget").wrong("is no number of tokens");
            request.thinking_budget = Some(u32::try_from(budget).map_err(|_| wrong())?);
        }
    }
    let Some(word) = config.thinking_level else { return Ok(()) };
    if word.eq_ignore_ascii_case("THINKING_LEVEL_UNSPECIFIED") {
        return Ok(());
    }
    let levels = ["MINIMAL", "LOW", "MEDIUM", "HIGH"];
    let wrong = || Place::Field(&place, "thinkingLevel").wants_word(&levels, &word);
    request.effort = Some(level(&word).ok_or_else(wrong)?);
    Ok(())
}

/// The level of a word, which the vendor takes in lower case too.
pub(super) fn level(word: &str) -> Option<Effort> {
    Some(match word.to_ascii_uppercase().as_str() {
        "MINIMAL" => Effort::Minimal,
        "LOW" => Effort::Low,
        "MEDIUM" => Effort::Medium,
        "HIGH" => Effort::High,
        _ => return None,
    })
}
