//! From the vendor's stream to events.

use std::borrow::Cow;

use forge_core::{
    ErrorKind, ModelId, StreamEvent,
    event::{Finished, Started, StopDetail, Warning},
};
use forge_http::{Decode, Events, Failure, Frame, Passage};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::{
    citations::Citations,
    error,
    parts::Parts,
    profile::plain_id,
    reason::stop_reason,
    usage::Bill,
    wire::reply::{Candidate, PromptFeedback, Reply},
};

/// The most bytes of an error outside of the stream's framing that are collected. Without an end, a body that
/// is no stream at all would be gathered as one error.
const MAX_BARE_ERROR: usize = 32 * 1024;

/// Decodes one reply: the frames of a stream, or the one body of a whole reply.
#[derive(Debug)]
pub(crate) struct Decoder {
    asked: ModelId,
    started: bool,
    /// Which of several candidates is the answer: the first.
    index: Option<u64>,
    reply_id: Option<String>,
    parts: Parts,
    bill: Bill,
    citations: Citations,
    /// The vendor's word for why the model stopped.
    raw_reason: Option<String>,
    /// What the vendor said about it.
    explanation: Option<String>,
    /// Lines outside of the framing that may become an error.
    bare: String,
}

impl Decoder {
    /// For the reply to a request for `asked`.
    pub(crate) fn new(asked: ModelId) -> Self {
        Self {
            parts: Parts::new(asked.clone()),
            asked,
            started: false,
            index: None,
            reply_id: None,
            bill: Bill::default(),
            citations: Citations::default(),
            raw_reason: None,
            explanation: None,
            bare: String::new(),
        }
    }

    /// Takes a frame or a whole body.
    pub(crate) fn take(&mut self, body: &str, events: &mut Events) -> Result<(), Failure> {
        let reply: Reply<'_> = serde_json::from_str(body).map_err(|error| {
            // An error may stand in an array.
            error::inside(body).unwrap_or_else(|| Failure::decode("a reply", &error))
        })?;
        let candidates = reply.candidates.unwrap_or_default();
        // Something else than an error may stand there beside an answer.
        if reply.error.is_some_and(|error| candidates.is_empty() || error.get().starts_with('{')) {
            return Err(error::inside(body).unwrap_or_else(Failure::nameless));
        }
        // A blocked prompt is HTTP 200 without candidates; beside an answer the feedback is a remark.
        if candidates.is_empty() {
            blocked(reply.prompt_feedback)?;
        }
        if !self.started {
            self.started = true;
            self.reply_id = reply.response_id.map(Cow::into_owned);
            events.push_back(started(self.reply_id.clone(), reply.model_version.as_deref(), &self.asked));
        }
        // Parts of several candidates would mix into one answer.
        for candidate in candidates {
            if candidate.index.known().is_none_or(|index| *self.index.get_or_insert(index) == index) {
                self.candidate(candidate, events)?;
            }
        }
        if self.bill.report(reply.usage_metadata) {
            events.push_back(StreamEvent::from(self.bill.input()));
        }
        Ok(())
    }

    fn candidate(&mut self, candidate: Candidate<'_>, events: &mut Events) -> Result<(), Failure> {
        self.citations.take(&candidate);
        self.bill.searched(candidate.grounding_metadata.web_search_queries.len());
        let parts: Vec<&RawValue> = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        for part in parts {
            self.parts.take(part, self.reply_id.as_deref(), events)?;
        }
        let message = candidate.finish_message.filter(|message| !message.is_empty());
        self.explanation = message.or(self.explanation.take());
        // Looked at beside the parts, which may still come: the last frame has both.
        let reason = candidate.finish_reason.and_then(word);
        self.raw_reason = reason.or(self.raw_reason.take());
        Ok(())
    }

    /// Whether the vendor said why the model stopped.
    pub(crate) fn is_finished(&self) -> bool {
        self.raw_reason.is_some()
    }

    /// Whether there is an answer.
    pub(crate) fn wrote(&self) -> bool {
        self.parts.wrote
    }

    /// Adds the last events.
    pub(crate) fn finish(&mut self, events: &mut Events) {
        self.parts.cite(std::mem::take(&mut self.citations).into_vec(), events);
        self.parts.end(events);
        let (usage, warning) = self.bill.settle(self.parts.wrote);
        events.extend(warning.map(StreamEvent::from));
        let raw = self.raw_reason.take();
        if raw.is_none() {
            let message = "the vendor did not say why the model stopped";
            events.push_back(Warning::new("stop_reason", message).into());
        }
        let reason = stop_reason(raw.as_deref().unwrap_or_default(), self.parts.called());
        let mut finished = Finished::new(reason).with_raw_reason(raw).with_usage(usage);
        finished.detail = StopDetail::of(None, self.explanation.take());
        finished.served = self.bill.served();
        events.push_back(finished.into());
    }

    /// Collects a line outside of the framing, and fails as soon as the lines are an error.
    fn stray(&mut self, line: &str) -> Result<(), Failure> {
        if self.bare.is_empty() && !line.trim_ascii_start().starts_with(['{', '[']) {
            return Ok(());
        }
        self.bare.push_str(line);
        self.bare.push('\n');
        let may_be_complete = line.trim_ascii_end().ends_with(['}', ']']);
        if may_be_complete && let Some(failure) = error::inside(&self.bare) {
            return Err(failure);
        }
        if self.bare.len() > MAX_BARE_ERROR || may_be_complete && !is_begun_json(&self.bare) {
            self.bare.clear();
        }
        Ok(())
    }
}

/// How some proxies end every stream.
const DONE: &str = "[DONE]";

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        match frame {
            Frame::Event { data: "" | DONE, .. } => Ok(()),
            Frame::Event { data, .. } => {
                self.bare.clear();
                self.take(data, events)
            }
            Frame::Stray(line) => self.stray(line),
        }
    }

    // Only the end of the body ends a reply, but clients take the reason before it for the end.
    fn passage(&self) -> Passage {
        if self.is_finished() { Passage::AtEnd } else { Passage::Now }
    }

    // The vendor has no closing event. Only `finishReason` tells a complete reply from one that was cut.
    fn end(&mut self, events: &mut Events) -> Result<(), Failure> {
        if self.is_finished() {
            self.finish(events);
            return Ok(());
        }
        if self.started {
            // A reply that broke off has a cost only where the vendor has reported tokens, so that they go
            // out before the error.
            events.push_back(StreamEvent::from(self.bill.so_far()));
        }
        Err(Failure::truncated())
    }
}

/// What some servers say while the model has not stopped.
const NO_REASON: [&str; 6] = ["", "FINISH_REASON_UNSPECIFIED", "0", "false", "[]", "{}"];

/// The text, or what stands in its place.
fn word(raw: &RawValue) -> Option<String> {
    let word: String = serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    (!NO_REASON.contains(&word.as_str())).then_some(word)
}

fn is_begun_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// A filter refused the prompt: there is no reply.
fn blocked(feedback: PromptFeedback) -> Result<(), Failure> {
    let Some(reason) = feedback.block_reason else { return Ok(()) };
    let said = feedback.block_reason_message.filter(|said| !said.is_empty());
    let message = said.unwrap_or_else(|| format!("the prompt was blocked ({reason})"));
    Err(Failure::new(ErrorKind::ContentFiltered, message).with_code(reason))
}

fn started(id: Option<String>, model: Option<&str>, asked: &ModelId) -> StreamEvent {
    let served = model.map(plain_id).filter(|served| !served.is_empty());
    let model = served.map(|served| if *asked == served { asked.clone() } else { served.into() });
    StreamEvent::from(Started::new(id, model))
}
