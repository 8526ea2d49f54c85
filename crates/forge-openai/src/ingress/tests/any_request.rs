//! Requests within what a dialect can express: what the adapter writes of them is read as the same.

use forge_core::{
    Message, ModelId, ModelProvider, ModelRequest,
    model::Efforts,
    request::{
        Delivery, Effort, FreeformFormat, FreeformTool, FunctionTool, MessageRole, Opaque, Outline,
        OutputFormat, OutputSchema, Part, Source, Tool, ToolChoice, ToolInput,
    },
};
use forge_http::ingress::{Incoming, Ingress};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    super::{CHAT, RESPONSES},
    parse,
};
use crate::{chat, profile::Profile, responses};

const MODEL: &str = "gpt-9-unknown";

#[derive(Debug, Clone, Copy, PartialEq)]
enum To {
    Chat,
    Responses,
}

fn text() -> impl Strategy<Value = String> {
    "[a-zäß{}\"\\\\\n:]{0,12}[a-z]"
}

fn arguments() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![text().prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(Value::Null)];
    let inner = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            vec((text(), inner), 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    vec((text(), inner), 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

fn input() -> impl Strategy<Value = ToolInput> {
    prop_oneof![
        arguments().prop_map(ToolInput::Json),
        text().prop_map(ToolInput::Text),
        text().prop_map(|text| ToolInput::Broken(format!("{{{text}"))),
    ]
}

fn base64(media_type: &str) -> Source {
    Source::Base64 { media_type: media_type.into(), data: "AAAA".into() }
}

fn file() -> Source {
    Source::File { id: "file-1".into(), vendor: ModelProvider::OpenAI }
}

fn url() -> Source {
    Source::Url { url: "https://a.example/x".into() }
}

/// What a user may say.
fn said(to: To) -> BoxedStrategy<Part> {
    let mut others = vec![
        Part::image(url()),
        Part::image(base64("image/png")),
        Part::audio(base64("audio/mpeg")),
        Part::audio(base64("audio/wav")),
        Part::document(base64("application/pdf")).with_name("a.pdf"),
        Part::document(file()),
    ];
    if to == To::Responses {
        others.extend([Part::image(file()), Part::document(url())]);
    }
    prop_oneof![text().prop_map(Part::text), select(others)].boxed()
}

fn own(data: &Value) -> Opaque {
    Opaque::new(ModelProvider::OpenAI, MODEL.into(), data.to_string())
}

/// Thoughts with the state that a reply gives them.
fn thinking(to: To) -> BoxedStrategy<Part> {
    match to {
        To::Chat => (text(), any::<bool>())
            .prop_map(|(text, detailed)| {
                let details = json!({"reasoning_details": [{"type": "reasoning.text", "text": text, "signature": "s"}]});
                let state = if detailed { details } else { json!({"reasoning_content": text}) };
                Part::thinking(text).with_opaque(own(&state))
            })
            .boxed(),
        To::Responses => vec(text(), 0..3)
            .prop_map(|texts| {
                let summary: Vec<_> = texts.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
                let item = json!({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "x="});
                Part::thinking(texts.join("\n\n")).with_opaque(own(&item))
            })
            .boxed(),
    }
}

fn call(to: To) -> impl Strategy<Value = (String, ToolInput, Option<String>, bool)> {
    let namespace = if to == To::Chat { Just(None).boxed() } else { option::of(text()).boxed() };
    ("[a-z_]{1,9}", input(), namespace, any::<bool>())
}

/// A turn of the assistant's, and the results of its calls.
fn answered(to: To) -> impl Strategy<Value = Vec<Message>> {
    let result =
        prop_oneof![3 => vec(text().prop_map(Part::text), 0..3), 1 => Just(vec![Part::image(url())])];
    let calls = vec((call(to), result), 0..3);
    (option::of(thinking(to)), vec(text(), 1..3), calls).prop_map(move |(thinking, texts, calls)| {
        let (mut turn, mut results) = (Vec::new(), Vec::new());
        turn.extend(thinking);
        // The vendor takes thoughts only together with an item of its own that follows them.
        for text in texts {
            let item = json!({"type": "message", "id": "msg_1", "role": "assistant", "phase": "commentary",
                "content": [{"type": "output_text", "text": text}]});
            let state = (to == To::Responses).then(|| own(&item));
            turn.push(Part::text(text).with_opaque(state));
        }
        for (at, ((name, input, namespace, signed), result)) in calls.into_iter().enumerate() {
            let id = format!("call_{at}");
            let state = match input {
                ToolInput::Text(_) => None,
                _ if to == To::Responses => None,
                _ => signed.then(|| own(&json!({"extra_content": {"google": {"thought_signature": "s"}}}))),
            };
            let call = Part::tool_use(id.as_str(), name, input).with_opaque(state);
            turn.push(match namespace {
                Some(namespace) => call.with_namespace(namespace),
                None => call,
            });
            results.push(Part::tool_result_parts(id, result));
        }
        let mut turns = vec![Message::new(MessageRole::Assistant, turn)];
        if !results.is_empty() {
            turns.push(Message::new(MessageRole::User, results));
        }
        turns
    })
}

fn conversation(to: To) -> impl Strategy<Value = Vec<Message>> {
    let user = vec(said(to), 1..4).prop_map(|parts| Message::new(MessageRole::User, parts));
    let round = (option::of(text().prop_map(Message::system)), answered(to), user.clone());
    (user, vec(round, 0..3)).prop_map(|(first, rounds)| {
        let mut turns = vec![first];
        for (at, (system, answered, user)) in rounds.into_iter().enumerate() {
            turns.extend(system);
            turns.extend(answered.into_iter().map(|turn| renumbered(turn, at)));
            turns.push(user);
        }
        turns
    })
}

/// Ids stand once in a conversation.
fn renumbered(mut turn: Message, round: usize) -> Message {
    for part in &mut turn.parts {
        if let Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } = part {
            *id = format!("{id}_{round}");
        }
    }
    turn
}

fn tools(to: To) -> BoxedStrategy<Vec<Tool>> {
    let closed = json!({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"],
        "additionalProperties": false});
    let grammar = FreeformFormat::Grammar { syntax: "lark".into(), definition: "start: WORD".into() };
    let tools: [Tool; 6] = [
        FunctionTool::new("strict", closed).strict().into(),
        FunctionTool::new("free", json!({"type": "object"})).with_description("d").into(),
        Tool::freeform("exec").with_description("e"),
        FreeformTool::new("patch").with_format(grammar).into(),
        Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})),
        Tool::function("wait", json!({"type": "object"})).with_namespace("shell"),
    ];
    let fitting = if to == To::Chat { 4 } else { 6 };
    proptest::sample::subsequence(tools[..fitting].to_vec(), 0..=fitting).boxed()
}

