//! `POST /v1/responses` of servers that took it over from OpenAI.

use serde_json::Value;

use super::models::{self, RUNNING_CONTEXT};
use super::unknown_model;
use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::dialect::openai::{Host, Previous, Thoughts, respond};
use crate::vendor::Vendor;

/// Where each server puts thoughts, and what it makes of an earlier response.
const HABITS: &[(Vendor, Thoughts, Previous)] = &[
    (Vendor::Ollama, Thoughts::Summary, Previous::Ignored),
    (
        Vendor::LlamaCpp,
        Thoughts::Content,
        Previous::Refused("llama.cpp does not support 'previous_response_id'."),
    ),
    (Vendor::Vllm, Thoughts::Content, Previous::Unkept),
    (Vendor::LmStudio, Thoughts::Content, Previous::Kept),
];

pub(super) fn answer(call: &Call, cx: &mut Context<'_>) -> Result<Answer, ApiError> {
    let vendor = call.vendor;
    let asked = call.body.get("model").and_then(Value::as_str).unwrap_or_default();
    let model = models::find(vendor, asked).ok_or_else(|| unknown_model(vendor, asked))?;
    let habits = HABITS.iter().find(|(known, ..)| *known == vendor);
    let (_, thoughts, previous) = habits.ok_or_else(|| unknown_model(vendor, asked))?;
    let facts = model.facts(vendor, asked, RUNNING_CONTEXT);
    respond(call, &Host::other(model.id, facts, model.thinks, *thoughts, *previous), cx)
}
