//! Whole replies and lines of a stream become events.

use std::borrow::Cow;

use forge_core::{
    ModelId, ModelProvider, StreamEvent,
    event::{Finished, Started, StopReason},
};
use forge_http::{Decode, Events, Failure, Frame};
use forge_openai::chat::{CallPiece, Parts, ThinkTags, failure_inside, reports_error, settled};

use crate::{
    error::review,
    wire::native::{Reply, ReplyMessage, THINKING},
};

/// Decodes one reply. Its last line says that it is done; nothing else makes it complete.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    parts: Parts,
}

impl Decoder {
    /// A decoder of the reply of `model` at this turn of the conversation.
    pub(crate) fn new(model: ModelId, turn: usize) -> Self {
        let mut parts = Parts::default();
        parts.look_for(Some(ThinkTags::local(&model)));
        parts.keep_thoughts(ModelProvider::Local, model, None);
        parts.tell_apart(&turn.to_le_bytes());
        Self { started: false, parts }
    }

    /// Takes a whole reply. One that does not say whether it is done is whole, too.
    pub(crate) fn whole(mut self, body: &str, events: &mut Events) -> Result<(), Failure> {
        let reply = read(body)?;
        let is_done = reply.is_done().unwrap_or(reply.message.is_some());
        if self.take(reply, is_done, events)? { Ok(()) } else { Err(Failure::truncated()) }
    }

    /// Takes one line; tells whether it was the last.
    fn line(&mut self, body: &str, events: &mut Events) -> Result<bool, Failure> {
        let reply = read(body)?;
        // A line that says why it stopped is the last one, also where `done` is missing.
        let is_done = reply.is_done().unwrap_or(reply.done_reason.is_some());
        self.take(reply, is_done, events)
    }

    fn take(&mut self, reply: Reply<'_>, is_done: bool, events: &mut Events) -> Result<bool, Failure> {
        if !std::mem::replace(&mut self.started, true) {
            let model = reply.model.map(|model| ModelId::from(&*model));
            events.push_back(StreamEvent::from(Started::new(None, model)));
        }
        if let Some(message) = reply.message {
            self.message(message, events)?;
        }
        if !is_done {
            return Ok(false);
        }
        let has_output = self.parts.end(events);
        // Thinking is inside the output; the server does not split it off.
        let (usage, warning) = settled(reply.prompt_eval_count, reply.eval_count, has_output);
        events.extend(warning.map(StreamEvent::from));
        let raw = reply.done_reason.map(Cow::into_owned);
        let reason = match raw.as_deref() {
            Some("length") => StopReason::MaxTokens,
            _ if self.parts.has_calls() => StopReason::ToolUse,
            Some("stop") | None => StopReason::EndTurn,
            Some(_) => StopReason::Other,
        };
        events.push_back(Finished::new(reason).with_raw_reason(raw).with_usage(usage).into());
        Ok(true)
    }

    fn message(&mut self, message: ReplyMessage<'_>, events: &mut Events) -> Result<(), Failure> {
        self.parts.thinking(THINKING, message.thinking.unwrap_or_default(), events);
        self.parts.content(message.content.unwrap_or_default(), events);
        for call in message.tool_calls {
            let name = call.function.name.as_deref().unwrap_or_default();
            let id = call.id.as_deref().unwrap_or_default();
            let arguments = call.function.arguments.map(|json| json.get().to_owned()).unwrap_or_default();
            // Each call comes whole; servers number them all 0, or not at all.
            self.parts.whole_call(CallPiece { index: None, id, name, freeform: false }, arguments, events)?;
        }
        Ok(())
    }
}

