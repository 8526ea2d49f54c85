//! From the common request to the vendor's.

use std::borrow::Cow;

use forge_core::{
    ErrorKind, Message, ModelId, ModelProvider, ModelRequest, ProviderError,
    error::Phase,
    event::Warning,
    provider::AdapterSettings,
    request::{Delivery, Part, Schema, Tool, ToolChoice},
};
use forge_http::{fit::fit, to_json};

use crate::{
    contents::RULES,
    mapper::Mapper,
    profile::default_max_tokens,
    wire::request::{self as wire, Block, Body, KnownBlock, Turn},
};

/// A body ready to be sent, and what had to be left out of it.
pub(crate) struct Mapped {
    pub(crate) body: Vec<u8>,
    pub(crate) warnings: Vec<Warning>,
    /// What the answer is checked against, where the vendor was given a weaker schema.
    pub(crate) check: Option<Schema>,
}

/// The body of a call.
pub(crate) fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    settings: &AdapterSettings,
) -> Result<Mapped, ProviderError> {
    let messages = fitted(provider, model, request)?;
    let mut mapper = Mapper::new(provider, model, settings);
    let mut body = mapper.prompt(request, &messages)?;
    body.stream = request.delivery == Delivery::Stream;
    // The vendor requires `max_tokens`; a request without it is a 400.
    let max_tokens = request.max_tokens.map_or_else(|| default_max_tokens(settings, model), u64::from);
    body.max_tokens = Some(max_tokens);
    // Before sampling: a budget of thinking rules out the sampling settings.
    mapper.thinking(request, max_tokens, &mut body);
    mapper.sampling(request, &mut body);
    body.stop_sequences = &request.stop_sequences;
    let body = to_json(provider, model, &body, request.extra.fields(&ModelProvider::Anthropic))?;
    Ok(Mapped { body, warnings: mapper.warnings, check: mapper.check })
}

/// The body of a token count: the prompt alone.
pub(crate) fn to_count(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    settings: &AdapterSettings,
) -> Result<Vec<u8>, ProviderError> {
    let messages = fitted(provider, model, request)?;
    let mut mapper = Mapper::new(provider, model, settings);
    let body = mapper.prompt(request, &messages)?;
    // The vendor's count takes no `max_tokens`, and raw fields of the caller's belong to the call alone.
    to_json(provider, model, &body, None)
}

/// The conversation as the vendor takes it.
fn fitted<'a>(
    provider: &str,
    model: &ModelId,
    request: &'a ModelRequest,
) -> Result<Cow<'a, [Message]>, ProviderError> {
    fit(&request.messages, &RULES).map_err(|unfit| {
        ProviderError::new(ErrorKind::InvalidRequest, provider, unfit.to_string()).with(|facts| {
            facts.model = Some(model.clone());
            // Nothing was sent, so that nothing is billed.
            facts.phase = Phase::BeforeSend;
        })
    })
}

