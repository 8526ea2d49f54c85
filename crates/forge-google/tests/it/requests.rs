use forge_core::{
    ErrorKind, Message, ModelProvider, ModelRequest,
    request::{
        Delivery, Effort, FunctionTool, MessageRole, Opaque, OutputFormat, Part, Source, SystemText, Tool,
        ToolChoice,
    },
};
use forge_testkit::Reply;
use serde_json::{Value, json};

use crate::exchange;

const DONE: &str = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#;

/// What is sent, and about what the adapter warns.
async fn sent(model: &str, request: ModelRequest) -> (Value, Vec<String>) {
    let (outcome, sent) =
        exchange(model, request.with_delivery(Delivery::Whole), Reply::json(200, DONE)).await;
    let warnings = outcome.unwrap().warnings.into_iter().map(|warning| warning.about).collect();
    (sent[0].body.clone(), warnings)
}

fn look(strict: bool) -> Tool {
    let schema = json!({"type": "object", "properties": {"at": {"type": "integer"}}});
    let tool = FunctionTool::new("look", schema).with_description("Looks.");
    Tool::from(if strict { tool.strict() } else { tool })
}

fn opaque(model: &str, data: &str) -> Opaque {
    Opaque::new(ModelProvider::Google, model.into(), data)
}

fn call(id: &str, opaque: Option<Opaque>) -> Part {
    Part::tool_use(id, format!("tool_{id}"), json!({"at": 1})).with_opaque(opaque)
}

fn user(parts: Vec<Part>) -> Message {
    Message::new(MessageRole::User, parts)
}

fn assistant(parts: Vec<Part>) -> Message {
    Message::new(MessageRole::Assistant, parts)
}

#[tokio::test]
async fn the_smallest_request_is_small_and_carries_the_key_in_its_header() {
    let request = ModelRequest::new("").with_user_message("hi");
    let (outcome, sent) = exchange("gemini-3.8-flash", request, Reply::json(503, "")).await;
    assert!(outcome.is_err());
    assert_eq!(sent[0].line, "POST /v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse");
    assert_eq!(sent[0].header("x-goog-api-key"), Some("test-key-1"));
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "store": false});
    assert_eq!(sent[0].body, body);
}

#[tokio::test]
async fn the_model_is_one_segment_of_the_path_whatever_its_name() {
    for (model, path) in [
        ("models/gemini-2.5-pro", "POST /v1beta/models/gemini-2.5-pro:generateContent"),
        ("../cachedContents?x=", "POST /v1beta/models/..%2FcachedContents%3Fx=:generateContent"),
    ] {
        let request = ModelRequest::new("").with_user_message("hi").with_delivery(Delivery::Whole);
        let (_, sent) = exchange(model, request, Reply::json(200, DONE)).await;
        assert_eq!(sent[0].line, path);
    }
}

