//! Replies to clients.

use forge_core::{
    ModelProvider, ModelResponse, ProviderError, StreamEvent,
    event::{Delta, Finished, PartKind, ToolStart},
    request::{Citation, Opaque, Part, ToolInput},
};
use forge_http::ingress::{Render, ReplyHead, body, data};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    address::Framing,
    end::{End, findings},
    refuse::{blocked, failed},
};
use crate::{
    contents::arguments,
    wire::{
        answer as wire,
        request::{Content, FunctionCall, KnownPart, Part as WirePart, PartContent},
    },
};

/// Writes one reply.
#[derive(Debug)]
pub(super) struct Renderer {
    id: String,
    /// What the client calls the model; the vendor's name for it where the reply says so.
    model: String,
    framing: Framing,
    /// Whether a frame is out.
    begun: bool,
    /// The vendor's own frames go out.
    relayed: bool,
    parts: Vec<Open>,
    called: bool,
    /// What the text rests on, which the last frame says.
    citations: Vec<Citation>,
}

/// A part on its way.
#[derive(Debug)]
struct Open {
    kind: PartKind,
    /// The arguments of a call so far: the dialect's clients take a call whole or not at all.
    input: String,
}

impl Renderer {
    pub(super) fn new(head: &ReplyHead, model: &str, framing: Framing) -> Self {
        Self {
            id: head.id.clone(),
            model: model.to_owned(),
            framing,
            begun: false,
            relayed: false,
            parts: Vec::new(),
            called: false,
            citations: Vec::new(),
        }
    }

    /// Writes a frame with these parts.
    fn put(&mut self, parts: Vec<WirePart<'_>>, out: &mut Vec<u8>) {
        let is_first = !std::mem::replace(&mut self.begun, true);
        self.write(is_first, &self.reply(candidate(parts)), out);
    }

    fn reply<'a>(&'a self, candidate: wire::Candidate<'a>) -> wire::Reply<'a> {
        wire::Reply {
            candidates: Some([candidate]),
            model_version: &self.model,
            response_id: &self.id,
            ..wire::Reply::default()
        }
    }

    fn write(&self, is_first: bool, frame: &impl Serialize, out: &mut Vec<u8>) {
        match self.framing {
            Framing::Events => data(frame, out),
            Framing::List => {
                out.extend_from_slice(if is_first { b"[" } else { b",\r\n" });
                out.extend_from_slice(&body(frame));
            }
        }
    }

    fn delta(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(words) if !words.is_empty() => self.put(vec![text(words, false, None)], out),
            Delta::Thinking(words) if !words.is_empty() => self.put(vec![text(words, true, None)], out),
            Delta::ToolInput(piece) => {
                if let Some(open) = self.parts.get_mut(index as usize) {
                    open.input.push_str(piece);
                }
            }
            Delta::Citation(citation) => self.citations.push((**citation).clone()),
            _ => {}
        }
    }

    fn end(&mut self, index: u32, state: Option<&Opaque>, out: &mut Vec<u8>) {
        let Some(Open { kind, input }) = self.parts.get_mut(index as usize) else { return };
        let (kind, input) = (kind.clone(), std::mem::take(input));
        match kind {
            PartKind::ToolUse(start) => {
                let ToolStart { id, name, freeform, .. } = &*start;
                let input = if *freeform { ToolInput::Text(input) } else { ToolInput::parse(input) };
                self.called = true;
                self.put(vec![call(id, name, &input, state)], out);
            }
            PartKind::Vendor => {
                if let Some(part) = state.and_then(verbatim) {
                    self.put(vec![part], out);
                }
            }
            kind => {
                // The text is out already. The vendor itself signs an empty one where its text came in pieces.
                if let Some(signature) = signature(state) {
                    let thought = kind == PartKind::Thinking;
                    self.put(vec![text("", thought, Some(signature))], out);
                }
            }
        }
    }

    /// The last frame, which alone says why and for how many tokens.
    fn finish(&mut self, finished: &Finished, out: &mut Vec<u8>) {
        let is_first = !std::mem::replace(&mut self.begun, true);
        let end = End {
            reason: finished.reason,
            raw: finished.raw_reason.as_deref(),
            called: self.called,
            detail: finished.detail.as_ref(),
        };
        // Some clients take a frame without any part for a broken reply.
        let parts = vec![text("", false, None)];
        let candidate =
            end.of(wire::Candidate { grounding_metadata: findings(&self.citations), ..candidate(parts) });
        let frame = wire::Reply { usage_metadata: wire::Usage::of(&finished.usage), ..self.reply(candidate) };
        self.write(is_first, &frame, out);
        if self.framing == Framing::List {
            out.push(b']');
        }
    }
}

