//! Requests become bodies.

use forge_core::{
    Delivery, Message, MessageRole, ModelId, ModelRequest, OutputFormat, Part, ProviderError, Source,
    ToolChoice, Warning,
};
use forge_http::to_json;

use super::{Rules, SystemRole, TokenLimit};
use crate::{
    schema::is_strict,
    tune::{Takes, tune},
    wire::{
        chat::{
            self, Body, Content, ContentPart, File, Function, FunctionCall, FunctionName, ImageUrl,
            ResponseFormat, StreamOptions, Tool, ToolCall,
        },
        content::{Address, Arguments, JsonSchema, ResultText, file_name},
    },
};

/// What a model that always begins a message of its own does not have.
pub(crate) const PREFILL: &str = "a last message of the assistant's (prefill)";

pub(crate) fn ends_with_assistant(request: &ModelRequest) -> bool {
    request.messages.last().is_some_and(|message| message.role == MessageRole::Assistant)
}

/// The body of `request` for `model` under the rules of its server, and what was left out of it.
///
/// Thoughts and vendor parts of the history are left out: the dialect has no place for them. A failed
/// tool result is told by `Error: ` before its text.
///
/// # Errors
/// [`Unsupported`](forge_core::ErrorKind::Unsupported) for a feature that the server does not have;
/// `provider` names it in the error.
pub fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    rules: &Rules,
) -> Result<(Vec<u8>, Vec<Warning>), ProviderError> {
    let refuse = |what: &str| ProviderError::unsupported(provider, model, what);
    match (request.stop_sequences.len(), rules.stop_sequences) {
        (0, _) => {}
        (_, 0) => return Err(refuse("stopping at a sequence")),
        (asked, most) if asked > most => {
            return Err(refuse(&format!("stopping at more than {most} sequences")));
        }
        _ => {}
    }
    let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
    if forced && !rules.tool_choice {
        return Err(refuse("a forced tool call"));
    }
    if ends_with_assistant(request) && !rules.prefill {
        return Err(refuse(PREFILL));
    }
    let mut warnings = Vec::new();
    let takes = Takes {
        sampling: rules.sampling,
        efforts: rules.efforts,
        seed_and_penalties: true,
        top_k: rules.top_k,
    };
    let tuned = tune(request, takes, &mut warnings);
    if request.show_thinking && !rules.shows_thinking {
        warnings.push(Warning::new("show_thinking", "this API does not show what the model thinks"));
    }
    let withheld = request.tool_choice == ToolChoice::None && !rules.tool_choice;
    let tools = if withheld { &[] } else { request.tools.as_slice() };
    let limit = |field| request.max_tokens.filter(|_| rules.token_limit == field);
    let stream = request.delivery == Delivery::Stream;
    let body = Body {
        model: model.as_str(),
        messages: messages(request, rules).map_err(refuse)?,
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
        reasoning_effort: tuned.effort.map(forge_core::Effort::as_str),
        response_format: response_format(&request.output),
        tools: tools.iter().map(tool).collect(),
        tool_choice: tool_choice(request).filter(|_| rules.tool_choice),
        parallel_tool_calls: request.parallel_tools.filter(|_| !tools.is_empty()),
        stop: &request.stop_sequences,
        temperature: tuned.temperature,
        top_p: tuned.top_p,
        top_k: tuned.top_k,
        seed: tuned.seed,
        presence_penalty: tuned.presence_penalty,
        frequency_penalty: tuned.frequency_penalty,
        store: rules.stores.then_some(false),
        stream,
        stream_options: stream.then_some(StreamOptions { include_usage: true }),
    };
    Ok((to_json(provider, model, &body, &request.extra)?, warnings))
}

fn messages<'a>(request: &'a ModelRequest, rules: &Rules) -> Result<Vec<chat::Message<'a>>, &'static str> {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        let content = request.system.as_str();
        messages.push(match rules.system_role {
            SystemRole::System => chat::Message::System { content },
            SystemRole::Developer => chat::Message::Developer { content },
        });
    }
    for message in &request.messages {
        match message.role {
            MessageRole::User => user(message, rules, &mut messages)?,
            MessageRole::Assistant => messages.extend(assistant(message)?),
        }
    }
    Ok(messages)
}

