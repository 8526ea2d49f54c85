//! Requests that the adapter writes are read as they were.

use bytes::Bytes;
use forge_core::{
    Message, ModelId, ModelProvider, ModelRequest,
    request::{
        Delivery, Effort, FunctionTool, MessageRole, OutputFormat, Part, Source, SystemText, Tool, ToolChoice,
    },
};
use forge_http::ingress::{Incoming, ReplyHead};
use http::Uri;
use proptest::prelude::*;
use serde_json::json;

use super::{super::GEMINI, MODEL, address, opaque, parse_at, words};
use crate::{
    profile::Profile,
    request::{to_count, to_wire},
};

fn said_by_user() -> impl Strategy<Value = Part> {
    let url = |url: &str| Source::Url { url: url.into() };
    let file = || Source::File { id: "files/abc".into(), vendor: ModelProvider::Google };
    prop_oneof![
        4 => words().prop_map(Part::text),
        1 => Just(Part::image(url("https://a.example/x.png"))),
        1 => Just(Part::image_base64("image/png", "iVBORw0KGgo=")),
        1 => Just(Part::audio(Source::Base64 { media_type: "audio/mp3".into(), data: "SUQzBA+/".into() })),
        1 => Just(Part::document(url("https://a.example/x"))),
        1 => Just(Part::document(file())),
    ]
}