fn choice(named: Vec<String>) -> BoxedStrategy<ToolChoice> {
    if named.is_empty() {
        return Just(ToolChoice::Auto).boxed();
    }
    prop_oneof![
        select(vec![ToolChoice::Auto, ToolChoice::None, ToolChoice::Required]),
        select(named.clone()).prop_map(ToolChoice::Tool),
        any::<bool>().prop_map(move |required| ToolChoice::Allowed { names: named.clone(), required }),
    ]
    .boxed()
}

fn output() -> impl Strategy<Value = OutputFormat> {
    let schema = |strict: bool| {
        let closed =
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
        let mut output = OutputSchema::new("answer", closed);
        (output.strict, output.description) = (Some(strict), strict.then(|| "d".into()));
        OutputFormat::JsonSchema(output)
    };
    select(vec![OutputFormat::Text, OutputFormat::Json, schema(true), schema(false)])
}

fn number() -> impl Strategy<Value = Option<f64>> {
    option::of((-200_i32..200).prop_map(|number| f64::from(number) / 100.0))
}

fn settings(to: To) -> impl Strategy<Value = ModelRequest> {
    let sampling = (number(), number(), number(), number(), option::of(any::<i64>()), option::of(1_u32..99));
    let limits = (option::of(1_u32..), vec("[a-z]{1,4}", 0..5), option::of(select(Effort::ALL.to_vec())));
    (sampling, limits, output(), any::<[bool; 2]>()).prop_map(
        move |(
            (temperature, top_p, presence, frequency, seed, top_k),
            (limit, stop, effort),
            output,
            [whole, extra],
        )| {
            let mut request = ModelRequest::default().with_output(output);
            (request.sampling.temperature, request.sampling.top_p) = (temperature, top_p);
            (request.max_tokens, request.effort) = (limit, effort);
            if to == To::Chat {
                (request.sampling.presence_penalty, request.sampling.frequency_penalty) =
                    (presence, frequency);
                (request.sampling.seed, request.sampling.top_k) = (seed, top_k);
                request.stop_sequences = stop;
            } else {
                request.show_thinking = extra.then_some(true);
            }
            if whole {
                request.delivery = Delivery::Whole;
            }
            if extra {
                request.extra.insert(ModelProvider::OpenAI, "user", "u");
            }
            request
        },
    )
}