/// Tool results come first: they must follow their calls at once.
fn user<'a>(
    message: &'a Message,
    rules: &Rules,
    messages: &mut Vec<chat::Message<'a>>,
) -> Result<(), &'static str> {
    let mut content = Vec::new();
    for part in &message.parts {
        if let Part::ToolResult { tool_use_id, content, is_error, .. } = part {
            let content = tool_result(content, *is_error, rules)?;
            messages.push(chat::Message::Tool { tool_call_id: tool_use_id, content });
        } else {
            content.extend(content_part(part, rules)?);
        }
    }
    if !content.is_empty() {
        messages.push(chat::Message::User { content: shortest(content) });
    }
    Ok(())
}

fn assistant(message: &Message) -> Result<Option<chat::Message<'_>>, &'static str> {
    let (mut content, mut tool_calls) = (Vec::new(), Vec::new());
    for part in &message.parts {
        match part {
            Part::ToolUse { id, name, input, .. } => tool_calls.push(ToolCall {
                id,
                r#type: "function",
                function: FunctionCall { name, arguments: Arguments(input) },
            }),
            Part::Text { text, .. } => content.push(plain(text)),
            Part::Thinking { .. } | Part::Vendor { .. } => {}
            Part::Image { .. } | Part::Document { .. } | Part::ToolResult { .. } => {
                return Err("an assistant's turn that holds more than texts and tool calls");
            }
        }
    }
    let empty = content.is_empty() && tool_calls.is_empty();
    let content = (!content.is_empty()).then(|| shortest(content));
    Ok((!empty).then_some(chat::Message::Assistant { content, tool_calls }))
}

fn tool_result<'a>(content: &'a [Part], failed: bool, rules: &Rules) -> Result<Content<'a>, &'static str> {
    let mut parts = Vec::with_capacity(content.len().max(1));
    for part in content {
        match part {
            Part::Text { text, .. } => {
                let failed = failed && parts.is_empty();
                parts.push(ContentPart::Text { text: ResultText { failed, text } });
            }
            Part::Image { .. } if rules.tool_result_images => parts.extend(content_part(part, rules)?),
            _ => return Err("anything but text in a tool's result"),
        }
    }
    if parts.is_empty() {
        parts.push(ContentPart::Text { text: ResultText { failed, text: "" } });
    }
    Ok(shortest(parts))
}

fn content_part<'a>(part: &'a Part, rules: &Rules) -> Result<Option<ContentPart<'a>>, &'static str> {
    Ok(Some(match part {
        Part::Text { text, .. } => plain(text),
        Part::Image { source, .. } => ContentPart::ImageUrl { image_url: ImageUrl { url: address(source) } },
        Part::Document { .. } if !rules.documents => return Err("a document"),
        Part::Document { source: source @ Source::Base64 { media_type, .. }, name, .. } => {
            let filename = file_name(name.as_deref(), media_type);
            ContentPart::File { file: File { filename, file_data: address(source) } }
        }
        Part::Document { .. } => return Err("a document at a web address"),
        Part::Thinking { .. } | Part::Vendor { .. } => return Ok(None),
        Part::ToolUse { .. } => return Err("a tool call in a user's turn"),
        Part::ToolResult { .. } => return Err("a tool result inside another"),
    }))
}

fn plain(text: &str) -> ContentPart<'_> {
    ContentPart::Text { text: ResultText { failed: false, text } }
}

/// One text goes out as a string, which the oldest servers understand, too.
fn shortest(mut parts: Vec<ContentPart<'_>>) -> Content<'_> {
    match parts.pop() {
        Some(ContentPart::Text { text }) if parts.is_empty() => Content::Text(text),
        last => {
            parts.extend(last);
            Content::Parts(parts)
        }
    }
}

pub(crate) fn address(source: &Source) -> Address<'_> {
    match source {
        Source::Url { url } => Address::Url(url),
        Source::Base64 { media_type, data } => Address::Bytes { media_type, base64: data },
    }
}

fn response_format(output: &OutputFormat) -> Option<ResponseFormat<'_>> {
    match output {
        OutputFormat::Text => None,
        OutputFormat::JsonSchema { name, schema } => {
            let strict = is_strict(schema);
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { name, schema, strict } })
        }
    }
}

