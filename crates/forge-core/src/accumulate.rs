//! The one way in which events become a response.

use std::{sync::Arc, time::Instant};

use serde_json::Value;

use crate::{
    CallContext, Delta, ErrorKind, Finished, ModelResponse, Opaque, Part, PartKind, Phase, ProviderError,
    Started, StopReason, StreamEvent, TokenCount, Warning,
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
    opaque: Option<Opaque>,
    ended: bool,
}

impl Accumulator {
    /// Starts now, by the context's clock.
    pub fn new(context: &CallContext) -> Self {
        Self {
            begun: context.clock.instant(),
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
        if self.finished.is_some() {
            return Err(self.breach("an event came after the reply had finished"));
        }
        if event.is_content() && self.first_token.is_none() {
            self.first_token = Some(self.context.clock.instant());
        }
        match event {
            StreamEvent::Started(started) => {
                if self.started.replace(started).is_some() {
                    return Err(self.breach("the reply started twice"));
                }
            }
            StreamEvent::PartStarted { index, kind } => {
                if index as usize != self.parts.len() {
                    return Err(self.breach("a part started out of order"));
                }
                self.parts.push(Open { kind, text: String::new(), opaque: None, ended: false });
            }
            StreamEvent::PartDelta { index, delta } => {
                let Some(part) = self.parts.get_mut(index as usize).filter(|part| !part.ended) else {
                    return Err(self.breach("a delta came for a part that is not open"));
                };
                let text = match (&part.kind, delta) {
                    (PartKind::Text, Delta::Text(text))
                    | (PartKind::Thinking, Delta::Thinking(text))
                    | (PartKind::ToolUse { .. }, Delta::ToolInput(text)) => text,
                    _ => return Err(self.breach("a delta does not fit its part")),
                };
                if part.text.is_empty() {
                    part.text = text;
                } else {
                    part.text.push_str(&text);
                }
            }
            StreamEvent::PartEnded { index, opaque } => {
                let Some(part) = self.parts.get_mut(index as usize).filter(|part| !part.ended) else {
                    return Err(self.breach("a part ended that is not open"));
                };
                part.ended = true;
                part.opaque = opaque.map(|opaque| *opaque);
            }
            StreamEvent::UsageUpdated(usage) => self.usage.overwrite(&usage),
            StreamEvent::Warned(warning) => self.warnings.push(warning),
            StreamEvent::Finished(finished) => self.finished = Some(finished),
        }
        Ok(())
    }

    /// The whole reply.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when no [`Finished`](StreamEvent::Finished) came; what had arrived is
    /// in [`ErrorFacts::partial`](crate::ErrorFacts).
    pub fn finish(mut self) -> Result<ModelResponse, ProviderError> {
        match self.finished.take() {
            Some(finished) => Ok(self.response(finished)),
            None => {
                let error = self.error(ErrorKind::Truncated, "the reply ended without a stop reason");
                Err(self.interrupted(error))
            }
        }
    }

    /// Adds what had arrived to the error that broke the call off.
    pub fn interrupted(mut self, error: ProviderError) -> ProviderError {
        if self.parts.is_empty() {
            return error;
        }
        let finished = Finished { reason: StopReason::Error, raw_reason: None, usage: self.usage, raw: None };
        let partial = self.response(finished);
        error.with(|facts| {
            facts.phase = Phase::AfterOutput;
            if facts.route.is_none() {
                facts.route.clone_from(&partial.route);
            }
            facts.partial = Some(Box::new(partial));
        })
    }

    fn response(&mut self, finished: Finished) -> ModelResponse {
        let now = self.context.clock.instant();
        let started = self.started.take().unwrap_or_default();
        let chosen = started.route.as_ref().and_then(|route| route.participant.clone());
        let participant = chosen.unwrap_or_else(|| Arc::clone(&self.context.participant));
        let mut tokens = self.usage;
        tokens.overwrite(&finished.usage);
        ModelResponse {
            model: started.model.unwrap_or_else(|| participant.model.clone()),
            participant,
            id: started.id,
            request_id: started.request_id,
            content: self.parts.drain(..).map(Open::into_part).collect(),
            tokens,
            duration: now.saturating_duration_since(self.begun),
            first_token: self.first_token.map(|first| first.saturating_duration_since(self.begun)),
            timestamp: self.context.clock.now(),
            stop_reason: finished.reason,
            raw_stop_reason: finished.raw_reason,
            rate_limit: started.rate_limit,
            route: started.route,
            warnings: std::mem::take(&mut self.warnings),
            raw: finished.raw,
        }
    }

    fn breach(&self, message: &str) -> ProviderError {
        self.error(ErrorKind::Decode, message)
    }

    fn error(&self, kind: ErrorKind, message: &str) -> ProviderError {
        let participant = &self.context.participant;
        ProviderError::new(kind, participant.provider_id.as_str(), message)
            .with(|facts| facts.model = Some(participant.model.clone()))
    }
}

impl Open {
    fn into_part(self) -> Part {
        let Self { kind, text, opaque, .. } = self;
        match (kind, opaque) {
            (PartKind::Text, opaque) => Part::Text { text, cache: None, opaque },
            (PartKind::Thinking, opaque) => Part::Thinking { text, opaque },
            (PartKind::ToolUse { id, name }, opaque) => {
                Part::ToolUse { id, name, input: tool_input(text), opaque }
            }
            (PartKind::Vendor, Some(opaque)) => Part::Vendor { opaque },
            (PartKind::Vendor, None) => Part::text(String::new()),
        }
    }
}

/// Empty arguments mean `{}`; arguments that are not JSON (the model broke off) stay as their text.
fn tool_input(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Participant;

    fn accumulator() -> Accumulator {
        Accumulator::new(&CallContext::new(Participant::claude_sonnet()))
    }

    fn text(index: u32, text: &str) -> StreamEvent {
        StreamEvent::PartDelta { index, delta: Delta::Text(text.into()) }
    }

    fn finished() -> StreamEvent {
        StreamEvent::Finished(Finished {
            reason: StopReason::EndTurn,
            raw_reason: None,
            usage: TokenCount { output: Some(2), ..TokenCount::default() },
            raw: None,
        })
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
        let tool = |id: &str| PartKind::ToolUse { id: id.into(), name: "add".into() };
        let input =
            |index, text: &str| StreamEvent::PartDelta { index, delta: Delta::ToolInput(text.into()) };
        let response = fold(vec![
            StreamEvent::PartStarted { index: 0, kind: tool("a") },
            StreamEvent::PartStarted { index: 1, kind: tool("b") },
            input(0, "{\"x\":"),
            input(1, ""),
            input(0, "1}"),
            StreamEvent::PartEnded { index: 1, opaque: None },
            StreamEvent::UsageUpdated(TokenCount { input: Some(7), ..TokenCount::default() }),
            finished(),
        ])
        .unwrap();
        let inputs: Vec<_> = response
            .content
            .iter()
            .map(|part| match part {
                Part::ToolUse { input, .. } => input.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(inputs, [serde_json::json!({"x": 1}), serde_json::json!({})]);
        assert_eq!((response.tokens.input, response.tokens.output), (Some(7), Some(2)));
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
        let start = || StreamEvent::Started(Started::default());
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
