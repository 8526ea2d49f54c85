//! Replies to clients.

use forge_core::{
    ModelResponse, ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, StopDetail, StopReason},
    request::{Citation, Opaque, Part, ToolInput},
};
use forge_http::ingress::{Render, ReplyHead, body, named_data};
use serde_json::{Map, Value, value::RawValue};

use super::refuse::{error_type, message};
use crate::wire::answer as wire;

/// Writes one reply.
#[derive(Debug)]
pub(super) struct Renderer {
    id: String,
    /// What the client calls the model; the vendor's name for it where the reply says so.
    model: String,
    usage: TokenCount,
    /// Whether `message_start` is out. It waits for the first tokens, which clients account for by it.
    started: bool,
    /// Whether the vendor's own frames go out.
    relayed: bool,
    parts: Vec<Written>,
    /// The number of the next block.
    next: u32,
}

/// How a part is written.
#[derive(Debug, Clone, Copy)]
enum Written {
    /// As the block of this number.
    Block(u32),
    /// As the block of this number, which is signed at its end.
    Thought(u32),
    /// A text of which nothing was said. Clients send back what they get, and the vendor refuses a block without text.
    Unsaid,
    /// At its end and all at once.
    Late,
}

impl Renderer {
    pub(super) fn new(head: &ReplyHead, model: &str) -> Self {
        Self {
            id: format!("msg_{}", head.id),
            model: model.to_owned(),
            usage: TokenCount::default(),
            started: false,
            relayed: false,
            parts: Vec::new(),
            next: 0,
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        // The output that a stream opens with is no count yet.
        let usage = wire::Usage { output_tokens: 0, output_tokens_details: None, ..(&self.usage).into() };
        let message = self.message(Vec::new(), usage);
        write(out, &wire::Event::MessageStart { message });
        write(out, &wire::Event::Ping);
    }

    fn message<'a>(&'a self, content: Vec<wire::Block<'a>>, usage: wire::Usage) -> wire::Message<'a> {
        wire::Message {
            id: &self.id,
            r#type: "message",
            role: "assistant",
            model: &self.model,
            content,
            stop_reason: None,
            stop_sequence: None,
            stop_details: None,
            usage,
        }
    }

    /// Opens a block, and returns its number.
    fn open(&mut self, content_block: wire::Block<'_>, out: &mut Vec<u8>) -> u32 {
        let index = self.next;
        self.next += 1;
        write(out, &wire::Event::ContentBlockStart { index, content_block });
        index
    }

    fn begin(&mut self, kind: &PartKind, out: &mut Vec<u8>) {
        let known = match kind {
            PartKind::Vendor => return self.parts.push(Written::Late),
            PartKind::Text => return self.parts.push(Written::Unsaid),
            PartKind::Thinking => wire::KnownBlock::Thinking { thinking: "", signature: "" },
            PartKind::ToolUse(tool) => {
                wire::KnownBlock::ToolUse { id: &tool.id, name: &tool.name, input: Value::Object(Map::new()) }
            }
            _ => EMPTY,
        };
        let block = self.open(wire::Block::Known(known), out);
        let is_thought = *kind == PartKind::Thinking;
        self.parts.push(if is_thought { Written::Thought(block) } else { Written::Block(block) });
    }

    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>) {
        if matches!(self.parts.get(index as usize), Some(Written::Unsaid)) && !delta.is_empty() {
            self.parts[index as usize] = Written::Block(self.open(wire::Block::Known(EMPTY), out));
        }
        let Some(Written::Block(index) | Written::Thought(index)) = self.parts.get(index as usize).copied()
        else {
            return;
        };
        let delta = match delta {
            Delta::Text(text) => wire::Delta::TextDelta { text },
            Delta::Thinking(thinking) => wire::Delta::ThinkingDelta { thinking },
            Delta::ToolInput(partial_json) => wire::Delta::InputJsonDelta { partial_json },
            Delta::Citation(known) => match citation(known) {
                Some(citation) => wire::Delta::CitationsDelta { citation },
                None => return,
            },
            _ => return,
        };
        write(out, &wire::Event::ContentBlockDelta { index, delta });
    }

    /// Closes the block of a part. Text and calls have no place for state in this dialect.
    fn end(&mut self, index: u32, opaque: Option<&Opaque>, out: &mut Vec<u8>) {
        let index = match (self.parts.get(index as usize).copied(), opaque) {
            (Some(Written::Block(block)), _) | (Some(Written::Thought(block)), None) => block,
            (Some(Written::Thought(block)), Some(state)) => {
                let delta = wire::Delta::SignatureDelta { signature: &state.data };
                write(out, &wire::Event::ContentBlockDelta { index: block, delta });
                block
            }
            (Some(Written::Late), Some(state)) => self.open(vendor_block(state), out),
            (Some(Written::Late), None) | (Some(Written::Unsaid) | None, _) => return,
        };
        write(out, &wire::Event::ContentBlockStop { index });
    }

    fn finish(finished: &Finished, out: &mut Vec<u8>) {
        let delta = wire::Stop {
            stop_reason: stop_reason(finished.reason),
            stop_sequence: finished.stop_sequence.as_deref(),
            stop_details: stop_details(finished.reason, finished.detail.as_ref()),
        };
        write(out, &wire::Event::MessageDelta { delta, usage: (&finished.usage).into() });
        write(out, &wire::Event::MessageStop);
    }
}

