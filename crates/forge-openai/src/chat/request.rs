//! Requests become bodies.

use std::borrow::Cow;

use forge_core::{
    ModelId, ModelProvider, ModelRequest, ProviderError,
    event::Warning,
    model::Efforts,
    request::{Delivery, FreeformFormat, MessageRole, OutputFormat, OutputSchema, Tool, ToolChoice},
};
use forge_http::{fit::instructs_between, to_json};
use serde_json::{Map, Value};

use super::{
    Field, Rules, TokenLimit,
    content::{Asked, messages},
};
use crate::{
    outgoing::{Inlined, Outgoing, fitted, inline_texts},
    schema::{self, Sent},
    tune::{Takes, tune},
    wire::{
        chat::{
            self, AllowedTools, Body, Custom, CustomFormat, Function, Grammar, Name, ResponseFormat,
            StreamOptions, ToolName,
        },
        content::JsonSchema,
    },
};

/// What a model that always begins a message of its own does not have.
pub(crate) const PREFILL: &str = "a last message of the assistant's (prefill)";

pub(crate) fn ends_with_assistant(request: &ModelRequest) -> bool {
    request.messages.last().is_some_and(|message| message.role == MessageRole::Assistant)
}

/// The body of `request` for `model` under the rules of its server, and what was left out of it. Of the raw
/// fields, those of `vendor` are sent.
///
/// Thoughts go back to the model that had them, in the field in which they came; those of others and vendor parts are
/// left out. A failed tool result is told by `Error: ` before its text. Calls and results are fitted to what servers
/// take; see [`fit`](forge_http::fit).
///
/// # Errors
/// [`Unsupported`](forge_core::ErrorKind::Unsupported) for a feature that the server does not have;
/// `provider` names it in the error.
pub fn to_wire(
    provider: &str,
    vendor: &ModelProvider,
    model: &ModelId,
    request: &ModelRequest,
    rules: &Rules,
) -> Result<Outgoing, ProviderError> {
    let refuse = |what: &str| ProviderError::unsupported(provider, model, what);
    check(request, rules).map_err(|what| refuse(&what))?;
    let mut warnings = Vec::new();
    let takes = Takes {
        sampling: rules.sampling,
        efforts: if rules.takes(Field::ReasoningEffort) { rules.efforts } else { Efforts::NONE },
        seed: rules.takes(Field::Seed),
        penalties: rules.takes(Field::PresencePenalty) && rules.takes(Field::FrequencyPenalty),
        top_k: rules.top_k,
    };
    let tuned = tune(request, takes, &mut warnings);
    if request.show_thinking == Some(true) && !rules.shows_thinking {
        warnings.push(Warning::new("show_thinking", "this API does not show what the model thinks"));
    }
    if rules.alternates && instructs_between(&request.messages) {
        let message =
            "this server takes no instructions between turns; they are sent as the user's, and marked";
        warnings.push(Warning::new("system", message));
    }
    let mut fitted = fitted(provider, model, &request.messages, rules.ids, rules.alternates)?;
    inline_texts(&mut fitted, if rules.documents { Inlined::InResults } else { Inlined::Everywhere });
    let output = schema::output(&request.output, &mut warnings);
    let told = output.as_ref().filter(|_| !rules.takes(Field::JsonSchema));
    if let Some((output, _)) = told {
        warnings.push(Warning::new("output", "this server takes no schema; the model is told to obey it"));
        fitted.to_mut().insert(0, forge_core::Message::system(format!("{OBEY} {}", output.schema.text())));
    }
    let schemas = schema::tools(&request.tools, &mut warnings);
    let tools = tools(request, &schemas, rules, &mut warnings).map_err(refuse)?;
    let asked = Asked { vendor, model, through: provider };
    // One of the two and never both: reasoning models refuse `max_tokens`, and a server that ignores the
    // other writes without end.
    let limit = |field| request.max_tokens.filter(|_| rules.token_limit == field);
    let stream = request.delivery == Delivery::Stream;
    let body = Body {
        model: model.as_str(),
        messages: messages(request, &fitted, rules, asked).map_err(refuse)?,
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
        reasoning_effort: tuned.effort.map(forge_core::request::Effort::as_str),
        response_format: match told {
            // The next best: JSON of any form, with the schema in the instructions.
            Some(_) => Some(ResponseFormat::JsonObject),
            None => response_format(&request.output, output.as_ref()),
        },
        tool_choice: tool_choice(request, rules).filter(|_| rules.tool_choice),
        parallel_tool_calls: request
            .parallel_tools
            .filter(|_| !tools.is_empty() && rules.takes(Field::ParallelToolCalls)),
        tools,
        stop: &request.stop_sequences,
        temperature: tuned.temperature,
        top_p: tuned.top_p,
        top_k: tuned.top_k,
        seed: tuned.seed.filter(|_| !rules.random_seed),
        random_seed: tuned.seed.filter(|_| rules.random_seed),
        presence_penalty: tuned.presence_penalty,
        frequency_penalty: tuned.frequency_penalty,
        // Sent only where the vendor stores by default: servers that do not know the field may refuse it.
        store: (rules.stores && rules.takes(Field::Store)).then_some(false),
        stream,
        stream_options: (stream && rules.takes(Field::StreamOptions))
            // Without it, streams bring no usage.
            .then_some(StreamOptions { include_usage: true }),
    };
    let extra = request.extra.fields(vendor).map(|fields| of_this_api(fields, &mut warnings));
    let body = to_json(provider, model, &body, extra.as_deref())?;
    let is_weaker = told.is_some();
    let weaker = output.filter(|(_, sent)| is_weaker || !sent.strict);
    Ok(Outgoing { body, warnings, schema: weaker.map(|(output, _)| output.schema.clone()) })
}

