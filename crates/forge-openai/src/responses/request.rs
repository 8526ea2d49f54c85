//! Requests become bodies.

use std::borrow::Cow;

use forge_core::{
    Message, ModelId, ModelProvider, ModelRequest, ProviderError,
    event::Warning,
    request::{Delivery, OutputFormat, OutputSchema},
};
use forge_http::to_json;

use super::{items::items, tools};
use crate::{
    chat::{PREFILL, ends_with_assistant},
    outgoing::{CallIds, Outgoing, fitted},
    profile::Profile,
    schema::{self, Sent},
    tune::{Tuned, tune},
    wire::{
        content::JsonSchema,
        responses::{Body, ENCRYPTED_THOUGHTS, Format, Reasoning, STORED_CONVERSATION, Text},
    },
};

/// The body of `request`, and what was left out of it.
pub(crate) fn to_wire(
    provider: &str,
    vendor: &ModelProvider,
    model: &ModelId,
    request: &ModelRequest,
    profile: &Profile,
) -> Result<Outgoing, ProviderError> {
    if ends_with_assistant(request) {
        return Err(ProviderError::unsupported(provider, model, PREFILL));
    }
    let mut warnings = Vec::new();
    let tuned = tune(request, profile.takes(), &mut warnings);
    if request.show_thinking == Some(true) && !profile.thinks() {
        warnings.push(Warning::new(
            "show_thinking",
            "show_thinking was left out: this model does not support thinking",
        ));
    }
    let parts = Parts::of(provider, vendor, model, request, &mut warnings)?;
    let body = Body {
        max_output_tokens: request.max_tokens,
        // With nothing stored, thoughts go on in the next turn only in their encrypted form.
        include: if profile.thinks() { ENCRYPTED_THOUGHTS } else { &[] },
        temperature: tuned.temperature,
        top_p: tuned.top_p,
        // The vendor stores by default.
        store: Some(false),
        stream: request.delivery == Delivery::Stream,
        ..counted(provider, vendor, model, request, &parts, profile, &tuned, &mut warnings)?
    };
    let body = to_json(provider, model, &body, request.extra.fields(vendor))?;
    let weaker = parts.output.filter(|(_, sent)| !sent.strict);
    Ok(Outgoing { body, warnings, schema: weaker.map(|(output, _)| output.schema.clone()) })
}

/// The body that asks how many tokens the request has.
pub(crate) fn to_count(
    provider: &str,
    vendor: &ModelProvider,
    model: &ModelId,
    request: &ModelRequest,
    profile: &Profile,
) -> Result<Vec<u8>, ProviderError> {
    let mut warnings = Vec::new();
    let tuned = tune(request, profile.takes(), &mut warnings);
    let parts = Parts::of(provider, vendor, model, request, &mut warnings)?;
    let body = counted(provider, vendor, model, request, &parts, profile, &tuned, &mut warnings)?;
    // Raw fields of the caller's belong to the call; the counting endpoint takes no others.
    to_json(provider, model, &body, None)
}

/// What of a request is fitted to the vendor before it is mapped.
struct Parts<'a> {
    messages: Cow<'a, [Message]>,
    output: Option<(&'a OutputSchema, Sent<'a>)>,
    tools: Vec<Option<Sent<'a>>>,
}

impl<'a> Parts<'a> {
    fn of(
        provider: &str,
        vendor: &ModelProvider,
        model: &ModelId,
        request: &'a ModelRequest,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ProviderError> {
        // A conversation that goes on from what the vendor has stored is not whole in itself.
        let goes_on = request
            .extra
            .fields(vendor)
            .is_some_and(|extra| STORED_CONVERSATION.iter().any(|field| extra.contains_key(*field)));
        let messages = if goes_on {
            Cow::Borrowed(&request.messages[..])
        } else {
            fitted(provider, model, &request.messages, CallIds::OPENAI, false)?
        };
        let output = schema::output(&request.output, warnings);
        Ok(Self { messages, output, tools: schema::tools(&request.tools, warnings) })
    }
}

/// The fields that count as input; the counting endpoint takes no others.
#[expect(clippy::too_many_arguments, reason = "all of it is about one request")]
fn counted<'a>(
    provider: &str,
    vendor: &ModelProvider,
    model: &'a ModelId,
    request: &'a ModelRequest,
    parts: &'a Parts<'_>,
    profile: &Profile,
    tuned: &Tuned,
    warnings: &mut Vec<Warning>,
) -> Result<Body<'a>, ProviderError> {
    let refuse = |what: &str| ProviderError::unsupported(provider, model, what);
    let effort = tuned.effort.map(forge_core::request::Effort::as_str);
    let summary = (request.show_thinking == Some(true) && profile.thinks()).then_some("auto");
    Ok(Body {
        model: model.as_str(),
        instructions: request.system_text(),
        input: items(&parts.messages, vendor, model, provider).map_err(refuse)?,
        max_output_tokens: None,
        reasoning: (effort.is_some() || summary.is_some()).then_some(Reasoning { effort, summary }),
        text: text(&request.output, parts.output.as_ref()),
        tools: tools::tools(request, &parts.tools, vendor, warnings).map_err(refuse)?,
        tool_choice: tools::choice(request),
        parallel_tool_calls: request.parallel_tools.filter(|_| !request.tools.is_empty()),
        include: &[],
        temperature: None,
        top_p: None,
        store: None,
        stream: false,
    })
}

