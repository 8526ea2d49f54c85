//! What OpenAI refuses in a history, an attachment or a schema, in both of its calls.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, start, with};

const PNG: &str = "iVBORw0KGgo=";

async fn chat(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/chat/completions", &body).await
}

async fn responses(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/responses", &body).await
}

fn messages(list: Value) -> Value {
    json!({"model": "gpt-4o", "messages": list})
}

fn input(list: Value) -> Value {
    json!({"model": "gpt-4o", "store": false, "input": list})
}

fn accepted(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn refused(reply: &Reply, words: &str, param: &str, code: Value) {
    let error = reply.json()["error"].clone();
    assert_eq!((reply.status, &error["type"]), (400, &json!("invalid_request_error")), "{error}");
    assert!(error["message"].as_str().unwrap().contains(words), "{error} lacks {words}");
    assert_eq!((&error["param"], &error["code"]), (&json!(param), &code), "{error}");
}

fn chat_turn(id: &str) -> Value {
    messages(json!([
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": id, "content": "r"},
    ]))
}

fn responses_turn(id: &str) -> Value {
    input(json!([
        {"role": "user", "content": "go"},
        {"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": id, "output": "r"},
    ]))
}

#[tokio::test]
async fn ids_of_calls_have_at_most_64_signs() {
    let sim = start().await;
    let (fits, long) = ("x".repeat(64), "x".repeat(65));
    accepted(&chat(&sim, chat_turn(&fits)).await);
    accepted(&responses(&sim, responses_turn(&fits)).await);
    let words = "string too long. Expected a string with maximum length 64, but got a string with length 65";
    let code = json!("string_above_max_length");
    refused(&chat(&sim, chat_turn(&long)).await, words, "messages[1].tool_calls[0].id", code.clone());
    refused(&responses(&sim, responses_turn(&long)).await, words, "input[1].call_id", code);
}

#[tokio::test]
async fn calls_and_results_come_in_pairs() {
    let sim = start().await;
    for (position, words) in [(1, "must be a response to a preceeding message"), (2, "did not have response")]
    {
        let mut body = chat_turn("a");
        body["messages"].as_array_mut().unwrap().remove(position);
        let error = chat(&sim, body).await;
        assert!(error.status == 400 && error.text().contains(words), "{}", error.text());
    }
    let mut late = chat_turn("a");
    late["messages"].as_array_mut().unwrap().insert(2, json!({"role": "user", "content": "wait"}));
    assert!(chat(&sim, late).await.text().contains("did not have response messages: a"));
    let mut twice = chat_turn("a");
    let result = twice["messages"][2].clone();
    twice["messages"].as_array_mut().unwrap().push(result);
    assert!(chat(&sim, twice).await.text().contains("must be a response to"));
    for (position, words) in [(1, "No tool call found for function call output"), (2, "No tool output found")]
    {
        let mut body = responses_turn("a");
        body["input"].as_array_mut().unwrap().remove(position);
        refused(&responses(&sim, body).await, words, "input", Value::Null);
    }
}

#[tokio::test]
async fn items_have_ids_of_their_kind_once() {
    let sim = start().await;
    let with_id = |id: &str| {
        let mut body = responses_turn("a");
        body["input"][1]["id"] = id.into();
        body
    };
    accepted(&responses(&sim, with_id("fc_1")).await);
    refused(
        &responses(&sim, with_id("call_1")).await,
        "Expected an ID that begins with 'fc'",
        "input[1].id",
        json!("invalid_value"),
    );
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant",
                         "content": [{"type": "output_text", "text": "a"}]});
    let ask = json!({"role": "user", "content": "q"});
    accepted(&responses(&sim, input(json!([message, ask]))).await);
    let body = input(json!([message, message, ask]));
    refused(&responses(&sim, body).await, "Duplicate item found with id msg_1", "input", Value::Null);
}

/// One property in a strict schema that is otherwise in order.
fn object(property: Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": property},
           "$defs": {"A": {"type": "string"}}})
}

fn chat_format(schema: Value, strict: bool) -> Value {
    let format = json!({"name": "n", "schema": schema, "strict": strict});
    with(
        messages(json!([{"role": "user", "content": "q"}])),
        json!({"response_format": {"type": "json_schema", "json_schema": format}}),
    )
}

fn responses_format(schema: Value) -> Value {
    let format = json!({"type": "json_schema", "name": "n", "schema": schema, "strict": true});
    with(input("q".into()), json!({"text": {"format": format}}))
}

fn chat_tool(schema: Value, strict: bool) -> Value {
    let function = json!({"name": "f", "parameters": schema, "strict": strict});
    with(
        messages(json!([{"role": "user", "content": "q"}])),
        json!({"tools": [{"type": "function", "function": function}]}),
    )
}

