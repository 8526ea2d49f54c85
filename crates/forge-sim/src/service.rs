//! One request from its head to its planned reply.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::answer::{Answer, Payload};
use crate::api_error::ApiError;
use crate::app::{Active, App};
use crate::call::{Call, parse_query};
use crate::context::Context;
use crate::control;
use crate::dialect;
use crate::error_kind::ErrorKind;
use crate::journal::{RecordedRequest, Ticket, mask, masked_headers};
use crate::scenario::{Rule, rule_for};
use crate::transport::{Connection, Pace, Plan, PlannedBody, Severed, plan};
use crate::vendor::Vendor;

/// Bodies beyond this are refused with the vendor's 413: 32 MiB, the limit of the Messages API, which holds
/// here for all.
const MAX_BODY: usize = 32 << 20;

pub(crate) async fn serve(
    app: Arc<App>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<PlannedBody>, Severed> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let body = read(body).await;
    let path = head.uri.path();
    if let Some(command) = path.strip_prefix("/__sim") {
        let answer = control::answer(&app, &head.method, command, body.as_deref());
        return Ok(respond(faultless(answer), connection, None));
    }
    let query = parse_query(head.uri.query().unwrap_or(""));
    let split = Vendor::split_path(path, &app.servers);
    let too_large = body.is_none();
    let raw_body = body.unwrap_or_default();
    let parsed = serde_json::from_slice::<Value>(&raw_body);
    let recorded = RecordedRequest {
        seq: 0,
        at_ms: 0,
        vendor: split.map(|(vendor, _)| vendor),
        method: head.method.to_string(),
        path: shown_path(path, &query),
        headers: masked_headers(&head.headers),
        body: match &parsed {
            Ok(value) => value.clone(),
            Err(_) if raw_body.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&raw_body).into_owned()),
        },
        outcome: None,
    };
    // Before anything is decided, so that requests that are refused or reset stand in the journal too.
    let ticket = app.journal.open(recorded, raw_body.len(), arrived);
    let Some((vendor, rest)) = split else {
        let known: Vec<&str> = Vendor::known(&app.servers).map(Vendor::id).collect();
        let problem = json!({"error": "no such simulated vendor", "known": known});
        let plan = faultless(Answer::new(404, Payload::Json(problem)));
        return Ok(respond(plan, connection, Some(ticket)));
    };
    let mut call = Call {
        vendor,
        method: head.method,
        path: rest.to_owned(),
        query,
        headers: head.headers,
        raw_body,
        body: Value::Null,
        credential: None,
    };
    call.credential = dialect::credential(&call);
    // Only kept for now: key and script come first, so that a fault needs no good body.
    let body_state =
        if too_large { Err(ApiError::new(ErrorKind::TooLarge)) } else { accept(&mut call, parsed) };
    let (mut plan, ticket) = decide(&app, &call, body_state, ticket);
    if call.method == Method::HEAD {
        // No body is asked for, and so the reply ends with its head.
        plan.steps.clear();
    }
    deliver(plan, connection, ticket).await
}

/// The body, or nothing when it is too large or breaks off. A large one is still read to its end,
/// so that the client gets to see the refusal.
async fn read(mut body: Incoming) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut whole = true;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let data = frame.ok()?.into_data().unwrap_or_default();
        whole &= bytes.len() + data.len() <= MAX_BODY;
        if whole {
            bytes.extend_from_slice(&data);
        }
    }
    whole.then_some(bytes)
}

fn accept(call: &mut Call, parsed: serde_json::Result<Value>) -> Result<(), ApiError> {
    if !call.is_post() {
        return Ok(());
    }
    dialect::check_content_type(call)?;
    match parsed {
        Ok(body) if body.is_object() => {
            call.body = body;
            Ok(())
        }
        Ok(_) => Err(dialect::bad_json(call, "the body is not an object")),
        Err(error) => Err(dialect::bad_json(call, &error.to_string())),
    }
}

