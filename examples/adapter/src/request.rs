//! From the common request to Acme's.

use forge_core::{
    ErrorKind, Message, ModelId, ModelRequest, ProviderError,
    error::Phase,
    event::Warning,
    model::Efforts,
    request::{Delivery, MessageRole, OutputFormat, Part, Tool, ToolChoice},
};
use forge_http::{
    fit::{Rules, fit},
    to_json,
};
use serde_json::json;

use crate::wire;

/// Acme takes any id and any order of turns.
const RULES: Rules = Rules { ids: None, refuses_blank_texts: false, alternates: false, trims_prefill: false };

/// The body, and what had to be left out of it. What Acme cannot do is refused here, before anything is sent.
pub(crate) fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
) -> Result<(Vec<u8>, Vec<Warning>), ProviderError> {
    let refuse = |what: &str| ProviderError::unsupported(provider, model, what);
    if request.tool_choice.is_forced() {
        return Err(refuse("a forced tool call"));
    }
    if !request.stop_sequences.is_empty() {
        return Err(refuse("a stop sequence"));
    }
    let mut warnings = Vec::new();
    if let Some(effort) = request.effort {
        Efforts::NONE.settle(effort, &mut warnings);
    }
    let fitted = fit(&request.messages, &RULES).map_err(|unfit| {
        ProviderError::new(ErrorKind::InvalidRequest, provider, unfit.to_string())
            .with(|facts| facts.phase = Phase::BeforeSend)
    })?;
    let mut turns = Vec::new();
    if !request.system.is_empty() {
        let say = request.system_text().into_owned();
        turns.push(wire::Turn { who: "system", say, ..wire::Turn::default() });
    }
    for message in fitted.iter() {
        turns_of(message, &mut turns).map_err(refuse)?;
    }
    let shown = if request.tool_choice == ToolChoice::None { &[][..] } else { &request.tools[..] };
    let body = wire::Body {
        model: model.as_str(),
        stream: request.delivery == Delivery::Stream,
        limit: request.max_tokens,
        turns,
        tools: shown.iter().map(tool).collect::<Result<_, _>>().map_err(refuse)?,
        form: match &request.output {
            OutputFormat::JsonSchema(output) => Some(output.schema.value()),
            _ => None,
        },
    };
    let body = to_json(provider, model, &body, request.extra.fields(&"acme".into()))?;
    Ok((body, warnings))
}

/// The results of tools are turns of their own, in front of what else was said.
fn turns_of<'a>(message: &'a Message, turns: &mut Vec<wire::Turn<'a>>) -> Result<(), &'static str> {
    let who = match message.role {
        MessageRole::System => "system",
        MessageRole::User => "user",
        MessageRole::Assistant => "model",
    };
    let mut turn = wire::Turn { who, ..wire::Turn::default() };
    for part in &message.parts {
        match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } => turn.say.push_str(text),
            Part::ToolUse { id, name, input, .. } => {
                let args = input.as_json().cloned().unwrap_or_else(|| json!({ "text": input.to_text() }));
                turn.calls.push(wire::Call { id: id.clone(), name: name.clone(), args });
            }
            Part::ToolResult { tool_use_id, content, .. } => {
                let texts = content.iter().map(|part| match part {
                    Part::Text { text, .. } => Ok(text.as_str()),
                    _ => Err("a tool result that is no text"),
                });
                let (say, answers) = (texts.collect::<Result<_, _>>()?, Some(tool_use_id.as_str()));
                turns.push(wire::Turn { who: "tool", say, answers, ..wire::Turn::default() });
            }
            Part::Thinking { .. } | Part::Vendor { .. } => {}
            _ => return Err("anything but text"),
        }
    }
    if !turn.say.is_empty() || !turn.calls.is_empty() {
        turns.push(turn);
    }
    Ok(())
}

fn tool(tool: &Tool) -> Result<wire::Tool<'_>, &'static str> {
    match tool {
        Tool::Function(tool) if tool.namespace.is_none() => {
            Ok(wire::Tool { name: &tool.name, about: &tool.description, takes: tool.schema.value() })
        }
        _ => Err("a tool that is no plain function"),
    }
}