#[tokio::test]
async fn strict_schemas_refuse_what_the_vendor_cannot_enforce() {
    let sim = start().await;
    let fine = object(json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": ["integer", "null"], "minimum": 1}]}));
    accepted(&chat(&sim, chat_format(fine.clone(), true)).await);
    accepted(&chat(&sim, chat_tool(fine.clone(), true)).await);
    accepted(&responses(&sim, responses_format(fine)).await);
    let object_root = "schema must be a JSON Schema of 'type: \"object\"', got 'type: ";
    let cases = [
        (
            object(json!({"$ref": "#/$defs/A", "description": "d"})),
            "context=('properties', 'a'), $ref cannot have keywords {'description'}",
        ),
        (json!({"type": "array", "items": {"type": "string"}}), object_root),
        (json!({"anyOf": [object(json!({"type": "string"}))]}), object_root),
        (
            with(object(json!({"type": "string"})), json!({"anyOf": []})),
            "not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level",
        ),
        (object(json!({"allOf": [{"type": "string"}]})), "'allOf' is not permitted"),
        (object(json!({"oneOf": [{"type": "string"}]})), "'oneOf' is not permitted"),
        (object(json!({"type": "object"})), "'additionalProperties' is required"),
        (object(json!({"description": "anything"})), "schema must have a 'type' key"),
        (object(json!({"type": "array"})), "array schema missing items"),
        (with(object(json!({"type": "string"})), json!({"required": []})), "Missing 'a'"),
    ];
    for (schema, words) in cases {
        let code = json!("invalid_json_schema");
        refused(&chat(&sim, chat_format(schema.clone(), true)).await, words, "response_format", code.clone());
        refused(&responses(&sim, responses_format(schema.clone())).await, words, "text.format.schema", code);
        let code = json!("invalid_function_parameters");
        refused(&chat(&sim, chat_tool(schema, true)).await, words, "tools[0].function.parameters", code);
    }
}

#[tokio::test]
async fn without_strict_almost_every_schema_passes() {
    let sim = start().await;
    let sibling = object(json!({"$ref": "#/$defs/A", "description": "d"}));
    accepted(&chat(&sim, chat_tool(sibling.clone(), false)).await);
    accepted(&chat(&sim, chat_tool(json!({}), false)).await);
    accepted(&chat(&sim, chat_format(sibling, false)).await);
    accepted(&chat(&sim, chat_format(json!({"type": "array", "items": {}}), false)).await);
    let (param, code) = ("tools[0].function.parameters", json!("invalid_function_parameters"));
    let body = chat_tool(json!({"type": "array", "items": {}}), false);
    refused(&chat(&sim, body).await, "got 'type: \"array\"'", param, code.clone());
    let body = chat_tool(object(json!({"type": "array"})), false);
    refused(&chat(&sim, body).await, "array schema missing items", param, code);
}

#[tokio::test]
async fn pictures_are_what_their_url_says() {
    let sim = start().await;
    let ask = async |url: &str| {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        let whole = chat(&sim, messages(json!([{"role": "user", "content": [part]}]))).await;
        let part = json!({"type": "input_image", "image_url": url});
        let item = responses(&sim, input(json!([{"role": "user", "content": [part]}]))).await;
        [whole, item]
    };
    for url in [&format!("data:image/png;base64,{PNG}"), "https://example.com/a.png"] {
        ask(url).await.iter().for_each(accepted);
    }
    let cases = [
        (format!("data:image/jpeg;base64,{PNG}"), "bytes are of the type image/png", "invalid_image_format"),
        (format!("data:image/bmp;base64,{PNG}"), "You uploaded an unsupported image", "invalid_image_format"),
        (format!("data:application/pdf;base64,{PNG}"), "Invalid MIME type", "invalid_image_format"),
        (format!("data:image/png;base64,data:image/png;base64,{PNG}"), "Invalid base64", "invalid_base64"),
        ("data:image/png;base64,AAAA".to_owned(), "does not represent a valid image", "image_parse_error"),
        (PNG.to_owned(), "Expected a valid URL", "invalid_value"),
    ];
    for (url, words, code) in cases {
        let [whole, item] = ask(&url).await;
        refused(&whole, words, "messages[0].content[0].image_url.url", json!(code));
        refused(&item, words, "input[0].content[0].image_url", json!(code));
    }
}

#[tokio::test]
async fn files_come_as_data_urls() {
    let sim = start().await;
    let ask = async |data: &str| {
        let part = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": data}});
        chat(&sim, messages(json!([{"role": "user", "content": [part]}]))).await
    };
    accepted(&ask("data:application/pdf;base64,JVBERi0xLjc=").await);
    let param = "messages[0].content[0].file.file_data";
    for data in ["JVBERi0xLjc=", &format!("data:application/pdf;base64,{PNG}")] {
        refused(&ask(data).await, "Expected a base64-encoded data URL", param, json!("invalid_value"));
    }
}

#[tokio::test]
async fn unknown_fields_are_refused() {
    let sim = start().await;
    let reply =
        chat(&sim, with(messages(json!([{"role": "user", "content": "q"}])), json!({"top_k": 1}))).await;
    assert!(reply.status == 400 && reply.text().contains("Unrecognized request argument supplied: top_k"));
    let reply = responses(&sim, with(input("q".into()), json!({"top_k": 1}))).await;
    refused(&reply, "Unknown parameter: 'top_k'", "top_k", json!("unknown_parameter"));
}
