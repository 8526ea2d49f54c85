//! The contract that every provider keeps, against a server of our own.

use std::{io, sync::Arc};

use forge_acme::AcmeProvider;
use forge_core::{ModelRequest, TokenCount, async_trait};
use forge_testkit::{Behavior, Failure, Reply, Request, ScriptedServer, Subject, TestServer, TestVendor};
use serde_json::{Value, json};

const SUBJECT: Subject = Subject {
    vendor: &Acme,
    provider: || "acme".into(),
    model: "acme-1",
    open: |settings| Ok(Arc::new(AcmeProvider::from_settings(settings)?)),
    unsupported: || ModelRequest::new("").with_user_message("Hi").with_stop_sequences(["END"]),
    exempt: &[("opaque parts", "the dialect has no state"), ("token count", "the vendor does not offer it")],
};

forge_testkit::contract!(SUBJECT);

/// Acme, as its documentation describes it.
#[derive(Debug)]
struct Acme;

#[async_trait]
impl TestVendor for Acme {
    async fn start(&self, behavior: Behavior) -> io::Result<Box<dyn TestServer>> {
        let server = ScriptedServer::answering(move |request| match behavior {
            Behavior::Bytes(form) => answer(request).in_form(form),
            Behavior::Fails(failure) => fail(failure),
            _ => answer(request),
        });
        Ok(Box::new(server.await?))
    }

    fn check(&self, request: &Request) -> Result<(), String> {
        if request.header("authorization").is_none_or(|key| !key.starts_with("Bearer ")) {
            return Err("no key".into());
        }
        if request.line == "GET /models" {
            return Ok(());
        }
        let known = ["model", "stream", "limit", "turns", "tools", "form"];
        let fields = request.body.as_object().ok_or("no object")?;
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(format!("unknown field {unknown}")),
            None if fields["turns"].as_array().is_none_or(Vec::is_empty) => Err("no turns".into()),
            None => Ok(()),
        }
    }
}

fn fail(failure: Failure) -> Reply {
    let (status, code) = match failure {
        Failure::RateLimited { .. } => (429, "too_fast"),
        Failure::Overloaded => (503, "busy"),
        Failure::QuotaExhausted => (429, "no_credit"),
        Failure::WrongKey => (401, "bad_key"),
        Failure::BadGateway => return Reply::whole(502, "text/html", &[], "<html>Bad Gateway</html>"),
        _ => (500, "fault"),
    };
    let wait = match failure {
        Failure::RateLimited { retry_after } => retry_after.as_secs().to_string(),
        _ => String::from("1"),
    };
    let headers = [("retry-after", wait.as_str()), ("x-request-id", "r-1")];
    let body = json!({"error": {"code": code, "text": "Acme cannot."}});
    Reply::whole(status, "application/json", &headers, &body.to_string())
}

fn answer(request: &Request) -> Reply {
    if request.line == "GET /models" {
        return Reply::json(200, r#"{"models": ["acme-1", "acme-2"]}"#);
    }
    let body = &request.body;
    if body["model"] != "acme-1" {
        return Reply::json(
            404,
            r#"{"error": {"code": "unknown_model", "text": "There is no such model."}}"#,
        );
    }
    let tokens = TokenCount::default().with_input(12).with_output(7);
    let mut events = vec![json!({"model": "acme-1"})];
    events.extend(said(body));
    let reply = if body["stream"] == true {
        let lines: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        Reply::stream("text/event-stream", &[("x-request-id", "r-1")], &lines)
    } else {
        Reply::json(200, &Value::from(events).to_string())
    };
    reply.billing(tokens)
}

/// What follows the first event.
fn said(body: &Value) -> Vec<Value> {
    let end = |word: &str| json!({"end": word, "tokens_in": 12, "tokens_out": 7});
    let asked = body["turns"].as_array().and_then(|turns| turns.last()).unwrap_or(&Value::Null);
    if asked["who"] == "user" && body["tools"].is_array() {
        let count = if asked["say"].to_string().contains("twice") { 2 } else { 1 };
        let call = |at| {
            let args = if count == 2 { json!({"city": "Köln"}) } else { json!({}) };
            json!({"call": {"id": format!("c{at}"), "name": body["tools"][0]["name"], "args": args}})
        };
        return (0..count).map(call).chain([end("calls")]).collect();
    }
    if body["form"].is_object() {
        return vec![json!({"say": r#"{"answer":"blue","sure":true}"#}), end("done")];
    }
    let words =
        "Light is scattered by the air – the shorter its waves, the more. “Ä€😀”".split_inclusive(' ');
    let limit = body["limit"].as_u64().unwrap_or(u64::MAX);
    let (count, word) = if limit < 20 { (4, "limit") } else { (usize::MAX, "done") };
    words.take(count).map(|word| json!({"say": word})).chain([end(word)]).collect()
}
