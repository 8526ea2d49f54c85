//! Requests become bodies.

use std::{borrow::Cow, collections::HashMap};

use forge_core::{
    Message as Turn, ModelId, ModelProvider, ModelRequest, ProviderError,
    event::Warning,
    request::{Delivery, Effort, MessageRole, OutputFormat, Part, Source, ToolChoice, ToolInput},
};
use forge_http::to_json;
use forge_openai::chat::{self, Outgoing};
use serde_json::{Map, Value};

use crate::{
    options::Options,
    wire::native::{
        Body, Format, Function, FunctionCall, Message, THINK_TAGS, THINKING, Think, Tool, ToolCall, option,
    },
};

/// The body of `request`, and what was changed in it. What the configuration said holds unless the request says
/// otherwise. Settings in `extra["options"]` take their place
/// beside the request's own.
pub(crate) fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    said: &Options,
) -> Result<Outgoing, ProviderError> {
    let refuse = |what: &str| ProviderError::unsupported(provider, model, what);
    // The API has no field for it.
    if request.tool_choice.is_forced() {
        return Err(refuse("a forced tool call"));
    }
    let mut warnings = Vec::new();
    if request.thinking_budget.is_some() {
        let message = "thinking_budget was left out: this server takes a level, no number of tokens";
        warnings.push(Warning::new("thinking_budget", message));
    }
    let tools = tools(request, &mut warnings).map_err(refuse)?;
    let mut extra = request.extra.fields(&ModelProvider::Local).cloned().unwrap_or_default();
    let fitted = chat::fitted(provider, model, &request.messages)?;
    let asked = Asked { model, through: provider };
    let body = Body {
        model: model.as_str(),
        messages: messages(request, &fitted, asked).map_err(refuse)?,
        stream: request.delivery == Delivery::Stream,
        format: match &request.output {
            OutputFormat::Json => Some(Format::Word("json")),
            OutputFormat::JsonSchema(output) => Some(Format::Schema(output.schema.raw())),
            _ => None,
        },
        tools,
        think: match request.effort {
            Some(effort) => Some(think(effort, &mut warnings)),
            None => said.think.as_ref().map(Think::Said),
        },
        keep_alive: said.keep_alive.as_ref(),
        options: options(request, said, &mut extra),
    };
    let body = to_json(provider, model, &body, Some(&extra))?;
    // The server makes a grammar of the schema, which leaves out what a grammar cannot say.
    let schema = match &request.output {
        OutputFormat::JsonSchema(output) => Some(output.schema.clone()),
        _ => None,
    };
    Ok(Outgoing::new(body, warnings, schema))
}

fn options(request: &ModelRequest, said: &Options, extra: &mut Map<String, Value>) -> Map<String, Value> {
    let sampling = &request.sampling;
    let stop = (!request.stop_sequences.is_empty()).then(|| Value::from(request.stop_sequences.clone()));
    let mut options: Map<String, Value> = [
        (option::NUM_CTX, said.num_ctx.map(Value::from)),
        (option::NUM_PREDICT, request.max_tokens.map(Value::from)),
        (option::STOP, stop),
        (option::TEMPERATURE, sampling.temperature.map(Value::from)),
        (option::TOP_P, sampling.top_p.map(Value::from)),
        (option::TOP_K, sampling.top_k.map(Value::from)),
        (option::SEED, sampling.seed.map(Value::from)),
        (option::PRESENCE_PENALTY, sampling.presence_penalty.map(Value::from)),
        (option::FREQUENCY_PENALTY, sampling.frequency_penalty.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect();
    if let Some(Value::Object(own)) = extra.remove(option::FIELD) {
        // What the caller writes out in `options` goes before what the common settings make of it.
        options.extend(own);
    }
    options
}

/// The server has three levels besides off.
fn think(effort: Effort, warnings: &mut Vec<Warning>) -> Think<'static> {
    let level = match effort {
        Effort::None => return Think::Off(false),
        Effort::Minimal | Effort::Low => Effort::Low,
        Effort::Medium => Effort::Medium,
        _ => Effort::High,
    };
    if level != effort {
        let message = format!(
            "this server does not support effort `{}`; `{}` is sent instead",
            effort.as_str(),
            level.as_str()
        );
        warnings.push(Warning::new("effort", message));
    }
    Think::Level(level.as_str())
}

/// Who is asked, and through which configured provider.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    model: &'a ModelId,
    through: &'a str,
}

