//! The parts of one reply, as they come.

use forge_core::{
    ErrorKind, ModelId, StreamEvent,
    event::{Delta, PartKind, ToolStart},
};
use forge_http::{Events, Failure, TextLength, lenient::Count};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    blocks::{self, arguments, citation, opaque},
    gather::Gathered,
    wire::{
        event::{BlockAddition, BlockDelta, Delta as WireDelta, RawDelta},
        reply::Block,
    },
};

/// The parts so far.
#[derive(Debug)]
pub(crate) struct Parts {
    asked: ModelId,
    all: Vec<Open>,
    /// The ids of the calls so far.
    calls: Vec<String>,
    /// Whether arguments came for a call that never began.
    pub(crate) nameless: bool,
    /// Whether the model wrote anything that is counted as output.
    // A bill of zero output beside this flag contradicts itself, see `usage::Bill::settle`.
    pub(crate) wrote: bool,
    /// The vendor's id of the reply.
    pub(crate) reply_id: Option<String>,
}

/// A part that has started, under the vendor's index.
#[derive(Debug)]
struct Open {
    vendor_index: u64,
    takes: Takes,
    ended: bool,
}

/// The deltas that go on with a part, and what goes out when it ends.
#[derive(Debug)]
enum Takes {
    Text,
    /// With its signature.
    Thinking(Option<String>),
    /// With the arguments with which it began, in case no more come.
    ToolInput(Option<String>),
    /// Whatever they are, they are the vendor's.
    Anything(Gathered),
}

impl Parts {
    /// Of the reply to a request for `asked`.
    pub(crate) fn new(asked: ModelId) -> Self {
        Self { asked, all: Vec::new(), calls: Vec::new(), nameless: false, wrote: false, reply_id: None }
    }