fn request(to: To) -> impl Strategy<Value = ModelRequest> {
    let tools = tools(to).prop_flat_map(|tools| {
        let named = tools.iter().filter_map(|tool| tool.name().map(str::to_owned)).collect();
        (choice(named), Just(tools), option::of(any::<bool>()))
    });
    (settings(to), option::of(text()), conversation(to), tools).prop_map(
        |(mut request, system, messages, (choice, tools, parallel))| {
            request.system = ModelRequest::new(system.unwrap_or_default()).system;
            request.messages = messages.into();
            request.parallel_tools = parallel.filter(|_| !tools.is_empty());
            request.tools = tools.into();
            request.tool_choice = choice;
            request
        },
    )
}

proptest! {
    #[test]
    fn a_chat_is_read_as_it_was_meant(request in request(To::Chat), newer in any::<bool>()) {
        let token_limit =
            if newer { chat::TokenLimit::MaxCompletionTokens } else { chat::TokenLimit::MaxTokens };
        let rules = chat::Rules {
            token_limit,
            system_role: if newer { chat::SystemRole::Developer } else { chat::SystemRole::System },
            top_k: true,
            efforts: Efforts::of(&Effort::ALL),
            tool_result_images: true,
            ..chat::Rules::OPENAI
        };
        let model = ModelId::from(MODEL);
        let sent = chat::to_wire("p", &ModelProvider::OpenAI, &model, &request, &rules).unwrap();
        let read = parse(&CHAT, &sent.body).unwrap();
        prop_assert_eq!(&read.request, &request, "{}", String::from_utf8_lossy(&sent.body));
        prop_assert_eq!((read.model.as_str(), read.unknown.len()), (MODEL, usize::from(!request.extra.is_empty())));
    }

    #[test]
    fn a_request_of_responses_is_read_as_it_was_meant(request in request(To::Responses)) {
        let model = ModelId::from(MODEL);
        let profile = Profile::of(&model);
        let sent = responses::to_wire("p", &ModelProvider::OpenAI, &model, &request, profile).unwrap();
        let read = parse(&RESPONSES, &sent.body).unwrap();
        // Tools of a group stand together, where its first one stood.
        prop_assert_eq!(&read.request, &request, "{}", String::from_utf8_lossy(&sent.body));
        prop_assert_eq!(read.unknown.len(), usize::from(!request.extra.is_empty()));
        // The same body at the address of Chat is the same request.
        prop_assert_eq!(&parse(&CHAT, &sent.body).unwrap().request, &request);
    }

    #[test]
    fn a_look_at_a_request_of_responses_finds_what_reading_it_does(request in request(To::Responses)) {
        let model = ModelId::from(MODEL);
        let request = request.with_delivery(Delivery::Stream);
        let sent = responses::to_wire("p", &ModelProvider::OpenAI, &model, &request, Profile::of(&model)).unwrap();
        let read = parse(&RESPONSES, &sent.body).unwrap().request;
        let Some(carried) = carry(&RESPONSES, &sent.body) else { return Ok(()) };
        let (seen, exact) = (carried.request.outline(), read.outline());
        let flags = |outline: &Outline| {
            let Outline { tools, forced_tool, schema, images, documents, audio, max_tokens, .. } = *outline;
            (tools, forced_tool, schema, images, documents, audio, max_tokens)
        };
        prop_assert_eq!(flags(&seen), flags(&exact), "{}", String::from_utf8_lossy(&sent.body));
        // What state says besides is counted twice by who reads it.
        let is_enough = seen.size.most_input() >= exact.size.most_input() || exact.minted_by.is_some();
        prop_assert!(is_enough, "{:?} {:?} {}", seen.size, exact.size, String::from_utf8_lossy(&sent.body));
        prop_assert_eq!((carried.request.effort, &carried.request.sampling), (read.effort, &read.sampling));
        prop_assert_eq!(carried.request.parsed().unwrap(), &read);
    }

    #[test]
    fn a_look_at_a_chat_finds_what_reading_it_does(request in request(To::Chat)) {
        let model = ModelId::from(MODEL);
        let efforts = Efforts::of(&Effort::ALL);
        let rules = chat::Rules { top_k: true, efforts, tool_result_images: true, ..chat::Rules::OPENAI };
        let sent = chat::to_wire("p", &ModelProvider::OpenAI, &model, &request, &rules).unwrap();
        let read = parse(&CHAT, &sent.body).unwrap().request;
        let Some(carried) = carry(&CHAT, &sent.body) else { return Ok(()) };
        let (seen, exact) = (carried.request.outline(), read.outline());
        let flags = |outline: &Outline| {
            let Outline { tools, forced_tool, schema, images, documents, audio, max_tokens, may_be_silent, .. } = *outline;
            (tools, forced_tool, schema, images, documents, audio, max_tokens, may_be_silent)
        };
        prop_assert_eq!(flags(&seen), flags(&exact), "{}", String::from_utf8_lossy(&sent.body));
        let is_enough = seen.size.most_input() >= exact.size.most_input();
        prop_assert!(is_enough, "{:?} {:?} {}", seen.size, exact.size, String::from_utf8_lossy(&sent.body));
        let set = |request: &ModelRequest| (request.effort, request.sampling, request.stop_sequences.clone(), request.delivery);
        prop_assert_eq!(set(&carried.request), set(&read));
        prop_assert_eq!(carried.request.parsed().unwrap(), &read);
    }

    #[test]
    fn a_damaged_body_is_refused_or_spliced_where_its_model_stands(
        request in request(To::Responses),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let model = ModelId::from(MODEL);
        let request = request.with_delivery(Delivery::Stream);
        let sent = responses::to_wire("p", &ModelProvider::OpenAI, &model, &request, Profile::of(&model)).unwrap();
        let mut body = sent.body;
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let Some(incoming) = carry(&RESPONSES, &body) else { return Ok(()) };
        let mut expected: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(&expected["model"], &Value::from(incoming.model.as_str()));
        let carried = incoming.request.carried().unwrap();
        let sent = forge_http::spliced(carried, &"new".into(), &carried.added, &incoming.request, &ModelProvider::OpenAI);
        expected["model"] = "new".into();
        expected["store"] = false.into();
        prop_assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), expected);
    }
}

