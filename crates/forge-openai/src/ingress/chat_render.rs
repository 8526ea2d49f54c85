//! Chat Completions: replies are written.

use forge_core::{
    ModelResponse, ProviderError, StreamEvent, TokenCount,
    event::{Delta as Piece, Finished, PartKind, StopReason, ToolStart},
    request::{Citation, Opaque, Part, ToolInput},
};
use forge_http::ingress::{Render, ReplyHead, body, data};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    frames,
    refuse::{self, Told},
};
use crate::{
    chat::{call_state, detail_text, give_back},
    wire::{
        answer_chat::{
            Annotation, CallDelta, Choice, Chunk, ChunkChoice, ChunkUsage, Completion, CompletionDetails,
            CustomDelta, Delta, FunctionDelta, Message, PromptDetails, UrlCitation, Usage,
        },
        chat::{Back, CustomCall, FunctionCall, ToolCall},
        content::Arguments,
    },
};

/// Writes one reply.
#[derive(Debug)]
pub(super) struct ChatReply {
    id: String,
    created: i64,
    model: String,
    include_usage: bool,
    begun: bool,
    /// The vendor's own frames go out.
    relayed: bool,
    /// The stream has come to its end, good or bad.
    done: bool,
    parts: Vec<Open>,
    calls: u32,
    refused: bool,
    /// How many characters of the answer went out.
    written: usize,
}

/// A part on its way.
#[derive(Debug)]
struct Open {
    kind: Kind,
    /// Nothing of it went out yet.
    silent: bool,
}

/// What a part is to a client; calls have a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Thinking,
    Function(u32),
    Custom(u32),
    /// What only its vendor understands has no place in this dialect.
    Hidden,
}

impl ChatReply {
    pub(super) fn new(head: &ReplyHead, model: &str, include_usage: bool) -> Self {
        Self {
            id: format!("chatcmpl-{}", head.id),
            created: head.created.timestamp(),
            model: model.to_owned(),
            include_usage,
            begun: false,
            relayed: false,
            done: false,
            parts: Vec::new(),
            calls: 0,
            refused: false,
            written: 0,
        }
    }

    fn chunk(&mut self, delta: Delta<'_>, finish_reason: Option<&'static str>, out: &mut Vec<u8>) {
        self.begin(out);
        let choice = ChunkChoice { index: 0, delta, finish_reason };
        self.write(&[choice], ChunkUsage::Unknown, out);
    }

