//! `forge ask`: one call.

use std::{process::ExitCode, sync::Arc, time::Duration};

use forge::{
    Asked, CallContext, Message, ModelRequest, ModelResponse, Money, ParticipantRole, Provider as _,
    ProviderError, StreamEvent,
    error::Phase,
    event::Delta,
    request::{Delivery, MessageRole, OutputFormat, Part, SystemText},
    route::{RouteTrace, Verdict},
    router::TaskContext,
    stream::Accumulator,
};
use serde_json::{Value, json};

use crate::{
    args::{Ask, GlobalArgs},
    error::CliError,
    files, log,
    material::{self, Content, Material},
    session,
    setup::Setup,
    signals::Interrupts,
    terminal::{self, Prose, millis, note},
};

/// The most bytes of a request's file. It may hold several pictures, each of them in base64.
const MAX_REQUEST_BYTES: u64 = 100 * 1024 * 1024;

pub(crate) async fn run(ask: Ask, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let about = match &ask.session {
        Some(id) => Some(session::report(id).await?),
        None => None,
    };
    // Before the system is opened: a mistake in the question is told without a look at the accounts or for
    // servers.
    let request = Arc::new(request(&ask, about.as_deref(), args.quiet)?);
    let question = question(&request);
    let system = Setup::open(args).await?;
    let role = ask.role.as_deref().map_or(ParticipantRole::Generalist, ParticipantRole::from);
    let mut cx = context(&system, &role, &ask, &request)?;
    let task = TaskContext::new(cx.call_id.to_string(), cx.participant.role.clone());
    cx.tags = cx.tags.with_task(task.id());
    let simulated = system.is_simulated();
    // Structured output is read by programs; for them stderr and `--json` say that it is simulated.
    let headed = simulated && !args.json && ask.schema.is_none();
    if headed {
        terminal::out("SIMULATED\n\n")?;
    }
    let call = call(&cx, &system, request, ask.raw || ask.schema.is_some(), args);
    // Listening begins before the call does, so that no interrupt falls between the two.
    let mut interrupts = Interrupts::new()?;
    let outcome = tokio::select! {
        outcome = call => outcome?,
        () = interrupts.next() => {
            // Said even to those who want quiet: the answer that they wait for does not come.
            note(false, "interrupted; the call was cancelled");
            // A second interrupt does not wait for the accounts.
            tokio::select! {
                () = system.close(Duration::ZERO) => {}
                () = interrupts.next() => {}
            }
            // What shells give to a program that an interrupt has ended: 128 and the number of the signal.
            return Ok(130.into());
        }
    };
    system.log(task, &outcome);
    // The one call has ended, so that there is nothing to give time to.
    system.close(Duration::ZERO).await;
    match outcome {
        Ok(response) => {
            let cost = system.router().cost(&response);
            if !ask.no_log && log::is_on() {
                let kept = log::Question {
                    id: cx.call_id.to_string(),
                    simulated,
                    text: &question,
                    answer: &response.text(),
                    provider: response.participant.provider_id.as_str(),
                    model: response.model.as_str(),
                    cost,
                };
                log::keep(&kept, args.quiet);
            }
            if args.json {
                terminal::json(&success(&response, cost, simulated))?;
            }
            report(args.quiet, &response, cost);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let failure = CliError::provider(&error);
            // A program finds the same in the object, as `attempts`.
            if let Some(route) = error.route.as_ref().filter(|_| !args.json) {
                tell_failures(args.quiet, route);
            }
            Err(failure.with_facts(failed(&cx, &error, simulated)))
        }
    }
}

/// Who is asked: the provider that the user names, else whoever plays the role.
fn context(
    system: &Setup,
    role: &ParticipantRole,
    ask: &Ask,
    request: &Arc<ModelRequest>,
) -> Result<CallContext, CliError> {
    let (provider, model) = (ask.provider.clone(), ask.model.clone());
    let asked = Asked { role: role.clone(), provider, model };
    system.call_for(&asked, request).map_err(|error| CliError::usage(error.to_string(), error.next()))
}

