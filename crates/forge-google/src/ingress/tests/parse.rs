//! Bodies as clients of the field send them.

use forge_core::{
    ModelProvider,
    request::{Delivery, Effort, MessageRole, OutputFormat, Part, Source, Tool, ToolChoice},
};
use serde_json::{Value, json};

use super::{LIST, SSE, address, opaque, parse_at, refused, request};

/// As one of the agents sends it: a call without an id, its signature on the call, settings always set.
#[test]
fn an_agents_request_is_read() {
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "look"}]},
            {"role": "model", "parts": [
                {"text": "I look.", "thoughtSignature": "VGV4dA=="},
                {"functionCall": {"name": "ls", "args": {"at": "."}}, "thoughtSignature": "Q2FsbA=="},
                {"functionCall": {"name": "ls", "args": {"at": "/"}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "ls", "response": {"output": "a.rs"}}},
                {"functionResponse": {"name": "ls", "response": {"error": "no such place"}}}]},
        ],
        "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "tools": [{"functionDeclarations": [{"name": "ls", "description": "Lists.", "parametersJsonSchema": {"type": "object"}}]}],
        "generationConfig": {"temperature": 1, "topP": 0.95, "topK": 64.0, "maxOutputTokens": "8192",
            "thinkingConfig": {"includeThoughts": true, "thinkingBudget": -1}},
    });
    let request = request(&body);
    assert_eq!(request.system_text(), "Be brief.\n\nBe kind.");
    let answer = &request.messages[1].parts;
    assert_eq!(answer[0], Part::text("I look.").with_opaque(opaque("VGV4dA==")));
    assert_eq!(answer[1], Part::tool_use("call_1", "ls", json!({"at": "."})).with_opaque(opaque("Q2FsbA==")));
    assert_eq!(answer[2], Part::tool_use("call_2", "ls", json!({"at": "/"})));
    let results =
        [Part::tool_result("call_1", "a.rs"), Part::tool_result("call_2", "no such place").failed()];
    assert_eq!(request.messages[2].parts, results);
    assert_eq!(request.messages[2].role, MessageRole::User);
    assert_eq!((request.max_tokens, request.sampling.top_k), (Some(8192), Some(64)));
    assert_eq!((request.show_thinking, request.thinking_budget, request.effort), (Some(true), None, None));
}