/// Fields of the vendor's other API that this one refuses. Clients which speak that one send them along.
const OF_RESPONSES: [&str; 5] =
    ["client_metadata", "context_management", "max_tool_calls", "text", "truncation"];

fn of_this_api<'a>(
    fields: &'a Map<String, Value>,
    warnings: &mut Vec<Warning>,
) -> Cow<'a, Map<String, Value>> {
    let mut fields = Cow::Borrowed(fields);
    for name in OF_RESPONSES {
        if fields.contains_key(name) {
            fields.to_mut().remove(name);
            warnings.push(Warning::new(
                name,
                format!("{name} was left out: it belongs to another API of the vendor"),
            ));
        }
    }
    fields
}

/// What a model is told where the server holds it to no schema.
const OBEY: &str = "Answer with JSON alone, no code fence, that obeys this JSON Schema:";

/// What the server does not have and the request needs.
fn check(request: &ModelRequest, rules: &Rules) -> Result<(), String> {
    match (request.stop_sequences.len(), rules.stop_sequences) {
        (0, _) => {}
        (_, 0) => return Err("stopping at a sequence".into()),
        // To send some of them would let the model write beyond the others.
        (asked, most) if asked > most => return Err(format!("stopping at more than {most} sequences")),
        _ => {}
    }
    if request.tool_choice.is_forced() && !rules.tool_choice {
        return Err("a forced tool call".into());
    }
    if ends_with_assistant(request) && !rules.prefill {
        return Err(PREFILL.into());
    }
    Ok(())
}

fn response_format<'a>(
    output: &OutputFormat,
    schema: Option<&'a (&OutputSchema, Sent<'_>)>,
) -> Option<ResponseFormat<'a>> {
    match (output, schema) {
        (OutputFormat::Json, _) => Some(ResponseFormat::JsonObject),
        (_, Some((output, sent))) => {
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema::of(output, sent) })
        }
        _ => None,
    }
}

