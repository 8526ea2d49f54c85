//! Both directions of the dialect against each other.

use bytes::Bytes;
use forge_core::{
    CallContext, ErrorKind, Message, ModelId, ModelProvider, ModelRequest, ModelResponse, Participant,
    ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason},
    provider::AdapterSettings,
    request::{
        CacheTtl, Delivery, Effort, MessageRole, Opaque, OutputFormat, Part, SystemText, Tool, ToolChoice,
    },
    stream::Accumulator,
};
use forge_http::{
    Decode as _, Events, Frame, SseDecoder,
    ingress::{Incoming, Refusal, ReplyHead},
};
use http::Uri;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::MESSAGES;
use crate::{request::to_wire, response, stream::Decoder};

const MODEL: &str = "claude-opus-4-8";

fn parse(body: impl Into<Bytes>) -> Result<Incoming, String> {
    let head = ReplyHead { id: "1-2".into(), created: chrono::DateTime::UNIX_EPOCH };
    (MESSAGES.parse)(&body.into(), &Uri::from_static("/v1/messages"), &head).map_err(|error| error.reason)
}

/// The request as it is passed on, if it need not be read.
fn carry(body: impl Into<Bytes>) -> Result<Option<Incoming>, String> {
    let head = ReplyHead { id: "1-2".into(), created: chrono::DateTime::UNIX_EPOCH };
    let (parts, ()) = http::Request::new(()).into_parts();
    (MESSAGES.carry)(&body.into(), &parts, &head).map_err(|error| error.reason)
}

fn opaque(data: &str) -> Opaque {
    Opaque::new(ModelProvider::Anthropic, MODEL.into(), data)
}

fn words() -> impl Strategy<Value = String> {
    "[a-z\"\\\\é ]{0,12}[a-z]".boxed()
}

fn cache() -> impl Strategy<Value = Option<CacheTtl>> {
    prop_oneof![8 => Just(None), 1 => Just(Some(CacheTtl::FiveMinutes)), 1 => Just(Some(CacheTtl::OneHour))]
}

fn marked(part: impl Strategy<Value = Part>) -> impl Strategy<Value = Part> {
    (part, cache()).prop_map(|(part, ttl)| ttl.into_iter().fold(part, Part::with_cache))
}

fn said_by_user() -> impl Strategy<Value = Part> {
    let url = || forge_core::request::Source::Url { url: "https://a.example/x".into() };
    marked(prop_oneof![
        4 => words().prop_map(Part::text),
        1 => Just(Part::image(url())),
        1 => Just(Part::image_base64("image/png", "iVBORw0KGgo=")),
        1 => Just(Part::document(url()).with_name("Guide")),
    ])
}

/// What is said, then a call, its result, and thoughts before them.
fn exchange() -> impl Strategy<Value = Vec<Message>> {
    let user = prop::collection::vec(said_by_user(), 1..3);
    let thought = prop::option::of((words(), "[A-Za-z+/]{4,8}"));
    let call = prop::option::of((words(), any::<bool>(), prop::collection::vec(said_by_user(), 0..2)));
    (user, thought, words(), call).prop_map(|(user, thought, said, call)| {
        let mut answer: Vec<Part> = Vec::new();
        answer.extend(thought.map(|(text, data)| Part::thinking(text).with_opaque(opaque(&data))));
        answer.push(Part::text(said));
        let mut turns = vec![Message::new(MessageRole::User, user)];
        let Some((argument, failed, mut result)) = call else {
            turns.push(Message::new(MessageRole::Assistant, answer));
            return turns;
        };
        answer.push(Part::tool_use("toolu_1", "look", json!({"at": argument})));
        result.insert(0, Part::text("found"));
        let result = Part::tool_result_parts("toolu_1", result);
        turns.push(Message::new(MessageRole::Assistant, answer));
        turns.push(Message::new(MessageRole::User, vec![if failed { result.failed() } else { result }]));
        turns.push(Message::assistant("done"));
        turns
    })
}

