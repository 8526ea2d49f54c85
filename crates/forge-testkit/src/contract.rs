//! The scenarios of the contract. A failed assertion is how each reports.

use std::{sync::Arc, time::Duration};

use forge_core::{
    AdapterSettings, Delivery, ErrorKind, Health, Message, MessageRole, ModelRequest, ModelResponse, Part,
    Phase, ProviderError, ProviderExt, SecretString, StreamEvent,
};

use crate::{
    Recorder, Reply, ScriptedServer, Subject, Then,
    subject::{CANARY, requests, settings, text, thinking, two_tools, whole},
};

/// A whole reply has the same content, tokens and stop reason as the same reply in a stream.
pub async fn a_stream_equals_the_whole_reply(subject: Subject) {
    for (name, request) in requests() {
        if subject.is_exempt(name) {
            continue;
        }
        let streamed = subject.answer(request.clone()).await;
        let unary = subject.answer(whole(&request)).await;
        assert!(!streamed.content.is_empty(), "{name}");
        assert_eq!(without_ids(&streamed), without_ids(&unary), "{name}");
    }
}

/// What must be equal: everything but ids that the vendor makes up for every reply, and how many parts
/// a text comes in. A vendor may put its state on a part of its own when it streams.
fn without_ids(response: &ModelResponse) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut content: Vec<Part> = Vec::new();
    for mut part in response.content.iter().cloned() {
        match (&mut part, content.last_mut()) {
            (Part::Text { text: more, .. }, Some(Part::Text { text, .. })) => {
                text.push_str(more);
                continue;
            }
            (Part::Text { text, .. }, _) if text.is_empty() => continue,
            (Part::Text { opaque, .. } | Part::Thinking { opaque, .. }, _) => *opaque = None,
            (Part::ToolUse { id, opaque, .. }, _) => {
                id.clear();
                *opaque = None;
            }
            _ => {}
        }
        content.push(part);
    }
    let states = response.content.iter().filter_map(Part::opaque).count();
    let reason = (response.stop_reason, response.raw_stop_reason.clone());
    (content, states, response.tokens, reason, response.model.clone())
}

/// `Started` comes first, `Finished` once and last, content in between.
pub async fn events_keep_their_order(subject: Subject) {
    for (name, request) in requests() {
        if subject.is_exempt(name) {
            continue;
        }
        for request in [request.clone(), whole(&request)] {
            let events = subject.events(request).await;
            assert!(matches!(events.first(), Some(StreamEvent::Started(_))), "{name}: {events:?}");
            assert!(matches!(events.last(), Some(StreamEvent::Finished(_))), "{name}: {events:?}");
            let finished = events.iter().filter(|event| matches!(event, StreamEvent::Finished(_))).count();
            let content = events.iter().filter(|event| event.is_content()).count();
            assert!(finished == 1 && content >= 2, "{name}: {events:?}");
        }
    }
}

/// However the bytes are written (one by one, several events at once, with other line ends, with
/// keep-alives, without a last line end), the reply is the same.
pub async fn the_form_of_the_bytes_changes_nothing(subject: Subject) {
    for request in [text(), two_tools(), whole(&two_tools())] {
        let plain = without_ids(&subject.answer(request.clone()).await);
        for bytes in [
            "split: every_byte",
            "split: { seed: 1 }, line_ending: crlf",
            "split: each_char, line_ending: lf, pings: 1",
            "coalesce: 50, trailing_spaces: true",
            "no_final_blank_line: true, chunked: true",
        ] {
            let sim = subject.sim(&format!("rules: [{{ bytes: {{ {bytes} }} }}]")).await;
            let adapter = subject.adapter(&sim.base_url(subject.vendor));
            let response = adapter.complete(&subject.context(), request.clone()).await.unwrap();
            assert_eq!(without_ids(&response), plain, "{bytes}");
        }
    }
}

