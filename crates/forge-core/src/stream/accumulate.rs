//! The one way in which events become a response.

use std::{sync::Arc, time::Instant};

use crate::{
    call::CallContext,
    error::ProviderError,
    error_kind::{ErrorKind, Phase},
    event::{Delta, Finished, ModelResponse, PartKind, Started, StopReason, StreamEvent, Warning},
    request::{Citation, Opaque, Part, ToolInput},
    usage::TokenCount,
};

/// Folds the events of one reply into a [`ModelResponse`] and holds them to the contract of
/// [`StreamEvent`].
#[derive(Debug)]
pub struct Accumulator {
    context: CallContext,
    begun: Instant,
    first_token: Option<Instant>,
    started: Option<Started>,
    parts: Vec<Open>,
    usage: TokenCount,
    warnings: Vec<Warning>,
    finished: Option<Finished>,
}

#[derive(Debug)]
struct Open {
    kind: PartKind,
    text: String,
    citations: Vec<Citation>,
    opaque: Option<Opaque>,
    ended: bool,
}

impl Accumulator {
    /// Starts now, by the context's timer.
    pub fn new(context: &CallContext) -> Self {
        Self {
            begun: context.timer.instant(),
            context: context.clone(),
            first_token: None,
            started: None,
            parts: Vec::new(),
            usage: TokenCount::default(),
            warnings: Vec::new(),
            finished: None,
        }
    }

    /// Takes one event.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] when the event breaks the contract of [`StreamEvent`].
    pub fn push(&mut self, event: StreamEvent) -> Result<(), ProviderError> {
        // The end has settled what the call took. Whatever follows it would be lost or paid for unseen.
        if self.finished.is_some() {
            return Err(self.breach("an event came after the reply had finished"));
        }
        if event.is_content() && self.first_token.is_none() {
            self.first_token = Some(self.context.timer.instant());
        }
        match event {
            StreamEvent::Started(started) => {
                // A second beginning is another reply, and parts of two replies are never joined.
                if self.started.replace(*started).is_some() {
                    return Err(self.breach("the reply started twice"));
                }
            }
            StreamEvent::PartStarted { index, kind } => {
                // Indices are the order of the content; with a gap, a delta could go into the wrong part.
                if index as usize != self.parts.len() {
                    return Err(self.breach("a part started out of order"));
                }
                self.parts.push(Open::new(kind));
            }
            StreamEvent::PartDelta { index, delta } => {
                // A caller acts on a part that has ended, such as a call of a tool, and cannot take that
                // back.
                let Some(part) = self.parts.get_mut(index as usize).filter(|part| !part.ended) else {
                    return Err(self.breach("a delta came for a part that is not open"));
                };
                // Thoughts must not get into the answer, nor an answer into the arguments of a tool.
                if !part.add(delta) {
                    return Err(self.breach("a delta does not fit its part"));
                }
            }
            StreamEvent::PartEnded { index, opaque } => {
                let Some(part) = self.parts.get_mut(index as usize).filter(|part| !part.ended) else {
                    return Err(self.breach("a part ended that is not open"));
                };
                part.ended = true;
                part.opaque = opaque.map(|opaque| *opaque);
            }
            // Its bytes go to the caller's client; what they say is not read here.
            StreamEvent::Relayed(_) => {}
            StreamEvent::UsageUpdated(usage) => self.usage.overwrite(&usage),
            StreamEvent::Warned(warning) => self.warnings.push(*warning),
            StreamEvent::Finished(finished) => self.finished = Some(*finished),
        }
        Ok(())
    }

    /// The whole reply.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when no [`Finished`](StreamEvent::Finished) came; what had arrived is
    /// in [`ErrorFacts::partial`](crate::error::ErrorFacts).
    pub fn finish(mut self) -> Result<ModelResponse, ProviderError> {
        match self.finished.take() {
            Some(finished) => Ok(self.response(finished)),
            None => {
                // Never a short success: its caller would take half an answer for a whole one.
                let error = self.error(ErrorKind::Truncated, "the reply ended without a stop reason");
                Err(self.interrupted(error))
            }
        }
    }