prop_compose! {
    fn request()(
        system in prop::collection::vec((words(), cache()), 0..3),
        exchanges in prop::collection::vec(exchange(), 0..2),
        last in words(),
        tools in prop::option::of((any::<bool>(), cache(), any::<bool>())),
        choice in prop_oneof![Just(ToolChoice::Auto), Just(ToolChoice::None), Just(ToolChoice::Required)],
        effort in prop::option::of(prop_oneof![Just(Effort::Low), Just(Effort::High), Just(Effort::None)]),
        stops in prop::collection::vec(words(), 0..2),
        (max_tokens, schema, streams, tier) in (1..4_000_u32, any::<bool>(), any::<bool>(), any::<bool>()),
    ) -> ModelRequest {
        let mut request = ModelRequest::default().with_max_tokens(max_tokens);
        for (text, ttl) in system {
            let block = SystemText::new(text);
            request = request.with_system_text(ttl.into_iter().fold(block, SystemText::with_cache));
        }
        for turn in exchanges.into_iter().flatten() {
            request = request.with_message(turn);
        }
        request = request.with_user_message(last);
        // A conversation with calls goes out with the tools that were called.
        let has_called = request.messages.len() > 1;
        if let Some((hosted, ttl, alone)) = tools.or(has_called.then_some((false, None, false))) {
            let mut tool = forge_core::request::FunctionTool::new("look", json!({"type": "object"}));
            tool.cache = ttl;
            request = request.with_tool(Tool::Function(tool));
            request.parallel_tools = (alone && choice != ToolChoice::None).then_some(false);
            request.tool_choice = choice;
            if hosted {
                let definition = json!({"type": "web_search_20250305", "name": "web_search"});
                request = request.with_tool(Tool::hosted(ModelProvider::Anthropic, definition));
            }
        }
        request.effort = effort;
        request.stop_sequences = stops;
        if schema {
            let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
            request = request.with_output(OutputFormat::json_schema("output", schema));
        }
        if tier {
            request.extra.insert(ModelProvider::Anthropic, "service_tier", "auto");
        }
        request.with_delivery(if streams { Delivery::Stream } else { Delivery::Whole })
    }
}

/// The conversation without marks beyond the fourth, which the vendor does not take.
fn marks(request: &ModelRequest) -> usize {
    let system = request.system.iter().filter(|block| block.cache.is_some()).count();
    let text = serde_json::to_string(&(&request.messages, &request.tools)).unwrap();
    system + text.matches("\"cache\"").count()
}

/// A reply with every kind of part, as events.
fn events(reason: StopReason, pieces: &[String]) -> Vec<StreamEvent> {
    let part = |index, kind, deltas: Vec<Delta>, opaque: Option<Opaque>| {
        let begun = StreamEvent::PartStarted { index, kind };
        let deltas = deltas.into_iter().map(move |delta| StreamEvent::PartDelta { index, delta });
        let ended = StreamEvent::PartEnded { index, opaque: opaque.map(Box::new) };
        std::iter::once(begun).chain(deltas).chain([ended])
    };
    let texts = |of: fn(String) -> Delta| pieces.iter().cloned().map(of).collect::<Vec<_>>();
    let redacted = r#"{"type":"redacted_thinking","data":"EuYB"}"#;
    let call = PartKind::tool_use("toolu_1", "look");
    let usage = TokenCount::default()
        .with_input(7)
        .with_cache_read(3)
        .with_cache_write_5m(2)
        .with_cache_write_1h(1)
        .with_output(9)
        .with_reasoning(4);
    let mut finished = Finished::new(reason).with_usage(usage);
    finished.stop_sequence = (reason == StopReason::StopSequence).then(|| "END".into());
    let mut events = vec![Started::new(None, Some(MODEL.into())).into()];
    events.push(usage.with_output(None).with_reasoning(None).into());
    events.extend(part(0, PartKind::Thinking, texts(Delta::Thinking), Some(opaque("Sig+/=="))));
    events.extend(part(1, PartKind::Vendor, Vec::new(), Some(opaque(redacted))));
    events.extend(part(2, PartKind::Text, texts(Delta::Text), None));
    let arguments = [r#"{"at""#, r#": "here"}"#].map(|piece| Delta::ToolInput(piece.into()));
    events.extend(part(3, call, arguments.into(), None));
    events.push(finished.into());
    events
}

fn folded(events: impl IntoIterator<Item = StreamEvent>) -> ModelResponse {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::claude_sonnet()));
    for event in events {
        accumulator.push(event).unwrap();
    }
    let mut response = accumulator.finish().unwrap();
    (response.duration, response.first_token, response.timestamp) = Default::default();
    // Names that the two sides have for the same.
    (response.id, response.raw_stop_reason) = (None, None);
    response
}