fn read(body: &str) -> Result<Reply<'_>, Failure> {
    let reply: Reply<'_> = serde_json::from_str(body).map_err(|error| match failure_inside(body) {
        Some(failure) => review(failure),
        // Half a line is a reply that was cut off, not one in another format.
        None if error.is_eof() => Failure::truncated(),
        None => Failure::decode("a line", &error),
    })?;
    // In mid stream an error is one more line, with a status of 200 long sent.
    if reply.error.is_some_and(reports_error) {
        return Err(review(failure_inside(body).unwrap_or_else(Failure::nameless)));
    }
    Ok(reply)
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        let Frame::Event { data, .. } = frame else { return Ok(()) };
        match data.trim_ascii() {
            "" => Ok(()),
            line => self.line(line, events).map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        CallContext, ErrorKind, ModelResponse, Participant, request::Part, stream::Accumulator,
    };
    use serde_json::json;

    use super::*;

    fn run(lines: &[&str]) -> Result<ModelResponse, Failure> {
        let (mut decoder, mut events) = (Decoder::default(), Events::new());
        for line in lines {
            decoder.frame(Frame::Event { name: "", data: line }, &mut events)?;
        }
        if !matches!(events.back(), Some(StreamEvent::Finished(_))) {
            decoder.end(&mut events)?;
        }
        let mut accumulator = Accumulator::new(&CallContext::new(Participant::local("qwen3")));
        for event in events {
            accumulator.push(event).unwrap();
        }
        Ok(accumulator.finish().unwrap())
    }

    const THOUGHT: &str =
        r#"{"model":"qwen3","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#;
    const HEL: &str = r#"{"model":"qwen3","message":{"role":"assistant","content":"Hel"},"done":false}"#;
    const LO: &str = r#"{"model":"qwen3","message":{"role":"assistant","content":"lo"},"done":false}"#;
    const DONE: &str = r#"{"model":"qwen3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":3}"#;

    #[test]
    fn a_stream_and_a_whole_reply_give_the_same_answer() {
        let streamed = run(&[THOUGHT, HEL, LO, DONE]).unwrap();
        let body = r#"{"model":"qwen3","message":{"role":"assistant","content":"Hello","thinking":"hm"},"done":true,
            "done_reason":"stop","prompt_eval_count":7,"eval_count":3,"total_duration":1}"#;
        let whole = run(&[body]).unwrap();
        assert_eq!(streamed.content, whole.content);
        assert_eq!((streamed.tokens.total_input(), streamed.tokens.output), (Some(7), Some(3)));
        assert_eq!((whole.tokens, whole.stop_reason), (streamed.tokens, StopReason::EndTurn));
    }

    #[test]
    fn only_the_last_line_makes_a_reply_complete() {
        assert_eq!(run(&[HEL]).unwrap_err().kind, ErrorKind::Truncated);
        assert_eq!(run(&[HEL, &DONE[..40]]).unwrap_err().kind, ErrorKind::Truncated);
        assert_eq!(run(&["nonsense"]).unwrap_err().kind, ErrorKind::Decode);
        let failure = run(&[HEL, r#"{"error":"model runner has unexpectedly stopped"}"#, DONE]).unwrap_err();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (ErrorKind::Server, "model runner has unexpectedly stopped")
        );
        let whole = Decoder::default().whole(HEL, &mut Events::new());
        assert_eq!(whole.unwrap_err().kind, ErrorKind::Truncated);
    }

    #[test]
    fn calls_come_whole_with_and_without_ids() {
        let calls = r#"{"message":{"content":"","tool_calls":[
            {"function":{"index":0,"name":"add","arguments":{"x":1}}},
            {"function":{"index":0,"name":"add","arguments":{"x":2}}},
            {"id":"mine","function":{"name":"ping","arguments":{}}}]},"done":false}"#;
        let response = run(&[calls, DONE]).unwrap();
        let call = |id: &str, name: &str, input| Part::tool_use(id, name, input);
        let expected = [
            call("call_00000000_0", "add", json!({"x": 1})),
            call("call_00000000_1", "add", json!({"x": 2})),
            call("mine", "ping", json!({})),
        ];
        assert_eq!((response.content.as_slice(), response.stop_reason), (&expected[..], StopReason::ToolUse));
    }

    #[test]
    fn thoughts_between_tags_are_thoughts_here_too() {
        let line = |text: &str| json!({"message": {"content": text}, "done": false}).to_string();
        let mut decoder = Decoder::new("qwen3".into(), 1);
        let mut events = Events::new();
        for line in [line("<think>h"), line("m</think>\n\nHi"), DONE.to_owned()] {
            decoder.frame(Frame::Event { name: "", data: &line }, &mut events).unwrap();
        }
        let mut accumulator = Accumulator::new(&CallContext::new(Participant::local("qwen3")));
        for event in events {
            accumulator.push(event).unwrap();
        }
        let content = accumulator.finish().unwrap().content;
        let [Part::Thinking { text, opaque: Some(state), .. }, Part::Text { text: said, .. }] = &content[..]
        else {
            panic!("{content:?}")
        };
        assert_eq!((text.as_str(), said.as_str()), ("hm", "Hi"));
        assert_eq!(state.data, json!({"<think>": "<think>hm</think>\n\n"}).to_string());
    }

    #[test]
    fn each_reason_has_its_meaning_and_missing_counts_are_unknown() {
        for (raw, reason) in [
            (json!("stop"), StopReason::EndTurn),
            (json!("length"), StopReason::MaxTokens),
            (json!("load"), StopReason::Other),
            (json!(null), StopReason::EndTurn),
        ] {
            let response = run(&[&json!({"done": true, "done_reason": raw}).to_string()]).unwrap();
            assert_eq!(response.stop_reason, reason);
            assert!(response.tokens.is_unknown());
            assert_eq!(response.warnings[0].about, "usage");
        }
    }
}