/// The tools that are sent. A server that heeds no choice is not shown what must not be called.
fn tools<'a>(
    request: &'a ModelRequest,
    schemas: &'a [Option<Sent<'_>>],
    rules: &Rules,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<chat::Tool<'a>>, &'static str> {
    let mut tools = Vec::with_capacity(request.tools.len());
    let is_shown = |tool: &Tool| match &request.tool_choice {
        ToolChoice::None => rules.tool_choice,
        ToolChoice::Allowed { names, .. } if !rules.freeform_tools => {
            tool.name().is_some_and(|own| names.iter().any(|name| name == own))
        }
        _ => true,
    };
    for (tool, schema) in request.tools.iter().zip(schemas).filter(|(tool, _)| is_shown(tool)) {
        if tool.namespace().is_some() {
            return Err("a tool in a namespace");
        }
        match (tool, schema) {
            (Tool::Function(tool), Some(sent)) => tools.push(chat::Tool::Function {
                function: Function {
                    name: &tool.name,
                    description: &tool.description,
                    parameters: sent.schema.raw(),
                    strict: sent.strict,
                },
            }),
            (Tool::Freeform(tool), _) if rules.freeform_tools => tools.push(chat::Tool::Custom {
                custom: Custom {
                    name: &tool.name,
                    description: &tool.description,
                    format: match &tool.format {
                        FreeformFormat::Grammar { syntax, definition } => {
                            Some(CustomFormat::Grammar { grammar: Grammar { syntax, definition } })
                        }
                        _ => None,
                    },
                },
            }),
            (Tool::Hosted(_), _) => {
                warnings
                    .push(Warning::new("tools", "this API runs no tools of the vendor's; they are left out"));
            }
            _ => return Err("a tool that takes free text"),
        }
    }
    Ok(tools)
}