    /// Whether the model called a tool.
    pub(crate) fn called(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a whole block.
    pub(crate) fn whole(
        &mut self,
        vendor_index: u64,
        block: &RawValue,
        events: &mut Events,
    ) -> Result<(), Failure> {
        self.begin(Count::Known(vendor_index), block, events)?;
        self.end_at(self.all.len() - 1, events);
        Ok(())
    }

    /// Ends the parts that the vendor left open, because the tokens ran out in them. A call stays open then.
    pub(crate) fn end_all(&mut self, events: &mut Events) {
        for part in 0..self.all.len() {
            // A call without its `content_block_stop` may hold half of its arguments. Ended, they would pass
            // for all of them.
            if !self.all[part].ended && !matches!(self.all[part].takes, Takes::ToolInput(None)) {
                self.end_at(part, events);
            }
        }
    }

    /// Takes the beginning of a block.
    pub(crate) fn begin(&mut self, index: Count, raw: &RawValue, events: &mut Events) -> Result<(), Failure> {
        // Servers that speak the dialect leave the index out; blocks then count in the order in which they
        // begin.
        let vendor_index = index.known().unwrap_or(self.all.len() as u64);
        let (kind, block) = blocks::read(raw)?;
        let (kind, takes) = match kind {
            PartKind::ToolUse(_) => {
                let input = arguments(&block);
                (PartKind::ToolUse(Box::new(self.call(block.id, block.name))), Takes::ToolInput(input))
            }
            PartKind::Text => {
                let part = self.start(vendor_index, PartKind::Text, Takes::Text, events);
                self.push(part, block.text.map(Delta::Text), events);
                for cited in block.citations {
                    self.push(part, Some(citation(cited)), events);
                }
                return Ok(());
            }
            PartKind::Thinking => {
                let Block { thinking, signature, .. } = block;
                let takes = Takes::Thinking(signature.filter(|signature| !signature.is_empty()));
                let part = self.start(vendor_index, PartKind::Thinking, takes, events);
                self.push(part, thinking.map(Delta::Thinking), events);
                return Ok(());
            }
            kind => (kind, Takes::Anything(Gathered::new(raw))),
        };
        self.start(vendor_index, kind, takes, events);
        Ok(())
    }

    fn start(&mut self, vendor_index: u64, kind: PartKind, takes: Takes, events: &mut Events) -> usize {
        self.wrote |= matches!(kind, PartKind::ToolUse(_));
        events.push_back(StreamEvent::PartStarted { index: part_index(self.all.len()), kind });
        self.all.push(Open { vendor_index, takes, ended: false });
        self.all.len() - 1
    }

    /// A call whose id stands once in the reply; the one of a server that gives none is made from the reply's own.
    fn call(&mut self, id: Option<String>, name: Option<String>) -> ToolStart {
        // Two calls under one id could not be told apart when their results go back.
        let given = id.filter(|id| !id.is_empty() && !self.calls.contains(id));
        let id = given.unwrap_or_else(|| match &self.reply_id {
            Some(reply) => format!("call_{reply}_{}", self.all.len()),
            None => format!("call_{}", self.all.len()),
        });
        self.calls.push(id.clone());
        ToolStart::new(id, name.unwrap_or_default())
    }

    fn push(&mut self, part: usize, delta: Option<Delta>, events: &mut Events) {
        if let Some(delta) = delta.filter(|delta| !delta.is_empty()) {
            self.wrote |= matches!(delta, Delta::Text(_) | Delta::Thinking(_));
            events.push_back(StreamEvent::PartDelta { index: part_index(part), delta });
        }
    }

    /// Takes a `content_block_delta`.
    pub(crate) fn delta(&mut self, data: &str, events: &mut Events) -> Result<(), Failure> {
        let BlockDelta { index, delta } = parse(data)?;
        let Some(part) = self.open(index).or_else(|| self.start_for(index, &delta, events)) else {
            return Ok(());
        };
        let takes = &mut self.all[part].takes;
        let delta = match (delta_type(&delta), takes) {
            (_, Takes::Anything(block)) => {
                let RawDelta { delta } = parse(data)?;
                block.add(delta);
                None
            }
            ("text_delta", Takes::Text) => said(delta.text, data)?.map(Delta::Text),
            ("citations_delta", Takes::Text) => delta.citation.map(citation),
            ("input_json_delta", Takes::ToolInput(begun)) => {
                let piece = said(delta.partial_json, data)?.filter(|piece| !piece.is_empty());
                // The pieces are the whole input: with what the block began with, it would be told twice.
                if piece.is_some() {
                    *begun = None;
                }
                piece.map(Delta::ToolInput)
            }
            ("thinking_delta", Takes::Thinking(_)) => delta.thinking.map(Delta::Thinking),
            ("signature_delta", Takes::Thinking(signature)) => {
                // One `signature_delta` comes for a block, just before its end, and holds all of it.
                *signature = delta.signature.or(signature.take());
                None
            }
            // To drop a piece of the answer would hand out a text with a hole and call it whole.
            (kind @ ("text_delta" | "input_json_delta" | "thinking_delta"), _) => {
                let message = format!("a {kind} does not fit its block");
                return Err(Failure::new(ErrorKind::Decode, message));
            }
            _ => None,
        };
        self.push(part, delta, events);
        Ok(())
    }

    /// The bytes that a `content_block_delta` adds to an open part, where it does nothing else.
    pub(crate) fn added_text(&mut self, data: &str) -> Option<usize> {
        let BlockAddition { index, delta } = serde_json::from_str(data).ok()?;
        let part = self.open(index)?;
        let added = match (delta.r#type, &self.all[part].takes) {
            ("text_delta", Takes::Text) => delta.text,
            ("thinking_delta", Takes::Thinking(_)) => delta.thinking,
            ("input_json_delta", Takes::ToolInput(None)) => delta.partial_json,
            _ => None,
        };
        let TextLength(added) = added.filter(|added| added.0 > 0)?;
        self.wrote = true;
        Some(added)
    }

    /// Starts the part of a delta whose block never began. Arguments cannot be told without the tool's name.
    fn start_for(&mut self, index: Count, delta: &WireDelta<'_>, events: &mut Events) -> Option<usize> {
        let (kind, takes) = match delta_type(delta) {
            "text_delta" => (PartKind::Text, Takes::Text),
            "thinking_delta" => (PartKind::Thinking, Takes::Thinking(None)),
            kind => {
                self.nameless |= kind == "input_json_delta";
                return None;
            }
        };
        let index = index.known().unwrap_or(self.all.len() as u64);
        Some(self.start(index, kind, takes, events))
    }

    /// Ends the block with this index of the vendor's.
    pub(crate) fn end(&mut self, index: Count, events: &mut Events) {
        if let Some(part) = self.open(index) {
            self.end_at(part, events);
        }
    }

    fn end_at(&mut self, part: usize, events: &mut Events) {
        let open = &mut self.all[part];
        open.ended = true;
        let takes = std::mem::replace(&mut open.takes, Takes::Text);
        let state = match takes {
            Takes::Text => None,
            Takes::Thinking(signature) => signature,
            Takes::ToolInput(begun) => {
                self.push(part, begun.map(Delta::ToolInput), events);
                None
            }
            Takes::Anything(block) => Some(block.finish()),
        };
        let state = state.map(|data| Box::new(opaque(&self.asked, data)));
        events.push_back(StreamEvent::PartEnded { index: part_index(part), opaque: state });
    }

    /// The place of the open part with this index of the vendor's; the last one, where the index says nothing.
    fn open(&self, index: Count) -> Option<usize> {
        let is_it = |open: &Open| !open.ended && index.known().is_none_or(|index| open.vendor_index == index);
        self.all.iter().rposition(is_it)
    }
}

/// The delta's type; of one without it, what its fields say.
fn delta_type<'a>(delta: &'a WireDelta<'_>) -> &'a str {
    match delta.r#type.as_deref() {
        Some(known) => known,
        None if delta.text.is_some() => "text_delta",
        None if delta.partial_json.is_some() => "input_json_delta",
        None if delta.thinking.is_some() => "thinking_delta",
        None if delta.signature.is_some() => "signature_delta",
        None if delta.citation.is_some() => "citations_delta",
        None => "",
    }
}

/// A piece of the answer. Something that is no text in its place is an error, because it may have been more of it.
fn said(piece: Option<String>, data: &str) -> Result<Option<String>, Failure> {
    if piece.is_none() {
        let RawDelta { delta } = parse(data)?;
        blocks::words(delta.get())?;
    }
    Ok(piece)
}

fn part_index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Failure> {
    serde_json::from_str(data).map_err(|error| Failure::decode("a stream event", &error))
}