/// A reply that is cut anywhere is an error, or else the whole reply was there already.
pub async fn a_cut_reply_is_never_a_short_success(subject: Subject) {
    for request in [text().with_max_tokens(40), thinking().with_max_tokens(80), whole(&text())] {
        let (bytes, complete) = record(subject, &request).await;
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let full_text = complete.text().into_owned();
        let mut errors = 0;
        let cuts = (0..bytes.len()).map(|cut| Reply::raw(&bytes[..cut]));
        let server = ScriptedServer::start(cuts).await.unwrap();
        let adapter = subject.adapter(&server.url());
        for cut in 0..bytes.len() {
            match adapter.complete(&subject.context(), request.clone()).await {
                Ok(response) => {
                    assert_eq!(
                        without_ids(&response),
                        without_ids(&complete),
                        "cut at {cut} of {}",
                        bytes.len()
                    );
                }
                Err(error) => {
                    errors += 1;
                    let kinds = [ErrorKind::Truncated, ErrorKind::Transport];
                    assert!(kinds.contains(&error.kind), "cut at {cut}: {error}");
                    if let Some(partial) = &error.partial {
                        assert_eq!(error.phase, Phase::AfterOutput);
                        assert!(full_text.starts_with(&*partial.text()), "cut at {cut}");
                    }
                }
            }
        }
        // Only what follows the vendor's last word may be lost without harm.
        let harmless = bytes.len() - errors;
        assert!(errors >= head && harmless <= 64, "{harmless} of {} cuts were a success", bytes.len());
    }
}

/// A reply with bytes that are not the vendor's is an answer or an error, never a panic or a hang.
pub async fn a_damaged_reply_is_survived(subject: Subject) {
    for request in [thinking().with_max_tokens(80), two_tools(), whole(&two_tools())] {
        let (bytes, _) = record(subject, &request).await;
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let damaged: Vec<_> = (0..400)
            .map(|_| {
                let mut bytes = bytes.clone();
                for _ in 0..3 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let at = head + usize::try_from(random >> 33).unwrap() % (bytes.len() - head);
                    bytes[at] = (random >> 25).to_le_bytes()[0];
                }
                Reply::raw(bytes)
            })
            .collect();
        let calls = damaged.len();
        let server = ScriptedServer::start(damaged).await.unwrap();
        let adapter = subject.adapter(&server.url());
        for call in 0..calls {
            let cx = subject.context();
            let outcome =
                tokio::time::timeout(Duration::from_secs(20), adapter.complete(&cx, request.clone())).await;
            if let Err(error) = outcome.unwrap_or_else(|_| panic!("reply {call} hangs")) {
                assert_ne!(error.kind, ErrorKind::Timeout, "{error}");
            }
        }
    }
}

/// The bytes of a reply, head included, and what they mean.
async fn record(subject: Subject, request: &ModelRequest) -> (Vec<u8>, ModelResponse) {
    let sim = subject.sim("{}").await;
    let recorder = Recorder::start(sim.addr()).await.unwrap();
    let url = sim.base_url(subject.vendor).replace(&sim.addr().to_string(), &recorder.address().to_string());
    let adapter = subject.adapter(&url);
    let response = adapter.complete(&subject.context(), request.clone()).await.unwrap();
    (recorder.said(), response)
}

/// Dropping the stream closes the connection, so that the vendor stops working.
pub async fn a_dropped_stream_cancels_the_request(subject: Subject) {
    let request = text();
    let (bytes, _) = record(subject, &request).await;
    let part = Reply::raw(&bytes[..bytes.len() * 2 / 3]).then(Then::Hold);
    let mut server = ScriptedServer::start([part]).await.unwrap();
    let adapter = subject.adapter(&server.url());
    let mut stream = adapter.stream(&subject.context(), Arc::new(request)).await.unwrap();
    while !stream.next().await.unwrap().unwrap().is_content() {}
    drop(stream);
    tokio::time::timeout(Duration::from_secs(5), server.client_hung_up()).await.unwrap();
}

