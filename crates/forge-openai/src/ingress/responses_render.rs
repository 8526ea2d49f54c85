//! Responses: replies are written.

use std::cell::Cell;

use bytes::Bytes;
use forge_core::{
    ErrorKind, ModelProvider, ModelRequest, ModelResponse, ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, StopReason, ToolStart},
    request::{Opaque, Part, ToolInput},
};
use forge_http::ingress::{Render, ReplyHead, body, named_data};
use serde_json::{
    Value,
    value::{RawValue, to_value},
};

use super::{
    final_response::Repeated,
    frames,
    refuse::{self, Told},
    responses_item::{COMPLETED, IN_PROGRESS, INCOMPLETE, Item, Kind, kept},
};
use crate::{
    responses::tool_choice,
    wire::answer_responses::{
        Event, Fault, IncompleteDetails, InputDetails, Kept, OutputDetails, Response, Usage,
    },
};

/// Writes one reply. Each part is an output item.
#[derive(Debug)]
pub(super) struct ResponsesReply {
    /// The server's id of the call.
    call: String,
    id: String,
    created: i64,
    model: String,
    parallel_tool_calls: bool,
    tool_choice: Value,
    begun: bool,
    /// The last of the vendor's own events, where those go out.
    relayed: Option<Bytes>,
    /// The stream has come to its end, good or bad.
    done: bool,
    /// The number of the next event.
    sequence: Cell<u64>,
    /// By the indices of the parts.
    parts: Vec<Slot>,
    /// By their places, once they are whole.
    output: Vec<Option<Box<RawValue>>>,
    refused: bool,
    /// Of a response that is stored.
    repeated: Option<Repeated>,
}

/// What is known of a part.
#[derive(Debug)]
enum Slot {
    /// Only its vendor understands it; it becomes an item when it ends.
    Late,
    /// A text of which nothing was said: it becomes an item with its first piece.
    Unsaid,
    Open(Open),
}

/// An item that is not whole.
#[derive(Debug)]
struct Open {
    item: Item,
    at: usize,
    ended: bool,
}

impl ResponsesReply {
    pub(super) fn new(head: &ReplyHead, model: &str, request: &ModelRequest) -> Self {
        let choice = tool_choice(request).and_then(|choice| to_value(choice).ok());
        Self {
            call: head.id.clone(),
            id: format!("resp_{}", head.id),
            created: head.created.timestamp(),
            model: model.to_owned(),
            parallel_tool_calls: request.parallel_tools.unwrap_or(true),
            tool_choice: choice.unwrap_or_else(|| "auto".into()),
            begun: false,
            relayed: None,
            done: false,
            sequence: Cell::new(0),
            parts: Vec::new(),
            output: Vec::new(),
            refused: false,
            repeated: None,
        }
    }

