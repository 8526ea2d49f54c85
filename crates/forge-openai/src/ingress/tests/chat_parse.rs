use forge_core::{
    Message, ModelProvider,
    request::{
        Delivery, Effort, FreeformFormat, FreeformTool, FunctionTool, MessageRole, OutputFormat, Part,
        Source, SystemText, Tool, ToolChoice, ToolInput,
    },
};
use serde_json::{Value, json};

use super::{super::CHAT, refused, request};

fn chat(messages: Value) -> Value {
    let mut body = json!({"model": "m"});
    body["messages"] = messages;
    body
}

fn with(field: &str, value: Value) -> Value {
    let mut body = chat(json!([{"role": "user", "content": "q"}]));
    body[field] = value;
    body
}

fn turns(messages: Value) -> Vec<Message> {
    request(&CHAT, &chat(messages)).messages.to_vec()
}

#[test]
fn instructions_in_front_are_system_text_and_later_ones_are_turns() {
    let request = request(
        &CHAT,
        &chat(json!([
            {"role": "system", "content": "a"},
            {"role": "developer", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
            {"role": "user", "content": "q"},
            {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        ])),
    );
    assert_eq!(request.system[..], ["a", "b", "c"].map(SystemText::new));
    assert_eq!(request.messages[..], [Message::user("q"), Message::system("d")]);
}

#[test]
fn content_is_a_text_or_parts_of_every_kind() {
    let parts = json!([
        "bare", {"text": "untyped"}, {"type": "text", "text": ""}, {"type": "text", "text": "t", "cache_control": {}},
        {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/png;charset=x;base64,AAAA"},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:text/csv;base64,CCCC", "filename": "a.csv"}},
        {"type": "file", "file": {"file_data": "DDDD"}}
    ]);
    let base64 =
        |media_type: &str, data: &str| Source::Base64 { media_type: media_type.into(), data: data.into() };
    let file = Source::File { id: "file-1".into(), vendor: ModelProvider::OpenAI };
    let expected = [
        Part::text("bare"),
        Part::text("untyped"),
        Part::text("t"),
        Part::image(Source::Url { url: "https://a.example/x.png".into() }),
        Part::image(base64("image/png", "AAAA")),
        Part::audio(base64("audio/mpeg", "BBBB")),
        Part::document(file),
        Part::document(base64("text/csv", "CCCC")).with_name("a.csv"),
        Part::document(base64("application/pdf", "DDDD")),
    ];
    assert_eq!(turns(json!([{"role": "user", "content": parts}]))[0].parts, expected);
    assert_eq!(turns(json!([{"role": "user", "content": "q"}])), [Message::user("q")]);
    assert!(turns(json!([{"role": "user", "content": ""}])).is_empty());
}

#[test]
fn an_answer_that_comes_back_is_thoughts_words_and_calls() {
    let messages = turns(json!([
        {"role": "assistant", "content": null, "reasoning_content": "hm", "refusal": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"},
                "extra_content": {"google": {"thought_signature": "s"}}},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": {"x": 2}}},
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}},
            {"id": "d", "type": "function", "function": {"name": "f", "arguments": "{x"}},
            {"id": "e", "type": "custom", "custom": {"name": "g", "input": "ls"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "user", "content": "and?"},
        {"role": "tool", "tool_call_id": "c", "content": "3"},
        {"role": "assistant", "content": "I", "refusal": "won't"},
        {"role": "assistant", "content": "", "refusal": ""},
        {"role": "assistant", "content": "II", "refusal": ""},
    ]));
    let Part::Thinking { text, opaque: Some(state), .. } = &messages[0].parts[0] else {
        panic!("{messages:?}")
    };
    assert_eq!((text.as_str(), state.data.as_str()), ("hm", r#"{"reasoning_content":"hm"}"#));
    assert!(state.belongs_to(&ModelProvider::OpenAI, &"m".into(), "any"));
    let call = |id, input| Part::tool_use(id, "f", input);
    let signed = messages[0].parts[1].opaque().unwrap();
    assert_eq!(signed.data, r#"{"extra_content":{"google":{"thought_signature":"s"}}}"#);
    assert_eq!(messages[0].parts[1].clone().with_opaque(None), call("a", ToolInput::Json(json!({"x": 1}))));
    let rest = [
        call("b", ToolInput::Json(json!({"x": 2}))),
        call("c", ToolInput::Json(json!({}))),
        call("d", ToolInput::Broken("{x".into())),
        Part::tool_use("e", "g", ToolInput::Text("ls".into())),
    ];
    assert_eq!(messages[0].parts[2..], rest);
    let results = vec![Part::tool_result("a", "1"), Part::tool_result("b", "2")];
    assert_eq!(messages[1], Message::new(MessageRole::User, results));
    assert_eq!(messages[2], Message::user("and?"));
    assert_eq!(messages[3], Message::new(MessageRole::User, vec![Part::tool_result("c", "3")]));
    assert_eq!(messages[4].parts, [Part::text("I"), Part::refusal("won't")]);
    assert_eq!(messages[5..], [Message::assistant("II")]);
}

#[test]
fn details_of_thoughts_come_back_with_their_text() {
    let details =
        json!([{"type": "reasoning.summary", "summary": "hm"}, {"type": "reasoning.encrypted", "data": "x"}]);
    let messages = turns(json!([{"role": "assistant", "content": "I", "reasoning_details": details}]));
    let Part::Thinking { text, opaque: Some(state), .. } = &messages[0].parts[0] else {
        panic!("{messages:?}")
    };
    assert_eq!(text, "hm");
    assert_eq!(state.data.parse::<Value>().unwrap(), json!({"reasoning_details": details}));
    let both = json!([{"role": "assistant", "content": "I", "reasoning_details": details, "reasoning_content": "said"}]);
    assert!(matches!(&turns(both)[0].parts[0], Part::Thinking { text, opaque: Some(same), .. }
        if text == "said" && same == state));
}

#[test]
fn every_setting_has_its_place() {
    let mut body = chat(json!([{"role": "user", "content": "q"}]));
    let fields = json!({"max_tokens": 5, "max_completion_tokens": 7.0, "reasoning_effort": "xhigh", "stop": "END",
        "temperature": 0, "top_p": 0.5, "top_k": 3, "seed": -1, "presence_penalty": 1, "frequency_penalty": -0.5,
        "parallel_tool_calls": false, "n": 1, "modalities": ["text"], "store": true, "stream": true,
        "response_format": {"type": "text"}, "logit_bias": null, "tools": null});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let request = request(&CHAT, &body);
    assert_eq!((request.max_tokens, request.effort), (Some(7), Some(Effort::XHigh)));
    assert_eq!((&request.stop_sequences[..], request.parallel_tools), (&["END".to_owned()][..], Some(false)));
    let sampling = request.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.top_k), (Some(0.0), Some(0.5), Some(3)));
    assert_eq!((sampling.seed, sampling.presence_penalty), (Some(-1), Some(1.0)));
    assert_eq!((sampling.frequency_penalty, request.delivery), (Some(-0.5), Delivery::Stream));
    assert_eq!(request.output, OutputFormat::Text);
    let older = super::request(&CHAT, &with("max_tokens", json!(5)));
    assert_eq!((older.max_tokens, older.delivery), (Some(5), Delivery::Whole));
    assert_eq!(super::request(&CHAT, &with("stop", json!(["a", "b"]))).stop_sequences, ["a", "b"]);
}

#[test]
fn what_is_not_known_goes_to_the_vendor_and_is_named() {
    let mut body = with("user", json!("u"));
    (body["logit_bias"], body["store"]) = (json!({"1": 2}), json!(true));
    let read = super::read(&CHAT, &body);
    assert_eq!(read.unknown, ["user", "logit_bias"]);
    let extra = read.request.extra.fields(&ModelProvider::OpenAI).cloned().map(Value::Object);
    assert_eq!(extra, Some(json!({"user": "u"})), "what the vendor's other API does not take stays behind");
}

#[test]
fn tools_are_nested_flat_freeform_or_the_vendors() {
    let schema = json!({"type": "object", "properties": {"x": {}}});
    let grammar = json!({"syntax": "lark", "definition": "start: A"});
    let mut flat = grammar.clone();
    flat["type"] = json!("grammar");
    let tools = json!([
        {"type": "function", "function": {"name": "a", "description": "d", "parameters": schema, "strict": true}},
        {"type": "function", "name": "b", "parameters": schema},
        {"function": {"name": "c"}},
        {"type": "custom", "custom": {"name": "d", "format": {"type": "grammar", "grammar": grammar}}},
        {"type": "custom", "name": "e", "format": flat},
        {"type": "custom", "custom": {"name": "f", "description": "d", "format": {"type": "text"}}},
        {"type": "web_search", "user_location": null},
    ]);
    let grammar = || FreeformFormat::Grammar { syntax: "lark".into(), definition: "start: A".into() };
    let expected: [Tool; 7] = [
        FunctionTool::new("a", schema.clone()).with_description("d").strict().into(),
        FunctionTool::new("b", schema).into(),
        Tool::function("c", json!({"type": "object", "properties": {}})),
        FreeformTool::new("d").with_format(grammar()).into(),
        FreeformTool::new("e").with_format(grammar()).into(),
        Tool::freeform("f").with_description("d"),
        Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search", "user_location": null})),
    ];
    assert_eq!(request(&CHAT, &with("tools", tools)).tools[..], expected);
}

#[test]
fn a_choice_is_a_word_a_tool_or_some_tools() {
    let named = |kind: &str| json!({"type": kind, kind: {"name": "f"}});
    let some = |required| ToolChoice::Allowed { names: vec!["f".into(), "g".into()], required };
    let tools = json!([named("function"), {"type": "custom", "name": "g"}, {"type": "web_search"}]);
    for (choice, expected) in [
        (json!(null), ToolChoice::Auto),
        (json!("auto"), ToolChoice::Auto),
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Required),
        (json!("any"), ToolChoice::Required),
        (json!({"type": "auto"}), ToolChoice::Auto),
        (named("function"), ToolChoice::Tool("f".into())),
        (named("custom"), ToolChoice::Tool("f".into())),
        (json!({"type": "function", "name": "f"}), ToolChoice::Tool("f".into())),
        (json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}}), some(true)),
        (json!({"type": "allowed_tools", "mode": "auto", "tools": tools}), some(false)),
    ] {
        assert_eq!(request(&CHAT, &with("tool_choice", choice.clone())).tool_choice, expected, "{choice}");
    }
    let hosted = refused(&CHAT, &with("tool_choice", json!({"type": "web_search"})));
    assert!(hosted.contains("`tool_choice`") && hosted.contains("web_search"), "{hosted}");
}

