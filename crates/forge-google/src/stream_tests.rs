//! Whole replies and streams decoded without a server: any JSON where the answer is not, and both forms alike.

use forge_core::{
    CallContext, ModelResponse, Participant, StreamEvent, event::StopReason, request::Part,
    stream::Accumulator,
};
use forge_http::{Decode as _, Events, Failure, Frame};
use forge_testkit::odd::{answer, spoilt};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{response, stream::Decoder};

fn folded(events: Events) -> ModelResponse {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::gemini_flash()));
    for event in events {
        accumulator.push(event).unwrap();
    }
    let mut response = accumulator.finish().unwrap();
    (response.duration, response.first_token, response.timestamp) = Default::default();
    response
}

fn whole(body: &Value) -> Result<ModelResponse, Failure> {
    let mut events = Events::new();
    response::from_wire(&body.to_string(), &"gemini-3.8-flash".into(), &mut events)?;
    Ok(folded(events))
}

fn streamed(frames: &[Value]) -> Result<ModelResponse, Failure> {
    let mut decoder = Decoder::new("gemini-3.8-flash".into());
    let mut events = Events::new();
    for frame in frames {
        let data = frame.to_string();
        decoder.frame(Frame::Event { name: "", data: &data }, &mut events)?;
    }
    decoder.frame(Frame::Event { name: "", data: "[DONE]" }, &mut events)?;
    assert!(!matches!(events.back(), Some(StreamEvent::Finished(_))));
    decoder.end(&mut events)?;
    Ok(folded(events))
}

/// A reply with every kind of part.
fn reply() -> Value {
    json!({"candidates": [{"index": 0, "avgLogprobs": -0.1, "finishReason": "STOP", "finishMessage": "Done.",
        "safetyRatings": [{"category": "X", "probability": "LOW"}],
        "content": {"role": "model", "parts": [
            {"text": "Hm. Well.", "thought": true},
            {"functionCall": {"id": "k1", "name": "add", "args": {"x": [1, 2]}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "stop"}},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"text": "Paris is a city."}, {"text": "", "thoughtSignature": "QQ=="}]},
        "groundingMetadata": {"webSearchQueries": ["paris"],
            "groundingChunks": [
                {"web": {"uri": "https://a.example", "title": "Atlas"}},
                {"retrievedContext": {"uri": "gs://b", "title": "Guide", "text": "x"}},
                {"maps": {"uri": "https://c.example", "title": "Map"}}],
            "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 5, "text": "Paris"},
                "groundingChunkIndices": [0, 1, 9], "confidenceScores": [0.5, 0.5]}]},
        "citationMetadata": {"citationSources": [{"uri": "https://d.example", "license": "mit", "endIndex": 5}]}}],
        "promptFeedback": {"safetyRatings": []}, "modelVersion": "gemini-3.8-flash", "responseId": "rEs-1",
        "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 9, "thoughtsTokenCount": 4,
            "cachedContentTokenCount": 20, "toolUsePromptTokenCount": 3, "totalTokenCount": 66,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}], "serviceTier": "standard"}})
}

/// The frames of a whole reply: a part each, texts in two pieces; the rest comes with the last.
fn frames(reply: &Value) -> Vec<Value> {
    let candidate = &reply["candidates"][0];
    let frame = |part: Value| {
        json!({"candidates": [{"index": candidate["index"], "content": {"role": "model", "parts": [part]}}],
            "usageMetadata": {"promptTokenCount": 50, "cachedContentTokenCount": 20, "candidatesTokenCount": 1,
                "toolUsePromptTokenCount": 3, "totalTokenCount": 74},
            "modelVersion": reply["modelVersion"], "responseId": reply["responseId"]})
    };
    let mut frames = Vec::new();
    let parts = candidate["content"]["parts"].as_array().unwrap();
    for part in &parts[..parts.len() - 1] {
        match part["text"].as_str() {
            Some(text) => {
                for piece in [&text[..3], &text[3..]] {
                    let mut part = part.clone();
                    part["text"] = piece.into();
                    frames.push(frame(part));
                }
            }
            None => frames.push(frame(part.clone())),
        }
    }
    let mut last = reply.clone();
    last["candidates"][0]["content"]["parts"] = json!([parts.last().unwrap()]);
    frames.push(last);
    frames
}

