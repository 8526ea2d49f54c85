//! `forge ask`: one call.

use std::{io::Read as _, path::Path, process::ExitCode, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forge::{
    Accumulator, CallContext, Delivery, Delta, Message, MessageRole, ModelRequest, ModelResponse, Money,
    OutputFormat, Part, ParticipantRole, ProviderError, StreamEvent,
};
use serde_json::{Value, json};

use crate::{
    args::Ask,
    error::CliError,
    setup::{Configured, Providers},
    show::{self, note},
};

/// Pictures larger than this are refused by every vendor.
const MAX_IMAGE_BYTES: u64 = 20 * 1024 * 1024;

pub(crate) async fn run(ask: Ask, quiet: bool) -> Result<ExitCode, CliError> {
    let request = request(&ask)?;
    let providers = Providers::choose(ask.source, quiet).await?;
    let chosen = providers.pick(ask.provider.as_deref())?;
    let role = ask.role.as_deref().map_or(ParticipantRole::Generalist, ParticipantRole::from);
    let participant = chosen.participant(ask.model.as_deref()).await?.with_role(role);
    let cx = CallContext::new(participant);
    let simulated = providers.simulated_flag();
    // Structured output is read by programs; for them stderr and `--json` say that it is simulated.
    let headed = simulated && !ask.json && ask.schema.is_none();
    if headed {
        show::out("SIMULATED\n\n").map_err(|error| CliError::stdout(&error))?;
    }
    let call = call(&cx, chosen, Arc::new(request), !ask.json);
    let outcome = tokio::select! {
        outcome = call => outcome?,
        _ = tokio::signal::ctrl_c() => {
            note(false, "interrupted; the call was cancelled");
            return Ok(130.into());
        }
    };
    match outcome {
        Ok(response) => {
            let cost = cost(chosen, &response);
            if ask.json {
                show::json(&success(chosen, &response, cost, simulated))
                    .map_err(|error| CliError::stdout(&error))?;
            }
            report(quiet, chosen, &response, cost);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let failure = CliError::provider(&error);
            if ask.json {
                show::json(&failed(chosen, &cx, &error, &failure, simulated))
                    .map_err(|error| CliError::stdout(&error))?;
            }
            Err(failure)
        }
    }
}

/// Makes the call; text goes to stdout while it comes, if it is to be shown. The outer error is the
/// command's, the inner one the provider's.
async fn call(
    cx: &CallContext,
    chosen: &Configured,
    request: Arc<ModelRequest>,
    shown: bool,
) -> Result<Result<ModelResponse, ProviderError>, CliError> {
    let mut accumulator = Accumulator::new(cx);
    let mut stream = match chosen.adapter.stream(cx, request).await {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    let mut ends_with_line = true;
    let mut failure = None;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if let StreamEvent::PartDelta { delta: Delta::Text(text), .. } = &event
                    && shown
                {
                    show::out(text).map_err(|error| CliError::stdout(&error))?;
                    ends_with_line = text.ends_with('\n');
                }
                if let Err(error) = accumulator.push(event) {
                    failure = Some(error);
                    break;
                }
            }
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if shown && !ends_with_line {
        show::out("\n").map_err(|error| CliError::stdout(&error))?;
    }
    Ok(match failure {
        Some(error) => Err(accumulator.interrupted(error)),
        None => accumulator.finish(),
    })
}

fn request(ask: &Ask) -> Result<ModelRequest, CliError> {
    let mut request = match &ask.request {
        None => ModelRequest::default(),
        Some(path) => serde_json::from_slice(&read(path)?).map_err(|error| {
            CliError::content(path, "a request (fields as in `forge_core::ModelRequest`)", &error)
        })?,
    };
    if let Some(system) = &ask.system {
        request.system.clone_from(system);
    }
    if let Some(role) = &ask.role {
        let modifier = ParticipantRole::from(role.as_str()).system_prompt_modifier();
        let gap = if request.system.is_empty() || modifier.is_empty() { "" } else { "\n\n" };
        request.system = format!("{}{gap}{modifier}", request.system);
    }
    let mut parts = Vec::new();
    for path in &ask.images {
        parts.push(image(path)?);
    }
    match ask.prompt.as_deref() {
        Some("-") => parts.push(Part::text(standard_input()?)),
        Some(prompt) => parts.push(Part::text(prompt)),
        None => {}
    }
    if parts.iter().any(|part| matches!(part, Part::Text { text, .. } if text.trim().is_empty())) {
        return Err(CliError::usage("the prompt is empty", "say what the model should answer"));
    }
    if !parts.is_empty() {
        request.messages.push(Message { role: MessageRole::User, parts });
    }
    if request.messages.is_empty() {
        return Err(CliError::usage("the request has no messages", "add a prompt, or messages to the file"));
    }
    if let Some(path) = &ask.schema {
        let schema: Value = serde_json::from_slice(&read(path)?)
            .map_err(|error| CliError::content(path, "a JSON Schema", &error))?;
        request.output = OutputFormat::JsonSchema { name: "answer".into(), schema };
    }
    request.max_tokens = ask.max_tokens.or(request.max_tokens);
    request.sampling.temperature = ask.temperature.or(request.sampling.temperature);
    if ask.no_stream {
        request.delivery = Delivery::Whole;
    }
    Ok(request)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::file(path, &error))
}

