//! From the common request to the vendor's.

use std::borrow::Cow;

use forge_core::{
    AdapterSettings, CacheTtl, Delivery, Effort, Message, MessageRole, ModelId, ModelProvider, ModelRequest,
    Opaque, OutputFormat, Part, ProviderError, Source, Tool, ToolChoice, ToolInput, Warning,
};
use forge_http::to_json;
use serde_json::{Value, json, value::RawValue};

use crate::{
    profile::{Profile, ThinkingForm, default_max_tokens},
    wire::request::{self as wire, Block, Body, CacheControl, KnownBlock, Thinking, Turn},
};

/// The vendor takes at most this many cache breakpoints.
const MAX_BREAKPOINTS: usize = 4;
/// What a model is told where the vendor has no JSON mode.
const JSON_ALONE: &str = "Answer with JSON alone: no other text, no code fence.";
/// The smallest thinking budget the vendor takes.
const MIN_BUDGET: u64 = 1_024;

/// A body ready to be sent, and what had to be left out of it.
pub(crate) struct Mapped {
    pub(crate) body: Vec<u8>,
    pub(crate) warnings: Vec<Warning>,
}

/// The body of a call.
pub(crate) fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    settings: &AdapterSettings,
) -> Result<Mapped, ProviderError> {
    let mut mapper = Mapper::new(provider, model, settings);
    let mut body = mapper.prompt(request)?;
    body.stream = request.delivery == Delivery::Stream;
    let max_tokens = request.max_tokens.map_or_else(|| default_max_tokens(settings, model), u64::from);
    body.max_tokens = Some(max_tokens);
    mapper.thinking(request, max_tokens, &mut body);
    mapper.sampling(request, &mut body);
    body.stop_sequences = &request.stop_sequences;
    let body = to_json(provider, model, &body, request.extra.fields(&ModelProvider::Anthropic))?;
    Ok(Mapped { body, warnings: mapper.warnings })
}

/// The body of a token count: the prompt alone.
pub(crate) fn to_count(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    settings: &AdapterSettings,
) -> Result<Vec<u8>, ProviderError> {
    let mut mapper = Mapper::new(provider, model, settings);
    let body = mapper.prompt(request)?;
    to_json(provider, model, &body, None)
}

struct Mapper<'a> {
    provider: &'a str,
    model: &'a ModelId,
    profile: Profile,
    warnings: Vec<Warning>,
    breakpoints: usize,
}

impl<'a> Mapper<'a> {
    fn new(provider: &'a str, model: &'a ModelId, settings: &AdapterSettings) -> Self {
        let profile = Profile::said(settings, model);
        Self { provider, model, profile, warnings: Vec::new(), breakpoints: 0 }
    }

    fn warn(&mut self, about: &str, message: impl Into<String>) {
        self.warnings.push(Warning::new(about, message));
    }

    fn unsupported(&self, what: &str) -> ProviderError {
        ProviderError::unsupported(self.provider, self.model, what)
    }