#[test]
fn a_stream_is_the_whole_reply() {
    let reply = reply();
    let response = whole(&reply).unwrap();
    assert_eq!(streamed(&frames(&reply)).unwrap(), response);
    assert_eq!(response.stop_reason, StopReason::ToolUse, "{response:?}");
    assert!(response.warnings.is_empty(), "{:?}", response.warnings);
    assert!(response.tokens.server_tools.is_some_and(forge_core::usage::ServerTools::are_billed));
    let Part::Text { text, citations, .. } = &response.content[4] else { panic!("{response:?}") };
    let named: Vec<_> = citations
        .iter()
        .map(|one| (one.url.as_deref().unwrap(), one.title.as_deref(), one.quote.as_deref()))
        .collect();
    let expected = [
        ("https://a.example", Some("Atlas"), Some("Paris")),
        ("gs://b", Some("Guide"), Some("Paris")),
        ("https://c.example", Some("Map"), None),
        ("https://d.example", None, None),
    ];
    assert_eq!((text.as_str(), named.as_slice()), ("Paris is a city.", &expected[..]));
    assert_eq!(response.content.len(), 6);
}

#[test]
fn a_sum_that_does_not_agree_is_told_in_both_forms() {
    let mut reply = reply();
    reply["usageMetadata"]["totalTokenCount"] = json!(500);
    let response = whole(&reply).unwrap();
    assert_eq!((response.tokens.output, response.warnings[0].about.as_str()), (None, "usage"));
    assert_eq!(streamed(&frames(&reply)).unwrap(), response);
}

#[test]
fn zeros_beside_a_text_are_unknown_in_both_forms() {
    let mut reply = reply();
    reply["usageMetadata"] = json!({"promptTokenCount": 0, "totalTokenCount": 0, "candidatesTokenCount": 0});
    let response = whole(&reply).unwrap();
    assert_eq!((response.tokens.input, response.tokens.output), (None, None));
    assert_eq!((response.warnings.len(), response.warnings[0].about.as_str()), (1, "usage"));
    let mut frames = frames(&reply);
    for frame in &mut frames {
        frame["usageMetadata"] = reply["usageMetadata"].clone();
    }
    assert_eq!(streamed(&frames).unwrap(), response);
}

#[test]
fn ids_stand_once_in_a_reply() {
    let call = json!({"functionCall": {"id": "a", "name": "add", "args": {}}});
    let body = json!({"candidates": [{"content": {"parts": [call, call]}}], "responseId": "r"});
    let response = whole(&body).unwrap();
    let expected = ["a", "call_r_1"].map(|id| Part::tool_use(id, "add", json!({})));
    assert_eq!((&response.content[..], response.stop_reason), (&expected[..], StopReason::ToolUse));
    assert_eq!(response.warnings.len(), 2);
}

#[test]
fn what_a_cut_stream_took_so_far_is_told() {
    let mut decoder = Decoder::new("gemini-3.8-flash".into());
    let mut events = Events::new();
    let data = frames(&reply())[0].to_string();
    decoder.frame(Frame::Event { name: "", data: &data }, &mut events).unwrap();
    decoder.end(&mut events).unwrap_err();
    let Some(StreamEvent::UsageUpdated(tokens)) = events.back() else { panic!("{events:?}") };
    assert_eq!((tokens.input, tokens.output), (Some(30), Some(1)));
}

/// Fields that are the answer, or tell which part of it something is; without a reason a stream is cut off.
const ANSWER: [&str; 10] = [
    "candidates",
    "content",
    "parts",
    "text",
    "functionCall",
    "name",
    "args",
    "index",
    "finishReason",
    "thought",
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
                if name != "args" {
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
        let counted = response.warnings.iter().filter(|warning| warning.about == "usage").count();
        prop_assert!(counted <= 1, "{:?}", response.warnings);
        let unsaid = whole(&spoilt(&reply, "/candidates/0/finishReason", odd.as_ref())).unwrap();
        prop_assert_eq!(answer(&unsaid), expected.clone());

        let frames = json!(frames(&reply));
        let mut found = Vec::new();
        places(&frames, "", &mut found);
        let path: &String = place.get(&found);
        let broken = spoilt(&frames, path, odd.as_ref());
        let response = streamed(broken.as_array().unwrap()).unwrap();
        prop_assert_eq!(answer(&response), expected, "{}", path);
        let counted = response.warnings.iter().filter(|warning| warning.about == "usage").count();
        prop_assert!(counted <= 1, "{:?}", response.warnings);
    }
}