    /// Adds what had arrived to the error that broke the call off.
    pub fn interrupted(mut self, error: ProviderError) -> ProviderError {
        // Without a part there is nothing to keep, and the error's own phase holds.
        if self.parts.is_empty() {
            return error;
        }
        // What was reported on the way is all that is known of a reply without an end, and it may be billed.
        let finished = Finished::new(StopReason::Error).with_usage(self.usage);
        let partial = self.response(finished);
        error.with(|facts| {
            // Something has reached the caller, which no other attempt may replace.
            facts.phase = Phase::AfterOutput;
            // An error's own trace was written later than the one that came with the beginning.
            if facts.route.is_none() {
                facts.route.clone_from(&partial.route);
            }
            facts.partial = Some(Box::new(partial));
        })
    }

    fn response(&mut self, finished: Finished) -> ModelResponse {
        let now = self.context.timer.instant();
        // Without a beginning, ids and the served model are unknown. That is no reason to lose an answer.
        let started = self.started.take().unwrap_or_default();
        let chosen = started.route.as_ref().and_then(|route| route.participant.clone());
        let participant = chosen.unwrap_or_else(|| Arc::clone(&self.context.participant));
        // What the end leaves unknown is in doubt, whatever was said on the way.
        let tokens = finished.usage;
        ModelResponse {
            model: started.model.unwrap_or_else(|| participant.model_id.clone()),
            participant,
            id: started.id,
            request_id: started.request_id,
            content: self.parts.drain(..).map(Open::into_part).collect(),
            tokens,
            duration: now.saturating_duration_since(self.begun),
            first_token: self.first_token.map(|first| first.saturating_duration_since(self.begun)),
            timestamp: self.context.timer.now(),
            stop_reason: finished.reason,
            raw_stop_reason: finished.raw_reason,
            stop_sequence: finished.stop_sequence,
            stop_detail: finished.detail,
            served: finished.served,
            cost: finished.cost,
            rate_limit: started.rate_limit,
            route: started.route,
            warnings: std::mem::take(&mut self.warnings),
            raw_response: finished.raw_response,
        }
    }

    fn breach(&self, message: &str) -> ProviderError {
        self.error(ErrorKind::Decode, message)
    }

    fn error(&self, kind: ErrorKind, message: &str) -> ProviderError {
        let participant = &self.context.participant;
        ProviderError::new(kind, participant.provider_id.as_str(), message)
            .with(|facts| facts.model = Some(participant.model_id.clone()))
    }
}

impl Open {
    fn new(kind: PartKind) -> Self {
        Self { kind, text: String::new(), citations: Vec::new(), opaque: None, ended: false }
    }