    /// What counts as input: tools, system text, messages, and the form of the answer.
    fn prompt(&mut self, request: &'a ModelRequest) -> Result<Body<'a>, ProviderError> {
        let tools = self.tools(request)?;
        let mut system = Vec::with_capacity(request.system.len());
        for block in &request.system {
            let cache_control = self.cache(block.cache);
            system.push(Block::Known(KnownBlock::Text { text: &block.text, cache_control }));
        }
        let mut messages = Vec::with_capacity(request.messages.len());
        for message in &request.messages {
            let content = self.content(message)?;
            // Thoughts of another model leave nothing behind.
            if !content.is_empty() {
                messages.push(Turn { role: self.role(message.role), content });
            }
        }
        if messages.last().is_some_and(|turn| turn.role == "assistant") && !self.profile.prefill {
            return Err(self.unsupported("a last message of the assistant's (prefill)"));
        }
        let format = match &request.output {
            OutputFormat::JsonSchema(output) => {
                Some(wire::Format { r#type: "json_schema", schema: output.schema.raw() })
            }
            OutputFormat::Json => {
                self.warn("output", "this vendor has no JSON mode; the model is told to answer in JSON");
                system.push(Block::Known(KnownBlock::Text { text: JSON_ALONE, cache_control: None }));
                None
            }
            _ => None,
        };
        Ok(Body {
            model: self.model.as_str(),
            max_tokens: None,
            stream: false,
            system,
            messages,
            tools,
            tool_choice: self.tool_choice(request)?,
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
                Tool::Function(tool) => tools.push(wire::Tool::Function {
                    name: &tool.name,
                    description: &tool.description,
                    input_schema: tool.schema.raw(),
                    strict: tool.strict,
                    cache_control: self.cache(tool.cache),
                }),
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

    fn role(&mut self, role: MessageRole) -> &'static str {
        match role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
            MessageRole::System if self.profile.system_turns => "system",
            MessageRole::System => {
                self.warn(
                    "system",
                    "this model takes no instructions between turns; they are sent as the user's",
                );
                "user"
            }
        }
    }

    fn source(&self, source: &'a Source) -> Result<wire::Source<'a>, ProviderError> {
        match source {
            Source::Base64 { media_type, data } => Ok(wire::Source::Base64 { media_type, data }),
            Source::Url { url } => Ok(wire::Source::Url { url }),
            Source::File { id, vendor: ModelProvider::Anthropic } => Ok(wire::Source::File { file_id: id }),
            _ => Err(self.unsupported("a file that another vendor has")),
        }
    }

    fn content(&mut self, message: &'a Message) -> Result<Vec<Block<'a>>, ProviderError> {
        let mut blocks = Vec::with_capacity(message.parts.len());
        // The vendor wants tool results before anything else in a turn.
        for results in [true, false] {
            for part in message.parts.iter().filter(|part| matches!(part, Part::ToolResult { .. }) == results)
            {
                blocks.extend(self.block(part)?);
            }
        }
        Ok(blocks)
    }

    fn block(&mut self, part: &'a Part) -> Result<Option<Block<'a>>, ProviderError> {
        let known = match part {
            // The vendor refuses empty texts.
            Part::Text { text, .. } if text.is_empty() => return Ok(None),
            Part::Refusal { text, .. } => KnownBlock::Text { text, cache_control: None },
            Part::Text { text, cache, .. } => KnownBlock::Text { text, cache_control: self.cache(*cache) },
            Part::Image { source, cache, .. } => {
                KnownBlock::Image { source: self.source(source)?, cache_control: self.cache(*cache) }
            }
            Part::Document { source, name, cache, .. } => KnownBlock::Document {
                source: self.source(source)?,
                title: name.as_deref(),
                cache_control: self.cache(*cache),
            },
            Part::Thinking { text, opaque, .. } => match self.own(opaque.as_ref()) {
                Some(signature) => KnownBlock::Thinking { thinking: text, signature },
                None => return Ok(None),
            },
            Part::ToolUse { id, name, input, cache, .. } => {
                let cache_control = self.cache(*cache);
                KnownBlock::ToolUse { id, name, input: arguments(input), cache_control }
            }
            Part::ToolResult { tool_use_id, content, is_error, cache, .. } => {
                let mut blocks = Vec::with_capacity(content.len());
                for part in content {
                    blocks.extend(self.block(part)?);
                }
                let cache_control = self.cache(*cache);
                KnownBlock::ToolResult { tool_use_id, content: blocks, is_error: *is_error, cache_control }
            }
            Part::Vendor { opaque, .. } => {
                let Some(data) = self.own(Some(opaque)) else { return Ok(None) };
                let block = RawValue::from_string(data.to_owned())
                    .map_err(|_| self.unsupported("a vendor part that is not JSON"))?;
                return Ok(Some(Block::Verbatim(block)));
            }
            Part::Audio { .. } => return Err(self.unsupported("a recording")),
            _ => return Err(self.unsupported("a part of this kind")),
        };
        Ok(Some(Block::Known(known)))
    }

    /// The state, if this model minted it; the vendor refuses that of any other.
    fn own(&self, opaque: Option<&'a Opaque>) -> Option<&'a str> {
        let opaque =
            opaque.filter(|opaque| opaque.belongs_to(&ModelProvider::Anthropic, self.model, self.provider));
        opaque.map(|opaque| opaque.data.as_str())
    }

    fn cache(&mut self, ttl: Option<CacheTtl>) -> Option<CacheControl> {
        let ttl = match ttl? {
            CacheTtl::OneHour => "1h",
            _ => "5m",
        };
        self.breakpoints += 1;
        if self.breakpoints == MAX_BREAKPOINTS + 1 {
            self.warn("cache", format!("only the first {MAX_BREAKPOINTS} cache hints are sent"));
        }
        (self.breakpoints <= MAX_BREAKPOINTS).then_some(CacheControl { r#type: "ephemeral", ttl })
    }

    fn tool_choice(&self, request: &'a ModelRequest) -> Result<Option<wire::ToolChoice<'a>>, ProviderError> {
        if request.tools.is_empty() {
            return Ok(None);
        }
        if request.tool_choice.is_forced() && !self.profile.forced_tools {
            return Err(self.unsupported("a forced tool call"));
        }
        let disable_parallel_tool_use = (request.parallel_tools == Some(false)).then_some(true);
        let (r#type, name) = match &request.tool_choice {
            ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => match disable_parallel_tool_use
            {
                None => return Ok(None),
                Some(_) => ("auto", None),
            },
            ToolChoice::None => {
                return Ok(Some(wire::ToolChoice {
                    r#type: "none",
                    name: None,
                    disable_parallel_tool_use: None,
                }));
            }
            ToolChoice::Required | ToolChoice::Allowed { .. } => ("any", None),
            ToolChoice::Tool(name) => ("tool", Some(name.as_str())),
            _ => return Err(self.unsupported("this choice of tools")),
        };
        Ok(Some(wire::ToolChoice { r#type, name, disable_parallel_tool_use }))
    }

    fn thinking(&mut self, request: &ModelRequest, max_tokens: u64, body: &mut Body<'_>) {
        match self.profile.thinking {
            ThinkingForm::Adaptive { optional } => {
                let display = request.show_thinking.map(|shown| if shown { "summarized" } else { "omitted" });
                if request.thinking_budget.is_some() {
                    self.warn("thinking_budget", "this model takes no number of tokens for thinking");
                }
                match request.effort {
                    Some(Effort::None) if optional => body.thinking = Some(Thinking::Disabled),
                    Some(effort) => {
                        body.thinking = Some(Thinking::Adaptive { display });
                        let level = self.profile.efforts.settle(effort, &mut self.warnings);
                        body.output_config.effort = level.map(Effort::as_str);
                    }
                    None if request.show_thinking == Some(true) => {
                        body.thinking = Some(Thinking::Adaptive { display });
                    }
                    None => {}
                }
            }
            ThinkingForm::Budget => {
                let effort = request.effort.filter(|effort| *effort != Effort::None).map(budget);
                let Some(budget) = request.thinking_budget.map(u64::from).or(effort) else { return };
                let budget = budget.min(max_tokens / 2);
                if budget < MIN_BUDGET {
                    self.warn("effort", "max_tokens leaves no room for thinking; it is left out");
                } else {
                    body.thinking = Some(Thinking::Enabled { budget_tokens: budget });
                }
            }
        }
    }

    fn sampling(&mut self, request: &ModelRequest, body: &mut Body<'_>) {
        let sampling = &request.sampling;
        let thinking = matches!(body.thinking, Some(Thinking::Enabled { .. }));
        let allowed = self.profile.sampling && !thinking;
        let reason = if thinking { "not taken while the model thinks" } else { "not taken by this model" };
        let mut left_out =
            |about: &str, why: &str| self.warn(about, format!("{about} is {why}; it is left out"));
        if allowed {
            // 1 is the most that this vendor takes; others go to 2.
            body.temperature = sampling.temperature.map(|temperature| temperature.min(1.0));
            body.top_k = sampling.top_k;
            if sampling.temperature.is_none() {
                body.top_p = sampling.top_p;
            } else if sampling.top_p.is_some() {
                left_out("top_p", "not taken together with temperature");
            }
            if sampling.temperature.is_some_and(|temperature| temperature > 1.0) {
                self.warn("temperature", "the highest temperature is 1; that is asked for");
            }
        } else {
            let set = [
                ("temperature", sampling.temperature.is_some()),
                ("top_p", sampling.top_p.is_some()),
                ("top_k", sampling.top_k.is_some()),
            ];
            set.iter().filter(|(_, set)| *set).for_each(|(about, _)| left_out(about, reason));
        }
        let never = [
            ("seed", sampling.seed.is_some()),
            ("presence_penalty", sampling.presence_penalty.is_some()),
            ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ];
        for (about, _) in never.iter().filter(|(_, set)| *set) {
            self.warn(about, format!("{about} is not taken by this vendor; it is left out"));
        }
    }
}

fn is_allowed(tool: &Tool, choice: &ToolChoice) -> bool {
    match choice {
        ToolChoice::Allowed { names, .. } => {
            tool.name().is_some_and(|own| names.iter().any(|name| name == own))
        }
        _ => true,
    }
}

/// The vendor wants an object; what a model broke off stays readable inside one.
fn arguments(input: &ToolInput) -> Cow<'_, Value> {
    match input {
        ToolInput::Json(value) if value.is_object() => Cow::Borrowed(value),
        other => Cow::Owned(json!({ "input": other.to_text() })),
    }
}

/// How many tokens of thinking a level is worth where the vendor takes a number.
fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal => MIN_BUDGET,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 16_384,
        Effort::XHigh => 24_576,
        _ => 32_768,
    }
}

#[cfg(test)]
mod tests {
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
