//! Requests of clients.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use forge_core::{
    Message, ModelId, ModelProvider, ModelRequest,
    event::Delta,
    request::{
        CacheTtl, Delivery, Effort, FunctionTool, InvalidBody, MessageRole, OutputFormat, Part, Source,
        SystemText, Tool, ToolChoice, ToolInput,
    },
};
use forge_http::{
    from_json,
    ingress::{Incoming, ReplyHead},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::render::Renderer;
use crate::{blocks, wire::incoming as wire};

/// The name of a schema where the dialect has none.
const OUTPUT: &str = "output";

/// Reads a request, to be answered under the name of `head`.
pub(super) fn request(body: &Bytes, head: &ReplyHead) -> Result<Incoming, InvalidBody> {
    let Asked { model, request, unknown } = read(body)?;
    let reply = Box::new(Renderer::new(head, &model));
    Ok(Incoming { model, request, unknown, reply })
}

/// What a body asks for.
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) request: ModelRequest,
    /// The fields on the top level that have no place in the request.
    pub(super) unknown: Vec<String>,
}

/// Reads a body.
pub(super) fn read(body: &Bytes) -> Result<Asked, InvalidBody> {
    // As a map first: of a field that stands twice the last one counts, as in every parser of JSON.
    let fields: BTreeMap<Cow<'_, str>, &RawValue> =
        from_json(body).map_err(|error| at("the body", &error))?;
    let mut fields = Fields(fields);
    let model: String = fields.required("model")?;
    let reader = Reader { model: ModelId::from(model.as_str()) };
    let mut request = ModelRequest::default();
    for block in fields.take::<&RawValue>("system")?.map(texts).transpose()?.unwrap_or_default() {
        request = request.with_system_text(block);
    }
    for (turn, raw) in fields.required::<Vec<&RawValue>>("messages")?.into_iter().enumerate() {
        request.messages.push(reader.turn(raw, &format!("messages.{turn}"))?);
    }
    for (place, raw) in fields.take::<Vec<&RawValue>>("tools")?.unwrap_or_default().into_iter().enumerate() {
        request.tools.push(tool(raw, &format!("tools.{place}"))?);
    }
    if let Some(choice) = fields.take::<wire::ToolChoice>("tool_choice")? {
        request.parallel_tools = (choice.disable_parallel_tool_use == Some(true)).then_some(false);
        request.tool_choice = tool_choice(choice)?;
    }
    request.max_tokens = fields.take("max_tokens")?;
    request.sampling.temperature = fields.take("temperature")?;
    request.sampling.top_p = fields.take("top_p")?;
    request.sampling.top_k = fields.take("top_k")?;
    request.stop_sequences = fields.take("stop_sequences")?.unwrap_or_default();
    let streams = fields.take::<bool>("stream")?.unwrap_or(false);
    request.delivery = if streams { Delivery::Stream } else { Delivery::Whole };
    let thinking = fields.take::<wire::Thinking>("thinking")?;
    let output = fields.take::<wire::OutputConfig<'_>>("output_config")?;
    think(&mut request, thinking, output.as_ref().and_then(|output| output.effort.as_deref()))?;
    if let Some(format) = output.and_then(|output| output.format) {
        let wire::Format { schema } = value(format, "output_config.format")?;
        request.output = OutputFormat::json_schema(OUTPUT, schema);
    }
    let unknown = fields.0.keys().map(|name| name.clone().into_owned()).collect();
    for (name, raw) in fields.0 {
        let field: Value = value(raw, &name)?;
        request.extra.insert(ModelProvider::Anthropic, name.into_owned(), field);
    }
    if request.messages.is_empty() {
        return Err(InvalidBody::new("messages: at least one message is required"));
    }
    Ok(Asked { model, request, unknown })
}

/// The fields of a body that were not read yet.
struct Fields<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Fields<'a> {
    fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, InvalidBody> {
        match self.0.remove(name) {
            Some(raw) if raw.get() != "null" => value(raw, name).map(Some),
            _ => Ok(None),
        }
    }

    fn required<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, InvalidBody> {
        self.take(name)?.ok_or_else(|| InvalidBody::new(format!("{name}: Field required")))
    }
}

