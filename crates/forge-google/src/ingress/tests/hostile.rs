//! Bodies that are made to do harm.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{address, parse, parse_at};

#[test]
fn what_is_no_body_is_refused() {
    let deep = |open: &str, close: &str| {
        let nest = open.repeat(100_000) + &close.repeat(100_000);
        format!(r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],"tools":{nest}}}"#)
    };
    for body in [
        String::new(),
        "\u{feff}{}".to_owned(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}trailing".to_owned(),
        r#"{"contents":[{"parts":[{"text":"\ud800"}]}]}"#.to_owned(),
        r#"{"contents":1e999}"#.to_owned(),
        "[".repeat(100_000),
        deep("[", "]"),
        deep("{\"a\":", "}"),
    ] {
        assert!(parse(body.as_bytes()).is_err(), "{}", &body[..body.len().min(80)]);
    }
    assert!(parse(b"{\"contents\":\"\xff\"}").is_err());
}

fn body() -> Value {
    let schema = json!({"type": "OBJECT", "nullable": true, "properties": {"a": {"type": "STRING", "format": "enum", "enum": ["A"]},
        "b": {"type": "ARRAY", "minItems": "1", "items": {"anyOf": [{"type": "NUMBER"}]}}}});
    json!({"contents": [
        {"role": "user", "parts": [{"text": "t"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.example"}}]},
        {"role": "model", "parts": [{"text": "t", "thought": true, "thoughtSignature": "AA=="}, {"executableCode": {"code": "x"}},
            {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "AA=="}, {"functionCall": {"name": "g"}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "a", "name": "f", "response": {"result": "r"},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}},
            {"functionResponse": {"name": "g", "response": {"error": "r"}}}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parameters": schema}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"temperature": 1, "topP": 1, "topK": 1, "candidateCount": 1, "maxOutputTokens": 1, "stopSequences": ["a"],
            "seed": 1, "presencePenalty": 1, "frequencyPenalty": 1, "responseMimeType": "application/json",
            "responseModalities": ["TEXT"], "responseSchema": schema,
            "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 1, "thinkingLevel": "LOW"}},
        "safetySettings": [{"category": "c", "threshold": "OFF"}]})
}

/// Every place of a body.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| places(item, &format!("{pointer}/{at}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| places(field, &format!("{pointer}/{name}"), found));
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
        json!("NaN"),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!({}),
        json!({"type": {"type": []}}),
        json!({"text": "x"}),
    ];
    let body = body();
    assert!(parse(body.to_string().as_bytes()).is_ok());
    let mut all = Vec::new();
    places(&body, "", &mut all);
    let mut refused = 0;
    for place in &all {
        for odd in &odd {
            let mut body = body.clone();
            *body.pointer_mut(place).unwrap() = odd.clone();
            refused += usize::from(parse(body.to_string().as_bytes()).is_err());
        }
    }
    // Most types are wrong in most places.
    assert!(refused > all.len() * 3, "{refused} of {}", all.len());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        path in "/v1beta/models/[a-z:%/0-9]{0,12}",
    ) {
        let mut body = body().to_string().into_bytes();
        let at = at.index(body.len());
        let end = (at + bytes.len()).min(body.len());
        body[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = parse(&body);
        let _ = parse_at(&address("countTokens"), &bytes);
        if let Ok(uri) = path.parse() {
            let _ = parse_at(&uri, &body);
        }
    }
}
