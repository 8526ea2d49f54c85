//! What Anthropic refuses in a history, an attachment or a schema, beside the form that it takes.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, start, start_with, with};

const PNG: &str = "iVBORw0KGgo=";
const JPEG: &str = "/9j/4A==";
const PDF: &str = "JVBERi0xLjc=";

async fn ask(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::Anthropic, "/v1/messages", &body).await
}

fn said(messages: Value) -> Value {
    json!({"model": "claude-haiku-4-5", "max_tokens": 100, "messages": messages})
}

/// A body that is taken, and others that are refused with these words.
async fn check(sim: &Sim, accepted: Vec<Value>, refused: Vec<(Value, &str)>) {
    for body in accepted {
        let reply = ask(sim, body.clone()).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
    }
    for (body, words) in refused {
        let reply = ask(sim, body.clone()).await;
        let error = reply.json();
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(error["error"]["type"], "invalid_request_error");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message} lacks {words}");
    }
}

/// A conversation of one tool turn for each pair of ids.
fn tool_turns(ids: &[(&str, &str)]) -> Value {
    let mut messages = vec![json!({"role": "user", "content": "go"})];
    for (asked, answered) in ids {
        messages.push(json!({"role": "assistant", "content": [
            {"type": "tool_use", "id": asked, "name": "f", "input": {}}]}));
        messages.push(json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": answered, "content": "r"}]}));
    }
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    with(said(messages.into()), json!({"tools": tools}))
}

#[tokio::test]
async fn ids_of_calls_are_unique_well_formed_and_answered() {
    let sim = start().await;
    let mut unanswered = tool_turns(&[("a", "a")]);
    unanswered["messages"][2]["content"] = "never mind".into();
    let mut uncalled = tool_turns(&[("a", "a")]);
    uncalled["messages"][1]["content"] = "no call".into();
    let mut twice = tool_turns(&[("a", "a")]);
    let call = twice["messages"][1]["content"][0].clone();
    twice["messages"][1]["content"].as_array_mut().unwrap().push(call);
    let mut foreign = tool_turns(&[("a", "a")]);
    foreign["messages"][1]["content"][0]["name"] = "functions.add".into();
    check(
        &sim,
        vec![tool_turns(&[("a", "a"), ("b-B_9", "b-B_9")])],
        vec![
            (tool_turns(&[("call_0", "call_0"), ("call_0", "call_0")]), "`tool_use` ids must be unique"),
            (twice, "`tool_use` ids must be unique"),
            (
                tool_turns(&[("functions.add:0", "functions.add:0")]),
                "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
            ),
            (tool_turns(&[("", "")]), "tool_use.id: String should match pattern"),
            (tool_turns(&[("a", "a b")]), "tool_result.tool_use_id: String should match pattern"),
            (tool_turns(&[("a", "b")]), "without `tool_result` blocks immediately after: a"),
            (unanswered, "without `tool_result` blocks"),
            (uncalled, "unexpected `tool_use_id` found in `tool_result` blocks: a"),
        ],
    )
    .await;
}

#[tokio::test]
async fn texts_show_something() {
    let sim = start().await;
    let blank = "text content blocks must contain non-whitespace text";
    let user = |content: Value| said(json!([{"role": "user", "content": content}]));
    let between = |content: Value| {
        said(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": content},
            {"role": "user", "content": "b"},
        ]))
    };
    let result = |content: Value| {
        let mut body = tool_turns(&[("a", "a")]);
        body["messages"][2]["content"][0]["content"] = content;
        body
    };
    let hi = || user("hi".into());
    check(
        &sim,
        vec![
            user(" hi\n".into()),
            between("\n ok".into()),
            with(hi(), json!({"system": "s "})),
            result(" ".into()),
            result(json!([])),
        ],
        vec![
            (user("  ".into()), blank),
            (user(json!([{"type": "text", "text": "a"}, {"type": "text", "text": "\n\t"}])), blank),
            (user(json!([{"type": "text", "text": ""}])), "text content blocks must be non-empty"),
            (user("".into()), "must have non-empty content"),
            (user(json!([])), "must have non-empty content"),
            (between("\n".into()), blank),
            (between("".into()), "must have non-empty content"),
            (result(json!([{"type": "text", "text": " "}])), blank),
            (result(json!([{"type": "tool_use"}])), "does not match any of the expected tags"),
            (with(hi(), json!({"system": " \n"})), "system: text content blocks must contain non-whitespace"),
            (
                with(hi(), json!({"system": [{"type": "text", "text": " "}]})),
                "system: text content blocks must contain non-whitespace",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_prefill_ends_with_a_visible_sign() {
    let sim = start().await;
    let prefill = |content: Value| {
        said(json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": content}]))
    };
    let words = "final assistant content cannot end with trailing whitespace";
    check(
        &sim,
        vec![prefill("Answer:".into()), prefill("".into()), prefill(json!([]))],
        vec![
            (prefill("Answer: ".into()), words),
            (prefill("Answer:\n".into()), words),
            (prefill(json!([{"type": "text", "text": "Answer:\u{a0}"}])), words),
        ],
    )
    .await;
}

fn attached(block: Value) -> Value {
    said(json!([{"role": "user", "content": [block, {"type": "text", "text": "look"}]}]))
}

fn base64(kind: &str, media_type: &str, data: &str) -> Value {
    attached(json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}))
}

#[tokio::test]
async fn bytes_are_what_their_media_type_says() {
    let sim = start().await;
    let text = |media_type: &str, data: &str| {
        attached(
            json!({"type": "document", "source": {"type": "text", "media_type": media_type, "data": data}}),
        )
    };
    let url = |url: &str| attached(json!({"type": "image", "source": {"type": "url", "url": url}}));
    check(
        &sim,
        vec![
            base64("image", "image/png", PNG),
            base64("image", "image/jpeg", JPEG),
            base64("document", "application/pdf", PDF),
            text("text/plain", "a,b"),
            url("https://example.com/a.png"),
        ],
        vec![
            (
                base64("image", "image/jpeg", PNG),
                "specified using the image/jpeg media type, but the image appears to be a image/png",
            ),
            (
                base64("image", "image/png", JPEG),
                "specified using the image/png media type, but the image appears to be a image/jpeg",
            ),
            (base64("image", "image/bmp", PNG), "media_type: Input should be 'image/jpeg'"),
            (base64("image", "image/png", PDF), "Could not process image"),
            (base64("image", "image/png", "AAAA"), "Could not process image"),
            (base64("image", "image/png", "%%"), "invalid base64 data"),
            (base64("image", "image/png", &format!("data:image/png;base64,{PNG}")), "invalid base64 data"),
            (base64("document", "text/plain", "YQ=="), "media_type: Input should be 'application/pdf'"),
            (base64("document", "text/csv", "YQ=="), "media_type: Input should be 'application/pdf'"),
            (base64("document", "application/pdf", PNG), "The PDF specified was not valid"),
            (text("text/csv", "a,b"), "media_type: Input should be 'text/plain'"),
            (url("http://example.com/a.png"), "Only HTTPS URLs"),
            (attached(json!({"type": "image", "source": {"type": "text"}})), "expected tags: 'base64'"),
        ],
    )
    .await;
}

#[tokio::test]
async fn all_documents_are_cited_or_none() {
    let sim = start().await;
    let document = |cited: bool| {
        json!({"type": "document", "citations": {"enabled": cited},
               "source": {"type": "text", "media_type": "text/plain", "data": "d"}})
    };
    let both = |first: bool, second: bool| {
        said(json!([{"role": "user", "content": [document(first), document(second),
                                                 {"type": "text", "text": "q"}]}]))
    };
    let format = json!({"output_config": {"format": {"type": "json_schema", "schema": {
        "type": "object", "additionalProperties": false}}}});
    check(
        &sim,
        vec![both(true, true), both(false, false), with(both(false, false), format.clone())],
        vec![
            (both(true, false), "all or none of the documents"),
            (with(both(true, true), format), "citations cannot be enabled"),
        ],
    )
    .await;
}

#[tokio::test]
async fn schemas_hold_only_what_the_grammar_knows() {
    let sim = start().await;
    let object = |property: Value| json!({"type": "object", "additionalProperties": false, "properties": {"a": property}});
    let format = |schema: Value| {
        with(
            said(json!([{"role": "user", "content": "a"}])),
            json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}),
        )
    };
    let strict = |schema: Value| {
        with(
            said(json!([{"role": "user", "content": "a"}])),
            json!({"tools": [{"name": "f", "strict": true, "input_schema": schema}]}),
        )
    };
    let loose = |schema: Value| {
        with(
            said(json!([{"role": "user", "content": "a"}])),
            json!({"tools": [{"name": "f", "input_schema": schema}]}),
        )
    };
    let limited = json!({"type": "integer", "minimum": 1, "maximum": 10});
    let recursive = json!({"type": "object", "additionalProperties": false,
                           "properties": {"a": {"type": "array", "items": {"$ref": "#"}}}});
    let cases = [
        (limited.clone(), "For 'integer' type, properties minimum, maximum are not supported"),
        (json!({"type": "number", "multipleOf": 2}), "For 'number' type, property 'multipleOf'"),
        (json!({"type": ["string", "null"], "minLength": 1}), "For 'string' type, property 'minLength'"),
        (json!({"type": "string", "maxLength": 9}), "property 'maxLength' is not supported"),
        (json!({"type": "string", "pattern": "^a$"}), "property 'pattern' is not supported"),
        (json!({"type": "string", "format": "binary"}), "format 'binary' is not supported"),
        (
            json!({"type": "array", "items": {"type": "string"}, "minItems": 2}),
            "'minItems' values other than 0 or 1",
        ),
        (json!({"type": "array", "items": {}, "maxItems": 3}), "property 'maxItems' is not supported"),
        (json!({"type": "object"}), "'additionalProperties' must be explicitly set to false"),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "'additionalProperties' must be explicitly set to false",
        ),
        (json!({"oneOf": [{"type": "string"}]}), "'oneOf' is not supported"),
        (json!({"$ref": "https://example.com/s"}), "External $ref"),
        (json!({"enum": [{"a": 1}]}), "Enums of objects"),
        (json!({"anyOf": [{"type": "null"}, limited.clone()]}), "For 'integer' type"),
    ];
    for (property, words) in &cases {
        let schema = object(property.clone());
        check(&sim, Vec::new(), vec![(format(schema.clone()), words), (strict(schema), words)]).await;
    }
    let fine = object(json!({"anyOf": [
        {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 1},
        {"type": ["integer", "null"], "enum": [1, null]},
    ]}));
    check(
        &sim,
        vec![format(fine.clone()), strict(fine), loose(object(limited)), loose(recursive.clone())],
        vec![
            (format(recursive.clone()), "Recursive schemas"),
            (strict(recursive), "Recursive schemas"),
            (loose(json!({"type": "object", "anyOf": [{"required": ["a"]}]})), "at the top level"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_spent_credit_is_told_in_two_ways() {
    for (status, kind) in [(402, "billing_error"), (400, "invalid_request_error")] {
        let sim = start_with(&format!("rules: [ {{ error: {{ kind: billing, status: {status} }} }} ]")).await;
        let reply = ask(&sim, said(json!([{"role": "user", "content": "a"}]))).await;
        let error = reply.json()["error"].clone();
        assert_eq!((reply.status, &error["type"]), (status, &json!(kind)));
        assert!(error["message"].as_str().unwrap().starts_with("Your credit balance is too low"));
    }
}
