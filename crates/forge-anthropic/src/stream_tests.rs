//! Whole replies and streams decoded without a server: any JSON where the answer is not, and both forms alike.

use forge_core::{
    CallContext, ModelResponse, Participant, StreamEvent, event::StopReason, request::Part,
    stream::Accumulator,
};
use forge_http::{Decode as _, Events, Failure, Frame, Passage};
use forge_testkit::odd::{answer, spoilt};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{response, stream::Decoder};

fn folded(events: Events) -> ModelResponse {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::claude_sonnet()));
    for event in events {
        accumulator.push(event).unwrap();
    }
    let mut response = accumulator.finish().unwrap();
    (response.duration, response.first_token, response.timestamp) = Default::default();
    response
}

fn whole(body: &Value) -> Result<ModelResponse, Failure> {
    let mut events = Events::new();
    response::from_wire(&body.to_string(), &"claude-sonnet-5-5".into(), &mut events)?;
    Ok(folded(events))
}

fn streamed(frames: &[Value]) -> Result<ModelResponse, Failure> {
    let mut decoder = Decoder::new("claude-sonnet-5-5".into());
    let mut events = Events::new();
    for frame in frames {
        if matches!(events.back(), Some(StreamEvent::Finished(_))) {
            break;
        }
        let data = frame.to_string();
        let name = frame["type"].as_str().unwrap_or_default();
        decoder.frame(Frame::Event { name, data: &data }, &mut events)?;
    }
    Ok(folded(events))
}

/// A reply with every kind of block.
fn reply() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "container": null,
        "content": [
            {"type": "thinking", "thinking": "Hm. Well.", "signature": "Sig+/=="},
            {"type": "redacted_thinking", "data": "EuYB"},
            {"type": "compaction", "content": "So far so good.", "encrypted_content": "opaque"},
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"q": "Paris \"x\"", "n": 1.5}},
            {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [
                {"type": "web_search_result", "url": "https://a.example", "title": "Atlas", "encrypted_content": "x"}]},
            {"type": "text", "text": "Paris is a city.", "citations": [
                {"type": "web_search_result_location", "url": "https://a.example", "title": "Atlas", "cited_text": "Paris"},
                {"type": "char_location", "document_title": "Guide", "cited_text": "a city", "start_char_index": 0}]},
            {"type": "mcp_tool_use", "id": "mcp_1", "name": "look", "server_name": "s", "input": {}},
            {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"x": [1, 2]}, "caller": {"type": "direct"}},
            {"type": "tool_use", "id": "toolu_2", "name": "stop", "input": {}}],
        "stop_reason": "tool_use", "stop_sequence": null, "stop_details": null,
        "usage": {"input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 2,
            "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1},
            "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4},
            "server_tool_use": {"web_search_requests": 1}, "service_tier": "standard", "inference_geo": "us",
            "iterations": [{"type": "message", "input_tokens": 5, "output_tokens": 9,
                "cache_creation_input_tokens": 3, "cache_read_input_tokens": 2}]},
    })
}

/// A text in two pieces.
fn pieces(text: &str) -> [String; 2] {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    [text[..middle].to_owned(), text[middle..].to_owned()]
}