impl Render for Renderer {
    fn content_type(&self) -> &'static str {
        match self.framing {
            Framing::Events => "text/event-stream",
            Framing::List => "application/json",
        }
    }

    fn whole(&mut self, reply: &ModelResponse) -> Vec<u8> {
        reply.model.as_str().clone_into(&mut self.model);
        let parts: Vec<_> = reply.content.iter().filter_map(part).collect();
        let citations: Vec<Citation> = reply.content.iter().flat_map(citations).cloned().collect();
        let is_call = |part: &Part| matches!(part, Part::ToolUse { .. });
        let end = End {
            reason: reply.stop_reason,
            raw: reply.raw_stop_reason.as_deref(),
            called: reply.content.iter().any(is_call),
            detail: reply.stop_detail.as_ref(),
        };
        let candidate =
            end.of(wire::Candidate { grounding_metadata: findings(&citations), ..candidate(parts) });
        body(&wire::Reply { usage_metadata: wire::Usage::of(&reply.tokens), ..self.reply(candidate) })
    }

    fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        match event {
            StreamEvent::Started(started) => {
                if let Some(model) = &started.model {
                    model.as_str().clone_into(&mut self.model);
                }
            }
            StreamEvent::Relayed(relayed) => {
                (self.begun, self.relayed) = (true, true);
                out.extend_from_slice(&relayed.bytes);
            }
            _ if self.relayed => {}
            StreamEvent::PartStarted { kind, .. } => {
                self.parts.push(Open { kind: kind.clone(), input: String::new() });
            }
            StreamEvent::PartDelta { index, delta } => self.delta(*index, delta, out),
            StreamEvent::PartEnded { index, opaque } => self.end(*index, opaque.as_deref(), out),
            StreamEvent::Finished(finished) => self.finish(finished, out),
            _ => {}
        }
    }

    fn failure(&mut self, error: &ProviderError, out: &mut Vec<u8>) {
        let is_first = !std::mem::replace(&mut self.begun, true);
        match blocked(error).filter(|_| is_first) {
            Some(feedback) => {
                let prompt_feedback = Some(feedback);
                let (model_version, response_id) = (self.model.as_str(), self.id.as_str());
                let frame =
                    wire::Reply { prompt_feedback, model_version, response_id, ..wire::Reply::default() };
                self.write(is_first, &frame, out);
            }
            None => self.write(is_first, &failed(error).body(), out),
        }
        // A list with nothing but the error is the vendor's own form of one; any other list stays open, since it has no good
        // end.
        if self.framing == Framing::List && is_first {
            out.push(b']');
        }
    }

    // Clients take a comment or the name of an event for a broken reply; in a list, it is white space.
    fn keep_alive(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\n\n");
    }
}

fn candidate(parts: Vec<WirePart<'_>>) -> wire::Candidate<'_> {
    wire::Candidate {
        content: Content { role: "model", parts },
        finish_reason: None,
        finish_message: None,
        grounding_metadata: None,
        index: 0,
    }
}

/// The part of a whole reply; `None` for what an answer never holds, and for what another vendor alone understands.
fn part(part: &Part) -> Option<WirePart<'_>> {
    match part {
        Part::Text { text: words, opaque, .. } => {
            let signature = signature(opaque.as_ref());
            (!words.is_empty() || signature.is_some()).then(|| text(words, false, signature))
        }
        Part::Refusal { text: words, .. } => Some(text(words, false, None)),
        Part::Thinking { text: words, opaque, .. } => {
            let signature = signature(opaque.as_ref());
            (!words.is_empty() || signature.is_some()).then(|| text(words, true, signature))
        }
        Part::ToolUse { id, name, input, opaque, .. } => Some(call(id, name, input, opaque.as_ref())),
        Part::Vendor { opaque, .. } => verbatim(opaque),
        _ => None,
    }
}

fn text<'a>(words: &'a str, thought: bool, thought_signature: Option<&'a str>) -> WirePart<'a> {
    WirePart::Known(KnownPart { content: PartContent::Text(words), thought, thought_signature })
}

fn call<'a>(id: &'a str, name: &'a str, input: &'a ToolInput, state: Option<&'a Opaque>) -> WirePart<'a> {
    let content = PartContent::FunctionCall(FunctionCall { id, name, args: arguments(input) });
    WirePart::Known(KnownPart { content, thought: false, thought_signature: signature(state) })
}

/// The vendor's own part.
fn verbatim(state: &Opaque) -> Option<WirePart<'static>> {
    let data = signature(Some(state)).filter(|data| data.starts_with('{'))?;
    RawValue::from_string(data.to_owned()).ok().map(WirePart::Verbatim)
}

/// State of this vendor's. That of another would come back as a signature, and the vendor refuses a turn with a wrong one.
fn signature(state: Option<&Opaque>) -> Option<&str> {
    state.filter(|state| state.provider == ModelProvider::Google).map(|state| state.data.as_str())
}

fn citations(part: &Part) -> &[Citation] {
    match part {
        Part::Text { citations, .. } => citations,
        _ => &[],
    }
}
