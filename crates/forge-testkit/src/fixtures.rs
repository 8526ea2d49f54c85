//! Fixtures as data: what a vendor is sent, what it says, and what of that has to reach the caller.
//!
//! A table is a JSON array. Every fixture has a `kind` and says what it is `about`. It may name a `dialect`, a `model`, a
//! `base` behind the address of the server, settings (`options`) and a `request`. The server answers with `status` and
//! `reply`, or with `stream` (server-sent events) or `lines` (JSON lines). What is expected stands in `expect`
//! (`error`, `text`, `thinking`, `refusal`, `calls`, `ids`: how many different ones, `stop`, `unanswered`, `tokens`,
//! `warns`, `cites`), what the server
//! must have got in `sends` (JSON pointers, null for what must not be there) and `line`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use forge_core::{
    Adapter, CallContext, ModelProvider, ModelRequest, ModelResponse, Participant, ProviderError,
    ProviderExt as _, SecretString,
    provider::AdapterSettings,
    request::{Carried, Delivery, Dialect, Outline, Part},
};
use serde_json::{Map, Value, json};

use crate::server::{Reply, ScriptedServer};

/// The adapter to which the fixtures belong.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "whoever has fixtures says all of it")]
pub struct Adapters {
    /// The family of its models where a fixture names no dialect.
    pub vendor: ModelProvider,
    /// The model that is asked where a fixture names none.
    pub model: &'static str,
    /// Opens it with these settings.
    pub open: fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError>,
    /// The formats of the requests that it passes on, each with a model that takes them. A stream that is passed on has to
    /// mean what it means where it is read.
    pub relays: &'static [(&'static str, &'static str)],
}

/// What [`run`] counts streams as that were passed on, too.
pub const RELAYED: &str = "relayed";