/// Kind, status, code and retry hint of the vendor's error reach the caller.
pub async fn error_facts_survive(subject: Subject) {
    let scenario = "rules: [{ error: { kind: rate_limited, retry_after: { seconds: 7 } } }]";
    for request in [text(), whole(&text())] {
        let error = fail(subject, scenario, request).await;
        assert_eq!((error.kind, error.status), (ErrorKind::RateLimited, Some(429)), "{error}");
        assert_eq!(error.phase, Phase::BeforeOutput);
        assert_eq!(error.model.as_ref().unwrap().as_str(), subject.model);
        assert!(!error.message.is_empty());
        if !subject.is_exempt("code") {
            assert!(error.code.is_some(), "{error:?}");
        }
        if !subject.is_exempt("retry hint") {
            assert_eq!(error.retry_after, Some(Duration::from_secs(7)), "{error:?}");
        }
        if !subject.is_exempt("request id") {
            assert!(error.request_id.is_some(), "{error:?}");
        }
    }
    for (kind, expected) in [
        ("server", ErrorKind::Server),
        ("overloaded", ErrorKind::Overloaded),
        ("quota_exhausted", ErrorKind::QuotaExhausted),
        ("bad_gateway", ErrorKind::Server),
    ] {
        if subject.is_exempt(kind) {
            continue;
        }
        let scenario = format!("rules: [{{ error: {{ kind: {kind} }} }}]");
        let error = fail(subject, &scenario, text()).await;
        assert_eq!(error.kind, expected, "{error}");
    }
}

async fn fail(subject: Subject, scenario: &str, request: ModelRequest) -> ProviderError {
    let sim = subject.sim(scenario).await;
    let adapter = subject.adapter(&sim.base_url(subject.vendor));
    adapter.complete(&subject.context(), request).await.unwrap_err()
}

/// State that the vendor hands out goes back unchanged to the model that minted it, and not at all to
/// another. The simulated vendor refuses anything else.
pub async fn opaque_parts_come_back_byte_exact(subject: Subject) {
    if subject.is_exempt("opaque parts") {
        return;
    }
    for request in [thinking(), two_tools().with_effort(forge_core::Effort::High).with_max_tokens(30_000)] {
        let sim = subject.sim("{}").await;
        let adapter = subject.adapter(&sim.base_url(subject.vendor));
        let first = adapter.complete(&subject.context(), request.clone()).await.unwrap();
        let states: Vec<_> = first.content.iter().filter_map(Part::opaque).collect();
        assert!(!states.is_empty(), "the reply carries no state: {:?}", first.content);
        let next = second_turn(request, &first);
        adapter.complete(&subject.context(), next.clone()).await.unwrap();
        let sent = serde_json::to_string(&sim.journal().last().unwrap().body).unwrap();
        for state in states {
            let known = serde_json::from_str::<serde_json::Value>(&state.data).map(|value| value.to_string());
            let quoted = serde_json::to_string(&state.data).unwrap();
            let found = sent.contains(&quoted) || known.is_ok_and(|known| sent.contains(&known));
            assert!(found, "{} is not in {sent}", state.data);
        }

        let mut foreign = next;
        for part in foreign.messages.to_mut().iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::Text { opaque: Some(opaque), .. }
            | Part::Thinking { opaque: Some(opaque), .. }
            | Part::ToolUse { opaque: Some(opaque), .. } = part
            {
                opaque.model = "another-model".into();
            }
        }
        if !subject.is_exempt("foreign state") {
            adapter.complete(&subject.context(), foreign).await.unwrap();
            let sent = serde_json::to_string(&sim.journal().last().unwrap().body).unwrap();
            let kept = first.content.iter().filter_map(Part::opaque).find(|state| sent.contains(&state.data));
            assert!(kept.is_none(), "{kept:?} went to a model that did not mint it");
        }
    }
}

/// The conversation goes on: results for every tool call, else a question.
fn second_turn(request: ModelRequest, first: &ModelResponse) -> ModelRequest {
    let results: Vec<_> = first
        .content
        .iter()
        .filter_map(|part| match part {
            Part::ToolUse { id, .. } => Some(Part::tool_result(id.as_str(), "sunny, 20 degrees")),
            _ => None,
        })
        .collect();
    let parts = if results.is_empty() { vec![Part::text("And at night?")] } else { results };
    request
        .with_message(Message::new(MessageRole::Assistant, first.content.clone()))
        .with_message(Message::new(MessageRole::User, parts))
}