/// The spelling of one of the SDKs, with the vendor's older schemas and a single object in place of lists.
#[test]
fn names_in_the_other_spelling_are_the_same_names() {
    let camel = json!({
        "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "+/+/"}}]}],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a_b": {"type": "STRING"}}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"stopSequences": ["x"], "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT"}, "thinkingConfig": {"thinkingLevel": "low"}},
        "safetySettings": [],
    });
    let snake = json!({
        "contents": {"parts": {"inline_data": {"mime_type": "image/png", "data": "-_-_"}}},
        "system_instruction": {"parts": {"text": "s"}},
        "tools": {"function_declarations": {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a_b": {"type": "STRING"}}}}},
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        "generation_config": {"stop_sequences": ["x"], "response_mime_type": "application/json",
            "response_schema": {"type": "OBJECT"}, "thinking_config": {"thinking_level": "LOW"}},
        "safety_settings": [],
    });
    let read = request(&camel);
    assert_eq!(read, request(&snake));
    assert_eq!(read.messages[0].parts[0], Part::image_base64("image/png", "+/+/"));
    let schema = json!({"type": "object", "properties": {"a_b": {"type": "string"}}});
    assert_eq!(read.tools[0], Tool::function("f", schema));
    assert_eq!(read.tool_choice, ToolChoice::Tool("f".into()));
    assert_eq!(read.output, OutputFormat::json_schema("output", json!({"type": "object"})));
    assert_eq!(read.effort, Some(Effort::Low));
    assert!(read.extra.fields(&ModelProvider::Google).unwrap().contains_key("safetySettings"));
}

#[test]
fn results_without_an_id_belong_to_the_oldest_call_of_their_function() {
    let call = |name: &str, id: Option<&str>| json!({"functionCall": {"name": name, "id": id}});
    let result = |name: &str, id: Option<&str>| json!({"functionResponse": {"name": name, "id": id, "response": {"n": 1}}});
    let model = |parts: Value| json!({"role": "model", "parts": parts});
    let user = |parts: Value| json!({"role": "function", "parts": parts});
    let body = json!({"contents": [
        model(json!([call("a", None), call("b", Some("call_1")), call("a", Some("x")), call("b", None)])),
        user(json!([result("b", None), result("a", Some("x")), result("b", None), result("a", None)])),
        model(json!([call("a", None)])),
        user(json!([result("a", None)])),
        {"parts": [{"text": "go on"}]},
    ]});
    let request = request(&body);
    let ids: Vec<String> = request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    let expected =
        ["call_1_", "call_1", "x", "call_4", "call_1", "x", "call_4", "call_1_", "call_5", "call_5"];
    assert_eq!(ids, expected);
    let orphan = json!({"contents": [user(json!([result("b", None)]))]});
    assert_eq!(refused(&orphan), "contents[0].parts[0].functionResponse: no call of `b` stands before it");
}

#[test]
fn parts_of_every_kind_have_their_place() {
    let part = |part: Value| {
        let read = request(&json!({"contents": [{"role": "model", "parts": [part]}]}));
        read.messages[0].parts.first().cloned()
    };
    let url = |url: &str| Source::Url { url: url.into() };
    let file = Source::File {
        id: "https://generativelanguage.googleapis.com/v1beta/files/a".into(),
        vendor: ModelProvider::Google,
    };
    for (wire, expected) in [
        (json!({"text": "hm", "thought": true}), Some(Part::thinking("hm"))),
        (json!({"text": "", "thoughtSignature": "U2ln"}), Some(Part::text("").with_opaque(opaque("U2ln")))),
        (json!({"thoughtSignature": "U2-_"}), Some(Part::text("").with_opaque(opaque("U2+/")))),
        (json!({"thought": true}), None),
        (json!({}), None),
        // The vendor's word for a signature that there is none of, as a text and as bytes.
        (
            json!({"functionCall": {"id": "c", "name": "f"}, "thoughtSignature": "skip_thought_signature_validator"}),
            Some(Part::tool_use("c", "f", json!({}))),
        ),
        (
            json!({"functionCall": {"id": "c", "name": "f", "args": null}, "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="}),
            Some(Part::tool_use("c", "f", json!({}))),
        ),
        (
            json!({"fileData": {"mimeType": "audio/mp3", "fileUri": "https://a.example/x"}}),
            Some(Part::audio(url("https://a.example/x"))),
        ),
        (
            json!({"fileData": {"fileUri": "https://a.example/x.jpg"}}),
            Some(Part::image(url("https://a.example/x.jpg"))),
        ),
        (
            json!({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}}),
            Some(Part::document(file)),
        ),
        (
            json!({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}),
            Some(Part::vendor(opaque(r#"{"codeExecutionResult":{"outcome":"OUTCOME_OK"}}"#))),
        ),
    ] {
        assert_eq!(part(wire.clone()), expected, "{wire}");
    }
    let result = json!({"contents": [
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "seen", "n": 1},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]}}]}]});
    let content =
        vec![Part::text(r#"{"output":"seen","n":1}"#), Part::image_base64("image/png", "iVBORw0KGgo=")];
    assert_eq!(request(&result).messages[1].parts[0], Part::tool_result_parts("call_1", content));
}

#[test]
fn the_choice_among_tools_has_four_modes() {
    let choice = |calling: Value| {
        let body = json!({"contents": [{"parts": [{"text": "x"}]}],
            "tools": [{"functionDeclarations": [{"name": "f"}]}, {"urlContext": {}}],
            "toolConfig": {"functionCallingConfig": calling}});
        let read = request(&body);
        let Tool::Function(tool) = &read.tools[0] else { panic!("{read:?}") };
        assert_eq!(read.tools[1], Tool::hosted(ModelProvider::Google, json!({"urlContext": {}})));
        (read.tool_choice, tool.strict)
    };
    let names = || vec!["f".to_owned(), "g".to_owned()];
    for (calling, expected, strict) in [
        (json!({}), ToolChoice::Auto, false),
        (json!({"mode": "AUTO"}), ToolChoice::Auto, false),
        (json!({"mode": "NONE"}), ToolChoice::None, false),
        (json!({"mode": "ANY"}), ToolChoice::Required, false),
        (json!({"mode": "ANY", "allowedFunctionNames": ["f"]}), ToolChoice::Tool("f".into()), false),
        (
            json!({"mode": "ANY", "allowedFunctionNames": names()}),
            ToolChoice::Allowed { names: names(), required: true },
            false,
        ),
        (json!({"mode": "VALIDATED"}), ToolChoice::Auto, true),
        (
            json!({"mode": "VALIDATED", "allowedFunctionNames": names()}),
            ToolChoice::Allowed { names: names(), required: false },
            false,
        ),
    ] {
        assert_eq!(choice(calling.clone()), (expected, strict), "{calling}");
    }
}

#[test]
fn what_has_no_place_is_named_and_goes_to_nobody_else() {
    let body = json!({"contents": [{"parts": [{"text": "x"}]}], "labels": {"a": "b"}, "store": true, "model": "models/x",
        "generationConfig": {"speechConfig": {}, "seed": 3}, "toolConfig": {"retrievalConfig": {}}});
    let incoming = parse_at(&address("generateContent"), body.to_string().as_bytes()).unwrap();
    assert_eq!(incoming.unknown, ["toolConfig.retrievalConfig", "generationConfig.speechConfig", "labels"]);
    let extra = incoming.request.extra.fields(&ModelProvider::Google).unwrap();
    assert_eq!(
        extra.keys().collect::<Vec<_>>(),
        ["labels"],
        "nothing is stored, and the address names the model"
    );
}

#[test]
fn the_address_says_how_the_reply_comes() {
    let body = json!({"contents": [{"parts": [{"text": "x"}]}]}).to_string();
    for (end, delivery, kind) in [
        ("generateContent", Delivery::Whole, "text/event-stream"),
        (SSE, Delivery::Stream, "text/event-stream"),
        (LIST, Delivery::Stream, "application/json"),
    ] {
        let incoming = parse_at(&address(end), body.as_bytes()).unwrap();
        assert_eq!((incoming.request.delivery, incoming.reply.content_type()), (delivery, kind), "{end}");
    }
    // Counts come with the turns alone, or with a whole request.
    let wrapped =
        json!({"generateContentRequest": {"model": "models/x", "contents": [{"parts": [{"text": "x"}]}]}});
    assert!(parse_at(&address("countTokens"), body.as_bytes()).is_ok());
    assert!(parse_at(&address("countTokens"), wrapped.to_string().as_bytes()).is_ok());
    assert!(parse_at(&address("generateContent"), wrapped.to_string().as_bytes()).is_err());
}

#[test]
fn a_body_that_is_no_request_is_refused_with_the_place() {
    let with = |field: &str, value: Value| {
        let mut body = json!({"contents": [{"parts": [{"text": "x"}]}]});
        body[field] = value;
        refused(&body)
    };
    for (error, words) in [
        (refused(&json!({})), "contents: has to hold at least one turn"),
        (with("contents", json!("x")), "contents: has to be a list, not this text"),
        (
            with("contents", json!([{"role": "bot"}])),
            "contents[0].role: has to be one of user, model, not `bot`",
        ),
        (
            with("contents", json!([{"parts": [{"text": 1}]}])),
            "contents[0].parts[0].text: has to be a text, not this number",
        ),
        (
            with("contents", json!([{"parts": [{"functionCall": {}}]}])),
            "contents[0].parts[0].functionCall.name: is missing",
        ),
        (
            with("contents", json!([{"parts": [{"functionCall": {"name": "f", "args": "{}"}}]}])),
            "contents[0].parts[0].functionCall.args: has to be an object, not this text",
        ),
        (
            with("contents", json!([{"parts": [{"inlineData": {"mimeType": "image/png", "data": "a,b"}}]}])),
            "contents[0].parts[0].inlineData.data: is not base64",
        ),
        (with("systemInstruction", json!({"parts": [{}]})), "systemInstruction.parts[0].text: is missing"),
        (
            with("tools", json!([{"functionDeclarations": [{}]}])),
            "tools[0].functionDeclarations[0].name: is missing",
        ),
        (
            with("toolConfig", json!({"functionCallingConfig": {"mode": "MAYBE"}})),
            "toolConfig.functionCallingConfig.mode: has to be one of AUTO, ANY, NONE, VALIDATED, not `MAYBE`",
        ),
        (with("cachedContent", json!("cachedContents/x")), "cachedContent: nothing is kept here"),
        (
            with("generationConfig", json!({"candidateCount": 2})),
            "generationConfig.candidateCount: has to be 1",
        ),
        (with("generationConfig", json!({"topP": "many"})), "generationConfig.topP: has to be a number"),
        (
            with("generationConfig", json!({"responseMimeType": "text/x.enum"})),
            "generationConfig.responseMimeType",
        ),
        (
            with("generationConfig", json!({"responseModalities": ["IMAGE"]})),
            "generationConfig.responseModalities",
        ),
        (
            with("generationConfig", json!({"thinkingConfig": {"thinkingBudget": -2}})),
            "generationConfig.thinkingConfig.thinkingBudget: is no number of tokens",
        ),
        (
            with("generationConfig", json!({"thinkingConfig": {"thinkingLevel": "HUGE"}})),
            "generationConfig.thinkingConfig.thinkingLevel: has to be one of",
        ),
    ] {
        assert!(error.starts_with(words), "{error}");
    }
    let uri = "/v1beta/models/m:embedContent".parse().unwrap();
    assert!(parse_at(&uri, b"{}").unwrap_err().reason.contains("the address"));
}
