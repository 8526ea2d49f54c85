//! From the vendor's stream to events.

use forge_core::{Delta, ErrorKind, Finished, ModelId, PartKind, StopDetail, StreamEvent};
use forge_http::{Decode, Events, Failure, Frame};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    error,
    response::{citation, detail, opaque, part_kind, started, stop_reason},
    wire::reply::{
        BlockDelta, BlockStart, BlockStop, Delta as WireDelta, ErrorReply, MessageDelta, MessageStart,
        TypeOnly, Usage,
    },
};

/// Decodes one stream.
#[derive(Debug)]
pub(crate) struct Decoder {
    asked: ModelId,
    begun: bool,
    parts: Vec<Open>,
    usage: Usage,
    raw_reason: Option<String>,
    stop_sequence: Option<String>,
    detail: Option<StopDetail>,
}

/// A part that has started, under the vendor's index.
#[derive(Debug)]
struct Open {
    vendor_index: u32,
    takes: Takes,
    /// Vendor state that goes out when the part ends.
    state: Option<String>,
    ended: bool,
}

/// The deltas that go on with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Text,
    Thinking,
    ToolInput,
    /// Whatever they are, they are the vendor's.
    Nothing,
}

impl Decoder {
    /// For the reply to a request for `asked`.
    pub(crate) fn new(asked: ModelId) -> Self {
        Self {
            asked,
            begun: false,
            parts: Vec::new(),
            usage: Usage::default(),
            raw_reason: None,
            stop_sequence: None,
            detail: None,
        }
    }

    fn block_start(&mut self, index: u32, raw: &RawValue, events: &mut Events) -> Result<(), Failure> {
        let (kind, block) = part_kind(raw)?;
        let state = match kind {
            PartKind::Vendor => Some(raw.get().to_owned()),
            PartKind::Thinking => block.signature.filter(|signature| !signature.is_empty()),
            _ => None,
        };
        let first = match kind {
            PartKind::Text => Some(Delta::Text(block.text)),
            PartKind::Thinking => Some(Delta::Thinking(block.thinking)),
            _ => None,
        };
        let part = part_index(self.parts.len());
        let takes = match kind {
            PartKind::Text => Takes::Text,
            PartKind::Thinking => Takes::Thinking,
            PartKind::ToolUse(_) => Takes::ToolInput,
            _ => Takes::Nothing,
        };
        self.parts.push(Open { vendor_index: index, takes, state, ended: false });
        events.push_back(StreamEvent::PartStarted { index: part, kind });
        push_delta(part, first, events);
        Ok(())
    }

    fn block_delta(&mut self, index: u32, delta: WireDelta<'_>, events: &mut Events) -> Result<(), Failure> {
        let (part, open) = self.open(index)?;
        let delta = match (&*delta.r#type, open.takes) {
            ("text_delta", Takes::Text) => delta.text.map(Delta::Text),
            ("citations_delta", Takes::Text) => delta.citation.map(citation),
            ("input_json_delta", Takes::ToolInput) => delta.partial_json.map(Delta::ToolInput),
            ("thinking_delta", Takes::Thinking) => delta.thinking.map(Delta::Thinking),
            ("signature_delta", Takes::Thinking) => {
                open.state = delta.signature;
                None
            }
            ("text_delta" | "input_json_delta" | "thinking_delta" | "signature_delta", takes)
                if takes != Takes::Nothing =>
            {
                let message = format!("a {} does not fit its block {index}", delta.r#type);
                return Err(Failure::new(ErrorKind::Decode, message));
            }
            _ => None,
        };
        push_delta(part, delta, events);
        Ok(())
    }

    fn block_stop(&mut self, index: u32, events: &mut Events) -> Result<(), Failure> {
        let asked = self.asked.clone();
        let (part, open) = self.open(index)?;
        open.ended = true;
        let state = open.state.take().map(|data| Box::new(opaque(&asked, data)));
        events.push_back(StreamEvent::PartEnded { index: part, opaque: state });
        Ok(())
    }

    fn open(&mut self, vendor_index: u32) -> Result<(u32, &mut Open), Failure> {
        let mut parts = self.parts.iter_mut().enumerate().rev();
        let found = parts.find(|(_, open)| open.vendor_index == vendor_index && !open.ended);
        found.map(|(part, open)| (part_index(part), open)).ok_or_else(|| {
            let message = format!("the stream names block {vendor_index}, which is not open");
            Failure::new(ErrorKind::Decode, message)
        })
    }
}

fn part_index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn push_delta(index: u32, delta: Option<Delta>, events: &mut Events) {
    if let Some(delta) = delta.filter(|delta| !delta.is_empty()) {
        events.push_back(StreamEvent::PartDelta { index, delta });
    }
}

fn parse<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Failure> {
    forge_http::from_json(data).map_err(|error| Failure::decode("a stream event", &error))
}

/// The events of a message. The first of them comes first and once.
const EVENTS: [&str; 6] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
];

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        let Frame::Event { name, data } = frame else { return Ok(()) };
        let from_data;
        let name = if name.is_empty() {
            from_data = parse::<TypeOnly<'_>>(data)?.r#type;
            &*from_data
        } else {
            name
        };
        if EVENTS.contains(&name) && self.begun == (name == EVENTS[0]) {
            let message = format!("`{name}` stands at the wrong place of the stream");
            return Err(Failure::new(ErrorKind::Decode, message));
        }
        match name {
            "content_block_delta" => {
                let BlockDelta { index, delta } = parse(data)?;
                self.block_delta(index, delta, events)?;
            }
            "content_block_start" => {
                let BlockStart { index, content_block } = parse(data)?;
                self.block_start(index, content_block, events)?;
            }
            "content_block_stop" => {
                let BlockStop { index } = parse(data)?;
                self.block_stop(index, events)?;
            }
            "message_start" => {
                let MessageStart { message } = parse(data)?;
                self.begun = true;
                self.usage = message.usage;
                events.push_back(started(message.id, message.model.as_deref(), &self.asked));
                events.push_back(StreamEvent::from(self.usage.tokens()));
            }
            "message_delta" => {
                let MessageDelta { delta, usage } = parse(data)?;
                self.usage.overwrite(usage);
                self.raw_reason = delta.stop_reason.or(self.raw_reason.take());
                self.stop_sequence = delta.stop_sequence.or(self.stop_sequence.take());
                self.detail = detail(delta.stop_details).or(self.detail.take());
                events.push_back(StreamEvent::from(self.usage.tokens()));
            }
            "message_stop" => {
                parse::<TypeOnly<'_>>(data)?;
                let Some(raw) = self.raw_reason.take() else {
                    return Err(Failure::new(ErrorKind::Decode, "the stream stopped without a stop_reason"));
                };
                let mut finished =
                    Finished::new(stop_reason(&raw)).with_raw_reason(raw).with_usage(self.usage.tokens());
                finished.stop_sequence = self.stop_sequence.take();
                finished.detail = self.detail.take();
                finished.served = self.usage.served();
                events.push_back(finished.into());
            }
            "error" => {
                let ErrorReply { error } = parse(data)?;
                return Err(error::from_body(error, ErrorKind::Server));
            }
            // Pings, and whatever the vendor adds.
            _ => {}
        }
        Ok(())
    }
}