/// The classes of tokens are those of the vendor and sum to its totals.
pub async fn usage_sums_to_the_vendors_total(subject: Subject) {
    for (name, request) in requests() {
        if subject.is_exempt(name) {
            continue;
        }
        for request in [request.clone(), whole(&request)] {
            let sim = subject.sim("{}").await;
            let adapter = subject.adapter(&sim.base_url(subject.vendor));
            let tokens = adapter.complete(&subject.context(), request).await.unwrap().tokens;
            let outcome = sim.journal().last().unwrap().outcome.clone().unwrap();
            let truth = outcome.usage.unwrap();
            assert_eq!(tokens.total_input(), Some(truth.total_input()), "{name}");
            assert_eq!(tokens.total_output(), Some(truth.total_output()), "{name}");
            if !subject.is_exempt("token classes") {
                assert_eq!(tokens.cache_read.unwrap_or(0), truth.cache_read, "{name}");
                assert_eq!(tokens.reasoning.unwrap_or(0), truth.reasoning, "{name}");
            }
        }
    }
}

/// A feature that the model does not have is refused before anything is sent.
pub async fn an_unsupported_feature_fails_before_sending(subject: Subject) {
    let sim = subject.sim("{}").await;
    let adapter = subject.adapter(&sim.base_url(subject.vendor));
    let error = adapter.complete(&subject.context(), (subject.unsupported)()).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, Phase::BeforeSend), "{error}");
    assert!(sim.journal().is_empty());
}

/// A wrong key, an unknown model, a refused connection and a page from a proxy each have their kind.
pub async fn each_mistake_has_its_kind(subject: Subject) {
    let sim = subject.sim("keys: { ollama: k, llamacpp: k, vllm: k, lmstudio: k }").await;
    let url = sim.base_url(subject.vendor);
    if !subject.is_exempt("wrong key") {
        let settings = AdapterSettings { api_key: Some("sk-test-invalid".into()), ..settings(&url) };
        let adapter = (subject.open)(settings).unwrap();
        let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication, "{error}");
        let error = adapter.health_check().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication, "{error}");
    }
    if !subject.is_exempt("unknown model") {
        let sim = subject.sim("{}").await;
        let adapter = subject.adapter(&sim.base_url(subject.vendor));
        let mut cx = subject.context();
        cx.participant = Arc::new(forge_core::Participant::new((subject.provider)(), "no-such-model"));
        let error = adapter.complete(&cx, text()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ModelNotFound, "{error}");
    }
    // The port is free again as soon as the listener is gone.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let adapter = subject.adapter(&format!("http://{closed}"));
    let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Transport, Phase::BeforeSend), "{error}");
    assert!(error.to_string().contains(&closed.to_string()), "{error}");

    let page = Reply::whole(200, "text/html", &[], "<html><title>Welcome</title></html>");
    for request in [text(), whole(&text())] {
        let server = ScriptedServer::start([page.clone()]).await.unwrap();
        let adapter = subject.adapter(&server.url());
        let error = adapter.complete(&subject.context(), request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode, "{error}");
        assert!(error.message.contains("web page"), "{error}");
    }
}

/// A line without end is refused at the cap.
pub async fn an_endless_line_is_refused(subject: Subject) {
    let line = format!("data: {{\"{}", "x".repeat(65 * 1024 * 1024));
    let server = ScriptedServer::start([Reply::sse(&line)]).await.unwrap();
    let adapter = subject.adapter(&server.url());
    let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Decode, "{error}");
    assert!(error.message.contains("64 MiB"), "{error}");
}