fn tool_choice<'a>(request: &'a ModelRequest, rules: &Rules) -> Option<chat::ToolChoice<'a>> {
    let name = |name: &'a str| {
        let is_freeform = |tool: &Tool| matches!(tool, Tool::Freeform(tool) if tool.name == name);
        if request.tools.iter().any(is_freeform) {
            ToolName::Custom { custom: Name { name } }
        } else {
            ToolName::Function { function: Name { name } }
        }
    };
    match &request.tool_choice {
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(chat::ToolChoice::Mode("none")),
        ToolChoice::Tool(tool) => Some(chat::ToolChoice::Named(name(tool))),
        ToolChoice::Allowed { names, required } if rules.freeform_tools => {
            let mode = if *required { "required" } else { "auto" };
            let tools = names.iter().map(|tool| name(tool)).collect();
            let allowed_tools = AllowedTools { mode, tools };
            Some(chat::ToolChoice::Allowed { r#type: "allowed_tools", allowed_tools })
        }
        ToolChoice::Required | ToolChoice::Allowed { required: true, .. } => {
            Some(chat::ToolChoice::Mode("required"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        ErrorKind, Message,
        request::{Effort, FunctionTool, Part, Source, ToolInput},
    };
    use serde_json::json;

    use super::{super::SystemRole, *};

    const SERVER: Rules = Rules {
        token_limit: TokenLimit::MaxTokens,
        top_k: true,
        tool_result_images: true,
        prefill: true,
        stores: false,
        ..Rules::OPENAI
    };

    fn wire(request: &ModelRequest, rules: &Rules) -> Value {
        let sent = to_wire("p", &ModelProvider::OpenAI, &"m".into(), request, rules).unwrap();
        serde_json::from_slice(&sent.body).unwrap()
    }

    fn turn(role: MessageRole, parts: Vec<Part>) -> ModelRequest {
        ModelRequest::new("").with_message(Message::new(role, parts))
    }

    fn refused(request: &ModelRequest, rules: &Rules) -> String {
        let error = to_wire("p", &ModelProvider::OpenAI, &"m".into(), request, rules).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, forge_core::error::Phase::BeforeSend));
        error.message.clone()
    }

    #[test]
    fn a_plain_request_stores_nothing_and_asks_for_usage() {
        let request = ModelRequest::new("Be brief.").with_user_message("Hi").with_max_tokens(9);
        assert_eq!(
            wire(&request, &Rules::OPENAI),
            json!({"model": "m", "store": false, "stream": true, "stream_options": {"include_usage": true},
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
                "max_completion_tokens": 9})
        );
        assert_eq!(
            wire(&request.with_delivery(Delivery::Whole), &SERVER),
            json!({"model": "m", "max_tokens": 9,
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]})
        );
    }

    #[test]
    fn every_setting_has_its_place() {
        let schema = json!({"type": "object", "properties": {"x": {}}});
        let tool = FunctionTool::new("add", schema.clone()).strict();
        let mut request = ModelRequest::new("s")
            .with_tool(tool)
            .with_output(OutputFormat::json_schema("answer", schema.clone()))
            .with_effort(Effort::Max)
            .with_temperature(0.5);
        request.stop_sequences = vec!["END".into()];
        request.tool_choice = ToolChoice::Required;
        request.parallel_tools = Some(true);
        request.sampling.top_k = Some(40);
        request.sampling.seed = Some(7);
        request.extra.insert(forge_core::ModelProvider::OpenAI, "n", json!(1));
        let efforts = forge_core::model::Efforts::of(&[Effort::Low, Effort::High]);
        let body = wire(&request, &Rules { efforts, system_role: SystemRole::Developer, ..SERVER });
        // The strict mode takes no schema whose fields may be missing.
        let function = json!({"name": "add", "parameters": schema});
        let format = json!({"name": "answer", "schema": schema, "strict": false});
        for (field, expected) in [
            ("tools", json!([{"type": "function", "function": function}])),
            ("response_format", json!({"type": "json_schema", "json_schema": format})),
            ("reasoning_effort", json!("high")),
            ("stop", json!(["END"])),
            ("tool_choice", json!("required")),
            ("parallel_tool_calls", json!(true)),
            ("temperature", json!(0.5)),
            ("top_k", json!(40)),
            ("seed", json!(7)),
            ("n", json!(1)),
        ] {
            assert_eq!(body[field], expected, "{field}");
        }
        assert_eq!(body["messages"][0]["role"], "developer");
        request.tool_choice = ToolChoice::Tool("add".into());
        let choice = &wire(&request, &SERVER)["tool_choice"];
        assert_eq!(choice, &json!({"type": "function", "function": {"name": "add"}}));
    }

    #[test]
    fn calls_and_results_are_messages_of_their_own() {
        let request = turn(
            MessageRole::Assistant,
            vec![
                Part::thinking("hm"),
                Part::tool_use("a", "add", json!({"x": 1})),
                Part::tool_use("b", "add", ToolInput::Broken("{broken".into())),
            ],
        )
        .with_message(Message::new(
            MessageRole::User,
            vec![
                Part::text("and?"),
                Part::tool_result("a", "2"),
                Part::tool_result_parts("b", vec![Part::text("bad")]).failed(),
            ],
        ));
        let call = |id: &str, arguments: &str| {
            let function = json!({"name": "add", "arguments": arguments});
            json!({"id": id, "type": "function", "function": function})
        };
        assert_eq!(
            wire(&request, &Rules::OPENAI)["messages"],
            json!([
                {"role": "assistant", "content": null, "tool_calls": [call("a", "{\"x\":1}"), call("b", "{broken")]},
                {"role": "tool", "tool_call_id": "a", "content": "2"},
                {"role": "tool", "tool_call_id": "b", "content": "Error: bad"},
                {"role": "user", "content": "and?"}
            ])
        );
    }

    #[test]
    fn pictures_and_documents_are_content_parts() {
        let source = Source::Base64 { media_type: "application/pdf".into(), data: "BBBB".into() };
        let parts = vec![
            Part::image_base64("image/png", "AAAA"),
            Part::document(source).with_name("a.pdf"),
            Part::text("what?"),
        ];
        assert_eq!(
            wire(&turn(MessageRole::User, parts), &Rules::OPENAI)["messages"][0]["content"],
            json!([
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
                {"type": "text", "text": "what?"}
            ])
        );
    }

    #[test]
    fn features_that_the_server_lacks_are_refused_before_anything_is_sent() {
        let url = Source::Url { url: "https://example.com/a.pdf".into() };
        let document = turn(MessageRole::User, vec![Part::document(url)]);
        assert!(refused(&document, &SERVER).contains("web address"));
        assert_eq!(
            refused(&document, &Rules { documents: false, ..SERVER }),
            "a document is not supported by this model"
        );
        let image = Part::tool_result_parts("a", vec![Part::image_base64("image/png", "AAAA")]);
        let image = turn(MessageRole::Assistant, vec![Part::tool_use("a", "see", json!({}))])
            .with_message(Message::new(MessageRole::User, vec![image]));
        assert!(refused(&image, &Rules::OPENAI).contains("tool's result"));
        assert_eq!(wire(&image, &SERVER)["messages"][1]["content"][0]["type"], "image_url");
        let stops = |n: usize| ModelRequest::default().with_stop_sequences(vec!["x"; n]);
        assert!(refused(&stops(5), &Rules::OPENAI).contains("more than 4"));
        assert!(refused(&stops(1), &Rules { stop_sequences: 0, ..SERVER }).contains("stopping"));
        let prefill = ModelRequest::new("").with_assistant_message("Once");
        let tool = Tool::function("add", json!({}));
        let deaf = Rules { tool_choice: false, ..SERVER };
        let mut choosing = ModelRequest::new("").with_tool(tool);
        assert!(wire(&choosing, &deaf)["tools"].is_array());
        choosing.tool_choice = ToolChoice::None;
        assert!(wire(&choosing, &deaf)["tools"].is_null());
        choosing.tool_choice = ToolChoice::Required;
        assert!(refused(&choosing, &deaf).contains("forced"));
        assert!(refused(&prefill, &Rules::OPENAI).contains("prefill"));
        assert_eq!(wire(&prefill, &SERVER)["messages"][0]["content"], "Once");
    }

    #[test]
    fn free_text_tools_and_choices_among_tools_go_where_the_server_has_them() {
        let call = Part::tool_use("c", "exec", ToolInput::Text("ls".into()));
        let request = turn(MessageRole::Assistant, vec![call])
            .with_message(Message::system("be brief"))
            .with_message(Message::new(MessageRole::User, vec![Part::tool_result("c", "x")]))
            .with_tool(Tool::function("add", json!({"type": "object"})))
            .with_tool(Tool::freeform("exec"))
            .with_tool(Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})))
            .with_tool_choice(ToolChoice::Allowed { names: vec!["exec".into()], required: false })
            .with_output(OutputFormat::Json);
        let body = wire(&request, &Rules::OPENAI);
        assert_eq!(body["messages"][2], json!({"role": "system", "content": "be brief"}));
        assert_eq!(
            body["messages"][0]["tool_calls"],
            json!([{"type": "custom", "id": "c", "custom": {"name": "exec", "input": "ls"}}])
        );
        assert_eq!(body["tools"][1], json!({"type": "custom", "custom": {"name": "exec"}}));
        assert_eq!(body["tools"].as_array().unwrap().len(), 2);
        let allowed = json!({"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "exec"}}]});
        assert_eq!(body["tool_choice"], json!({"type": "allowed_tools", "allowed_tools": allowed}));
        assert_eq!(body["response_format"], json!({"type": "json_object"}));
        let mut plain = Rules { freeform_tools: false, ..SERVER };
        plain.prefill = true;
        assert!(refused(&request, &plain).contains("free text"));
    }

    #[test]
    fn fields_of_the_vendors_other_api_are_left_out() {
        let mut request = ModelRequest::new("").with_user_message("hi");
        for name in ["client_metadata", "truncation", "user"] {
            request.extra.insert(ModelProvider::OpenAI, name, json!("x"));
        }
        let body = wire(&request, &Rules::OPENAI);
        assert_eq!(
            (&body["user"], body.get("client_metadata"), body.get("truncation")),
            (&json!("x"), None, None)
        );
    }

    #[test]
    fn only_the_fields_of_the_vendor_are_set() {
        let mut request = ModelRequest::new("").with_user_message("hi");
        request.extra =
            serde_json::from_value(json!({"openai": {"user": "u"}, "local": {"min_p": 0.1}})).unwrap();
        let body = wire(&request, &Rules::OPENAI);
        assert_eq!((&body["user"], body.get("min_p")), (&json!("u"), None));
    }

    #[test]
    fn recordings_and_files_of_the_vendors_own_are_sent() {
        let mp3 = Source::Base64 { media_type: "audio/mpeg".into(), data: "AAAA".into() };
        let file = Source::File { id: "file_1".into(), vendor: ModelProvider::OpenAI };
        let request = turn(MessageRole::User, vec![Part::audio(mp3), Part::document(file)]);
        assert_eq!(
            wire(&request, &Rules::OPENAI)["messages"][0]["content"],
            json!([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                {"type": "file", "file": {"file_id": "file_1"}}])
        );
        assert!(refused(&request, &Rules { audio: false, ..SERVER }).contains("recording"));
    }
}
