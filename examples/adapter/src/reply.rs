//! From Acme's replies to the common events.

use forge_core::{
    ErrorKind, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason},
};
use forge_http::{Decode, ErrorReply, Events, Failure, Frame, from_json};

use crate::wire;

/// Decodes one stream.
#[derive(Default)]
pub(crate) struct Decoder {
    started: bool,
    /// The next part's index.
    next: u32,
    /// A text is open.
    in_text: bool,
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        let (Frame::Event { data, .. } | Frame::Stray(data)) = frame;
        let event = from_json(data.as_bytes()).map_err(|error| Failure::decode("an event", &error))?;
        self.take(event, events)
    }
}

/// Decodes a whole reply.
pub(crate) fn from_wire(body: &str, events: &mut Events) -> Result<(), Failure> {
    let list: Vec<wire::Event> =
        from_json(body.as_bytes()).map_err(|error| Failure::decode("the reply", &error))?;
    let is_complete = list.last().is_some_and(|event| event.end.is_some());
    let mut decoder = Decoder::default();
    for event in list {
        decoder.take(event, events)?;
    }
    if is_complete { Ok(()) } else { Err(Failure::truncated()) }
}

impl Decoder {
    fn take(&mut self, event: wire::Event, events: &mut Events) -> Result<(), Failure> {
        if let Some(error) = event.error {
            return Err(failure(error, ErrorKind::Server));
        }
        if !std::mem::replace(&mut self.started, true) {
            events.push_back(Started::new(None, event.model.map(Into::into)).into());
        }
        if let Some(text) = event.say {
            if !std::mem::replace(&mut self.in_text, true) {
                events.push_back(StreamEvent::PartStarted { index: self.next, kind: PartKind::Text });
            }
            events.push_back(StreamEvent::text(self.next, text));
        }
        if let Some(call) = event.call {
            self.end_text(events);
            let (index, kind) = (self.next, PartKind::tool_use(call.id, call.name));
            events.push_back(StreamEvent::PartStarted { index, kind });
            let delta = Delta::ToolInput(call.args.to_string());
            events.push_back(StreamEvent::PartDelta { index, delta });
            events.push_back(StreamEvent::PartEnded { index, opaque: None });
            self.next += 1;
        }
        if let Some(word) = event.end {
            self.end_text(events);
            let reason = match word.as_str() {
                "done" => StopReason::EndTurn,
                "limit" => StopReason::MaxTokens,
                "calls" => StopReason::ToolUse,
                _ => StopReason::Other,
            };
            let usage = TokenCount::default().with_input(event.tokens_in).with_output(event.tokens_out);
            events.push_back(Finished::new(reason).with_raw_reason(word).with_usage(usage).into());
        }
        Ok(())
    }

    fn end_text(&mut self, events: &mut Events) {
        if std::mem::take(&mut self.in_text) {
            events.push_back(StreamEvent::PartEnded { index: self.next, opaque: None });
            self.next += 1;
        }
    }
}

/// Reads an error reply: Acme's own form, or whatever else stands there.
pub(crate) fn classify(reply: &ErrorReply<'_>) -> Failure {
    let plain = Failure::from_status(reply);
    match from_json::<wire::ErrorBody>(reply.body) {
        Ok(body) => failure(body.error, plain.kind),
        Err(_) => plain,
    }
}

fn failure(error: wire::Error, otherwise: ErrorKind) -> Failure {
    let kind = match error.code.as_str() {
        "unknown_model" => ErrorKind::ModelNotFound,
        "no_credit" => ErrorKind::QuotaExhausted,
        "busy" => ErrorKind::Overloaded,
        _ => otherwise,
    };
    let message = if error.text.is_empty() { Failure::nameless().message } else { error.text };
    Failure::new(kind, message).with_code(error.code)
}
