//! The parts of one reply, as they come.

use forge_core::{
    ModelId, ModelProvider, StreamEvent,
    event::{Delta, PartKind},
    request::{Citation, Opaque},
};
use forge_http::{Events, Failure};
use serde_json::value::RawValue;

use crate::wire::reply::{FunctionCall, Part, Words};

#[derive(Debug)]
pub(crate) struct Parts {
    asked: ModelId,
    /// How many have begun.
    next: u32,
    open: Option<Open>,
    /// The ids of the calls so far.
    calls: Vec<String>,
    /// Whether the model wrote anything that is counted as output beside thoughts.
    pub(crate) wrote: bool,
}

/// A text or a thought that has not ended: more may be added to it, or what it rests on may still be told.
#[derive(Debug)]
struct Open {
    index: u32,
    kind: PartKind,
    signature: Option<String>,
    /// Nothing may be joined to it: it has a signature, or another part has begun.
    is_sealed: bool,
}

impl Parts {
    pub(crate) fn new(asked: ModelId) -> Self {
        Self { asked, next: 0, open: None, calls: Vec::new(), wrote: false }
    }

    /// Whether the model called a tool.
    pub(crate) fn called(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a part of the reply `reply_id`. Texts without signatures are joined; a part with a
    /// signature stays by itself, because that is how it must go back.
    pub(crate) fn take(
        &mut self,
        raw: &RawValue,
        reply_id: Option<&str>,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let malformed = |error: &serde_json::Error| Failure::decode("a part", error);
        let part: Part<'_> = serde_json::from_str(raw.get()).map_err(|error| malformed(&error))?;
        let signature = part.thought_signature;
        match (part.function_call, part.text) {
            (Some(call), _) => self.call(call, reply_id, signature, events),
            (None, Some(text)) if part.thought => self.text(PartKind::Thinking, text, signature, events),
            (None, Some(text)) => self.text(PartKind::Text, text, signature, events),
            (None, None) => {
                serde_json::from_str::<Words>(raw.get()).map_err(|error| malformed(&error))?;
                self.end(events);
                self.complete(PartKind::Vendor, None, Some(raw.get().to_owned()), events);
            }
        }
        Ok(())
    }

    fn text(&mut self, kind: PartKind, text: String, signature: Option<String>, events: &mut Events) {
        if text.is_empty() {
            // An empty text with a signature is state; without one it is nothing at all.
            if signature.is_some() {
                self.empty(kind, signature, events);
            }
            return;
        }
        self.wrote |= kind == PartKind::Text;
        // A signature covers exactly its part: joined with its neighbour, the part would go back changed, and
        // the vendor answers 400.
        let goes_on = |open: &Open| signature.is_none() && !open.is_sealed && open.kind == kind;
        let index = match self.open.as_ref().filter(|open| goes_on(open)) {
            Some(open) => open.index,
            None => {
                self.end(events);
                let index = self.start(kind.clone(), events);
                let is_sealed = signature.is_some();
                self.open = Some(Open { index, kind: kind.clone(), signature, is_sealed });
                index
            }
        };
        let delta = if kind == PartKind::Text { Delta::Text(text) } else { Delta::Thinking(text) };
        events.push_back(StreamEvent::PartDelta { index, delta });
    }

    /// A signature on nothing, as the last frame may have it. What the text before it rests on may stand beside.
    fn empty(&mut self, kind: PartKind, signature: Option<String>, events: &mut Events) {
        match self.open.as_mut().filter(|open| open.kind == PartKind::Text) {
            Some(text) => text.is_sealed = true,
            None => self.end(events),
        }
        self.complete(kind, None, signature, events);
    }

    fn call(
        &mut self,
        call: FunctionCall<'_>,
        reply_id: Option<&str>,
        signature: Option<String>,
        events: &mut Events,
    ) {
        self.end(events);
        // The vendor leaves ids out and servers repeat them; results are paired with their calls by an id
        // that stands once.
        let given = call.id.filter(|id| !id.is_empty() && !self.calls.contains(id));
        let id = given.unwrap_or_else(|| match reply_id {
            Some(reply) => format!("call_{reply}_{}", self.next),
            None => format!("call_{}", self.next),
        });
        self.calls.push(id.clone());
        self.wrote = true;
        // Arguments come whole in one frame. A call without any has no `args`.
        let arguments = call.args.map_or("{}", RawValue::get).to_owned();
        let delta = Delta::ToolInput(arguments);
        self.complete(PartKind::tool_use(id, call.name), Some(delta), signature, events);
    }

    fn start(&mut self, kind: PartKind, events: &mut Events) -> u32 {
        let index = self.next;
        self.next += 1;
        events.push_back(StreamEvent::PartStarted { index, kind });
        index
    }

    fn complete(&mut self, kind: PartKind, delta: Option<Delta>, state: Option<String>, events: &mut Events) {
        let index = self.start(kind, events);
        events.extend(delta.map(|delta| StreamEvent::PartDelta { index, delta }));
        self.end_with(index, state, events);
    }

    /// Tells what the text that is open rests on.
    pub(crate) fn cite(&mut self, citations: Vec<Citation>, events: &mut Events) {
        let Some(text) = self.open.as_ref().filter(|open| open.kind == PartKind::Text) else { return };
        let deltas = citations.into_iter().map(|citation| Delta::Citation(Box::new(citation)));
        events.extend(deltas.map(|delta| StreamEvent::PartDelta { index: text.index, delta }));
    }

    /// Ends the part that is open, if there is one.
    pub(crate) fn end(&mut self, events: &mut Events) {
        if let Some(open) = self.open.take() {
            self.end_with(open.index, open.signature, events);
        }
    }

    fn end_with(&mut self, index: u32, state: Option<String>, events: &mut Events) {
        let opaque = state.map(|data| Box::new(Opaque::new(ModelProvider::Google, self.asked.clone(), data)));
        events.push_back(StreamEvent::PartEnded { index, opaque });
    }
}