fn streamed(events: &[StreamEvent]) -> String {
    let mut reply = parse(r#"{"model": "m", "messages": [{"role": "user", "content": "x"}]}"#).unwrap().reply;
    let mut out = Vec::new();
    for event in events {
        reply.event(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn decoded(frames: &str) -> Events {
    let (mut decoder, mut events) = (Decoder::new(MODEL.into()), Events::new());
    let mut sse = SseDecoder::new();
    sse.push(frames.as_bytes());
    while let Some(frame) = sse.next_frame().unwrap() {
        let Frame::Event { name, data } = frame else { panic!("a frame without a name") };
        let data = std::str::from_utf8(data).unwrap();
        decoder.frame(Frame::Event { name, data }, &mut events).unwrap();
    }
    events
}

proptest! {
    #[test]
    fn a_request_that_the_adapter_writes_is_read_as_it_was(request in request()) {
        prop_assume!(marks(&request) <= 4);
        let settings = AdapterSettings::new("p");
        let body = to_wire("p", &ModelId::from(MODEL), &request, &settings).unwrap().body;
        let incoming = parse(body).unwrap();
        prop_assert_eq!(incoming.model.as_str(), MODEL);
        prop_assert_eq!(incoming.unknown.len(), usize::from(!request.extra.is_empty()));
        prop_assert_eq!(incoming.request, request);
    }

    #[test]
    fn a_look_at_a_request_finds_what_reading_it_does(request in request()) {
        let settings = AdapterSettings::new("p");
        let body = Bytes::from(to_wire("p", &ModelId::from(MODEL), &request, &settings).unwrap().body);
        let (seen, read) = (carry(body.clone()).unwrap().unwrap().request, parse(body).unwrap().request);
        let (mut outline, expected) = (seen.outline().into_owned(), read.outline().into_owned());
        // Texts are counted with what stands around them where they are JSON.
        let (found, exact) = (outline.size, expected.size);
        prop_assert!(found.most_input() >= exact.most_input(), "{found:?} {exact:?}");
        prop_assert!(found.expected_input() <= 2 * exact.expected_input() + 100, "{found:?} {exact:?}");
        outline.size = exact;
        // A tool that the vendor runs has a name only for who looks at the body.
        if request.tools.iter().any(|tool| tool.name().is_none()) {
            outline.prefix = expected.prefix;
        }
        prop_assert_eq!(outline, expected);
        prop_assert_eq!((seen.delivery, seen.effort), (read.delivery, read.effort));
        prop_assert_eq!(seen.parsed().unwrap(), &read);
    }

    #[test]
    fn a_damaged_body_is_refused_or_spliced_where_its_model_stands(
        request in request(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let settings = AdapterSettings::new("p");
        let mut body = to_wire("p", &ModelId::from(MODEL), &request, &settings).unwrap().body;
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let Ok(Some(incoming)) = carry(body.clone()) else { return Ok(()) };
        let carried = incoming.request.carried().unwrap();
        let mut expected: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(&expected["model"], &Value::from(incoming.model.as_str()));
        let sent = forge_http::spliced(carried, &"new".into(), &carried.added, &incoming.request, &ModelProvider::Anthropic);
        expected["model"] = "new".into();
        prop_assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), expected);
    }

    #[test]
    fn a_reply_that_is_written_is_read_as_it_was(
        pieces in prop::collection::vec(words(), 1..4),
        reason in prop_oneof![
            Just(StopReason::EndTurn), Just(StopReason::MaxTokens), Just(StopReason::StopSequence),
            Just(StopReason::ToolUse), Just(StopReason::Refusal), Just(StopReason::Paused),
            Just(StopReason::ContextWindow),
        ],
    ) {
        let events = events(reason, &pieces);
        let expected = folded(events.clone());
        prop_assert_eq!(&folded(decoded(&streamed(&events))), &expected);
        let mut reply = parse(r#"{"model": "m", "messages": [{"role": "user", "content": "x"}]}"#).unwrap().reply;
        let body = String::from_utf8(reply.whole(&expected)).unwrap();
        let mut whole = Events::new();
        response::from_wire(&body, &MODEL.into(), &mut whole).unwrap();
        prop_assert_eq!(&folded(whole), &expected);
    }

    #[test]
    fn no_body_makes_it_panic(body in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
        let _ = parse(body);
    }
}

#[test]
fn a_stream_has_the_order_that_clients_insist_on() {
    let events = events(StopReason::ToolUse, &["a".into(), "b".into()]);
    insta::assert_snapshot!(streamed(&events));
}

#[test]
fn a_text_that_says_nothing_is_no_block() {
    let started = |index, kind| StreamEvent::PartStarted { index, kind };
    let ended = |index| StreamEvent::PartEnded { index, opaque: None };
    let said = StreamEvent::PartDelta { index: 1, delta: Delta::Text("said".into()) };
    let finished = Finished::new(StopReason::EndTurn).into();
    let frames = streamed(&[
        started(0, PartKind::Text),
        ended(0),
        started(1, PartKind::Text),
        said,
        ended(1),
        started(2, PartKind::Text),
        ended(2),
        finished,
    ]);
    assert_eq!(frames.matches("event: content_block_start").count(), 1, "{frames}");
    assert!(frames.contains(r#""index":0,"delta":{"type":"text_delta","text":"said"}"#), "{frames}");
    let parts = vec![Part::text("said"), Part::text("")];
    let response = ModelResponse::new(Participant::claude_sonnet(), parts);
    let mut reply = parse(r#"{"model": "m", "messages": [{"role": "user", "content": "x"}]}"#).unwrap().reply;
    let whole: Value = serde_json::from_slice(&reply.whole(&response)).unwrap();
    assert_eq!(whole["content"].as_array().unwrap().len(), 1, "{whole}");
}

#[test]
fn what_breaks_off_has_no_good_end() {
    let mut reply =
        parse(r#"{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true}"#)
            .unwrap()
            .reply;
    let mut out = Vec::new();
    reply.event(&Started::default().into(), &mut out);
    reply.event(&StreamEvent::PartStarted { index: 0, kind: PartKind::Text }, &mut out);
    reply.failure(&ProviderError::new(ErrorKind::Overloaded, "p", "busy"), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n"
    ));
    assert!(!text.contains("message_stop") && !text.contains("content_block_stop"));
}

/// As one of the agents sends it.
#[test]
fn an_agents_request_is_read_with_its_system_turns_and_marks() {
    let body = r#"{
        "model": "claude-opus-4-8", "max_tokens": 32000, "stream": true,
        "system": [
            {"type": "text", "text": "x-billing: 1"},
            {"type": "text", "text": "You are an agent.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "assistant", "content": [
                {"type": "redacted_thinking", "data": "EuYB"},
                {"type": "tool_use", "id": "call_AbC~1.fs", "name": "Bash", "input": {"command": "ls"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_AbC~1.fs", "content": "a.rs", "is_error": null}]}],
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"},
        "context_management": {"edits": []}, "metadata": {"user_id": "u"}
    }"#;
    let request = parse(body).unwrap().request;
    assert_eq!(request.system[1].cache, Some(CacheTtl::FiveMinutes));
    assert_eq!(request.messages[1].role, MessageRole::System);
    let redacted = r#"{"type": "redacted_thinking", "data": "EuYB"}"#;
    assert_eq!(request.messages[2].parts[0], Part::vendor(opaque(redacted)));
    assert_eq!(request.messages[3].parts[0], Part::tool_result("call_AbC~1.fs", "a.rs"));
    assert_eq!((request.effort, request.show_thinking), (Some(Effort::Medium), None));
    let own = request.extra.fields(&ModelProvider::Anthropic).unwrap();
    assert_eq!(own.keys().collect::<Vec<_>>(), ["context_management", "metadata"]);
}

#[test]
fn a_body_that_is_no_request_is_refused_with_the_place() {
    let deep =
        format!(r#"{{"model": "m", "messages": [], "metadata": {}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, words) in [
        ("{".to_owned(), "the body: EOF"),
        (r#"{"messages": []}"#.into(), "model: Field required"),
        (r#"{"model": "m"}"#.into(), "messages: Field required"),
        (r#"{"model": "m", "messages": []}"#.into(), "messages: at least one message"),
        (r#"{"model": "m", "messages": [{"role": "bot", "content": "x"}]}"#.into(), "messages.0.role: `bot`"),
        (
            r#"{"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}"#.into(),
            "messages.0.content.0: missing field `text`",
        ),
        (r#"{"model": "m", "messages": [], "max_tokens": "many"}"#.into(), "max_tokens: invalid type"),
        (r#"{"model": "m", "messages": [], "tool_choice": {"type": "tool"}}"#.into(), "tool_choice.name"),
        (r#"{"model": "m", "messages": [], "output_config": {"effort": "huge"}}"#.into(), "`huge`"),
        (deep, "recursion limit"),
    ] {
        let error = parse(body.clone()).unwrap_err();
        assert!(error.contains(words), "{body}: {error}");
    }
    // Of a field that stands twice the last one counts.
    assert_eq!(
        parse(r#"{"model": "a", "messages": [{"role": "user", "content": "x"}], "model": "b"}"#)
            .unwrap()
            .model,
        "b"
    );
}

#[test]
fn what_has_to_be_read_is_not_carried() {
    let turn = |content: &str| {
        format!(
            r#"{{"model": "m", "max_tokens": 9, "messages": [{{"role": "user", "content": {content}}}]}}"#
        )
    };
    assert!(carry(turn("\"x\"")).unwrap().is_some());
    for (body, why) in [
        (turn("\"fg1.x\""), "sealed"),
        (turn(r#"[{"type": "thinking", "thinking": "hm", "signature": ""}]"#), "not signed"),
        (turn("\"x\"").replace(r#""max_tokens": 9, "#, ""), "no limit"),
        (turn("\"x\"").replace('9', "64000"), "a whole reply that may take too long"),
        (turn("\"x\"").replace('9', "\"9\""), "another type"),
        ("[]".to_owned(), "no object"),
        (r#"{"max_tokens": 9, "messages": []}"#.to_owned(), "no model"),
        (r#"{"model": 7, "max_tokens": 9, "messages": []}"#.to_owned(), "no name of a model"),
    ] {
        assert!(carry(body).unwrap().is_none(), "{why}");
    }
    let twice = r#"{"model": "a", "max_tokens": 9, "messages": [], "\u006dodel" : "b"}"#;
    let incoming = carry(twice).unwrap().unwrap();
    assert_eq!(
        (incoming.model.as_str(), &twice[incoming.request.carried().unwrap().model.clone()]),
        ("b", "\"b\"")
    );
}

#[test]
fn refusals_have_the_vendors_form_and_tell_nothing_of_the_servers_own_keys() {
    let refuse = |refusal: &Refusal<'_>| {
        let (status, body) = (MESSAGES.refuse)(refusal);
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "error");
        (status, body["error"]["type"].as_str().unwrap().to_owned(), body["error"]["message"].to_string())
    };
    assert_eq!(refuse(&Refusal::Key).0, 401);
    assert_eq!(refuse(&Refusal::ModelUnknown("x")).2, "\"model: x\"");
    let failed = |kind| ProviderError::new(kind, "p", "key sk-1 of org 7 was refused");
    for (kind, status, word) in [
        (ErrorKind::Authentication, 502, "api_error"),
        (ErrorKind::QuotaExhausted, 502, "api_error"),
        (ErrorKind::BudgetExceeded, 402, "billing_error"),
        (ErrorKind::RateLimited, 429, "rate_limit_error"),
        (ErrorKind::Overloaded, 529, "overloaded_error"),
        (ErrorKind::Timeout, 504, "timeout_error"),
        (ErrorKind::ContextTooLong, 400, "invalid_request_error"),
        (ErrorKind::Decode, 502, "api_error"),
    ] {
        let (found, name, message) = refuse(&Refusal::Failed(&failed(kind)));
        assert_eq!((found, name.as_str()), (status, word), "{kind:?}");
        assert_eq!(message.contains("sk-1"), status != 502 || kind == ErrorKind::Decode, "{kind:?}");
    }
}