fn messages<'a>(
    request: &'a ModelRequest,
    fitted: &'a [Turn],
    asked: Asked<'_>,
) -> Result<Vec<Message<'a>>, &'static str> {
    let mut messages = Vec::with_capacity(fitted.len() + 1);
    if !request.system.is_empty() {
        let content = request.system_text();
        messages.push(Message { role: "system", content, ..Message::default() });
    }
    let mut names = HashMap::new();
    for turn in fitted {
        match turn.role {
            MessageRole::User => user(turn, "user", &names, &mut messages)?,
            MessageRole::System => user(turn, "system", &names, &mut messages)?,
            MessageRole::Assistant => assistant(turn, asked, &mut names, &mut messages)?,
        }
    }
    Ok(messages)
}

fn assistant<'a>(
    turn: &'a Turn,
    asked: Asked<'_>,
    names: &mut HashMap<&'a str, &'a str>,
    messages: &mut Vec<Message<'a>>,
) -> Result<(), &'static str> {
    let mut message = Message { role: "assistant", ..Message::default() };
    let mut tagged = String::new();
    for part in &turn.parts {
        match part {
            Part::ToolUse { id, name, input, .. } => {
                names.insert(id, name);
                let arguments = object(input);
                message.tool_calls.push(ToolCall { id, function: FunctionCall { name, arguments } });
            }
            Part::Thinking { opaque: Some(state), .. } => {
                if state.belongs_to(&ModelProvider::Local, asked.model, asked.through) {
                    message.thinking.push_str(&chat::kept_thoughts(state, THINKING));
                    tagged.push_str(&chat::kept_thoughts(state, THINK_TAGS));
                }
            }
            other => message.add(other)?,
        }
    }
    if !tagged.is_empty() {
        // They stood in front of the answer, in one text with it.
        message.content.to_mut().insert_str(0, &tagged);
    }
    if !message.is_empty() {
        messages.push(message);
    }
    Ok(())
}

/// Tool results come first: they must follow their calls at once.
fn user<'a>(
    turn: &'a Turn,
    role: &'static str,
    names: &HashMap<&'a str, &'a str>,
    messages: &mut Vec<Message<'a>>,
) -> Result<(), &'static str> {
    let mut message = Message { role, ..Message::default() };
    for part in &turn.parts {
        match part {
            Part::ToolResult { tool_use_id, content, is_error, .. } => {
                let tool_name = names.get(tool_use_id.as_str()).copied();
                let tool_call_id = Some(tool_use_id.as_str());
                let mut result = Message { role: "tool", tool_call_id, tool_name, ..Message::default() };
                for part in content {
                    result.add(part)?;
                }
                if *is_error {
                    // The API has no flag for a failed call.
                    result.content.to_mut().insert_str(0, "Error: ");
                }
                messages.push(result);
            }
            other => message.add(other)?,
        }
    }
    if !message.is_empty() {
        messages.push(message);
    }
    Ok(())
}

impl<'a> Message<'a> {
    fn add(&mut self, part: &'a Part) -> Result<(), &'static str> {
        match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } if self.content.is_empty() => {
                self.content = Cow::Borrowed(text);
            }
            Part::Text { text, .. } | Part::Refusal { text, .. } => {
                let content = self.content.to_mut();
                content.push('\n');
                content.push_str(text);
            }
            Part::Image { source: Source::Base64 { data, .. }, .. } => self.images.push(data),
            Part::Thinking { .. } | Part::Vendor { .. } => {}
            // The server fetches nothing: pictures come as base64 or not at all.
            Part::Image { .. } => return Err("a picture outside of the request"),
            Part::Document { .. } => return Err("a document"),
            Part::ToolUse { .. } => return Err("a tool call outside of an assistant's turn"),
            Part::ToolResult { .. } => return Err("a tool result outside of a user's turn"),
            Part::Audio { .. } => return Err("a recording"),
            _ => return Err("a part of this kind"),
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        // Thoughts alone are no turn.
        self.content.is_empty() && self.images.is_empty() && self.tool_calls.is_empty()
    }
}

