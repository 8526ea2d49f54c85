use forge_core::{
    Message, ModelProvider,
    request::{
        Delivery, Effort, FreeformTool, FunctionTool, MessageRole, OutputFormat, Part, Source, SystemText,
        Tool, ToolChoice, ToolInput,
    },
};
use serde_json::{Value, json};

use super::{super::RESPONSES, read, refused, request};

fn input(items: Value) -> Value {
    let mut body = json!({"model": "m"});
    body["input"] = items;
    body
}

fn turns(items: Value) -> Vec<Message> {
    request(&RESPONSES, &input(items)).messages.to_vec()
}

#[test]
fn input_is_a_text_or_items() {
    assert_eq!(turns(json!("q")), [Message::user("q")]);
    let untyped =
        json!([{"role": "user", "content": "q"}, {"type": "message", "role": "assistant", "content": "a"}]);
    assert_eq!(turns(untyped), [Message::user("q"), Message::assistant("a")]);
}

#[test]
fn instructions_and_first_developer_messages_are_system_text() {
    let mut body = input(json!([
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "b"}]},
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"type": "message", "role": "system", "content": "c"},
        {"type": "message", "role": "user", "content": "q"},
        {"type": "message", "role": "developer", "content": "d"},
    ]));
    body["instructions"] = json!("a");
    let request = request(&RESPONSES, &body);
    assert_eq!(request.system[..], ["a", "b", "c"].map(SystemText::new));
    assert_eq!(request.messages[..], [Message::user("q"), Message::system("d")]);
}

#[test]
fn what_a_user_shows_is_a_part() {
    let url = |url: &str| Source::Url { url: url.into() };
    let base64 = |media_type: &str| Source::Base64 { media_type: media_type.into(), data: "AA".into() };
    let file = || Source::File { id: "file-1".into(), vendor: ModelProvider::OpenAI };
    let parts = json!([
        {"type": "input_text", "text": "t"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "auto"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
        {"type": "input_file", "file_url": "https://a.example/x.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
    ]);
    let expected = [
        Part::text("t"),
        Part::image(base64("image/png")),
        Part::image(file()),
        Part::document(base64("application/pdf")).with_name("a.pdf"),
        Part::document(url("https://a.example/x.pdf")),
        Part::document(file()),
        Part::audio(base64("audio/wav")),
    ];
    assert_eq!(turns(json!([{"role": "user", "content": parts}]))[0].parts, expected);
}

#[test]
fn what_the_model_said_is_one_turn_and_keeps_its_items() {
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"},
        {"type": "summary_text", "text": "b"}], "content": null, "encrypted_content": "x="});
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant", "phase": "commentary",
        "content": [{"type": "output_text", "text": "I ", "annotations": []}, {"type": "output_text", "text": "add."}]});
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "add", "namespace": "math",
        "arguments": "{\"x\":1}", "status": "completed"});
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let messages = turns(json!([
        {"role": "user", "content": "q"},
        reasoning, message, call,
        {"type": "custom_tool_call", "call_id": "c2", "name": "exec", "input": "ls"},
        search,
        {"type": "function_call_output", "call_id": "c1", "output": "2"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "x"},
            {"type": "input_image", "image_url": "https://a.example/x.png"}]},
        {"role": "user", "content": "and?"},
    ]));
    let state = |part: &Part| part.opaque().map(|state| state.data.parse::<Value>().unwrap());
    let states: Vec<_> = messages[1].parts.iter().map(state).collect();
    assert_eq!(states, [Some(reasoning), Some(message), Some(call), None, Some(search)]);
    let owner = messages[1].parts[0].opaque().unwrap();
    assert!(owner.belongs_to(&ModelProvider::OpenAI, &"m".into(), "any"));
    let bare: Vec<_> = messages[1].parts[..4].iter().map(|part| part.clone().with_opaque(None)).collect();
    let expected = [
        Part::thinking("a\n\nb"),
        Part::text("I add."),
        Part::tool_use("c1", "add", json!({"x": 1})).with_namespace("math"),
        Part::tool_use("c2", "exec", ToolInput::Text("ls".into())),
    ];
    assert_eq!(bare, expected);
    let image = Part::image(Source::Url { url: "https://a.example/x.png".into() });
    let results =
        vec![Part::tool_result("c1", "2"), Part::tool_result_parts("c2", vec![Part::text("x"), image])];
    assert_eq!(messages[2..], [Message::new(MessageRole::User, results), Message::user("and?")]);
}