fn text<'a>(output: &OutputFormat, schema: Option<&'a (&OutputSchema, Sent<'_>)>) -> Option<Text<'a>> {
    match (output, schema) {
        (OutputFormat::Json, _) => Some(Text { format: Format::JsonObject }),
        (_, Some((output, sent))) => Some(Text { format: Format::JsonSchema(JsonSchema::of(output, sent)) }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        Message,
        request::{
            Effort, FreeformFormat, FreeformTool, FunctionTool, MessageRole, Opaque, Part, Source, Tool,
            ToolChoice, ToolInput,
        },
    };
    use serde_json::{Value, json};

    use super::*;

    const MODEL: &str = "gpt-6.2-sol";

    fn wire(request: &ModelRequest) -> Value {
        wire_for(MODEL, request).0
    }

    fn wire_for(model: &str, request: &ModelRequest) -> (Value, Vec<String>) {
        let model = ModelId::from(model);
        let sent = to_wire("openai", &ModelProvider::OpenAI, &model, request, Profile::of(&model)).unwrap();
        let (bytes, warnings) = (sent.body, sent.warnings);
        let warnings = warnings.into_iter().map(|warning| warning.about).collect();
        (serde_json::from_slice(&bytes).unwrap(), warnings)
    }

    fn turn(role: MessageRole, parts: Vec<Part>) -> ModelRequest {
        ModelRequest::new("").with_message(Message::new(role, parts))
    }

    fn opaque(model: &str, data: &str) -> Opaque {
        Opaque::new(ModelProvider::OpenAI, model.into(), data)
    }

    /// What the assistant's turn becomes; a user's turn follows it.
    fn answered(parts: Vec<Part>) -> Value {
        let mut body = wire(&turn(MessageRole::Assistant, parts).with_user_message("go on"));
        let input = body["input"].as_array_mut().unwrap();
        input.pop();
        Value::Array(std::mem::take(input))
    }

    fn thinking(model: &str, data: &str) -> Part {
        Part::thinking(String::new()).with_opaque(Some(opaque(model, data)))
    }

    #[test]
    fn a_plain_request_stores_nothing_and_asks_for_encrypted_thoughts() {
        let request = ModelRequest::new("Be brief.").with_user_message("Hi").with_max_tokens(99);
        assert_eq!(
            wire(&request),
            json!({"model": MODEL, "instructions": "Be brief.", "store": false, "stream": true,
                "input": [{"type": "message", "role": "user", "content": "Hi"}],
                "max_output_tokens": 99, "include": ["reasoning.encrypted_content"]})
        );
        let old = wire_for("gpt-4.1", &request.with_delivery(Delivery::Whole)).0;
        assert_eq!((old.get("include"), old.get("stream")), (None, None));
    }

    #[test]
    fn every_setting_has_its_place() {
        let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let tool = FunctionTool::new("add", schema.clone()).with_description("Adds.").strict();
        let mut request = ModelRequest::new("")
            .with_tool(tool)
            .with_output(OutputFormat::json_schema("answer", schema.clone()))
            .with_effort(Effort::High);
        request.parallel_tools = Some(false);
        request.show_thinking = Some(true);
        request.tool_choice = ToolChoice::Tool("add".into());
        request.extra.insert(forge_core::ModelProvider::OpenAI, "service_tier", json!("flex"));
        let body = wire(&request);
        assert_eq!(
            body["tools"],
            json!([{"type": "function", "name": "add", "description": "Adds.", "parameters": schema, "strict": true}])
        );
        assert_eq!(
            body["text"]["format"],
            json!({"type": "json_schema", "name": "answer", "schema": schema, "strict": true})
        );
        assert_eq!(body["reasoning"], json!({"effort": "high", "summary": "auto"}));
        assert_eq!(body["tool_choice"], json!({"type": "function", "name": "add"}));
        assert_eq!((&body["parallel_tool_calls"], &body["service_tier"]), (&json!(false), &json!("flex")));
    }

    #[test]
    fn tuning_that_the_model_does_not_take_is_left_out_with_a_warning() {
        let mut request = ModelRequest::new("").with_temperature(0.2).with_effort(Effort::None);
        request.sampling.seed = Some(1);
        let (body, warnings) = wire_for(MODEL, &request);
        assert_eq!((body.get("temperature"), body.get("seed")), (None, None));
        assert_eq!(body["reasoning"]["effort"], "low");
        assert_eq!(warnings, ["effort", "temperature", "seed"]);
        let (body, warnings) = wire_for("gpt-6-sol", &request);
        assert_eq!((&body["temperature"], &body["reasoning"]["effort"]), (&json!(0.2), &json!("none")));
        assert_eq!(warnings, ["seed"]);
    }

    #[test]
    fn stop_sequences_are_left_to_the_reader_of_the_reply() {
        let request = ModelRequest::default().with_stop_sequences(["END"]);
        let model = MODEL.into();
        let sent = to_wire("mine", &ModelProvider::OpenAI, &model, &request, Profile::of(&model)).unwrap();
        assert!(!String::from_utf8_lossy(&sent.body).contains("END"));
        assert!(sent.warnings.is_empty(), "{:?}", sent.warnings);
    }

    #[test]
    fn a_last_message_of_the_assistants_is_refused() {
        let model = MODEL.into();
        let request = ModelRequest::new("").with_assistant_message("Once");
        let error =
            to_wire("mine", &ModelProvider::OpenAI, &model, &request, Profile::of(&model)).unwrap_err();
        assert_eq!(error.kind, forge_core::ErrorKind::Unsupported);
    }

    #[test]
    fn the_vendors_items_go_back_byte_for_byte_and_in_order() {
        let reasoning = r#"{"id":"rs_1", "type":"reasoning","summary":[],"encrypted_content":"x\/y"}"#;
        let message = r#"{"type":"message","id":"msg_1","phase":"commentary","n":1.0}"#;
        let call = r#"{"type":"function_call","id":"fc_1","call_id":"call_1","arguments":"{ }"}"#;
        let request = turn(
            MessageRole::Assistant,
            vec![
                thinking(MODEL, reasoning),
                Part::text("t").with_opaque(Some(opaque(MODEL, message))),
                Part::tool_use("call_1", "add", json!({})).with_opaque(Some(opaque(MODEL, call))),
            ],
        )
        .with_user_message("go on");
        let model = ModelId::from(MODEL);
        let sent = to_wire("openai", &ModelProvider::OpenAI, &model, &request, Profile::of(&model)).unwrap();
        let body = String::from_utf8(sent.body).unwrap();
        assert!(body.contains(&format!("\"input\":[{reasoning},{message},{call},")), "{body}");
    }

    #[test]
    fn another_models_items_become_plain_ones_and_its_thoughts_are_dropped() {
        let parts = vec![
            thinking("gpt-6-sol", r#"{"type":"reasoning"}"#),
            Part::text("t").with_opaque(Some(opaque("gpt-6-sol", "{}"))),
            Part::tool_use("c", "add", json!({"x": 1})),
            Part::vendor(opaque("gpt-6-sol", "{}")),
        ];
        assert_eq!(
            answered(parts),
            json!([{"type": "message", "role": "assistant", "content": "t"},
                {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{\"x\":1}"},
                {"type": "function_call_output", "call_id": "c", "output": "Error: This call was not carried out."}])
        );
    }

    #[test]
    fn thoughts_of_another_account_stay_behind() {
        let bound = opaque(MODEL, r#"{"type":"reasoning"}"#).with_origin("other-account".into());
        let parts = vec![Part::thinking("").with_opaque(bound), Part::text("t")];
        assert_eq!(answered(parts), json!([{"type": "message", "role": "assistant", "content": "t"}]));
    }

    #[test]
    fn all_kinds_of_tools_have_their_form_and_groups_stay_together() {
        let grammar = FreeformFormat::Grammar { syntax: "lark".into(), definition: "start: WORD".into() };
        let mut request = ModelRequest::new("")
            .with_tool(Tool::from(FreeformTool::new("exec").with_format(grammar)).with_namespace("shell"))
            .with_tool(Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})))
            .with_tool(Tool::function("wait", json!({"type": "object"})).with_namespace("shell"))
            .with_tool(Tool::hosted(ModelProvider::Anthropic, json!({"type": "web_search_20250305"})))
            .with_tool_choice(ToolChoice::Allowed {
                names: vec!["exec".into(), "wait".into()],
                required: true,
            });
        let (body, warnings) = wire_for(MODEL, &request);
        assert_eq!(
            body["tools"],
            json!([{"type": "namespace", "name": "shell", "tools": [
                {"type": "custom", "name": "exec",
                    "format": {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}},
                {"type": "function", "name": "wait", "parameters": {"type": "object"}, "strict": false}]},
                {"type": "web_search"}])
        );
        assert_eq!(
            body["tool_choice"],
            json!({"type": "allowed_tools", "mode": "required", "tools": [
                {"type": "custom", "name": "exec"}, {"type": "function", "name": "wait"}]})
        );
        assert_eq!(warnings, ["tools"]);
        request.output = OutputFormat::Json;
        assert_eq!(wire(&request)["text"], json!({"format": {"type": "json_object"}}));
    }

    #[test]
    fn instructions_calls_and_files_have_their_items() {
        let call = Part::tool_use("c", "exec", ToolInput::Text("ls".into())).with_namespace("shell");
        let file = Source::File { id: "file_1".into(), vendor: ModelProvider::OpenAI };
        let wav = Source::Base64 { media_type: "audio/x-wav".into(), data: "AAAA".into() };
        let parts = vec![Part::tool_result("c", "a b"), Part::image(file), Part::audio(wav)];
        let request = turn(MessageRole::Assistant, vec![call])
            .with_message(Message::system("be brief"))
            .with_message(Message::new(MessageRole::User, parts));
        assert_eq!(
            wire(&request)["input"],
            json!([
                {"type": "custom_tool_call", "call_id": "c", "name": "exec", "namespace": "shell", "input": "ls"},
                {"type": "custom_tool_call_output", "call_id": "c", "output": "a b"},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_image", "file_id": "file_1"},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]},
                {"type": "message", "role": "developer", "content": "be brief"}])
        );
        let foreign = Source::File { id: "f".into(), vendor: ModelProvider::Google };
        let request = turn(MessageRole::User, vec![Part::document(foreign)]);
        let error = to_wire("p", &ModelProvider::OpenAI, &MODEL.into(), &request, Profile::of(&MODEL.into()))
            .unwrap_err();
        assert_eq!(error.kind, forge_core::ErrorKind::Unsupported);
    }

    #[test]
    fn thoughts_are_sent_only_with_the_item_that_followed_them() {
        let thought = r#"{"type":"reasoning","id":"rs_1"}"#;
        assert_eq!(answered(vec![thinking(MODEL, thought)]), json!([]));
        let edited = answered(vec![thinking(MODEL, thought), Part::text("mine")]);
        assert_eq!(edited, json!([{"type": "message", "role": "assistant", "content": "mine"}]));
        let call = || Part::tool_use("c", "f", json!({}));
        for led in [vec![call()], vec![Part::text("mine"), call()]] {
            let answered = answered(std::iter::once(thinking(MODEL, thought)).chain(led).collect());
            assert_eq!(answered[0]["type"], "reasoning", "{answered}");
        }
    }

    #[test]
    fn tool_results_pictures_and_documents_are_mapped() {
        let pdf = |source, name: Option<&str>| match name {
            Some(name) => Part::document(source).with_name(name),
            None => Part::document(source),
        };
        let calls = ["call_1", "call_2"].map(|id| Part::tool_use(id, "see", json!({})));
        let request = turn(MessageRole::Assistant, calls.to_vec()).with_message(Message::new(
            MessageRole::User,
            vec![
                Part::text("look"),
                Part::image_base64("image/png", "AAAA"),
                pdf(Source::Base64 { media_type: "application/pdf".into(), data: "BBBB".into() }, None),
                pdf(Source::Url { url: "https://example.com/x.pdf".into() }, Some("x.pdf")),
                Part::tool_result("call_1", "3"),
                Part::tool_result_parts(
                    "call_2",
                    vec![Part::text("broke"), Part::image_base64("image/png", "CCCC")],
                )
                .failed(),
            ],
        ));
        assert_eq!(
            wire(&request)["input"].as_array().unwrap()[2..],
            *json!([
                {"type": "function_call_output", "call_id": "call_1", "output": "3"},
                {"type": "function_call_output", "call_id": "call_2", "output": [
                    {"type": "input_text", "text": "Error: broke"},
                    {"type": "input_image", "image_url": "data:image/png;base64,CCCC"}]},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "look"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                    {"type": "input_file", "filename": "document.pdf",
                        "file_data": "data:application/pdf;base64,BBBB"},
                    {"type": "input_file", "file_url": "https://example.com/x.pdf"}]}
            ])
            .as_array()
            .unwrap()
        );
    }

    #[test]
    fn counting_sends_nothing_that_is_not_input() {
        let mut request = ModelRequest::new("s").with_user_message("u").with_max_tokens(9);
        request.extra.insert(forge_core::ModelProvider::OpenAI, "metadata", json!({}));
        let model = ModelId::from(MODEL);
        let bytes =
            to_count("openai", &ModelProvider::OpenAI, &model, &request, Profile::of(&model)).unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let fields: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["model", "instructions", "input"]);
    }
}
