//! From the vendor's stream to events.

use forge_core::{ErrorKind, Finished, ModelId, StopDetail, StreamEvent, Warning};
use forge_http::{Decode, Events, Failure, Frame};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::{
    error,
    response::{Parts, started, stop_reason},
    wire::reply::{Candidate, PromptFeedback, Reply, Usage},
};

/// The most bytes of an error outside of the stream's framing that are collected.
const MAX_BARE_ERROR: usize = 32 * 1024;

/// Decodes one reply: the frames of a stream, or the one body of a whole reply.
#[derive(Debug)]
pub(crate) struct Decoder {
    asked: ModelId,
    started: bool,
    reply_id: Option<String>,
    parts: Parts,
    usage: Usage,
    /// The vendor's word for why the model stopped.
    raw_reason: Option<String>,
    /// What the vendor said about it.
    explanation: Option<String>,
    /// Lines outside of the framing that may become an error.
    bare: Vec<u8>,
}

impl Decoder {
    /// For the reply to a request for `asked`.
    pub(crate) fn new(asked: ModelId) -> Self {
        Self {
            parts: Parts::new(asked.clone()),
            asked,
            started: false,
            reply_id: None,
            usage: Usage::default(),
            raw_reason: None,
            explanation: None,
            bare: Vec::new(),
        }
    }

    /// Takes a frame or a whole body.
    pub(crate) fn take(&mut self, body: &[u8], events: &mut Events) -> Result<(), Failure> {
        let reply: Reply<'_> = forge_http::from_json(body).map_err(|error| {
            // An error may stand in an array.
            error::inside(body).unwrap_or_else(|| Failure::decode("a reply", &error))
        })?;
        if reply.error.is_some() {
            return Err(error::inside(body).unwrap_or_else(Failure::nameless));
        }
        let candidates = reply.candidates.unwrap_or_default();
        if let Some(feedback) = reply.prompt_feedback.filter(|_| candidates.is_empty()) {
            blocked(feedback)?;
        }
        if !self.started {
            self.started = true;
            self.reply_id.clone_from(&reply.response_id);
            events.push_back(started(reply.response_id, reply.model_version.as_deref(), &self.asked));
        }
        for candidate in candidates.into_iter().filter(|candidate| candidate.index.unwrap_or(0) == 0) {
            self.candidate(candidate, events)?;
        }
        // Each report is about the whole call so far.
        if let Some(usage) = reply.usage_metadata.filter(|usage| *usage != Usage::default()) {
            self.usage = usage;
            events.push_back(StreamEvent::from(usage.tokens()));
        }
        Ok(())
    }

    fn candidate(&mut self, candidate: Candidate<'_>, events: &mut Events) -> Result<(), Failure> {
        let parts: Vec<&RawValue> = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        for part in parts {
            self.parts.take(part, self.reply_id.as_deref(), events)?;
        }
        let message = candidate.finish_message.filter(|message| !message.is_empty());
        self.explanation = message.or(self.explanation.take());
        let reason = candidate.finish_reason.filter(|reason| !reason.is_empty());
        self.raw_reason = reason.or(self.raw_reason.take());
        Ok(())
    }

    /// Adds the last events, if the vendor said why the model stopped.
    pub(crate) fn finish(&mut self, events: &mut Events) -> bool {
        let Some(raw) = self.raw_reason.take() else { return false };
        self.parts.end(events);
        let usage = self.usage.tokens();
        if usage.is_unknown() {
            let message = "the vendor did not say how many tokens the call took";
            events.push_back(StreamEvent::from(Warning::new("usage", message)));
        }
        let reason = stop_reason(&raw, self.parts.called());
        let mut finished = Finished::new(reason).with_raw_reason(raw).with_usage(usage);
        finished.detail = StopDetail::of(None, self.explanation.take());
        events.push_back(finished.into());
        true
    }

    /// Collects a line outside of the framing, and fails as soon as the lines are an error.
    fn stray(&mut self, line: &[u8]) -> Result<(), Failure> {
        let first = line.trim_ascii_start().first();
        if self.bare.is_empty() && !matches!(first, Some(b'{' | b'[')) {
            return Ok(());
        }
        self.bare.extend_from_slice(line);
        self.bare.push(b'\n');
        let may_be_complete = matches!(line.trim_ascii_end().last(), Some(b'}' | b']'));
        if may_be_complete && let Some(failure) = error::inside(&self.bare) {
            return Err(failure);
        }
        if self.bare.len() > MAX_BARE_ERROR || may_be_complete && !is_begun_json(&self.bare) {
            self.bare.clear();
        }
        Ok(())
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        match frame {
            Frame::Event { data: [], .. } => Ok(()),
            Frame::Event { data, .. } => {
                self.bare.clear();
                self.take(data, events)
            }
            Frame::Stray(line) => self.stray(line),
        }
    }

    fn end(&mut self, events: &mut Events) -> Result<(), Failure> {
        if self.finish(events) { Ok(()) } else { Err(Failure::truncated()) }
    }
}

fn is_begun_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// A filter refused the prompt: there is no reply.
fn blocked(feedback: PromptFeedback) -> Result<(), Failure> {
    let Some(reason) = feedback.block_reason else { return Ok(()) };
    let said = feedback.block_reason_message.filter(|said| !said.is_empty());
    let message = said.unwrap_or_else(|| format!("the prompt was blocked ({reason})"));
    Err(Failure::new(ErrorKind::ContentFiltered, message).with_code(reason))
}