fn at(place: &str, error: &serde_json::Error) -> InvalidBody {
    InvalidBody::new(format!("{place}: {error}"))
}

fn value<'a, T: Deserialize<'a>>(raw: &'a RawValue, place: &str) -> Result<T, InvalidBody> {
    serde_json::from_str(raw.get()).map_err(|error| at(place, &error))
}

/// The blocks of a list, or a text as the only one.
fn items<'a>(raw: &'a RawValue, place: &str) -> Result<Items<'a>, InvalidBody> {
    match raw.get().as_bytes().first() {
        Some(b'"') => value(raw, place).map(Items::Text),
        _ => value(raw, place).map(Items::Blocks),
    }
}

enum Items<'a> {
    Text(String),
    Blocks(Vec<&'a RawValue>),
}

/// The system text.
fn texts(raw: &RawValue) -> Result<Vec<SystemText>, InvalidBody> {
    let blocks = match items(raw, "system")? {
        Items::Text(text) => return Ok(vec![SystemText::new(text)]),
        Items::Blocks(blocks) => blocks,
    };
    let text = |(place, raw): (usize, &RawValue)| {
        let wire::Text { text, cache_control, .. } = value(raw, &format!("system.{place}"))?;
        let mut block = SystemText::new(text);
        block.cache = cache(cache_control.as_ref());
        Ok(block)
    };
    blocks.into_iter().enumerate().map(text).collect()
}

struct Reader {
    /// What the client calls the model, which counts as the one that minted the state.
    model: ModelId,
}

impl Reader {
    fn turn(&self, raw: &RawValue, place: &str) -> Result<Message, InvalidBody> {
        let turn: wire::Turn<'_> = value(raw, place)?;
        let role = match &*turn.role {
            "user" => MessageRole::User,
            "assistant" => MessageRole::Assistant,
            "system" => MessageRole::System,
            other => {
                let words = format!("{place}.role: `{other}` is none of `user`, `assistant` and `system`");
                return Err(InvalidBody::new(words));
            }
        };
        Ok(Message::new(role, self.content(turn.content, &format!("{place}.content"))?))
    }

    fn content(&self, raw: &RawValue, place: &str) -> Result<Vec<Part>, InvalidBody> {
        match items(raw, place)? {
            Items::Text(text) => Ok(vec![Part::text(text)]),
            Items::Blocks(blocks) => {
                let part = |(at, raw): (usize, &RawValue)| self.part(raw, &format!("{place}.{at}"));
                blocks.into_iter().enumerate().map(part).collect()
            }
        }
    }

    fn part(&self, raw: &RawValue, place: &str) -> Result<Part, InvalidBody> {
        let kind: wire::Kind<'_> = value(raw, place)?;
        let opaque = |data: String| blocks::opaque(&self.model, data);
        Ok(match kind.r#type.as_deref() {
            Some("text") => {
                let wire::Text { text, citations, cache_control } = value(raw, place)?;
                let mut part = marked(Part::text(text), cache_control.as_ref());
                if let Part::Text { citations: known, .. } = &mut part {
                    let named = citations.unwrap_or_default().into_iter().map(blocks::citation);
                    known.extend(named.filter_map(|delta| match delta {
                        Delta::Citation(citation) => Some(*citation),
                        _ => None,
                    }));
                }
                part
            }
            Some("image") => {
                let wire::Media { source, cache_control, .. } = value(raw, place)?;
                marked(Part::image(media(source)), cache_control.as_ref())
            }
            Some("document") => {
                let wire::Media { source, title, cache_control } = value(raw, place)?;
                let document = marked(Part::document(media(source)), cache_control.as_ref());
                title.into_iter().fold(document, Part::with_name)
            }
            Some("thinking") => {
                let wire::Thought { thinking, signature } = value(raw, place)?;
                Part::thinking(thinking).with_opaque((!signature.is_empty()).then(|| opaque(signature)))
            }
            Some("tool_use") => {
                let wire::ToolUse { id, name, input, cache_control } = value(raw, place)?;
                marked(Part::tool_use(id, name, ToolInput::Json(input)), cache_control.as_ref())
            }
            Some("tool_result") => {
                let wire::ToolResult { tool_use_id, content, is_error, cache_control } = value(raw, place)?;
                let content = content.filter(|content| content.get() != "null");
                let content =
                    content.map(|raw| self.content(raw, &format!("{place}.content"))).transpose()?;
                let result = Part::tool_result_parts(tool_use_id, content.unwrap_or_default());
                let result = if is_error == Some(true) { result.failed() } else { result };
                marked(result, cache_control.as_ref())
            }
            // `redacted_thinking`, the vendor's own tools and whatever it adds: it goes back as it is.
            Some(_) => Part::vendor(opaque(raw.get().to_owned())),
            None => return Err(InvalidBody::new(format!("{place}.type: Field required"))),
        })
    }
}

