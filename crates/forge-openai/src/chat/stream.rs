//! Chunks become events.

use std::borrow::Cow;

use forge_core::{
    Citation, Finished, ModelId, Served, Started, StopReason, StreamEvent, TokenCount, Warning,
};
use forge_http::{Decode, Events, Failure, Frame};
use serde_json::value::RawValue;

use super::parts::{CallPiece, Parts};
use crate::{
    error,
    wire::{
        Text,
        chat_reply::{Annotation, Custom, Function, Message, Reply, ToolCall, UrlCitation},
    },
};

/// Decodes the stream of one reply.
#[derive(Debug)]
pub struct Decoder {
    review: fn(Failure) -> Failure,
    started: bool,
    parts: Parts,
    refused: bool,
    /// The vendor's word for why the model stopped.
    finish: Option<String>,
    usage: TokenCount,
    tier: Option<String>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a reply.
    pub fn new() -> Self {
        Self::with_review(|failure| failure)
    }

    /// A decoder that lets `review` have the last word on errors inside the reply.
    pub fn with_review(review: fn(Failure) -> Failure) -> Self {
        Self {
            review,
            started: false,
            parts: Parts::default(),
            refused: false,
            finish: None,
            usage: TokenCount::default(),
            tier: None,
        }
    }

    /// Takes a whole reply or one chunk; tells whether it had a choice.
    pub(super) fn take(&mut self, body: &[u8], events: &mut Events) -> Result<bool, Failure> {
        let reply: Reply<'_> = forge_http::from_json(body).map_err(|error| unreadable(body, &error))?;
        if let Some(failure) = error_in(&reply, body) {
            return Err((self.review)(failure));
        }
        if !self.started {
            self.start(&reply, events);
        }
        let has_choice = reply.choice.is_some();
        self.tier = reply.service_tier.or(self.tier.take());
        if let Some(choice) = reply.choice.filter(|choice| choice.index.unwrap_or(0) == 0) {
            if let Some(message) = choice.delta.or(choice.message) {
                self.message(message, events)?;
            }
            if let Some(finish) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish = Some(finish);
            }
        }
        let usage = reply.usage.map(crate::wire::chat_reply::Usage::tokens);
        let usage = usage.or_else(|| reply.timings.map(crate::wire::chat_reply::Timings::tokens));
        if let Some(usage) = usage.filter(|usage| !usage.is_unknown()) {
            self.usage.overwrite(&usage);
            self.ensure_started(Started::default(), events);
            events.push_back(StreamEvent::from(self.usage));
        }
        Ok(has_choice)
    }

    /// The body is complete: the reply is, too, if the vendor gave a reason.
    pub(super) fn finish(&mut self, events: &mut Events) -> Result<(), Failure> {
        let Some(raw) = self.finish.take() else { return Err(Failure::truncated()) };
        self.ensure_started(Started::default(), events);
        self.parts.end(events);
        if self.usage.is_unknown() {
            let message = "the server did not say how many tokens the call took";
            events.push_back(StreamEvent::from(Warning::new("usage", message)));
        }
        let mut finished = Finished::new(self.reason(&raw)).with_raw_reason(raw).with_usage(self.usage);
        finished.served = self.tier.take().map(|tier| Served::default().with_tier(tier));
        events.push_back(finished.into());
        Ok(())
    }

    fn start(&mut self, reply: &Reply<'_>, events: &mut Events) {
        let text = |text: &Option<Text<'_>>| {
            text.as_ref().map(Text::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (id, model) = (text(&reply.id), text(&reply.model).map(ModelId::from));
        // Some gateways send an empty chunk ahead of the one that names the reply.
        if model.is_some() || reply.choice.is_some() {
            self.ensure_started(Started::new(id, model), events);
        }
    }

    fn ensure_started(&mut self, started: Started, events: &mut Events) {
        if !std::mem::replace(&mut self.started, true) {
            events.push_back(StreamEvent::from(started));
        }
    }

    fn message(&mut self, message: Message<'_>, events: &mut Events) -> Result<(), Failure> {
        let Message { content, refusal, reasoning_content, reasoning, thinking, tool_calls, annotations } =
            message;
        let thoughts = [reasoning_content, reasoning, thinking].into_iter().flatten();
        if let Some(thoughts) = thoughts.into_iter().find(|thoughts| !thoughts.is_empty()) {
            self.parts.thinking(thoughts, events);
        }
        if let Some(text) = content {
            self.parts.text(text, events);
        }
        if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.parts.refusal(refusal, events);
        }
        for raw in annotations.into_iter().flatten() {
            self.parts.citation(citation(raw), events);
        }
        for ToolCall { index, id, function, custom } in tool_calls.into_iter().flatten() {
            if let Some(Custom { name, input }) = custom {
                let text = |field: &Option<Text<'_>>| {
                    field.as_ref().map_or(String::new(), |text| text.as_str().into())
                };
                let (id, name) = (text(&id), text(&name));
                let piece = CallPiece { index, id: &id, name: &name, freeform: true };
                self.parts.call(piece, input.unwrap_or_default(), events)?;
                continue;
            }
            let Function { name, arguments } = function.unwrap_or(Function { name: None, arguments: None });
            let id = id.as_ref().map_or("", Text::as_str);
            let name = name.as_ref().map_or("", Text::as_str);
            let arguments = arguments.map(argument_text).transpose()?.unwrap_or_default();
            self.parts.call(CallPiece { index, id, name, freeform: false }, arguments, events)?;
        }
        Ok(())
    }

    /// Servers give `stop` after tool calls, too. A reply that reached its limit is cut off whatever it
    /// holds.
    fn reason(&self, raw: &str) -> StopReason {
        match raw {
            "length" => StopReason::MaxTokens,
            "content_filter" => StopReason::ContentFiltered,
            _ if self.parts.has_calls() => StopReason::ToolUse,
            _ if self.refused => StopReason::Refusal,
            "stop" | "tool_calls" | "function_call" => StopReason::EndTurn,
            _ => StopReason::Other,
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        match frame {
            Frame::Event { data, .. } => match data.trim_ascii() {
                b"[DONE]" => self.finish(events),
                b"" => Ok(()),
                data => self.take(data, events).map(drop),
            },
            Frame::Stray(line) => match stray_error(line) {
                Some(failure) => Err((self.review)(failure)),
                None => Ok(()),
            },
        }
    }

    fn end(&mut self, events: &mut Events) -> Result<(), Failure> {
        self.finish(events)
    }
}