fn decide(app: &App, call: &Call, body_state: Result<(), ApiError>, mut ticket: Ticket) -> (Plan, Ticket) {
    let active = app.active();
    let rule = choose_rule(&active, call);
    let scenario = &active.scenario;
    let mut cx = Context::new(app.seed, &*app.responder, &app.memory, &scenario.limits, &rule, call);
    let key = scenario.keys.get(&call.vendor).map(String::as_str);
    let result =
        // A bad key is refused whatever the script says: no vendor would come to the fault.
        dialect::authenticate(call, key).and_then(|()| scripted(&rule)).and_then(|prepared| match prepared {
            Some(answer) => Ok(answer),
            None => body_state.and_then(|()| dialect::answer(call, &mut cx)),
        });
    let mut answer = match result {
        Ok(answer) => answer,
        Err(error) => dialect::refuse(call, &error, &cx),
    };
    dialect::add_headers(call, &mut answer, &cx);
    ticket.outcome.fault = rule.fault(matches!(answer.payload, Payload::Stream(_)));
    ticket.outcome.usage = answer.usage;
    ticket.outcome.model_served.clone_from(&answer.model);
    let pace = pace(&active, call, &mut cx);
    let accepts_gzip = call.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"));
    (plan(answer, &rule, pace, accepts_gzip), ticket)
}

/// The scenario's rule, else the one that the prompt asks for, else none.
fn choose_rule<'a>(active: &'a Active, call: &Call) -> Cow<'a, Rule> {
    let model = dialect::asked_model(call);
    let generates = dialect::generates(call);
    let path = call.path.as_str();
    if let Some(rule) = active.rule(call.vendor, path, model.as_deref(), generates, &call.body) {
        return Cow::Borrowed(rule);
    }
    // The scenario goes first: a test's script must not change with what its prompts happen to quote.
    let magic = generates.then(|| dialect::last_user_text(&call.body)).and_then(|text| rule_for(&text));
    Cow::Owned(magic.unwrap_or_default())
}

/// What a rule answers in place of the vendor.
fn scripted(rule: &Rule) -> Result<Option<Answer>, ApiError> {
    if let Some(error) = &rule.error {
        return Err(ApiError::from(error));
    }
    if rule.loading_ms.is_some() {
        return Err(ApiError::new(ErrorKind::Loading));
    }
    let prepared = rule.body.as_ref().map(|body| {
        let html = body.trim_start().starts_with('<');
        let content_type = if html { "text/html" } else { "application/json" };
        Answer::text(content_type, body.clone())
    });
    Ok(prepared)
}

fn pace(active: &Active, call: &Call, cx: &mut Context<'_>) -> Pace {
    let model = dialect::asked_model(call);
    let latency = active
        .scenario
        .latency
        .iter()
        .find(|latency| latency.covers(call.vendor, model.as_deref()))
        .filter(|_| dialect::generates(call));
    let Some(latency) = latency else {
        return Pace::default();
    };
    let millis = latency.first_byte_ms.map_or(0.0, |first_byte| first_byte.sample(&mut cx.rng));
    Pace {
        first_byte: Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default(),
        tokens_per_second: latency.tokens_per_second.map(|rate| rate.sample(&mut cx.rng)),
    }
}

async fn deliver(
    plan: Plan,
    connection: Arc<Connection>,
    mut ticket: Ticket,
) -> Result<Response<PlannedBody>, Severed> {
    if !plan.delay.is_zero() {
        tokio::time::sleep(plan.delay).await;
    }
    if plan.refuse_connection {
        connection.reset_on_close();
        // As planned, so that the journal does not say that the client has left.
        ticket.finish();
        return Err(Severed);
    }
    Ok(respond(plan, connection, Some(ticket)))
}

fn faultless(answer: Answer) -> Plan {
    plan(answer, &Rule::default(), Pace::default(), false)
}

fn respond(plan: Plan, connection: Arc<Connection>, mut ticket: Option<Ticket>) -> Response<PlannedBody> {
    let status = StatusCode::from_u16(plan.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(ticket) = &mut ticket {
        ticket.outcome.status = Some(status.as_u16());
    }
    let mut response = Response::new(PlannedBody::new(plan.steps, connection, ticket));
    *response.status_mut() = status;
    let length = plan.length.map(|length| ("content-length".to_owned(), length.to_string()));
    for (name, value) in plan.headers.into_iter().chain(length) {
        // A scenario may ask for a header that HTTP does not allow; it is left out.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The path with its query, keys masked.
fn shown_path(path: &str, query: &[(String, String)]) -> String {
    let mut shown = path.to_owned();
    for (index, (key, value)) in query.iter().enumerate() {
        // Gemini takes its key in the query as well.
        let value = if key == "key" { mask(value) } else { value.clone() };
        let joint = if index == 0 { '?' } else { '&' };
        shown += &format!("{joint}{key}={value}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_query_is_masked() {
        let query = parse_query("alt=sse&key=AIzaSyTest1234567890");
        assert_eq!(
            shown_path("/google/v1beta/models", &query),
            "/google/v1beta/models?alt=sse&key=AIzaSyT…(20)"
        );
    }
}