/// A call: whether it is signed, whether it failed, and what came back.
fn call() -> impl Strategy<Value = (bool, bool, String)> {
    let result = prop_oneof![3 => words(), 1 => Just(r#"{"found":[1,2.5]}"#.to_owned())];
    (any::<bool>(), any::<bool>(), result)
}

/// What is said, then thoughts, an answer, calls and their results.
fn exchange() -> impl Strategy<Value = Vec<Message>> {
    let user = prop::collection::vec(said_by_user(), 1..3);
    let thought = prop::option::of((words(), "[A-Za-z0-9+/]{4,8}"));
    let vendor = any::<bool>();
    (user, thought, words(), vendor, prop::collection::vec(call(), 0..3)).prop_map(
        |(user, thought, said, vendor, calls)| {
            let mut answer: Vec<Part> = Vec::new();
            answer.extend(thought.map(|(text, data)| Part::thinking(text).with_opaque(opaque(&data))));
            answer.push(Part::text(said));
            if vendor {
                let code = r#"{"executableCode":{"language":"PYTHON","code":"print(1)"}}"#;
                answer.push(Part::vendor(opaque(code)));
            }
            let mut results = Vec::new();
            for (at, (signed, failed, text)) in calls.into_iter().enumerate() {
                let (id, failed) = (format!("call-{at}"), failed && !text.starts_with('{'));
                let call = Part::tool_use(id.clone(), "look", json!({"at": at}));
                answer.push(call.with_opaque(signed.then(|| opaque("U2ln"))));
                let result = Part::tool_result(id, text);
                results.push(if failed { result.failed() } else { result });
            }
            let mut turns =
                vec![Message::new(MessageRole::User, user), Message::new(MessageRole::Assistant, answer)];
            if !results.is_empty() {
                turns.push(Message::new(MessageRole::User, results));
                turns.push(Message::assistant("done"));
            }
            turns
        },
    )
}

fn choices() -> impl Strategy<Value = ToolChoice> {
    let some = || vec!["look".to_owned(), "write".to_owned()];
    prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        Just(ToolChoice::Tool("look".into())),
        Just(ToolChoice::Allowed { names: some(), required: true }),
        Just(ToolChoice::Allowed { names: some(), required: false }),
    ]
}

prop_compose! {
    fn request()(
        system in prop::collection::vec(words(), 0..3),
        exchange in prop::option::of(exchange()),
        last in words(),
        (tools, choice, strict) in (any::<bool>(), choices(), any::<bool>()),
        effort in prop::option::of(prop_oneof![Just(Effort::Low), Just(Effort::Medium), Just(Effort::High)]),
        stops in prop::collection::vec(words(), 0..2),
        output in 0..3_u8,
        sampling in prop::option::of((0..8_u8, 0..4_u8, 1..64_u32, any::<i64>())),
        (max_tokens, streams, thoughts, safety) in (prop::option::of(1..4_000_u32), any::<bool>(), any::<bool>(), any::<bool>()),
    ) -> ModelRequest {
        let mut request = ModelRequest::default();
        request.max_tokens = max_tokens;
        for text in system {
            request = request.with_system_text(SystemText::new(text));
        }
        for turn in exchange.into_iter().flatten() {
            request = request.with_message(turn);
        }
        request = request.with_user_message(last);
        if tools {
            let schema = json!({"type": "object", "properties": {"at": {"type": "integer"}}});
            let mut look = FunctionTool::new("look", schema).with_description("Looks.");
            look.strict = strict && choice == ToolChoice::Auto;
            let mut write = FunctionTool::new("write", json!({"type": "object"}));
            write.strict = look.strict;
            request = request.with_tool(Tool::Function(look)).with_tool(Tool::Function(write));
            request = request.with_tool(Tool::hosted(ModelProvider::Google, json!({"googleSearch": {}})));
            request.tool_choice = choice;
        }
        request.effort = effort;
        request.show_thinking = thoughts.then_some(true);
        request.stop_sequences = stops;
        if let Some((temperature, top_p, top_k, seed)) = sampling {
            request.sampling.temperature = Some(f64::from(temperature) / 4.0);
            request.sampling.top_p = Some(f64::from(top_p) / 4.0);
            request.sampling.top_k = Some(top_k);
            request.sampling.seed = Some(seed);
        }
        request.output = match output {
            0 => OutputFormat::Text,
            1 => OutputFormat::Json,
            _ => OutputFormat::json_schema("output", json!({"type": "object", "properties": {}})),
        };
        if safety {
            let settings = json!([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]);
            request.extra.insert(ModelProvider::Google, "safetySettings", settings);
        }
        request.with_delivery(if streams { Delivery::Stream } else { Delivery::Whole })
    }
}

proptest! {
    #[test]
    fn a_request_that_the_adapter_writes_is_read_as_it_was(request in request()) {
        let model = ModelId::from(MODEL);
        let body = to_wire("p", &model, &request, Profile::of(&model)).unwrap().body;
        let verb = match request.delivery {
            Delivery::Stream => "streamGenerateContent?alt=sse",
            Delivery::Whole => "generateContent",
        };
        let incoming = parse_at(&address(verb), &body).unwrap();
        prop_assert_eq!(incoming.model.as_str(), MODEL);
        prop_assert_eq!(incoming.unknown.len(), usize::from(!request.extra.is_empty()));
        prop_assert_eq!(incoming.request, request);
    }

    #[test]
    fn a_look_at_a_request_finds_what_reading_it_does(request in request()) {
        let model = ModelId::from(MODEL);
        let body = to_wire("p", &model, &request, Profile::of(&model)).unwrap().body;
        let text = String::from_utf8_lossy(&body);
        let uri = address("streamGenerateContent?alt=sse");
        let read = parse_at(&uri, &body).unwrap().request;
        let Some(carried) = carry(&uri, &body) else { return Ok(()) };
        let (mut seen, exact) = (carried.request.outline().into_owned(), read.outline().into_owned());
        prop_assert!(seen.size.most_input() >= exact.size.most_input(), "{:?} {:?} {text}", seen.size, exact.size);
        // Only who looks knows the names of tools that the vendor runs.
        (seen.size, seen.prefix) = (exact.size, exact.prefix);
        prop_assert_eq!(&seen, &exact, "{}", text);
        let set = |request: &ModelRequest| {
            let ModelRequest { effort, thinking_budget, show_thinking, delivery, .. } = *request;
            (effort, thinking_budget, show_thinking, delivery, request.sampling, request.stop_sequences.clone())
        };
        prop_assert_eq!(set(&carried.request), set(&read));
        prop_assert_eq!(&carried.request.parsed().unwrap().messages, &read.messages);
        prop_assert_eq!(&carried.request.parsed().unwrap().extra, &read.extra);
    }

    #[test]
    fn a_count_that_the_adapter_asks_for_is_about_the_same_prompt(request in request()) {
        let model = ModelId::from(MODEL);
        let body = to_count("p", &model, &request, Profile::of(&model)).unwrap();
        let counted = parse_at(&address("countTokens"), &body).unwrap();
        prop_assert!(counted.unknown.is_empty(), "{:?}", counted.unknown);
        prop_assert_eq!(&counted.request.system, &request.system);
        prop_assert_eq!(&counted.request.messages, &request.messages);
        prop_assert_eq!(&counted.request.tools, &request.tools);
    }
}

fn carry(uri: &Uri, body: &[u8]) -> Option<Incoming> {
    let (parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
    let head = ReplyHead { id: "1".into(), created: chrono::DateTime::UNIX_EPOCH };
    (GEMINI.carry)(&Bytes::copy_from_slice(body), &parts, &head).ok().flatten()
}

#[test]
fn what_has_to_be_read_is_not_carried() {
    let carried = |end: &str, more: &str| {
        let body = format!(r#"{{"contents": [{{"parts": [{{"text": "hi"}}]}}]{more}}}"#);
        carry(&address(end), body.as_bytes()).map(|one| one.request.carried().unwrap().added.len())
    };
    let stream = "streamGenerateContent?alt=sse";
    assert_eq!((carried(stream, ""), carried("generateContent", "")), (Some(1), Some(1)));
    assert_eq!(carried(stream, r#", "store": false, "novel": 1e3"#), Some(0));
    assert_eq!((carried("streamGenerateContent", ""), carried("countTokens", "")), (None, None));
    let signed = |state: &str| {
        format!(
            r#", "contents": [{{"role": "model", "parts": [{{"functionCall": {{"name": "f"}}{state}}}]}},
        {{"parts": [{{"functionResponse": {{"name": "f", "response": {{}}}}}}]}}]"#
        )
    };
    assert_eq!(carried(stream, &signed(r#", "thoughtSignature": "c2ln""#)), Some(1));
    for more in [
        &signed("") as &str,
        r#", "contents": []"#,
        r#", "contents": [{"role": "model", "parts": [{"text": "so"}]}]"#,
        r#", "store": true"#,
        r#", "model": "m""#,
        r#", "cachedContent": "c""#,
        r#", "generation_config": {"candidate_count": 2}"#,
        r#", "generationConfig": {"responseModalities": ["IMAGE"]}"#,
        r#", "generationConfig": {"thinkingConfig": {"thinking_level": "huge"}}"#,
        r#", "labels": {"a": "fg1.x"}"#,
    ] {
        assert_eq!(carried(stream, more), None, "{more}");
    }
}