impl<'a> Mapper<'a> {
    /// What counts as input: tools, system text, messages, and the form of the answer.
    fn prompt(
        &mut self,
        request: &'a ModelRequest,
        conversation: &'a [Message],
    ) -> Result<Body<'a>, ProviderError> {
        let mut tools = self.tools(request)?;
        let mut tool_choice = self.tool_choice(request)?;
        if tools.is_empty() {
            tools = called_before(conversation);
            // With `none` the model sees that the tools exist and still answers in text, as was asked for.
            tool_choice = (!tools.is_empty()).then_some(wire::ToolChoice::NONE);
        }
        let mut system = Vec::with_capacity(request.system.len());
        // The vendor refuses texts that say nothing.
        for block in request.system.iter().filter(|block| !block.text.trim().is_empty()) {
            let cache_control = self.cache(block.cache);
            system.push(Block::Known(KnownBlock::Text { text: (&block.text).into(), cache_control }));
        }
        let mut messages = Vec::with_capacity(conversation.len());
        for message in conversation {
            let content = self.content(message)?;
            // Thoughts of another model leave nothing behind.
            if !content.is_empty() {
                messages.push(Turn { role: self.role(message.role), content });
            }
        }
        // An error and no warning: without the prefill the answer would have another beginning than was asked
        // for, and the caller would join the two.
        if messages.last().is_some_and(|turn| turn.role == "assistant") && !self.profile.prefill {
            return Err(self.unsupported("a last message of the assistant's (prefill)"));
        }
        let format = self.format(request, &mut system);
        Ok(Body {
            model: self.model.as_str(),
            max_tokens: None,
            stream: false,
            system,
            messages,
            tools,
            tool_choice,
            thinking: None,
            output_config: wire::OutputConfig { effort: None, format },
            temperature: None,
            top_p: None,
            top_k: None,
            stop_sequences: &[],
        })
    }

    /// A cacheable prefix begins with the tools, so that their marks count first.
    fn tools(&mut self, request: &'a ModelRequest) -> Result<Vec<wire::Tool<'a>>, ProviderError> {
        let mut tools = Vec::with_capacity(request.tools.len());
        for tool in &request.tools {
            match tool {
                // The vendor has no list of tools that may be called beside that of all tools.
                tool if !is_allowed(tool, &request.tool_choice) => {}
                Tool::Function(tool) => tools.push(self.function(tool)),
                Tool::Hosted(tool) if tool.vendor == ModelProvider::Anthropic => {
                    tools.push(wire::Tool::Hosted(tool.definition.raw()));
                }
                Tool::Hosted(tool) => {
                    self.warn("tools", format!("a tool that {} runs is left out", tool.vendor));
                }
                _ => return Err(self.unsupported("a tool that takes free text")),
            }
        }
        Ok(tools)
    }

    fn tool_choice(&self, request: &'a ModelRequest) -> Result<Option<wire::ToolChoice<'a>>, ProviderError> {
        if request.tools.is_empty() {
            return Ok(None);
        }
        // An error and no warning: a caller that forces a call does not look for text in the answer.
        if request.tool_choice.is_forced() && !self.profile.forced_tools {
            return Err(self.unsupported("a forced tool call"));
        }
        // Sent only to forbid; to allow several calls at once is the vendor's default.
        let disable_parallel_tool_use = (request.parallel_tools == Some(false)).then_some(true);
        let (r#type, name) = match &request.tool_choice {
            ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => match disable_parallel_tool_use
            {
                None => return Ok(None),
                Some(_) => ("auto", None),
            },
            ToolChoice::None => return Ok(Some(wire::ToolChoice::NONE)),
            ToolChoice::Required | ToolChoice::Allowed { .. } => ("any", None),
            ToolChoice::Tool(name) => ("tool", Some(name.as_str())),
            _ => return Err(self.unsupported("this choice of tools")),
        };
        Ok(Some(wire::ToolChoice { r#type, name, disable_parallel_tool_use }))
    }
}

/// The tools that a conversation has called, for requests that bring none: the vendor takes calls and results only where
/// tools stand beside them. They may not be called again.
fn called_before(conversation: &[Message]) -> Vec<wire::Tool<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for part in conversation.iter().flat_map(|message| &message.parts) {
        match part {
            Part::ToolUse { name, .. } if !names.contains(&name.as_str()) => names.push(name),
            _ => {}
        }
    }
    names.into_iter().map(wire::Tool::named).collect()
}

fn is_allowed(tool: &Tool, choice: &ToolChoice) -> bool {
    match choice {
        ToolChoice::Allowed { names, .. } => {
            tool.name().is_some_and(|own| names.iter().any(|name| name == own))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use forge_core::request::{MessageRole, Opaque, Part};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_vendors_blocks_go_back_byte_for_byte_beside_extra_fields() {
        let block = r#"{"type":"server_tool_use", "id":"srv_1","input":{"q":1.50}}"#;
        let model = ModelId::from("claude-opus-5");
        let data = block.to_owned();
        let opaque = Opaque::new(ModelProvider::Anthropic, model.clone(), data);
        let turn = Message::new(MessageRole::Assistant, vec![Part::vendor(opaque)]);
        let mut request = ModelRequest::new("").with_message(turn).with_user_message("go on");
        request.extra.insert(forge_core::ModelProvider::Anthropic, "service_tier", json!("standard_only"));
        let body =
            String::from_utf8(to_wire("p", &model, &request, &AdapterSettings::new("p")).unwrap().body)
                .unwrap();
        assert!(body.contains(block) && body.contains(r#""service_tier":"standard_only""#), "{body}");
    }
}
