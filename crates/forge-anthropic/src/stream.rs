//! From the vendor's stream to events. A whole reply is a stream whose first event holds everything.

use forge_core::{
    ErrorKind, ModelId, StreamEvent,
    event::{Finished, Started, StopDetail, StopReason, Warning},
};
use forge_http::{Decode, Events, Failure, Frame, Passage};

use crate::{
    error,
    parts::{Parts, parse},
    reason::{detail, stop_reason},
    usage::Bill,
    wire::{
        error::ErrorBody,
        event::{BlockStart, BlockStop, MessageDelta, MessageStart, TypeOnly},
        reply::Message,
    },
};

/// Decodes one reply.
#[derive(Debug)]
pub(crate) struct Decoder {
    asked: ModelId,
    served: Option<ModelId>,
    begun: bool,
    parts: Parts,
    bill: Bill,
    raw_reason: Option<String>,
    stop_sequence: Option<String>,
    detail: Option<StopDetail>,
}

impl Decoder {
    /// For the reply to a request for `asked`.
    pub(crate) fn new(asked: ModelId) -> Self {
        Self {
            parts: Parts::new(asked.clone()),
            asked,
            served: None,
            begun: false,
            bill: Bill::default(),
            raw_reason: None,
            stop_sequence: None,
            detail: None,
        }
    }

    /// Takes a message: all of it, or what a stream opens with. Of several, the first names the reply.
    pub(crate) fn message(&mut self, message: Message<'_>, events: &mut Events) -> Result<(), Failure> {
        let served = message.model.as_deref().filter(|served| !served.is_empty());
        let served =
            served.map(|served| if self.asked == *served { self.asked.clone() } else { served.into() });
        // A stream opens with an empty message; only a whole reply has blocks or a reason at this place.
        let blocks = message.content.known();
        self.begin(message.id, served, events);
        if blocks.is_empty() && message.stop_reason.is_none() {
            self.bill.opening(message.usage);
        } else {
            self.bill.report(message.usage);
        }
        self.raw_reason = message.stop_reason.or(self.raw_reason.take());
        self.stop_sequence = message.stop_sequence.or(self.stop_sequence.take());
        // What a later event leaves out stays as it was: null is no correction.
        self.detail = detail(message.stop_details).or(self.detail.take());
        for (block, index) in blocks.into_iter().zip(0..) {
            self.parts.whole(index, block, events)?;
        }
        Ok(())
    }

    fn begin(&mut self, id: Option<String>, served: Option<ModelId>, events: &mut Events) {
        if !std::mem::replace(&mut self.begun, true) {
            self.parts.reply_id.clone_from(&id);
            self.served.clone_from(&served);
            events.push_back(Started::new(id, served).into());
        }
    }

    /// Adds the last events.
    pub(crate) fn finish(&mut self, events: &mut Events) {
        self.parts.end_all(events);
        let (tokens, warning) =
            self.bill.settle(self.served.as_ref().or(Some(&self.asked)), self.parts.wrote);
        events.extend(warning.map(StreamEvent::from));
        if self.parts.nameless {
            let message = "the arguments of a call came without its name; they are left out";
            events.push_back(Warning::new("tools", message).into());
        }
        let raw = self.raw_reason.take();
        let reason = match &raw {
            Some(raw) => stop_reason(raw),
            None => {
                let message = "the vendor did not say why the model stopped";
                events.push_back(Warning::new("stop_reason", message).into());
                // Calls are acted on whatever the reason is; a caller that waits for `ToolUse` would wait for
                // ever.
                if self.parts.called() { StopReason::ToolUse } else { StopReason::Other }
            }
        };
        let mut finished = Finished::new(reason).with_raw_reason(raw).with_usage(tokens);
        finished.stop_sequence = self.stop_sequence.take();
        finished.detail = self.detail.take();
        finished.served = self.bill.served();
        events.push_back(finished.into());
    }

    fn event(&mut self, name: &str, data: &str, events: &mut Events) -> Result<(), Failure> {
        match name {
            "content_block_delta" => {
                self.begin(None, None, events);
                self.parts.delta(data, events)?;
            }
            "content_block_start" => {
                self.begin(None, None, events);
                let BlockStart { index, content_block } = parse(data)?;
                // A text may still come without its beginning.
                if let Some(block) = content_block.filter(|block| block.get().starts_with('{')) {
                    self.parts.begin(index, block, events)?;
                }
            }
            "content_block_stop" => {
                let BlockStop { index } = parse(data)?;
                self.parts.end(index, events);
            }
            "message_start" => {
                let MessageStart { message } = parse(data)?;
                self.message(message, events)?;
                let tokens = self.bill.so_far();
                if !tokens.is_unknown() {
                    events.push_back(StreamEvent::from(tokens));
                }
            }
            // Before any `message_start` there is no reply that these could end.
            "message_delta" | "message_stop" if !self.begun => {
                let message = format!("`{name}` stands at the wrong place of the stream");
                return Err(Failure::new(ErrorKind::Decode, message));
            }
            "message_delta" => {
                let MessageDelta { delta, usage } = parse(data)?;
                self.bill.report(usage);
                self.raw_reason = delta.stop_reason.or(self.raw_reason.take());
                self.stop_sequence = delta.stop_sequence.or(self.stop_sequence.take());
                self.detail = detail(delta.stop_details).or(self.detail.take());
            }
            "message_stop" => {
                parse::<TypeOnly<'_>>(data)?;
                self.finish(events);
            }
            "error" => {
                let error = ErrorBody::read(data.as_bytes()).ok_or_else(Failure::nameless)?;
                // The status is 200 and says nothing, so that an unknown type is a fault of the server's.
                return Err(error::from_body(error, ErrorKind::Server));
            }
            // Pings, and whatever the vendor adds.
            _ => {}
        }
        Ok(())
    }
}

/// How some proxies end every stream.
const DONE: &str = "[DONE]";

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        match frame {
            // `[DONE]` proves nothing here: only `message_stop` ends a reply of this vendor.
            Frame::Stray(_) | Frame::Event { data: DONE | "", .. } => Ok(()),
            // Proxies drop the `event:` line; the vendor repeats the name as `type` of the data.
            Frame::Event { name: "" | "message", data } => {
                let TypeOnly { r#type } = parse(data)?;
                self.event(&r#type.unwrap_or_default(), data, events)
            }
            Frame::Event { name, data } => self.event(name, data, events),
        }
    }

    fn added_text(&mut self, frame: Frame<'_>) -> Option<usize> {
        match frame {
            Frame::Event { name: "content_block_delta", data } => self.parts.added_text(data),
            _ => None,
        }
    }

    // Only `message_stop` ends a reply, but clients take the reason before it for the end.
    fn passage(&self) -> Passage {
        if self.raw_reason.is_some() { Passage::AtEnd } else { Passage::Now }
    }
}