impl Render for Renderer {
    fn whole(&mut self, reply: &ModelResponse) -> Vec<u8> {
        reply.model.as_str().clone_into(&mut self.model);
        let content = reply.content.iter().filter_map(block).collect();
        let message = wire::Message {
            stop_reason: Some(stop_reason(reply.stop_reason)),
            stop_sequence: reply.stop_sequence.as_deref(),
            stop_details: stop_details(reply.stop_reason, reply.stop_detail.as_ref()),
            ..self.message(content, (&reply.tokens).into())
        };
        body(&message)
    }

    fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        match event {
            StreamEvent::Started(started) => {
                if let Some(model) = &started.model {
                    model.as_str().clone_into(&mut self.model);
                }
                return;
            }
            StreamEvent::UsageUpdated(usage) => {
                self.usage.overwrite(usage);
                return;
            }
            StreamEvent::Relayed(relayed) => {
                self.relayed = true;
                out.extend_from_slice(&relayed.bytes);
                return;
            }
            StreamEvent::Warned(_) => return,
            _ if self.relayed => return,
            _ => {}
        }
        self.start(out);
        match event {
            StreamEvent::PartStarted { kind, .. } => self.begin(kind, out),
            StreamEvent::PartDelta { index, delta } => self.delta(*index, delta, out),
            StreamEvent::PartEnded { index, opaque } => self.end(*index, opaque.as_deref(), out),
            StreamEvent::Finished(finished) => Self::finish(finished, out),
            _ => {}
        }
    }

    fn failure(&mut self, error: &ProviderError, out: &mut Vec<u8>) {
        let error = wire::ErrorBody { r#type: error_type(error.kind), message: &message(error) };
        write(out, &wire::Event::Error { error });
    }

    fn keep_alive(&mut self, out: &mut Vec<u8>) {
        write(out, &wire::Event::Ping);
    }
}

fn write(out: &mut Vec<u8>, event: &wire::Event<'_>) {
    named_data(event.name(), event, out);
}

/// A text as it begins.
const EMPTY: wire::KnownBlock<'static> = wire::KnownBlock::Text { text: "", citations: None };

/// The block of a part of a whole reply; `None` for what an answer never holds, and for a text that says nothing.
fn block(part: &Part) -> Option<wire::Block<'_>> {
    let known = match part {
        Part::Text { text, .. } if text.is_empty() => return None,
        Part::Text { text, citations, .. } => {
            let citations: Vec<_> = citations.iter().filter_map(citation).collect();
            wire::KnownBlock::Text { text, citations: (!citations.is_empty()).then_some(citations) }
        }
        Part::Refusal { text, .. } => wire::KnownBlock::Text { text, citations: None },
        Part::Thinking { text, opaque, .. } => {
            let signature = opaque.as_ref().map_or("", |state| &state.data);
            wire::KnownBlock::Thinking { thinking: text, signature }
        }
        Part::ToolUse { id, name, input, .. } => {
            wire::KnownBlock::ToolUse { id, name, input: arguments(input) }
        }
        Part::Vendor { opaque, .. } => return Some(vendor_block(opaque)),
        _ => return None,
    };
    Some(wire::Block::Known(known))
}

/// The vendor's own block, or state of another, which only its maker can read.
fn vendor_block(state: &Opaque) -> wire::Block<'_> {
    let own = state.data.starts_with('{').then(|| serde_json::from_str::<&RawValue>(&state.data).ok());
    match own.flatten() {
        Some(block) => wire::Block::Verbatim(block),
        None => wire::Block::Known(wire::KnownBlock::RedactedThinking { data: &state.data }),
    }
}

/// The dialect takes an object; what a model broke off stays readable inside one.
fn arguments(input: &ToolInput) -> Value {
    match input {
        ToolInput::Json(value) if value.is_object() => value.clone(),
        other => serde_json::json!({ "input": other.to_text() }),
    }
}

/// The vendor's own citation as it is; of others, those that lead to an address.
fn citation(known: &Citation) -> Option<wire::Citation<'_>> {
    let own = known.raw.as_deref().filter(|raw| raw.contains("_location\""));
    if let Some(raw) = own.and_then(|raw| RawValue::from_string(raw.to_owned()).ok()) {
        return Some(wire::Citation::Verbatim(raw));
    }
    Some(wire::Citation::Web {
        r#type: "web_search_result_location",
        url: known.url.as_deref()?,
        title: known.title.as_deref(),
        cited_text: known.quote.as_deref().unwrap_or_default(),
        encrypted_index: "",
    })
}

const fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::ToolUse => "tool_use",
        StopReason::Paused => "pause_turn",
        StopReason::Refusal | StopReason::ContentFiltered => "refusal",
        StopReason::ContextWindow => "model_context_window_exceeded",
        _ => "end_turn",
    }
}

fn stop_details(reason: StopReason, detail: Option<&StopDetail>) -> Option<wire::StopDetails<'_>> {
    let is_refusal = matches!(reason, StopReason::Refusal | StopReason::ContentFiltered);
    detail.filter(|_| is_refusal).map(|detail| wire::StopDetails {
        r#type: "refusal",
        category: detail.category.as_deref(),
        explanation: detail.explanation.as_deref(),
    })
}