#[test]
fn the_form_of_the_answer_is_nested_or_flat() {
    let schema = json!({"type": "object"});
    let format = |format: Value| request(&CHAT, &with("response_format", format)).output;
    assert_eq!(format(json!({"type": "json_object"})), OutputFormat::Json);
    let nested = json!({"type": "json_schema", "json_schema": {"name": "a", "description": "d", "schema": schema, "strict": false}});
    let flat =
        json!({"type": "json_schema", "name": "a", "description": "d", "schema": schema, "strict": false});
    for form in [nested, flat] {
        let OutputFormat::JsonSchema(output) = format(form) else { panic!() };
        assert_eq!(
            (output.name.as_str(), output.description.as_deref(), output.strict),
            ("a", Some("d"), Some(false))
        );
        assert_eq!(output.schema.value(), &schema);
    }
}

fn is_told(mistakes: impl IntoIterator<Item = (Value, &'static str, &'static str)>) {
    for (body, place, wanted) in mistakes {
        let reason = refused(&CHAT, &body);
        assert!(reason.contains(&format!("`{place}`")) && reason.contains(wanted), "{reason} of {body}");
    }
}

#[test]
fn a_mistake_in_a_message_is_told_with_its_place_and_what_belongs_there() {
    let message = |message: Value| chat(json!([{"role": "user", "content": "q"}, message]));
    is_told([
        (json!([]), "body", "an object, not a list"),
        (json!({"messages": []}), "model", "missing"),
        (chat(json!([])), "messages", "at least one"),
        (chat(json!("hi")), "messages", "a list, not a text"),
        (message(json!(7)), "messages[1]", "an object, not a number"),
        (message(json!({"content": "q"})), "messages[1].role", "missing"),
        (
            message(json!({"role": "function", "content": "q"})),
            "messages[1].role",
            "one of system, developer",
        ),
        (message(json!({"role": "user", "content": 7})), "messages[1].content", "a text or a list of parts"),
        (message(json!({"role": "tool", "content": "q"})), "messages[1].tool_call_id", "missing"),
        (
            message(json!({"role": "user", "content": [{"type": "video"}]})),
            "messages[1].content[0].type",
            "not `video`",
        ),
        (
            message(json!({"role": "user", "content": [{"type": "text"}]})),
            "messages[1].content[0].text",
            "missing",
        ),
        (
            message(
                json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}),
            ),
            "messages[1].content[0].image_url",
            "base64",
        ),
        (
            message(
                json!({"role": "user", "content": [{"type": "image_url", "image_url": "data:;base64,AA"}]}),
            ),
            "messages[1].content[0].image_url",
            "media type",
        ),
        (
            message(json!({"role": "user", "content": [{"type": "image_url", "image_url": ""}]})),
            "messages[1].content[0].image_url",
            "empty",
        ),
        (
            message(json!({"role": "user", "content": [{"type": "file", "file": {}}]})),
            "messages[1].content[0]",
            "file_data",
        ),
        (
            message(json!({"role": "system", "content": [{"type": "image_url", "image_url": "https://a"}]})),
            "messages[1].content",
            "no text",
        ),
        (
            message(
                json!({"role": "assistant", "tool_calls": [{"id": "a", "function": {"arguments": "{}"}}]}),
            ),
            "messages[1].tool_calls[0].function.name",
            "missing",
        ),
        (
            message(
                json!({"role": "assistant", "content": [{"type": "image_url", "image_url": "https://a"}]}),
            ),
            "messages[1].content",
            "no text",
        ),
        (
            message(json!({"role": "assistant", "tool_calls": [{"id": "a"}]})),
            "messages[1].tool_calls[0]",
            "function",
        ),
    ]);
}