fn media(source: wire::Source) -> Source {
    match source {
        wire::Source::Base64 { media_type, data } => Source::Base64 { media_type, data },
        wire::Source::Url { url } => Source::Url { url },
        wire::Source::File { file_id } => Source::File { id: file_id, vendor: ModelProvider::Anthropic },
        wire::Source::Text { media_type, data } => {
            let media_type = media_type.unwrap_or_else(|| "text/plain".into());
            Source::Base64 { media_type, data: BASE64_STANDARD.encode(data) }
        }
    }
}

fn cache(control: Option<&wire::CacheControl>) -> Option<CacheTtl> {
    control.map(|control| match control.ttl.as_deref() {
        Some("1h") => CacheTtl::OneHour,
        _ => CacheTtl::FiveMinutes,
    })
}

fn marked(part: Part, control: Option<&wire::CacheControl>) -> Part {
    cache(control).into_iter().fold(part, Part::with_cache)
}

/// A function of the client's, or a tool that the vendor runs.
fn tool(raw: &RawValue, place: &str) -> Result<Tool, InvalidBody> {
    let kind: wire::Kind<'_> = value(raw, place)?;
    if kind.r#type.as_deref().is_some_and(|kind| kind != "custom") {
        return Ok(Tool::hosted(ModelProvider::Anthropic, value::<Value>(raw, place)?));
    }
    let wire::FunctionTool { name, description, input_schema, strict, cache_control } = value(raw, place)?;
    let mut tool = FunctionTool::new(name, input_schema);
    tool.description = description.unwrap_or_default();
    tool.strict = strict.unwrap_or(false);
    tool.cache = cache(cache_control.as_ref());
    Ok(Tool::Function(tool))
}

fn tool_choice(choice: wire::ToolChoice) -> Result<ToolChoice, InvalidBody> {
    match (&*choice.r#type, choice.name) {
        ("auto", _) => Ok(ToolChoice::Auto),
        ("any", _) => Ok(ToolChoice::Required),
        ("none", _) => Ok(ToolChoice::None),
        ("tool", Some(name)) => Ok(ToolChoice::Tool(name)),
        ("tool", None) => Err(InvalidBody::new("tool_choice.name: Field required")),
        (other, _) => {
            let words = format!("tool_choice.type: `{other}` is none of `auto`, `any`, `tool` and `none`");
            Err(InvalidBody::new(words))
        }
    }
}

/// How hard the model thinks, and whether it shows what it thinks.
fn think(
    request: &mut ModelRequest,
    thinking: Option<wire::Thinking>,
    effort: Option<&str>,
) -> Result<(), InvalidBody> {
    let known = |word: &str| Effort::ALL.into_iter().find(|level| level.as_str() == word);
    if let Some(word) = effort {
        let words = || InvalidBody::new(format!("output_config.effort: `{word}` is no level of effort"));
        request.effort = Some(known(word).ok_or_else(words)?);
    }
    let shown = |display: Option<String>| display.map(|display| display == "summarized");
    match thinking {
        Some(wire::Thinking::Adaptive { display }) => {
            // Without a level the vendor takes its usual one.
            request.effort = request.effort.or(Some(Effort::High));
            request.show_thinking = shown(display);
        }
        Some(wire::Thinking::Enabled { budget_tokens, display }) => {
            request.thinking_budget = Some(budget_tokens);
            request.show_thinking = shown(display);
        }
        Some(wire::Thinking::Disabled) => request.effort = Some(Effort::None),
        None => {}
    }
    Ok(())
}