    /// Has the response say what `repeated` holds, and be there as a whole once it has ended.
    pub(super) fn keep(&mut self, repeated: Repeated) {
        self.repeated = Some(repeated);
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The response as it begins.
    pub(super) fn begun(&self) -> String {
        text(&self.response(IN_PROGRESS))
    }

    fn note(&self, response: &Response<'_>) {
        if let Some(repeated) = &self.repeated {
            repeated.last.set(text(response));
        }
    }

    fn response(&self, status: &'static str) -> Response<'_> {
        Response {
            id: &self.id,
            object: "response",
            created_at: self.created,
            status,
            error: None,
            incomplete_details: None,
            model: &self.model,
            output: &self.output,
            parallel_tool_calls: self.parallel_tool_calls,
            tool_choice: &self.tool_choice,
            tools: [],
            usage: None,
            kept: self.repeated.as_ref().map(|repeated| Kept {
                store: true,
                background: repeated.is_background,
                previous_response_id: repeated.previous.as_deref(),
                metadata: repeated.metadata.as_ref(),
            }),
        }
    }

    /// The response at its end.
    fn ended(&self, reason: StopReason, tokens: &TokenCount) -> Response<'_> {
        let (status, because) = end(reason, self.refused);
        Response {
            error: (status == FAILED).then(|| fault(&refuse::broken())),
            incomplete_details: because.map(|reason| IncompleteDetails { reason }),
            usage: Some(usage(tokens)),
            ..self.response(status)
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for r#type in ["response.created", "response.in_progress"] {
            let response = Some(self.response(IN_PROGRESS));
            send(Event { r#type, response, ..Event::default() }, &self.sequence, out);
        }
    }

    fn open(&mut self, kind: &PartKind, out: &mut Vec<u8>) {
        self.begin(out);
        let slot = match kind {
            PartKind::Text => Slot::Unsaid,
            PartKind::Refusal => Slot::Open(self.item(Kind::Refusal, out)),
            PartKind::Thinking => Slot::Open(self.item(Kind::Thinking, out)),
            PartKind::ToolUse(start) => Slot::Open(self.item(Kind::Call(start.clone()), out)),
            _ => Slot::Late,
        };
        self.parts.push(slot);
    }

    /// Begins an item.
    fn item(&mut self, kind: Kind, out: &mut Vec<u8>) -> Open {
        self.refused |= matches!(kind, Kind::Refusal);
        let at = self.output.len();
        self.output.push(None);
        let open = Open { item: Item::new(kind, &self.call, at), at, ended: false };
        let item = open.item.begun();
        send(Event { r#type: ADDED, item: Some(&item), ..open.about() }, &self.sequence, out);
        if matches!(open.item.kind, Kind::Text | Kind::Refusal) {
            open.write_part("response.content_part.added", &self.sequence, out);
        }
        open
    }

    fn piece(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>) {
        if matches!(self.parts.get(index as usize), Some(Slot::Unsaid)) && !delta.is_empty() {
            self.parts[index as usize] = Slot::Open(self.item(Kind::Text, out));
        }
        let Some(Slot::Open(open)) = self.parts.get_mut(index as usize) else { return };
        match delta {
            Delta::Text(text) | Delta::Thinking(text) | Delta::ToolInput(text) if !text.is_empty() => {
                open.text(text, &self.sequence, out);
            }
            Delta::Citation(citation) if open.item.cite(citation) => {
                let r#type = "response.output_text.annotation.added";
                let annotation = open.item.annotations.last().map(|raw| &**raw);
                let annotation_index = open.item.annotations.len().checked_sub(1);
                let event = Event { r#type, annotation_index, annotation, ..open.inside() };
                send(event, &self.sequence, out);
            }
            _ => {}
        }
    }

    fn close(&mut self, index: u32, state: Option<&Opaque>, status: &'static str, out: &mut Vec<u8>) {
        // An item that the vendor minted is one, whatever it says.
        if matches!(self.parts.get(index as usize), Some(Slot::Unsaid)) && state.is_some_and(is_own) {
            self.parts[index as usize] = Slot::Open(self.item(Kind::Text, out));
        }
        match (self.parts.get_mut(index as usize), state) {
            (Some(Slot::Open(open)), state) if !open.ended => {
                self.output[open.at] = Some(open.close(status, state, &self.sequence, out));
            }
            (Some(Slot::Late), Some(state)) => {
                let at = self.output.len();
                let item = kept(state, &self.call, at);
                for r#type in [ADDED, DONE] {
                    let event =
                        Event { r#type, output_index: Some(at), item: Some(&item), ..Event::default() };
                    send(event, &self.sequence, out);
                }
                self.output.push(Some(item));
            }
            _ => {}
        }
    }

    fn finish(&mut self, finished: &Finished, out: &mut Vec<u8>) {
        self.begin(out);
        if let Some(words) = frames::explanation(finished.reason, self.refused, finished.detail.as_ref()) {
            let index = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
            self.open(&PartKind::Refusal, out);
            self.piece(index, &Delta::Text(words.to_owned()), out);
        }
        let (status, _) = end(finished.reason, self.refused);
        let items = if status == COMPLETED { COMPLETED } else { INCOMPLETE };
        for index in 0..u32::try_from(self.parts.len()).unwrap_or(u32::MAX) {
            self.close(index, None, items, out);
        }
        let r#type = match status {
            COMPLETED => "response.completed",
            INCOMPLETE => "response.incomplete",
            _ => "response.failed",
        };
        let response = self.ended(finished.reason, &finished.usage);
        self.note(&response);
        let response = Some(response);
        send(Event { r#type, response, ..Event::default() }, &self.sequence, out);
        self.done = true;
    }
}

const FAILED: &str = "failed";
const ADDED: &str = "response.output_item.added";
const DONE: &str = "response.output_item.done";

impl Open {
    /// The beginning of an event about the item.
    fn about(&self) -> Event<'_> {
        Event { output_index: Some(self.at), ..Event::default() }
    }

    /// The beginning of an event about what is in the item.
    fn inside(&self) -> Event<'_> {
        let about = Event { item_id: Some(&self.item.id), ..self.about() };
        match self.item.kind {
            Kind::Text | Kind::Refusal => Event { content_index: Some(0), ..about },
            Kind::Thinking => Event { summary_index: Some(0), ..about },
            Kind::Call(_) => about,
        }
    }

    fn write_part(&self, r#type: &'static str, sequence: &Cell<u64>, out: &mut Vec<u8>) {
        send(Event { r#type, part: Some(self.item.part()), ..self.inside() }, sequence, out);
    }

    fn text(&mut self, text: &str, sequence: &Cell<u64>, out: &mut Vec<u8>) {
        if matches!(self.item.kind, Kind::Thinking) && self.item.text.is_empty() {
            self.write_part("response.reasoning_summary_part.added", sequence, out);
        }
        self.item.text.push_str(text);
        self.delta(text, sequence, out);
    }

    fn delta(&self, text: &str, sequence: &Cell<u64>, out: &mut Vec<u8>) {
        let r#type = self.item.kind.delta();
        let logprobs = matches!(self.item.kind, Kind::Text).then_some([]);
        send(Event { r#type, delta: Some(text), logprobs, ..self.inside() }, sequence, out);
    }

    /// Ends the item, which it returns as a whole.
    fn close(
        &mut self,
        status: &'static str,
        state: Option<&Opaque>,
        sequence: &Cell<u64>,
        out: &mut Vec<u8>,
    ) -> Box<RawValue> {
        self.ended = true;
        // A call that was cut off has no arguments yet; one that is whole takes none.
        if status == COMPLETED && self.item.fill() {
            self.delta(&self.item.text, sequence, out);
        }
        self.end_text(sequence, out);
        let item = self.item.ended(status, state);
        send(Event { r#type: DONE, item: Some(&item), ..self.about() }, sequence, out);
        item
    }

    fn end_text(&self, sequence: &Cell<u64>, out: &mut Vec<u8>) {
        let text = Some(self.item.text.as_str());
        let event = Event { r#type: self.item.kind.done(), ..self.inside() };
        let (event, part) = match &self.item.kind {
            // Without thoughts their part has not begun.
            Kind::Thinking if self.item.text.is_empty() => return,
            Kind::Text => (Event { text, logprobs: Some([]), ..event }, Some("response.content_part.done")),
            Kind::Refusal => (Event { refusal: text, ..event }, Some("response.content_part.done")),
            Kind::Thinking => (Event { text, ..event }, Some("response.reasoning_summary_part.done")),
            Kind::Call(start) if start.freeform => (Event { input: text, ..event }, None),
            Kind::Call(start) => (Event { name: Some(&start.name), arguments: text, ..event }, None),
        };
        send(event, sequence, out);
        if let Some(r#type) = part {
            self.write_part(r#type, sequence, out);
        }
    }
}

impl ResponsesReply {
    /// Numbers what this server adds to the vendor's events after those.
    fn go_on(&mut self) {
        let Some(frame) = &self.relayed else { return };
        // Of several frames the last.
        let mut lines = frame.rsplit(|byte| *byte == b'\n');
        let data = lines.find_map(|line| line.strip_prefix(b"data:"));
        let last = data.and_then(|data| serde_json::from_slice::<Numbered>(data).ok());
        self.sequence.set(last.map_or(0, |last| last.sequence_number + 1));
        self.begun = true;
    }
}

/// What numbers an event.
#[derive(serde::Deserialize)]
struct Numbered {
    sequence_number: u64,
}

impl Render for ResponsesReply {
    fn whole(&mut self, reply: &ModelResponse) -> Vec<u8> {
        let refused = reply.content.iter().any(|part| matches!(part, Part::Refusal { .. }));
        let words = frames::explanation(reply.stop_reason, refused, reply.stop_detail.as_ref());
        let refusal = words.map(Part::refusal);
        self.refused = refused || refusal.is_some();
        for part in reply.content.iter().chain(&refusal) {
            if let Some(item) = whole(part, &self.call, self.output.len()) {
                self.output.push(Some(item));
            }
        }
        let response = self.ended(reply.stop_reason, &reply.tokens);
        self.note(&response);
        body(&response)
    }

    fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            // What is written first depends on whose events follow.
            StreamEvent::Started(_) | StreamEvent::UsageUpdated(_) | StreamEvent::Warned(_) => return,
            StreamEvent::Relayed(relayed) => {
                out.extend_from_slice(&relayed.bytes);
                self.relayed = Some(relayed.bytes.clone());
                return;
            }
            _ if self.relayed.is_some() => return,
            _ => self.begin(out),
        }
        match event {
            StreamEvent::PartStarted { kind, .. } => self.open(kind, out),
            StreamEvent::PartDelta { index, delta } => self.piece(*index, delta, out),
            StreamEvent::PartEnded { index, opaque } => {
                self.close(*index, opaque.as_deref(), COMPLETED, out);
            }
            StreamEvent::Finished(finished) => self.finish(finished, out),
            // The tokens are told at the end, and warnings by the server's headers.
            _ => {}
        }
    }

    fn failure(&mut self, error: &ProviderError, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        self.go_on();
        self.begin(out);
        // What is not whole is no output.
        self.output.retain(Option::is_some);
        let (cause, told) = (error.kind, refuse::failed(error, 400));
        let error = fault(&told);
        let (code, message) = (Some(error.code), Some(error.message));
        let nested = Some(told.body().error);
        let event =
            Event { r#type: "error", error: nested, code, message, param: Some(()), ..Event::default() };
        send(event, &self.sequence, out);
        let response = match cause {
            ErrorKind::Cancelled if self.repeated.is_some() => self.response("cancelled"),
            _ => Response { error: Some(error), ..self.response(FAILED) },
        };
        self.note(&response);
        let response = Some(response);
        send(Event { r#type: "response.failed", response, ..Event::default() }, &self.sequence, out);
    }

    fn keep_alive(&mut self, out: &mut Vec<u8>) {
        // Who may go away and come back learns the id at once.
        if self.repeated.is_some() && !self.done {
            self.begin(out);
        }
        if !self.done {
            out.extend_from_slice(frames::PING);
        }
    }
}

/// The JSON text of a response.
fn text(response: &Response<'_>) -> String {
    // Texts and numbers always have a form in JSON.
    serde_json::to_string(response).unwrap_or_default()
}

/// The error of a response, which always has a code.
fn fault<'a>(told: &Told<'a>) -> Fault<'a> {
    Fault { code: told.code.unwrap_or("server_error"), message: told.message }
}

/// Whether a state is the vendor's of this dialect.
fn is_own(state: &Opaque) -> bool {
    state.provider == ModelProvider::OpenAI
}

/// The item of a whole part; `None` for what is no part of a reply, and for a text that says nothing.
fn whole(part: &Part, call: &str, at: usize) -> Option<Box<RawValue>> {
    let (kind, text) = match part {
        Part::Text { text, opaque, .. } if text.is_empty() && !opaque.as_ref().is_some_and(is_own) => {
            return None;
        }
        Part::Text { text, .. } => (Kind::Text, text.clone()),
        Part::Refusal { text, .. } => (Kind::Refusal, text.clone()),
        Part::Thinking { text, .. } => (Kind::Thinking, text.clone()),
        Part::ToolUse { id, name, namespace, input, .. } => {
            let start = ToolStart::new(id, name).with_namespace(namespace.clone());
            let start = if matches!(input, ToolInput::Text(_)) { start.freeform() } else { start };
            (Kind::Call(Box::new(start)), input.to_text())
        }
        Part::Vendor { opaque, .. } => return Some(kept(opaque, call, at)),
        _ => return None,
    };
    let mut item = Item { text, ..Item::new(kind, call, at) };
    if let Part::Text { citations, .. } = part {
        for citation in citations {
            item.cite(citation);
        }
    }
    Some(item.ended(COMPLETED, part.opaque()))
}

/// The status at the end, and why it is incomplete, where the dialect has a word for that.
fn end(reason: StopReason, refused: bool) -> (&'static str, Option<&'static str>) {
    match reason {
        StopReason::MaxTokens | StopReason::ContextWindow => (INCOMPLETE, Some("max_output_tokens")),
        StopReason::ContentFiltered => (INCOMPLETE, Some("content_filter")),
        // Without the words of a refusal it would look like a good end.
        StopReason::Refusal if !refused => (INCOMPLETE, Some("content_filter")),
        StopReason::Paused => (INCOMPLETE, None),
        StopReason::Error => (FAILED, None),
        _ => (COMPLETED, None),
    }
}

/// The tokens of a reply that has ended. Clients break where one of the numbers is missing, so that one which nobody has
/// counted is 0. No call takes no tokens: they can tell.
fn usage(tokens: &TokenCount) -> Usage {
    let (input, output) = (tokens.total_input().unwrap_or(0), tokens.total_output().unwrap_or(0));
    Usage {
        input_tokens: input,
        input_tokens_details: InputDetails {
            cached_tokens: tokens.cache_read.unwrap_or(0),
            cache_write_tokens: frames::written_to_cache(tokens).unwrap_or(0),
        },
        output_tokens: output,
        output_tokens_details: OutputDetails { reasoning_tokens: tokens.reasoning.unwrap_or(0) },
        total_tokens: input.saturating_add(output),
    }
}

fn send(event: Event<'_>, sequence: &Cell<u64>, out: &mut Vec<u8>) {
    let sequence_number = sequence.get();
    sequence.set(sequence_number + 1);
    named_data(event.r#type, &Event { sequence_number, ..event }, out);
}
