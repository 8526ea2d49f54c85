//! Answers stand whatever else is in their replies: one value at a time is another one.

use forge_core::{Accumulator, CallContext, Part, Participant, StreamEvent};
use forge_http::{Decode, Events, Frame};
use serde_json::{Value, json};

use crate::native::Decoder;

/// Values of every type of JSON.
fn anything() -> [Value; 15] {
    [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-35),
        json!(0.5),
        json!(9e18),
        json!("0"),
        json!("many"),
        json!(""),
        json!([]),
        json!([null, 1, {"a": []}]),
        json!([[]]),
        json!({}),
        json!({"a": {"b": null}}),
    ]
}

/// The reply with each value that is not the answer replaced by others, and left out. `keeps` says of a field and its
/// value that it is the answer; `skips` that a value would be another answer there.
fn variants(reply: &Value, keeps: fn(&str, &Value) -> bool, skips: fn(&str, &Value) -> bool) -> Vec<Value> {
    let mut places = Vec::new();
    collect(reply, String::new(), "", keeps, &mut places);
    let mut variants = Vec::new();
    for (pointer, key) in places {
        for value in anything().into_iter().filter(|value| !skips(&key, value)) {
            let mut variant = reply.clone();
            *variant.pointer_mut(&pointer).unwrap() = value;
            variants.push(variant);
        }
        let (parent, _) = pointer.rsplit_once('/').unwrap();
        let mut variant = reply.clone();
        if let Some(Value::Object(fields)) = variant.pointer_mut(parent)
            && !skips(&key, &Value::Null)
        {
            fields.shift_remove(&key);
            variants.push(variant);
        }
    }
    variants
}

/// Collects the places that hold nothing of the answer; tells whether this one does.
fn collect(
    value: &Value,
    pointer: String,
    key: &str,
    keeps: fn(&str, &Value) -> bool,
    places: &mut Vec<(String, String)>,
) -> bool {
    if keeps(key, value) {
        return true;
    }
    let mut holds = false;
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                holds |= collect(field, format!("{pointer}/{name}"), name, keeps, places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                holds |= collect(item, format!("{pointer}/{index}"), "", keeps, places);
            }
        }
        _ => {}
    }
    if !holds && !pointer.is_empty() {
        places.push((pointer, key.to_owned()));
    }
    holds
}

/// The words and calls of the answer that the events make.
fn said(events: Events) -> (String, Vec<(String, String)>) {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::local("m")));
    for event in events {
        accumulator.push(event).unwrap();
    }
    let response = accumulator.finish().unwrap();
    assert!(response.warnings.len() <= 1, "{:?}", response.warnings);
    let calls = response.content.iter().filter_map(|part| match part {
        Part::ToolUse { name, input, .. } => Some((name.clone(), input.to_text())),
        _ => None,
    });
    (response.text().into_owned(), calls.collect())
}

fn keeps(key: &str, value: &Value) -> bool {
    matches!(key, "content" | "name" | "arguments") && !value.is_null() || key == "error"
}

fn lines() -> [Value; 4] {
    let call = |name: &str| json!({"id": "a", "function": {"index": 0, "name": name, "arguments": {"x": 1}}});
    [
        json!({"model": "m", "created_at": "now", "message": {"role": "assistant", "thinking": "hm", "content": "H"},
            "done": false}),
        json!({"model": "m", "message": {"role": "assistant", "content": "i", "images": null}, "done": false}),
        json!({"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [call("f"), call("g")]},
            "done": false}),
        json!({"model": "m", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
            "total_duration": 1, "load_duration": 1, "prompt_eval_count": 7, "eval_count": 3}),
    ]
}

#[test]
fn a_whole_native_reply() {
    let mut reply = lines()[3].clone();
    reply["message"] = lines()[2]["message"].clone();
    reply["message"]["content"] = json!("Hi");
    let read = |reply: &Value| {
        let (mut events, body) = (Events::new(), reply.to_string());
        let read = Decoder::default().whole(&body, &mut events);
        read.unwrap_or_else(|failure| panic!("{failure:?} from {reply}"));
        said(events)
    };
    let expected = read(&reply);
    assert_eq!((expected.0.as_str(), expected.1.len()), ("Hi", 2));
    // That it is not done is what a server says of an answer that is cut off.
    for variant in variants(&reply, keeps, |key, value| key == "done" && *value == json!(false)) {
        assert_eq!(read(&variant), expected, "{variant}");
    }
}

#[test]
fn a_streamed_native_reply() {
    let read = |lines: &[Value]| {
        let (mut decoder, mut events) = (Decoder::default(), Events::new());
        for line in lines {
            let data = line.to_string();
            let frame = Frame::Event { name: "", data: &*data };
            decoder.frame(frame, &mut events).unwrap_or_else(|failure| panic!("{failure:?} from {lines:?}"));
        }
        assert!(matches!(events.back(), Some(StreamEvent::Finished(_))), "{lines:?}");
        said(events)
    };
    let lines = lines();
    let expected = read(&lines);
    assert_eq!((expected.0.as_str(), expected.1.len()), ("Hi", 2));
    // Whether a line is the last is what `done` says.
    let skips = |key: &str, value: &Value| key == "done" && value.is_boolean();
    for at in 0..lines.len() {
        for variant in variants(&lines[at], keeps, skips) {
            let mut changed = lines.to_vec();
            changed[at] = variant;
            assert_eq!(read(&changed), expected, "{}", changed[at]);
        }
    }
}
