//! From the common request to the vendor's.

use std::borrow::Cow;

use forge_core::{
    AdapterSettings, CacheTtl, Delivery, Effort, Message, MessageRole, ModelId, ModelProvider, ModelRequest,
    Opaque, OutputFormat, Part, ProviderError, Source, ToolChoice, Warning,
};
use forge_http::to_json;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    profile::{Profile, ThinkingForm, default_max_tokens},
    wire::request::{self as wire, Block, Body, CacheControl, KnownBlock, Thinking, Turn},
};

/// The vendor takes at most this many cache breakpoints.
const MAX_BREAKPOINTS: usize = 4;
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
    let body = to_json(provider, model, &body, &request.extra)?;
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
    to_json(provider, model, &body, &Map::new())
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
        let mut system = Vec::new();
        if !request.system.is_empty() {
            let cache_control = self.cache(request.system_cache);
            system.push(Block::Known(KnownBlock::Text { text: &request.system, cache_control }));
        }
        let mut messages = Vec::with_capacity(request.messages.len());
        for message in &request.messages {
            let content = self.content(message)?;
            // Thoughts of another model leave nothing behind.
            if !content.is_empty() {
                messages.push(Turn { role: role(message.role), content });
            }
        }
        if messages.last().is_some_and(|turn| turn.role == "assistant") && !self.profile.prefill {
            return Err(self.unsupported("a last message of the assistant's (prefill)"));
        }
        let tools = request.tools.iter().map(|tool| wire::Tool {
            name: &tool.name,
            description: &tool.description,
            input_schema: &tool.schema,
            strict: tool.strict,
        });
        let format = match &request.output {
            OutputFormat::Text => None,
            OutputFormat::JsonSchema { schema, .. } => Some(wire::Format { r#type: "json_schema", schema }),
        };
        Ok(Body {
            model: self.model.as_str(),
            max_tokens: None,
            stream: false,
            system,
            messages,
            tools: tools.collect(),
            tool_choice: self.tool_choice(request)?,
            thinking: None,
            output_config: wire::OutputConfig { effort: None, format },
            temperature: None,
            top_p: None,
            top_k: None,
            stop_sequences: &[],
        })
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
            Part::Text { text, cache, .. } => KnownBlock::Text { text, cache_control: self.cache(*cache) },
            Part::Image { source, cache } => {
                KnownBlock::Image { source: wire_source(source), cache_control: self.cache(*cache) }
            }
            Part::Document { source, name, cache } => KnownBlock::Document {
                source: wire_source(source),
                title: name.as_deref(),
                cache_control: self.cache(*cache),
            },
            Part::Thinking { text, opaque } => match self.own(opaque.as_ref()) {
                Some(signature) => KnownBlock::Thinking { thinking: text, signature },
                None => return Ok(None),
            },
            Part::ToolUse { id, name, input, .. } => {
                KnownBlock::ToolUse { id, name, input: arguments(input) }
            }
            Part::ToolResult { tool_use_id, content, is_error, cache } => {
                let mut blocks = Vec::with_capacity(content.len());
                for part in content {
                    blocks.extend(self.block(part)?);
                }
                let cache_control = self.cache(*cache);
                KnownBlock::ToolResult { tool_use_id, content: blocks, is_error: *is_error, cache_control }
            }
            Part::Vendor { opaque } => {
                let Some(data) = self.own(Some(opaque)) else { return Ok(None) };
                let block = RawValue::from_string(data.to_owned())
                    .map_err(|_| self.unsupported("a vendor part that is not JSON"))?;
                return Ok(Some(Block::Verbatim(block)));
            }
        };
        Ok(Some(Block::Known(known)))
    }

    /// The state, if this model minted it; the vendor refuses that of any other.
    fn own(&self, opaque: Option<&'a Opaque>) -> Option<&'a str> {
        let opaque = opaque.filter(|opaque| opaque.belongs_to(&ModelProvider::Anthropic, self.model));
        opaque.map(|opaque| opaque.data.as_str())
    }

    fn cache(&mut self, ttl: Option<CacheTtl>) -> Option<CacheControl> {
        let ttl = match ttl? {
            CacheTtl::FiveMinutes => "5m",
            CacheTtl::OneHour => "1h",
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
        let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
        if forced && !self.profile.forced_tools {
            return Err(self.unsupported("a forced tool call"));
        }
        let disable_parallel_tool_use = (request.parallel_tools == Some(false)).then_some(true);
        let (r#type, name) = match &request.tool_choice {
            ToolChoice::Auto if disable_parallel_tool_use.is_none() => return Ok(None),
            ToolChoice::Auto => ("auto", None),
            ToolChoice::None => {
                return Ok(Some(wire::ToolChoice {
                    r#type: "none",
                    name: None,
                    disable_parallel_tool_use: None,
                }));
            }
            ToolChoice::Required => ("any", None),
            ToolChoice::Tool(name) => ("tool", Some(name.as_str())),
        };
        Ok(Some(wire::ToolChoice { r#type, name, disable_parallel_tool_use }))
    }

    fn thinking(&mut self, request: &ModelRequest, max_tokens: u64, body: &mut Body<'_>) {
        match self.profile.thinking {
            ThinkingForm::Adaptive { optional } => {
                let display = request.show_thinking.then_some("summarized");
                match request.effort {
                    Some(Effort::None) if optional => body.thinking = Some(Thinking::Disabled),
                    Some(effort) => {
                        body.thinking = Some(Thinking::Adaptive { display });
                        let level = self.profile.efforts.settle(effort, &mut self.warnings);
                        body.output_config.effort = level.map(Effort::as_str);
                    }
                    None if display.is_some() => body.thinking = Some(Thinking::Adaptive { display }),
                    None => {}
                }
            }
            ThinkingForm::Budget => {
                let Some(effort) = request.effort.filter(|effort| *effort != Effort::None) else { return };
                let budget = budget(effort).min(max_tokens / 2);
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

fn role(role: MessageRole) -> &'static str {
    match role {
        MessageRole::User => "user",
        MessageRole::Assistant => "assistant",
    }
}

/// The vendor wants an object; what a model broke off stays readable inside one.
fn arguments(input: &Value) -> Cow<'_, Value> {
    if input.is_object() { Cow::Borrowed(input) } else { Cow::Owned(json!({ "input": input })) }
}

fn wire_source(source: &Source) -> wire::Source<'_> {
    match source {
        Source::Base64 { media_type, data } => wire::Source::Base64 { media_type, data },
        Source::Url { url } => wire::Source::Url { url },
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
        Effort::Max => 32_768,
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
        let opaque = Opaque { provider: ModelProvider::Anthropic, model: model.clone(), data };
        let turn = Message { role: MessageRole::Assistant, parts: vec![Part::Vendor { opaque }] };
        let mut request = ModelRequest::new("").with_message(turn).with_user_message("go on");
        request.extra.insert("service_tier".into(), json!("standard_only"));
        let body =
            String::from_utf8(to_wire("p", &model, &request, &AdapterSettings::new("p")).unwrap().body)
                .unwrap();
        assert!(body.contains(block) && body.contains(r#""service_tier":"standard_only""#), "{body}");
    }
}
