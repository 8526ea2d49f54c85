//! Bodies that are made to do harm.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{CHAT, RESPONSES},
    parse,
};

#[test]
fn what_is_no_body_is_refused() {
    let deep = |open: &str, close: &str| {
        let nest = open.repeat(100_000) + &close.repeat(100_000);
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{nest}}}],"input":{nest}}}"#)
    };
    for body in [
        String::new(),
        "\u{feff}{}".to_owned(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}trailing".to_owned(),
        r#"{"model":"m","messages":[{"role":"user","content":"\ud800"}],"input":"\ud800"}"#.to_owned(),
        r#"{"model":"m","messages":1e999,"input":1e999}"#.to_owned(),
        "[".repeat(100_000),
        deep("[", "]"),
        deep("{\"a\":", "}"),
    ] {
        for ingress in [&CHAT, &RESPONSES] {
            assert!(parse(ingress, body.as_bytes()).is_err(), "{}", &body[..body.len().min(80)]);
        }
    }
    for ingress in [&CHAT, &RESPONSES] {
        let error = parse(ingress, b"{\"model\":\"\xff\"}").unwrap_err();
        assert!(error.reason.contains("no JSON"), "{error}");
        assert!(parse(ingress, b"\xff").is_err());
    }
}

fn bodies() -> [Value; 2] {
    let chat = json!({"model": "m", "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}, {"type": "file", "file": {"file_data": "A", "filename": "n"}}]},
        {"role": "assistant", "content": "c", "reasoning_content": "r", "reasoning_details": [{"type": "reasoning.text", "text": "x"}],
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {}},
                {"id": "b", "type": "custom", "custom": {"name": "g", "input": "i"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "r"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": true}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}}}}],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "stop": ["a"], "n": 1, "seed": 1, "temperature": 1, "stream": true, "stream_options": {"include_usage": true}});
    let responses = json!({"model": "m", "instructions": "i", "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            {"type": "input_file", "file_url": "https://a"}]},
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "e", "content": null},
        {"type": "message", "id": "msg", "role": "assistant", "content": [{"type": "output_text", "text": "t", "annotations": []}]},
        {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "namespace": "n", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "t"}]},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "i"},
        {"type": "custom_tool_call_output", "call_id": "b", "output": "o"},
        {"type": "additional_tools", "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "c"}]}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {}}], "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "store": false});
    [chat, responses]
}

/// Every place of a body.
fn places(value: &Value, pointer: &str, places: &mut Vec<String>) {
    places.push(pointer.to_owned());
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| self::places(item, &format!("{pointer}/{at}"), places));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| self::places(field, &format!("{pointer}/{name}"), places));
        }
        _ => {}
    }
}

#[test]
fn a_value_of_any_type_anywhere_is_read_or_refused() {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!({}),
        json!({"type": {"type": []}}),
        json!({"type": "message"}),
    ];
    for (ingress, body) in [(&CHAT, &bodies()[0]), (&RESPONSES, &bodies()[1]), (&CHAT, &bodies()[1])] {
        assert!(parse(ingress, body.to_string().as_bytes()).is_ok());
        let mut all = Vec::new();
        places(body, "", &mut all);
        let mut refused = 0;
        for place in &all {
            for odd in &odd {
                let mut body = body.clone();
                *body.pointer_mut(place).unwrap() = odd.clone();
                refused += usize::from(parse(ingress, body.to_string().as_bytes()).is_err());
            }
        }
        // Most types are wrong in most places.
        assert!(refused > all.len() * 3, "{refused} of {}", all.len());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        for body in bodies() {
            let mut body = body.to_string().into_bytes();
            let at = at.index(body.len());
            let end = (at + bytes.len()).min(body.len());
            body[at..end].copy_from_slice(&bytes[..end - at]);
            for ingress in [&CHAT, &RESPONSES] {
                let _ = parse(ingress, &body);
                let _ = parse(ingress, &bytes);
            }
        }
    }
}