    /// Writes who speaks, in front of everything else.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
            self.write(&[ChunkChoice { index: 0, delta, finish_reason: None }], ChunkUsage::Unknown, out);
        }
    }

    fn write(&self, choices: &[ChunkChoice<'_>], usage: ChunkUsage, out: &mut Vec<u8>) {
        let Self { id, created, model, .. } = self;
        let usage = self.include_usage.then_some(usage);
        data(&Chunk { id, object: Chunk::OBJECT, created: *created, model, choices, usage }, out);
    }

    fn open(&mut self, kind: &PartKind, out: &mut Vec<u8>) {
        let kind = match kind {
            PartKind::Text => Kind::Text,
            PartKind::Refusal => Kind::Refusal,
            PartKind::Thinking => Kind::Thinking,
            PartKind::ToolUse(start) => self.begin_call(start, out),
            _ => Kind::Hidden,
        };
        self.refused |= kind == Kind::Refusal;
        self.parts.push(Open { kind, silent: true });
    }

    fn begin_call(&mut self, start: &ToolStart, out: &mut Vec<u8>) -> Kind {
        let index = self.calls;
        self.calls += 1;
        let (id, name) = (Some(start.id.as_str()), Some(start.name.as_str()));
        let call = CallDelta { index, id, ..CallDelta::default() };
        let (kind, call) = if start.freeform {
            let custom = Some(CustomDelta { name, input: "" });
            (Kind::Custom(index), CallDelta { r#type: Some("custom"), custom, ..call })
        } else {
            let function = Some(FunctionDelta { name, arguments: "" });
            (Kind::Function(index), CallDelta { r#type: Some("function"), function, ..call })
        };
        self.chunk(Delta { tool_calls: Some([call]), ..Delta::default() }, None, out);
        kind
    }

    fn piece(&mut self, index: u32, piece: &Piece, out: &mut Vec<u8>) {
        let Some(open) = self.parts.get_mut(index as usize) else { return };
        let kind = open.kind;
        let delta = match piece {
            Piece::Text(text) | Piece::Thinking(text) | Piece::ToolInput(text) => {
                if text.is_empty() {
                    return;
                }
                open.silent = false;
                let Some(delta) = written(kind, text) else { return };
                if kind == Kind::Text {
                    self.written += text.chars().count();
                }
                delta
            }
            Piece::Citation(citation) => match annotation(citation, self.written) {
                Some(annotation) => Delta { annotations: Some([annotation]), ..Delta::default() },
                None => return,
            },
            _ => return,
        };
        self.chunk(delta, None, out);
    }

    /// Writes what shows at the end of a part alone.
    fn close(&mut self, index: u32, state: Option<&Opaque>, out: &mut Vec<u8>) {
        let Some(Open { kind, silent }) = self.parts.get(index as usize) else { return };
        let (kind, silent) = (*kind, *silent);
        match (kind, state) {
            (Kind::Thinking, Some(state)) => {
                // What can be read of the thoughts went out, and clients would read it a second time here.
                let mut details = details(state);
                details.retain(|detail| silent || detail_text(detail).is_empty());
                if !details.is_empty() {
                    self.chunk(Delta { reasoning_details: details, ..Delta::default() }, None, out);
                }
            }
            (Kind::Function(index), state) => {
                // Clients read the arguments as JSON, which an empty text is not.
                let arguments = if silent { "{}" } else { "" };
                let extra_content = state.and_then(call_state);
                if silent || extra_content.is_some() {
                    let function = Some(FunctionDelta { name: None, arguments });
                    let call = CallDelta { index, function, extra_content, ..CallDelta::default() };
                    self.chunk(Delta { tool_calls: Some([call]), ..Delta::default() }, None, out);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, finished: &Finished, out: &mut Vec<u8>) {
        // Most clients take a reason that they do not know for a good one.
        if finished.reason == StopReason::Error {
            return self.fail(&refuse::broken(), out);
        }
        if let Some(words) = frames::explanation(finished.reason, self.refused, finished.detail.as_ref()) {
            self.refused = true;
            self.chunk(Delta { refusal: Some(words), ..Delta::default() }, None, out);
        }
        let reason = finish_reason(finished.reason, self.calls > 0, self.refused);
        self.chunk(Delta::default(), Some(reason), out);
        if self.include_usage {
            let usage = usage(&finished.usage).map_or(ChunkUsage::Unknown, ChunkUsage::Known);
            self.write(&[], usage, out);
        }
        out.extend_from_slice(Chunk::DONE);
        self.done = true;
    }

    fn fail(&mut self, told: &Told<'_>, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.done, true) {
            data(&told.body(), out);
        }
    }
}

impl Render for ChatReply {
    fn whole(&mut self, reply: &ModelResponse) -> Vec<u8> {
        let mut message = message(&reply.content);
        let refused = message.refusal.is_some();
        if let Some(words) = frames::explanation(reply.stop_reason, refused, reply.stop_detail.as_ref()) {
            message.refusal = Some(words.to_owned());
        }
        let (calls, refused) = (!message.tool_calls.is_empty(), message.refusal.is_some());
        let finish_reason = finish_reason(reply.stop_reason, calls, refused);
        let completion = Completion {
            id: &self.id,
            object: Completion::OBJECT,
            created: self.created,
            model: &self.model,
            choices: [Choice { index: 0, message, finish_reason }],
            usage: usage(&reply.tokens),
        };
        body(&completion)
    }

    fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            // What is written first depends on whose frames follow.
            StreamEvent::Started(_) => return,
            StreamEvent::Relayed(relayed) => {
                self.relayed = true;
                out.extend_from_slice(&relayed.bytes);
                return;
            }
            _ if self.relayed => return,
            _ => self.begin(out),
        }
        match event {
            StreamEvent::PartStarted { kind, .. } => self.open(kind, out),
            StreamEvent::PartDelta { index, delta } => self.piece(*index, delta, out),
            StreamEvent::PartEnded { index, opaque } => self.close(*index, opaque.as_deref(), out),
            StreamEvent::Finished(finished) => self.finish(finished, out),
            // The tokens are told at the end, and warnings by the server's headers.
            _ => {}
        }
    }

    fn failure(&mut self, error: &ProviderError, out: &mut Vec<u8>) {
        self.fail(&refuse::failed(error, 404), out);
    }

    fn keep_alive(&mut self, out: &mut Vec<u8>) {
        if !self.done {
            out.extend_from_slice(frames::PING);
        }
    }
}

/// A piece of text in the field of its kind.
fn written(kind: Kind, text: &str) -> Option<Delta<'_>> {
    let delta = Delta::default();
    Some(match kind {
        Kind::Text => Delta { content: Some(text), ..delta },
        Kind::Refusal => Delta { refusal: Some(text), ..delta },
        Kind::Thinking => Delta { reasoning_content: Some(text), ..delta },
        Kind::Function(index) => {
            let function = Some(FunctionDelta { name: None, arguments: text });
            Delta { tool_calls: Some([CallDelta { index, function, ..CallDelta::default() }]), ..delta }
        }
        Kind::Custom(index) => {
            let custom = Some(CustomDelta { name: None, input: text });
            Delta { tool_calls: Some([CallDelta { index, custom, ..CallDelta::default() }]), ..delta }
        }
        Kind::Hidden => return None,
    })
}

/// The dialect has one message of one text, whatever the parts were.
fn message(content: &[Part]) -> Message<'_> {
    fn add(field: &mut Option<String>, text: &str) {
        field.get_or_insert_default().push_str(text);
    }
    let mut message = Message { role: "assistant", ..Message::default() };
    let mut written = 0;
    for part in content {
        match part {
            Part::Text { text, citations, .. } => {
                add(&mut message.content, text);
                written += text.chars().count();
                message.annotations.extend(citations.iter().filter_map(|one| annotation(one, written)));
            }
            Part::Refusal { text, .. } => add(&mut message.refusal, text),
            Part::Thinking { text, opaque, .. } => {
                if !text.is_empty() {
                    add(&mut message.reasoning_content, text);
                }
                message.reasoning_details.extend(opaque.iter().flat_map(details));
            }
            Part::ToolUse { id, name, input, opaque, .. } => {
                message.tool_calls.push(call(id, name, input, opaque.as_ref()));
            }
            _ => {}
        }
    }
    message
}

fn call<'a>(id: &'a str, name: &'a str, input: &'a ToolInput, state: Option<&'a Opaque>) -> ToolCall<'a> {
    match input {
        ToolInput::Text(input) => ToolCall::Custom { id, custom: CustomCall { name, input } },
        input => ToolCall::Function {
            id,
            function: FunctionCall { name, arguments: Arguments(input) },
            extra_content: state.and_then(call_state),
        },
    }
}

/// The thoughts of a state that came as a list of details.
fn details(state: &Opaque) -> Vec<&RawValue> {
    let mut back = Back::default();
    give_back(state, &mut back);
    back.reasoning_details
}

/// An annotation of this dialect as it came, or one that is made of an address.
fn annotation(citation: &Citation, written: usize) -> Option<Box<RawValue>> {
    let raw = citation.raw.as_deref().filter(|raw| {
        let fields = serde_json::from_str::<serde_json::Value>(raw);
        fields.is_ok_and(|fields| fields.get(UrlCitation::TYPE).is_some())
    });
    if let Some(raw) = raw {
        return RawValue::from_string(raw.to_owned()).ok();
    }
    let url_citation = frames::url_citation(citation, written)?;
    to_raw_value(&Annotation { r#type: UrlCitation::TYPE, url_citation }).ok()
}

fn finish_reason(reason: StopReason, calls: bool, refused: bool) -> &'static str {
    match reason {
        StopReason::MaxTokens | StopReason::ContextWindow => "length",
        StopReason::ContentFiltered => "content_filter",
        // Without the words of a refusal it would look like a good end.
        StopReason::Refusal if !refused => "content_filter",
        StopReason::Error => "error",
        _ if calls => "tool_calls",
        _ => "stop",
    }
}

/// The tokens, where both totals are known: the fields are numbers, and no number says that it is unknown.
fn usage(tokens: &TokenCount) -> Option<Usage> {
    let (prompt_tokens, completion_tokens) = (tokens.total_input()?, tokens.total_output()?);
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens.saturating_add(completion_tokens),
        prompt_tokens_details: PromptDetails {
            cached_tokens: tokens.cache_read,
            cache_write_tokens: frames::written_to_cache(tokens),
        },
        completion_tokens_details: CompletionDetails { reasoning_tokens: tokens.reasoning },
    })
}
