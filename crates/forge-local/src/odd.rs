//! Answers stand whatever else is in their replies: one value at a time is another one.

use forge_core::StreamEvent;
use forge_http::{Decode, Events, Frame};
use forge_testkit::odd::{check, said};
use serde_json::{Value, json};

use crate::native::Decoder;

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
    let read = |lines: &[Value]| {
        let (mut events, body) = (Events::new(), lines[0].to_string());
        let read = Decoder::default().whole(&body, &mut events);
        read.unwrap_or_else(|failure| panic!("{failure:?} from {body}"));
        said(events)
    };
    // That it is not done is what a server says of an answer that is cut off.
    check(read, &[reply], keeps, |key, value| key == "done" && *value == json!(false));
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
    // Whether a line is the last is what `done` says.
    check(read, &lines(), keeps, |key, value| key == "done" && value.is_boolean());
}