#[test]
fn what_has_to_be_read_is_not_carried() {
    let with = |more: &str| format!(r#"{{"model": "m", "stream": true, "input": "hi"{more}}}"#);
    assert!(carry(&RESPONSES, with("").as_bytes()).is_some());
    for more in [
        r#", "store": true"#,
        r#", "store": null"#,
        r#", "previous_response_id": "r""#,
        r#", "max_output_tokens": null"#,
        r#", "input": [{"type": "reasoning", "id": "rs_1", "summary": []}]"#,
        r#", "user": "fg1.x""#,
        r#", "reasoning": {"effort": "huge"}"#,
        r#", "input": [{"type": "item_reference", "id": "a"}]"#,
        r#", "input": [{"role": "assistant", "id": "msg_01-2_0", "content": "x"}]"#,
    ] {
        assert!(carry(&RESPONSES, with(more).as_bytes()).is_none(), "{more}");
    }
}

#[test]
fn what_has_to_be_read_of_a_chat_is_not_carried() {
    let with = |more: &str| {
        format!(
            r#"{{"model": "m", "stream": true, "messages": [{{"role": "user", "content": "hi"}}]{more}}}"#
        )
    };
    let added = |more: &str| {
        carry(&CHAT, with(more).as_bytes()).map(|one| one.request.carried().unwrap().added.len())
    };
    for (more, fields) in [
        ("", 2),
        (r#", "store": false"#, 1),
        (r#", "stream_options": {"include_usage": true}, "n": 1"#, 1),
        (r#", "stream": false, "novel": 1e3"#, 1),
    ] {
        assert_eq!(added(more), Some(fields), "{more}");
    }
    for more in [
        r#", "store": true"#,
        r#", "stream_options": {"include_usage": false}"#,
        r#", "stream_options": {}"#,
        r#", "stream": false, "stream_options": {"include_usage": true}"#,
        r#", "n": 2"#,
        r#", "max_tokens": null"#,
        r#", "modalities": ["text", "audio"]"#,
        r#", "reasoning_effort": "huge""#,
        r#", "messages": []"#,
        r#", "user": "a_fg1_x""#,
        r#", "messages": [{"role": "assistant", "content": "a", "reasoning_content": "b"}]"#,
    ] {
        assert_eq!(added(more), None, "{more}");
    }
    let long = "x".repeat(65);
    let call = format!(r#", "messages": [{{"role": "tool", "tool_call_id": "{long}", "content": "a"}}]"#);
    assert_eq!(added(&call), None);
}

/// The request as it is passed on, if it need not be read.
fn carry(ingress: &Ingress, body: &[u8]) -> Option<Incoming> {
    let (parts, ()) = http::Request::new(()).into_parts();
    (ingress.carry)(&bytes::Bytes::copy_from_slice(body), &parts, &super::head()).ok().flatten()
}