#[tokio::test]
async fn every_kind_of_part_and_setting_is_sent() {
    let image = |url: &str| Part::image(Source::Url { url: url.into() });
    let mut request = ModelRequest::new("Be exact.")
        .with_message(user(vec![
            image("https://example.com/a.PNG?size=1"),
            image("https://example.com/watch"),
            Part::image_base64("image/png", "iVBORw=="),
            Part::document(Source::Base64 { media_type: "application/pdf".into(), data: "JVBE".into() })
                .with_name("a.pdf")
                .with_cache(forge_core::request::CacheTtl::OneHour),
            Part::text("What is this?"),
            Part::text(""),
        ]))
        .with_message(assistant(vec![call("t1", None)]))
        .with_message(user(vec![Part::tool_result("t1", "a cat")]))
        .with_tool(look(false))
        .with_output(OutputFormat::json_schema("x", json!({"type": "object"})))
        .with_effort(Effort::Medium)
        .with_temperature(0.5)
        .with_max_tokens(100);
    request.show_thinking = Some(true);
    request.sampling.seed = Some(7);
    request.stop_sequences = vec!["END".into()];
    request.tool_choice = ToolChoice::Tool("look".into());
    request.extra =
        serde_json::from_value(json!({"google": {"serviceTier": "flex", "toolConfig": {}}})).unwrap();
    let (body, warnings) = sent("gemini-3.1-pro-preview", request).await;
    insta::assert_json_snapshot!(body);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
async fn results_go_back_together_in_the_order_of_their_calls() {
    let failed = Part::tool_result_parts(
        "b",
        vec![Part::text("no"), Part::text("cat"), Part::image_base64("image/png", "iVBORw==")],
    )
    .failed();
    let request = ModelRequest::new("")
        .with_user_message("Look twice.")
        .with_message(assistant(vec![call("a", None), call("b", None)]))
        .with_message(user(vec![Part::text("Here:"), failed]))
        .with_message(user(vec![Part::tool_result("a", "a cat")]));
    let (body, _) = sent("gemini-2.5-flash", request).await;
    let expected = json!({"role": "user", "parts": [
        {"functionResponse": {"id": "a", "name": "tool_a", "response": {"result": "a cat"}}},
        {"functionResponse": {"id": "b", "name": "tool_b", "response": {"error": "no\ncat"}}},
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
        {"text": "Here:"}]});
    assert_eq!(body["contents"][2], expected);
    assert_eq!(body["contents"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_id_that_comes_again_means_the_latest_call() {
    let named = |name: &str| Part::tool_use("call_0", name, json!({}));
    let turn = |request: ModelRequest, name| {
        request
            .with_message(assistant(vec![named(name)]))
            .with_message(user(vec![Part::tool_result("call_0", "x")]))
    };
    let request = turn(turn(ModelRequest::new("").with_user_message("hi"), "first"), "second");
    let (body, _) = sent("gemini-3.8-flash", request).await;
    let name = |turn: usize| &body["contents"][turn]["parts"][0]["functionResponse"]["name"];
    assert_eq!((name(2), name(4)), (&json!("first"), &json!("second")));
}

#[tokio::test]
async fn signatures_go_back_to_the_model_that_minted_them_on_their_own_parts() {
    let model = "gemini-3.8-flash";
    let vendor = r#"{"executableCode":{"code":"1"},"thoughtSignature":"dg=="}"#;
    let parts = vec![
        Part::thinking("Hm.").with_opaque(Some(opaque(model, "dA=="))),
        Part::thinking("unsigned"),
        Part::text("I will look."),
        Part::vendor(opaque(model, vendor)),
        call("a", Some(opaque(model, "Yy+/"))),
        call("b", None),
        Part::text(String::new()).with_opaque(Some(opaque(model, "ZQ=="))),
    ];
    let results = vec![Part::tool_result("a", "x"), Part::tool_result("b", "y")];
    let request = ModelRequest::new("")
        .with_user_message("hi")
        .with_message(assistant(parts))
        .with_message(user(results));

    let (body, _) = sent(model, request.clone()).await;
    let args = json!({"at": 1});
    let expected = json!([
        {"text": "Hm.", "thought": true, "thoughtSignature": "dA=="},
        {"text": "I will look."},
        {"executableCode": {"code": "1"}, "thoughtSignature": "dg=="},
        {"functionCall": {"id": "a", "name": "tool_a", "args": args}, "thoughtSignature": "Yy+/"},
        {"functionCall": {"id": "b", "name": "tool_b", "args": args}},
        {"text": "", "thoughtSignature": "ZQ=="}]);
    assert_eq!(body["contents"][1]["parts"], expected);

    // Another model gets none of it; Gemini 3 and later are told so at the first call of the turn.
    for (other, signature) in
        [("gemini-4-argon", json!("skip_thought_signature_validator")), ("gemini-2.5-pro", Value::Null)]
    {
        let (body, _) = sent(other, request.clone()).await;
        let parts = body["contents"][1]["parts"].as_array().unwrap();
        assert_eq!(parts.len(), 3, "{parts:?}");
        assert_eq!(
            (&parts[1]["thoughtSignature"], &parts[2]["thoughtSignature"]),
            (&signature, &Value::Null)
        );
    }
}

#[tokio::test]
async fn arguments_that_are_no_object_are_sent_inside_one() {
    let broken = Part::tool_use("a", "look", json!("{\"at\": "));
    let request = ModelRequest::new("")
        .with_user_message("hi")
        .with_message(assistant(vec![broken]))
        .with_message(user(vec![Part::tool_result("a", "x")]));
    let (body, _) = sent("gemini-3.8-flash", request).await;
    let args = &body["contents"][1]["parts"][0]["functionCall"]["args"];
    assert_eq!(*args, json!({"input": "{\"at\": "}));
}

#[tokio::test]
async fn each_tool_choice_has_its_mode() {
    for (choice, strict, expected) in [
        (ToolChoice::Auto, false, Value::Null),
        (ToolChoice::Auto, true, json!({"mode": "VALIDATED"})),
        (ToolChoice::None, false, json!({"mode": "NONE"})),
        (ToolChoice::Required, true, json!({"mode": "ANY"})),
        (ToolChoice::Tool("look".into()), false, json!({"mode": "ANY", "allowedFunctionNames": ["look"]})),
    ] {
        let mut request = ModelRequest::new("").with_user_message("hi").with_tool(look(strict));
        request.tool_choice = choice;
        let (body, _) = sent("gemini-4-argon", request).await;
        assert_eq!(body["toolConfig"]["functionCallingConfig"], expected);
    }
}

#[tokio::test]
async fn what_a_model_lacks_is_left_out_with_a_warning_or_refused() {
    let mut request = ModelRequest::new("").with_user_message("hi").with_temperature(1.0);
    request.effort = Some(Effort::Minimal);
    let (body, warnings) = sent("gemini-4-argon", request).await;
    assert_eq!(body["generationConfig"], json!({"thinkingConfig": {"thinkingLevel": "LOW"}}));
    assert_eq!(warnings, ["temperature", "effort"]);

    let prefilled = ModelRequest::new("").with_user_message("Go on:").with_assistant_message("Once");
    let (outcome, sent) = exchange("gemini-4-argon", prefilled.clone(), Reply::json(200, DONE)).await;
    assert_eq!((outcome.unwrap_err().kind, sent.len()), (ErrorKind::Unsupported, 0));
    let (_, sent) = exchange("gemini-3.5-flash", prefilled, Reply::json(200, DONE)).await;
    assert_eq!(sent[0].body["contents"][1]["role"], "model");
}

#[tokio::test]
async fn instructions_between_turns_are_marked_and_system_blocks_stay_apart() {
    let request = ModelRequest::new("one")
        .with_system_text(SystemText::new("two"))
        .with_user_message("hi")
        .with_message(Message::system("be brief"));
    let (body, warnings) = sent("gemini-4-argon", request).await;
    assert_eq!(body["systemInstruction"]["parts"], json!([{"text": "one"}, {"text": "two"}]));
    let turn = &body["contents"][0];
    assert_eq!((&turn["role"], turn["parts"].as_array().unwrap().len()), (&json!("user"), 3));
    assert_eq!(
        (&turn["parts"][2]["text"], warnings.as_slice()),
        (&json!("be brief"), &["system".to_owned()][..])
    );
}

#[tokio::test]
async fn tools_of_the_vendors_own_recordings_files_and_allowed_names_are_sent() {
    let wav = Source::Base64 { media_type: "audio/wav".into(), data: "AAAA".into() };
    let file = |vendor| Source::File { id: "https://files.example/1".into(), vendor };
    let parts = vec![Part::audio(wav), Part::document(file(ModelProvider::Google))];
    let mut request = ModelRequest::new("")
        .with_message(Message::new(MessageRole::User, parts))
        .with_tool(look(false))
        .with_tool(Tool::hosted(ModelProvider::Google, json!({"googleSearch": {}})))
        .with_tool(Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})))
        .with_tool_choice(ToolChoice::Allowed { names: vec!["look".into()], required: false });
    let (body, warnings) = sent("gemini-4-argon", request.clone()).await;
    assert_eq!((&body["tools"][1], warnings), (&json!({"googleSearch": {}}), vec!["tools".to_owned()]));
    let calling = json!({"mode": "VALIDATED", "allowedFunctionNames": ["look"]});
    assert_eq!(body["toolConfig"]["functionCallingConfig"], calling);
    assert_eq!(
        body["contents"][0]["parts"],
        json!([{"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
            {"fileData": {"fileUri": "https://files.example/1"}}])
    );
    let parts = vec![Part::document(file(ModelProvider::OpenAI))];
    request.messages.push(Message::new(MessageRole::User, parts));
    let (outcome, _) = exchange("gemini-4-argon", request, Reply::json(200, DONE)).await;
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn json_of_any_form_is_a_media_type() {
    let request = ModelRequest::new("").with_user_message("hi").with_output(OutputFormat::Json);
    let (body, warnings) = sent("gemini-4-argon", request).await;
    assert_eq!(body["generationConfig"], json!({"responseMimeType": "application/json"}));
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
async fn a_conversation_is_fitted_the_same_every_time() {
    let named = |name: &str| Part::tool_use("call_0", name, json!({}));
    let png = Part::image_base64("image/jpeg", "iVBORw0KGgoAAAA=");
    let request = ModelRequest::new(" ")
        .with_user_message("a")
        .with_message(user(vec![Part::text("\n"), png]))
        .with_message(assistant(vec![Part::text("  "), named("first")]))
        .with_message(user(vec![Part::tool_result("call_0", r#"{"found": [1, 2.50]}"#)]))
        .with_message(assistant(vec![named("second")]))
        .with_message(user(vec![Part::tool_result("call_0", "[1]")]));
    let (body, _) = sent("gemini-2.5-flash", request.clone()).await;
    let turns = body["contents"].as_array().unwrap();
    let expected =
        json!([{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoAAAA="}}]);
    assert_eq!((&turns[0]["parts"], &body["systemInstruction"]), (&expected, &Value::Null));
    let answer = |turn: &Value| turn["parts"][0]["functionResponse"].clone();
    let first = json!({"id": "call_0", "name": "first", "response": {"found": [1, 2.5]}});
    assert_eq!((turns[1]["parts"].as_array().unwrap().len(), answer(&turns[2])), (1, first));
    let second = answer(&turns[4]);
    assert_eq!((&second["name"], &second["response"]), (&json!("second"), &json!({"result": "[1]"})));
    assert!(second["id"] != "call_0" && second["id"] == turns[3]["parts"][0]["functionCall"]["id"]);

    let (longer, _) = sent("gemini-2.5-flash", request.with_message(assistant(vec![named("third")]))).await;
    assert_eq!(&longer["contents"].as_array().unwrap()[..turns.len()], &turns[..]);
}

#[tokio::test]
async fn a_schema_is_sent_as_far_as_the_vendor_reads_it_and_the_answer_is_checked() {
    let schema = json!({"type": "object", "properties": {
        "n": {"type": "integer", "minimum": 1}, "a": {"$ref": "#/$defs/A", "description": "d"}},
        "$defs": {"A": {"type": "string", "minLength": 2}}});
    let done = |text: &str| {
        let part = json!({"text": text});
        json!({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1}})
        .to_string()
    };
    let ask = async |text: &str| {
        let request = ModelRequest::new("")
            .with_user_message("hi")
            .with_tool(Tool::function("look", schema.clone()))
            .with_output(OutputFormat::json_schema("x", schema.clone()))
            .with_delivery(Delivery::Whole);
        let (outcome, sent) = exchange("gemini-3.8-flash", request, Reply::json(200, &done(text))).await;
        let warnings: Vec<_> = outcome.unwrap().warnings.into_iter().map(|warning| warning.about).collect();
        (sent[0].body.clone(), warnings)
    };
    let (body, warnings) = ask(r#"{"n": 7, "a": "xy"}"#).await;
    let sent = &body["generationConfig"]["responseJsonSchema"]["properties"];
    assert_eq!(sent["n"], json!({"type": "integer", "minimum": 1}));
    assert_eq!(sent["a"], json!({"type": "string", "description": "d (minLength: 2)"}));
    assert_eq!(warnings, ["schema"]);
    let parameters = &body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["properties"];
    assert_eq!(parameters["a"], json!({"type": "string", "minLength": 2, "description": "d"}));
    let (_, warnings) = ask(r#"{"n": 7, "a": "x"}"#).await;
    assert_eq!(warnings, ["schema", "schema"]);
}