/// The key is in no error, no debug output and no address, whatever the server says.
pub async fn the_key_is_nowhere_to_be_seen(subject: Subject) {
    let echo = format!(r#"{{"error":{{"message":"bad key {CANARY}","type":"{CANARY}","code":"{CANARY}"}}}}"#);
    let texts = [
        Reply::json(401, &echo),
        Reply::whole(502, "text/plain", &[("request-id", CANARY), ("x-request-id", CANARY)], CANARY),
        Reply::whole(307, "text/plain", &[("location", &format!("http://127.0.0.1:1/?key={CANARY}"))], ""),
        Reply::sse(&format!("data: {echo}\n\nevent: error\ndata: {echo}\n\n")),
        Reply::raw("HTTP/1.1 200 OK\r\n"),
    ];
    for reply in texts {
        let server = ScriptedServer::start([reply]).await.unwrap();
        let adapter = subject.adapter(&server.url());
        let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
        let mut shown = format!("{error}\n{error:?}\n{adapter:?}\n{:?}", subject.context());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            shown = format!("{shown}\n{cause}\n{cause:?}");
            source = cause.source();
        }
        assert!(!shown.contains(CANARY), "{shown}");
        let request = server.requests().remove(0);
        assert!(!request.line.contains(CANARY), "{}", request.line);
        assert!(!request.body.to_string().contains(CANARY));
    }
}

/// Settings that could smuggle something into a request are refused with a reason.
#[expect(clippy::unused_async, reason = "called like its siblings")]
pub async fn bad_settings_are_refused(subject: Subject) {
    let good = settings("http://127.0.0.1:1");
    let key = |key: &str| AdapterSettings { api_key: Some(SecretString::from(key)), ..good.clone() };
    let url = |url: &str| AdapterSettings { base_url: Some(url.to_owned()), ..good.clone() };
    let header = |name: &str, value: &str| AdapterSettings {
        headers: vec![(name.to_owned(), SecretString::from(value))],
        ..good.clone()
    };
    for (settings, reason) in [
        (key("sk-test-1\r\nx-evil: 1"), "key"),
        (key("sk-test-1\n"), "key"),
        (key("sk-test-\u{0}"), "key"),
        (key("sk-test-ключ"), "key"),
        (header("x-a\r\nb", "1"), "header"),
        (header("x-a", "1\r\nx-evil: 1"), "header"),
        (url("http://127.0.0.1:1\r\n"), "base URL"),
        (url("ftp://127.0.0.1"), "base URL"),
        (url("127.0.0.1:1"), "base URL"),
        (url("http://user:pass@127.0.0.1"), "base URL"),
        (url("http://127.0.0.1/?key=1"), "base URL"),
    ] {
        let error = (subject.open)(settings).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend), "{error}");
        assert!(error.message.contains(reason), "{error}");
        assert!(!error.to_string().contains("sk-test"), "{error}");
    }
}

/// Health, model list and token count work, and cost nothing.
pub async fn the_free_calls_work(subject: Subject) {
    let sim = subject.sim("{}").await;
    let adapter = subject.adapter(&sim.base_url(subject.vendor));
    assert_eq!(adapter.health_check().await.unwrap(), Health::Ready);
    let models = adapter.models().await.unwrap();
    assert!(!models.is_empty());
    if !subject.is_exempt("model list") {
        assert!(models.iter().any(|model| model.id.as_str() == subject.model), "{models:?}");
    }
    let counted = adapter.count_tokens(&subject.model.into(), &text()).await;
    if subject.is_exempt("token count") {
        assert_eq!(counted.unwrap_err().kind, ErrorKind::Unsupported);
    } else {
        assert!(counted.unwrap() > 0);
    }
    let billed = sim
        .journal()
        .iter()
        .filter(|call| call.outcome.as_ref().is_some_and(|end| end.usage.is_some()))
        .count();
    assert_eq!(billed, 0, "{:?}", sim.journal());
}

/// The vendor's own text is kept on request, and only then.
pub async fn the_raw_reply_is_kept_on_request(subject: Subject) {
    for delivery in [Delivery::Stream, Delivery::Whole] {
        let plain = subject.answer(text().with_delivery(delivery)).await;
        assert_eq!(plain.raw_response, None);
        let mut request = text().with_delivery(delivery);
        request.keep_raw = true;
        let kept = subject.answer(request).await.raw_response.unwrap();
        assert!(kept.contains(subject.model) && kept.contains('{'), "{kept}");
    }
}