fn citation(raw: &RawValue) -> Citation {
    let annotation: Annotation = serde_json::from_str(raw.get()).unwrap_or_default();
    let UrlCitation { url, title } = annotation.url_citation.unwrap_or_default();
    Citation::raw(raw.get()).with_url(url).with_title(title)
}

/// The JSON text of a call's arguments, whether it came as text or as the value itself.
fn argument_text(arguments: &RawValue) -> Result<String, Failure> {
    let text = arguments.get();
    if text.starts_with('"') {
        let text: Cow<'_, str> =
            serde_json::from_str(text).map_err(|error| Failure::decode("a tool call's arguments", &error))?;
        return Ok(text.into_owned());
    }
    Ok(text.to_owned())
}

/// An error outside of any event: as a field line, or as a reply that is no stream.
fn stray_error(line: &[u8]) -> Option<Failure> {
    match line.strip_prefix(b"error:") {
        Some(error) => Some(error::from_field(&String::from_utf8_lossy(error))),
        None => error::inside(line),
    }
}

/// An error in the place of a reply or chunk.
fn error_in(reply: &Reply<'_>, body: &[u8]) -> Option<Failure> {
    let flat = || {
        reply.choice.is_none()
            && reply.usage.is_none()
            && (reply.detail.is_some() || reply.object.as_ref().is_some_and(|kind| kind.as_str() == "error"))
    };
    match reply.error {
        Some(error) => Some(error::from_field(error.get())),
        None if flat() => error::inside(body),
        None => None,
    }
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> Failure {
    if error.is_eof() {
        return Failure::truncated();
    }
    // An error may have fields of other types than a reply has.
    error::inside(body).unwrap_or_else(|| Failure::decode("a reply", error))
}

#[cfg(test)]
mod tests {
    use forge_core::{Accumulator, CallContext, ErrorKind, ModelResponse, Part, Participant, ToolInput};
    use serde_json::json;

    use super::*;

    fn run(lines: &[&str]) -> Result<ModelResponse, Failure> {
        let (mut decoder, mut events) = (Decoder::new(), Events::new());
        for line in lines {
            let frame = match line.strip_prefix("stray ") {
                Some(stray) => Frame::Stray(stray.as_bytes()),
                None => Frame::Event { name: "", data: line.as_bytes() },
            };
            decoder.frame(frame, &mut events)?;
        }
        if !matches!(events.back(), Some(StreamEvent::Finished(_))) {
            decoder.end(&mut events)?;
        }
        let mut accumulator = Accumulator::new(&CallContext::new(Participant::gpt()));
        for event in events {
            accumulator.push(event).unwrap();
        }
        Ok(accumulator.finish().unwrap())
    }

    const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

    fn kind(lines: &[&str]) -> ErrorKind {
        run(lines).unwrap_err().kind
    }

    #[test]
    fn only_a_finish_reason_makes_a_reply_complete() {
        let text = r#"{"choices":[{"delta":{"content":"Hi"}}]}"#;
        assert_eq!(run(&[text, STOP, "[DONE]"]).unwrap().text(), "Hi");
        assert_eq!(run(&[text, STOP]).unwrap().text(), "Hi");
        assert_eq!(kind(&[text, "[DONE]"]), ErrorKind::Truncated);
        assert_eq!(kind(&[text]), ErrorKind::Truncated);
        assert_eq!(kind(&[]), ErrorKind::Truncated);
    }

    #[test]
    fn each_finish_reason_has_its_meaning() {
        for (raw, reason) in [
            ("stop", StopReason::EndTurn),
            ("length", StopReason::MaxTokens),
            ("content_filter", StopReason::ContentFiltered),
            ("tool_calls", StopReason::EndTurn),
            ("load", StopReason::Other),
        ] {
            let end = json!({"choices": [{"delta": {}, "finish_reason": raw}]}).to_string();
            let response = run(&[&end]).unwrap();
            assert_eq!((response.stop_reason, response.raw_stop_reason.as_deref()), (reason, Some(raw)));
        }
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        assert_eq!(run(&[call, STOP]).unwrap().stop_reason, StopReason::ToolUse);
        let length = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
        assert_eq!(run(&[call, length]).unwrap().stop_reason, StopReason::MaxTokens);
        let refusal = r#"{"choices":[{"delta":{"refusal":"No."}}]}"#;
        let refused = run(&[refusal, STOP]).unwrap();
        assert_eq!((refused.stop_reason, refused.text().as_ref()), (StopReason::Refusal, "No."));
        assert_eq!(refused.content, [Part::refusal("No.")]);
    }

    #[test]
    fn an_error_ends_the_reply_whatever_follows() {
        let text = r#"{"choices":[{"delta":{"content":"Hi"}}]}"#;
        for error in [
            r#"{"error":{"message":"m","type":"server_error","code":500}}"#,
            r#"{"error":"m"}"#,
            r#"{"object":"error","message":"m","type":"InternalServerError","code":500}"#,
            r#"{"error":{"message":"m"},"choices":"none"}"#,
            r#"stray error: {"code":500,"message":"m","type":"server_error"}"#,
            r#"stray {"error":{"message":"m"}}"#,
        ] {
            let failure = run(&[text, error, STOP, "[DONE]"]).unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::Server, "m"), "{error}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error_and_what_is_unknown_is_skipped() {
        assert_eq!(kind(&["nonsense"]), ErrorKind::Decode);
        assert_eq!(kind(&[r#"{"choices":[{"delta":{"content":7}}]}"#]), ErrorKind::Decode);
        assert_eq!(kind(&[r#"{"choices":[{"delta"#]), ErrorKind::Truncated);
        let odd = [r#"{"choices":[],"moderation":{}}"#, r#"{"obfuscation":"x"}"#, "", "stray foo: 1", STOP];
        assert!(run(&odd).unwrap().content.is_empty());
    }

    #[test]
    fn usage_is_cumulative_and_missing_usage_is_unknown() {
        let usage = |n: u64| {
            json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": n}}).to_string()
        };
        let response = run(&[&usage(1), &usage(5), STOP]).unwrap();
        assert_eq!((response.tokens.input, response.tokens.output), (Some(9), Some(5)));
        assert!(response.warnings.is_empty());
        let silent = run(&[STOP]).unwrap();
        assert!(silent.tokens.is_unknown());
        assert_eq!(silent.warnings[0].about, "usage");
        let timed = r#"{"choices":[],"timings":{"cache_n":3,"prompt_n":4,"predicted_n":5}}"#;
        assert_eq!(run(&[timed, STOP]).unwrap().tokens.total_input(), Some(7));
    }

    #[test]
    fn thoughts_are_read_under_three_names_and_once() {
        for name in ["reasoning_content", "reasoning", "thinking"] {
            let chunk = json!({"choices": [{"delta": {name: "hm"}}]}).to_string();
            let response = run(&[&chunk, STOP]).unwrap();
            assert!(matches!(&response.content[0], Part::Thinking { text, .. } if text == "hm"), "{name}");
        }
        let twice = r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}"#;
        let response = run(&[twice, STOP]).unwrap();
        assert!(matches!(&response.content[..], [Part::Thinking { text, .. }] if text == "hm"));
    }

    #[test]
    fn free_text_of_a_call_and_the_sources_of_a_text_are_kept() {
        let piece = |text: &str| {
            let call =
                json!({"index": 0, "id": "c", "type": "custom", "custom": {"name": "exec", "input": text}});
            json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string()
        };
        let response = run(&[&piece("ls "), &piece("-l"), STOP]).unwrap();
        assert_eq!(response.content, [Part::tool_use("c", "exec", ToolInput::Text("ls -l".into()))]);
        let cited = json!({"choices": [{"delta": {"content": "Paris", "annotations": [{"type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "Atlas", "start_index": 0, "end_index": 5}}]}}]});
        let response = run(&[&cited.to_string(), STOP]).unwrap();
        let Part::Text { citations, .. } = &response.content[0] else { panic!("{response:?}") };
        assert_eq!((citations[0].title.as_deref(), citations.len()), (Some("Atlas"), 1));
    }

    #[test]
    fn arguments_come_as_text_or_as_an_object() {
        let call = |arguments: serde_json::Value| {
            let call = json!({"function": {"name": "add", "arguments": arguments}});
            let chunk = json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string();
            match &run(&[&chunk, STOP]).unwrap().content[0] {
                Part::ToolUse { id, input, .. } => (id.clone(), input.clone()),
                other => panic!("{other:?}"),
            }
        };
        let expected = ("call_0".to_owned(), ToolInput::from(json!({"x": "\"1\""})));
        assert_eq!(call(json!({"x": "\"1\""})), expected);
        assert_eq!(call(json!(r#"{"x": "\"1\""}"#)), expected);
        assert_eq!(call(json!(null)).1, json!({}).into());
    }
}
