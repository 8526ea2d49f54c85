//! Settings of the section `serve` that change what is let in, what goes on, and what is written down.

use std::net::IpAddr;

use forge::{
    config::{AliasModel, AliasTarget, ModelAlias},
    layers::{CachePolicy, CacheScope},
};
use forge_gateway::{RequestLine, RequestLog};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use crate::{
    client::{get, post, read, send},
    server::Server,
};

const JSON: &str = "content-type: application/json\r\n";

fn messages() -> Value {
    json!({"model": "provider:anthropic", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]})
}

#[tokio::test]
async fn only_the_formats_of_the_plan_are_served() {
    let server = Server::with("{}", |options| options.plan.formats = vec!["messages"]).await;
    assert_eq!(post(server.address, "/v1/messages", &messages()).await.status, 200);
    for path in ["/v1/messages/count_tokens", "/v1/models"] {
        let method = if path.ends_with("models") { "GET" } else { "POST" };
        let start = format!("{method} {path}");
        let reply = read(send(server.address, &start, JSON, &messages().to_string()).await);
        assert_eq!(reply.await.status, 200, "{path}");
    }
    let asked = server.sim.journal().len();
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/responses/input_tokens"] {
        let reply = post(server.address, path, &json!({})).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
    }
    let gemini = post(server.address, "/v1beta/models/m:generateContent", &json!({})).await;
    assert_eq!((gemini.status, &gemini.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(server.sim.journal().len(), asked);
}

#[tokio::test]
async fn fields_that_nobody_gets_are_refused_where_that_is_wanted() {
    let server = Server::with("{}", |options| options.plan.rejects_unknown_fields = true).await;
    assert_eq!(post(server.address, "/v1/messages", &messages()).await.status, 200);
    let asked = server.sim.journal().len();
    let chat =
        json!({"model": "provider:openai", "messages": [{"role": "user", "content": "hi"}], "later": {}});
    let refused = post(server.address, "/v1/chat/completions", &chat).await;
    assert!(refused.status == 400 && refused.body.contains("later"), "{}", refused.body);
    assert_eq!(server.sim.journal().len(), asked, "nobody was asked");
    // What the dialect's own vendor gets is for that vendor to judge.
    let mut own = messages();
    own["from_tomorrow"] = json!(1);
    assert_eq!(post(server.address, "/v1/messages", &own).await.status, 400);
    assert_eq!(server.sim.journal().len(), asked + 1);
}

#[tokio::test]
async fn features_that_are_denied_do_not_go_on() {
    let server = Server::with("{}", |options| options.plan.denied_betas = vec!["files-*".into()]).await;
    let betas = "anthropic-beta: files-api-2025-04-14, effort-2025-11-24\r\nanthropic-beta: files-x\r\n";
    let version = "anthropic-version: 2023-06-01\r\n";
    let headers = format!("{JSON}{version}{betas}");
    let body = messages().to_string();
    let reply = read(send(server.address, "POST /v1/messages", &headers, &body).await).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let asked = server.sim.journal().pop().unwrap().headers;
    assert_eq!(asked.get("anthropic-beta").map(String::as_str), Some("effort-2025-11-24"), "{asked:?}");
}

/// A server that logs, and its lines.
async fn logged(proxies: &[&str]) -> (Server, mpsc::UnboundedReceiver<RequestLine>) {
    let (lines, taken) = mpsc::unbounded_channel();
    let server = Server::with("{}", |options| {
        options.plan.logs_requests = true;
        options.plan.trusted_proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
        options.log = Some(RequestLog::new(move |line| {
            let _ = lines.send(line.clone());
        }));
    });
    (server.await, taken)
}

#[tokio::test]
async fn each_request_has_a_line_without_its_body_and_its_query() {
    let (server, mut lines) = logged(&[]).await;
    let mut body = messages();
    body["stream"] = json!(true);
    let headers = format!("{JSON}x-forwarded-for: 10.9.9.9\r\n");
    let reply = read(send(server.address, "POST /v1/messages", &headers, &body.to_string()).await).await;
    let line = lines.recv().await.unwrap();
    assert_eq!((&*line.method, &*line.path, line.status), ("POST", "/v1/messages", 200));
    assert_eq!(line.request_id.as_deref(), reply.header("request-id"));
    assert_eq!((line.route.as_deref(), line.client), (Some("anthropic"), Some(IpAddr::from([127, 0, 0, 1]))));
    assert!(line.ms >= line.head_ms);
    get(server.address, "/v1beta/nothing?key=fk-test-secret", "").await;
    let line = lines.recv().await.unwrap();
    assert_eq!((line.status, &*line.path), (404, "/v1beta/nothing"));
    assert!(!serde_json::to_string(&line).unwrap().contains("fk-test"));
}

#[tokio::test]
async fn only_trusted_proxies_say_where_a_request_comes_from() {
    let (server, mut lines) = logged(&["127.0.0.0/8", "10.0.0.0/8"]).await;
    for (named, client) in [
        ("203.0.113.7", [203, 0, 113, 7]),
        // What the client itself wrote stands before what the first trusted proxy has added.
        ("1.1.1.1, 203.0.113.7, 10.0.0.9", [203, 0, 113, 7]),
        ("nonsense, 10.0.0.9", [10, 0, 0, 9]),
        ("nonsense", [127, 0, 0, 1]),
    ] {
        get(server.address, "/v1/models", &format!("x-forwarded-for: {named}\r\n")).await;
        assert_eq!(lines.recv().await.unwrap().client, Some(IpAddr::from(client)), "{named}");
    }
}

#[tokio::test]
async fn a_call_goes_on_without_its_client_where_that_is_wanted() {
    for (stream, stall) in [(true, "between_events: 20"), (false, "before_first_byte: 300")] {
        let rule = format!("rules: [{{vendor: anthropic, stall: {{{stall}}}}}]");
        let server = Server::with(&rule, |options| options.plan.finishes_alone = true).await;
        let mut body = messages();
        body["stream"] = json!(stream);
        let mut client = send(server.address, "POST /v1/messages", JSON, &body.to_string()).await;
        if stream {
            client.read_exact(&mut [0; 12]).await.unwrap();
        }
        let asked = || server.sim.journal().into_iter().next();
        while asked().is_none() {
            tokio::task::yield_now().await;
        }
        drop(client);
        let outcome = loop {
            if let Some(outcome) = asked().and_then(|asked| asked.outcome) {
                break outcome;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!((outcome.status, outcome.client_disconnected), (Some(200), false), "stream {stream}");
    }
}

#[tokio::test]
async fn a_reply_from_the_cache_says_so_costs_nothing_and_is_counted() {
    let notes =
        || ModelAlias::new("notes", AliasTarget::Provider { id: "anthropic".into(), model: AliasModel::Own });
    let server = Server::routed(
        "{}",
        |plan| {
            let only = CacheScope { models: vec!["notes".into()], ..CacheScope::default() };
            plan.cache = Some(CachePolicy { only, ..CachePolicy::default() });
        },
        |options| {
            options.plan.models.aliases = vec![notes()];
            options.plan.probes = Some("127.0.0.1:0".parse().unwrap());
        },
    );
    let server = server.await;
    let ask = async |model: &str, stream: bool| {
        let mut body = messages();
        (body["model"], body["temperature"], body["stream"]) = (model.into(), 0.into(), stream.into());
        // A reply that ends too early is not kept.
        body["max_tokens"] = 4_000.into();
        let reply = post(server.address, "/v1/messages", &body).await;
        let told = |name: &str| reply.header(name).map(str::to_owned);
        (told("x-forge-cache"), told("x-forge-cost-usd"), server.calls())
    };
    let (none, cost, calls) = ask("notes", false).await;
    assert!(none.is_none() && cost.as_deref() != Some("0.00") && calls == 1, "{cost:?} {calls}");
    assert_eq!(ask("notes", false).await, (Some("hit".into()), Some("0.00".into()), 1));
    assert_eq!(ask("notes", true).await, (Some("hit".into()), None, 1));
    // It was asked for by that name alone.
    for calls in [2, 3] {
        assert_eq!(ask("provider:anthropic", true).await, (None, None, calls));
    }
    let metrics = get(server.probes.unwrap(), "/metrics", "").await;
    for line in ["{result=\"hit\"} 2\n", "{result=\"miss\"} 1\n", "{result=\"shared\"} 0\n"] {
        assert!(metrics.body.contains(&format!("forge_cache_calls_total{line}")), "{}", metrics.body);
    }
}