/// The server insists on an object; arguments that the model broke off are wrapped in one.
fn object(arguments: &ToolInput) -> Cow<'_, Value> {
    match arguments {
        ToolInput::Json(value) if value.is_object() => Cow::Borrowed(value),
        other => Cow::Owned(serde_json::json!({ "arguments": other.to_text() })),
    }
}

/// The server heeds no choice: what must not be called is not shown.
fn tools<'a>(request: &'a ModelRequest, warnings: &mut Vec<Warning>) -> Result<Vec<Tool<'a>>, &'static str> {
    let is_shown = |tool: &forge_core::request::Tool| match &request.tool_choice {
        ToolChoice::None => false,
        ToolChoice::Allowed { names, .. } => {
            tool.name().is_some_and(|own| names.iter().any(|name| name == own))
        }
        _ => true,
    };
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in request.tools.iter().filter(|tool| is_shown(tool)) {
        match tool {
            tool if tool.namespace().is_some() => return Err("a tool in a namespace"),
            forge_core::request::Tool::Function(tool) => {
                let (name, description, parameters) = (&tool.name, &tool.description, tool.schema.raw());
                tools.push(Tool { r#type: "function", function: Function { name, description, parameters } });
            }
            forge_core::request::Tool::Hosted(tool) => {
                let message = format!("a tool that {} runs is left out", tool.vendor);
                warnings.push(Warning::new("tools", message));
            }
            _ => return Err("a tool that takes free text"),
        }
    }
    Ok(tools)
}

#[cfg(test)]
mod tests {
    use forge_core::{ErrorKind, error::Phase};
    use serde_json::json;

    use super::*;

    fn kept(duration: &str) -> Options {
        Options { keep_alive: Some(duration.into()), ..Options::default() }
    }

    fn wire(request: &ModelRequest) -> (Value, Vec<String>) {
        let sent = to_wire("p", &"qwen3".into(), request, &kept("10m")).unwrap();
        let (bytes, warnings) = (sent.body, sent.warnings);
        let warnings = warnings.into_iter().map(|warning| warning.about).collect();
        (serde_json::from_slice(&bytes).unwrap(), warnings)
    }

    fn turn(role: MessageRole, parts: Vec<Part>) -> Turn {
        Turn::new(role, parts)
    }

    #[test]
    fn every_setting_has_its_place() {
        let schema = json!({"type": "object"});
        let tool = forge_core::request::Tool::function("add", schema.clone()).with_description("Adds.");
        let mut request = ModelRequest::new("Be brief.")
            .with_user_message("Hi")
            .with_tool(tool)
            .with_max_tokens(9)
            .with_temperature(0.5)
            .with_effort(Effort::Max)
            .with_output(OutputFormat::json_schema("x", schema.clone()));
        request.stop_sequences = vec!["END".into()];
        request.extra.insert(
            forge_core::ModelProvider::Local,
            "options",
            json!({"num_ctx": 16_384, "temperature": 0.7}),
        );
        request.extra.insert(forge_core::ModelProvider::Local, "truncate", json!(false));
        request.extra.insert(forge_core::ModelProvider::Local, "keep_alive", json!(-1));
        let (body, warnings) = wire(&request);
        let function = json!({"name": "add", "description": "Adds.", "parameters": schema});
        assert_eq!(
            body,
            json!({
                "model": "qwen3", "stream": true, "think": "high", "format": schema, "truncate": false,
                "keep_alive": -1,
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
                "tools": [{"type": "function", "function": function}],
                "options": {"num_predict": 9, "stop": ["END"], "temperature": 0.7, "num_ctx": 16_384},
            })
        );
        assert_eq!(warnings, ["effort"]);
        let plain = ModelRequest::new("").with_user_message("Hi").with_effort(Effort::None);
        let (body, warnings) = wire(&plain.with_delivery(Delivery::Whole));
        assert_eq!(
            (&body["think"], &body["stream"], &body["keep_alive"]),
            (&json!(false), &json!(false), &json!("10m"))
        );
        assert!(warnings.is_empty());
    }

    #[test]
    fn what_the_configuration_says_holds_unless_the_request_says_otherwise() {
        let said = Options {
            native: true,
            num_ctx: Some(8_192),
            keep_alive: Some(json!(-1)),
            think: Some(json!(false)),
        };
        let body = |request: &ModelRequest| -> Value {
            serde_json::from_slice(&to_wire("p", &"m".into(), request, &said).unwrap().body).unwrap()
        };
        let mut request = ModelRequest::new("").with_user_message("Hi");
        let plain = body(&request);
        assert_eq!((&plain["think"], &plain["keep_alive"]), (&json!(false), &json!(-1)));
        assert_eq!(plain["options"], json!({"num_ctx": 8_192}));
        request.extra.insert(ModelProvider::Local, "options", json!({"num_ctx": 4_096}));
        let own = body(&request.with_effort(Effort::High));
        assert_eq!((&own["think"], &own["options"]), (&json!("high"), &json!({"num_ctx": 4_096})));
    }

    #[test]
    fn thoughts_go_back_to_the_model_that_had_them() {
        let state = |model: &str| {
            let data = r#"{"thinking":"hm"}"#;
            forge_core::request::Opaque::new(ModelProvider::Local, model.into(), data)
        };
        for (model, expected) in [("qwen3", json!("hm")), ("another", Value::Null)] {
            let thought = Part::thinking("hm").with_opaque(state(model));
            let request = ModelRequest::new("")
                .with_user_message("Hi")
                .with_message(turn(MessageRole::Assistant, vec![thought, Part::text("Ho")]))
                .with_user_message("And?");
            assert_eq!(wire(&request).0["messages"][1]["thinking"], expected);
        }
    }

    #[test]
    fn calls_results_and_pictures_are_mapped() {
        let call = |id: &str, input: ToolInput| Part::tool_use(id, "add", input);
        let failed = Part::tool_result_parts("b", vec![Part::text("bad")]).failed();
        let request = ModelRequest::new("")
            .with_message(turn(
                MessageRole::Assistant,
                vec![call("a", json!({"x": 1}).into()), call("b", ToolInput::Broken("{cut".into()))],
            ))
            .with_message(turn(
                MessageRole::User,
                vec![
                    Part::text("one"),
                    Part::image_base64("image/png", "AAAA"),
                    Part::text("two"),
                    Part::tool_result("a", "2"),
                    failed,
                ],
            ));
        assert_eq!(
            wire(&request).0["messages"],
            json!([
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "a", "function": {"name": "add", "arguments": {"x": 1}}},
                    {"id": "b", "function": {"name": "add", "arguments": {"arguments": "{cut"}}}]},
                {"role": "tool", "content": "2", "tool_call_id": "a", "tool_name": "add"},
                {"role": "tool", "content": "Error: bad", "tool_call_id": "b", "tool_name": "add"},
                {"role": "user", "content": "one\ntwo", "images": ["AAAA"]}
            ])
        );
    }

    #[test]
    fn what_the_server_does_not_have_is_refused_before_anything_is_sent() {
        let refused = |request: &ModelRequest| {
            let error = to_wire("p", &"m".into(), request, &Options::default()).unwrap_err();
            assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, Phase::BeforeSend));
        };
        refused(&ModelRequest::default().with_tool_choice(ToolChoice::Required));
        let source = Source::Url { url: "https://example.com/a".into() };
        let image = Part::image(source.clone());
        let document = Part::document(source);
        for part in [image, document] {
            refused(&ModelRequest::new("").with_message(turn(MessageRole::User, vec![part])));
        }
    }
}