/// The events of which a block consists in a stream.
fn block_events(block: &Value, index: usize) -> Vec<Value> {
    let mut begun = block.clone();
    let mut deltas = Vec::new();
    let mut grows = |begun: &mut Value, field: &str, empty: Value, kind: &str, name: &str| {
        let text = match &begun[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        deltas.extend(pieces(&text).map(|piece| json!({"type": kind, name: piece})));
        begun[field] = empty;
    };
    match block["type"].as_str().unwrap() {
        "thinking" => {
            grows(&mut begun, "thinking", json!(""), "thinking_delta", "thinking");
            deltas.push(json!({"type": "signature_delta", "signature": begun["signature"]}));
            begun["signature"] = json!("");
        }
        "text" => {
            grows(&mut begun, "text", json!(""), "text_delta", "text");
            let cited = begun.as_object_mut().unwrap().remove("citations").unwrap();
            let cited = cited.as_array().unwrap().iter();
            deltas.extend(cited.map(|one| json!({"type": "citations_delta", "citation": one})));
        }
        "compaction" => {
            grows(&mut begun, "content", Value::Null, "compaction_delta", "content");
            deltas.push(json!({"type": "compaction_delta", "encrypted_content": begun["encrypted_content"]}));
            begun["encrypted_content"] = Value::Null;
        }
        "tool_use" | "server_tool_use" | "mcp_tool_use" if block["input"] != json!({}) => {
            grows(&mut begun, "input", json!({}), "input_json_delta", "partial_json");
        }
        _ => {}
    }
    let delta = |delta| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let mut events = vec![json!({"type": "content_block_start", "index": index, "content_block": begun})];
    events.extend(deltas.into_iter().map(delta));
    events.push(json!({"type": "content_block_stop", "index": index}));
    events
}

/// The stream of a whole reply.
fn events(reply: &Value) -> Vec<Value> {
    let mut opening = reply.clone();
    (opening["content"], opening["stop_reason"]) = (json!([]), Value::Null);
    opening["usage"]["output_tokens"] = json!(1);
    opening["usage"]["iterations"] = Value::Null;
    let mut events = vec![json!({"type": "message_start", "message": opening})];
    let blocks = reply["content"].as_array().unwrap().iter().enumerate();
    events.extend(blocks.flat_map(|(index, block)| block_events(block, index)));
    let delta = json!({"stop_reason": reply["stop_reason"], "stop_sequence": reply["stop_sequence"]});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": reply["usage"]}));
    events.push(json!({"type": "message_stop"}));
    events
}

#[test]
fn a_stream_is_the_whole_reply() {
    let reply = reply();
    let response = whole(&reply).unwrap();
    assert_eq!(streamed(&events(&reply)).unwrap(), response);
    assert_eq!((response.content.len(), response.warnings.len()), (9, 0), "{:?}", response.warnings);
    assert_eq!(response.served.as_ref().and_then(|served| served.region.as_deref()), Some("us"));
    assert_eq!(response.stop_reason, StopReason::ToolUse);
    // A message that is complete as it starts.
    let at_once = [json!({"type": "message_start", "message": reply}), json!({"type": "message_stop"})];
    assert_eq!(streamed(&at_once).unwrap(), response);
}

#[test]
fn calls_that_the_totals_leave_out_are_told_in_both_forms() {
    let mut reply = reply();
    let summary = json!({"type": "compaction", "input_tokens": 900, "output_tokens": 50});
    reply["usage"]["iterations"].as_array_mut().unwrap().push(summary);
    let response = whole(&reply).unwrap();
    assert_eq!((response.tokens.output, response.warnings[0].about.as_str()), (None, "usage"));
    assert_eq!(streamed(&events(&reply)).unwrap(), response);
}

#[test]
fn arguments_without_a_name_are_told_and_ids_are_given_where_there_are_none() {
    let lost = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}});
    let text =
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}});
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": null});
    let stop = json!({"type": "message_stop"});
    let response = streamed(&[lost, text, end, stop]).unwrap();
    assert_eq!((response.text().as_ref(), response.warnings[0].about.as_str()), ("Hi", "tools"));

    let call = |id: Value| json!({"type": "tool_use", "id": id, "name": "add", "input": null});
    let body =
        json!({"id": "m", "content": [call(json!("a")), call(json!("a")), call(json!(7))], "stop_reason": 7});
    let response = whole(&body).unwrap();
    assert_eq!(response.stop_reason, StopReason::ToolUse);
    let expected = ["a", "call_m_1", "call_m_2"].map(|id| Part::tool_use(id, "add", json!({})));
    assert_eq!(response.content, expected);
}

/// Fields that are the answer, or tell which part of it something is.
const ANSWER: [&str; 10] = [
    "content",
    "text",
    "name",
    "input",
    "partial_json",
    "type",
    "content_block",
    "delta",
    "message",
    "index",
];