/// Runs every fixture of a table; gives back how many there are of each kind, so that none is lost unseen.
///
/// # Panics
/// A fixture does not hold: all that do not are named.
pub async fn run(adapters: &Adapters, table: &str) -> BTreeMap<String, usize> {
    let fixtures: Vec<Map<String, Value>> = serde_json::from_str(table).unwrap();
    let (mut kinds, mut faults) = (BTreeMap::new(), Vec::new());
    for fixture in &fixtures {
        let text = |name: &str| fixture.get(name).and_then(Value::as_str).unwrap_or_default();
        *kinds.entry(text("kind").to_owned()).or_default() += 1;
        let mut found = one(adapters, fixture).await;
        for relay in adapters.relays {
            if let Some(difference) = relayed(adapters, fixture, relay).await {
                *kinds.entry(RELAYED.to_owned()).or_default() += 1;
                found.extend(difference);
            }
        }
        faults.extend(found.into_iter().map(|fault| format!("{} {}: {fault}", text("kind"), text("about"))));
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    kinds
}

/// Runs one fixture against a server of its own; returns what does not hold.
async fn one(adapters: &Adapters, fixture: &Map<String, Value>) -> Vec<String> {
    let text = |name: &str| fixture.get(name).and_then(Value::as_str);
    let server = ScriptedServer::start([reply(fixture)]).await.unwrap();
    let (adapter, cx) = opened(adapters, fixture, &server);
    let asked = fixture.get("request").cloned().unwrap_or_else(|| json!({}));
    let mut request: ModelRequest = serde_json::from_value(asked).unwrap();
    // A fixture about a reply names no question, and every vendor wants one.
    if request.messages.is_empty() {
        request = request.with_user_message("Hi");
    }
    let is_stream = fixture.contains_key("stream") || fixture.contains_key("lines");
    request.delivery = if is_stream { Delivery::Stream } else { Delivery::Whole };
    let outcome = adapter.complete(&cx, request.clone()).await;
    let mut faults = Vec::new();
    let sent = server.requests().into_iter().next();
    for (pointer, expected) in fixture.get("sends").and_then(Value::as_object).into_iter().flatten() {
        let body = sent.as_ref().map(|sent| &sent.body);
        let found = body.and_then(|body| body.pointer(pointer)).unwrap_or(&Value::Null);
        if found != expected {
            faults.push(format!("sends {pointer}: {found}, expected {expected}"));
        }
    }
    if let Some(line) = text("line")
        && sent.as_ref().is_none_or(|sent| sent.line != line)
    {
        faults.push(format!("asks {:?}", sent.map(|sent| sent.line)));
    }
    let expected = fixture.get("expect").and_then(Value::as_object);
    for (what, expected) in expected.into_iter().flatten() {
        let found = match &outcome {
            Ok(response) => answered(what, expected, response, &request),
            Err(error) if what == "error" => json!(error.kind.as_str()),
            Err(error) => json!(error.to_string()),
        };
        if found != *expected {
            faults.push(format!("{what}: {found}, expected {expected}"));
        }
    }
    // A fixture that expects nothing is about what is sent, and its call still has to succeed.
    if expected.is_none() && outcome.is_err() {
        faults.push(format!("{outcome:?}"));
    }
    faults
}

/// The adapter of a fixture, and a call of its model.
fn opened(
    adapters: &Adapters,
    fixture: &Map<String, Value>,
    server: &ScriptedServer,
) -> (Arc<dyn Adapter>, CallContext) {
    let text = |name: &str| fixture.get(name).and_then(Value::as_str);
    let dialect = text("dialect").map(str::to_owned);
    let settings = AdapterSettings {
        base_url: Some(server.url() + text("base").unwrap_or_default()),
        api_key: Some(SecretString::from("fk-test-fixture")),
        options: fixture.get("options").and_then(Value::as_object).cloned().unwrap_or_default(),
        dialect: dialect.clone(),
        ..AdapterSettings::new("p")
    };
    let adapter = (adapters.open)(settings).unwrap();
    let vendor = dialect.map_or_else(|| adapters.vendor.clone(), |id| ModelProvider::from(id.as_str()));
    let cx = CallContext::new(Participant::new(vendor, text("model").unwrap_or(adapters.model)));
    (adapter, cx)
}

/// Has the adapter read a stream, and pass it on; returns where the two differ, or nothing if it does not pass it on.
async fn relayed(
    adapters: &Adapters,
    fixture: &Map<String, Value>,
    (dialect, model): &(&'static str, &'static str),
) -> Option<Option<String>> {
    fixture.get("stream")?;
    let server = ScriptedServer::start([reply(fixture), reply(fixture)]).await.unwrap();
    let (adapter, cx) = opened(&Adapters { model, ..adapters.clone() }, fixture, &server);
    let body = Bytes::from(json!({"model": cx.model().as_str()}).to_string());
    let (named, read) = (9..body.len() - 1, |_: &Bytes| Ok(ModelRequest::default()));
    let mut carried = Carried::new(Dialect::new(dialect), body, named, Outline::default(), read);
    carried.added.push(("store", "false"));
    let carried = ModelRequest::carry(carried);
    if !adapter.relays(cx.model(), &carried) {
        return None;
    }
    let read = adapter.complete(&cx, ModelRequest::new("").with_user_message("Hi")).await;
    let passed_on = adapter.complete(&cx, carried).await;
    let meaning = |outcome: Result<ModelResponse, ProviderError>| match outcome {
        Ok(ModelResponse { model, tokens, stop_reason, stop_sequence, .. }) => {
            Ok((model, tokens, stop_reason, stop_sequence))
        }
        Err(error) => Err((error.kind, error.phase)),
    };
    let (read, passed_on) = (meaning(read), meaning(passed_on));
    let differs = read != passed_on;
    Some(differs.then(|| format!("read {read:?}, passed on {passed_on:?}")))
}

/// What the server answers, as the fixture says it.
fn reply(fixture: &Map<String, Value>) -> Reply {
    let list = |name: &str| fixture.get(name).and_then(Value::as_array);
    let data = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    if let Some(events) = list("stream") {
        let event = |item: &Value| match item["type"].as_str() {
            Some(name) => format!("event: {name}\ndata: {item}\n\n"),
            None => format!("data: {}\n\n", data(item)),
        };
        return Reply::sse(&events.iter().map(event).collect::<String>());
    }
    if let Some(lines) = list("lines") {
        let body: String = lines.iter().map(|line| data(line) + "\n").collect();
        return Reply::stream("application/x-ndjson", &[], &body);
    }
    let status = fixture.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let body = fixture.get("reply").map_or_else(|| "{}".to_owned(), data);
    Reply::json(status.unwrap_or(200), &body)
}

/// What of the answer is asked for; of tokens, the classes that are.
fn answered(what: &str, expected: &Value, response: &ModelResponse, request: &ModelRequest) -> Value {
    let parts = || response.content.iter();
    let joined = |text: fn(&Part) -> Option<&str>| json!(parts().filter_map(text).collect::<String>());
    match what {
        "error" => Value::Null,
        "text" => json!(response.text()),
        "thinking" => joined(|part| match part {
            Part::Thinking { text, .. } => Some(text),
            _ => None,
        }),
        "refusal" => joined(|part| match part {
            Part::Refusal { text, .. } => Some(text),
            _ => None,
        }),
        "calls" => parts()
            .filter_map(|part| match part {
                Part::ToolUse { name, input, .. } => Some(json!([name, input.to_text()])),
                _ => None,
            })
            .collect(),
        "ids" => {
            let ids = parts().filter_map(|part| match part {
                Part::ToolUse { id, .. } => Some(id),
                _ => None,
            });
            json!(ids.collect::<BTreeSet<_>>().len())
        }
        "cites" => parts()
            .filter_map(|part| match part {
                Part::Text { citations, .. } => Some(citations.iter().map(|one| json!(one.url))),
                _ => None,
            })
            .flatten()
            .collect(),
        "stop" => json!(response.stop_reason),
        "unanswered" => {
            json!(response.stop_reason.without_answer(request).map(forge_core::ErrorKind::as_str))
        }
        "warns" => response.warnings.iter().map(|warning| json!(warning.about)).collect(),
        "tokens" => {
            let tokens = serde_json::to_value(response.tokens).unwrap();
            let classes = expected.as_object().into_iter().flatten();
            classes.map(|(class, _)| (class.clone(), tokens[class.as_str()].clone())).collect()
        }
        // A misspelt expectation fails instead of holding for nothing.
        other => json!(format!("nothing is called {other}")),
    }
}