    /// Adds `delta`; `false` if it does not fit the part's kind.
    fn add(&mut self, delta: Delta) -> bool {
        let text = match (&self.kind, delta) {
            (PartKind::Text | PartKind::Refusal, Delta::Text(text))
            | (PartKind::Thinking, Delta::Thinking(text))
            | (PartKind::ToolUse(_), Delta::ToolInput(text)) => text,
            (PartKind::Text, Delta::Citation(citation)) => {
                self.citations.push(*citation);
                return true;
            }
            _ => return false,
        };
        // A part that comes in one delta is taken over without a copy.
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.push_str(&text);
        }
        true
    }

    fn into_part(self) -> Part {
        let Self { kind, text, citations, opaque, .. } = self;
        match (kind, opaque) {
            (PartKind::Text, opaque) => Part::Text { text, citations, cache: None, opaque },
            (PartKind::Refusal, _) => Part::Refusal { text },
            (PartKind::Thinking, opaque) => Part::Thinking { text, opaque },
            (PartKind::ToolUse(tool), opaque) => {
                // Free text may look like JSON and is text all the same.
                let input = if tool.freeform { ToolInput::Text(text) } else { ToolInput::parse(text) };
                let (id, name, namespace) = (tool.id, tool.name, tool.namespace);
                Part::ToolUse { id, name, namespace, input, cache: None, opaque }
            }
            (PartKind::Vendor, Some(opaque)) => Part::Vendor { opaque },
            // A part without content keeps the others at the indices under which they were announced.
            (PartKind::Vendor, None) => Part::text(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ToolStart;
    use crate::participant::Participant;

    fn accumulator() -> Accumulator {
        Accumulator::new(&CallContext::new(Participant::claude_sonnet()))
    }

    fn text(index: u32, text: &str) -> StreamEvent {
        StreamEvent::PartDelta { index, delta: Delta::Text(text.into()) }
    }

    fn finished() -> StreamEvent {
        let usage = TokenCount { output: Some(2), ..TokenCount::default() };
        Finished::new(StopReason::EndTurn).with_usage(usage).into()
    }

    fn fold(events: Vec<StreamEvent>) -> Result<ModelResponse, ProviderError> {
        let mut accumulator = accumulator();
        for event in events {
            accumulator.push(event)?;
        }
        accumulator.finish()
    }

    #[test]
    fn interleaved_parts_are_told_apart() {
        let tool = |id: &str| PartKind::tool_use(id, "add");
        let input =
            |index, text: &str| StreamEvent::PartDelta { index, delta: Delta::ToolInput(text.into()) };
        let response = fold(vec![
            StreamEvent::PartStarted { index: 0, kind: tool("a") },
            StreamEvent::PartStarted { index: 1, kind: tool("b") },
            input(0, "{\"x\":"),
            input(1, ""),
            input(0, "1}"),
            StreamEvent::PartEnded { index: 1, opaque: None },
            TokenCount { input: Some(7), ..TokenCount::default() }.into(),
            finished(),
        ])
        .unwrap();
        // What the end leaves unknown is unknown.
        assert_eq!((response.tokens.input, response.tokens.output), (None, Some(2)));
        let inputs: Vec<_> = response
            .content
            .iter()
            .map(|part| match part {
                Part::ToolUse { input, .. } => input.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(inputs, [serde_json::json!({"x": 1}), serde_json::json!({})].map(ToolInput::from));
    }

    #[test]
    fn free_text_citations_and_refusals_become_parts_of_their_own() {
        let shell = ToolStart::new("a", "shell").with_namespace(Some("os".into())).freeform();
        let part = |index, kind| StreamEvent::PartStarted { index, kind };
        let delta = |index, delta| StreamEvent::PartDelta { index, delta };
        let response = fold(vec![
            part(0, PartKind::ToolUse(Box::new(shell))),
            delta(0, Delta::ToolInput("{\"ls\"".into())),
            part(1, PartKind::Text),
            text(1, "Paris"),
            delta(1, Delta::Citation(Box::new(Citation::raw("{}").with_title(Some("Atlas".into()))))),
            part(2, PartKind::Refusal),
            text(2, "No."),
            finished(),
        ])
        .unwrap();
        let called = Part::tool_use("a", "shell", ToolInput::Text("{\"ls\"".into())).with_namespace("os");
        assert_eq!((&response.content[0], &response.content[2]), (&called, &Part::refusal("No.")));
        let Part::Text { citations, .. } = &response.content[1] else { panic!("{response:?}") };
        assert_eq!(citations[0].title.as_deref(), Some("Atlas"));
    }

    #[test]
    fn stream_without_finish_is_truncated_and_keeps_the_partial_text() {
        let error = fold(vec![StreamEvent::PartStarted { index: 0, kind: PartKind::Text }, text(0, "Hel")])
            .unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::Truncated, Phase::AfterOutput));
        assert_eq!(error.partial.as_ref().unwrap().text(), "Hel");
    }

    #[test]
    fn each_breach_of_the_contract_is_an_error() {
        let begin = || StreamEvent::PartStarted { index: 0, kind: PartKind::Text };
        let end = || StreamEvent::PartEnded { index: 0, opaque: None };
        let start = || StreamEvent::from(Started::default());
        for events in [
            vec![text(0, "x")],
            vec![StreamEvent::PartStarted { index: 1, kind: PartKind::Text }],
            vec![begin(), end(), text(0, "x")],
            vec![begin(), end(), end()],
            vec![begin(), StreamEvent::PartDelta { index: 0, delta: Delta::Thinking("x".into()) }],
            vec![start(), start()],
            vec![finished(), begin()],
            vec![finished(), finished()],
        ] {
            assert_eq!(fold(events).unwrap_err().kind, ErrorKind::Decode);
        }
    }
}