#[test]
fn the_ids_of_this_server_are_not_the_vendors() {
    let item = |id: &str| json!([{"type": "reasoning", "id": id, "summary": [], "encrypted_content": "x="}]);
    let state = |id: &str| turns(item(id))[0].parts[0].opaque().unwrap().data.parse::<Value>().unwrap();
    assert_eq!(state("rs_0197-ab_0"), json!({"type": "reasoning", "summary": [], "encrypted_content": "x="}));
    assert_eq!(state("rs_68a1"), item("rs_68a1")[0]);
}

#[test]
fn a_call_behind_thoughts_is_an_item_of_their_reply() {
    let thoughts = json!({"type": "reasoning", "summary": [], "encrypted_content": "x="});
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let messages = turns(json!([thoughts, call("a"), call("b")]));
    let state = |part: &Part| part.opaque().map(|state| state.data.parse::<Value>().unwrap());
    let states: Vec<_> = messages[0].parts.iter().map(state).collect();
    assert_eq!(states, [Some(thoughts), Some(call("a")), None]);
}

#[test]
fn items_that_no_reply_has_minted_carry_no_state() {
    let messages = turns(json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ""},
        {"type": "reasoning", "id": "rs_2", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
    ]));
    assert_eq!(
        messages[0].parts,
        [Part::thinking("hm"), Part::refusal("No."), Part::tool_use("c", "f", json!({}))]
    );
}

#[test]
fn tools_stand_flat_in_groups_and_among_the_items() {
    let mut body = input(json!([
        {"type": "additional_tools", "role": "developer", "tools": [
            {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"},
                {"type": "function", "name": "wait", "parameters": {}, "strict": false}]}]},
        {"role": "user", "content": "q"},
    ]));
    body["tools"] = json!([
        {"type": "function", "name": "add", "description": "d", "parameters": {"type": "object"}},
        {"type": "web_search"},
    ]);
    let expected: [Tool; 4] = [
        FunctionTool::new("add", json!({"type": "object"})).with_description("d").strict().into(),
        Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})),
        Tool::from(FreeformTool::new("exec")).with_namespace("functions"),
        Tool::function("wait", json!({})).with_namespace("functions"),
    ];
    assert_eq!(request(&RESPONSES, &body).tools[..], expected);
}

#[test]
fn every_setting_has_its_place() {
    let mut body = input(json!("q"));
    let fields = json!({"max_output_tokens": 9, "temperature": 0.5, "top_p": 1, "parallel_tool_calls": true,
        "reasoning": {"effort": "high", "summary": "detailed", "context": "all_turns"}, "stream": true,
        "include": ["reasoning.encrypted_content"], "store": false, "prompt_cache_key": "k", "metadata": {"a": "b"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}, "verbosity": "low"},
        "tool_choice": {"type": "function", "name": "f"}, "previous_response_id": null, "background": false});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let read = read(&RESPONSES, &body);
    let request = read.request;
    assert_eq!((request.max_tokens, request.parallel_tools), (Some(9), Some(true)));
    assert_eq!((request.sampling.temperature, request.sampling.top_p), (Some(0.5), Some(1.0)));
    assert_eq!((request.effort, request.show_thinking), (Some(Effort::High), Some(true)));
    assert_eq!((request.delivery, request.tool_choice), (Delivery::Stream, ToolChoice::Tool("f".into())));
    let OutputFormat::JsonSchema(output) = request.output else { panic!() };
    assert_eq!((output.name.as_str(), output.strict), ("n", Some(true)));
    assert_eq!(read.unknown, ["prompt_cache_key", "metadata"]);
    let extra = request.extra.fields(&ModelProvider::OpenAI).cloned().map(Value::Object);
    assert_eq!(extra, Some(json!({"prompt_cache_key": "k", "metadata": {"a": "b"}})));
    body["reasoning"] = json!({"summary": "none"});
    assert_eq!(super::request(&RESPONSES, &body).show_thinking, Some(false));
    let whole = super::request(&RESPONSES, &input(json!("q")));
    assert_eq!((whole.delivery, whole.show_thinking), (Delivery::Whole, None));
}

