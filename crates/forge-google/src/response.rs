//! From the vendor's parts to events, and from its whole reply.

use forge_core::{
    Delta, ErrorKind, ModelId, ModelProvider, Opaque, PartKind, Started, StopReason, StreamEvent,
};
use forge_http::{Events, Failure};
use serde_json::value::RawValue;

use crate::{
    profile::plain_id,
    stream::Decoder,
    wire::reply::{FunctionCall, Part},
};

/// The events of a whole reply to a request for `asked`. It has the form of a stream's one frame.
pub(crate) fn from_wire(body: &[u8], asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let mut decoder = Decoder::new(asked.clone());
    decoder.take(body, events)?;
    if decoder.finish(events) {
        return Ok(());
    }
    Err(Failure::new(ErrorKind::Decode, "the reply has no finishReason; it is not a completion"))
}

pub(crate) fn started(id: Option<String>, model: Option<&str>, asked: &ModelId) -> StreamEvent {
    let served = model.map(plain_id).filter(|served| !served.is_empty());
    let model = served.map(|served| if *asked == served { asked.clone() } else { served.into() });
    StreamEvent::from(Started::new(id, model))
}

/// Why the model stopped. The vendor says `STOP` after calls too.
pub(crate) fn stop_reason(raw: &str, called: bool) -> StopReason {
    match raw {
        "STOP" if called => StopReason::ToolUse,
        "STOP" => StopReason::EndTurn,
        "MAX_TOKENS" => StopReason::MaxTokens,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => StopReason::ContentFiltered,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => StopReason::Error,
        _ => StopReason::Other,
    }
}

/// The parts of one reply, as they come.
#[derive(Debug)]
pub(crate) struct Parts {
    asked: ModelId,
    next: u32,
    /// The last part, if more may be added to it.
    open: Option<PartKind>,
    called: bool,
}

impl Parts {
    pub(crate) fn new(asked: ModelId) -> Self {
        Self { asked, next: 0, open: None, called: false }
    }

    /// Whether the model called a tool.
    pub(crate) fn called(&self) -> bool {
        self.called
    }

    /// Takes a part of the reply `reply_id`. Texts without signatures are joined; a part with a
    /// signature stays by itself, because that is how it must go back.
    pub(crate) fn take(
        &mut self,
        raw: &RawValue,
        reply_id: Option<&str>,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let part: Part<'_> =
            serde_json::from_str(raw.get()).map_err(|error| Failure::decode("a part", &error))?;
        let signature = part.thought_signature;
        match (part.function_call, part.text) {
            (Some(call), _) => self.call(call, reply_id, signature, events),
            (None, Some(text)) => {
                let thought = part.thought == Some(true);
                let kind = if thought { PartKind::Thinking } else { PartKind::Text };
                if signature.is_none() && text.is_empty() {
                    return Ok(());
                }
                if signature.is_some() || self.open.as_ref() != Some(&kind) {
                    self.end(events);
                    self.start(kind, events);
                }
                if !text.is_empty() {
                    let delta = if thought { Delta::Thinking(text) } else { Delta::Text(text) };
                    events.push_back(StreamEvent::PartDelta { index: self.next, delta });
                }
                if signature.is_some() {
                    self.end_with(signature, events);
                }
            }
            (None, None) => {
                self.end(events);
                self.start(PartKind::Vendor, events);
                self.end_with(Some(raw.get().to_owned()), events);
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        call: FunctionCall<'_>,
        reply_id: Option<&str>,
        signature: Option<String>,
        events: &mut Events,
    ) {
        self.end(events);
        let given = call.id.filter(|id| !id.is_empty());
        let id = given.unwrap_or_else(|| match reply_id {
            Some(reply) => format!("call_{reply}_{}", self.next),
            None => format!("call_{}", self.next),
        });
        self.start(PartKind::tool_use(id, call.name), events);
        let arguments = call.args.map_or("{}", RawValue::get).to_owned();
        events.push_back(StreamEvent::PartDelta { index: self.next, delta: Delta::ToolInput(arguments) });
        self.end_with(signature, events);
        self.called = true;
    }

    fn start(&mut self, kind: PartKind, events: &mut Events) {
        self.open = Some(kind.clone());
        events.push_back(StreamEvent::PartStarted { index: self.next, kind });
    }

    /// Ends the part that is open, if there is one.
    pub(crate) fn end(&mut self, events: &mut Events) {
        if self.open.is_some() {
            self.end_with(None, events);
        }
    }

    fn end_with(&mut self, state: Option<String>, events: &mut Events) {
        let opaque = state.map(|data| Box::new(Opaque::new(ModelProvider::Google, self.asked.clone(), data)));
        events.push_back(StreamEvent::PartEnded { index: self.next, opaque });
        self.open = None;
        self.next += 1;
    }
}