/// Where something stands that is not the answer.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let place = format!("{path}/{name}");
                if !ANSWER.contains(&name.as_str()) {
                    found.push(place.clone());
                }
                // What the vendor's own blocks hold is theirs.
                if name != "input" {
                    places(inner, &place, found);
                }
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                places(inner, &format!("{path}/{at}"), found);
            }
        }
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Option<Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{0,8}", inner), 0..3)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    });
    prop::option::weighted(0.9, value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_but_the_answer_can_spoil_the_answer(odd in anything(), place: prop::sample::Index) {
        let reply = reply();
        let expected = answer(&whole(&reply).unwrap());
        let mut found = Vec::new();
        places(&reply, "", &mut found);
        let path: &String = place.get(&found);
        let broken = spoilt(&reply, path, odd.as_ref());
        let response = whole(&broken).unwrap();
        prop_assert_eq!(answer(&response), expected.clone(), "{}", path);
        prop_assert!(response.warnings.iter().filter(|warning| warning.about == "usage").count() <= 1);

        let events = json!(events(&reply));
        let mut found = Vec::new();
        places(&events, "", &mut found);
        let path: &String = place.get(&found);
        let broken = spoilt(&events, path, odd.as_ref());
        let response = streamed(broken.as_array().unwrap()).unwrap();
        prop_assert_eq!(answer(&response), expected, "{}", path);
        prop_assert!(response.warnings.iter().filter(|warning| warning.about == "usage").count() <= 1);
    }

    #[test]
    fn what_is_odd_about_the_numbers_is_told_in_both_forms(
        odd in prop_oneof![anything(), Just(Some(json!(0))), Just(Some(json!(-1)))],
        place: prop::sample::Index,
    ) {
        let reply = reply();
        let mut found = Vec::new();
        places(&reply["usage"], "/usage", &mut found);
        let path: &String = place.get(&found);
        let broken = spoilt(&reply, path, odd.as_ref());
        prop_assert_eq!(streamed(&events(&broken)).unwrap(), whole(&broken).unwrap(), "{}", path);
    }
}

#[test]
fn zeros_beside_a_text_are_unknown_in_both_forms() {
    let mut reply = reply();
    reply["usage"] = json!({"input_tokens": 0, "output_tokens": 0});
    let response = whole(&reply).unwrap();
    assert!(response.tokens.is_unknown());
    assert_eq!((response.warnings.len(), response.warnings[0].about.as_str()), (1, "usage"));
    assert_eq!(streamed(&events(&reply)).unwrap(), response);
}

#[test]
fn a_piece_of_an_open_part_need_not_be_decoded() {
    let (mut decoder, mut events) = (Decoder::new("m".into()), Events::new());
    let event = |data: &'static str| {
        let name = data.split('"').nth(3).unwrap();
        Frame::Event { name, data }
    };
    let delta = |of: &str| format!(r#"{{"type":"content_block_delta","index":0,"delta":{of}}}"#);
    let added = |decoder: &mut Decoder, of: &str| {
        decoder.added_text(Frame::Event { name: "content_block_delta", data: &delta(of) })
    };
    let text = r#"{"type":"text_delta","text":"\u00e4b"}"#;
    assert_eq!(added(&mut decoder, text), None, "nothing has begun");
    for data in [
        r#"{"type":"message_start","message":{"id":"a","model":"m","usage":{"input_tokens":1,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    ] {
        decoder.frame(event(data), &mut events).unwrap();
    }
    assert_eq!(added(&mut decoder, text), Some(3));
    for other in [
        r#"{"type":"text_delta","text":""}"#,
        r#"{"type":"text_delta","text":5}"#,
        r#"{"type":"thinking_delta","thinking":"a"}"#,
        r#"{"type":"novel_delta","text":"a"}"#,
        r#"{"type":"text_delta","text":"a""#,
    ] {
        assert_eq!(added(&mut decoder, other), None, "{other}");
    }
    assert_eq!(decoder.passage(), Passage::Now);
    decoder.frame(event(r#"{"type":"content_block_stop","index":0}"#), &mut events).unwrap();
    assert_eq!(added(&mut decoder, text), None, "the part has ended");
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
    decoder.frame(event(end), &mut events).unwrap();
    assert_eq!(decoder.passage(), Passage::AtEnd);
}