/// What the last message asks, in words.
fn question(request: &ModelRequest) -> String {
    let texts = request.messages.last().into_iter().flat_map(|message| &message.parts);
    let texts = texts.filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Makes the call; text goes to stdout while it comes, if it is to be shown. The outer error is the
/// command's, the inner one the provider's.
pub(crate) async fn call(
    cx: &CallContext,
    system: &Setup,
    request: Arc<ModelRequest>,
    raw: bool,
    args: GlobalArgs<'_>,
) -> Result<Result<ModelResponse, ProviderError>, CliError> {
    let (quiet, shown) = (args.quiet, !args.json);
    let mut accumulator = Accumulator::new(cx);
    let mut stream = match system.router().stream(cx, request).await {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    let mut ends_with_line = true;
    let mut prose = Prose::new(raw);
    let mut failure = None;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if let StreamEvent::Started(started) = &event
                    && let Some(route) = &started.route
                {
                    tell_failures(quiet, route);
                }
                if let StreamEvent::PartDelta { delta: Delta::Text(text), .. } = &event
                    && shown
                {
                    prose.push(text)?;
                    ends_with_line = text.ends_with('\n');
                }
                // What has arrived is kept as the error's partial answer; the vendor may have billed it.
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
    // A shell's prompt would stand behind the last word.
    if shown && !ends_with_line {
        prose.push("\n")?;
    }
    prose.end()?;
    Ok(match failure {
        Some(error) => Err(accumulator.interrupted(error)),
        None => accumulator.finish(),
    })
}

fn request(ask: &Ask, about: Option<&str>, quiet: bool) -> Result<ModelRequest, CliError> {
    let mut request = match &ask.request {
        None => ModelRequest::default(),
        Some(path) => {
            serde_json::from_slice(&files::read_bytes(path, MAX_REQUEST_BYTES)?).map_err(|error| {
                CliError::content(path, "a request (fields as in `forge_core::ModelRequest`)", &error)
            })?
        }
    };
    if let Some(system) = &ask.system {
        request.system = vec![SystemText::new(system)].into();
    }
    if let Some(role) = &ask.role {
        let modifier = ParticipantRole::from(role.as_str()).system_prompt_modifier();
        request = request.with_system_text(SystemText::new(modifier));
    }
    let parts = parts(ask, about, quiet)?;
    if !parts.is_empty() {
        request.messages.push(Message::new(MessageRole::User, parts));
    }
    if request.messages.is_empty() {
        return Err(CliError::usage("the request has no messages", "add a prompt, or messages to the file"));
    }
    if let Some(path) = &ask.schema {
        let schema: Value = serde_json::from_slice(&files::read_bytes(path, MAX_REQUEST_BYTES)?)
            .map_err(|error| CliError::content(path, "a JSON Schema", &error))?;
        request.output = OutputFormat::json_schema("answer", schema);
    }
    // The command line goes before the file: it is what was typed for this call.
    request.max_tokens = ask.max_tokens.or(request.max_tokens);
    request.sampling.temperature = ask.temperature.or(request.sampling.temperature);
    if ask.no_stream {
        request.delivery = Delivery::Whole;
    }
    Ok(request)
}

/// The prompt, and after it what the model is to work from.
fn parts(ask: &Ask, about: Option<&str>, quiet: bool) -> Result<Vec<Part>, CliError> {
    let reads_prompt = ask.prompt.as_deref() == Some("-");
    let mut text = match ask.prompt.as_deref() {
        Some("-") => files::standard_input()?,
        Some(prompt) => {
            material::tell_of_mentions(prompt, quiet);
            prompt.to_owned()
        }
        None => String::new(),
    };
    if ask.prompt.is_some() && text.trim().is_empty() {
        return Err(CliError::usage("the prompt is empty", "say what the model should answer"));
    }
    if let Some(report) = about {
        text = format!("{text}\n\nThis is about the following report:\n\n{report}");
    }
    let mut all = material::read(&ask.references, quiet)?;
    // Standard input can be read once, and somebody may have it already.
    if !reads_prompt && !ask.references.iter().any(|path| path.as_os_str() == "-") {
        all.extend(material::piped()?);
    }
    let mut media = Vec::new();
    for Material { name, content } in all {
        match content {
            Content::Text(read) if name == "standard input" => text = format!("{text}\n\n{read}"),
            Content::Text(read) => text = format!("{text}\n\n{name}:\n\n{read}"),
            Content::Media(part) => media.push(*part),
        }
    }
    let text = Some(text.trim_start_matches('\n')).filter(|text| !text.is_empty()).map(Part::text);
    // Pictures and documents first, the question last, as vendors advise for long material.
    Ok(media.into_iter().chain(text).collect())
}

/// A line for each route that did not answer, and one for the one that answers in its place.
fn tell_failures(quiet: bool, route: &RouteTrace) {
    for one in &route.candidates {
        let why = match &one.verdict {
            Verdict::Chosen if route.candidates.len() > 1 => {
                note(quiet, &format!("{} answers instead ({})", one.provider, one.origin));
                continue;
            }
            Verdict::Chosen | Verdict::Next => continue,
            Verdict::Passed(why) => format!("was not asked: {why}"),
            Verdict::Failed(_) => {
                let attempts: Vec<_> =
                    route.failed.iter().filter(|failed| failed.provider == one.provider).collect();
                let Some(last) = attempts.last() else { continue };
                let status = last.http_status.map_or_else(String::new, |status| format!(" (HTTP {status})"));
                let times = if attempts.len() == 1 { "" } else { &format!(" {} times", attempts.len()) };
                format!("failed{times}: {}{status}: {}", last.error.describe(), last.message)
            }
        };
        note(quiet, &format!("{} {why}", one.provider));
    }
}

/// One line for people: who answered, tokens, price, time, why it ended; then what they should know.
pub(crate) fn report(quiet: bool, response: &ModelResponse, cost: Option<Money>) {
    // Unknown is not zero: a 0 would look like a count.
    let count = |tokens: Option<u64>| tokens.map_or_else(|| "?".into(), |tokens| tokens.to_string());
    let price = cost.map_or_else(|| "price unknown".into(), |cost| cost.to_string());
    let reason = response.raw_stop_reason.as_deref().unwrap_or("finished");
    let line = format!(
        "{}/{}: {} tokens in, {} out, {price}, {:.1} s, {reason}",
        response.participant.provider_id,
        response.model,
        count(response.tokens.total_input()),
        count(response.tokens.total_output()),
        response.duration.as_secs_f64(),
    );
    note(quiet, &line);
    for part in &response.content {
        if let Part::ToolUse { name, input, .. } = part {
            note(quiet, &format!("tool call: {name} {}", input.to_text()));
        }
    }
    if let Some(detail) = &response.stop_detail {
        let words: Vec<_> = [&detail.category, &detail.explanation].into_iter().flatten().cloned().collect();
        note(quiet, &format!("the vendor says: {}", words.join(": ")));
    }
    for warning in &response.warnings {
        note(quiet, &format!("warning: {}: {}", warning.about, warning.message));
    }
}

pub(crate) fn success(response: &ModelResponse, cost: Option<Money>, simulated: bool) -> Value {
    let participant = &response.participant;
    let mut attempts = failed_attempts(response.route.as_deref());
    attempts.push(json!({
        "provider": participant.provider_id,
        "model": participant.model_id,
        "status": "success",
        "duration_ms": millis(response.duration),
    }));
    let object = json!({
        "simulated": simulated,
        "role": participant.role,
        "provider": participant.provider_id,
        "vendor": participant.provider,
        "model": participant.model_id,
        "model_served": response.model,
        "text": response.text(),
        "parts": response.content,
        "stop_reason": response.stop_reason,
        "raw_stop_reason": response.raw_stop_reason,
        "stop_sequence": response.stop_sequence,
        "stop_detail": response.stop_detail,
        "usage": response.tokens,
        "id": response.id,
        "request_id": response.request_id,
        "duration_ms": millis(response.duration),
        "first_token_ms": response.first_token.map(millis),
        "rate_limit": response.rate_limit,
        "warnings": response.warnings,
        "route": response.route.as_ref().map(|route| &route.candidates),
        "attempts": attempts,
    });
    terminal::with_cost(object, cost)
}

pub(crate) fn failed(cx: &CallContext, error: &ProviderError, simulated: bool) -> Value {
    let route = error.route.as_deref();
    // Whoever had begun to answer; else whoever failed last.
    let answering = route.and_then(|route| route.participant.as_ref());
    let last = route.and_then(|route| route.failed.last());
    let named = &cx.participant;
    let (provider, model) = match (answering, last) {
        (Some(one), _) => (&one.provider_id, &one.model_id),
        (None, Some(last)) => (&last.provider, &last.model),
        (None, None) => (&named.provider_id, &named.model_id),
    };
    let mut attempts = failed_attempts(route);
    // The route ends with who began to answer, so that this attempt is not among its failures.
    if error.phase == Phase::AfterOutput {
        attempts.push(json!({
            "provider": provider,
            "model": model,
            "status": "failure",
            "error": error.kind,
            "phase": error.phase,
            "code": error.code,
            "message": error.message,
            "request_id": error.request_id,
        }));
    }
    json!({
        "simulated": simulated,
        "role": named.role,
        "provider": provider,
        "model": model,
        "retry_after_ms": error.retry_after.map(millis),
        "partial_text": error.partial.as_ref().map(|partial| partial.text()),
        "route": route.map(|route| &route.candidates),
        "attempts": attempts,
    })
}

fn failed_attempts(route: Option<&RouteTrace>) -> Vec<Value> {
    let failed = route.iter().flat_map(|route| &route.failed);
    failed
        .map(|attempt| {
            let mut attempt = json!(attempt);
            attempt["status"] = "failure".into();
            attempt
        })
        .collect()
}