#[test]
fn a_mistake_in_a_setting_is_told_with_its_place_and_what_belongs_there() {
    is_told([
        (with("n", json!(2)), "n", "one answer"),
        (with("modalities", json!(["text", "audio"])), "modalities", "text"),
        (with("max_tokens", json!(-1)), "max_tokens", "a whole number from 0"),
        (with("max_tokens", json!(1.5)), "max_tokens", "a whole number from 0"),
        (with("temperature", json!("hot")), "temperature", "a number, not a text"),
        (with("stream", json!("yes")), "stream", "true or false, not a text"),
        (with("seed", json!(1e30)), "seed", "64 bits"),
        (with("reasoning_effort", json!("huge")), "reasoning_effort", "minimal"),
        (with("stop", json!({})), "stop", "a list of texts"),
        (with("stop", json!(["a", 7])), "stop[1]", "a text, not a number"),
        (with("response_format", json!({"type": "xml"})), "response_format.type", "json_schema"),
        (with("response_format", json!({"type": "json_schema"})), "response_format", "name"),
        (
            with("response_format", json!({"type": "json_schema", "name": "a"})),
            "response_format.schema",
            "missing",
        ),
        (with("tool_choice", json!("perhaps")), "tool_choice", "required"),
        (with("tool_choice", json!({"type": "function"})), "tool_choice", "names no tool"),
        (
            with("tool_choice", json!({"type": "allowed_tools", "mode": "must", "tools": []})),
            "tool_choice.mode",
            "auto",
        ),
        (
            with("tool_choice", json!({"type": "allowed_tools", "tools": [{"type": "web_search"}]})),
            "tool_choice",
            "name",
        ),
        (
            with("tools", json!([{"type": "function", "function": {"parameters": {}}}])),
            "tools[0].function.name",
            "missing",
        ),
        (
            with("tools", json!([{"type": "custom", "name": "a", "format": {"type": "grammar"}}])),
            "tools[0].format",
            "syntax",
        ),
        (with("stream_options", json!([])), "stream_options", "an object"),
    ]);
}

#[test]
fn a_body_of_responses_is_read_at_the_address_of_chat() {
    let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "instructions": "s",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "q"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false}]});
    let mut read = super::read(&CHAT, &body);
    assert_eq!(read.request.messages[..], [Message::user("q")]);
    assert_eq!((read.request.tools[0].name(), read.request.system_text().as_ref()), (Some("f"), "s"));
    let events = [forge_core::event::Finished::new(forge_core::event::StopReason::EndTurn).into()];
    let stream = super::values(&super::written(&mut *read.reply, &events));
    let mut both = body.clone();
    both["messages"] = json!([{"role": "user", "content": "of chat"}]);
    assert_eq!(request(&CHAT, &both).messages[..], [Message::user("of chat")]);
    assert_eq!(
        (&stream[0]["object"], stream[0].get("usage")),
        (&json!("chat.completion.chunk"), Some(&json!(null)))
    );
}