#[test]
fn verbosity_goes_to_the_vendor_where_it_takes_no_form_away() {
    let extra = |text: Value| {
        let mut body = input(json!("q"));
        body["text"] = text;
        request(&RESPONSES, &body).extra.fields(&ModelProvider::OpenAI).cloned()
    };
    let low = extra(json!({"verbosity": "low", "format": {"type": "text"}})).map(Value::Object);
    assert_eq!(low, Some(json!({"text": {"verbosity": "low"}})));
    assert_eq!(extra(json!({"verbosity": "low", "format": {"type": "json_object"}})), None);
}

#[test]
fn what_only_a_store_could_answer_is_refused() {
    for (field, value, said) in [
        ("previous_response_id", json!("resp_1"), "Previous response `resp_1`"),
        ("conversation", json!("conv_1"), "Unsupported parameter: `conversation`"),
        ("background", json!(true), "Unsupported parameter: `background`"),
    ] {
        let mut body = input(json!("q"));
        body[field] = value;
        assert!(refused(&RESPONSES, &body).contains(said), "{field}");
    }
    let reference = refused(&RESPONSES, &input(json!([{"type": "item_reference", "id": "msg_1"}])));
    assert!(reference.contains("`input[0]`") && reference.contains("stored"), "{reference}");
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_belongs_there() {
    for (body, place, wanted) in [
        (json!({"model": "m"}), "input", "missing"),
        (input(json!(7)), "input", "a text or a list of items"),
        (input(json!(["q"])), "input[0]", "type"),
        (input(json!([{"content": "q"}])), "input[0].type", "missing"),
        (input(json!([{"role": "tool", "content": "q"}])), "input[0].role", "one of system"),
        (
            input(json!([{"role": "user", "content": [{"type": "input_text"}]}])),
            "input[0].content[0].text",
            "missing",
        ),
        (
            input(json!([{"type": "function_call", "name": "f", "arguments": "{}"}])),
            "input[0].call_id",
            "missing",
        ),
        (
            input(json!([{"type": "function_call", "call_id": "c", "name": "f", "arguments": 7}])),
            "input[0].arguments",
            "JSON",
        ),
        (
            input(json!([{"type": "custom_tool_call", "call_id": "c", "name": "f"}])),
            "input[0].input",
            "missing",
        ),
        (
            input(json!([{"type": "function_call_output", "call_id": "c", "output": {}}])),
            "input[0].output",
            "parts",
        ),
        (
            input(json!([{"type": "additional_tools", "tools": [{"type": "function"}]}])),
            "input[0].tools[0].name",
            "missing",
        ),
        (
            json!({"model": "m", "input": "q", "text": {"format": {"type": "xml"}}}),
            "text.format.type",
            "json_schema",
        ),
        (json!({"model": "m", "input": "q", "reasoning": {"effort": 3}}), "reasoning.effort", "a text"),
    ] {
        let reason = refused(&RESPONSES, &body);
        assert!(reason.contains(place) && reason.contains(wanted), "{reason} of {body}");
    }
}