fn standard_input() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CliError::failed("standard input is not text", &error))?;
    Ok(text)
}

fn image(path: &Path) -> Result<Part, CliError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let media_type = match extension.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => {
            let what = format!("{} is not a picture that models take", path.display());
            return Err(CliError::usage(what, "give a .png, .jpg, .gif or .webp file"));
        }
    };
    let size = std::fs::metadata(path).map_err(|error| CliError::file(path, &error))?.len();
    if size > MAX_IMAGE_BYTES {
        let what = format!("{} is larger than {} MiB", path.display(), MAX_IMAGE_BYTES / 1024 / 1024);
        return Err(CliError::usage(what, "make the picture smaller"));
    }
    Ok(Part::image_base64(media_type, STANDARD.encode(read(path)?)))
}

fn cost(chosen: &Configured, response: &ModelResponse) -> Option<Money> {
    let day = response.timestamp.date_naive();
    forge::models().cost(&chosen.kind.into(), &response.model, day, &response.tokens)
}

/// One line for people: who answered, tokens, price, time, why it ended; then what they should know.
fn report(quiet: bool, chosen: &Configured, response: &ModelResponse, cost: Option<Money>) {
    let count = |tokens: Option<u64>| tokens.map_or_else(|| "?".into(), |tokens| tokens.to_string());
    let price = cost.map_or_else(|| "price unknown".into(), |cost| cost.to_string());
    let reason = response.raw_stop_reason.as_deref().unwrap_or("finished");
    let line = format!(
        "{}/{}: {} tokens in, {} out, {price}, {:.1} s, {reason}",
        chosen.id,
        response.model,
        count(response.tokens.total_input()),
        count(response.tokens.total_output()),
        response.duration.as_secs_f64(),
    );
    note(quiet, &line);
    for part in &response.content {
        if let Part::ToolUse { name, input, .. } = part {
            note(quiet, &format!("tool call: {name} {input}"));
        }
    }
    for warning in &response.warnings {
        note(quiet, &format!("warning: {}: {}", warning.about, warning.message));
    }
}

/// The version of the object that `--json` prints.
const SCHEMA_VERSION: &str = "1.0";

fn success(chosen: &Configured, response: &ModelResponse, cost: Option<Money>, simulated: bool) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "simulated": simulated,
        "provider": chosen.id,
        "model_asked": response.participant.model,
        "model_served": response.model,
        "text": response.text(),
        "parts": response.content,
        "stop_reason": response.stop_reason,
        "raw_stop_reason": response.raw_stop_reason,
        "usage": response.tokens,
        "cost_usd": cost.map(Money::dollars),
        "cost_nanos": cost,
        "id": response.id,
        "request_id": response.request_id,
        "duration_ms": millis(response.duration),
        "first_token_ms": response.first_token.map(millis),
        "rate_limit": response.rate_limit,
        "warnings": response.warnings,
        "attempts": [{
            "provider": chosen.id,
            "model": response.participant.model,
            "status": "success",
            "duration_ms": millis(response.duration),
        }],
    })
}

fn failed(
    chosen: &Configured,
    cx: &CallContext,
    error: &ProviderError,
    failure: &CliError,
    simulated: bool,
) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "simulated": simulated,
        "provider": chosen.id,
        "model_asked": cx.participant.model,
        "error": failure.to_json(),
        "partial_text": error.partial.as_ref().map(|partial| partial.text()),
        "attempts": [{
            "provider": chosen.id,
            "model": cx.participant.model,
            "status": "failure",
            "error": error.kind,
            "phase": error.phase,
            "http_status": error.status,
            "code": error.code,
            "request_id": error.request_id,
            "retry_after_ms": error.retry_after.map(millis),
        }],
    })
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