fn tool(tool: &forge_core::Tool) -> Tool<'_> {
    let forge_core::Tool { name, description, schema: parameters, strict } = tool;
    Tool { r#type: "function", function: Function { name, description, parameters, strict: *strict } }
}

fn tool_choice(request: &ModelRequest) -> Option<chat::ToolChoice<'_>> {
    match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(chat::ToolChoice::Mode("none")),
        ToolChoice::Required => Some(chat::ToolChoice::Mode("required")),
        ToolChoice::Tool(name) => {
            Some(chat::ToolChoice::Function { r#type: "function", function: FunctionName { name } })
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{Effort, ErrorKind};
    use serde_json::{Value, json};

    use super::*;

    const SERVER: Rules = Rules {
        token_limit: TokenLimit::MaxTokens,
        top_k: true,
        tool_result_images: true,
        prefill: true,
        stores: false,
        ..Rules::OPENAI
    };

    fn wire(request: &ModelRequest, rules: &Rules) -> Value {
        let (bytes, _) = to_wire("p", &"m".into(), request, rules).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn turn(role: MessageRole, parts: Vec<Part>) -> ModelRequest {
        ModelRequest::new("").with_message(Message { role, parts })
    }

    fn refused(request: &ModelRequest, rules: &Rules) -> String {
        let error = to_wire("p", &"m".into(), request, rules).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, forge_core::Phase::BeforeSend));
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
        let tool = forge_core::Tool {
            name: "add".into(),
            description: String::new(),
            schema: schema.clone(),
            strict: true,
        };
        let mut request = ModelRequest::new("s")
            .with_tool(tool)
            .with_output(OutputFormat::JsonSchema { name: "answer".into(), schema: schema.clone() })
            .with_effort(Effort::Max)
            .with_temperature(0.5);
        request.stop_sequences = vec!["END".into()];
        request.tool_choice = ToolChoice::Required;
        request.parallel_tools = Some(true);
        request.sampling.top_k = Some(40);
        request.sampling.seed = Some(7);
        request.extra.insert("n".into(), json!(1));
        let efforts = forge_core::Efforts::of(&[Effort::Low, Effort::High]);
        let body = wire(&request, &Rules { efforts, system_role: SystemRole::Developer, ..SERVER });
        let function = json!({"name": "add", "parameters": schema, "strict": true});
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
                Part::Thinking { text: "hm".into(), opaque: None },
                Part::ToolUse { id: "a".into(), name: "add".into(), input: json!({"x": 1}), opaque: None },
                Part::ToolUse { id: "b".into(), name: "add".into(), input: json!("{broken"), opaque: None },
            ],
        )
        .with_message(Message {
            role: MessageRole::User,
            parts: vec![
                Part::text("and?"),
                Part::tool_result("a", "2"),
                Part::ToolResult {
                    tool_use_id: "b".into(),
                    content: vec![Part::text("bad")],
                    is_error: true,
                    cache: None,
                },
            ],
        });
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
            Part::Document { source, name: Some("a.pdf".into()), cache: None },
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
        let document = turn(MessageRole::User, vec![Part::Document { source: url, name: None, cache: None }]);
        assert!(refused(&document, &SERVER).contains("web address"));
        assert_eq!(
            refused(&document, &Rules { documents: false, ..SERVER }),
            "a document is not supported by this model"
        );
        let image = Part::ToolResult {
            tool_use_id: "a".into(),
            content: vec![Part::image_base64("image/png", "AAAA")],
            is_error: false,
            cache: None,
        };
        let image = turn(MessageRole::User, vec![image]);
        assert!(refused(&image, &Rules::OPENAI).contains("tool's result"));
        assert_eq!(wire(&image, &SERVER)["messages"][0]["content"][0]["type"], "image_url");
        let stops =
            |n: usize| ModelRequest { stop_sequences: vec!["x".into(); n], ..ModelRequest::default() };
        assert!(refused(&stops(5), &Rules::OPENAI).contains("more than 4"));
        assert!(refused(&stops(1), &Rules { stop_sequences: 0, ..SERVER }).contains("stopping"));
        let prefill = ModelRequest::new("").with_assistant_message("Once");
        let tool = forge_core::Tool {
            name: "add".into(),
            description: String::new(),
            schema: json!({}),
            strict: false,
        };
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
}
